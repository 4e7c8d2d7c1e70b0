//! What becomes of what a virtual machine had under way when it ends.

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use tokio::time::Instant;
use tollgate_e2e::{ACME, Gateway, HOST};
use tollgate_support::{Built, Call, Load, eventually};

use crate::{PATIENCE, at_once, at_rest, budgets, get, serving, shows, statuses};

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_with_a_virtual_machine_is_given_back() {
    let config = budgets("{ in_flight: 4 }", 1000);
    let gateway = Gateway::of(&Built::trapping().unwrap(), &config, &[]).await.unwrap();
    gateway.upstream.delay(Duration::from_mins(1));
    let hanging = at_once(&gateway, &get(ACME), 4);
    shows(&gateway, "tollgate.tenant.acme.in_flight", 4).await;
    // Each of the two workers loses its own.
    let both = async || {
        drop(gateway.send(&get(ACME).header("x-trap", "here")).await);
        let stats = gateway.envoy.stats("vm_reload_success").await.unwrap();
        (2 <= stats.values().sum::<u64>()).then_some(())
    };
    eventually("both workers have other virtual machines", PATIENCE, both).await.unwrap();
    let begun = Instant::now();
    hanging.iter().for_each(tokio::task::JoinHandle::abort);
    gateway.upstream.delay(Duration::ZERO);
    let free = async || (gateway.send(&get(ACME)).await.ok()?.status == 200).then_some(());
    eventually("there is room again", PATIENCE, free).await.unwrap();
    println!("there was room again after {:?}", begun.elapsed());
    gateway.upstream.delay(Duration::from_secs(3));
    let answers = statuses(at_once(&gateway, &get(ACME), 6)).await;
    assert_eq!(answers, BTreeMap::from([(200, 4), (503, 2)]));
    shows(&gateway, "tollgate.tenant.acme.in_flight", 0).await;
}

/// How long virtual machines trap; `TOLLGATE_TRAP_SECONDS=60` for the whole of it.
fn trap_seconds() -> u64 {
    env::var("TOLLGATE_TRAP_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

#[tokio::test(flavor = "multi_thread")]
async fn traps_again_and_again_let_nobody_in_and_leave_nothing() {
    let config = budgets("{ in_flight: 4, connections: 100 }", 1000);
    let gateway = Gateway::of(&Built::trapping().unwrap(), &config, &[]).await.unwrap();
    let gateway = serving(gateway).await;
    let pause = Duration::from_millis(5);
    let nobody = Load::pausing(gateway.address, 4, &Call::get(HOST, "/orders"), pause);
    let known = Load::pausing(gateway.address, 2, &get(ACME), pause);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(trap_seconds()) {
        drop(gateway.send(&get(ACME).header("x-trap", "here")).await);
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let nobody = nobody.stop().await.unwrap();
    let known = known.stop().await.unwrap();
    println!("who showed nothing: {:?}; who had a key: {:?}", nobody.statuses, known.statuses);
    assert!(nobody.statuses.keys().all(|status| [401, 503].contains(status)), "{nobody:?}");
    assert!(nobody.statuses.contains_key(&401));
    assert!(known.statuses.keys().all(|status| [200, 503].contains(status)), "{known:?}");
    assert!(known.statuses.contains_key(&200));
    // What an alarm goes by.
    let reloads = gateway.envoy.stats("vm_reload_success").await.unwrap();
    assert!(2 <= reloads.values().sum::<u64>(), "{reloads:?}");
    let ended = Instant::now();
    gateway.upstream.delay(Duration::from_secs(2));
    // Who comes while a virtual machine is made anew may find the connection closed.
    let whole = async || {
        let answers = statuses(at_once(&gateway, &get(ACME), 4)).await;
        (answers == BTreeMap::from([(200, 4)])).then_some(())
    };
    eventually("everything can be had again", PATIENCE, whole).await.unwrap();
    println!("everything could be had again after {:?}", ended.elapsed());
    let answers = statuses(at_once(&gateway, &get(ACME), 6)).await;
    assert_eq!(answers, BTreeMap::from([(200, 4), (503, 2)]));
    at_rest(&gateway).await;
}
