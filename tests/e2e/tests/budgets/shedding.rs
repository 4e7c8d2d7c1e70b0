//! What is kept from a backend in trouble.

use std::time::Duration;

use tollgate_e2e::{ACME, GLOBEX, Gateway};
use tollgate_support::{Load, Report, eventually};

use crate::{PATIENCE, at_once, at_rest, budgets, get, shows, stat};

/// How the module refuses what is above a tenant's share.
const BUSY: &str = "urn:tollgate:problem:backend-busy";

async fn start(cap: u32, shedding: &str) -> Gateway {
    let config = budgets("{ }", cap);
    let config =
        config.replace(&format!("in_flight: {cap} "), &format!("in_flight: {cap}, {shedding} "));
    Gateway::start(&config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_most_of_whose_answers_are_errors_gets_fewer_requests() {
    let gateway = start(1000, "admission_control: { window: 2s, rate_min: 1 }").await;
    let pause = Duration::from_millis(5);
    gateway.upstream.fail(500, usize::MAX);
    let load = Load::pausing(gateway.address, 4, &get(ACME), pause);
    load.and_more(500).await.unwrap();
    let before = (load.sent(), gateway.upstream.count());
    load.and_more(500).await.unwrap();
    let reached = gateway.upstream.count() - before.1;
    let sent = usize::try_from(load.sent() - before.0).unwrap();
    println!("{reached} of {sent} requests reached the backend");
    assert!(reached * 2 < sent, "{reached} of {sent}");
    // The backend answers 500. What is kept from it, Envoy answers in our words.
    let kept = async || {
        let answer = gateway.send(&get(ACME)).await.unwrap();
        (answer.status == 503).then_some(answer)
    };
    let kept = eventually("one is kept from it", PATIENCE, kept).await.unwrap();
    assert_eq!(kept.header("content-type"), Some("application/problem+json"));
    assert_eq!(kept.header("retry-after"), Some("1"));
    assert_eq!(kept.json()["type"], "urn:tollgate:problem:backend-unavailable");
    assert!(kept.json()["request_id"].is_string(), "{kept:?}");
    gateway.upstream.fail(500, 0);
    let recovered = async || {
        let before = (load.sent(), gateway.upstream.count());
        load.and_more(100).await.ok()?;
        let reached = gateway.upstream.count() - before.1;
        let sent = usize::try_from(load.sent() - before.0).ok()?;
        (sent <= reached + 5).then_some(())
    };
    eventually("it gets everything again", PATIENCE, recovered).await.unwrap();
    let report = load.stop().await.unwrap();
    assert!(report.statuses.contains_key(&503), "{:?}", report.statuses);
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

/// A backend that has got slower since it was found out how many requests it bears.
async fn slower() -> Gateway {
    let gateway = start(200, "adaptive_concurrency: { in_flight_min: 6, interval: 1h }").await;
    gateway.upstream.delay(Duration::from_millis(20));
    let load = Load::start(gateway.address, 4, &get(GLOBEX));
    let measured = async || {
        let rtt = stat(&gateway, "gradient_controller.min_rtt_msecs").await?;
        let measures = stat(&gateway, "min_rtt_calculation_active").await?;
        (0 < rtt && measures == 0).then_some(())
    };
    eventually("it is known how long an answer takes", PATIENCE, measured).await.unwrap();
    load.stop().await.unwrap();
    gateway.upstream.delay(Duration::from_millis(200));
    gateway
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backend_does_not_bear_is_refused_in_our_words() {
    let gateway = slower().await;
    let refused = async || {
        let mut refused = None;
        for answer in at_once(&gateway, &get(ACME), 60) {
            let answer = answer.await.unwrap().unwrap();
            // Once Envoy's filter has refused something, shares may as well.
            let is_ours = answer.status != 200 && answer.json()["type"] == BUSY;
            refused = refused.or((answer.status != 200 && !is_ours).then_some(answer));
        }
        refused
    };
    let refused = eventually("Envoy refuses one", PATIENCE, refused).await.unwrap();
    assert!(0 < stat(&gateway, "gradient_controller.rq_blocked").await.unwrap_or_default());
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    let body = refused.json();
    assert_eq!(body["type"], "urn:tollgate:problem:backend-unavailable");
    assert_eq!(body["status"], 503);
    assert!(body["request_id"].is_string(), "{refused:?}");
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_are_of_what_a_backend_bears_when_it_gets_slower() {
    let gateway = slower().await;
    // One tenant asks for more than it bears by now.
    let pause = Duration::from_millis(50);
    let storm = Load::pausing(gateway.address, 60, &get(ACME), pause);
    let shed = async || (0 < stat(&gateway, "gradient_controller.rq_blocked").await?).then_some(());
    eventually("it is told that it bears fewer", PATIENCE, shed).await.unwrap();
    let calm = || Load::pausing(gateway.address, 2, &get(GLOBEX), pause);
    // What others want is known once they have asked for it.
    let known = calm();
    known.and_more(40).await.unwrap();
    let calm = calm();
    known.stop().await.unwrap();
    tokio::time::sleep(Duration::from_secs(8)).await;
    let (calm, storm) = (calm.stop().await.unwrap(), storm.stop().await.unwrap());
    let limit = stat(&gateway, "gradient_controller.concurrency_limit").await;
    println!(
        "of a limit of {limit:?}, {:?} are one's and {:?} the other's",
        calm.statuses, storm.statuses
    );
    assert!(stat(&gateway, "tollgate.budget.refused.share").await.unwrap_or_default() > 0);
    // Envoy's filter by itself lets in whoever comes first: about 50 a second, of the 1,000
    // requests that both send, so one in twenty of either. Here whoever has less than its
    // share is served, and the other hardly ever.
    let percent = |report: &Report| report.statuses[&200] * 100 / report.answers();
    let (of_calm, of_storm) = (percent(&calm), percent(&storm));
    assert!(75 <= of_calm, "{of_calm} % were served");
    assert!(of_storm * 4 <= of_calm, "{of_storm} % of one, and {of_calm} % of the other");
    shows(&gateway, "tollgate.tenant.acme.in_flight", 0).await;
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}
