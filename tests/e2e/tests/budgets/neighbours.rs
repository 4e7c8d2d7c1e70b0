//! One tenant's trouble, and how its neighbours fare meanwhile.

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use tollgate_e2e::{ACME, Gateway, HOST};
use tollgate_support::{Call, Load};

use crate::bystanders::{Bystanders, SERVICE, nothing_is_noticed, with_bystanders};
use crate::{at_once, at_rest, budgets, get, shows, stat, statuses};

/// As long as a request may take by default, and longer than any test.
const HANGS: Duration = Duration::from_mins(2);

/// The backend does not answer to this.
fn hanging() -> Call {
    Call::get(HOST, "/orders?hang").header("x-api-key", ACME)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_notices_a_tenant_whose_requests_hang() {
    let gateway = Gateway::start(&with_bystanders("{ in_flight: 20 }", 60)).await.unwrap();
    gateway.upstream.delay(SERVICE);
    gateway.upstream.delay_at("/orders?hang", HANGS);
    nothing_is_noticed(&gateway, async || {
        let pause = Duration::from_millis(250);
        let load = Load::pausing(gateway.address, 24, &hanging(), pause);
        shows(&gateway, "tollgate.tenant.acme.in_flight", 20).await;
        vec![load]
    })
    .await;
    assert!(0 < stat(&gateway, "tollgate.budget.refused.tenant").await.unwrap());
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_notices_a_tenant_that_fills_the_backend() {
    let gateway = Gateway::start(&with_bystanders("{ }", 60)).await.unwrap();
    gateway.upstream.delay(SERVICE);
    nothing_is_noticed(&gateway, async || {
        let pause = Duration::from_millis(200);
        let load = Load::pausing(gateway.address, 80, &get(ACME), pause);
        load.and_more(200).await.unwrap();
        vec![load]
    })
    .await;
    let refused = stat(&gateway, "tollgate.budget.refused.share").await.unwrap_or_default();
    assert!(0 < refused, "{refused} were refused for the others' sake");
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

/// How long a storm lasts; `TOLLGATE_STORM_SECONDS=60` for the whole of it.
fn storm_span() -> Duration {
    let seconds = env::var("TOLLGATE_STORM_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(4))
}

/// How much longer the slowest in a hundred may take in a storm: it and those who
/// measure want all of the machine.
const STORM_SLOWDOWN_MAX: f64 = 3.0;

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_one_tenant_gets_its_quota_and_others_what_they_want() {
    let quota: u64 = 40;
    let basic = format!("{{ in_flight: 200, limits: [{{ requests: {quota}, per: second }}] }}");
    let gateway = Gateway::start(&with_bystanders(&basic, 1000)).await.unwrap();
    gateway.upstream.delay(Duration::from_millis(50));
    let bystanders = Bystanders::start(&gateway);
    let quiet = bystanders.fare(storm_span()).await.percentile(99);
    // Ten times and a hundred times as often as it may.
    for (connections, pause) in [(10, 25), (40, 10)] {
        let pause = Duration::from_millis(pause);
        let storm = Load::pausing(gateway.address, connections, &get(ACME), pause);
        let begun = tokio::time::Instant::now();
        let neighbours = bystanders.fare(storm_span()).await;
        let report = storm.stop().await.unwrap();
        let seconds = begun.elapsed().as_secs() + 1;
        let slower = neighbours.percentile(99).as_secs_f64() / quiet.as_secs_f64();
        assert_eq!(report.errors, Vec::<String>::new());
        let served = report.statuses[&200];
        println!(
            "in {seconds} s {} asked and {served} served of {quota} a second; others {}, all \
             served, the slowest of a hundred {slower:.2} times as late as before",
            report.answers(),
            neighbours.answers(),
        );
        // Of an allowance that was full, once a second's worth more.
        assert!(served * 100 <= quota * (seconds + 1) * 105, "{served} in {seconds} s");
        assert!(report.statuses.contains_key(&429), "it was no storm: {:?}", report.statuses);
        assert!(slower <= STORM_SLOWDOWN_MAX, "others waited {slower:.2} times as long");
    }
    bystanders.stop().await;
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
