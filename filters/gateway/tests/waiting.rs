//! Requests that wait until somebody else tells who is calling.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod common;

use common::{Gate, after, config, contract, edits, show};
use serde_json::{Value, json};
use tollgate_core::{Answer, CallId, Filter as _, Timestamp};

const TOKEN: (&str, &str) = ("authorization", "Bearer opaque");

const UNREADABLE: &str = "503 caller-unknown retry-after: 1";

/// A gate with a provider, and one operation for its tokens.
fn gate(changes: &Value) -> Gate {
    let mut config = config();
    config["identity"]["introspection"] = json!({"idp": {
        "cluster": "idp", "path": "/introspect", "authority": "id.example",
        "claims": {"tenant": "tenant"},
    }});
    let mut operation = json!({
        "name": "opaque", "group": "a", "match": {"path": "/opaque"},
        "access": {"auth": {"any_of": ["introspection.idp"]}},
    });
    operation.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let mut contract = contract();
    contract["operations"].as_array_mut().unwrap().push(operation);
    Gate::of(&config, &contract)
}

fn answer(gate: &mut Gate, call: u32, body: &str) {
    let headers = [(":status", "200")].into_iter().collect();
    let answer = Answer { headers, body: body.as_bytes().to_vec() };
    let mut cx = gate.host.at(Timestamp::from_seconds(1_000_000));
    gate.gateway.on_answer(CallId(call), &answer, &mut cx);
}

#[test]
fn the_backend_is_told_what_the_provider_said() {
    let mut gate = gate(&json!({}));
    assert_eq!(show(&gate.get("/opaque", &[TOKEN])), "waits");
    answer(&mut gate, 0, r#"{"active":true,"sub":"ann","tenant":"acme","scope":"a b"}"#);
    let edits = edits(gate.get("/opaque", &[TOKEN]));
    let headers = after(&[TOKEN, ("x-tollgate-tenant", "globex")], &edits.request);
    let expected = [
        ("x-tollgate-scopes", "a b"),
        ("x-tollgate-subject", "ann"),
        ("x-tollgate-tenant", "acme"),
        ("x-tollgate-tier", "pro"),
    ];
    let identity = headers.iter().map(|(name, value)| (&**name, &**value));
    assert!(
        expected.iter().all(|pair| identity.clone().any(|found| found == *pair)),
        "{headers:?}"
    );
    assert!(headers.iter().all(|(name, _)| name != "authorization"), "{headers:?}");
}

/// However often it is judged: what waits has been counted nowhere.
#[test]
fn a_request_that_waits_is_counted_once() {
    let mut gate = gate(&json!({"limits": [{"by": ["tenant"], "requests": 2, "per": "hour"}]}));
    for _ in 0..10 {
        assert_eq!(show(&gate.get("/opaque", &[TOKEN])), "waits");
    }
    answer(&mut gate, 0, r#"{"active":true,"sub":"ann","tenant":"globex"}"#);
    assert_eq!(show(&gate.get("/opaque", &[TOKEN])), "200");
    assert_eq!(show(&gate.get("/opaque", &[TOKEN])), "200");
    assert!(show(&gate.get("/opaque", &[TOKEN])).starts_with("429 "));
    assert_eq!(gate.host.called.len(), 1);
}

#[test]
fn what_refuses_nobody_waits_all_the_same() {
    for (body, shadow) in [
        (r#"{"active":true,"sub":"ann"}"#, None),
        (r#"{"active":false}"#, Some("tollgate.invalid-token")),
        ("garbage", Some("tollgate.caller-unknown")),
    ] {
        let mut gate = gate(&json!({"shadow": ["auth"]}));
        assert_eq!(show(&gate.get("/opaque", &[TOKEN])), "waits");
        answer(&mut gate, 0, body);
        assert_eq!(show(&gate.get("/opaque", &[TOKEN])), "200");
        let found = gate.host.properties.get(&b"tollgate.shadow"[..]);
        assert_eq!(found.map(|found| str::from_utf8(found).unwrap()), shadow, "{body}");
    }
}

#[test]
fn optional_credentials_that_cannot_be_judged_are_refused() {
    let access = json!({"auth": {"optional": ["introspection.idp"]}});
    let mut gate = gate(&json!({"access": access}));
    assert_eq!(show(&gate.get("/opaque", &[])), "200");
    assert_eq!(show(&gate.get("/opaque", &[TOKEN])), "waits");
    answer(&mut gate, 0, "garbage");
    assert_eq!(show(&gate.get("/opaque", &[TOKEN])), UNREADABLE);
}

#[test]
fn nobody_waits_where_tokens_are_not_accepted() {
    let mut gate = gate(&json!({}));
    assert!(show(&gate.get("/keyed", &[TOKEN])).starts_with("401 "));
    assert_eq!(show(&gate.get("/public/x", &[TOKEN])), "200");
    assert_eq!(gate.host.called, []);
}
