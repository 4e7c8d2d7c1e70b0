//! Callers who may, but need not, say who they are.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{Gate, NOW, SEED, Signer, claims, issuer, refusal, sha256};
use serde_json::{Value, json};
use tollgate_auth::{Access, Authenticator, IdentitySpec};
use tollgate_core::Timestamp;

const NOBODY: &str = "anonymous  - free []";

fn identity() -> Value {
    json!({
        "jwt": {"acme": issuer(&[&Signer::new("EdDSA").jwk])},
        "api_key": {"from": [{"header": "x-api-key"}]},
        "tenants": {"acme": {"keys": {"k1": {"sha256": sha256("sesame")}}}},
        "anonymous": {"tier": "free"},
    })
}

fn optional(methods: &[&str]) -> Value {
    json!({"auth": {"optional": methods}})
}

fn bearer() -> Vec<u8> {
    format!("Bearer {}", Signer::new("EdDSA").token(&claims(&json!({})))).into_bytes()
}

/// Only who shows nothing is nobody in particular: whoever meant to be
/// recognised, and was not, is told so.
#[test]
fn nothing_is_enough_and_what_is_shown_has_to_hold() {
    let unauthenticated = "401 unauthenticated: the request carries no credential of a kind that \
                           is accepted here";
    let token = bearer();
    for (lines, expected) in [
        (&[][..], NOBODY),
        (&[("accept", &b"*/*"[..])], NOBODY),
        (&[("authorization", b"Basic eDp5")], NOBODY),
        (&[("authorization", &token)], "jwt.acme ann - - []"),
        (
            &[("authorization", b"Bearer x")],
            "401 invalid-token: the token is not three parts in base64url",
        ),
        (
            &[("authorization", b"Bearer")],
            "401 invalid-token: the token is not three parts in base64url",
        ),
        // A key is not accepted here, and is shown all the same.
        (&[("x-api-key", b"sesame")], unauthenticated),
        (&[("x-api-key", b"")], unauthenticated),
    ] {
        let mut gate = Gate::new(identity(), optional(&["jwt.acme"]));
        assert_eq!(gate.verdict(lines), expected, "{lines:?}");
    }
    let mut gate = Gate::new(identity(), optional(&["jwt.acme", "api_key"]));
    assert_eq!(gate.verdict(&[]), NOBODY);
    assert_eq!(gate.verdict(&[("x-api-key", b"sesame")]), "api_key k1 acme - []");
    assert_eq!(
        gate.verdict(&[("x-api-key", b"wrong")]),
        "401 invalid-api-key: nobody has this API key"
    );
    let both = [("authorization", &token[..]), ("x-api-key", b"sesame")];
    assert!(gate.verdict(&both).starts_with("400 duplicate-credentials"));
}

/// Whoever may not call unknown is asked who it is, not sent away for good.
#[test]
fn nobody_in_particular_is_asked_for_a_credential_where_something_is_needed() {
    let access = json!({
        "auth": {"optional": ["jwt.acme", "api_key"]}, "allow": {"scopes": ["read"]},
    });
    let mut gate = Gate::new(identity(), access);
    let reply = gate.ask(&[], Timestamp::from_seconds(NOW)).unwrap_err();
    assert!(refusal(&reply).starts_with("401 unauthenticated"), "{reply:?}");
    let challenges: Vec<_> = reply.headers.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(challenges, ["Bearer realm=\"tollgate\"", "ApiKey header=\"x-api-key\""]);
    let key = gate.verdict(&[("x-api-key", b"sesame")]);
    assert!(key.starts_with("403 insufficient-scope"), "{key}");
}

#[test]
fn without_a_tier_of_its_own_nobody_in_particular_has_none() {
    let mut identity = identity();
    identity.as_object_mut().unwrap().remove("anonymous");
    let mut gate = Gate::new(identity, optional(&["jwt.acme"]));
    assert_eq!(gate.verdict(&[]), "anonymous  - - []");
}

#[test]
fn what_is_optional_is_checked_like_what_is_not() {
    let known = "write jwt.acme or api_key";
    for (methods, expected) in [
        (
            &[][..],
            ": is empty, so nobody could call; name a method, or write `auth: none` to let \
             anybody call"
                .to_owned(),
        ),
        (&["basic"], format!("[0]: \"basic\" is not a method; {known}")),
        (&["api_key", "jwt.x"], format!("[1]: no issuer is named \"x\"; {known}")),
        (&["api_key", "api_key"], "[1]: \"api_key\" stands twice; remove one".to_owned()),
    ] {
        let identity = serde_json::from_value(identity()).unwrap();
        let authenticator = Authenticator::compile(identity, SEED).unwrap();
        let spec = serde_json::from_value(optional(methods)).unwrap();
        let err = Access::compile(spec, &[], &authenticator).err().unwrap();
        assert_eq!(err.to_string(), format!("auth.optional{expected}"), "{methods:?}");
    }
    let spec: IdentitySpec =
        serde_json::from_value(json!({"anonymous": {"tier": " free"}})).unwrap();
    assert_eq!(
        Authenticator::compile(spec, SEED).err().unwrap().to_string(),
        "anonymous.tier: \" free\" is not an id; use 1 to 256 bytes without control characters, \
         and no blanks at the ends"
    );
}
