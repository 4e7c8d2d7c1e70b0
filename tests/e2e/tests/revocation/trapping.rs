//! Virtual machines that end while they keep up with who is revoked.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use tollgate_e2e::HOST;
use tollgate_support::{Built, Call, Load, eventually};

use crate::{BOUND, ISSUER, World, asking};

/// A worker gets another virtual machine 0.2 s after it lost one, and more than
/// that if it loses that one too.
const PATIENCE: Duration = Duration::from_mins(1);

async fn world() -> World {
    let world = asking(&Built::trapping().unwrap(), "{ max_age: 5m }", "", "").await;
    world.synced().await;
    world
}

impl World {
    /// Callers who must never be let in: nobody, and somebody who is revoked.
    async fn turned_away(&self) -> [Load; 2] {
        let revoked = self.token(&json!({"jti": "zero"}));
        self.tollgate(&["tokens", "revoke", "--issuer", ISSUER, "--jti", "zero"]);
        self.until(&revoked, 401, "revoked before anything trapped", BOUND).await;
        let load = |call: &Call| Load::start(self.gateway.address, 2, call);
        [load(&Call::get(HOST, "/orders")), load(&revoked)]
    }

    /// Ends the virtual machine that is named so, in its own time.
    async fn trap(&self, which: &str) {
        let call = Call::get(HOST, "/orders").header("x-trap", which);
        self.gateway.send(&call).await.unwrap();
    }

    async fn stat(&self, name: &str) -> u64 {
        let stats = self.gateway.envoy.stats(name).await.unwrap();
        stats.iter().filter(|(key, _)| key.ends_with(name)).map(|(_, count)| count).sum()
    }
}

/// None of them was ever let in.
async fn were_turned_away(loads: [Load; 2]) {
    for load in loads {
        let report = load.stop().await.unwrap();
        println!("turned away: {report:?}");
        assert!(report.statuses.keys().all(|status| [401, 503].contains(status)), "{report:?}");
        assert!(100 < report.statuses[&401], "{report:?}");
    }
}

/// Each time the elected one ends, be it a worker or Envoy's main thread,
/// another takes its place and goes on from where that one was.
#[tokio::test(flavor = "multi_thread")]
async fn whichever_thread_keeps_up_another_takes_its_place() {
    let world = world().await;
    let turned_away = world.turned_away().await;
    for round in 1..=4 {
        world.trap("elected").await;
        let trapped = async || (world.stat("trapping.elected").await == round).then_some(());
        eventually("the elected one has ended", PATIENCE, trapped).await.unwrap();
        let jti = format!("after{round}");
        let call = world.token(&json!({"jti": jti}));
        world.until(&call, 200, "served again", PATIENCE).await;
        world.tollgate(&["tokens", "revoke", "--issuer", ISSUER, "--jti", &jti]);
        world.until(&call, 401, &format!("revoked after {round} had ended"), BOUND).await;
    }
    assert!(0 < world.stat("vm_reload_success").await, "no worker was ever the elected one");
    were_turned_away(turned_away).await;
    let served = world.gateway.upstream.seen();
    assert!(served.iter().all(|seen| seen.values("x-tollgate-subject") == ["ann"]));
}

/// However often workers end, nobody passes whom they would not have let pass.
#[tokio::test(flavor = "multi_thread")]
async fn workers_that_end_all_the_time_let_nobody_pass() {
    let world = world().await;
    let turned_away = world.turned_away().await;
    let (good, begun) = (world.token(&json!({"jti": "good"})), Instant::now());
    let mut served = 0;
    while begun.elapsed() < Duration::from_secs(5) {
        world.trap("here").await;
        tokio::time::sleep(Duration::from_millis(250)).await;
        served += u32::from(world.gateway.send(&good).await.unwrap().status == 200);
    }
    println!(
        "{} began anew, good callers were served {served} times",
        world.stat("vm_reload_success").await
    );
    assert!(0 < world.stat("vm_reload_success").await);
    world.until(&good, 200, "served by every worker again", PATIENCE).await;
    were_turned_away(turned_away).await;
    world.tollgate(&["tokens", "revoke", "--issuer", ISSUER, "--jti", "good"]);
    world.until(&good, 401, "revoked after it all", BOUND).await;
    let seen = world.gateway.upstream.seen();
    assert!(seen.iter().all(|seen| seen.values("x-tollgate-subject") == ["ann"]));
}
