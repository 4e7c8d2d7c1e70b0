use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_auth::KeySpec;
use tollgate_rate_limit::{FieldsSpec, LimitSpec, TierSpec};
use tollgate_tenant_budget::BudgetSpec;

use super::DURATION;

/// What each tenant of a tier gets.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "TierSpec")]
#[expect(dead_code, reason = "only its schema is used: limits are read apart from the rest")]
pub(crate) struct TierFile {
    #[schemars(flatten)]
    pub(crate) limits: TierSpec,

    #[schemars(flatten)]
    pub(crate) budget: BudgetSpec,
}

/// A customer.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "TenantSpec")]
#[expect(dead_code, reason = "only its schema is used: limits are read apart from the rest")]
pub(crate) struct TenantFile {
    /// The tier whose limits apply to the tenant as a whole.
    #[schemars(default)]
    pub(crate) tier: Option<String>,

    /// Limits on the tenant, over all routes together, in place of those of its
    /// tier that count by the same over the same period; and beside the others.
    #[schemars(default)]
    pub(crate) limits: Vec<LimitSpec>,

    /// Each in place of its tier's.
    #[schemars(flatten)]
    pub(crate) budget: BudgetSpec,

    /// API keys, by an id that logs and limits may show.
    #[schemars(default)]
    pub(crate) keys: BTreeMap<String, KeySpec>,
}

/// How Envoys share limits, and what callers are told about them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RateLimits")]
pub(crate) struct RateLimitsFile {
    /// How many Envoys share every limit, at most. Each enforces one part in so
    /// many, until callers ask it for more; then the control plane deals the limit
    /// by demand. With fewer than there are, all together admit too much while the
    /// control plane is gone.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_000))]
    pub(crate) envoys: u32,

    /// By which fields of responses.
    #[serde(default)]
    pub(crate) fields: FieldsSpec,

    /// How much later than it could a refused caller is told to come back at
    /// most, at random, so that not all come back at once: whole seconds, at
    /// most 1h.
    #[serde(default = "no_time")]
    #[schemars(regex(pattern = DURATION), example = &"5s")]
    pub(crate) retry_after_jitter: String,

    /// The path at which callers who are recognised ask how their limits stand,
    /// on every host that recognises any; it comes before routes. `off`: nowhere.
    /// Where routes come in pieces they are told of the first 16 APIs of the host, by
    /// name.
    #[serde(default = "limits_path")]
    #[schemars(length(min = 1), example = &"/.tollgate/limits")]
    pub(crate) path: String,
}

fn limits_path() -> String {
    "/.tollgate/limits".to_owned()
}

fn one() -> u32 {
    1
}

fn no_time() -> String {
    "0s".to_owned()
}

impl Default for RateLimitsFile {
    fn default() -> Self {
        let (envoys, fields) = (one(), FieldsSpec::default());
        Self { envoys, fields, retry_after_jitter: no_time(), path: limits_path() }
    }
}
