use std::collections::BTreeMap;

use tollgate_core::Seed;
use tollgate_rate_limit::{RateLimiter, TiersSpec};

use crate::at::At;
use crate::fault::Faults;
use crate::sift::{Refused, read, sift};

/// Nothing that is compiled here is ever used, so nothing has to be secret.
pub(super) const SEED: Seed = Seed([0; 16]);

pub(super) fn tiers(root: &At<'_>, faults: &mut Faults) -> TiersSpec {
    let mut tiers = BTreeMap::new();
    for (name, at) in root.fields("tiers") {
        if at.node.is_gone() {
            continue;
        }
        limits(name, &at, faults);
        if let Some(tier) = at.read(faults) {
            tiers.insert(name.to_owned(), tier);
        }
    }
    tiers
}

fn limits(name: &str, at: &At<'_>, faults: &mut Faults) {
    sift(at, faults, |json| {
        compile(BTreeMap::from([(name.to_owned(), read(json)?)]))
            .map_err(|text| Refused::inside(&text, name))
    });
}

pub(super) fn whole(root: &At<'_>, tiers: &TiersSpec, faults: &mut Faults) {
    if let (Err(text), Some(at)) = (compile(tiers.clone()), root.get("tiers")) {
        at.told(faults, &text);
    }
}

fn compile(tiers: TiersSpec) -> Result<(), String> {
    RateLimiter::compile(tiers, SEED).map(drop).map_err(|invalid| invalid.to_string())
}
