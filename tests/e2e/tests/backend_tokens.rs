//! Backends are told by a token who is calling, and can verify it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up has failed"
)]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tollgate_e2e::{ACME, GLOBEX, Gateway, HOST};
use tollgate_support::{Answer, Call, Seen, free_port};

const ISSUER: &str = "https://gateway.example";

/// So many connections that each of the two workers gets some.
const CONNECTIONS: usize = 12;

/// Longer than a token holds here, and what it takes to notice.
const HELD: Duration = Duration::from_secs(90);

const OLD: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIDtdzQhd1cAjzPFNjeQtph8EGSViYlOUXCdUm2+0Fyne
-----END PRIVATE KEY-----
";
const NEW: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

/// A gateway that tells backends by a token, and where its keys are served.
struct Told {
    gateway: Gateway,
    key_set: SocketAddr,
    folder: tempfile::TempDir,
}

impl Told {
    async fn start(ttl: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, key) in [("old.pem", OLD), ("new.pem", NEW)] {
            std::fs::write(folder.path().join(name), key).unwrap();
        }
        let key_set = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
        let config = config(ttl, &keys(folder.path(), &["old.pem"]));
        let arguments = ["--jwks", &key_set.to_string()];
        let gateway = Gateway::with_arguments(&config, &arguments).await.unwrap();
        Self { gateway, key_set, folder }
    }

    /// Has the first of these keys sign.
    fn sign_with(&self, ttl: &str, names: &[&str]) {
        self.gateway.write(&config(ttl, &keys(self.folder.path(), names))).unwrap();
    }

    async fn keys(&self) -> Value {
        let call = Call::get("localhost", "/.well-known/jwks.json");
        let answer = call.send(self.key_set).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
        answer.json()
    }

    async fn seen(&self, call: &Call) -> Seen {
        self.gateway.through(call).await.unwrap()
    }

    /// What the backend can verify of a request's token.
    async fn verified(&self, call: &Call, audience: &str) -> Value {
        let token = token(&self.seen(call).await).unwrap();
        verify(&token, &self.keys().await, audience).unwrap()
    }

    /// Whether nothing that was sent has reached the backend.
    async fn refuses(&self, call: &Call, expected: &str) {
        let before = self.gateway.upstream.count();
        let answer = self.gateway.send(call).await.unwrap();
        assert_eq!(problem(&answer), expected);
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert_eq!(self.gateway.upstream.count(), before, "it reached the backend");
    }
}

fn keys(folder: &Path, names: &[&str]) -> String {
    let file = |name: &&str| format!("{{ file: \"{}\" }}", folder.join(name).display());
    names.iter().map(file).collect::<Vec<_>>().join(", ")
}

fn config(ttl: &str, keys: &str) -> String {
    let routes = |auth: &str| {
        format!("{{ all: {{ match: {{ prefix: / }}, backend: echo, auth: {auth} }} }}")
    };
    let known = routes("{ optional: [api_key] }");
    tollgate_e2e::config("")
        .replace(
            "identity:\n",
            &format!(
                "identity:\n  backend_token: {{ issuer: \"{ISSUER}\", audience: backends, ttl: \
                 {ttl}, keys: [{keys}] }}\n"
            ),
        )
        .split("apis:\n")
        .next()
        .unwrap()
        .to_owned()
        + &format!(
            "apis:\n  orders: {{ hosts: [{HOST}], routes: {known} }}\n  invoices: {{ hosts: \
             [invoices.example.com], backend_token: {{ audience: invoices }}, routes: {known} }}\n  \
             others: {{ hosts: [others.example.com], backend_token: none, routes: {known} }}\n  \
             open: {{ hosts: [open.example.com], routes: {} }}\n",
            routes("none")
        )
}

/// The one token that a backend was told by, in whatever spelling of the header.
fn token(seen: &Seen) -> Option<String> {
    let is_token = |name: &str| name.replace(['_', '.'], "-") == "x-tollgate-token";
    let mut tokens = seen.headers.iter().filter(|(name, _)| is_token(name));
    let token = tokens.next().map(|(_, value)| value.clone());
    assert_eq!(tokens.next(), None);
    token
}

/// The header and the claims, if a library that is none of ours believes them.
fn verify(token: &str, keys: &Value, audience: &str) -> Option<Value> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../../.tools/signers/bin/python");
    assert!(python.exists(), "run `make signers` first: {} is missing", python.display());
    let mut child = Command::new(python)
        .arg(here.join("tests/verifier.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let wanted = json!({"token": token, "keys": keys, "issuer": ISSUER, "audience": audience});
    child.stdin.take().unwrap().write_all(wanted.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
}

fn problem(answer: &Answer) -> String {
    let kind = answer.json()["type"].as_str().unwrap_or_default().to_owned();
    format!("{} {}", answer.status, kind.trim_start_matches("urn:tollgate:problem:"))
}

fn with_key(host: &str, key: &str) -> Call {
    Call::get(host, "/orders").header("x-api-key", key)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backend_is_told_can_be_verified_with_the_keys_that_are_served() {
    let told = Told::start("5m").await;
    let call = with_key(HOST, ACME);
    let verified = told.verified(&call, "backends").await;
    let claims = &verified["claims"];
    let expected = json!({
        "iss": ISSUER, "sub": "acme-1", "aud": "backends", "tenant": "acme", "tier": "basic",
        "scope": "orders.read", "groups": [], "method": "api_key",
        "iat": claims["iat"], "exp": claims["iat"].as_u64().unwrap() + 300, "jti": claims["jti"],
    });
    assert_eq!(*claims, expected);
    assert_eq!(verified["header"]["alg"], "EdDSA");
    // Somebody else, and a backend of another name.
    let other = told.verified(&with_key("invoices.example.com", GLOBEX), "invoices").await;
    assert_eq!(other["claims"]["sub"], "globex-1");
    let token = token(&told.seen(&call).await).unwrap();
    let keys = told.keys().await;
    assert!(verify(&token, &keys, "invoices").is_none(), "it is not meant for that backend");
    let (start, signature) = token.rsplit_once('.').unwrap();
    let swapped = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{start}.{swapped}{}", signature.get(1..).unwrap());
    assert!(verify(&forged, &keys, "backends").is_none());
    // Made once for each worker, not for each request.
    let mut tokens = BTreeSet::new();
    for _ in 0..CONNECTIONS {
        tokens.insert(self::token(&told.seen(&call).await).unwrap());
    }
    assert!(tokens.len() <= 2, "{tokens:?}");
    // What is served shows no private key, nor does the log.
    assert!(keys["keys"].as_array().unwrap().iter().all(|key| key.get("d").is_none()), "{keys}");
    assert!(!told.gateway.control_plane.log().contains(&token));
    told.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_of_a_caller_s_own_reaches_a_backend() {
    let told = Told::start("5m").await;
    // Envoy itself refuses names with underscores.
    let before = told.gateway.upstream.count();
    let underscored = with_key(HOST, ACME).header("x_tollgate_token", "forged");
    assert_eq!(told.gateway.send(&underscored).await.unwrap().status, 400);
    assert_eq!(told.gateway.upstream.count(), before);
    let names = ["x-tollgate-token", "X-Tollgate-Token", "x.tollgate.token"];
    for name in names {
        let forged = |call: Call| call.header(name, "forged");
        let seen = told.seen(&forged(with_key(HOST, ACME))).await;
        assert_ne!(token(&seen).as_deref(), Some("forged"), "{name}");
        for call in [
            Call::get("open.example.com", "/orders"),
            Call::get(HOST, "/orders"),
            with_key("others.example.com", ACME),
        ] {
            assert_eq!(token(&told.seen(&forged(call.clone())).await), None, "{name} {call:?}");
        }
    }
    told.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_while_every_token_can_be_verified() {
    let told = Told::start("30s").await;
    let call = with_key(HOST, ACME);
    let old = told.verified(&call, "backends").await["header"]["kid"].clone();
    // The new one is told of first, and then signs.
    told.sign_with("30s", &["old.pem", "new.pem"]);
    let began = Instant::now();
    while told.keys().await["keys"].as_array().unwrap().len() < 2 {
        assert!(began.elapsed() < HELD, "the new key is not served");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    told.sign_with("30s", &["new.pem", "old.pem"]);
    loop {
        let kid = told.verified(&call, "backends").await["header"]["kid"].clone();
        if kid != old {
            break;
        }
        assert!(began.elapsed() < HELD, "the new key does not sign");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // Nobody else's token is of the old one any more when it is gone.
    tokio::time::sleep(Duration::from_secs(30)).await;
    told.sign_with("30s", &["new.pem"]);
    while told.keys().await["keys"].as_array().unwrap().len() != 1 {
        assert!(began.elapsed() < HELD * 2, "the old key is still served");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for _ in 0..CONNECTIONS {
        assert_ne!(told.verified(&call, "backends").await["header"]["kid"], old);
    }
    told.gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_control_plane_tokens_are_sent_until_they_end_and_nobody_passes_without_one() {
    let mut told = Told::start("30s").await;
    let (known, stranger) = (with_key(HOST, ACME), with_key(HOST, GLOBEX));
    for _ in 0..CONNECTIONS {
        assert!(token(&told.seen(&known).await).is_some());
    }
    told.gateway.control_plane.kill();
    told.refuses(&stranger, "503 no-backend-token").await;
    for _ in 0..CONNECTIONS {
        assert!(token(&told.seen(&known).await).is_some(), "it still holds");
    }
    let began = Instant::now();
    while told.gateway.send(&known).await.unwrap().status == 200 {
        assert!(began.elapsed() < HELD, "a token is sent that has ended");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // The other worker's has ended a little later at most.
    tokio::time::sleep(Duration::from_secs(5)).await;
    for _ in 0..CONNECTIONS {
        told.refuses(&known, "503 no-backend-token").await;
    }
    told.gateway.control_plane.run().await.unwrap();
    let began = Instant::now();
    while told.gateway.send(&known).await.unwrap().status != 200 {
        assert!(began.elapsed() < HELD, "tokens are not made again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    told.verified(&known, "backends").await;
    told.gateway.never_trapped().await.unwrap();
}
