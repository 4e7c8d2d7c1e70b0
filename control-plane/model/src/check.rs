//! What the schema cannot say: names that must exist, values that make sense
//! together, and what the filters themselves refuse.

mod api;
mod backend;
mod host;
mod identity;
mod jwks;
mod listener;
mod order;
mod route;
mod span;
mod tenant;
mod tier;

use std::collections::BTreeMap;

use tollgate_auth::IdentitySpec;

use crate::at::At;
use crate::fault::Faults;
use crate::yaml::Node;
use crate::{Gateway, Loaded, Place};

pub(crate) use self::jwks::references;

/// Checks everything. What comes out is whole only if no fault was found.
pub(crate) fn gateway(root: &Node, loaded: &Loaded, faults: &mut Faults) -> Gateway {
    let root = At::root(root);
    let listeners = listener::listeners(&root, faults);
    let mut warnings = Faults::default();
    let jwt = identity::issuers(&root, loaded, faults, &mut warnings);
    let api_key = identity::api_key(&root, faults);
    let tiers = tier::tiers(&root, faults);
    let tenants = tenant::tenants(&root, faults);
    let anonymous = identity::anonymous(&root, faults);
    let sync = identity::sync(&root, faults);
    let backends = backend::backends(&root, faults);
    let api::Apis { hosts, contracts } = api::apis(&root, faults);
    let gateway = Gateway {
        listeners,
        identity: IdentitySpec { jwt, api_key, tenants, anonymous, sync },
        tiers,
        backends,
        hosts,
        contracts,
        places: places(&root),
        notices: route::notices(&root).into_sorted(),
        warnings: warnings.into_sorted(),
    };
    if faults.is_empty() {
        whole(&root, &gateway, faults);
    }
    gateway
}

/// Each part is good by itself: is the whole, to those who will enforce it?
fn whole(root: &At<'_>, gateway: &Gateway, faults: &mut Faults) {
    tier::whole(root, &gateway.tiers, faults);
    if let Some(authenticator) = identity::whole(root, &gateway.identity, faults) {
        api::whole(root, &gateway.contracts, &authenticator, faults);
    }
}

fn places(root: &At<'_>) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    for section in ["listeners", "tiers", "tenants", "backends", "apis"] {
        for (_, at) in root.fields(section) {
            places.insert(at.path.to_string(), Place::from(&at.node.spot));
            for (_, route) in at.fields("routes") {
                places.insert(route.path.to_string(), Place::from(&route.node.spot));
            }
        }
    }
    places
}
