//! What becomes of what a virtual machine had under way when it ends.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tollgate_e2e::{ACME, Gateway};
use tollgate_support::{Built, eventually};

use crate::{PATIENCE, at_once, budgets, get, shows, statuses};

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
