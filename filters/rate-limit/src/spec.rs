use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A limit on how often callers may call.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LimitSpec {
    /// What callers must share to be counted together, for example `[tenant]`
    /// or `[ip, route]`. `[route]` alone counts everybody together. Without
    /// `route`, the routes of one API that state the same limit share a count.
    pub by: Vec<Dimension>,

    /// How many requests fit into one period. Between 1 and 1,000,000 a second.
    pub requests: u32,

    /// The length of the period.
    pub per: Period,

    /// How many requests may arrive at once, when none did for a while; as
    /// many as `requests` by default. Between 1 and 10 times `requests`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,

    /// What becomes of a request while the counters cannot be reached.
    #[serde(default, skip_serializing_if = "OnFailure::is_default")]
    pub on_failure: OnFailure,
}

/// What callers must share to be counted together.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// The tenant. A caller without one is counted as a tenant of its own; one
    /// that did not say who it is, by its address.
    Tenant,
    /// The API key. A caller that came by another method is counted by its
    /// subject; one that did not say who it is, by its address.
    ApiKey,
    /// The address of the caller behind the trusted hops; IPv6 by its /64.
    Ip,
    /// The route.
    Route,
}

/// The length of a period.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Period {
    Second,
    Minute,
    Hour,
}

/// What becomes of a request while the counters cannot be reached.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It is answered 503: the limit protects something.
    #[default]
    Refuse,
    /// It passes: being reachable matters more than the limit.
    Admit,
}

impl OnFailure {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Tiers by name: what a tenant gets as a whole, over all its routes.
pub type TiersSpec = BTreeMap<String, TierSpec>;

/// What a tenant of one tier gets.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TierSpec {
    /// Limits on each tenant of the tier, over all routes together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<TierLimitSpec>,
}

/// A limit on one tenant.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TierLimitSpec {
    /// How many requests fit into one period. Between 1 and 1,000,000 a second.
    pub requests: u32,

    /// The length of the period.
    pub per: Period,

    /// How many requests may arrive at once; as many as `requests` by default.
    /// Between 1 and 10 times `requests`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,

    /// What becomes of a request while the counters cannot be reached.
    #[serde(default, skip_serializing_if = "OnFailure::is_default")]
    pub on_failure: OnFailure,
}
