//! What is shown, and what is taken.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tollgate_callers::Differences;

/// Where an object of the configuration is written.
#[derive(JsonSchema, Serialize)]
pub(super) struct Owned {
    /// Objects by name, each with the file that it is written in, or `api`.
    pub(super) objects: BTreeMap<String, String>,
}

/// What a change does.
#[derive(JsonSchema, Serialize)]
pub(super) struct Edited {
    /// The revision that has it; none of a dry run.
    pub(super) revision: Option<u64>,
    /// What it changes for callers.
    pub(super) differences: Differences,
}

/// A request that is only thought of.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainRequest {
    /// The method.
    pub(super) method: String,
    /// `https://HOST/PATH`, as callers write it.
    pub(super) url: String,
    /// Headers by name.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// The body, for requests whose body is signed.
    #[serde(default)]
    pub(super) body: String,
    /// The address that it comes from; this machine by default.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) from: Option<std::net::IpAddr>,
}

/// What was published.
#[derive(JsonSchema, Serialize)]
pub(super) struct Revisions {
    /// The newest first.
    pub(super) revisions: Vec<RevisionView>,
}

/// One revision.
#[derive(JsonSchema, Serialize)]
pub(super) struct RevisionView {
    /// Counts from 1.
    pub(super) number: u64,
    /// Who published it: an operator, or `files`.
    pub(super) author: String,
    /// When.
    pub(super) at: String,
    /// What it changed for callers.
    pub(super) difference: String,
}

/// One revision, with what it was made of.
#[derive(JsonSchema, Serialize)]
pub(super) struct RevisionContent {
    /// The revision.
    pub(super) revision: RevisionView,
    /// Files by name, and what the API had written as `api`.
    pub(super) files: BTreeMap<String, String>,
}

/// What each Envoy has.
#[derive(JsonSchema, Serialize)]
pub(super) struct Status {
    /// The newest revision.
    pub(super) revision: u64,
    /// How many Envoys run it, all of it.
    pub(super) live: usize,
    /// How many there are.
    pub(super) connected: usize,
    /// Each Envoy.
    pub(super) envoys: Vec<EnvoyView>,
    /// What no Envoy is given, because one refused it.
    pub(super) held: Vec<HeldView>,
    /// Of the newest revision that every Envoy has taken which was connected when
    /// it was published: how long that took.
    pub(super) last_everywhere: Option<Everywhere>,
}

/// How long a revision took to be live everywhere.
#[derive(JsonSchema, Serialize)]
pub(super) struct Everywhere {
    /// The revision.
    pub(super) revision: u64,
    /// From when it was published until the last Envoy had taken it.
    pub(super) milliseconds: u64,
}

/// What one Envoy has.
#[derive(JsonSchema, Serialize)]
pub(super) struct EnvoyView {
    /// `node.id`.
    pub(super) node: String,
    /// `node.cluster`.
    pub(super) group: String,
    /// Where it calls from.
    pub(super) peer: String,
    /// Since when.
    pub(super) connected_at: String,
    /// The newest revision that it has taken, but for what it refused.
    pub(super) revision: Option<u64>,
    /// `live`, `pending` or `refused`.
    pub(super) state: &'static str,
    /// How many resources it has taken.
    pub(super) taken: usize,
    /// What it has not answered yet.
    pub(super) pending: Vec<PendingView>,
    /// What it refused.
    pub(super) refused: Vec<RefusedView>,
}

/// What an Envoy has not answered yet.
#[derive(JsonSchema, Serialize)]
pub(super) struct PendingView {
    /// The kind of resource.
    pub(super) kind: &'static str,
    /// Its name.
    pub(super) name: String,
    /// What it was made from, with its file and line.
    pub(super) origin: String,
    /// When it was sent.
    pub(super) since: String,
}

/// What an Envoy refused.
#[derive(JsonSchema, Serialize)]
pub(super) struct RefusedView {
    /// The kind of resource.
    pub(super) kind: &'static str,
    /// Its name.
    pub(super) name: String,
    /// What it was made from, with its file and line.
    pub(super) origin: String,
    /// Why, in Envoy's words.
    pub(super) reason: String,
    /// Whether it runs an older version.
    pub(super) runs_older: bool,
    /// When it was refused.
    pub(super) since: String,
}

/// What nobody is given, because it was refused.
#[derive(JsonSchema, Serialize)]
pub(super) struct HeldView {
    /// The kind of resource.
    pub(super) kind: &'static str,
    /// Its name.
    pub(super) name: String,
    /// What it was made from, with its file and line.
    pub(super) origin: String,
    /// Who refused it.
    pub(super) nodes: Vec<String>,
    /// Why, in the words of the first of them.
    pub(super) reason: String,
    /// Whether an older version is served.
    pub(super) serves_older: bool,
    /// Since when.
    pub(super) since: String,
}

/// Tenants of the store.
#[derive(JsonSchema, Serialize)]
pub(super) struct Tenants {
    /// By id.
    pub(super) tenants: Vec<TenantView>,
}

/// A tenant.
#[derive(JsonSchema, Serialize)]
pub(super) struct TenantView {
    /// Its id.
    pub(super) id: String,
    /// The tier whose limits apply to it.
    pub(super) tier: Option<String>,
    /// Whether its callers are turned away.
    pub(super) suspended: bool,
    /// When it was added.
    pub(super) created_at: String,
}

/// What a tenant is to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantBody {
    /// The tier whose limits apply to it.
    #[serde(default)]
    pub(super) tier: Option<String>,
    /// Whether its callers are turned away.
    #[serde(default)]
    pub(super) suspended: bool,
}

/// API keys, without the keys.
#[derive(JsonSchema, Serialize)]
pub(super) struct Keys {
    /// By id.
    pub(super) keys: Vec<KeyView>,
}

/// An API key, without the key.
#[derive(JsonSchema, Serialize)]
pub(super) struct KeyView {
    /// Its public name.
    pub(super) id: String,
    /// Whose it is.
    pub(super) tenant: String,
    /// How it begins.
    pub(super) hint: String,
    /// `valid`, `expired`, `replaced` or `revoked`.
    pub(super) state: String,
    /// What a caller with it may do.
    pub(super) scopes: Vec<String>,
    /// The tier whose limits apply instead of the tenant's.
    pub(super) tier: Option<String>,
    /// When it was made.
    pub(super) created_at: String,
    /// When it ends by itself.
    pub(super) expires_at: Option<String>,
}

/// What a new API key is to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyBody {
    /// Its public name; made up by default.
    #[serde(default)]
    pub(super) id: Option<String>,
    /// What a caller with it may do.
    #[serde(default)]
    pub(super) scopes: Vec<String>,
    /// The tier whose limits apply instead of the tenant's.
    #[serde(default)]
    pub(super) tier: Option<String>,
    /// When it ends by itself: `90d`, or a time. Never by default.
    #[serde(default)]
    pub(super) expires: Option<String>,
}

/// An API key that was made. It is told this once and not kept.
#[derive(JsonSchema, Serialize)]
pub(super) struct CreatedKey {
    /// The key.
    pub(super) key: String,
    /// Everything else about it.
    pub(super) record: KeyView,
}

/// What is refused although it looks good.
#[derive(JsonSchema, Serialize)]
pub(super) struct Revocations {
    /// The oldest first.
    pub(super) revocations: Vec<RevocationView>,
}

/// One thing that is refused.
#[derive(JsonSchema, Serialize)]
pub(super) struct RevocationView {
    /// `token`, `subject`, `api_key` or `tenant`.
    pub(super) kind: &'static str,
    /// The issuer, of tokens and subjects.
    pub(super) issuer: Option<String>,
    /// The `jti`, the subject, the id of the key or the tenant.
    pub(super) name: String,
    /// Since when.
    pub(super) at: String,
    /// When it may be forgotten.
    pub(super) until: Option<String>,
}

/// What is to be refused.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevocationBody {
    /// What exactly.
    pub(super) what: RevokedBody,
    /// When it may be forgotten: `30d`, or a time. Never by default.
    #[serde(default)]
    pub(super) until: Option<String>,
}

/// What exactly is to be refused.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum RevokedBody {
    /// One token.
    Token {
        /// Its `iss`.
        issuer: String,
        /// Its `jti`.
        jti: String,
    },
    /// All tokens of a subject that were issued until now.
    Subject {
        /// Their `iss`.
        issuer: String,
        /// Their `sub`.
        subject: String,
    },
    /// An API key, by its id.
    ApiKey(String),
    /// All tokens of a tenant that were issued until now.
    Tenant(String),
}

/// Who may use this API.
#[derive(JsonSchema, Serialize)]
pub(super) struct Operators {
    /// By id.
    pub(super) operators: Vec<OperatorView>,
}

/// One operator.
#[derive(JsonSchema, Serialize)]
pub(super) struct OperatorView {
    /// How the audit log calls it.
    pub(super) id: String,
    /// `viewer`, `editor` or `admin`.
    pub(super) role: String,
    /// Where it may write APIs, and nothing else then: `shop.example/orders`.
    pub(super) sites: Vec<String>,
    /// When it was added.
    pub(super) created_at: String,
    /// When its token ended.
    pub(super) revoked_at: Option<String>,
}

/// Who is to be an operator.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OperatorBody {
    /// How the audit log is to call it.
    pub(super) id: String,
    /// `viewer`, `editor` or `admin`.
    pub(super) role: String,
    /// Where it may write APIs, and nothing else then: hosts, and beginnings of their
    /// paths, such as `*.shop.example/orders`. All that its role may, if there are none.
    #[serde(default)]
    pub(super) sites: Vec<String>,
}

/// An operator that was added. Its token is told this once.
#[derive(JsonSchema, Serialize)]
pub(super) struct CreatedOperator {
    /// The operator.
    pub(super) id: String,
    /// By what it is recognised: `Authorization: Bearer …`.
    pub(super) token: String,
}

/// What was done.
#[derive(JsonSchema, Serialize)]
pub(super) struct Deeds {
    /// The newest first.
    pub(super) deeds: Vec<DeedView>,
}

/// One thing that was done.
#[derive(JsonSchema, Serialize)]
pub(super) struct DeedView {
    /// The number of the entry.
    pub(super) number: u64,
    /// When.
    pub(super) at: String,
    /// By whom.
    pub(super) actor: String,
    /// What was asked for: method and path.
    pub(super) action: String,
    /// What it was answered.
    pub(super) status: u16,
}
