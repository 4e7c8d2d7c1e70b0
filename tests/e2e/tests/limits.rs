//! How often callers may call.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeMap;

use tollgate_e2e::{ACME, GLOBEX, Gateway, HOST, config};
use tollgate_support::{Call, Connection, Protocol, RawConnection};

const ROUTES: &str = "
      by-tenant:
        match: { prefix: /by-tenant }
        backend: echo
        auth: { any_of: [api_key] }
        limits: [{ by: [tenant], requests: 100, per: hour }]
      crowded:
        match: { path: /crowded }
        backend: echo
        auth: { any_of: [api_key] }
        limits: [{ by: [tenant], requests: 500, burst: 5000, per: hour }]
      by-address:
        match: { prefix: /by-address }
        backend: echo
        auth: none
        limits: [{ by: [ip, route], requests: 20, per: hour }]
      by-key:
        match: { path: /by-key }
        backend: echo
        auth: { any_of: [api_key] }
        limits: [{ by: [api_key], requests: 5, per: hour }]
";

/// Enough connections that two workers share them; the kernel deals them out.
const CONNECTIONS: usize = 32;

async fn in_parallel(gateway: &Gateway, call: &Call, each: usize) -> BTreeMap<u16, usize> {
    let callers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (address, call) = (gateway.address, call.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(Protocol::Http1, address).await.unwrap();
                let mut statuses = Vec::new();
                for _ in 0..each {
                    statuses.push(connection.send(&call).await.unwrap().status);
                }
                statuses
            })
        })
        .collect();
    let mut counts = BTreeMap::new();
    for caller in callers {
        for status in caller.await.unwrap() {
            *counts.entry(status).or_default() += 1;
        }
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_exact_over_all_workers() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    let call = Call::get(HOST, "/by-tenant").header("x-api-key", ACME);
    let counts = in_parallel(&gateway, &call, 20).await;
    assert_eq!(counts, BTreeMap::from([(200, 100), (429, CONNECTIONS * 20 - 100)]));
    assert_eq!(gateway.upstream.count(), 100);
    both_workers_served(&gateway).await;
    // Another tenant has its own allowance.
    let call = Call::get(HOST, "/by-tenant").header("x-api-key", GLOBEX);
    assert_eq!(gateway.send(&call).await.unwrap().status, 200);
    gateway.never_trapped().await.unwrap();
}

async fn both_workers_served(gateway: &Gateway) {
    let stats = gateway.envoy.stats("worker_.*downstream_cx_total").await.unwrap();
    let port = format!("_{}.", gateway.address.port());
    let workers: Vec<_> = stats.iter().filter(|(name, _)| name.contains(&port)).collect();
    assert_eq!(workers.len(), 2, "{stats:?}");
    assert!(workers.iter().all(|(_, connections)| 0 < **connections), "{workers:?}");
}

/// Enough requests that workers do get in each other's way: a count that one of
/// them overwrote would show as a request too many.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_holds_while_workers_race() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    let call = Call::get(HOST, "/crowded").header("x-api-key", ACME);
    let start = tokio::time::Instant::now();
    let counts = in_parallel(&gateway, &call, 200).await;
    // Meanwhile the allowance grows: by one request in 7.2 seconds.
    let grown = start.elapsed().as_millis() / 7200 + 1;
    let admitted = counts[&200] - 5000;
    assert!(u128::try_from(admitted).unwrap() <= grown, "{counts:?}, grown by {grown}");
    both_workers_served(&gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tier_is_exact_over_all_workers_and_routes() {
    let routes = "
      a: { match: { path: /a }, backend: echo, auth: { any_of: [api_key] } }
      b: { match: { path: /b }, backend: echo, auth: { any_of: [api_key] } }
";
    let tiers = config(routes).replace("requests: 1000000, per: second", "requests: 60, per: hour");
    let gateway = Gateway::start(&tiers).await.unwrap();
    let [a, b] = ["/a", "/b"].map(|path| Call::get(HOST, path).header("x-api-key", ACME));
    let (a, b) = tokio::join!(in_parallel(&gateway, &a, 3), in_parallel(&gateway, &b, 3));
    assert_eq!(a[&200] + b[&200], 60, "{a:?} {b:?}");
    assert_eq!(a[&429] + b[&429], CONNECTIONS * 6 - 60, "{a:?} {b:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_when_to_come_back() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    let call = Call::get(HOST, "/by-key").header("x-api-key", ACME);
    for left in (0..5).rev() {
        let answer = gateway.send(&call).await.unwrap();
        assert_eq!(answer.status, 200);
        let field = answer.header("ratelimit").unwrap();
        assert!(field.contains(&format!("r={left}")), "{field}");
        let policies = answer.values("ratelimit-policy").concat();
        assert!(policies.contains("q=5;w=3600"), "{answer:?}");
    }
    let answer = gateway.send(&call).await.unwrap();
    assert_eq!(answer.status, 429);
    assert_eq!(answer.json()["type"], "urn:tollgate:problem:rate-limited");
    let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    // Five an hour: the next one fits in after twelve minutes, less what has passed.
    assert!((600..=720).contains(&seconds), "{seconds}");
    assert!(answer.header("ratelimit").unwrap().contains("r=0"), "{answer:?}");
}

/// Spellings of one path, and headers by which one caller looks like many.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_cannot_look_like_several() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    let paths =
        ["/by-address/7", "/by-address//7", "/by-address/7/", "/by-address/./7", "/by-address/7?a"];
    let mut admitted = 0;
    for attempt in 0..60 {
        let path = paths[attempt % paths.len()];
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\
             x-forwarded-for: 10.0.{attempt}.1\r\nx-real-ip: 10.1.{attempt}.1\r\n\
             forwarded: for=10.2.{attempt}.1\r\nx-envoy-external-address: 10.3.{attempt}.1\r\n\
             x-api-key: made-up-{attempt}\r\n\r\n"
        );
        let answer = RawConnection::once(gateway.address, request.as_bytes()).await.unwrap();
        admitted += usize::from(answer.status == 200);
    }
    assert_eq!(admitted, 20);
    assert_eq!(gateway.upstream.count(), 20);
}
