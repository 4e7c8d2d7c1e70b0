//! Callers who ask how their limits stand.

use serde_json::{Value, json};
use tollgate_e2e::{ACME, GLOBEX, Gateway, HOST, config};
use tollgate_support::Call;

use crate::ROUTES;

/// How the limits of acme stand.
pub(crate) fn ask() -> Call {
    Call::get(HOST, "/.tollgate/limits").header("x-api-key", ACME)
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_can_ask_how_their_limits_stand() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    gateway.send(&Call::get(HOST, "/by-key").header("x-api-key", ACME)).await.unwrap();
    let answer = gateway.send(&ask()).await.unwrap();
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let body = answer.json();
    assert_eq!((&body["tenant"], &body["tier"]), (&json!("acme"), &json!("basic")));
    let limits = body["limits"].as_array().unwrap();
    assert_eq!(limits[0]["limit"], "basic-second");
    let by_key = limits.iter().find(|limit| limit["route"] == "by-key").unwrap();
    let expected = json!({"limit": "api-key-hour", "api": "orders", "route": "by-key",
        "requests": 5, "per": "hour", "left": 4, "more_in_seconds": by_key["more_in_seconds"]});
    assert_eq!(*by_key, expected);
    // Asking costs nothing, is for those who are somebody, and tells of nobody else.
    let again = gateway.send(&ask()).await.unwrap().json();
    let left = |body: &Value| {
        body["limits"].as_array().unwrap().iter().map(|one| one["left"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(left(&again)[1..], left(&body)[1..]);
    let other = Call::get(HOST, "/.tollgate/limits").header("x-api-key", GLOBEX);
    let other = gateway.send(&other).await.unwrap().json();
    let by_key =
        other["limits"].as_array().unwrap().iter().find(|limit| limit["route"] == "by-key");
    assert_eq!(by_key.unwrap()["left"], 5);
    for (call, status) in [
        (Call::get(HOST, "/.tollgate/limits"), 401),
        (Call::get(HOST, "/.tollgate/limits").header("x-api-key", "made-up"), 401),
        (Call::new("POST", HOST, "/.tollgate/limits").header("x-api-key", ACME), 405),
    ] {
        assert_eq!(gateway.send(&call).await.unwrap().status, status, "{call:?}");
    }
    assert_eq!(gateway.upstream.count(), 1);
    gateway.never_trapped().await.unwrap();
}
