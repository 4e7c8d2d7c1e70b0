//! Who is refused while a backend has less room than is asked for.

use std::time::Duration;

use tollgate_e2e::{ACME, GLOBEX, Gateway};
use tollgate_support::Load;

use crate::{INITECH, at_rest, budgets, get};

/// Enough that each tenant alone could fill the backend.
const CONNECTIONS: usize = 80;

/// Much sooner than they are told to, and none of a place's time.
const PAUSE: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn three_tenants_that_all_storm_share_by_weight() {
    // A tenth is kept for critical routes, which leaves 9, 9 and 36.
    let gateway = Gateway::start(&budgets("{ }", 60)).await.unwrap();
    gateway.upstream.delay(Duration::from_millis(250));
    let loads = [ACME, GLOBEX, INITECH]
        .map(|key| Load::pausing(gateway.address, CONNECTIONS, &get(key), PAUSE));
    tokio::time::sleep(Duration::from_secs(20)).await;
    let mut served = Vec::new();
    for load in loads {
        let report = load.stop().await.unwrap();
        assert_eq!(report.errors, Vec::<String>::new());
        served.push(report.statuses[&200]);
    }
    let sum: u64 = served.iter().sum();
    println!("served {served:?}, wanted 1:1:4");
    for (served, weight) in served.iter().zip([1, 1, 4]) {
        let percent = served * 600 / (sum * weight);
        assert!((90..=110).contains(&percent), "{percent} % of its share");
    }
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}
