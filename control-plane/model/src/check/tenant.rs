use std::collections::BTreeMap;

use tollgate_auth::{Authenticator, IdentitySpec, TenantSpec};

use super::tier::SEED;
use crate::at::At;
use crate::fault::Faults;
use crate::nearest::nearest;
use crate::sift::{Refused, read, sift};

/// Why a tenant was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidTenant {
    #[error("no tier is named {0:?}; {1}")]
    NoSuchTier(String, String),
    #[error("the key of {0} has the same hash; make another key")]
    SameKey(String),
}

pub(super) fn tenants(root: &At<'_>, faults: &mut Faults) -> BTreeMap<String, TenantSpec> {
    let mut tenants = BTreeMap::new();
    let mut hashes = BTreeMap::new();
    for (id, at) in root.fields("tenants") {
        tier(root, &at, faults);
        keys(&at, &mut hashes, faults);
        let known = at.only(&["tier", "keys"]);
        let at = at.with(&known);
        sift(&at, faults, |json| {
            let tenants = BTreeMap::from([(id.to_owned(), read(json)?)]);
            compile(tenants).map_err(|text| Refused::inside(&text, &format!("tenants.{id}")))
        });
        if let Some(tenant) = at.read(faults) {
            tenants.insert(id.to_owned(), tenant);
        }
    }
    tenants
}

fn compile(tenants: BTreeMap<String, TenantSpec>) -> Result<(), String> {
    let identity = IdentitySpec { tenants, ..IdentitySpec::default() };
    Authenticator::compile(identity, SEED).map(drop).map_err(|invalid| invalid.to_string())
}

/// A tier that is named has to be written.
pub(super) fn tier(root: &At<'_>, tenant: &At<'_>, faults: &mut Faults) {
    let Some(at) = tenant.get("tier") else { return };
    let Some(name) = at.text() else { return };
    let tiers = root.fields("tiers");
    if tiers.iter().all(|(known, _)| *known != name) {
        let remedy = instead(name, "tiers", &tiers);
        at.fault(faults, InvalidTenant::NoSuchTier(name.to_owned(), remedy).to_string());
    }
}

/// What to write in place of a name that nothing has.
pub(super) fn instead<'a>(wrong: &str, section: &str, known: &[(&'a str, At<'a>)]) -> String {
    const SHOWN_MAX: usize = 8;
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).take(SHOWN_MAX).collect();
    match nearest(wrong, known.iter().map(|(name, _)| *name)) {
        Some(near) => format!("did you mean {near:?}?"),
        None if names.is_empty() => format!("write it under `{section}`"),
        None => format!("write it under `{section}`, or name one of {}", names.join(", ")),
    }
}

/// A hash that two keys have would make one caller the other.
fn keys(tenant: &At<'_>, hashes: &mut BTreeMap<String, String>, faults: &mut Faults) {
    for (_, key) in tenant.fields("keys") {
        let Some(at) = key.get("sha256") else { continue };
        let hash = at.text().filter(|text| text.len() == 64).map(str::to_ascii_lowercase);
        // What is no hash is told elsewhere.
        let Some(hash) = hash else { continue };
        match hashes.get(&hash) {
            Some(other) => at.fault(faults, InvalidTenant::SameKey(other.clone()).to_string()),
            None => {
                hashes.insert(hash, format!("{} ({})", key.path, key.node.spot));
            }
        }
    }
}
