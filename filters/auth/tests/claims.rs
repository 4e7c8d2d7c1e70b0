//! What is read from a token's claims, and what is kept of them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{Gate, SEED, Signer, any_of, check, claims, issuer};
use serde_json::{Value, json};
use tollgate_auth::{Authenticator, IdentitySpec};

fn identity(claims: Value) -> Value {
    let mut acme = issuer(&[&Signer::new("EdDSA").jwk]);
    acme["claims"] = claims;
    json!({"jwt": {"acme": acme}, "tenants": {"acme": {"tier": "pro"}}})
}

#[test]
fn claims_are_found_by_name_and_by_path() {
    let token = claims(&json!({
        "https://acme.example/tenant": "dotted", "org": {"id": "inner", "plan": {"name": "basic"}},
        "org.id": "literal", "realm_access": {"roles": ["a", "b"]}, "scope": "x",
        "groups": ["g1", "g2"], "group": "only one", "acme": "acme",
    }));
    for (spec, expected) in [
        (json!({}), "- - [x]"),
        (json!({"tenant": "org.id"}), "inner - [x]"),
        (json!({"tenant": r"org\.id"}), "literal - [x]"),
        (json!({"tenant": r"https://acme\.example/tenant"}), "dotted - [x]"),
        (json!({"tier": "org.plan.name"}), "- basic [x]"),
        (json!({"tenant": "acme", "tier": "org.plan.name"}), "acme pro [x]"),
        (json!({"scopes": "realm_access.roles"}), "- - [a b]"),
        (json!({"scopes": "realm_access.nothing"}), "- - []"),
        (json!({"groups": "groups"}), "- - [x] in g1,g2"),
        (json!({"groups": "group"}), "- - [x] in only one"),
        (json!({"groups": "realm_access.roles"}), "- - [x] in a,b"),
        (json!({"groups": "nothing"}), "- - [x]"),
        (
            json!({"keep": ["org.plan", "nothing"]}),
            r#"- - [x] with {"org":{"plan":{"name":"basic"}}}"#,
        ),
        (json!({"keep": ["nothing"]}), "- - [x]"),
    ] {
        let mut gate = Gate::new(identity(spec.clone()), any_of(&["jwt.acme"]));
        let token = Signer::new("EdDSA").token(&token);
        check(&mut gate, &token, &format!("jwt.acme ann {expected}"), &spec.to_string());
    }
}

#[test]
fn claims_of_the_wrong_kind_refuse_the_token() {
    let spec = json!({"groups": "groups", "keep": ["big"]});
    for (changes, expected) in [
        (json!({"groups": 1}), "the token's groups are not a list of ids"),
        (json!({"groups": null}), "jwt.acme ann - - []"),
        (json!({"groups": {"a": "b"}}), "the token's groups are not a list of ids"),
        (json!({"groups": ["a", 1]}), "the token's groups are not a list of ids"),
        (json!({"groups": ["a", ""]}), "the token's groups are not a list of ids"),
        (json!({"groups": ["a\n"]}), "the token's groups are not a list of ids"),
        (json!({"groups": ["x".repeat(257)]}), "the token's groups are not a list of ids"),
        (
            json!({"big": "x".repeat(4087)}),
            "the token's claims that are kept are longer than 4096 bytes",
        ),
    ] {
        let mut gate = Gate::new(identity(spec.clone()), any_of(&["jwt.acme"]));
        let token = Signer::new("EdDSA").token(&claims(&changes));
        check(&mut gate, &token, expected, &changes.to_string());
    }
}

#[test]
fn paths_that_make_no_sense_are_refused() {
    let empty = "is empty; name a claim, or leave it out";
    let hollow = "\"a.\" has an empty name in it; write names with dots between them, and `\\.` \
                  for a dot in a name";
    for (spec, expected) in [
        (json!({"tenant": ""}), format!("tenant: {empty}")),
        (json!({"tier": "a."}), format!("tier: {hollow}")),
        (json!({"scopes": "a."}), format!("scopes: {hollow}")),
        (json!({"groups": ""}), format!("groups: {empty}")),
        (json!({"keep": ["a", ""]}), format!("keep[1]: {empty}")),
        (
            json!({"tenant": "https://acme.example/tenant"}),
            "tenant: \"https://acme.example/tenant\" is a URL cut at its dots; write `\\.` for a \
             dot in a name"
                .to_owned(),
        ),
    ] {
        let spec: IdentitySpec = serde_json::from_value(identity(spec)).unwrap();
        let err = Authenticator::compile(spec, SEED).err().unwrap();
        assert_eq!(err.to_string(), format!("jwt.acme.claims.{expected}"));
    }
}
