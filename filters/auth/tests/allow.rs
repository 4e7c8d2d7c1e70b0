//! What callers must have been granted.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{Gate, NOW, SEED, Signer, claims, issuer, sha256};
use serde_json::{Value, json};
use tollgate_auth::{Access, Authenticator};
use tollgate_core::Timestamp;

/// Ann may `read` and `write`, is in `ops` and `EU, west`, and her claims are
/// kept; the key `sesame` may `read`.
fn identity() -> Value {
    let mut acme = issuer(&[&Signer::new("EdDSA").jwk]);
    acme["claims"] = json!({"groups": "groups", "keep": ["team", "level", "mail.verified"]});
    let mut other = issuer(&[&Signer::other_eddsa().jwk]);
    other["issuer"] = "https://other.example".into();
    json!({
        "jwt": {"acme": acme, "other": other},
        "api_key": {"from": [{"header": "x-api-key"}]},
        "tenants": {"acme": {"keys": {"k1": {"sha256": sha256("sesame"), "scopes": ["read"]}}}},
    })
}

fn gate(allow: &Value) -> Gate {
    Gate::new(identity(), json!({"auth": {"any_of": ["jwt.acme", "api_key"]}, "allow": allow}))
}

fn ann() -> String {
    Signer::new("EdDSA").token(&claims(&json!({
        "scope": "read write", "groups": ["ops", "EU, west"],
        "team": ["blue", "red"], "level": 3, "mail": {"verified": true, "address": "ann@x"},
    })))
}

/// Whether Ann may call, and whether the holder of the key may.
fn check(allow: &Value, token: bool, key: bool) {
    let may = |verdict: String| {
        assert!(
            verdict.starts_with("jwt.acme ann")
                || verdict.starts_with("api_key k1")
                || verdict.starts_with("403"),
            "{verdict}"
        );
        !verdict.starts_with("403")
    };
    assert_eq!(may(gate(allow).token(&ann())), token, "{allow} token");
    assert_eq!(may(gate(allow).verdict(&[("x-api-key", b"sesame")])), key, "{allow} key");
}

#[test]
fn scopes_are_all_needed_or_any_of_them() {
    for (scopes, token, key) in [
        (json!([]), true, true),
        (json!(["read"]), true, true),
        (json!(["read", "write"]), true, false),
        (json!(["read", "admin"]), false, false),
        (json!({"any": ["read", "admin"]}), true, true),
        (json!({"any": ["admin", "write"]}), true, false),
        (json!({"any": ["admin"]}), false, false),
    ] {
        check(&json!({"scopes": scopes}), token, key);
    }
}

#[test]
fn one_of_the_groups_is_needed() {
    for (groups, token) in [
        (json!(["ops"]), true),
        (json!(["dev", "EU, west"]), true),
        (json!(["dev", "EU"]), false),
        (json!(["Ops", "op"]), false),
    ] {
        check(&json!({"groups": groups}), token, false);
    }
}

#[test]
fn every_claim_is_needed_with_one_of_its_values() {
    for (claims, token) in [
        (json!({"team": "red"}), true),
        (json!({"team": ["green", "blue"]}), true),
        (json!({"team": "green"}), false),
        (json!({"level": 3}), true),
        (json!({"level": "3"}), false),
        (json!({"mail.verified": true}), true),
        (json!({"mail.verified": [false, true]}), true),
        (json!({"mail.verified": "true"}), false),
        (json!({"team": "red", "level": [2, 3]}), true),
        (json!({"team": "red", "level": [1, 2]}), false),
    ] {
        check(&json!({"claims": claims}), token, false);
    }
}

#[test]
fn everything_that_is_written_is_needed() {
    let good = json!({
        "scopes": ["read"], "groups": ["ops"], "claims": {"team": "red"},
    });
    check(&good, true, false);
    for (field, bad) in
        [("scopes", json!(["x"])), ("groups", json!(["x"])), ("claims", json!({"team": "x"}))]
    {
        let mut allow = good.clone();
        allow[field] = bad;
        check(&allow, false, false);
    }
}

/// Asked anew for every request: what is cached is who is calling.
#[test]
fn what_one_operation_asks_says_nothing_about_another() {
    let mut gate = gate(&json!({"groups": ["ops"]}));
    let methods = json!({"any_of": ["jwt.acme"]});
    for (allow, expected) in [
        (json!({"groups": ["ops"]}), "jwt.acme ann"),
        (json!({"groups": ["dev"]}), "403 forbidden"),
        (json!({"claims": {"team": "green"}}), "403 forbidden"),
        (json!({"scopes": {"any": ["admin"]}}), "403 insufficient-scope"),
        (json!({"claims": {"team": "blue"}}), "jwt.acme ann"),
    ] {
        gate.access = gate.operation(json!({"auth": methods, "allow": allow}));
        let verdict = gate.token(&ann());
        assert!(verdict.starts_with(expected), "{allow}: {verdict}");
    }
}

#[test]
fn the_refused_are_told_what_they_lack_and_only_then_a_scheme() {
    let scheme = "Bearer error=\"insufficient_scope\"";
    for (allow, expected, challenge) in [
        (
            json!({"scopes": ["admin", "read"]}),
            "403 insufficient-scope: the caller needs all of these scopes: admin read",
            Some(format!("{scheme}, scope=\"admin read\"")),
        ),
        (
            json!({"scopes": {"any": ["admin", "root"]}}),
            "403 insufficient-scope: the caller needs one of these scopes: admin root",
            Some(scheme.to_owned()),
        ),
        (
            json!({"groups": ["dev"]}),
            "403 forbidden: the caller is in none of the groups that may call",
            None,
        ),
        (
            json!({"claims": {"team": "green"}}),
            "403 forbidden: the caller's token lacks a claim that is asked for",
            None,
        ),
    ] {
        let bearer = format!("Bearer {}", ann());
        let token = [("authorization", bearer.as_bytes())];
        let reply = gate(&allow).ask(&token, Timestamp::from_seconds(NOW)).unwrap_err();
        assert_eq!(common::refusal(&reply), expected);
        let headers: Vec<_> =
            challenge.into_iter().map(|text| ("www-authenticate", text)).collect();
        assert_eq!(reply.headers, headers, "{allow}");
        // Who came with a key has no use for the scheme.
        let key = [("x-api-key", &b"sesame"[..])];
        let reply = gate(&allow).ask(&key, Timestamp::from_seconds(NOW)).unwrap_err();
        assert_eq!((common::refusal(&reply).as_str(), reply.headers), (expected, vec![]));
    }
}

#[test]
fn allowances_that_make_no_sense_are_refused() {
    let id = "is not an id; use 1 to 256 bytes without control characters, and no blanks at the \
              ends";
    let of = |claim: &str| json!({"claims": {claim: "x"}});
    let not_kept = |claim: &str, issuers: &str| {
        format!(
            "claims.{claim}: no issuer that the route accepts keeps the claim {claim:?}; add it to \
             `claims.keep` of {issuers}"
        )
    };
    let both = &["jwt.acme", "jwt.other", "api_key"][..];
    for (methods, allow, expected) in [
        (
            both,
            json!({"scopes": {"any": []}}),
            "scopes.any: is empty, so nobody could call; name one, or leave it out".to_owned(),
        ),
        (
            both,
            json!({"scopes": {"any": ["a", "b c"]}}),
            "scopes.any[1]: \"b c\" is not a scope; use printable ASCII without blanks, quotes \
             and backslashes"
                .to_owned(),
        ),
        (
            both,
            json!({"groups": []}),
            "groups: is empty, so nobody could call; name one, or leave it out".to_owned(),
        ),
        (both, json!({"groups": ["a", " "]}), format!("groups[1]: \" \" {id}")),
        (
            both,
            json!({"claims": {"team": []}}),
            "claims.team: is empty, so nobody could call; name a value, or leave it out".to_owned(),
        ),
        (
            both,
            of("a..b"),
            "claims.a..b: \"a..b\" has an empty name in it; write names with dots between them, \
             and `\\.` for a dot in a name"
                .to_owned(),
        ),
        (
            both,
            of(r"a\b"),
            r#"claims.a\b: "a\\b" has a backslash before something else than a dot or a backslash; write `\\`"#
                .to_owned(),
        ),
        (
            both,
            of("https://acme.example/team"),
            "claims.https://acme.example/team: \"https://acme.example/team\" is a URL cut at its \
             dots; write `\\.` for a dot in a name"
                .to_owned(),
        ),
        (both, of(""), "claims.: is empty; name a claim, or leave it out".to_owned()),
        (both, of("age"), not_kept("age", "jwt.acme or jwt.other")),
        (both, of("mail"), not_kept("mail", "jwt.acme or jwt.other")),
        (both, of("mail.address"), not_kept("mail.address", "jwt.acme or jwt.other")),
        (&["jwt.other"], of("team"), not_kept("team", "jwt.other")),
        (
            &["api_key"],
            of("team"),
            not_kept("team", "an issuer, and name that issuer in `auth`"),
        ),
    ] {
        let access = json!({"auth": {"any_of": methods}, "allow": allow});
        assert_eq!(refused(&access), format!("allow.{expected}"));
    }
    for (field, value) in [
        ("scopes", json!(["a"])),
        ("scopes", json!({"any": ["a"]})),
        ("groups", json!(["a"])),
        ("claims", json!({"team": "a"})),
    ] {
        let expected = format!(
            "allow.{field}: nobody is recognised with `auth: none`, so nobody has {field}; name \
             a method in `auth`, or remove the {field}"
        );
        assert_eq!(refused(&json!({"auth": "none", "allow": {field: value}})), expected);
    }
}

#[test]
fn allowances_of_other_types_are_refused() {
    for (allow, expected) in [
        (json!({"scopes": "a"}), "expected a list of scopes, or `{any: [SCOPE, SCOPE]}`"),
        (
            json!({"scopes": {"all": ["a"]}}),
            "expected a list of scopes, or `{any: [SCOPE, SCOPE]}`",
        ),
        (
            json!({"claims": {"a": null}}),
            "expected a string, a whole number, true or false, or a list of such",
        ),
        (
            json!({"claims": {"a": [1.5]}}),
            "expected a string, a whole number, true or false, or a list of such",
        ),
    ] {
        let err = serde_json::from_value::<tollgate_auth::AllowSpec>(allow.clone()).unwrap_err();
        assert_eq!(err.to_string(), expected, "{allow}");
    }
}

fn refused(access: &Value) -> String {
    let identity = serde_json::from_value(identity()).unwrap();
    let authenticator = Authenticator::compile(identity, SEED).unwrap();
    let spec = serde_json::from_value(access.clone()).unwrap();
    Access::compile(spec, &[], &authenticator).err().unwrap().to_string()
}
