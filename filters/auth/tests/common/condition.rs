//! Callers whose claims are kept, and conditions on them.

use serde_json::{Value, json};
use tollgate_auth::{Access, Authenticator};

use super::{SEED, Signer, issuer, sha256};

pub(crate) fn identity() -> Value {
    let mut acme = issuer(&[&Signer::new("EdDSA").jwk]);
    acme["claims"] = json!({
        "tenant": "tenant", "tier": "plan", "groups": "groups",
        "keep": ["team", "level", "half", "org", r"https://acme\.example/x", "teams", "on"],
    });
    json!({
        "jwt": {"acme": acme},
        "api_key": {"from": [{"header": "x-api-key"}]},
        "tenants": {"acme": {"tier": "pro", "keys": {"k1": {"sha256": sha256("sesame")}}}},
    })
}

/// Why a condition is refused; nothing if it is not.
pub(crate) fn refused(when: &str) -> Option<String> {
    let auth = json!({"any_of": ["jwt.acme", "api_key"]});
    compile(&json!({"auth": auth, "allow": {"when": when}}))
}

/// Why an access is refused; nothing if it is not.
pub(crate) fn compile(access: &Value) -> Option<String> {
    let identity = serde_json::from_value(identity()).unwrap();
    let authenticator = Authenticator::compile(identity, SEED).unwrap();
    let spec = serde_json::from_value(access.clone()).unwrap();
    Access::compile(spec, &["id"], &authenticator).err().map(|err| err.to_string())
}
