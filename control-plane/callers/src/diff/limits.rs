//! How often may be called.

use std::collections::BTreeSet;

use tollgate_model::{Gateway, HostRoute};
use tollgate_rate_limit::LimitSpec;

use crate::words;

/// What is different about limits in one place.
pub(super) fn diff(old: &[LimitSpec], new: &[LimitSpec]) -> Vec<String> {
    let mut left: Vec<&LimitSpec> = old.iter().collect();
    let mut told = Vec::new();
    for limit in new {
        // Those that count by the same are one limit, the same period before others.
        let same = |one: &&LimitSpec| one.by == limit.by && one.per == limit.per;
        let place = left.iter().position(same);
        let place = place.or_else(|| left.iter().position(|one| one.by == limit.by));
        match place {
            Some(place) => told.extend(changed(left.remove(place), limit)),
            None => told.push(format!("has a new limit: {}", words::limit(limit))),
        }
    }
    told.extend(left.into_iter().map(|limit| format!("loses its limit: {}", words::limit(limit))));
    told
}

/// `limit per tenant falls from 100/min to 10/min`.
fn changed(old: &LimitSpec, new: &LimitSpec) -> Option<String> {
    if old == new {
        return None;
    }
    let per = words::per(new);
    let (before, after) = (words::rate(old), words::rate(new));
    let (had, has) = (words::extras(old), words::extras(new));
    if old.per != new.per {
        return Some(format!("limit {per} becomes {after}{has} instead of {before}{had}"));
    }
    let verb = match new.requests.cmp(&old.requests) {
        std::cmp::Ordering::Less => "falls",
        std::cmp::Ordering::Greater => "rises",
        std::cmp::Ordering::Equal => "changes",
    };
    Some(format!("limit {per} {verb} from {before}{had} to {after}{has}"))
}

/// Limits over all routes of an API, of those that a host has.
pub(super) fn of_apis(
    before: &[HostRoute],
    after: &[HostRoute],
    old: &Gateway,
    new: &Gateway,
) -> Vec<String> {
    let names = |routes: &[HostRoute]| -> BTreeSet<String> {
        routes.iter().map(|route| route.api.clone()).collect()
    };
    let (before, after) = (names(before), names(after));
    let both = before.intersection(&after);
    both.flat_map(|api| {
        let limits = |gateway: &Gateway| -> Vec<LimitSpec> {
            gateway.contracts.get(api).map(|contract| contract.limits.clone()).unwrap_or_default()
        };
        let told = diff(&limits(old), &limits(new));
        told.into_iter().map(move |text| format!("API {api} as a whole: {text}"))
    })
    .collect()
}
