//! Configurations of those who are asked that are refused, and with which words.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up has failed"
)]

use serde_json::{Value, json};
use tollgate_auth::{Access, Authenticator, IdentitySpec};
use tollgate_core::Seed;

#[test]
fn endpoints_that_make_no_sense_are_refused() {
    for (changes, expected) in [
        (
            json!({"cluster": ""}),
            "cluster: is empty; name the cluster of Envoy that leads to the endpoint",
        ),
        (json!({"path": ""}), &path("")),
        (json!({"path": "introspect"}), &path("introspect")),
        (json!({"path": "/a b"}), &path("/a b")),
        (json!({"path": "/a#b"}), &path("/a#b")),
        (json!({"authority": ""}), &authority("")),
        (json!({"authority": "a\r\nb"}), &authority("a\\r\\nb")),
        (json!({"authority": "http://id.example"}), &authority("http://id.example")),
        (json!({"authority": "me@id.example"}), &authority("me@id.example")),
        (json!({"authorization": "canary"}), AUTHORIZATION),
        (json!({"authorization": "Basic "}), AUTHORIZATION),
        (json!({"authorization": "Bearer canary canary"}), AUTHORIZATION),
        (json!({"authorization": "Digest canary"}), AUTHORIZATION),
        (json!({"authorization": "Bearer canary\n"}), AUTHORIZATION),
        (
            json!({"timeout_milliseconds": 0}),
            "timeout_milliseconds: 0 is not between 1 and 5000; callers wait that long",
        ),
        (
            json!({"timeout_milliseconds": 5001}),
            "timeout_milliseconds: 5001 is not between 1 and 5000; callers wait that long",
        ),
    ] {
        let endpoint = changed(&changes);
        refused(
            json!({"introspection": {"acme": endpoint}}),
            &format!("introspection.acme.{expected}"),
        );
        let api_key = json!({"from": [{"header": "x-api-key"}], "lookup": endpoint});
        refused(json!({"api_key": api_key}), &format!("api_key.lookup.{expected}"));
    }
}

const AUTHORIZATION: &str = "authorization: is not `Basic CREDENTIALS` or `Bearer TOKEN` in \
                             visible ASCII; leave it empty if the endpoint asks for none";

fn path(written: &str) -> String {
    format!(
        "path: \"{written}\" is not the path of an endpoint; write one such as \
         /oauth2/introspect, without blanks and without a fragment"
    )
}

fn authority(written: &str) -> String {
    format!("authority: \"{written}\" is not a host; write one such as id.example.com")
}

#[test]
fn providers_that_make_no_sense_are_refused() {
    for (changes, expected) in [
        (
            json!({"ttl_seconds": 301}),
            "ttl_seconds: 301 is more than 300; a token that is revoked would work that much \
             longer",
        ),
        (json!({"issuer": ""}), "issuer: is empty; give the exact value of `iss`, or leave it out"),
        (
            json!({"audiences": ["api", ""]}),
            "audiences[1]: is empty; give the exact value of `aud`",
        ),
        (
            json!({"claims": {"tenant": ""}}),
            "claims.tenant: is empty; name a claim, or leave it out",
        ),
        (
            json!({"claims": {"keep": ["a", ""]}}),
            "claims.keep[1]: is empty; name a claim, or leave it out",
        ),
    ] {
        let introspection = json!({"acme": changed(&changes)});
        refused(json!({"introspection": introspection}), &format!("introspection.acme.{expected}"));
    }
    for name in ["", "a.b", "a b", "ä"] {
        refused(
            json!({"introspection": {name: changed(&json!({}))}}),
            &format!(
                "introspection.{name}: is not a name for a provider; use letters, digits, `-` and \
                 `_`"
            ),
        );
    }
}

#[test]
fn bounds_are_allowed() {
    for changes in [
        json!({}),
        json!({"timeout_milliseconds": 1, "ttl_seconds": 0}),
        json!({"timeout_milliseconds": 5000, "ttl_seconds": 300}),
        json!({"authorization": "", "issuer": null, "audiences": []}),
        json!({"authorization": "Basic Zm9vOmJhcg==", "path": "/", "authority": "[::1]:8080"}),
    ] {
        assert_eq!(compile(json!({"introspection": {"A-z_9": changed(&changes)}})), None);
    }
}

#[test]
fn unknown_fields_are_refused() {
    let introspection = json!({"acme": changed(&json!({"ttl": 5}))});
    let spec = serde_json::from_value::<IdentitySpec>(json!({"introspection": introspection}));
    assert!(spec.unwrap_err().to_string().starts_with("unknown field `ttl`, expected"));
}

#[test]
fn routes_name_providers_that_there_are() {
    let providers: Value = ["a", "b", "c", "d", "e"]
        .into_iter()
        .map(|name| (name.to_owned(), changed(&json!({"claims": {"keep": ["plan"]}}))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let authenticator = authenticator(json!({"introspection": providers})).unwrap();
    let known = "write introspection.a or introspection.b or introspection.c or introspection.d \
                 or introspection.e";
    let all = ["a", "b", "c", "d", "e"].map(|name| format!("introspection.{name}"));
    for (access, expected) in [
        (json!({"auth": {"any_of": all[..4]}}), None),
        (
            json!({"auth": {"any_of": all}}),
            Some(
                "auth.any_of[4]: is one provider more than 4 that would be asked about a token; \
                 name fewer"
                    .to_owned(),
            ),
        ),
        (
            json!({"auth": {"optional": ["introspection.x"]}}),
            Some(format!("auth.optional[0]: no provider is named \"x\"; {known}")),
        ),
        (
            json!({"auth": {"any_of": ["jwt.a"]}}),
            Some(format!("auth.any_of[0]: no issuer is named \"a\"; {known}")),
        ),
        (
            json!({"auth": {"any_of": ["introspection.a"]}, "allow": {"claims": {"plan": "x"}}}),
            None,
        ),
        (
            json!({"auth": {"any_of": all[..2]}, "allow": {"claims": {"team": "x"}}}),
            Some(
                "allow.claims.team: no issuer that the route accepts keeps the claim \"team\"; \
                 add it to `claims.keep` of introspection.a or introspection.b"
                    .to_owned(),
            ),
        ),
    ] {
        let spec = serde_json::from_value(access.clone()).unwrap();
        let fault = Access::compile(spec, &[], &authenticator).err().map(|err| err.to_string());
        assert_eq!(fault, expected, "{access}");
    }
}

#[test]
fn credentials_are_never_shown() {
    let endpoint = changed(&json!({"authorization": "Basic canary"}));
    let spec: IdentitySpec = serde_json::from_value(json!({
        "introspection": {"acme": endpoint},
        "api_key": {"from": [], "lookup": endpoint},
    }))
    .unwrap();
    let shown = format!("{spec:?}");
    assert_eq!(shown.matches("authorization: [redacted]").count(), 2, "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
    let written = serde_json::to_string(&spec).unwrap();
    assert_eq!(written.matches("Basic canary").count(), 2, "{written}");
    assert_eq!(serde_json::from_str::<IdentitySpec>(&written).unwrap(), spec);
}

/// An endpoint that is in order, with members changed.
fn changed(changes: &Value) -> Value {
    let mut endpoint = json!({"cluster": "id", "path": "/introspect", "authority": "id.example"});
    endpoint.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    endpoint
}

fn authenticator(identity: Value) -> Result<Authenticator, String> {
    let spec: IdentitySpec = serde_json::from_value(identity).unwrap();
    Authenticator::compile(spec, Seed([3; 16])).map_err(|fault| fault.to_string())
}

fn compile(identity: Value) -> Option<String> {
    authenticator(identity).err()
}

fn refused(identity: Value, expected: &str) {
    let shown = identity.to_string();
    assert_eq!(compile(identity).as_deref(), Some(expected), "{shown}");
}
