use anyhow::Result;
use serde_json::{Map, Value, json};
use tollgate_gateway::ContractSpec;
use tollgate_support::{Key, now_seconds};

use crate::bootstrap::UPSTREAM;
use crate::upstream::REMEMBER;

/// One way to do the job.
pub(crate) struct Chain {
    /// Its name in the reports.
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) description: &'static str,
    /// Its HTTP filters, router aside.
    pub(crate) filters: fn(&Job, module: &str) -> Value,
    /// What the upstream must see when it does its job: the two headers that it writes.
    pub(crate) writes: &'static [&'static str],
}

/// What every chain but the bare one does: verify a token, ask for a scope,
/// count against the tenant's limit, tell the upstream tenant and subject.
pub(crate) struct Job {
    jwks: Value,
    /// An admitted request, a request without a token, and one with too little scope.
    pub(crate) admitted: Vec<u8>,
    pub(crate) anonymous: Vec<u8>,
    pub(crate) unscoped: Vec<u8>,
    /// An admitted request that the upstream remembers.
    pub(crate) remembered: Vec<u8>,
}

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "bench";
pub(crate) const SCOPE: &str = "orders.read";

/// A limit that counts every request and is never reached.
pub(crate) const UNREACHED: u32 = 1_000_000;

/// In the order in which they are reported.
pub(crate) const CHAINS: [Chain; 4] = [
    Chain {
        name: "bare",
        description: "no filter but the router",
        filters: |_, _| json!([]),
        writes: &[],
    },
    Chain {
        name: "native",
        description: "jwt_authn + rbac + local_ratelimit",
        filters: |job, _| job.native(false),
        writes: &["\r\nx-tenant: acme\r\n", "\r\nx-subject: ada\r\n"],
    },
    Chain {
        name: "native-cached",
        description: "the same, with the token cache of jwt_authn",
        filters: |job, _| job.native(true),
        writes: &["\r\nx-tenant: acme\r\n", "\r\nx-subject: ada\r\n"],
    },
    Chain {
        name: "tollgate",
        description: "the fused module, identity cached",
        filters: |job, module| job.tollgate(module),
        writes: &["\r\nx-tollgate-tenant: acme\r\n", "\r\nx-tollgate-subject: ada\r\n"],
    },
];

impl Job {
    pub(crate) fn new() -> Result<Self> {
        let key = Key::new("RS256", "bench-1")?;
        let reader = token(&key, "orders.read orders.list")?;
        let lister = token(&key, "orders.list")?;
        Ok(Self {
            jwks: key.jwks(),
            admitted: with_token("/orders/7", &reader),
            anonymous: request(""),
            unscoped: with_token("/orders/7", &lister),
            remembered: request(&format!("authorization: Bearer {reader}\r\n{REMEMBER}: 1\r\n")),
        })
    }

    /// Envoy's own filters, as its documentation puts them together.
    fn native(&self, cached: bool) -> Value {
        let mut provider = object(json!({
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "local_jwks": {"inline_string": self.jwks.to_string()},
            "payload_in_metadata": "payload",
            "normalize_payload_in_metadata": {"space_delimited_claims": ["scope"]},
            "claim_to_headers": [
                {"claim_name": "tenant", "header_name": "x-tenant"},
                {"claim_name": "sub", "header_name": "x-subject"},
            ],
        }));
        if cached {
            provider.insert("jwt_cache_config".to_owned(), json!({"jwt_cache_size": 1000}));
        }
        json!([
            filter(
                "jwt_authn",
                "jwt_authn.v3.JwtAuthentication",
                json!({
                    "providers": {"bench": provider},
                    "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}],
                })
            ),
            filter("rbac", "rbac.v3.RBAC", scope_check()),
            filter("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", tenant_limit()),
        ])
    }

    fn tollgate(&self, module: &str) -> Value {
        json!([gateway(module, &recognising(&self.jwks))])
    }
}

/// What the module is told: whose tokens these are.
pub(crate) fn recognising(jwks: &Value) -> Value {
    json!({"identity": {"jwt": {"bench": {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "jwks": jwks,
        "claims": {"tenant": "tenant"},
    }}}})
}

/// The fused module as an HTTP filter.
pub(crate) fn gateway(module: &str, configuration: &Value) -> Value {
    wasm("gateway", module, configuration)
}

/// One of our modules as an HTTP filter.
pub(crate) fn wasm(name: &str, module: &str, configuration: &Value) -> Value {
    filter(
        "wasm",
        "wasm.v3.Wasm",
        json!({"config": {
            "name": "tollgate",
            "root_id": name,
            "vm_config": {
                "vm_id": "tollgate",
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": module}},
            },
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": configuration.to_string(),
            },
            "failure_policy": "FAIL_RELOAD",
            "allow_on_headers_stop_iteration": true,
        }}),
    )
}

/// The API's contract, which travels with the route; the other chains ignore it.
pub(crate) fn contract() -> Result<ContractSpec> {
    Ok(serde_json::from_value(json!({
        "api": "orders",
        "operations": [{
            "name": "get-order",
            "group": UPSTREAM,
            "match": {"path": "/orders/{id}", "methods": ["GET"]},
            "access": {"auth": {"any_of": ["jwt.bench"]}, "allow": {"scopes": [SCOPE]}},
            "limits": [{"by": ["tenant"], "requests": UNREACHED, "per": "second"}],
        }],
    }))?)
}

pub(crate) fn filter(name: &str, message: &str, config: Value) -> Value {
    let mut typed = object(config);
    let url = format!("type.googleapis.com/envoy.extensions.filters.http.{message}");
    typed.insert("@type".to_owned(), url.into());
    json!({"name": format!("envoy.filters.http.{name}"), "typed_config": typed})
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(fields) = value { fields } else { Map::new() }
}

fn scope_check() -> Value {
    let scope = json!({"list_match": {"one_of": {"string_match": {"exact": SCOPE}}}});
    let metadata = json!({
        "filter": "envoy.filters.http.jwt_authn",
        "path": [{"key": "payload"}, {"key": "scope"}],
        "value": scope,
    });
    json!({"rules": {"action": "ALLOW", "policies": {"scope": {
        "permissions": [{"any": true}],
        "principals": [{"metadata": metadata}],
    }}}})
}

/// One bucket for each tenant; the least recently used one goes when there are too many.
fn tenant_limit() -> Value {
    let bucket = json!({
        "max_tokens": UNREACHED,
        "tokens_per_fill": UNREACHED,
        "fill_interval": "1s",
    });
    let all = json!({"default_value": {"numerator": 100, "denominator": "HUNDRED"}});
    let tenant =
        json!({"request_headers": {"header_name": "x-tenant", "descriptor_key": "tenant"}});
    json!({
        "stat_prefix": "limit",
        "token_bucket": bucket,
        "filter_enabled": all,
        "filter_enforced": all,
        "rate_limits": [{"actions": [tenant]}],
        "descriptors": [{"entries": [{"key": "tenant"}], "token_bucket": bucket}],
        "max_dynamic_descriptors": 1000,
        // Callers are told what is left, as by our module.
        "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
    })
}

fn token(key: &Key, scope: &str) -> Result<String> {
    key.sign(&claims(scope, json!({})))
}

/// What a token says that holds for a day; `others` add to it, or take the place.
pub(crate) fn claims(scope: &str, others: Value) -> Value {
    let now = now_seconds();
    let mut claims = object(json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "tenant": "acme",
        "scope": scope,
        "iat": now,
        "exp": now.saturating_add(24 * 60 * 60),
    }));
    claims.extend(object(others));
    claims.into()
}

fn request(credential: &str) -> Vec<u8> {
    request_to("/orders/7", credential)
}

/// One with a bearer token.
pub(crate) fn with_token(path: &str, token: &str) -> Vec<u8> {
    request_to(path, &format!("authorization: Bearer {token}\r\n"))
}

/// What a browser's `fetch` would send, more or less.
pub(crate) fn request_to(path: &str, credential: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nhost: orders.example.com\r\nuser-agent: bench/1\r\n\
         accept: application/json\r\naccept-encoding: gzip\r\n{credential}\r\n"
    )
    .into_bytes()
}
