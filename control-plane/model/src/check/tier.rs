//! How often: of tiers, and of single tenants.

use std::collections::BTreeMap;

use tollgate_auth::Authenticator;
use tollgate_core::Seed;
use tollgate_gateway::claims_are_kept;
use tollgate_rate_limit::{AllowancesSpec, RateLimiter, TellingSpec, TierSpec, TiersSpec};

use super::identity::methods;
use crate::Gateway;
use crate::at::At;
use crate::fault::Faults;
use crate::sift::{Refused, read, sift};

/// Nothing that is compiled here is ever used, so nothing has to be secret.
pub(super) const SEED: Seed = Seed([0; 16]);

pub(super) fn tiers(root: &At<'_>, faults: &mut Faults) -> TiersSpec {
    section(root, "tiers", faults)
}

/// The limits of tenants that have some of their own.
pub(super) fn tenants(root: &At<'_>, faults: &mut Faults) -> TiersSpec {
    let mut tenants = section(root, "tenants", faults);
    tenants.retain(|_, tenant| !tenant.limits.is_empty());
    tenants
}

fn section(root: &At<'_>, section: &str, faults: &mut Faults) -> TiersSpec {
    let mut found = BTreeMap::new();
    let methods = methods(root);
    for (name, at) in root.fields(section) {
        if at.node.is_gone() {
            continue;
        }
        let limits = at.only(&["limits"]);
        let at = at.with(&limits);
        sift(&at, faults, |json| {
            compile(one(section, name, read(json)?), methods.as_ref())
                .map_err(|text| Refused::inside(&text, &format!("{section}.{name}")))
        });
        if let Some(spec) = at.read(faults) {
            found.insert(name.to_owned(), spec);
        }
    }
    found
}

fn one(section: &str, name: &str, spec: TierSpec) -> AllowancesSpec {
    let one = BTreeMap::from([(name.to_owned(), spec)]);
    match section {
        "tiers" => AllowancesSpec { tiers: one, ..AllowancesSpec::default() },
        _ => AllowancesSpec { tenants: one, ..AllowancesSpec::default() },
    }
}

pub(super) fn whole(root: &At<'_>, gateway: &Gateway, faults: &mut Faults) {
    let Gateway { tiers, tenant_limits, .. } = gateway;
    let allowances = AllowancesSpec { tiers: tiers.clone(), tenants: tenant_limits.clone() };
    if let Err(text) = compile(allowances, methods(root).as_ref()) {
        root.told(faults, &text);
    }
}

/// Limits count by what some of `methods` say of callers.
fn compile(allowances: AllowancesSpec, methods: Option<&Authenticator>) -> Result<(), String> {
    let limiter = RateLimiter::compile(allowances, &TellingSpec::default(), SEED);
    let limiter = limiter.map_err(|invalid| invalid.to_string())?;
    let kept = methods.map(|methods| claims_are_kept(&limiter, methods)).transpose();
    kept.map(drop).map_err(|invalid| invalid.to_string())
}
