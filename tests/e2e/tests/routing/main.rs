//! Where requests go, how often, and what comes of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod actions;
mod backends;
mod examples;
mod http3;
mod on_demand;
mod retries;
mod secure;
mod shards;
mod splits;

use std::time::Duration;

use tollgate_e2e::{ACME, Gateway, HOST, config};
use tollgate_support::{Answer, Call, eventually};

const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway with these backends beside `echo`, and these routes.
async fn start(backends: &str, routes: &str) -> Gateway {
    let config = config(routes).replace("backends:\n", &format!("backends:\n{backends}\n"));
    Gateway::start(&config).await.unwrap()
}

/// A GET by somebody who is known.
fn get(path: &str) -> Call {
    Call::get(HOST, path).header("x-api-key", ACME)
}

/// So many answers to one call, sent all at once.
async fn at_once(gateway: &Gateway, call: &Call, count: usize) -> Vec<Answer> {
    let address = gateway.address;
    let calls = (0..count).map(|_| {
        let call = call.clone();
        tokio::spawn(async move { call.send(address).await.unwrap() })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap());
    }
    answers
}

/// Waits for a statistic of Envoy to be at least so much.
async fn reaches(gateway: &Gateway, name: &str, value: u64) {
    eventually(&format!("{name} is {value}"), PATIENCE, async || {
        let stats = gateway.envoy.stats(name).await.ok()?;
        stats.get(name).copied().filter(|now| value <= *now)
    })
    .await
    .unwrap();
}
