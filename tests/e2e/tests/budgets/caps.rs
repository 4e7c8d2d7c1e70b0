//! Caps of tenants and of backends.

use std::collections::BTreeMap;
use std::time::Duration;

use tollgate_e2e::{ACME, GLOBEX, Gateway};
use tollgate_support::eventually;

use crate::{PATIENCE, at_once, at_rest, budgets, get, shows, statuses};

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_as_many_in_flight_as_it_may_and_others_notice_nothing() {
    let gateway = Gateway::start(&budgets("{ in_flight: 10 }", 1000)).await.unwrap();
    gateway.upstream.delay(Duration::from_secs(4));
    let answers = at_once(&gateway, &get(ACME), 50);
    shows(&gateway, "tollgate.tenant.acme.in_flight", 10).await;
    let refused = gateway.send(&get(ACME)).await.unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.json()["type"], "urn:tollgate:problem:too-many-in-flight");
    assert_eq!(refused.json()["detail"], "10 requests are in flight, of 10 at most; wait for one");
    assert_eq!(gateway.send(&get(GLOBEX)).await.unwrap().status, 200);
    assert_eq!(statuses(answers).await, BTreeMap::from([(200, 10), (503, 40)]));
    assert_eq!(gateway.upstream.count(), 11);
    gateway.upstream.delay(Duration::ZERO);
    assert_eq!(gateway.send(&get(ACME)).await.unwrap().status, 200);
    at_rest(&gateway).await;
    let told = async || {
        let log = gateway.envoy.access_log();
        let full = log.iter().filter(|line| line["in_flight"] == "tenant=10/10");
        (full.filter(|line| line["details"] == "tollgate.too-many-in-flight").count() == 41)
            .then_some(())
    };
    eventually("each refusal is in the log", PATIENCE, told).await.unwrap();
    shows(&gateway, "tollgate.budget.refused.tenant", 41).await;
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_alone_may_have_all_that_a_backend_takes_but_for_what_is_kept() {
    let gateway = Gateway::start(&budgets("{ }", 20)).await.unwrap();
    gateway.upstream.delay(Duration::from_secs(4));
    let answers = at_once(&gateway, &get(ACME), 40);
    shows(&gateway, "tollgate.tenant.acme.in_flight", 18).await;
    let refused = gateway.send(&get(ACME)).await.unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.json()["type"], "urn:tollgate:problem:backend-busy");
    // What a tenth is kept for.
    let vital =
        tollgate_support::Call::get(tollgate_e2e::HOST, "/vital").header("x-api-key", GLOBEX);
    let vital = at_once(&gateway, &vital, 3);
    assert_eq!(statuses(vital).await, BTreeMap::from([(200, 2), (503, 1)]));
    assert_eq!(statuses(answers).await, BTreeMap::from([(200, 18), (503, 22)]));
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

/// Nobody else was there before.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_new_is_served_at_a_backend_that_one_tenant_has_filled() {
    let config = budgets("{ }", 60).replace("priority: critical", "");
    let gateway = Gateway::start(&config).await.unwrap();
    gateway.upstream.delay(Duration::from_secs(4));
    let answers = at_once(&gateway, &get(ACME), 80);
    shows(&gateway, "tollgate.tenant.acme.in_flight", 59).await;
    assert_eq!(gateway.send(&get(ACME)).await.unwrap().status, 503);
    assert_eq!(gateway.send(&get(GLOBEX)).await.unwrap().status, 200);
    assert_eq!(statuses(answers).await, BTreeMap::from([(200, 59), (503, 21)]));
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_grpc_are_told_in_their_own_terms() {
    let gateway = Gateway::start(&budgets("{ in_flight: 1 }", 1000)).await.unwrap();
    gateway.upstream.delay(Duration::from_secs(4));
    let answers = at_once(&gateway, &get(ACME), 1);
    shows(&gateway, "tollgate.tenant.acme.in_flight", 1).await;
    let call = get(ACME).header("content-type", "application/grpc");
    let refused = gateway.send(&call).await.unwrap();
    // RESOURCE_EXHAUSTED
    assert_eq!((refused.status, refused.header("grpc-status")), (200, Some("8")));
    assert_eq!(statuses(answers).await, BTreeMap::from([(200, 1)]));
}
