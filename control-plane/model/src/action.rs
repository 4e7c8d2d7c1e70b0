use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// What becomes of the requests that a route serves.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them forward")]
pub enum Action {
    /// They go to a backend.
    Forward(Forward),
    /// Their callers are sent elsewhere.
    Redirect(Redirect),
    /// Their callers are answered at once.
    Respond(Respond),
}

/// How requests go to a backend.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Forward {
    /// Backends by name, each with its weight. Not all weights are 0.
    pub split: BTreeMap<String, u32>,
    /// What decides where a request goes: the first of these that it has.
    pub hash: Vec<HashKey>,
    /// Who gets copies.
    pub mirror: Option<Mirror>,
    /// From the end of the request to the end of the response; the longest of the
    /// backends' if it is not said here.
    pub timeout: Option<Duration>,
    /// What is tried again.
    pub retries: Option<Retries>,
    /// What the backend is told instead of the path.
    pub path: Option<PathRewrite>,
    /// What it is told instead of the host.
    pub host: Option<String>,
    /// Whether web sockets may be opened.
    pub websocket: Option<Lasting>,
    /// Whether responses stay open.
    pub stream: Option<Lasting>,
}

/// What of a request decides where it goes.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum HashKey {
    /// The caller's address.
    Ip,
    /// A header, in lower case.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// A query parameter.
    Query(String),
}

/// Who gets copies of requests.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Mirror {
    /// The backend.
    pub backend: String,
    /// Of so many in a hundred requests.
    pub percent: u32,
}

/// What is tried again.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Retries {
    /// After what.
    pub on: Vec<RetryOn>,
    /// And after these statuses.
    pub statuses: Vec<u32>,
    /// Further attempts.
    pub attempts: u32,
    /// How long each may take.
    pub per_try_timeout: Option<Duration>,
    /// Before the first further one; ten times as long at most.
    pub backoff: Duration,
}

/// After what a request is tried again.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    /// No connection could be made.
    ConnectFailure,
    /// The backend refused the request unseen (HTTP/2, RFC 9113, section 8.7).
    RefusedStream,
    /// The connection ended before any of the request was sent.
    ResetBeforeRequest,
    /// The connection ended before an answer began, or there was none in time.
    Reset,
    /// 502, 503 or 504, or no answer.
    GatewayError,
    /// Any 5xx, or no answer.
    #[serde(rename = "5xx")]
    ServerError,
    /// gRPC: `CANCELLED`.
    Cancelled,
    /// gRPC: `DEADLINE_EXCEEDED`.
    DeadlineExceeded,
    /// gRPC: `INTERNAL`.
    Internal,
    /// gRPC: `RESOURCE_EXHAUSTED`.
    ResourceExhausted,
    /// gRPC: `UNAVAILABLE`.
    Unavailable,
}

/// Another path than the caller's.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum PathRewrite {
    /// All of it.
    Whole {
        /// The path of the match, of which parameters are taken; none by default.
        matched: Option<String>,
        /// Text and parameters, in order.
        template: Vec<Piece>,
    },
    /// Its beginning.
    Prefix {
        /// The prefix of the match.
        matched: String,
        /// What stands there instead.
        prefix: String,
    },
    /// Whatever an expression finds.
    Regex {
        /// The expression (RE2 syntax).
        regex: String,
        /// What stands there instead, with `\1` for groups.
        substitution: String,
    },
}

/// A piece of a path.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// The parameter in this place of the matched path, from 1 to 9.
    Parameter(u32),
}

/// For how long streams may be open.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Lasting {
    /// Without a word.
    pub idle_timeout: Duration,
    /// At all.
    pub max_duration: Duration,
}

/// Where callers are sent.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Redirect {
    /// With which status.
    pub status: RedirectStatus,
    /// Whether to `https`, if another scheme.
    pub https: Option<bool>,
    /// Another host.
    pub host: Option<String>,
    /// Another port.
    pub port: Option<u32>,
    /// Another path.
    pub path: Option<PathRewrite>,
    /// Without the query.
    pub strip_query: bool,
}

/// The status of a redirect (RFC 9110, section 15.4).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "their names say what there is to say")]
pub enum RedirectStatus {
    MovedPermanently,
    Found,
    SeeOther,
    TemporaryRedirect,
    PermanentRedirect,
}

/// What callers are answered.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Respond {
    /// The status.
    pub status: u32,
    /// The body.
    pub body: String,
    /// What it is.
    pub content_type: String,
}

// === impl Action ===

impl Action {
    /// To one backend, and nothing more.
    pub(crate) fn to(backend: &str) -> Self {
        let split = [(backend.to_owned(), 1)].into();
        Self::Forward(Forward { split, ..Forward::default() })
    }

    /// The backend to which requests go as they are, if that is all.
    pub(crate) fn plain(&self) -> Option<&str> {
        let Self::Forward(Forward { split, .. }) = self else { return None };
        let (name, _) = split.first_key_value()?;
        (*self == Self::to(name)).then_some(name)
    }

    /// Every backend that may get a request or a copy of one.
    pub fn backends(&self) -> impl Iterator<Item = &str> {
        let forward = match self {
            Self::Forward(forward) => Some(forward),
            Self::Redirect(_) | Self::Respond(_) => None,
        };
        let mirror = forward.and_then(|forward| forward.mirror.as_ref());
        let names = forward.into_iter().flat_map(|forward| forward.split.keys());
        names.map(String::as_str).chain(mirror.map(|mirror| mirror.backend.as_str()))
    }
}

// === impl RetryOn ===

impl RetryOn {
    /// Whether a backend cannot have begun to act then.
    pub(crate) const fn is_harmless(self) -> bool {
        matches!(self, Self::ConnectFailure | Self::RefusedStream | Self::ResetBeforeRequest)
    }
}
