use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::DURATION;
use crate::{RetryOn, Shards};

/// How Envoy is told its routes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Routing")]
pub(crate) struct RoutingFile {
    /// Whether the routes of a host are told in pieces, one for each first
    /// segment of paths: then a change costs what the piece is large, however
    /// many others there are.
    pub(crate) shards: Shards,

    /// How many of a hundred routes one change of files may take away, where there
    /// are fifty or more. A change that takes away more is held back like one with
    /// a fault, until more is written here: a folder of which half arrived is not
    /// meant. `0` lets none go, `100` all of them.
    #[schemars(range(min = 0, max = 100))]
    pub(crate) drop_max_percent: u8,
}

impl Default for RoutingFile {
    fn default() -> Self {
        Self { shards: Shards::default(), drop_max_percent: 20 }
    }
}

/// What is done with requests that go to a backend: a route's own fields, read
/// apart from the rest.
#[derive(Deserialize)]
pub(crate) struct ForwardSpec {
    #[serde(default)]
    pub(crate) backend: Option<String>,
    #[serde(default)]
    pub(crate) split: BTreeMap<String, u32>,
    #[serde(default)]
    pub(crate) hash: Vec<HashSpec>,
    #[serde(default)]
    pub(crate) mirror: Option<MirrorSpec>,
    #[serde(default)]
    pub(crate) timeout: Option<String>,
    #[serde(default)]
    pub(crate) retries: Option<RetriesSpec>,
    #[serde(default)]
    pub(crate) rewrite: Option<RewriteSpec>,
    #[serde(default)]
    pub(crate) websocket: Option<LastingSpec>,
    #[serde(default)]
    pub(crate) stream: Option<LastingSpec>,
}

/// What of a request decides where it goes: requests that are alike in it go to
/// the same place.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Hash")]
pub(crate) enum HashSpec {
    /// The caller's tenant.
    Tenant,
    /// The caller's address.
    Ip,
    /// A header.
    Header(#[schemars(length(min = 1), example = &"x-session")] String),
    /// A cookie.
    Cookie(#[schemars(length(min = 1), example = &"session")] String),
    /// A query parameter.
    Query(#[schemars(length(min = 1), example = &"cart")] String),
}

/// Where copies of requests go. Nobody waits for what comes of them, and they
/// carry what the requests carry: whose they are, and no credential.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Mirror")]
pub(crate) struct MirrorSpec {
    /// The name of the backend that gets the copies.
    #[schemars(required, length(min = 1), example = &"orders-next")]
    pub(crate) backend: Option<String>,

    /// Of so many in a hundred requests.
    #[serde(default = "all")]
    #[schemars(range(min = 1, max = 100))]
    pub(crate) percent: u32,
}

/// What is tried again. A second attempt goes to another endpoint if there is
/// one, and only within the `retry_budget` of the backend. A request with a body of
/// more than 32 KiB is sent once.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Retries")]
pub(crate) struct RetriesSpec {
    /// After what; by default `connect_failure` and `refused_stream`.
    #[schemars(length(min = 1))]
    pub(crate) on: Vec<RetryOn>,

    /// And after these statuses: from 400 to 599.
    pub(crate) statuses: Vec<u32>,

    /// How many further attempts there may be.
    #[schemars(range(min = 1, max = 10))]
    pub(crate) attempts: u32,

    /// How long each attempt may take, within the timeout of all: from 1ms to 1h.
    #[schemars(regex(pattern = DURATION), example = &"1s")]
    pub(crate) per_try_timeout: Option<String>,

    /// How long it takes to the first further attempt, on average half of this, and
    /// longer every time, up to ten times this: from 1ms to 10s.
    #[schemars(regex(pattern = DURATION), example = &"25ms")]
    pub(crate) backoff: String,

    /// That requests may be carried out twice without harm. It has to be written
    /// where `methods` do not say so, and a backend may have begun to act when it
    /// is tried again.
    pub(crate) idempotent: bool,
}

impl Default for RetriesSpec {
    fn default() -> Self {
        Self {
            on: vec![RetryOn::ConnectFailure, RetryOn::RefusedStream],
            statuses: Vec::new(),
            attempts: 1,
            per_try_timeout: None,
            backoff: "25ms".to_owned(),
            idempotent: false,
        }
    }
}

/// What the backend is told instead of what was asked for. One of `path`, `prefix`
/// and `regex`, and a host. It is the backend that is told: everything else,
/// signatures and `match` among them, goes by what the caller wrote. The access
/// log has the path that the backend was told.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rewrite")]
pub(crate) struct RewriteSpec {
    /// The whole path, with parameters of `match.path`: `/v2/orders/{id}`.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"/v2/orders/{id}")]
    pub(crate) path: Option<String>,

    /// What stands in place of `match.prefix`.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"/v2")]
    pub(crate) prefix: Option<String>,

    /// What of the path is replaced, wherever it stands (RE2 syntax).
    #[serde(default)]
    #[schemars(length(min = 1), example = &"^/shops/([^/]+)")]
    pub(crate) regex: Option<String>,

    /// By what, with `\1` for what the first group of `regex` has found.
    #[serde(default)]
    #[schemars(example = &"/tenants/\\1")]
    pub(crate) substitution: Option<String>,

    /// The host, without port.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"orders.internal")]
    pub(crate) host: Option<String>,
}

/// That streams may stay open. The request that opens one is judged like any other,
/// and counts among the tenant's `streams`; the stream is closed within seconds once
/// its caller would be refused. Ordinary requests to the route have the same limits.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Lasting")]
pub(crate) struct LastingSpec {
    /// How long one may say nothing in either direction: from 1s to 24h.
    #[schemars(regex(pattern = DURATION), example = &"5m")]
    pub(crate) idle_timeout: String,

    /// How long one may last: from 1s to 24h.
    #[schemars(regex(pattern = DURATION), example = &"1h")]
    pub(crate) max_duration: String,
}

impl Default for LastingSpec {
    fn default() -> Self {
        Self { idle_timeout: "5m".to_owned(), max_duration: "1h".to_owned() }
    }
}

/// Where callers are sent. Whatever is not written stays as it was asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Redirect")]
pub(crate) struct RedirectSpec {
    /// `http` or `https`.
    #[serde(default)]
    pub(crate) scheme: Option<SchemeSpec>,

    /// The host, without port.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"www.example.com")]
    pub(crate) host: Option<String>,

    /// The port.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: Option<u32>,

    /// The whole path, with parameters of `match.path`: `/v2/orders/{id}`.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"/v2/orders/{id}")]
    pub(crate) path: Option<String>,

    /// What stands in place of `match.prefix`.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"/v2")]
    pub(crate) prefix: Option<String>,

    /// What of the path is replaced, wherever it stands (RE2 syntax).
    #[serde(default)]
    #[schemars(length(min = 1), example = &"^/shops/([^/]+)")]
    pub(crate) regex: Option<String>,

    /// By what, with `\1` for what the first group of `regex` has found.
    #[serde(default)]
    #[schemars(example = &"/tenants/\\1")]
    pub(crate) substitution: Option<String>,

    /// 301, 302, 303, 307 or 308. With 307 and 308 the method stays as it was;
    /// 301 and 308 are for ever, and browsers remember them.
    #[serde(default = "temporary")]
    #[schemars(range(min = 301, max = 308))]
    pub(crate) status: u32,

    /// Whether the query is left out.
    #[serde(default)]
    pub(crate) strip_query: bool,
}

/// A scheme.
#[derive(Clone, Copy, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Scheme")]
pub(crate) enum SchemeSpec {
    /// In the clear.
    Http,
    /// With TLS.
    Https,
}

/// What callers are answered, without a backend.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Respond")]
pub(crate) struct RespondSpec {
    /// The status.
    #[schemars(required, range(min = 200, max = 599))]
    pub(crate) status: Option<u32>,

    /// The body, of at most 4096 bytes. Empty by default.
    #[serde(default)]
    pub(crate) body: String,

    /// What the body is.
    #[serde(default = "text")]
    #[schemars(length(min = 1), example = &"application/json")]
    pub(crate) content_type: String,
}

const fn all() -> u32 {
    100
}

const fn temporary() -> u32 {
    307
}

fn text() -> String {
    "text/plain".to_owned()
}
