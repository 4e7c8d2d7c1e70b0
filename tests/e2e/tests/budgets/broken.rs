//! Backends that fail without an answer, and what is kept from everybody else then.

mod backend;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;
use tollgate_e2e::{ACME, GLOBEX, Gateway, HOST};
use tollgate_support::{Call, Connection, Load, Protocol, RawConnection, Report};

use self::backend::{Broken, Fault};
use crate::bystanders::{SERVICE, median, nothing_is_noticed, with_bystanders};
use crate::{at_rest, get, shows};

/// How many requests a tenant may have at each of them.
const CAP: u64 = 10;

/// How many its storm has under way, or wants to.
const STORM: usize = 16;

/// From a refusal to the next request.
const PAUSE: Duration = Duration::from_millis(500);

/// How much more memory there may be while all of them are in trouble.
const ROOM_BYTES: u64 = 50 * 1024 * 1024;

/// How many refusals are compared with as many requests that are served.
const PAIRS: usize = 60;

/// What a refusal takes at most, as a part of what a served request takes: it goes a
/// part of the way. Twice, for a machine that others use too.
const REFUSAL_MAX: f64 = 2.0;

async fn all_broken() -> Vec<Broken> {
    let mut all = Vec::new();
    for fault in Fault::ALL {
        all.push(Broken::start(fault).await);
    }
    all
}

/// A route and a backend for each of them, of which a tenant may have so many requests.
async fn gateway(all: &[Broken]) -> Gateway {
    let route = |Broken { fault, .. }: &Broken| {
        let name = fault.name();
        let access = "auth: { any_of: [api_key] }";
        format!("      {name}: {{ match: {{ path: /{name} }}, backend: {name}, {access} }}\n")
    };
    let backend = |Broken { fault, port, .. }: &Broken| {
        let (name, patience) = (fault.name(), "timeout: 2m, connect_timeout: 1m");
        format!("  {name}: {{ endpoints: [\"127.0.0.1:{port}\"], {patience} }}\n")
    };
    let cap = |Broken { fault, .. }: &Broken| format!("{}: {CAP}, ", fault.name());
    let routes: String = all.iter().map(route).collect();
    let backends: String = all.iter().map(backend).collect();
    let caps: String = all.iter().map(cap).collect();
    let config = with_bystanders(&format!("{{ in_flight_by_backend: {{ {caps} }} }}"), 1000)
        .replace("    routes:\n", &format!("    routes:\n{routes}"))
        .replace("backends:\n", &format!("backends:\n{backends}"));
    Gateway::start(&config).await.unwrap()
}

fn call(one: &Broken) -> Call {
    Call::get(HOST, &format!("/{}", one.fault.name())).header("x-api-key", ACME)
}

fn storm(address: SocketAddr, one: &Broken) -> Load {
    Load::pausing(address, STORM, &call(one), PAUSE)
}

/// Whatever is the matter with a backend: no tenant has more requests there than it
/// may, and its other requests and those of others are as ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_never_answers_has_what_a_tenant_may_have_there_and_no_more() {
    let all = all_broken().await;
    let gateway = gateway(&all).await;
    assert_eq!(gateway.send(&get(ACME)).await.unwrap().status, 200);
    let before = gateway.envoy.usage().unwrap().resident_bytes;
    let storms: Vec<Load> = all.iter().map(|one| storm(gateway.address, one)).collect();
    let held: Vec<&Broken> = all.iter().filter(|one| one.fault.holds()).collect();
    for one in &held {
        let under_way = format!("cluster.{}.{}", one.fault.name(), one.fault.counted_as());
        shows(&gateway, &under_way, CAP).await;
    }
    for one in &held {
        refusals_are_quick(&gateway, one).await;
    }
    assert_eq!(gateway.send(&get(ACME)).await.unwrap().status, 200, "its other requests");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let more = gateway.envoy.usage().unwrap().resident_bytes.saturating_sub(before);
    println!("{} KiB more while all are in trouble", more / 1024);
    assert!(more <= ROOM_BYTES, "{more} bytes more");
    for (one, storm) in all.iter().zip(storms) {
        let report = ended(one, storm).await;
        println!("{:?}: {} at most at a time; {report:?}", one.fault, one.peak());
        assert!(one.peak() <= CAP, "{:?}: {}", one.fault, one.peak());
    }
    at_rest(&gateway).await;
    // Each has its places again once it is well.
    for one in &all {
        one.heal();
        let answers = crate::at_once(&gateway, &call(one), usize::try_from(CAP).unwrap());
        assert_eq!(crate::statuses(answers).await, BTreeMap::from([(200, 10)]), "{:?}", one.fault);
    }
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

/// Those that are held end with their callers; what became of the others is told.
async fn ended(one: &Broken, storm: Load) -> Option<String> {
    if one.fault.holds() {
        storm.abort();
        return None;
    }
    let Report { statuses, errors, .. } = storm.stop().await.unwrap();
    assert!(!statuses.contains_key(&200), "{:?}: {statuses:?}", one.fault);
    Some(format!("{statuses:?} and {} broken off", errors.len()))
}

/// One too many is told at once, in the words of a budget: in the time of a request
/// that is served, one right after the other.
async fn refusals_are_quick(gateway: &Gateway, one: &Broken) {
    let mut of_offender = Connection::open(Protocol::Http1, gateway.address).await.unwrap();
    let mut of_other = Connection::open(Protocol::Http1, gateway.address).await.unwrap();
    let mut ratios = Vec::new();
    for _ in 0..PAIRS {
        let begun = Instant::now();
        let refused = of_offender.send(&call(one)).await.unwrap();
        let refusal = begun.elapsed();
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
        let problem = refused.json();
        let kind = problem.get("type").and_then(|kind| kind.as_str());
        assert_eq!(kind, Some("urn:tollgate:problem:too-many-in-flight"));
        let begun = Instant::now();
        assert_eq!(of_other.send(&get(GLOBEX)).await.unwrap().status, 200);
        ratios.push(refusal.as_secs_f64() / begun.elapsed().as_secs_f64());
    }
    let median = median(&ratios);
    println!("{:?}: a refusal takes {median:.2} of what a served request takes", one.fault);
    assert!(median <= REFUSAL_MAX, "{median:.2} times as long");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_notices_backends_that_never_answer() {
    let all = all_broken().await;
    let gateway = gateway(&all).await;
    gateway.upstream.delay(SERVICE);
    nothing_is_noticed(&gateway, async || {
        let storms = all.iter().map(|one| storm(gateway.address, one)).collect();
        let silent = format!("cluster.{}.upstream_rq_active", Fault::Silent.name());
        shows(&gateway, &silent, CAP).await;
        storms
    })
    .await;
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

/// The caller is told by the end of its connection that it has not all of the answer.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    let one = Broken::start(Fault::Truncating).await;
    let gateway = gateway(std::slice::from_ref(&one)).await;
    let mut caller = RawConnection::open(gateway.address).await.unwrap();
    let name = one.fault.name();
    let request = format!("GET /{name} HTTP/1.1\r\nhost: {HOST}\r\nx-api-key: {ACME}\r\n\r\n");
    let broken_off = caller.send(request.as_bytes()).await.unwrap_err();
    assert!(broken_off.to_string().starts_with("the connection ended"), "{broken_off:?}");
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}
