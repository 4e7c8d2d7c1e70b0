//! Callers with opaque tokens, about whom a worker asks the provider itself:
//! `envoy/drop-in/introspection.yaml`, before a backend and a real provider.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod flood;
mod gate;
mod leaving;
mod provider_double;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use gate::{Gate, WORKERS, changed, order, root};
use provider_double::{ProviderDouble, Says};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tollgate_support::{
    Built, Call, Connection, Envoy, OidcProvider, Protocol, TokenRequest, eventually, free_port,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// `auth/envoy.yaml`, which knows a key, and asks about tokens besides.
fn auth_alone(provider: SocketAddr, port: u16, admin: u16) -> String {
    let config = fs::read_to_string(root().join("envoy/drop-in/auth/envoy.yaml")).unwrap();
    let asked = format!(
        r#""identity": {{ "introspection": {{ "idp": {{ "cluster": "idp", "path": "/", "authority": "{provider}" }} }},"#
    );
    let cluster = format!(
        "  clusters:\n  - name: idp\n    load_assignment:\n      cluster_name: idp\n      \
         endpoints:\n      - lb_endpoints:\n        - endpoint: {{ address: {{ socket_address: {{ \
         address: 127.0.0.1, port_value: {} }} }} }}\nadmin: {{ address: {{ socket_address: {{ \
         address: 127.0.0.1, port_value: {admin} }} }} }}\n",
        provider.port()
    );
    let changes = [
        ("target/filters/", format!("{}/", root().join("target/filters").display())),
        ("port_value: 10000", format!("port_value: {port}")),
        (r#""identity": {"#, asked),
        (r#""any_of": ["api_key"]"#, r#""any_of": ["introspection.idp", "api_key"]"#.to_owned()),
    ];
    changed(config, &changes) + &cluster
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

/// The filter alone, which tells later filters rather than the backend.
#[tokio::test(flavor = "multi_thread")]
async fn the_auth_filter_alone_asks_too() {
    let provider = ProviderDouble::start().await;
    let (port, admin) = (free_port().unwrap(), free_port().unwrap());
    let config = auth_alone(provider.address(), port, admin);
    let envoy = Built::envoy().unwrap();
    let mut envoy = Envoy::with_bootstrap(&envoy, &config, admin, WORKERS).unwrap();
    envoy.ready().await.unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    envoy.listening(address).await.unwrap();
    let status = async |token: &str| order(token).send(address).await.unwrap().status;
    assert_eq!(status("known").await, 200);
    provider.says(Says::json(r#"{"active":false}"#));
    assert_eq!(status("unknown").await, 401);
    provider.says(Says::status(500, ""));
    assert_eq!(status("undecided").await, 503);
    let key = Call::get("localhost", "/").header("x-api-key", "demo-key-of-acme");
    assert_eq!(key.send(address).await.unwrap().status, 200);
    let reloads = envoy.stats("vm_reload").await.unwrap();
    assert!(reloads.values().all(|count| *count == 0), "a filter trapped: {reloads:?}");
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
        Says::Trickle,
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
async fn a_provider_that_hangs_is_asked_little_at_a_time() {
    const CALLERS: u64 = 400;
    let provider = ProviderDouble::start().await;
    let gate = Gate::start(provider.address(), 300).await;
    assert_eq!(gate.status("known").await, 200);
    provider.says(Says::Slow(PATIENCE));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (order, address) = (order(&format!("unknown{caller}")), gate.address);
        callers.spawn(async move { order.send(address).await.unwrap() });
    }
    for answer in callers.join_all().await {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
    let (most, bound) = (provider.most_at_once(), u64::from(WORKERS) * 64);
    println!("{CALLERS} callers whom nobody knows: {most} questions at a time, of {bound}");
    assert!((1..=bound).contains(&most), "{most} of {bound}");
    assert_eq!(gate.upstream.count(), 1, "only who was known before");
    gate.never_trapped().await;
}
