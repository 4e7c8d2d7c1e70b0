use tollgate_core::Principal;
use tollgate_gateway::{ContractSpec, OperationSpec};
use tollgate_model::{Bounds, Gateway};
use tollgate_rate_limit::{
    CostOfSpec, CostSpec, Dimension, LimitSpec, OnFailure, Period, TierSpec, WhenAlone,
};

use super::listed;

/// `100/s per tenant, burst 200`.
pub(crate) fn limit(limit: &LimitSpec) -> String {
    format!("{} {}{}", rate(limit), per(limit), extras(limit))
}

/// `100/min`, `5000 in all`.
pub(crate) fn rate(limit: &LimitSpec) -> String {
    let LimitSpec { requests, per, .. } = limit;
    match per {
        Period::Second => format!("{requests}/s"),
        Period::Minute => format!("{requests}/min"),
        Period::Hour => format!("{requests}/h"),
        Period::Day => format!("{requests}/day"),
        Period::Month => format!("{requests}/month"),
        Period::Total => format!("{requests} in all"),
    }
}

/// `per tenant and route`.
pub(crate) fn per(limit: &LimitSpec) -> String {
    let names: Vec<String> = limit.by.iter().map(dimension).collect();
    format!("per {}", listed(&names, "and"))
}

fn dimension(dimension: &Dimension) -> String {
    match dimension {
        Dimension::Tenant => "tenant".to_owned(),
        Dimension::ApiKey => "API key".to_owned(),
        Dimension::Subject => "subject".to_owned(),
        Dimension::Ip => "address".to_owned(),
        Dimension::Route => "route".to_owned(),
        Dimension::Api => "API".to_owned(),
        Dimension::Header(name) => format!("value of {name}"),
        Dimension::Claim(path) => format!("claim {path}"),
    }
}

/// What else a limit says, each after a comma.
pub(crate) fn extras(limit: &LimitSpec) -> String {
    let LimitSpec { burst, credit, time_zone, cost, when_alone, on_failure, .. } = limit;
    let parts = [
        burst.map(|burst| format!("burst {burst}")),
        credit.map(|credit| format!("credit {credit}")),
        time_zone.as_ref().map(|zone| format!("by the clock of {zone}")),
        cost.as_ref().map(|cost| format!("a request costs {}", costs(cost))),
        alone(*when_alone).map(str::to_owned),
        (*on_failure == OnFailure::Admit).then(|| "admits without counters".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(", {}", parts.join(", ")) }
}

fn alone(when_alone: WhenAlone) -> Option<&'static str> {
    match when_alone {
        WhenAlone::Share => None,
        WhenAlone::Open => Some("all of it by an Envoy that is alone"),
        WhenAlone::Closed => Some("nothing by an Envoy that is alone"),
    }
}

fn costs(cost: &CostSpec) -> String {
    let of = match cost {
        CostSpec::Fixed(cost) => return cost.to_string(),
        CostSpec::Of(of) => of,
    };
    let CostOfSpec {
        header,
        expression,
        request_bytes,
        response_bytes,
        response_header,
        reserve: _,
    } = of;
    let parts = [
        header.as_ref().map(|name| format!("what {name} says")),
        expression.as_ref().map(|text| format!("`{text}`")),
        request_bytes.map(|bytes| format!("1 for each {bytes} bytes sent")),
        response_bytes.map(|bytes| format!("1 for each {bytes} bytes answered")),
        response_header.as_ref().map(|name| format!("what {name} of the response says")),
    ];
    parts.into_iter().flatten().next().unwrap_or_default()
}

/// A limit that counts a request, and whose it is.
pub(crate) struct Counting<'a> {
    limit: &'a LimitSpec,
    of: String,
}

// === impl Counting ===

impl Counting<'_> {
    /// `10/s per tenant (of the route)`.
    pub(crate) fn told(&self) -> String {
        format!("{} ({})", limit(self.limit), self.of)
    }

    /// The same, with what it admits at most.
    pub(crate) fn bounds(&self, gateway: &Gateway) -> String {
        let bounds = Bounds::of(self.limit, gateway.envoys).sentences();
        format!("{}: {}", self.told(), bounds.join("; "))
    }
}

/// Every limit that counts a request.
pub(crate) fn limits_of<'a>(
    gateway: &'a Gateway,
    contract: &'a ContractSpec,
    operation: &'a OperationSpec,
    caller: Option<&Principal>,
) -> Vec<Counting<'a>> {
    let of = |of: String| move |limit: &'a LimitSpec| Counting { limit, of: of.clone() };
    let api = contract.limits.iter().map(of(format!("of API {}", contract.api)));
    let route = operation.limits.iter().map(of("of the route".to_owned()));
    let whole = caller.map(|caller| of_tenant(gateway, caller)).unwrap_or_default();
    whole.into_iter().chain(api).chain(route).collect()
}

/// A tenant's own limits take the place of those of its tier that count by the
/// same over the same period.
fn of_tenant<'a>(gateway: &'a Gateway, caller: &Principal) -> Vec<Counting<'a>> {
    let tenant = caller.tenant.as_deref().unwrap_or_default();
    let tier = caller.tier.as_deref().unwrap_or_default();
    let limits = |of: Option<&'a TierSpec>| of.map(|of| &*of.limits).unwrap_or_default();
    let own = limits(gateway.tenant_limits.get(tenant));
    let tiers = limits(gateway.tiers.get(tier)).iter();
    let replaced = |one: &&LimitSpec| own.iter().any(|own| own.by == one.by && own.per == one.per);
    let tiers = tiers.filter(|one| !replaced(one));
    let tiers = tiers.map(|limit| Counting { limit, of: format!("of tier {tier}") });
    let own = own.iter().map(|limit| Counting { limit, of: format!("of tenant {tenant}") });
    own.chain(tiers).collect()
}
