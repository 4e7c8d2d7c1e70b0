//! The examples of limits, followed to the letter.

use tollgate_e2e::Gateway;
use tollgate_support::{Built, Example};

/// One of the examples, followed to the letter.
async fn follow(name: &str, commands: usize) {
    let config = Example::of(name).file("tollgate.yaml").unwrap();
    let config = config
        .replace("127.0.0.1:8080", "127.0.0.1:$PORT")
        .replace("127.0.0.1:9000", "127.0.0.1:$BACKEND");
    let gateway = Gateway::start(&config).await.unwrap();
    let example = Example::of(name).port(8080, gateway.address.port());
    assert_eq!(example.follow(&Built::find().unwrap()).await.unwrap(), commands);
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_tiers() {
    follow("limits-tiers", 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_addresses() {
    follow("limits-per-ip", 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_costs() {
    follow("limits-by-cost", 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_credit() {
    follow("limits-burst-credit", 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_a_month() {
    follow("limits-month", 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_trying_a_limit() {
    follow("limits-shadow", 3).await;
}
