use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A limit on how often callers may call.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LimitSpec {
    /// What callers must share to be counted together, for example `[tenant]`
    /// or `[ip, route]`; by tenant by default. `[route]` alone counts everybody
    /// together. Without `route`, the routes of one API that state the same limit
    /// share a count.
    #[serde(default = "by_tenant")]
    pub by: Vec<Dimension>,

    /// How many requests fit into one period, or into one window. Between 1 and
    /// 1,000,000 a second, and less than 10^15 in all.
    pub requests: u64,

    /// The length of the period, or the window of the calendar.
    pub per: Period,

    /// How many requests may arrive at once, when none did for a while; as
    /// many as `requests` by default. Between 1 and 10 times `requests`. Not for
    /// windows of the calendar: all of one may arrive at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u64>,

    /// How many requests more than `burst` can be saved up while fewer come than
    /// may, and sent at once later; none by default. As many as refill in 31 days
    /// at most. Whoever was not seen before, or not for so long that others
    /// needed the place, has saved nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<u64>,

    /// Where days and months begin at midnight, as the IANA list of time zones
    /// names it: `Europe/Berlin`. UTC by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1), example = &"Europe/Berlin"))]
    pub time_zone: Option<String>,

    /// How many requests one request counts as; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<CostSpec>,

    /// What this Envoy admits by itself while the control plane, which deals the
    /// limit among several, has been gone for ten seconds; and of a day, month or
    /// total that it has not lent anything of yet.
    #[serde(default, skip_serializing_if = "WhenAlone::is_default")]
    pub when_alone: WhenAlone,

    /// What becomes of a request while the counters cannot be reached.
    #[serde(default, skip_serializing_if = "OnFailure::is_default")]
    pub on_failure: OnFailure,
}

/// What an Envoy admits by itself of a limit that several share.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WhenAlone {
    /// Its part: the limit by the number of Envoys. At once, a thousandth of a
    /// day, month or total.
    #[default]
    Share,
    /// All of the limit, as if there were no other.
    Open,
    /// Nothing but what it was lent: never more than the limit, whatever happens.
    /// Callers are refused until the first lease has come, for less than a second.
    Closed,
}

impl WhenAlone {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What callers must share to be counted together.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// The tenant. A caller without one is counted as a tenant of its own; one
    /// that did not say who it is, by its address.
    Tenant,
    /// The API key. A caller that came by another method is counted by its
    /// subject; one that did not say who it is, by its address.
    ApiKey,
    /// Who is calling: the `sub` of a token, the id of an API key. A caller that
    /// did not say who it is is counted by its address.
    Subject,
    /// The address of the caller behind the trusted hops; IPv6 by its /64.
    Ip,
    /// The route.
    Route,
    /// The API.
    Api,
    /// The value of a request header. Callers can write what they like there, so
    /// set a limit by who they are beside it. All requests without the header
    /// share one count, and so do those that carry it twice.
    Header(String),
    /// The value of a claim that `claims.keep` of the issuer names, by its path:
    /// `org.id`. All callers without the claim share one count.
    Claim(String),
}

/// How many requests one request counts as: a number from 1 on, or where it
/// stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected a number, or a mapping that says where it stands")]
pub enum CostSpec {
    /// Always as many.
    Fixed(u64),
    /// As many as something says.
    Of(CostOfSpec),
}

/// Where the cost of a request stands. Exactly one of the first five.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CostOfSpec {
    /// A request header. Without it a request costs 1; one whose value is not a
    /// whole number from 1 to 1,000,000,000 is answered 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,

    /// An expression in CEL, as in `allow.when`, whose value is a number. A
    /// request of which it is not a number from 0 to 1,000,000,000 is answered
    /// 400. On routes and APIs only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,

    /// 1 for each so many bytes of the request's body, and 1 without a body.
    /// Counted by `content-length` at first, and at the end as many as came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_bytes: Option<u64>,

    /// 1 for each so many bytes of the response's body, known at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_bytes: Option<u64>,

    /// A header of the response. Without it, or if it is not a whole number, the
    /// request costs what was reserved; more than 1,000,000,000 counts as that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_header: Option<String>,

    /// What a request counts as until the response says what it costs; 1 by
    /// default. A caller whose requests cost more than they reserve can come to
    /// more than the limit by what is under way at once, and waits for it later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<u64>,
}

/// The length of a period, or a window of the calendar.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Any second: the allowance refills steadily.
    Second,
    /// Any minute: the allowance refills steadily.
    Minute,
    /// Any hour: the allowance refills steadily.
    Hour,
    /// A day of the calendar, from midnight on in `time_zone`.
    Day,
    /// A month of the calendar, from the midnight of its first day on in
    /// `time_zone`.
    Month,
    /// All time.
    Total,
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

/// What tenants get as a whole, over all their routes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AllowancesSpec {
    /// By the name of their tier.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tiers: TiersSpec,

    /// By the id of the tenant. They take the place of those of its tier that
    /// count by the same over the same period.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: TiersSpec,
}

/// Tiers by name: what a tenant gets as a whole, over all its routes.
pub type TiersSpec = BTreeMap<String, TierSpec>;

/// What a tenant of one tier gets.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TierSpec {
    /// Limits on each tenant of the tier, over all routes together. With `by`,
    /// on each of what it names: `[api_key]` for each of the tenant's keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitSpec>,
}

/// What callers are told about their limits.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TellingSpec {
    /// By which fields of responses.
    #[serde(default)]
    pub fields: FieldsSpec,

    /// How many seconds at most are added to `Retry-After`, at random, so that
    /// not all who were refused come back at once.
    #[serde(default)]
    pub retry_after_jitter_seconds: u32,
}

/// By which fields of responses callers are told about their limits.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FieldsSpec {
    /// `RateLimit-Policy` and `RateLimit`, of draft-ietf-httpapi-ratelimit-headers-11.
    #[default]
    Ietf,
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`, in
    /// seconds from now.
    XRatelimit,
    /// All of them.
    Both,
    /// None. `Retry-After` is told all the same.
    None,
}

fn by_tenant() -> Vec<Dimension> {
    vec![Dimension::Tenant]
}
