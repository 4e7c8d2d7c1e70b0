use std::collections::BTreeSet;

use tollgate_tenant_budget::{BudgetSpec, TenantBudgetsSpec};

use super::whole::each;

/// What tiers, or tenants, may have under way now.
pub(super) fn diff(kind: &str, old: &TenantBudgetsSpec, new: &TenantBudgetsSpec) -> Vec<String> {
    let none = BudgetSpec::default();
    let mut told = Vec::new();
    for (name, before, after) in each(old, new) {
        let texts = budget(before.unwrap_or(&none), after.unwrap_or(&none));
        told.extend(texts.into_iter().map(|text| format!("{kind} {name}: {text}")));
    }
    told
}

fn budget(old: &BudgetSpec, new: &BudgetSpec) -> Vec<String> {
    let BudgetSpec { in_flight, in_flight_by_backend, streams, connections, weight } = new;
    let backends = old.in_flight_by_backend.keys().chain(in_flight_by_backend.keys());
    let backends: BTreeSet<&String> = backends.collect();
    let at = |name: &String| {
        let before = old.in_flight_by_backend.get(name).copied();
        let after = in_flight_by_backend.get(name).copied();
        number(&format!("requests in flight at {name}"), before, after)
    };
    let own = [
        number("requests in flight", old.in_flight, *in_flight),
        number("streams", old.streams, *streams),
        number("connections", old.connections, *connections),
    ];
    let mut told: Vec<String> = own.into_iter().flatten().collect();
    told.extend(backends.into_iter().filter_map(at));
    let (before, after) = (old.weight.unwrap_or(1), weight.unwrap_or(1));
    if before != after {
        told.push(format!("weighs {after} instead of {before} where a backend is busy"));
    }
    told
}

fn number(what: &str, old: Option<u32>, new: Option<u32>) -> Option<String> {
    match (old, new) {
        (before, after) if before == after => None,
        (None, Some(after)) => Some(format!("at most {after} {what}, instead of any number")),
        (Some(before), Some(after)) => Some(format!("at most {after} {what} instead of {before}")),
        (Some(before), None) => Some(format!("any number of {what} instead of {before}")),
        (None, None) => None,
    }
}
