//! Conditions on a request, and rules that are tried without refusing anybody.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use serde_json::{Value, json};
use tollgate_e2e::{ACME, GLOBEX, Gateway, HOST, config};
use tollgate_support::{Answer, Call, Key, now_seconds};

const ROUTES: &str = r#"
      own:
        match: { path: "/tenants/{tenant}/reports" }
        backend: echo
        auth: { any_of: [jwt.idp, api_key] }
        allow:
          when: principal.tenant == request.path_params.tenant
      claims:
        match: { path: /claims }
        backend: echo
        auth: { any_of: [jwt.idp] }
        allow:
          when: principal.claims.orgs.exists(o, o.id == request.query.org && "admin" in o.roles)
      request:
        match: { path: /request }
        backend: echo
        auth: none
        allow:
          when: request.method == "GET" && !("x-debug" in request.headers) && request.host.endsWith(".example.com")
      tried:
        match: { path: /tried }
        backend: echo
        auth: { any_of: [api_key] }
        allow: { scopes: [orders.write] }
        shadow: [auth, allow]
"#;

fn file(key: &Key) -> String {
    let issuer = format!(
        "identity:\n  jwt:\n    idp:\n      issuer: https://id.example\n      audiences: [api]\n      \
         claims: {{ tenant: 'https://acme\\.example/tenant', keep: [orgs] }}\n      \
         jwks: {{ inline: {} }}\n",
        key.jwks()
    );
    config(ROUTES).replace("identity:\n", &issuer)
}

fn token(key: &Key, more: &Value) -> String {
    let mut claims = json!({
        "iss": "https://id.example", "aud": "api", "sub": "ada", "exp": now_seconds() + 600,
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    key.sign(&claims).unwrap()
}

fn is_refused(answer: &Answer, problem: &str) {
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(answer.json()["type"], format!("urn:tollgate:problem:{problem}"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_hold_for_remembered_callers_too() {
    let key = Key::new("ES256", "k1").unwrap();
    let gateway = Gateway::start(&file(&key)).await.unwrap();
    let acme = token(&key, &json!({"https://acme.example/tenant": "acme"}));
    let orgs = json!([{"id": "o1", "roles": ["admin"]}, {"id": "o2", "roles": ["user"]}]);
    let member = token(&key, &json!({"orgs": orgs}));
    let bearer = |path: &str, token: &str| Call::get(HOST, path).bearer(token);
    let keyed = |path: &str| Call::get(HOST, path).header("x-api-key", ACME);
    for (call, refusal) in [
        (bearer("/tenants/acme/reports", &acme), None),
        (bearer("/tenants/globex/reports", &acme), Some("forbidden")),
        (bearer("/tenants/acme/reports", &member), Some("undecided")),
        (keyed("/tenants/acme/reports"), None),
        (keyed("/tenants/globex/reports"), Some("forbidden")),
        (bearer("/claims?org=o1", &member), None),
        (bearer("/claims?org=o2", &member), Some("forbidden")),
        (bearer("/claims", &member), Some("undecided")),
        (bearer("/claims?org=o1&org=o1", &member), Some("undecided")),
        (bearer("/claims?org=o1", &acme), Some("undecided")),
        (Call::get(HOST, "/request"), None),
        (Call::get(HOST, "/request").header("x-debug", "\u{e9}"), Some("forbidden")),
        (Call::new("POST", HOST, "/request"), Some("forbidden")),
    ] {
        for _ in 0..2 {
            let answer = gateway.send(&call).await.unwrap();
            match refusal {
                Some(problem) => is_refused(&answer, problem),
                None => assert_eq!(answer.status, 200, "{call:?}: {answer:?}"),
            }
        }
    }
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_refuses_nobody_and_is_seen_in_the_access_log() {
    let key = Key::new("ES256", "k1").unwrap();
    let gateway = Gateway::start(&file(&key)).await.unwrap();
    let tried = |value: &str| Call::get(HOST, "/tried").header("x-api-key", value);
    for (call, subject, report) in [
        (Call::get(HOST, "/tried"), None, "tollgate.unauthenticated"),
        (tried("no-such-key"), None, "tollgate.invalid-api-key"),
        (tried(GLOBEX), Some("globex-1"), "tollgate.insufficient-scope"),
    ] {
        let spoofed = call.header("x-tollgate-tenant", "evil").header("x-tollgate-groups", "evil");
        let seen = gateway.through(&spoofed).await.unwrap();
        let expected: Vec<&str> = subject.into_iter().collect();
        assert_eq!(seen.values("x-tollgate-subject"), expected, "{seen:?}");
        assert_eq!(seen.values("x-tollgate-groups"), [""; 0], "{seen:?}");
        assert!(!seen.values("x-tollgate-tenant").contains(&"evil"), "{seen:?}");
        assert_eq!(seen.values("x-api-key"), [""; 0], "{seen:?}");
        let id = seen.values("x-request-id").join("");
        let line = logged(&gateway, &id).await;
        assert_eq!((&line["shadow"], &line["status"]), (&json!(report), &json!(200)), "{line}");
    }
    // Where nothing would have been refused, there is nothing to say.
    let call = Call::get(HOST, "/tenants/acme/reports").header("x-api-key", ACME);
    let seen = gateway.through(&call).await.unwrap();
    let line = logged(&gateway, &seen.values("x-request-id").join("")).await;
    assert_eq!(line.get("shadow"), None, "{line}");
    gateway.never_trapped().await.unwrap();
}

/// Envoy writes its access log in intervals.
async fn logged(gateway: &Gateway, request_id: &str) -> Value {
    let patience = std::time::Duration::from_secs(20);
    tollgate_support::eventually("the access log", patience, async || {
        gateway.envoy.access_log().into_iter().find(|line| line["request_id"] == request_id)
    })
    .await
    .unwrap()
}
