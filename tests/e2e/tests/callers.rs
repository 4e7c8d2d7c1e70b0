//! Who is let in, and what the others are told.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use serde_json::{Value, json};
use tollgate_e2e::{ACME, GLOBEX, Gateway, HOST, config};
use tollgate_support::{Answer, Call, Key, Protocol, now_seconds};

const ROUTES: &str = r#"
      public: { match: { path: /public }, backend: echo, auth: none }
      keyed:
        match: { path: "/keyed/{id}" }
        backend: echo
        auth: { any_of: [api_key] }
      scoped:
        match: { path: "/scoped" }
        backend: echo
        auth: { any_of: [api_key] }
        allow: { scopes: [orders.read] }
      get-only: { match: { path: /get-only, methods: [GET] }, backend: echo, auth: none }
      closed:
        match: { path: /pkg.Service/Call }
        backend: echo
        auth: { any_of: [api_key] }
        limits: [{ by: [tenant], requests: 1, per: hour }]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn api_keys_are_recognised_and_do_not_reach_the_backend() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    let call = Call::get(HOST, "/keyed/7?x=1").header("x-api-key", ACME);
    let seen = gateway.through(&call).await.unwrap();
    assert_eq!(seen.path, "/keyed/7?x=1");
    for (header, expected) in [
        ("x-api-key", &[][..]),
        ("x-tollgate-tenant", &["acme"]),
        ("x-tollgate-subject", &["acme-1"]),
        ("x-tollgate-tier", &["basic"]),
        ("x-tollgate-scopes", &["orders.read"]),
    ] {
        assert_eq!(seen.values(header), expected, "{header} in {seen:?}");
    }
    // A route for anybody: the key is not needed there, and not passed on either.
    let call = Call::get(HOST, "/public").header("x-api-key", ACME);
    assert_eq!(gateway.through(&call).await.unwrap().values("x-api-key"), [""; 0]);
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_what_is_the_matter_and_never_reach_the_backend() {
    let mut gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    let keyed = |value: &str| Call::get(HOST, "/keyed/7").header("x-api-key", value);
    for (call, status, problem) in [
        (Call::get(HOST, "/keyed/7"), 401, "unauthenticated"),
        (keyed("no-such-key"), 401, "invalid-api-key"),
        (keyed(""), 401, "invalid-api-key"),
        (Call::get(HOST, "/scoped").header("x-api-key", GLOBEX), 403, "insufficient-scope"),
        (Call::get(HOST, "/nowhere"), 404, "no-route"),
        (Call::new("POST", HOST, "/get-only"), 405, "method-not-allowed"),
        (Call::get("elsewhere.example.com", "/public"), 404, "no-route"),
        (keyed(ACME).header("x-api-key", ACME), 400, "duplicate-credentials"),
        (keyed(ACME).header("x-api-key", GLOBEX), 400, "duplicate-credentials"),
    ] {
        let answer = gateway.send(&call).await.unwrap();
        is_problem(&answer, status, problem);
        let request_id = answer.json()["request_id"].clone();
        assert!(request_id.as_str().is_some_and(|id| 8 < id.len()), "{answer:?}");
        is_logged(&mut gateway, &request_id, &format!("tollgate.{problem}")).await;
    }
    assert_eq!(gateway.upstream.count(), 0);
    gateway.never_trapped().await.unwrap();
}

fn is_problem(answer: &Answer, status: u16, problem: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    let body = answer.json();
    assert_eq!(body["type"], format!("urn:tollgate:problem:{problem}"), "{body}");
    assert_eq!(body["status"], status, "{body}");
    assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
    let asks = status == 401 || problem == "duplicate-credentials";
    assert_eq!(answer.header("www-authenticate").is_some(), asks, "{answer:?}");
    assert_eq!(answer.header("allow").is_some(), status == 405, "{answer:?}");
}

/// Envoy writes its access log in intervals.
async fn is_logged(gateway: &mut Gateway, request_id: &Value, details: &str) {
    let patience = std::time::Duration::from_secs(20);
    let line = tollgate_support::eventually("the access log", patience, async || {
        gateway.envoy.access_log().into_iter().find(|line| contains(line, request_id))
    })
    .await
    .unwrap();
    assert!(contains(&line, &json!(details)), "{details} in {line}");
    for secret in [ACME, GLOBEX, "no-such-key"] {
        assert!(!line.to_string().contains(secret), "a secret in the access log: {line}");
    }
}

fn contains(line: &Value, value: &Value) -> bool {
    line.as_object().is_some_and(|fields| fields.values().any(|field| field == value))
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_callers_are_told_in_grpc() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    let call = || Call::new("POST", HOST, "/pkg.Service/Call").header("te", "trailers");
    let grpc = || call().header("content-type", "application/grpc");
    let elsewhere = || Call::new("POST", HOST, "/pkg.Service/Other");
    // The first request takes the whole allowance of the limit.
    let admitted = Call::get(HOST, "/pkg.Service/Call").header("x-api-key", ACME);
    assert_eq!(gateway.send(&admitted).await.unwrap().status, 200);
    for (call, expected) in [
        (grpc(), "16"),
        (grpc().header("x-api-key", "no-such-key"), "16"),
        (grpc().header("x-api-key", ACME), "8"),
        (elsewhere().header("content-type", "application/grpc"), "12"),
    ] {
        let answer = call.send_over(Protocol::Http2, gateway.address).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("grpc-status"), Some(expected), "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/grpc"), "{answer:?}");
    }
    gateway.never_trapped().await.unwrap();
}

/// All that have their own key here; HMAC may not stand beside the others, so
/// each is an issuer of its own.
const ALGORITHMS: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "HS256", "HS384", "HS512"];

fn issuers(keys: &[(&str, Key)]) -> String {
    let issuers: Vec<String> = keys
        .iter()
        .map(|(name, key)| {
            format!(
                "    {name}:\n      issuer: https://{name}.example\n      audiences: [api]\n      \
                 clock_skew: 0s\n      claims: {{ tenant: tenant, scopes: scope }}\n      \
                 jwks: {{ inline: {} }}\n",
                key.jwks()
            )
        })
        .collect();
    let routes: Vec<String> = keys
        .iter()
        .map(|(name, _)| {
            format!(
                "      {name}:\n        match: {{ path: /{name} }}\n        backend: echo\n        \
                 auth: {{ any_of: [jwt.{name}] }}\n        allow: {{ scopes: [orders.read] }}\n"
            )
        })
        .collect();
    config(&routes.concat())
        .replace("identity:\n", &format!("identity:\n  jwt:\n{}", issuers.concat()))
}

fn claims(issuer: &str) -> Value {
    json!({
        "iss": format!("https://{issuer}.example"),
        "aud": "api",
        "sub": "ada",
        "tenant": "acme",
        "scope": "orders.list orders.read",
        "exp": now_seconds() + 600,
    })
}

fn with(issuer: &str, changes: &Value) -> Value {
    let mut claims = claims(issuer);
    let fields = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    claims
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_every_algorithm_are_verified() {
    let keys = ALGORITHMS.map(|name| (name, Key::new(name, "k1").unwrap()));
    let gateway = Gateway::start(&issuers(&keys)).await.unwrap();
    for (name, key) in &keys {
        let path = format!("/{name}");
        let token = key.sign(&claims(name)).unwrap();
        // On one connection: the second time, the worker remembers the caller.
        for _ in 0..2 {
            let seen = gateway.through(&Call::get(HOST, &path).bearer(&token)).await.unwrap();
            assert_eq!(seen.values("x-tollgate-subject"), ["ada"], "{name}: {seen:?}");
            assert_eq!(seen.values("authorization"), [""; 0], "{name}: {seen:?}");
        }
        let stranger = Key::new(name, "k1").unwrap();
        for (what, token) in [
            ("altered", altered(&token)),
            ("unsigned", token.rsplit_once('.').unwrap().0.to_owned() + "."),
            // The test's RSA key is always the same one, so there is no other to sign with.
            (
                "by a stranger",
                match *name {
                    "RS256" | "RS384" | "RS512" | "PS256" => altered(&token),
                    _ => stranger.sign(&claims(name)).unwrap(),
                },
            ),
        ] {
            let answer = gateway.send(&Call::get(HOST, &path).bearer(&token)).await.unwrap();
            is_problem(&answer, 401, "invalid-token");
            assert!(answer.header("www-authenticate").unwrap().contains("Bearer"), "{name} {what}");
        }
    }
    gateway.never_trapped().await.unwrap();
}

/// The same token for another subject.
fn altered(token: &str) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    // Somewhere in the middle of the claims, where every character counts.
    let at = parts[1].len() / 2;
    let other = if parts[1].as_bytes()[at] == b'A' { "B" } else { "A" };
    parts[1].replace_range(at..=at, other);
    parts.join(".")
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_prove_nothing_are_refused() {
    let keys = ["ES256", "EdDSA"].map(|name| (name, Key::new(name, "k1").unwrap()));
    let gateway = Gateway::start(&issuers(&keys)).await.unwrap();
    let [(_, es256), (_, eddsa)] = &keys;
    let now = now_seconds();
    let changed = |changes: Value| es256.sign(&with("ES256", &changes)).unwrap();
    // The algorithm is the key's: a token cannot choose that the public key is a secret.
    let secret = Key::new("HS256", "k1").unwrap();
    for (what, token, status) in [
        ("as it should be", changed(json!({})), 200),
        ("one of several audiences", changed(json!({"aud": ["web", "api"]})), 200),
        ("that nearly never expires", changed(json!({"exp": 1e300})), 200),
        ("expired", changed(json!({"exp": now - 60})), 401),
        ("expired a moment ago", changed(json!({"exp": now - 1})), 401),
        ("expired before there was time", changed(json!({"exp": -1})), 401),
        ("without expiry", changed(json!({"exp": null})), 401),
        ("expiry is no number", changed(json!({"exp": "tomorrow"})), 401),
        ("not yet valid", changed(json!({"nbf": now + 600})), 401),
        ("issued tomorrow", changed(json!({"iat": now + 86_400})), 401),
        ("of somebody who is two", changed(json!({"sub": ["ada", "bob"]})), 401),
        ("for the client alone", changed(json!({"at_hash": "x"})), 401),
        ("too long", changed(json!({"pad": "x".repeat(16_384)})), 401),
        ("of another audience", changed(json!({"aud": "web"})), 401),
        ("without audience", changed(json!({"aud": null})), 401),
        ("of another issuer", changed(json!({"iss": "https://evil.example"})), 401),
        ("without issuer", changed(json!({"iss": null})), 401),
        ("of an issuer of another route", eddsa.sign(&claims("EdDSA")).unwrap(), 401),
        ("by the key of another issuer", eddsa.sign(&claims("ES256")).unwrap(), 401),
        ("by a secret", secret.sign(&claims("ES256")).unwrap(), 401),
        ("without the scope", changed(json!({"scope": "orders.list"})), 403),
        ("without any scope", changed(json!({"scope": null})), 403),
        ("no token at all", "nonsense".to_owned(), 401),
    ] {
        let answer = gateway.send(&Call::get(HOST, "/ES256").bearer(&token)).await.unwrap();
        assert_eq!(answer.status, status, "{what}: {answer:?}");
    }
    assert_eq!(gateway.upstream.count(), 3);
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_caller_is_forgotten_when_the_token_expires() {
    let keys = [("ES256", Key::new("ES256", "k1").unwrap())];
    let gateway = Gateway::start(&issuers(&keys)).await.unwrap();
    let expiry = now_seconds() + 4;
    let token = keys[0].1.sign(&with("ES256", &json!({"exp": expiry}))).unwrap();
    let call = Call::get(HOST, "/ES256").bearer(&token);
    for _ in 0..8 {
        gateway.through(&call).await.unwrap();
    }
    while now_seconds() <= expiry {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    for _ in 0..8 {
        is_problem(&gateway.send(&call).await.unwrap(), 401, "invalid-token");
    }
}
