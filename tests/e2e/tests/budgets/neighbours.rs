//! One tenant's trouble, and how its neighbours fare meanwhile.

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tollgate_e2e::{ACME, Gateway, HOST};
use tollgate_support::{Call, Load, Report};

use crate::{at_once, at_rest, budgets, get, shows, stat, statuses};

/// Those who have done nothing.
const NEIGHBOURS: [&str; 4] = ["one", "two", "three", "four"];

/// How long each measurement takes, and how many there are at most.
const ROUND: Duration = Duration::from_secs(3);
const ROUNDS: usize = 6;

/// How much longer neighbours may wait.
const SLOWDOWN_MAX: f64 = 1.2;

/// What the backend takes for an answer: long enough that a busy machine is none of it.
const SERVICE: Duration = Duration::from_millis(100);

/// As long as a request may take by default, and longer than any test.
const HANGS: Duration = Duration::from_mins(2);

/// The backend does not answer to this.
fn hanging() -> Call {
    Call::get(HOST, "/orders?hang").header("x-api-key", ACME)
}

fn key_of(tenant: &str) -> String {
    format!("key-{tenant}-5f0c2d7e9b1a4c3d8e6f")
}

/// With those tenants beside `acme`, of which `basic` is the tier.
fn with_neighbours(basic: &str, cap: u32) -> String {
    let tenant = |name: &&str| {
        let sha256 = base16ct::lower::encode_string(&Sha256::digest(key_of(name)));
        format!("  {name}:\n    keys: {{ {name}-1: {{ sha256: {sha256} }} }}\n")
    };
    let tenants: String = NEIGHBOURS.iter().map(tenant).collect();
    budgets(basic, cap).replace("tenants:\n", &format!("tenants:\n{tenants}"))
}

/// How all neighbours together fare for a while.
async fn fare(gateway: &Gateway) -> Report {
    let start = |name: &str| Load::start(gateway.address, 3, &get(&key_of(name)));
    let loads = NEIGHBOURS.map(start);
    tokio::time::sleep(ROUND).await;
    let mut all = Report::default();
    for load in loads {
        all.add(load.stop().await.unwrap());
    }
    assert_eq!(all.errors, Vec::<String>::new());
    assert_eq!(all.statuses.keys().collect::<Vec<_>>(), [&200], "{:?}", all.statuses);
    all
}

/// Compares how long the slowest in a hundred take beside a tenant in trouble with
/// what they take without it, again and again: what else the machine has to do can
/// only make it more, at one time or another.
async fn is_not_noticed(gateway: &Gateway, mut trouble: impl AsyncFnMut() -> Load) {
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        let alone = fare(gateway).await.percentile(99);
        let load = trouble().await;
        let beside = fare(gateway).await.percentile(99);
        load.abort();
        println!("the slowest of a hundred take {alone:?} alone, and {beside:?} beside the other");
        least = least.min(beside.as_secs_f64() / alone.as_secs_f64());
        if least <= SLOWDOWN_MAX {
            break;
        }
    }
    assert!(least <= SLOWDOWN_MAX, "{least:.2} times as long");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_notices_a_tenant_whose_requests_hang() {
    let gateway = Gateway::start(&with_neighbours("{ in_flight: 20 }", 60)).await.unwrap();
    gateway.upstream.delay(SERVICE);
    gateway.upstream.delay_at("/orders?hang", HANGS);
    is_not_noticed(&gateway, async || {
        let pause = Duration::from_millis(250);
        let load = Load::pausing(gateway.address, 24, &hanging(), pause);
        shows(&gateway, "tollgate.tenant.acme.in_flight", 20).await;
        load
    })
    .await;
    assert!(0 < stat(&gateway, "tollgate.budget.refused.tenant").await.unwrap());
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_notices_a_tenant_that_fills_the_backend() {
    let gateway = Gateway::start(&with_neighbours("{ }", 60)).await.unwrap();
    gateway.upstream.delay(SERVICE);
    is_not_noticed(&gateway, async || {
        let pause = Duration::from_millis(200);
        let load = Load::pausing(gateway.address, 80, &get(ACME), pause);
        load.and_more(200).await.unwrap();
        load
    })
    .await;
    let refused = stat(&gateway, "tollgate.budget.refused.share").await.unwrap_or_default();
    assert!(0 < refused, "{refused} were refused for the others' sake");
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

/// How long a storm lasts; `TOLLGATE_STORM_SECONDS=60` for the whole of it.
fn storm_seconds() -> u64 {
    env::var("TOLLGATE_STORM_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_one_tenant_gets_its_quota_and_others_what_they_want() {
    let quota: u64 = 40;
    let basic = format!("{{ in_flight: 200, limits: [{{ requests: {quota}, per: second }}] }}");
    let gateway = Gateway::start(&with_neighbours(&basic, 1000)).await.unwrap();
    gateway.upstream.delay(Duration::from_millis(20));
    // Ten times and a hundred times as often as it may.
    for (connections, pause) in [(10, 25), (40, 10)] {
        let storm =
            Load::pausing(gateway.address, connections, &get(ACME), Duration::from_millis(pause));
        let begun = tokio::time::Instant::now();
        let mut neighbours = Report::default();
        while begun.elapsed() < Duration::from_secs(storm_seconds()) {
            neighbours.add(fare(&gateway).await);
        }
        let report = storm.stop().await.unwrap();
        let seconds = begun.elapsed().as_secs() + 1;
        assert_eq!(report.errors, Vec::<String>::new());
        let served = report.statuses[&200];
        println!(
            "in {seconds} s {} asked and {served} served of {quota} a second; others {}, all served",
            report.answers(),
            neighbours.answers(),
        );
        // Of an allowance that was full, once a second's worth more.
        assert!(served * 100 <= quota * (seconds + 1) * 105, "{served} in {seconds} s");
        assert!(report.statuses.contains_key(&429), "it was no storm: {:?}", report.statuses);
    }
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

/// How much more memory there may be at the caps.
const ROOM_BYTES: u64 = 50 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded_while_a_backend_hangs() {
    let gateway = Gateway::start(&budgets("{ in_flight: 100 }", 1000)).await.unwrap();
    let post = |query: &str| {
        let call = Call::new("POST", HOST, &format!("/orders{query}")).header("x-api-key", ACME);
        call.body(vec![b'x'; 4 * 1024 * 1024])
    };
    for _ in 0..4 {
        assert_eq!(gateway.send(&post("")).await.unwrap().status, 200);
    }
    // While nothing of a body can be read on, Envoy does not notice that its caller went.
    gateway.upstream.delay_at("/orders?hang", Duration::from_secs(25));
    let before = gateway.envoy.usage().unwrap().resident_bytes;
    let hanging = at_once(&gateway, &post("?hang"), 100);
    shows(&gateway, "tollgate.tenant.acme.in_flight", 100).await;
    // 400 MiB want to be sent; the others are told at once.
    let refused = statuses(at_once(&gateway, &get(ACME), 50)).await;
    assert_eq!(refused, BTreeMap::from([(503, 50)]));
    let after = gateway.envoy.usage().unwrap().resident_bytes;
    println!("{} KiB before, {} KiB at the caps", before / 1024, after / 1024);
    assert!(after <= before + ROOM_BYTES, "{after} bytes after {before}");
    hanging.iter().for_each(tokio::task::JoinHandle::abort);
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}
