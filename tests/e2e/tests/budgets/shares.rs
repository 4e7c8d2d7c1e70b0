//! Who is refused while a backend has less room than is asked for.

use std::time::Duration;

use tollgate_e2e::{ACME, GLOBEX, Gateway};
use tollgate_support::Load;

use crate::{INITECH, at_rest, budgets, get};

/// Enough that each tenant alone could fill the backend twice.
const CONNECTIONS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn three_tenants_that_all_storm_share_by_weight() {
    let gateway = Gateway::start(&budgets("{ }", 20)).await.unwrap();
    gateway.upstream.delay(Duration::from_millis(250));
    let loads =
        [ACME, GLOBEX, INITECH].map(|key| Load::start(gateway.address, CONNECTIONS, &get(key)));
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
        // Of 18 requests at a time, for two are kept: 3, 3 and 12.
        let percent = served * 600 / (sum * weight);
        // Twenty seconds are short: a tenth is what is wanted, and is printed.
        assert!((80..=120).contains(&percent), "{percent} % of its share");
    }
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}
