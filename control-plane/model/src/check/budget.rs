//! How much at once: of tiers, of single tenants, and of backends.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_gateway::ContractSpec;
use tollgate_tenant_budget::{BackendCapSpec, BudgetSpec, Budgets, BudgetsSpec, TenantBudgetsSpec};

use super::tenant::instead;
use super::tier::SEED;
use crate::at::At;
use crate::fault::Faults;
use crate::sift::{Refused, read, sift};
use crate::{Backend, Caps};

/// Why a budget was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidBudget {
    #[error("no backend is named {0:?}; {1}")]
    NoSuchBackend(String, String),
}

const FIELDS: [&str; 5] = ["in_flight", "in_flight_by_backend", "streams", "connections", "weight"];

/// Of what a backend takes, so much is kept for critical routes, if it has any.
const RESERVE_DIVISOR: u32 = 10;

pub(super) fn budgets(root: &At<'_>, faults: &mut Faults) -> BudgetsSpec {
    BudgetsSpec { tiers: section(root, "tiers", faults), tenants: section(root, "tenants", faults) }
}

fn section(root: &At<'_>, section: &str, faults: &mut Faults) -> TenantBudgetsSpec {
    let mut found = BTreeMap::new();
    for (name, at) in root.fields(section) {
        if at.node.is_gone() {
            continue;
        }
        backends(root, &at, faults);
        let budget = at.only(&FIELDS);
        let at = at.with(&budget);
        sift(&at, faults, |json| {
            compile(section, name, read(json)?)
                .map_err(|text| Refused::inside(&text, &format!("{section}.{name}")))
        });
        let budget: Option<BudgetSpec> = at.read(faults);
        let budget = budget.filter(|budget| *budget != BudgetSpec::default());
        found.extend(budget.map(|budget| (name.to_owned(), budget)));
    }
    found
}

/// A backend that is named has to be written.
fn backends(root: &At<'_>, at: &At<'_>, faults: &mut Faults) {
    let backends = root.fields("backends");
    for (name, at) in at.fields("in_flight_by_backend") {
        if backends.iter().all(|(known, _)| *known != name) {
            let remedy = instead(name, "backends", &backends);
            at.fault(faults, InvalidBudget::NoSuchBackend(name.to_owned(), remedy).to_string());
        }
    }
}

fn compile(section: &str, name: &str, budget: BudgetSpec) -> Result<(), String> {
    let one = BTreeMap::from([(name.to_owned(), budget)]);
    let spec = match section {
        "tiers" => BudgetsSpec { tiers: one, ..BudgetsSpec::default() },
        _ => BudgetsSpec { tenants: one, ..BudgetsSpec::default() },
    };
    let compiled = Budgets::compile(spec, <_>::default(), SEED);
    compiled.map(drop).map_err(|invalid| invalid.to_string())
}

/// Tells each contract what the backends take that it uses.
pub(super) fn caps(
    contracts: &mut BTreeMap<String, ContractSpec>,
    backends: &BTreeMap<String, Backend>,
) {
    for contract in contracts.values_mut() {
        let used = contract.operations.iter().flat_map(|operation| &operation.uses.backends);
        let caps = used.filter_map(|name| {
            let Backend { caps: Caps { in_flight, .. }, adaptive_concurrency, .. } =
                backends.get(name)?;
            let (in_flight, adapts) = (*in_flight, adaptive_concurrency.is_some());
            Some((name.clone(), BackendCapSpec { in_flight, reserve: 0, adapts }))
        });
        contract.backends = caps.collect();
    }
    let all = contracts.values().flat_map(|contract| &contract.operations);
    let critical = all.filter(|operation| !operation.uses.priority.is_normal());
    let critical: BTreeSet<String> = critical.flat_map(|one| one.uses.backends.clone()).collect();
    reserve(contracts, &critical.iter().map(String::as_str).collect());
}

/// Keeps some of what these backends take for critical routes.
pub(super) fn reserve(contracts: &mut BTreeMap<String, ContractSpec>, critical: &BTreeSet<&str>) {
    let all = contracts.values_mut().flat_map(|contract| &mut contract.backends);
    for (_, cap) in all.filter(|(name, _)| critical.contains(name.as_str())) {
        cap.reserve = cap.in_flight / RESERVE_DIVISOR;
    }
}
