//! What an operator writes. The comments on fields are the manual: the schema and the reference
//! page are made of them. Fields that the schema requires are optional to serde: a file without
//! them is refused, but what else is wrong with it can still be told.

mod backend;
mod backend_token;
mod introspection;
mod limiting;
mod listening;
mod names;
mod revocation;
mod routing;
mod shedding;
mod signing;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_auth::{
    Algorithm, AllowSpec, AnonymousSpec, ApiKeyPlacesSpec, ApiKeySpec, AuthSpec, ClaimsSpec,
    MtlsSpec,
};
use tollgate_gateway::{MatchSpec, StageSpec};
use tollgate_rate_limit::LimitSpec;
use tollgate_tenant_budget::PrioritySpec;
use tollgate_transform::MessageSpec;

pub(crate) use self::backend::{BackendSpec, BackendTlsSpec, HealthSpec, OutlierDetectionSpec};
pub(crate) use self::backend_token::{ApiTokenFile, BackendTokenFile};
pub(crate) use self::introspection::{IntrospectionFile, SecretSpec};
pub(crate) use self::limiting::{RateLimitsFile, TenantFile, TierFile};
pub(crate) use self::listening::{Http3Spec, ListenerSpec, TlsSpec};
pub(crate) use self::names::{
    DURATION, ID, NAME, clock_skew, ids, list, names, signed_body_bytes_max,
};
pub(crate) use self::revocation::{ApiRevocationFile, RevocationFile};
pub(crate) use self::routing::{
    ForwardSpec, HashSpec, LastingSpec, MirrorSpec, RedirectSpec, RespondSpec, RetriesSpec,
    RewriteSpec, RoutingFile, SchemeSpec,
};
pub(crate) use self::shedding::{AdaptiveConcurrencySpec, AdmissionControlSpec};
pub(crate) use self::signing::{
    HmacFile, HttpSignatureFile, PublicKeySpec, SigV4File, SigningKeyFile,
};

/// What Tollgate is told: one file, or the files of a folder together.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Tollgate")]
#[expect(dead_code, reason = "only its schema is used: the file is read part by part")]
pub(crate) struct FileSpec {
    /// Where the gateway listens, by name. At least one.
    #[schemars(default, extend("propertyNames" = names()))]
    pub(crate) listeners: BTreeMap<String, ListenerSpec>,

    /// Whom the gateway recognises. Without it every route is `auth: none`.
    #[schemars(default)]
    pub(crate) identity: IdentityFile,

    /// What the tenants of each tier get, by the tier's name.
    #[schemars(default, extend("propertyNames" = names()))]
    pub(crate) tiers: BTreeMap<String, TierFile>,

    /// Customers, by id.
    #[schemars(default, extend("propertyNames" = ids()))]
    pub(crate) tenants: BTreeMap<String, TenantFile>,

    /// What callers are told about their limits.
    #[schemars(default)]
    pub(crate) rate_limits: RateLimitsFile,

    /// How Envoy is told its routes.
    #[schemars(default)]
    pub(crate) routing: RoutingFile,

    /// Where requests go, by name.
    #[schemars(default, extend("propertyNames" = names()))]
    pub(crate) backends: BTreeMap<String, BackendSpec>,

    /// What is offered, by the API's name. At least one.
    #[schemars(default, extend("propertyNames" = names()))]
    pub(crate) apis: BTreeMap<String, ApiSpec>,
}

/// Whom the gateway recognises, and by what.
#[derive(Default, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Identity")]
#[expect(dead_code, reason = "only its schema is used: the file is read part by part")]
pub(crate) struct IdentityFile {
    /// Issuers of JSON Web Tokens, by the name that `auth: { any_of: [jwt.NAME] }` refers to.
    #[schemars(default, extend("propertyNames" = names()))]
    pub(crate) jwt: BTreeMap<String, IssuerFile>,

    /// Providers that are asked what opaque tokens say (RFC 7662), by the name that
    /// `auth: { any_of: [introspection.NAME] }` refers to.
    #[schemars(default, extend("propertyNames" = names()))]
    pub(crate) introspection: BTreeMap<String, IntrospectionFile>,

    /// Where API keys stand in a request. None are accepted without it.
    #[schemars(default)]
    pub(crate) api_key: Option<ApiKeySpec>,

    /// What the certificates of callers say. None are accepted without it.
    #[schemars(default)]
    pub(crate) mtls: Option<MtlsSpec>,
    /// Requests that are signed with Tollgate's own HMAC. None are accepted without it.
    #[schemars(default)]
    pub(crate) hmac: Option<HmacFile>,

    /// Requests that are signed as AWS does it. None are accepted without it.
    #[schemars(default)]
    pub(crate) sigv4: Option<SigV4File>,

    /// Requests that are signed as HTTP messages (RFC 9421). None are accepted without it.
    #[schemars(default)]
    pub(crate) http_signature: Option<HttpSignatureFile>,

    /// How many bytes the body of a signed request may have. It is held until it
    /// has been compared with what was signed; a longer one is answered 413.
    #[schemars(default = "signed_body_bytes_max", range(min = 1, max = 16_777_216))]
    pub(crate) signed_body_bytes_max: u32,

    /// What holds for callers who show nothing, on routes with `auth: { optional: [...] }`.
    #[schemars(default)]
    pub(crate) anonymous: AnonymousSpec,

    /// Tokens by which backends are told who is calling. Without it there are none.
    #[schemars(default)]
    pub(crate) backend_token: Option<BackendTokenFile>,

    /// What becomes of callers while it cannot be told who has been revoked.
    #[schemars(default)]
    pub(crate) revocation: RevocationFile,
}

/// One issuer of JSON Web Tokens.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Issuer")]
pub(crate) struct IssuerFile {
    /// The exact value of the `iss` claim.
    #[schemars(required, length(min = 1), example = &"https://id.example.com")]
    pub(crate) issuer: Option<String>,

    /// Values of the `aud` claim, one of which a token must have.
    #[schemars(required, length(min = 1), example = list("api"))]
    pub(crate) audiences: Option<Vec<String>>,

    /// Where the issuer's public keys are.
    #[schemars(required)]
    pub(crate) jwks: Option<JwksSpec>,

    /// The algorithms accepted. By default those that the keys name or imply.
    #[serde(default)]
    #[schemars(example = list("RS256 ES256"))]
    pub(crate) algorithms: Vec<Algorithm>,

    /// The types of token accepted, of which `typ` must name one. Without it,
    /// `JWT` and `at+jwt`, or none (RFC 9068, section 2.1).
    #[serde(default)]
    #[schemars(example = list("at+jwt"))]
    pub(crate) types: Vec<String>,

    /// Which claims tell tenant, tier, scopes and groups, and which are kept.
    #[serde(default)]
    pub(crate) claims: ClaimsSpec,

    /// How far the issuer's clock may be from ours: whole seconds, at most 60s.
    #[serde(default = "clock_skew")]
    #[schemars(regex(pattern = DURATION), example = &"30s")]
    pub(crate) clock_skew: String,
}

/// Where an issuer's keys are: exactly one of these.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Jwks")]
pub(crate) enum JwksSpec {
    /// Here: a JSON Web Key Set (RFC 7517, section 5), `{ keys: [...] }`.
    Inline(#[schemars(with = "BTreeMap<String, serde_json::Value>")] serde_json::Value),
    /// In a file, named relative to this one.
    File(#[schemars(length(min = 1), example = &"keys.json")] String),
    /// At an address that is fetched every few minutes. `https`; `http` on loopback only.
    Url(
        #[schemars(length(min = 1), example = &"https://id.example.com/jwks.json")]
        String,
    ),
}

/// What is offered under some host names.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Api")]
#[expect(dead_code, reason = "only its schema is used: the file is read part by part")]
pub(crate) struct ApiSpec {
    /// Host names without port: `orders.example.com`, `*.example.com` for
    /// every name below, `*` for all others. Several APIs may share one.
    #[schemars(length(min = 1), example = list("orders.example.com"))]
    pub(crate) hosts: Vec<String>,

    /// Where its callers' API keys may stand besides the places of
    /// `identity.api_key`: in a query, for callers who can set no header.
    #[schemars(default)]
    pub(crate) api_key: Option<ApiKeyPlacesSpec>,

    /// How often its callers may call, over all its routes. A route's own limits
    /// and the tier's count too.
    #[schemars(default)]
    pub(crate) limits: Vec<LimitSpec>,

    /// What becomes of its callers while it cannot be told who has been revoked.
    /// By default what `identity.revocation` says.
    #[schemars(default)]
    pub(crate) revocation: Option<ApiRevocationFile>,

    /// Whether its backends are told by a token who is calling, and for whom that
    /// is. By default as `identity.backend_token` says.
    #[schemars(default)]
    pub(crate) backend_token: Option<ApiTokenFile>,

    /// Whether an Envoy asks for the API's routes only when the first request for
    /// them comes, which saves memory where most APIs are never called. That
    /// request waits for them: for ever, while no control plane answers, or
    /// until its caller gives up. It counts where routes are sharded, and where
    /// nothing else could take the request: on hosts without a star, none of
    /// whose routes begins with a parameter, a regular expression or `/`.
    #[schemars(default)]
    pub(crate) on_demand: bool,

    /// The groups of Envoys (`node.cluster` of their bootstraps) that serve it; no
    /// other is told of it. By default all. APIs that share a host are for the
    /// same, and their backends for those too. An Envoy is in the group that its
    /// certificate names; without certificates it is in the one that it says.
    #[schemars(default, length(min = 1), example = list("edge"))]
    pub(crate) envoys: Vec<String>,

    /// Its routes, by name. The order does not matter: routes of higher
    /// `priority` come first, then those of more specific paths.
    #[schemars(extend("propertyNames" = names(), "minProperties" = 1))]
    pub(crate) routes: BTreeMap<String, RouteSpec>,
}

/// One route: which requests, who may send them, and what becomes of them.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used: the file is read part by part")]
pub(crate) struct RouteSpec {
    /// Which requests it serves.
    pub(crate) r#match: MatchSpec,

    /// The name of the backend that they go to. A route has one of `backend`,
    /// `split`, `redirect` and `respond`.
    #[schemars(default, length(min = 1), example = &"orders")]
    pub(crate) backend: Option<String>,

    /// Backends by name that share them, each with its weight: of 95 and 5, one
    /// request in twenty goes to the second. A weight is at most 1000000.
    #[schemars(default, extend("propertyNames" = names(), "minProperties" = 1))]
    pub(crate) split: BTreeMap<String, u32>,

    /// What of a request decides to which backend of a `split` it goes, and to
    /// which endpoint of one that balances by a hash. The first of these that it
    /// has counts; without any of them it goes to any.
    #[schemars(default, length(min = 1))]
    pub(crate) hash: Vec<HashSpec>,

    /// Where copies of requests go.
    #[schemars(default)]
    pub(crate) mirror: Option<MirrorSpec>,

    /// How long a response may take, with all attempts: from 1ms to 1h. By default
    /// as long as the backend says, and of several, the longest.
    #[schemars(default, regex(pattern = DURATION), example = &"5s")]
    pub(crate) timeout: Option<String>,

    /// What is tried again. By default once, and only what cannot have reached
    /// the backend.
    #[schemars(default)]
    pub(crate) retries: Option<RetriesSpec>,

    /// What the backend is told instead of what was asked for.
    #[schemars(default)]
    pub(crate) rewrite: Option<RewriteSpec>,

    /// That web sockets may be opened. By default they are not.
    #[schemars(default)]
    pub(crate) websocket: Option<LastingSpec>,

    /// That its responses stay open: server-sent events, gRPC streams, long polling. They
    /// count as `streams` of the tenant and have no `timeout`; each is closed within
    /// seconds once its caller would be refused, because a token has expired or was
    /// revoked.
    #[schemars(default)]
    pub(crate) stream: Option<LastingSpec>,

    /// How much it matters while a backend is busy.
    #[schemars(default)]
    pub(crate) priority: PrioritySpec,

    /// Where callers are sent, who may call all the same.
    #[schemars(default)]
    pub(crate) redirect: Option<RedirectSpec>,

    /// What callers are answered, who may call all the same.
    #[schemars(default)]
    pub(crate) respond: Option<RespondSpec>,

    /// How callers prove who they are; `auth: none` admits everybody and has to be written.
    pub(crate) auth: AuthSpec,

    /// What callers must have been granted.
    #[schemars(default)]
    pub(crate) allow: AllowSpec,

    /// Stages that are judged and reported in the access log, and refuse nobody:
    /// to see what a new rule would do. Nobody is turned away by them, so
    /// `tollgate check` names each.
    #[schemars(default)]
    pub(crate) shadow: Vec<StageSpec>,

    /// How often they may call. All limits count; the API's and the tier's do too.
    #[schemars(default)]
    pub(crate) limits: Vec<LimitSpec>,

    /// What is changed about the request.
    #[schemars(default)]
    pub(crate) request: MessageSpec,

    /// What is changed about the response, by the same fields.
    #[schemars(default)]
    pub(crate) response: MessageSpec,
}
