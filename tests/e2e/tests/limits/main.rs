//! How often callers may call.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod asking;
mod costs;
mod examples;
mod hard;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tollgate_e2e::{ACME, GLOBEX, Gateway, HOST, config};
use tollgate_support::{Call, Connection, Load, Protocol, RawConnection, eventually};

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
      by-header:
        match: { path: /by-header }
        backend: echo
        auth: { any_of: [api_key] }
        limits:
          - { by: [{ header: x-account }], requests: 2, per: day, time_zone: Asia/Kolkata }
          - { by: [tenant, route], requests: 5, per: month }
      by-cost:
        match: { path: /by-cost }
        backend: echo
        auth: { any_of: [api_key] }
        limits: [{ by: [route], requests: 100, per: day, cost: { response_header: x-cost, reserve: 10 } }]
      by-bytes:
        match: { path: /by-bytes }
        backend: echo
        auth: { any_of: [api_key] }
        limits: [{ by: [route], requests: 1000000, per: day, cost: { response_bytes: 1 } }]
      by-upload:
        match: { path: /by-upload }
        backend: echo
        auth: { any_of: [api_key] }
        limits: [{ by: [route], requests: 100, per: day, cost: { request_bytes: 1000 } }]
      by-expression:
        match: { path: \"/by-expression/{count}\" }
        backend: echo
        auth: { any_of: [api_key] }
        limits:
          - { requests: 100, per: day, cost: { expression: 'int(request.path_params.count) * 2 - 1' } }
      tried:
        match: { path: /tried }
        backend: echo
        auth: { any_of: [api_key] }
        limits: [{ by: [route], requests: 1, per: hour }]
        shadow: [limits]
      stormed:
        match: { path: /stormed }
        backend: echo
        auth: { any_of: [api_key] }
        limits: [{ by: [tenant, route], requests: 300, per: second }]
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
    // In a container it listens at 8080, wherever that is published.
    let ports = [gateway.address.port(), 8080].map(|port| format!("_{port}."));
    let is_ours = |name: &str| ports.iter().any(|port| name.contains(port));
    let workers: Vec<_> = stats.iter().filter(|(name, _)| is_ours(name)).collect();
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
    let grown = usize::try_from(start.elapsed().as_millis() / 7200 + 1).unwrap();
    let admitted = counts[&200];
    // One worker may hold tokens while the other refuses, 32 at most.
    assert!((5000 - 32..=5000 + grown).contains(&admitted), "{counts:?}, grown by {grown}");
    both_workers_served(&gateway).await;
    // And what it did not spend is there again.
    let rest = in_parallel(&gateway, &call, 3).await;
    assert!(5000 <= admitted + rest.get(&200).unwrap_or(&0), "{counts:?} {rest:?}");
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
    // Nor by another method, protocol, query, or letters that are escaped.
    for (method, path, protocol) in [
        ("POST", "/by-address/7", Protocol::Http1),
        ("DELETE", "/by-address/8", Protocol::Http2),
        ("GET", "/by-address/%37", Protocol::Http2),
        ("GET", "/by-address?x=1", Protocol::Http1),
    ] {
        let call = Call::new(method, HOST, path).header("x-forwarded-for", "10.9.9.9");
        let answer = call.send_over(protocol, gateway.address).await.unwrap();
        assert_eq!(answer.status, 429, "{method} {path}");
    }
    for path in ["/by-address/7;x=1", "/BY-ADDRESS/7", "/by-address/%2e%2e/by-address/7"] {
        let answer = gateway.send(&Call::get(HOST, path)).await.unwrap();
        assert_ne!(answer.status, 200, "{path}");
    }
    assert_eq!(gateway.upstream.count(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_by_header_and_month_count_beside_each_other() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    let call = || Call::get(HOST, "/by-header").header("x-api-key", ACME);
    let mut statuses = Vec::new();
    for account in [Some("a"), Some("a"), Some("a"), Some("b"), None, None, None, Some("c")] {
        let call = account.into_iter().fold(call(), |call, value| call.header("x-account", value));
        statuses.push(gateway.send(&call).await.unwrap().status);
    }
    // Two of each account, two without one; and five a month in all.
    assert_eq!(statuses, [200, 200, 429, 200, 200, 200, 429, 429]);
    let answer = gateway.send(&call().header("x-account", "d")).await.unwrap();
    let body = answer.json();
    assert_eq!(body["violated-policies"], json!(["tenant-route-month"]), "{answer:?}");
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_tried_refuses_nobody_and_is_reported() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    let call = Call::get(HOST, "/tried").header("x-api-key", ACME);
    for _ in 0..3 {
        let answer = gateway.send(&call).await.unwrap();
        assert_eq!((answer.status, answer.header("ratelimit")), (200, None), "{answer:?}");
    }
    eventually("two are reported", Duration::from_secs(20), async || {
        let log = gateway.envoy.access_log();
        let reported = log.iter().filter(|line| line["shadow"] == "tollgate.rate-limited");
        (reported.count() == 2).then_some(())
    })
    .await
    .unwrap();
}

/// Far more than may, over both workers: what is admitted is what the limit says.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_held_to_its_limit() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    let call = Call::get(HOST, "/stormed").header("x-api-key", ACME);
    let start = tokio::time::Instant::now();
    let load = Load::start(gateway.address, CONNECTIONS, &call);
    load.and_more(20_000).await.unwrap();
    let report = load.stop().await.unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let admitted = report.statuses[&200];
    let quota = 300.0 * (1.0 + seconds);
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    #[expect(clippy::cast_precision_loss, reason = "there are not as many")]
    let share = admitted as f64 / quota;
    assert!(share <= 1.05, "{admitted} of {quota} in {seconds} s: {report:?}");
    assert!(0.5 <= share, "{admitted} of {quota} in {seconds} s: {report:?}");
    both_workers_served(&gateway).await;
    gateway.never_trapped().await.unwrap();
}
