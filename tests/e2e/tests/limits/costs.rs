//! Requests that cost more than one, or what their responses say.

#![expect(clippy::panic, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use tollgate_e2e::{ACME, Gateway, HOST, config};
use tollgate_support::{Answer, Call, Protocol, eventually};

use crate::ROUTES;
use crate::asking::ask;

fn value(answer: &Answer, name: &str) -> String {
    answer.header(name).unwrap_or_else(|| panic!("no {name} in {answer:?}")).to_owned()
}

/// How many requests of a limit are left, as a response tells it.
fn left(answer: &Answer) -> u64 {
    let field = value(answer, "ratelimit");
    let left = field.split(";r=").nth(1).and_then(|rest| rest.split(';').next());
    left.and_then(|left| left.parse().ok()).unwrap_or_else(|| panic!("{field}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_settles_what_a_request_has_cost() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    let call = Call::get(HOST, "/by-cost").header("x-api-key", ACME);
    let costing = |cost: &str| call.clone().header("x-wish-x-cost", cost);
    // Each tells what is left after its own reserve of ten.
    for (cost, left_before) in [("40", 90), ("1", 50), ("-5", 49), ("0", 39), ("50", 39)] {
        let answer = gateway.send(&costing(cost)).await.unwrap();
        assert_eq!((answer.status, left(&answer)), (200, left_before), "{cost}");
        assert_eq!(value(&answer, "x-cost"), cost);
    }
    // One more than there was: the last of it is owed.
    assert_eq!(gateway.send(&costing("1")).await.unwrap().status, 429);
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_size_of_a_response_settles_what_a_request_has_cost() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    gateway.upstream.serve("/by-bytes", vec![b'x'; 200_000]);
    let call = Call::get(HOST, "/by-bytes").header("x-api-key", ACME);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let before = left(&call.send_over(protocol, gateway.address).await.unwrap());
        // What was reserved is part of it.
        let goal = before + 1 - 200_000;
        // It is settled when the exchange is over, which may be after the answer is here.
        eventually("the response is settled", Duration::from_secs(20), async || {
            let answer = gateway.send(&ask()).await.unwrap();
            let body = answer.json();
            let limits = body["limits"].as_array().unwrap();
            let of_route = limits.iter().find(|limit| limit["route"] == "by-bytes").unwrap();
            (of_route["left"].as_u64() == Some(goal)).then_some(())
        })
        .await
        .unwrap();
    }
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_size_of_an_upload_counts_as_it_came() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    let call = Call::new("POST", HOST, "/by-upload").header("x-api-key", ACME);
    let answer = gateway.send(&call.clone().body(vec![b'x'; 30_001])).await.unwrap();
    assert_eq!((answer.status, left(&answer)), (200, 69));
    let answer = gateway.send(&call.clone().body(vec![b'x'; 100_001])).await.unwrap();
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.header("retry-after"), None, "it would never be admitted");
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_says_what_a_request_costs() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    let send = async |count: &str| {
        let path = format!("/by-expression/{count}");
        gateway.send(&Call::get(HOST, &path).header("x-api-key", ACME)).await.unwrap()
    };
    assert_eq!(left(&send("20").await), 61);
    for count in ["-3", "x", "99999999999999999999", "9223372036854775807", "600000000"] {
        let answer = send(count).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.json()["type"], "urn:tollgate:problem:invalid-cost");
    }
    assert_eq!(left(&send("1").await), 60);
    gateway.never_trapped().await.unwrap();
}
