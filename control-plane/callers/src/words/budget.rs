use tollgate_core::Principal;
use tollgate_gateway::{ContractSpec, OperationSpec, StreamsSpec};
use tollgate_model::Gateway;
use tollgate_tenant_budget::{BackendCapSpec, BudgetSpec};

/// What of budgets a request counts in: those of its caller, and what its backends
/// take at a time.
pub(crate) fn budgets_of(
    gateway: &Gateway,
    contract: &ContractSpec,
    operation: &OperationSpec,
    caller: Option<&Principal>,
) -> Vec<String> {
    let budget = gateway.budgets.of(caller);
    let uses = &operation.uses;
    let BudgetSpec { in_flight, in_flight_by_backend, streams, connections, weight } = budget;
    let mut facts = Vec::new();
    let mut own = |number: Option<u32>, what: String| {
        facts.extend(number.map(|number| format!("{number} {what} per tenant")));
    };
    if uses.streams != StreamsSpec::All {
        own(in_flight, "requests in flight".to_owned());
        for name in &uses.backends {
            let number = in_flight_by_backend.get(name).copied();
            own(number, format!("requests in flight at {name}"));
        }
    }
    if uses.streams != StreamsSpec::None {
        own(streams, "streams".to_owned());
    }
    own(connections, "connections".to_owned());
    let caps = uses.backends.iter().filter_map(|name| Some((name, contract.backends.get(name)?)));
    facts.extend(caps.map(|(name, cap)| {
        let shared = shared(*cap, uses.priority.is_normal());
        format!("{shared} at {name}, weight {}", weight.unwrap_or(1))
    }));
    facts
}

fn shared(BackendCapSpec { in_flight, reserve, .. }: BackendCapSpec, is_normal: bool) -> String {
    match (reserve, is_normal) {
        (0, _) | (_, false) => format!("{in_flight} requests of all tenants"),
        (_, true) => format!("{} requests of all tenants", in_flight.saturating_sub(reserve)),
    }
}
