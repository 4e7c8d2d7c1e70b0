//! Which endpoints there are: the routing, who may, and what is documented.

use axum::http::Method;
use percent_encoding::percent_decode_str;
use tollgate_store::Role;

use super::answer::Problem;

/// One method of one path.
pub(super) struct Endpoint {
    pub(super) method: &'static str,
    /// With `{name}` for a segment.
    pub(super) path: &'static str,
    pub(super) what: What,
    pub(super) role: Role,
    pub(super) summary: &'static str,
    /// The schema of the body that it takes.
    pub(super) takes: Option<&'static str>,
    /// What is answered if all is well: the status, and the schema of the body.
    pub(super) gives: &'static [(u16, &'static str)],
    /// What else may be answered, beside what any endpoint may.
    pub(super) fails: &'static [u16],
    /// Parameters of the query, which are numbers or truths.
    pub(super) query: &'static [(&'static str, &'static str, &'static str)],
    /// Whether it is changed under a condition (RFC 9110, section 13.1).
    pub(super) is_conditional: bool,
}

/// What an endpoint does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum What {
    Document,
    Status,
    Metrics,
    Explain,
    Objects(Kind),
    Object(Kind),
    PutObject(Kind),
    DeleteObject(Kind),
    Revisions,
    Revision,
    Rollback,
    Tenants,
    Tenant,
    PutTenant,
    DeleteTenant,
    Keys,
    CreateKey,
    RevokeKey,
    Revocations,
    Revoke,
    Operators,
    CreateOperator,
    RevokeOperator,
    Audit,
}

/// A section of the configuration of which the API can write objects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Apis,
    Backends,
    Tiers,
}

/// An endpoint, and what stands in its path.
pub(super) struct Found {
    pub(super) endpoint: &'static Endpoint,
    pub(super) names: Vec<String>,
}

const LIMIT: (&str, &str, &str) = ("limit", "integer", "How many at most: from 1 to 1000.");
const BEFORE: (&str, &str, &str) = ("before", "integer", "Only those with a smaller number.");
const DRY_RUN: (&str, &str, &str) =
    ("dry_run", "boolean", "Whether it is only told what would change for callers.");

/// What most rows have in common.
const fn row(
    (method, path): (&'static str, &'static str),
    what: What,
    role: Role,
    summary: &'static str,
) -> Endpoint {
    Endpoint {
        method,
        path,
        what,
        role,
        summary,
        takes: None,
        gives: &[],
        fails: &[],
        query: &[],
        is_conditional: false,
    }
}

impl Endpoint {
    const fn takes(self, schema: &'static str) -> Self {
        Self { takes: Some(schema), ..self }
    }

    const fn gives(self, gives: &'static [(u16, &'static str)]) -> Self {
        Self { gives, ..self }
    }

    const fn fails(self, fails: &'static [u16]) -> Self {
        Self { fails, ..self }
    }

    const fn with(self, query: &'static [(&'static str, &'static str, &'static str)]) -> Self {
        Self { query, ..self }
    }

    const fn conditional(self) -> Self {
        Self { is_conditional: true, ..self }
    }

    /// Whether it changes anything, and is written down.
    pub(super) fn changes(&self) -> bool {
        self.method != "GET" && self.what != What::Explain
    }
}

macro_rules! objects {
    ($kind:ident, $all:literal, $one:literal, $schema:literal) => {
        [
            row(
                ("GET", $all),
                What::Objects(Kind::$kind),
                Role::Viewer,
                "Lists them, with where each is written.",
            )
            .gives(&[(200, "Owned")])
            .fails(&[422]),
            row(
                ("GET", $one),
                What::Object(Kind::$kind),
                Role::Viewer,
                "Shows one as it is written, wherever that is.",
            )
            .gives(&[(200, $schema)])
            .fails(&[404, 422]),
            row(
                ("PUT", $one),
                What::PutObject(Kind::$kind),
                Role::Editor,
                "Writes one, if the configuration is good with it.",
            )
            .takes($schema)
            .gives(&[(200, "Edited"), (201, "Edited")])
            .fails(&[400, 409, 412, 413, 415, 422, 428])
            .with(&[DRY_RUN])
            .conditional(),
            row(
                ("DELETE", $one),
                What::DeleteObject(Kind::$kind),
                Role::Editor,
                "Takes one away, if the configuration is good without it.",
            )
            .gives(&[(200, "Edited")])
            .fails(&[400, 404, 409, 412, 422, 428])
            .with(&[DRY_RUN])
            .conditional(),
        ]
    };
}

static APIS: [Endpoint; 4] = objects!(Apis, "/v1/apis", "/v1/apis/{name}", "Api");
static BACKENDS: [Endpoint; 4] =
    objects!(Backends, "/v1/backends", "/v1/backends/{name}", "BackendSpec");
static TIERS: [Endpoint; 4] = objects!(Tiers, "/v1/tiers", "/v1/tiers/{name}", "TierSpec");

static OTHERS: [Endpoint; 20] = [
    row(("GET", "/v1/openapi.json"), What::Document, Role::Viewer, "This document.")
        .gives(&[(200, "Document")]),
    row(
        ("GET", "/v1/status"),
        What::Status,
        Role::Viewer,
        "What each Envoy has taken, refused and not answered yet.",
    )
    .gives(&[(200, "Status")]),
    row(("GET", "/metrics"), What::Metrics, Role::Viewer, "The same in numbers, for Prometheus.")
        .gives(&[(200, "")]),
    row(
        ("POST", "/v1/explain"),
        What::Explain,
        Role::Viewer,
        "Tells what becomes of a request, without sending it.",
    )
    .takes("ExplainRequest")
    .gives(&[(200, "Explanation")])
    .fails(&[400, 413, 415, 422]),
    row(
        ("GET", "/v1/revisions"),
        What::Revisions,
        Role::Viewer,
        "Lists what was published, the newest first.",
    )
    .gives(&[(200, "Revisions")])
    .fails(&[400, 409])
    .with(&[LIMIT, BEFORE]),
    row(("GET", "/v1/revisions/{number}"), What::Revision, Role::Viewer, "Shows one revision.")
        .gives(&[(200, "RevisionContent")])
        .fails(&[404, 409]),
    row(
        ("POST", "/v1/revisions/{number}/rollback"),
        What::Rollback,
        Role::Editor,
        "Publishes a revision again.",
    )
    .gives(&[(200, "Edited")])
    .fails(&[404, 409, 422]),
    row(("GET", "/v1/tenants"), What::Tenants, Role::Viewer, "Lists tenants of the store.")
        .gives(&[(200, "Tenants")])
        .fails(&[409]),
    row(("GET", "/v1/tenants/{id}"), What::Tenant, Role::Viewer, "Shows one tenant.")
        .gives(&[(200, "TenantView")])
        .fails(&[404, 409]),
    row(
        ("PUT", "/v1/tenants/{id}"),
        What::PutTenant,
        Role::Editor,
        "Adds a tenant, or changes its tier and whether it is suspended.",
    )
    .takes("TenantBody")
    .gives(&[(200, "TenantView"), (201, "TenantView")])
    .fails(&[400, 409, 412, 413, 415, 422, 428])
    .conditional(),
    row(
        ("DELETE", "/v1/tenants/{id}"),
        What::DeleteTenant,
        Role::Editor,
        "Takes a tenant away and revokes its keys.",
    )
    .gives(&[(204, "")])
    .fails(&[404, 409, 412, 422, 428])
    .conditional(),
    row(
        ("GET", "/v1/tenants/{id}/keys"),
        What::Keys,
        Role::Viewer,
        "Lists a tenant's API keys, without the keys.",
    )
    .gives(&[(200, "Keys")])
    .fails(&[404, 409]),
    row(
        ("POST", "/v1/tenants/{id}/keys"),
        What::CreateKey,
        Role::Editor,
        "Makes an API key, and tells it once.",
    )
    .takes("KeyBody")
    .gives(&[(201, "CreatedKey")])
    .fails(&[400, 404, 409, 413, 415, 422]),
    row(("DELETE", "/v1/keys/{id}"), What::RevokeKey, Role::Editor, "Revokes an API key.")
        .gives(&[(204, "")])
        .fails(&[404, 409, 422]),
    row(
        ("GET", "/v1/revocations"),
        What::Revocations,
        Role::Viewer,
        "Lists what is refused although it looks good.",
    )
    .gives(&[(200, "Revocations")])
    .fails(&[409]),
    row(("POST", "/v1/revocations"), What::Revoke, Role::Editor, "Has something refused.")
        .takes("RevocationBody")
        .gives(&[(204, "")])
        .fails(&[400, 409, 413, 415, 422]),
    row(("GET", "/v1/operators"), What::Operators, Role::Admin, "Lists who may use this API.")
        .gives(&[(200, "Operators")])
        .fails(&[409]),
    row(
        ("POST", "/v1/operators"),
        What::CreateOperator,
        Role::Admin,
        "Adds an operator, and tells its token once.",
    )
    .takes("OperatorBody")
    .gives(&[(201, "CreatedOperator")])
    .fails(&[400, 409, 413, 415, 422]),
    row(
        ("DELETE", "/v1/operators/{id}"),
        What::RevokeOperator,
        Role::Admin,
        "Ends an operator's token.",
    )
    .gives(&[(204, "")])
    .fails(&[404, 409]),
    row(
        ("GET", "/v1/audit"),
        What::Audit,
        Role::Admin,
        "Lists what was done by this API, the newest first.",
    )
    .gives(&[(200, "Deeds")])
    .fails(&[400, 409])
    .with(&[LIMIT, BEFORE]),
];

/// Every endpoint.
pub(super) fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    OTHERS.iter().chain(&APIS).chain(&BACKENDS).chain(&TIERS)
}

/// The endpoint of a request, with the names in its path decoded.
pub(super) fn find(method: &Method, path: &str) -> Result<Found, Problem> {
    let mut others = Vec::new();
    for endpoint in endpoints() {
        let Some(names) = names(endpoint.path, path) else { continue };
        if endpoint.method == method.as_str() {
            return Ok(Found { endpoint, names });
        }
        others.push(endpoint.method);
    }
    if others.is_empty() {
        return Err(Problem::not_found("nothing is served at this path"));
    }
    Err(Problem::method(others.join(", ")))
}

/// What stands in place of the names of a path; nothing if it is another path.
fn names(template: &str, path: &str) -> Option<Vec<String>> {
    let (mut ours, mut theirs) = (template.split('/'), path.split('/'));
    let mut names = Vec::new();
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return Some(names),
            (Some(our), Some(their)) if our.starts_with('{') => {
                names.push(percent_decode_str(their).decode_utf8().ok()?.into_owned());
            }
            (Some(our), Some(their)) if our == their => {}
            _ => return None,
        }
    }
}

// === impl Kind ===

impl Kind {
    /// The section of the configuration.
    pub(super) fn section(self) -> &'static str {
        match self {
            Self::Apis => "apis",
            Self::Backends => "backends",
            Self::Tiers => "tiers",
        }
    }
}
