//! Who may call what, once it is known who is calling.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use serde_json::{Value, json};
use tollgate_e2e::{Gateway, HOST, config};
use tollgate_support::{Call, Key, now_seconds};

const ROUTES: &str = r"
      any-scope:
        match: { path: /any-scope }
        backend: echo
        auth: { any_of: [jwt.idp] }
        allow: { scopes: { any: [orders.read, orders.admin] } }
      group:
        match: { path: /group }
        backend: echo
        auth: { any_of: [jwt.idp] }
        allow: { groups: [clerks, managers] }
      claim:
        match: { path: /claim }
        backend: echo
        auth: { any_of: [jwt.idp] }
        allow: { claims: { amr: [mfa, hwk], org.region: eu } }
      optional:
        match: { path: /optional }
        backend: echo
        auth: { optional: [jwt.idp] }
";

fn file(key: &Key) -> String {
    let issuer = format!(
        "identity:\n  anonymous: {{ tier: guests }}\n  jwt:\n    idp:\n      issuer: https://id.example\n      \
         audiences: [api]\n      claims:\n        tenant: org.id\n        groups: realm_access.roles\n        \
         keep: [amr, org.region]\n      jwks: {{ inline: {} }}\n",
        key.jwks()
    );
    let tiers = "tiers:\n  guests: { limits: [{ requests: 2, per: hour }] }\n";
    config(ROUTES).replace("identity:\n", &issuer).replace("tiers:\n", tiers)
}

fn token(key: &Key, more: &Value) -> String {
    let mut claims = json!({
        "iss": "https://id.example", "aud": "api", "sub": "ada", "exp": now_seconds() + 600,
    });
    let fields = claims.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    key.sign(&claims).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_groups_and_claims_decide_for_remembered_callers_too() {
    let key = Key::new("ES256", "k1").unwrap();
    let gateway = Gateway::start(&file(&key)).await.unwrap();
    let region =
        |region: &str, amr: Value| json!({"amr": amr, "org": {"id": "acme", "region": region}});
    for (path, claims, status, problem) in [
        ("/any-scope", json!({"scope": "x orders.admin"}), 200, ""),
        ("/any-scope", json!({"scope": "orders.write"}), 403, "insufficient-scope"),
        ("/group", json!({"realm_access": {"roles": ["guests", "clerks"]}}), 200, ""),
        ("/group", json!({"realm_access": {"roles": ["guests"]}}), 403, "forbidden"),
        ("/group", json!({"roles": ["clerks"]}), 403, "forbidden"),
        ("/claim", region("eu", json!(["pwd", "mfa"])), 200, ""),
        ("/claim", region("eu", json!("hwk")), 200, ""),
        ("/claim", region("us", json!("hwk")), 403, "forbidden"),
        ("/claim", region("eu", json!(["pwd"])), 403, "forbidden"),
        ("/claim", json!({}), 403, "forbidden"),
    ] {
        let token = token(&key, &claims);
        // The second time the worker remembers the caller, and asks again all the same.
        for _ in 0..2 {
            let answer = gateway.send(&Call::get(HOST, path).bearer(&token)).await.unwrap();
            assert_eq!(answer.status, status, "{path} {claims}: {answer:?}");
            if status != 200 {
                let name = format!("urn:tollgate:problem:{problem}");
                assert_eq!(answer.json()["type"], name, "{path} {claims}");
            }
        }
    }
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_is_told_groups_and_a_tenant_from_a_nested_claim() {
    let key = Key::new("ES256", "k1").unwrap();
    let gateway = Gateway::start(&file(&key)).await.unwrap();
    let claims =
        json!({"org": {"id": "acme"}, "realm_access": {"roles": ["clerks", "a,managers"]}});
    let call = Call::get(HOST, "/group").bearer(&token(&key, &claims));
    let seen = gateway.through(&call.header("x-tollgate-groups", "managers")).await.unwrap();
    assert_eq!(seen.values("x-tollgate-tenant"), ["acme"]);
    assert_eq!(seen.values("x-tollgate-groups"), ["a%2cmanagers,clerks"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_may_call_where_credentials_are_optional_and_a_bad_one_may_not() {
    let key = Key::new("ES256", "k1").unwrap();
    let gateway = Gateway::start(&file(&key)).await.unwrap();
    let seen = gateway.through(&Call::get(HOST, "/optional")).await.unwrap();
    assert_eq!(seen.values("x-tollgate-subject"), [""; 0], "{seen:?}");
    let known = Call::get(HOST, "/optional").bearer(&token(&key, &json!({})));
    assert_eq!(gateway.through(&known).await.unwrap().values("x-tollgate-subject"), ["ada"]);
    let bad = Call::get(HOST, "/optional").bearer("a.b.c");
    assert_eq!(gateway.send(&bad).await.unwrap().status, 401);
    // The tier of those who show nothing holds for each address.
    let statuses = [
        gateway.send(&Call::get(HOST, "/optional")).await.unwrap().status,
        gateway.send(&Call::get(HOST, "/optional")).await.unwrap().status,
        gateway.send(&known).await.unwrap().status,
    ];
    assert_eq!(statuses, [200, 429, 200]);
    gateway.never_trapped().await.unwrap();
}
