//! What tenants may have under way at once, and that one's trouble stays its own.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod broken;
mod bystanders;
mod caps;
mod connections;
mod lasting;
mod leaks;
mod neighbours;
mod shares;
mod shedding;
mod streams;
mod traps;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinHandle;
use tollgate_e2e::{Gateway, HOST, config};
use tollgate_support::{Answer, Call, eventually};

/// A third tenant beside those of every test, of weight 4.
const INITECH: &str = "key-initech-5f0c2d7e9b1a4c3d8e6f";

/// A machine that others use too may be slow; nothing here is about how slow.
const PATIENCE: Duration = Duration::from_mins(1);

const ROUTES: &str = "
      get:
        match: { path: /orders, methods: [GET, POST] }
        backend: echo
        auth: { any_of: [api_key] }
      vital:
        match: { path: /vital }
        backend: echo
        auth: { any_of: [api_key] }
        priority: critical
      socket:
        match: { path: /socket }
        backend: echo
        websocket: {}
        auth: { any_of: [api_key] }
";

/// Gives `acme` what `basic` says, and the backend a cap.
fn budgets(basic: &str, cap: u32) -> String {
    let initech = "  initech:\n    weight: 4\n    keys:\n      initech-1:\n        sha256: \
                   d5e9acbb73932877d0c1927c7f7c6de320272bedfa77b3caf56ec87098888303\nbackends:";
    config(ROUTES)
        .replace(
            "basic: { limits: [{ requests: 1000000, per: second }] }",
            &format!("basic: {basic}"),
        )
        .replace("backends:", initech)
        .replace("[\"127.0.0.1:$BACKEND\"]", &format!("[\"127.0.0.1:$BACKEND\"], in_flight: {cap}"))
}

fn get(key: &str) -> Call {
    Call::get(HOST, "/orders").header("x-api-key", key)
}

/// Where connections count, the module is made ready twice, which a machine that others
/// use too may not have done when listeners wait for it no longer.
async fn serving(gateway: Gateway) -> Gateway {
    let serves = async || {
        let answer = get(tollgate_e2e::GLOBEX).send(gateway.address).await.ok()?;
        (answer.status == 200).then_some(())
    };
    eventually("requests are served", PATIENCE, serves).await.unwrap();
    gateway
}

/// Sends it on so many connections at once.
fn at_once(gateway: &Gateway, call: &Call, times: usize) -> Vec<JoinHandle<Result<Answer>>> {
    let send = |_| {
        let (address, call) = (gateway.address, call.clone());
        tokio::spawn(async move { call.send(address).await })
    };
    (0..times).map(send).collect()
}

/// 0 of a connection that was closed without an answer.
async fn statuses(answers: Vec<JoinHandle<Result<Answer>>>) -> BTreeMap<u16, usize> {
    let mut statuses = BTreeMap::new();
    for answer in answers {
        let status = answer.await.unwrap().map_or(0, |answer| answer.status);
        *statuses.entry(status).or_default() += 1;
    }
    statuses
}

/// A number among Envoy's statistics.
async fn stat(gateway: &Gateway, name: &str) -> Option<u64> {
    let stats = gateway.envoy.stats(name).await.unwrap();
    stats.iter().find(|(key, _)| key.ends_with(name)).map(|(_, value)| *value)
}

/// Waits until a number is shown.
async fn shows(gateway: &Gateway, name: &str, value: u64) {
    let shown = async || (stat(gateway, name).await == Some(value)).then_some(());
    let reached = eventually(&format!("{name} is {value}"), PATIENCE, shown).await;
    assert!(reached.is_ok(), "{reached:?}: it is {:?}", stat(gateway, name).await);
}

/// Nothing is under way, and every number says so.
async fn at_rest(gateway: &Gateway) {
    // A tenant has a number since a heartbeat first found it with something under way.
    let name = "tollgate.tenant.acme.in_flight";
    let idle = async || (stat(gateway, name).await.unwrap_or_default() == 0).then_some(());
    eventually("nothing of acme is under way", PATIENCE, idle).await.unwrap();
    for number in ["in_flight.other", "streams", "connections"] {
        shows(gateway, &format!("tollgate.budget.{number}"), 0).await;
    }
    shows(gateway, "cluster.echo.upstream_rq_active", 0).await;
}
