//! What the pipeline makes of what operations ask of callers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod common;

use common::{Gate, after, config, edits, show};
use serde_json::{Value, json};
use tollgate_core::property;
use tollgate_gateway::{Contract, ContractSpec};

const ACME: (&str, &str) = ("x-api-key", "acme-key");
const GLOBEX: (&str, &str) = ("x-api-key", "globex-key");

/// An operation at `/t/{tenant}`, with everything else as `fields` say.
fn contract(fields: &Value) -> Value {
    let mut operation = json!({
        "name": "get", "group": "a", "match": {"path": "/t/{tenant}"},
        "access": {"auth": {"any_of": ["api_key"]}},
    });
    for (name, value) in fields.as_object().unwrap() {
        operation[name] = value.clone();
    }
    json!({"api": "orders", "operations": [operation]})
}

fn gate(fields: &Value) -> Gate {
    let mut config = config();
    config["identity"]["anonymous"] = json!({"tier": "free"});
    config["tiers"]["free"] = json!({"limits": [{"requests": 1, "per": "hour"}]});
    Gate::of(&config, &contract(fields))
}

#[test]
fn conditions_compare_the_caller_with_the_path() {
    let when = "principal.tenant == request.path_params.tenant && request.host == 'orders.example' \
                && (request.method == 'GET' || request.query.force == 'yes')";
    let allow = json!({"auth": {"any_of": ["api_key"]}, "allow": {"when": when}});
    let mut gate = gate(&json!({"access": allow}));
    for (method, path, key, expected) in [
        ("GET", "/t/acme", ACME, "200"),
        ("GET", "/t/acme/", ACME, "200"),
        ("GET", "/t/globex", ACME, "403 forbidden"),
        ("GET", "/t/globex", GLOBEX, "200"),
        ("PUT", "/t/acme", ACME, "403 undecided"),
        ("PUT", "/t/acme?force=yes", ACME, "200"),
        ("PUT", "/t/acme?force=no", ACME, "403 forbidden"),
        ("PUT", "/t/acme?force=yes&force=yes", ACME, "403 undecided"),
    ] {
        assert_eq!(show(&gate.ask(method, path, &[key])), expected, "{method} {path} {key:?}");
    }
}

/// The backend is told of nobody in particular that it has a tier, and no more.
#[test]
fn nobody_in_particular_has_a_tier_and_a_count_of_its_own() {
    let mut gate = gate(&json!({
        "access": {"auth": {"optional": ["api_key"]}},
        "request": {"headers": {"set": {"x-who": "{principal.subject}", "x-how": "{principal.method}"}}},
    }));
    let sent = [("x-tollgate-subject", "evil"), ("x-tollgate-groups", "evil"), ("x-who", "evil")];
    let edits = edits(gate.get("/t/x", &sent));
    let expected = [("x-how", "anonymous"), ("x-tollgate-tier", "free")];
    assert_eq!(
        after(&sent, &edits.request),
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert!(show(&gate.get("/t/x", &[])).starts_with("429 rate-limited"));
    // Somebody else's is another one, and so is another address's.
    assert_eq!(show(&gate.get("/t/x", &[GLOBEX])), "200");
    gate.host.properties.insert(property::CALLER_ADDRESS.to_vec(), b"192.0.2.8:1".to_vec());
    assert_eq!(show(&gate.get("/t/x", &[])), "200");
}

#[test]
fn what_is_shadowed_is_reported_and_refuses_nobody() {
    let scoped =
        |scope: &str| json!({"auth": {"any_of": ["api_key"]}, "allow": {"scopes": [scope]}});
    let open = json!({"auth": {"any_of": ["api_key"]}});
    let wrong = ("x-api-key", "wrong");
    for (shadow, access, keys, expected, report) in [
        (json!(["auth"]), &open, &[ACME][..], "200", None),
        (json!(["auth"]), &open, &[], "200", Some("tollgate.unauthenticated")),
        (json!(["auth"]), &open, &[wrong], "200", Some("tollgate.invalid-api-key")),
        (json!(["auth"]), &open, &[ACME, GLOBEX], "200", Some("tollgate.duplicate-credentials")),
        (json!(["allow"]), &scoped("orders.read"), &[ACME], "200", None),
        (
            json!(["allow"]),
            &scoped("orders.read"),
            &[GLOBEX],
            "200",
            Some("tollgate.insufficient-scope"),
        ),
        (json!(["allow"]), &scoped("orders.read"), &[wrong], "401 invalid-api-key", None),
        (json!(["auth", "allow"]), &scoped("x"), &[wrong], "200", Some("tollgate.invalid-api-key")),
        (
            json!(["allow", "auth"]),
            &scoped("x"),
            &[ACME],
            "200",
            Some("tollgate.insufficient-scope"),
        ),
        (json!([]), &scoped("x"), &[ACME], "403 insufficient-scope", None),
    ] {
        let mut gate = gate(&json!({"access": access, "shadow": shadow}));
        let verdict = gate.get("/t/x", keys);
        assert!(show(&verdict).starts_with(expected), "{shadow} {keys:?}: {}", show(&verdict));
        let told =
            gate.host.properties.get(property::SHADOW).map(|told| str::from_utf8(told).unwrap());
        assert_eq!(told, report, "{shadow} {keys:?}");
        assert_eq!(gate.host.calls.set_property, u32::from(report.is_some()));
    }
}

/// Whoever passes although it would have been refused says nothing by headers
/// of ours, and no credential reaches the backend.
#[test]
fn what_is_shadowed_tells_the_backend_nothing_that_is_not_proved() {
    let access = json!({"auth": {"any_of": ["api_key"]}, "allow": {"scopes": ["x"]}});
    let mut gate = gate(&json!({"access": access, "shadow": ["auth", "allow"]}));
    let evil = [("x-tollgate-tenant", "evil"), ("X_Tollgate.Subject", "evil"), ("x-real-ip", "1")];
    let sent = [&[("x-api-key", "wrong")], &evil[..]].concat();
    assert_eq!(after(&sent, &edits(gate.get("/t/x", &sent)).request), []);
    let sent = [&[ACME], &evil[..]].concat();
    let seen = after(&sent, &edits(gate.get("/t/x", &sent)).request);
    let seen: Vec<_> = seen.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(
        seen,
        [
            "x-tollgate-scopes: orders.read orders.write",
            "x-tollgate-subject: k1",
            "x-tollgate-tenant: acme",
            "x-tollgate-tier: pro",
        ]
    );
}

#[test]
fn shadows_that_make_no_sense_are_refused() {
    let open = json!({"auth": {"any_of": ["api_key"]}});
    let scoped = json!({"auth": {"any_of": ["api_key"]}, "allow": {"scopes": ["x"]}});
    let public = json!({"auth": "none"});
    for (shadow, access, expected) in [
        (json!(["auth", "auth"]), &open, "shadow[1]: stands twice; remove one"),
        (json!(["auth"]), &public, "shadow[0]: `auth: none` refuses nobody; remove it"),
        (json!(["auth", "allow"]), &open, "shadow[1]: nothing is asked for in `allow`; remove it"),
        (
            json!(["auth"]),
            &scoped,
            "shadow: `allow` is about who is calling, so it cannot refuse while `auth` does not; \
             add allow",
        ),
    ] {
        let contract = contract(&json!({"access": access, "shadow": shadow}));
        let spec: ContractSpec = serde_json::from_value(contract).unwrap();
        let identity = serde_json::from_value(config()["identity"].clone()).unwrap();
        let authenticator =
            tollgate_auth::Authenticator::compile(identity, tollgate_core::Seed([7; 16])).unwrap();
        let err = Contract::compile(spec, &authenticator).err().unwrap();
        assert_eq!(err.to_string(), format!("operations[0].{expected}"));
    }
}
