//! What the schema cannot say: names that must exist, values that make sense
//! together, and what the filters themselves refuse.

mod action;
mod api;
mod backend;
mod backend_token;
mod budget;
mod envoys;
mod expression;
mod host;
mod identity;
mod introspection;
mod jwks;
mod limiting;
mod listener;
mod order;
mod outside;
mod route;
mod routing;
mod signing;
mod span;
mod tenant;
mod tier;
mod tls;

use std::collections::{BTreeMap, BTreeSet};

use tollgate_auth::IdentitySpec;

pub use self::expression::EXPRESSION_STEPS_MAX;
use crate::at::At;
use crate::fault::Faults;
use crate::spec::RoutingFile;
use crate::yaml::Node;
use crate::{Gateway, Loaded, Place, Reference, Shards};

/// Reads a host or a pattern of hosts, or tells what is wrong with it.
pub(crate) fn host_pattern(text: &str) -> Result<String, String> {
    host::pattern(text).map_err(|invalid| invalid.to_string())
}

/// What has to be loaded, each once.
pub(crate) fn references(root: &Node) -> Vec<Reference> {
    let root = At::root(root);
    let mut named = jwks::references(&root);
    named.append(&mut introspection::references(&root));
    named.extend(tls::references(&root));
    named.extend(signing::references(&root));
    named.extend(backend_token::references(&root));
    named.into_iter().collect()
}

/// Whether routes are told in pieces; what is at fault says nothing.
pub(crate) fn shards(root: &Node) -> Shards {
    routing::routing(&At::root(root), &mut Faults::default()).shards
}

/// Where callers ask for their limits, likewise.
pub(crate) fn limits_path(root: &Node) -> Option<String> {
    limiting::limiting(&At::root(root), &mut Faults::default()).path
}

/// Checks everything. What comes out is whole only if no fault was found.
pub(crate) fn gateway(root: &Node, loaded: &Loaded, faults: &mut Faults) -> Gateway {
    let root = At::root(root);
    let mut expiries = Vec::new();
    let listeners = listener::listeners(&root, loaded, faults, &mut expiries);
    let mut warnings = Faults::default();
    let jwt = identity::issuers(&root, loaded, faults, &mut warnings);
    let introspection::Sources { specs, asked } = introspection::sources(&root, loaded, faults);
    let api_key = identity::api_key(&root, faults);
    let mtls = identity::mtls(&root, faults);
    let signing::Signing { hmac, sigv4, http_signature, keys: signing_keys } =
        signing::signing(&root, loaded, faults);
    let tiers = tier::tiers(&root, faults);
    let tenants = tenant::tenants(&root, faults);
    let tenant_limits = tier::tenants(&root, faults);
    let budgets = budget::budgets(&root, faults);
    let limiting::Limiting { telling, path: limits_path, envoys } =
        limiting::limiting(&root, faults);
    let anonymous = identity::anonymous(&root, faults);
    let sync = identity::sync(&root, faults);
    let made = backend_token::made(&root, loaded, faults);
    let backends = backend::backends(&root, loaded, faults, &mut expiries);
    let api::Apis { hosts, contracts } = api::apis(&root, &backends, faults);
    let RoutingFile { shards, drop_max_percent } = routing::routing(&root, faults);
    let api_envoys = envoys::of_apis(&root, &hosts, &backends, shards, faults);
    let on_demand = routing::on_demand(&root, faults);
    let gateway = Gateway {
        listeners,
        identity: IdentitySpec {
            jwt,
            introspection: specs,
            api_key,
            mtls,
            hmac,
            sigv4,
            http_signature,
            signing_keys,
            tenants,
            anonymous,
            backend_token: backend_token::spec(&root),
            sync,
        },
        introspection: asked,
        backend_token: backend_token::with_audiences(made, &contracts),
        tiers,
        tenant_limits,
        budgets,
        telling,
        limits_path,
        envoys,
        backends,
        hosts,
        contracts,
        shards,
        on_demand,
        api_envoys,
        drop_max_percent,
        places: places(&root),
        expiries,
        notices: route::notices(&root).into_sorted(),
        warnings: warnings.into_sorted(),
    };
    if faults.is_empty() {
        whole(&root, &gateway, faults);
    }
    gateway
}

/// Keeps some of what backends take for the critical routes of other pieces, too.
pub(crate) fn reserve(gateway: &mut Gateway, critical: &BTreeSet<&str>) {
    budget::reserve(&mut gateway.contracts, critical);
}

/// Each part is good by itself: is the whole, to those who will enforce it?
fn whole(root: &At<'_>, gateway: &Gateway, faults: &mut Faults) {
    tier::whole(root, gateway, faults);
    if let Some(authenticator) = identity::whole(root, &gateway.identity, faults) {
        api::whole(root, &gateway.contracts, &authenticator, faults);
    }
}

fn places(root: &At<'_>) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    for section in ["listeners", "tiers", "tenants", "rate_limits", "backends", "apis"] {
        for (_, at) in root.fields(section) {
            places.insert(at.path.to_string(), Place::from(&at.node.spot));
            for (_, route) in at.fields("routes") {
                places.insert(route.path.to_string(), Place::from(&route.node.spot));
            }
        }
    }
    for (_, at) in root.get("identity").iter().flat_map(|at| at.fields("introspection")) {
        places.insert(at.path.to_string(), Place::from(&at.node.spot));
    }
    places
}
