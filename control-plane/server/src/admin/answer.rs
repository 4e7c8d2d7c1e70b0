//! What is answered.

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use tollgate_model::Site;
use tollgate_store::{ChangeFailed, Role, StoreUnavailable};

/// What was asked for.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(HeaderName, String)>,
    body: String,
}

/// Why it is not answered (RFC 9457).
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct Problem {
    /// `urn:tollgate:admin:NAME`.
    r#type: String,
    /// The kind of problem.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is the matter in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Everything that is wrong with a configuration, each with its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    faults: Vec<String>,
    #[serde(skip)]
    allow: Option<String>,
}

const JSON: &str = "application/json";
pub(super) const PROBLEM: &str = "application/problem+json";
pub(super) const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Which revision has a change.
const REVISION: HeaderName = HeaderName::from_static("x-tollgate-revision");

/// Where an object is written.
const OWNER: HeaderName = HeaderName::from_static("x-tollgate-owner");

// === impl Answer ===

impl Answer {
    pub(super) fn json(status: u16, body: &impl Serialize) -> Self {
        // Views of ours: strings, numbers and lists of such.
        let body = serde_json::to_string(body).unwrap_or_default();
        Self { status, headers: vec![(CONTENT_TYPE, JSON.to_owned())], body }
    }

    pub(super) fn text(body: String) -> Self {
        Self { status: 200, headers: vec![(CONTENT_TYPE, TEXT.to_owned())], body }
    }

    pub(super) fn nothing() -> Self {
        Self { status: 204, headers: Vec::new(), body: String::new() }
    }

    /// The state that was read or written.
    pub(super) fn tagged(self, sequence: u64) -> Self {
        self.with(ETAG, format!("\"{sequence}\""))
    }

    pub(super) fn of_revision(self, revision: u64) -> Self {
        self.with(REVISION, revision.to_string())
    }

    pub(super) fn owned_by(self, owner: &str) -> Self {
        self.with(OWNER, owner.to_owned())
    }

    fn with(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        response(self.status, self.headers, self.body)
    }
}

// === impl Problem ===

impl Problem {
    pub(super) fn new(status: u16, name: &str, title: &'static str) -> Self {
        let r#type = format!("urn:tollgate:admin:{name}");
        Self { r#type, title, status, detail: None, faults: Vec::new(), allow: None }
    }

    pub(super) fn because(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    pub(super) fn unauthenticated() -> Self {
        Self::new(401, "unauthenticated", "The request shows no token of an operator")
    }

    pub(super) fn forbidden(role: Role) -> Self {
        let detail = format!("the role {role} is needed");
        Self::new(403, "forbidden", "The operator may not do this").because(detail)
    }

    /// What is written down of the operator cannot be read.
    pub(super) fn nowhere(fault: &str) -> Self {
        let title = "The operator may not do this";
        Self::new(403, "forbidden", title).because(format!("its sites: {fault}"))
    }

    pub(super) fn confined(sites: &[Site]) -> Self {
        let detail = format!("this operator may write APIs at {} alone", listed(sites));
        Self::new(403, "forbidden", "The operator may not do this").because(detail)
    }

    pub(super) fn outside(route: &str, sites: &[Site]) -> Self {
        let detail = format!("{route}: this operator may write APIs at {} alone", listed(sites));
        Self::new(403, "forbidden", "The operator may not do this").because(detail)
    }

    pub(super) fn whose() -> Self {
        Self::unprocessable("what is there is not good, so that nobody can tell where the API lies")
    }

    pub(super) fn elsewhere() -> Self {
        let detail = "without operators only this machine may ask, by `localhost` or a loopback \
                      address; make one with `tollgate operators create`";
        Self::new(403, "forbidden", "The operator may not do this").because(detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "not-found", "There is no such thing").because(detail)
    }

    pub(super) fn method(allow: String) -> Self {
        let problem = Self::new(405, "method-not-allowed", "It is served by other methods");
        Self { allow: Some(allow), ..problem }
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(400, "malformed", "The request makes no sense").because(detail)
    }

    pub(super) fn too_large() -> Self {
        Self::new(413, "too-large", "The body is too large")
    }

    pub(super) fn media_type() -> Self {
        Self::new(415, "media-type", "The body is not of type application/json")
    }

    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(409, "conflict", "What is there stands in the way").because(detail)
    }

    pub(super) fn changed(detail: impl Into<String>) -> Self {
        Self::new(412, "changed", "It is not as the request expects").because(detail)
    }

    pub(super) fn precondition() -> Self {
        let detail = "send `if-match` with the etag that was read, or `if-none-match: *` to make a \
                      new one";
        Self::new(428, "precondition-required", "A change says what it changes").because(detail)
    }

    pub(super) fn faults(faults: Vec<String>) -> Self {
        let problem = Self::new(422, "not-good", "The configuration would not be good");
        Self { faults, ..problem }
    }

    pub(super) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(422, "not-good", "That cannot be done").because(detail)
    }

    pub(super) fn no_store() -> Self {
        let detail = "the control plane has no store; name one with --store";
        Self::new(409, "no-store", "Nothing is kept").because(detail)
    }

    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(503, "unavailable", "It cannot be done now").because(detail)
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut headers = vec![(CONTENT_TYPE, PROBLEM.to_owned())];
        if self.status == 401 {
            headers.push((WWW_AUTHENTICATE, "Bearer realm=\"tollgate admin\"".to_owned()));
        }
        headers.extend(self.allow.clone().map(|allow| (ALLOW, allow)));
        let body = serde_json::to_string(&self).unwrap_or_default();
        response(self.status, headers, body)
    }
}

impl From<StoreUnavailable> for Problem {
    fn from(fault: StoreUnavailable) -> Self {
        Self::unavailable(fault.to_string())
    }
}

impl From<ChangeFailed> for Problem {
    fn from(failed: ChangeFailed) -> Self {
        let text = failed.to_string();
        match failed {
            ChangeFailed::Unavailable(_)
            | ChangeFailed::Overtaken
            | ChangeFailed::NoRandomBytes(_) => Self::unavailable(text),
            ChangeFailed::UnknownTenant(_)
            | ChangeFailed::UnknownKey(_)
            | ChangeFailed::UnknownRevision(_)
            | ChangeFailed::UnknownOperator(_) => Self::not_found(text),
            ChangeFailed::ObjectChanged { .. } => Self::changed(text),
            ChangeFailed::TenantExists(_)
            | ChangeFailed::KeyExists(_)
            | ChangeFailed::KeyRevoked(_)
            | ChangeFailed::OperatorExists(_) => Self::conflict(text),
            _ => Self::unprocessable(text),
        }
    }
}

fn listed(sites: &[Site]) -> String {
    sites.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn response(status: u16, headers: Vec<(HeaderName, String)>, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let fields = response.headers_mut();
    // Some of it is nobody else's, and all of it may be another in a moment.
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            fields.insert(name, value);
        }
    }
    response
}
