use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_auth::{AccessSpec, IdentitySpec};
use tollgate_rate_limit::{FleetSpec, LimitSpec, TellingSpec, TiersSpec};
use tollgate_tenant_budget::{BackendCapSpec, BudgetsSpec, PrioritySpec};
use tollgate_transform::MessageSpec;

/// What holds for every route: the plugin configuration.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySpec {
    /// Whom the gateway can recognise.
    #[serde(default)]
    pub identity: IdentitySpec,

    /// What the tenants of each tier get.
    #[serde(default)]
    pub tiers: TiersSpec,

    /// What single tenants get, in place of what their tier does.
    #[serde(default, skip_serializing_if = "TiersSpec::is_empty")]
    pub tenants: TiersSpec,

    /// What tenants may have under way at once.
    #[serde(default, skip_serializing_if = "BudgetsSpec::is_empty")]
    pub budgets: BudgetsSpec,

    /// What callers are told about their limits.
    #[serde(default)]
    pub telling: TellingSpec,

    /// How limits are shared with other Envoys; not at all without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetSpec>,

    /// How many right-most entries of `X-Forwarded-For`, besides the caller's
    /// own address, were written by proxies of ours.
    #[serde(default)]
    pub trusted_hops: u32,

    /// Whether a control plane has Envoy find routes by the headers of shards, which
    /// then are not the caller's word, and has routes take them out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shards: bool,
}

/// What one API asks of its callers. Travels with the API's routes, under the
/// hash of its own bytes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ContractSpec {
    /// The API's name.
    pub api: String,

    /// How often its callers may call, over all operations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitSpec>,

    /// What the backends take that its operations use.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub backends: BTreeMap<String, BackendCapSpec>,

    /// Its operations. Where several match a request, the first one counts.
    pub operations: Vec<OperationSpec>,
}

/// One operation: what it matches, and what it asks.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OperationSpec {
    /// The route's name in the API.
    pub name: String,

    /// The Envoy route that serves the operation. Requests that Envoy sent by
    /// another one are refused.
    pub group: String,

    /// Which requests it serves.
    pub r#match: MatchSpec,

    /// Who may call it.
    pub access: AccessSpec,

    /// What is judged and reported, and refuses nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shadow: Vec<StageSpec>,

    /// How often.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitSpec>,

    /// What it takes of budgets.
    #[serde(default, skip_serializing_if = "UseSpec::is_nothing")]
    pub uses: UseSpec,

    /// What is changed about the request.
    #[serde(default, skip_serializing_if = "MessageSpec::is_empty")]
    pub request: MessageSpec,

    /// What is changed about the response.
    #[serde(default, skip_serializing_if = "MessageSpec::is_empty")]
    pub response: MessageSpec,
}

/// What an operation takes of budgets.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UseSpec {
    /// The backends to one of which its requests go, by their clusters' names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<String>,

    /// How much it matters.
    #[serde(default, skip_serializing_if = "PrioritySpec::is_normal")]
    pub priority: PrioritySpec,

    /// Which of its requests are streams that stay open.
    #[serde(default, skip_serializing_if = "StreamsSpec::is_none")]
    pub streams: StreamsSpec,
}

/// Which requests are streams that stay open.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamsSpec {
    /// None.
    #[default]
    None,
    /// Those that ask for another protocol: web sockets.
    Upgrades,
    /// All.
    All,
}

impl UseSpec {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl StreamsSpec {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// A stage that can be judged and reported without refusing anybody. What it
/// would have refused with is the field `shadow` of the access log.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StageSpec {
    /// Who is not recognised passes, and is nobody. Credentials end at the gateway as ever.
    Auth,
    /// Who lacks what is asked for passes.
    Allow,
    /// Who calls too often passes, and is counted as if not. All limits of the
    /// route are meant, those of its API and of the caller's tier too, and no
    /// caller is told of any.
    Limits,
}

/// Which requests a route serves. Exactly one of `path`, `prefix` and `regex`.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MatchSpec {
    /// The whole path: `/orders`, or with parameters, each a whole segment:
    /// `/orders/{id}`. A slash at the end makes no difference, and a path that
    /// differs only in case is not served by any other route. Characters that
    /// callers must escape are escaped here too: `/caf%C3%A9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,

    /// The beginning of the path, by whole segments: `/orders` serves
    /// `/orders/7`, not `/ordersX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,

    /// A regular expression for the whole path (RE2 syntax), as it reads
    /// decoded, without the query. A slash at the end of a path may be there
    /// or not. Envoy may make a program of 1,000 steps of it at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,

    /// Methods; any by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,

    /// Headers that the request must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, ValueSpec>,

    /// Query parameters that the request must have, as they read decoded. A
    /// header or parameter whose value decides must not stand in a request twice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, ValueSpec>,

    /// Routes of higher priority are tried first, whatever their paths; 0 by
    /// default. Among equals the more specific path is tried first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
}

/// What the value of a header or query parameter must be.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected a string, `{regex: PATTERN}` or `{present: true}`"
)]
pub enum ValueSpec {
    /// Exactly this.
    Exact(String),
    /// The whole value matches the regular expression.
    Regex {
        /// The regular expression (RE2 syntax).
        regex: String,
    },
    /// Anything, or, with false, that there is none.
    Present {
        /// Whether it must be there.
        present: bool,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}
