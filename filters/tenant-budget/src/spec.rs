use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_core::Principal;

/// What tenants may have under way.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetsSpec {
    /// By the name of their tier.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tiers: TenantBudgetsSpec,

    /// By the id of the tenant; each number in place of its tier's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: TenantBudgetsSpec,
}

/// Budgets by the name of a tier, or the id of a tenant.
pub type TenantBudgetsSpec = BTreeMap<String, BudgetSpec>;

/// What one tenant may have under way at one Envoy.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BudgetSpec {
    /// How many requests each tenant may have in flight at one Envoy, over all
    /// backends; 503 beyond. No bound by default. Exact over all workers; while the
    /// counts cannot be read, requests of tenants that have such a bound are answered
    /// 503. A request counts until its response has ended, however it does. Callers
    /// without a tenant have a budget of their own each, those who show nothing by
    /// their address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1_000_000)))]
    pub in_flight: Option<u32>,

    /// How many of them may be at a backend, by its name: `{ orders: 10 }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub in_flight_by_backend: BTreeMap<String, u32>,

    /// How many streams that stay open (web sockets, and requests of routes with
    /// `stream`) each tenant may have at one Envoy; 503 beyond. They do not count in
    /// `in_flight`. No bound by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1_000_000)))]
    pub streams: Option<u32>,

    /// How many connections each tenant may have at one Envoy. A connection is that
    /// of the tenant whose request came first on it, until it closes; one that began with
    /// a certificate of a tenant (`identity.mtls`) is that tenant's, whoever sends requests
    /// on it. The first request
    /// on one too many is answered 503 and, over HTTP/1.1, `connection: close`. No bound
    /// by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1_000_000)))]
    pub connections: Option<u32>,

    /// How large a tenant's share is while a backend has less room than is asked for:
    /// one of weight 4 has four times as many requests in flight as one of weight 1.
    /// 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
    pub weight: Option<u32>,
}

/// What a backend takes from one Envoy.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BackendCapSpec {
    /// How many requests at a time, whoever calls.
    pub in_flight: u32,

    /// How many of them only those of critical routes may be.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reserve: u32,

    /// Whether Envoy finds out that it bears fewer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adapts: bool,
}

/// How much a route matters.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PrioritySpec {
    /// As much as any.
    #[default]
    Normal,
    /// Its requests may have the last tenth of what the backend takes, which others
    /// may not.
    Critical,
}

/// What a request counts as.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KindSpec {
    /// A request that is answered soon.
    #[default]
    Request,
    /// A stream that stays open.
    Stream,
}

impl BudgetsSpec {
    /// Whether nobody has a budget.
    pub fn is_empty(&self) -> bool {
        self.tiers.is_empty() && self.tenants.is_empty()
    }

    /// What one caller may have: each number its tenant's, or else its tier's.
    pub fn of(&self, caller: Option<&Principal>) -> BudgetSpec {
        let of_tier = caller.and_then(|caller| self.tiers.get(caller.tier.as_deref()?));
        let own = caller.and_then(|caller| self.tenants.get(caller.tenant.as_deref()?));
        let tier = of_tier.cloned().unwrap_or_default();
        let Some(own) = own else { return tier };
        let mut in_flight_by_backend = tier.in_flight_by_backend;
        in_flight_by_backend.extend(own.in_flight_by_backend.clone());
        BudgetSpec {
            in_flight: own.in_flight.or(tier.in_flight),
            in_flight_by_backend,
            streams: own.streams.or(tier.streams),
            connections: own.connections.or(tier.connections),
            weight: own.weight.or(tier.weight),
        }
    }

    /// Whether it has to be known which connections there are.
    pub fn count_connections(&self) -> bool {
        let all = self.tiers.values().chain(self.tenants.values());
        all.into_iter().any(|budget| budget.connections.is_some())
    }
}

impl PrioritySpec {
    /// Whether it is as much as any.
    pub fn is_normal(&self) -> bool {
        *self == Self::Normal
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
