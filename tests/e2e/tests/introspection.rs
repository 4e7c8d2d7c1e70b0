//! Callers with opaque tokens, about whom a worker asks the provider itself:
//! `envoy/drop-in/introspection.yaml`, before a backend and a real provider.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test")]

mod provider_double;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use provider_double::{ProviderDouble, Says};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tollgate_support::{
    Answer, Built, Call, Connection, Envoy, OidcProvider, Protocol, TokenRequest, Upstream,
    eventually, free_port,
};

const PATIENCE: Duration = Duration::from_secs(20);
const WORKERS: u32 = 2;

/// The drop-in gateway, before a backend.
struct Gate {
    envoy: Envoy,
    upstream: Upstream,
    address: SocketAddr,
}

impl Gate {
    async fn start(provider: SocketAddr, ttl_seconds: u32) -> Self {
        let upstream = Upstream::start().await.unwrap();
        let (port, admin) = (free_port().unwrap(), free_port().unwrap());
        let config = config(provider, port, upstream.port(), ttl_seconds);
        let config = format!(
            "{config}\nadmin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: \
             {admin} }} }} }}\n"
        );
        let envoy = Built::envoy().unwrap();
        let mut envoy = Envoy::with_bootstrap(&envoy, &config, admin, WORKERS).unwrap();
        envoy.ready().await.unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        envoy.listening(address).await.unwrap();
        Self { envoy, upstream, address }
    }

    async fn get(&self, token: &str) -> Answer {
        order(token).send(self.address).await.unwrap()
    }

    async fn status(&self, token: &str) -> u16 {
        self.get(token).await.status
    }

    async fn never_trapped(&self) {
        let reloads = self.envoy.stats("vm_reload").await.unwrap();
        assert!(reloads.values().all(|count| *count == 0), "a filter trapped: {reloads:?}");
        let waiting = self.envoy.stats("downstream_rq_active").await.unwrap();
        let public: Vec<_> = waiting.iter().filter(|(name, _)| name.contains("public")).collect();
        assert!(public.iter().all(|(_, count)| **count == 0), "requests are left: {public:?}");
    }
}

/// The file as it stands, but for its ports, its backend and how long answers are believed.
fn config(provider: SocketAddr, port: u16, backend: u16, ttl_seconds: u32) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let config = fs::read_to_string(root.join("envoy/drop-in/introspection.yaml")).unwrap();
    let cluster = format!(
        "  clusters:\n  - name: backend\n    load_assignment:\n      cluster_name: backend\n      \
         endpoints:\n      - lb_endpoints:\n        - endpoint: {{ address: {{ socket_address: {{ \
         address: 127.0.0.1, port_value: {backend} }} }} }}\n"
    );
    let changes = [
        ("target/filters/", format!("{}/", root.join("target/filters").display())),
        ("port_value: 10000", format!("port_value: {port}")),
        ("port_value: 9000", format!("port_value: {}", provider.port())),
        ("\"127.0.0.1:9000\"", format!("\"{provider}\"")),
        ("\"ttl_seconds\": 30", format!("\"ttl_seconds\": {ttl_seconds}")),
        (
            r#"direct_response: { status: 200, body: { inline_string: "admitted\n" } }"#,
            "route: { cluster: backend, timeout: 15s }".to_owned(),
        ),
        ("  clusters:\n", cluster),
    ];
    changes.iter().fold(config, |config, (from, to)| {
        assert!(config.contains(from), "{from}");
        config.replace(from, to)
    })
}

fn order(token: &str) -> Call {
    Call::get("localhost", "/orders/7").bearer(token)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_the_provider_knows_is_admitted_and_told_to_the_backend() {
    let provider = OidcProvider::start().await.unwrap();
    let gate = Gate::start(provider.address(), 30).await;
    let token = provider.token(&TokenRequest::default()).await.unwrap();
    for _ in 0..20 {
        let spoof = order(&token).header("x-tollgate-tenant", "globex");
        assert_eq!(spoof.send(gate.address).await.unwrap().status, 200);
    }
    let seen = gate.upstream.seen();
    assert_eq!(seen.len(), 20);
    for seen in &seen {
        assert_eq!(seen.values("x-tollgate-tenant"), ["acme"]);
        assert_eq!(seen.values("x-tollgate-tier"), ["pro"]);
        assert_eq!(seen.values("x-tollgate-scopes"), ["orders.read"]);
        assert_eq!(seen.values("x-tollgate-subject"), ["app"]);
        assert_eq!(seen.values("authorization"), [""; 0]);
    }
    assert!(provider.introspections().await.unwrap() <= u64::from(WORKERS));
    assert_eq!(gate.status("unknown").await, 401);
    assert_eq!(Call::get("localhost", "/orders/7").send(gate.address).await.unwrap().status, 401);
    let scope = "orders.write".to_owned();
    let other = provider.token(&TokenRequest { scope, ..TokenRequest::default() }).await.unwrap();
    assert_eq!(gate.status(&other).await, 403);
    assert_eq!(gate.upstream.count(), 20);
    gate.never_trapped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_is_refused_within_the_ttl() {
    const TTL: u32 = 3;
    let provider = OidcProvider::start().await.unwrap();
    let gate = Gate::start(provider.address(), TTL).await;
    let token = provider.token(&TokenRequest::default()).await.unwrap();
    // On connections of their own, so that both workers know it.
    for _ in 0..20 {
        assert_eq!(gate.status(&token).await, 200);
    }
    provider.revoke(&token).await.unwrap();
    let revoked = Instant::now();
    let mut last_admitted = Duration::ZERO;
    let mut refused = 0;
    while refused < 50 {
        let (asked, status) = (revoked.elapsed(), gate.status(&token).await);
        assert!([200, 401].contains(&status), "{status}");
        if status == 200 {
            last_admitted = asked;
        } else {
            refused += 1;
        }
        assert!(asked < PATIENCE, "it is never refused");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(last_admitted < Duration::from_secs(TTL.into()), "after {last_admitted:?}");
    gate.never_trapped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_provider_only_those_who_are_known_are_served() {
    let mut provider = OidcProvider::start().await.unwrap();
    let gate = Gate::start(provider.address(), 300).await;
    let token = provider.token(&TokenRequest::default()).await.unwrap();
    for _ in 0..20 {
        assert_eq!(gate.status(&token).await, 200);
    }
    provider.kill();
    for n in 0..30 {
        let start = Instant::now();
        let answer = gate.get(&format!("unknown{n}")).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert_eq!(gate.status(&token).await, 200);
    }
    assert_eq!(gate.upstream.count(), 50);
    provider.run().await.unwrap();
    let back = Instant::now();
    let token = provider.token(&TokenRequest::default()).await.unwrap();
    eventually("a new token is admitted", PATIENCE, async || {
        (gate.status(&token).await == 200).then_some(())
    })
    .await
    .unwrap();
    assert!(back.elapsed() < Duration::from_secs(5), "after {:?}", back.elapsed());
    gate.never_trapped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_none_admits_nobody() {
    let provider = ProviderDouble::start().await;
    let gate = Gate::start(provider.address(), 30).await;
    let active = r#"{"active":true,"sub":"ann","aud":"api","scope":"orders.read"}"#;
    for (n, says) in [
        Says::json(r#"{"active":"true","sub":"ann","aud":"api","scope":"orders.read"}"#),
        Says::json(r#"{"active":1,"sub":"ann","aud":"api","scope":"orders.read"}"#),
        Says::json(r#"{"sub":"ann","aud":"api","scope":"orders.read"}"#),
        Says::json(r#"{"active":true,"active":true,"sub":"ann","aud":"api"}"#),
        Says::json("\u{0}\u{1}garbage"),
        Says::json("<html><body>active: true</body></html>"),
        Says::status(500, active),
        Says::status(429, active),
        Says::status(302, active),
        Says::status(401, active),
        Says::Nothing,
        Says::Slow(Duration::from_secs(3)),
        Says::Endless,
    ]
    .into_iter()
    .enumerate()
    {
        provider.says(says.clone());
        let start = Instant::now();
        let answer = gate.get(&format!("token{n}")).await;
        assert_eq!(answer.status, 503, "{says:?}: {answer:?}");
        assert!(answer.header("retry-after").is_some(), "{says:?}: {answer:?}");
        assert!(start.elapsed() < Duration::from_secs(2), "{says:?}: {:?}", start.elapsed());
        // Both workers find out that it answers again.
        provider.says(Says::json(active));
        eventually("it is asked again", PATIENCE, async || {
            let mut statuses = Vec::new();
            for again in 0..10 {
                statuses.push(gate.status(&format!("good{n}x{again}")).await);
            }
            statuses.iter().all(|status| *status == 200).then_some(())
        })
        .await
        .unwrap();
    }
    // Nobody got through whom it did not know.
    let seen = gate.upstream.seen();
    assert!(seen.iter().all(|seen| seen.values("x-tollgate-subject") == ["ann"]));
    gate.never_trapped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_an_end_takes_little_memory() {
    let provider = ProviderDouble::start().await;
    let gate = Gate::start(provider.address(), 30).await;
    provider.says(Says::json(r#"{"active":false}"#));
    assert_eq!(gate.status("first").await, 401);
    let before = gate.envoy.usage().unwrap().resident_bytes;
    provider.says(Says::Endless);
    for n in 0..10 {
        assert_eq!(gate.status(&format!("token{n}")).await, 503);
    }
    let grown = gate.envoy.usage().unwrap().resident_bytes.saturating_sub(before);
    assert!(grown < 20 << 20, "{grown} bytes more");
    assert_eq!(gate.upstream.count(), 0);
    gate.never_trapped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_callers_with_one_token_cost_a_call_of_each_worker() {
    let provider = OidcProvider::start().await.unwrap();
    let gate = Gate::start(provider.address(), 300).await;
    let token = provider.token(&TokenRequest::default()).await.unwrap();
    let mut connections = Vec::new();
    for _ in 0..1000 {
        connections.push(Connection::open(Protocol::Http1, gate.address).await.unwrap());
    }
    let mut callers = JoinSet::new();
    for mut connection in connections {
        let order = order(&token);
        callers.spawn(async move { connection.send(&order).await.map(|answer| answer.status) });
    }
    for status in callers.join_all().await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(gate.upstream.count(), 1000);
    let asked = provider.introspections().await.unwrap();
    assert!((1..=u64::from(WORKERS)).contains(&asked), "{asked}");
    gate.never_trapped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_leave_while_they_wait_leave_nothing_behind() {
    let provider = ProviderDouble::start().await;
    let gate = Gate::start(provider.address(), 30).await;
    provider.says(Says::Late(Duration::from_millis(200)));
    for round in 0..20_u64 {
        let mut leaving = JoinSet::new();
        for n in 0..20_u64 {
            let address = gate.address;
            // Many wait for the same call, some for their own.
            let token = if n % 2 == 0 { format!("r{round}") } else { format!("r{round}n{n}") };
            leaving.spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                let request = format!(
                    "GET /orders/7 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n"
                );
                stream.write_all(request.as_bytes()).await.unwrap();
                tokio::time::sleep(Duration::from_millis((n * 37 + round * 13) % 260)).await;
            });
        }
        leaving.join_all().await;
    }
    assert!(0 < provider.asked());
    assert_eq!(gate.status("who-stays").await, 200);
    eventually("no request is left", PATIENCE, async || {
        let left = gate.envoy.stats("http.public.downstream_rq_active").await.unwrap();
        left.values().all(|count| *count == 0).then_some(())
    })
    .await
    .unwrap();
    gate.never_trapped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_made_up_tokens_neither_reaches_the_provider_nor_others() {
    const SPAN: Duration = Duration::from_secs(4);
    let provider = OidcProvider::start().await.unwrap();
    let gate = Gate::start(provider.address(), 2).await;
    let token = provider.token(&TokenRequest::default()).await.unwrap();
    for _ in 0..20 {
        assert_eq!(gate.status(&token).await, 200);
    }
    let (before, start) = (provider.introspections().await.unwrap(), Instant::now());
    let mut flood = JoinSet::new();
    for client in 0..8 {
        let mut connection = Connection::open(Protocol::Http1, gate.address).await.unwrap();
        flood.spawn(async move {
            let mut sent = 0_u64;
            while start.elapsed() < SPAN {
                let answer = connection.send(&order(&format!("x{client}y{sent}"))).await.unwrap();
                assert!([401, 503].contains(&answer.status), "{answer:?}");
                sent += 1;
            }
            sent
        });
    }
    let mut good = 0;
    while start.elapsed() < SPAN {
        assert_eq!(gate.status(&token).await, 200, "after {good}");
        good += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let sent: u64 = flood.join_all().await.into_iter().sum();
    let (asked, seconds) =
        (provider.introspections().await.unwrap() - before, start.elapsed().as_secs() + 1);
    // For each worker 100 at once, 100 a second, and those that are known.
    let worth = u64::from(WORKERS) * (100 + 100 * seconds + seconds);
    assert!(asked <= worth, "{asked} calls of {worth}, for {sent} tokens");
    assert!(asked < sent, "there was no flood: {sent}");
    assert_eq!(gate.upstream.count(), good + 20);
    gate.never_trapped().await;
}
