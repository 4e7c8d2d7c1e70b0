//! Tenants that have done nothing, and how they fare beside one in trouble.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tollgate_e2e::Gateway;
use tollgate_support::{Load, Report};

use crate::{budgets, get, shows};

/// Their names, which are in their keys.
const NAMES: [&str; 4] = ["one", "two", "three", "four"];

/// How long each measurement takes.
const ROUND: Duration = Duration::from_millis(2_700);

/// How many pairs of measurements there are: odd numbers, for the median. The first
/// is enough where little else happens on the machine.
const PAIRS: usize = 5;
const PAIRS_MAX: usize = 11;

/// How much longer bystanders may wait.
const SLOWDOWN_MAX: f64 = 1.2;

/// What a backend takes for an answer where it is measured how long one takes: long
/// enough that a busy machine is little of it.
pub(crate) const SERVICE: Duration = Duration::from_millis(300);

fn key_of(tenant: &str) -> String {
    format!("key-{tenant}-5f0c2d7e9b1a4c3d8e6f")
}

/// With those tenants beside `acme`, of which `basic` is the tier.
pub(crate) fn with_bystanders(basic: &str, cap: u32) -> String {
    let tenant = |name: &&str| {
        let sha256 = base16ct::lower::encode_string(&Sha256::digest(key_of(name)));
        format!("  {name}:\n    keys: {{ {name}-1: {{ sha256: {sha256} }} }}\n")
    };
    let tenants: String = NAMES.iter().map(tenant).collect();
    budgets(basic, cap).replace("tenants:\n", &format!("tenants:\n{tenants}"))
}

/// How all of them together fare for a while: every request is served.
pub(crate) async fn fare(gateway: &Gateway, span: Duration) -> Report {
    let start = |name: &str| Load::start(gateway.address, 3, &get(&key_of(name)));
    let loads = NAMES.map(start);
    tokio::time::sleep(span).await;
    let mut all = Report::default();
    for load in loads {
        all.add(load.stop().await.unwrap());
    }
    assert_eq!(all.errors, Vec::<String>::new());
    assert_eq!(all.statuses.keys().collect::<Vec<_>>(), [&200], "{:?}", all.statuses);
    all
}

async fn slowest_of_a_hundred(gateway: &Gateway) -> Duration {
    fare(gateway, ROUND).await.percentile(99)
}

/// Compares how long the slowest in a hundred take beside a tenant in trouble with
/// what they take without it, in pairs of which each begins as the one before ended.
/// What else the machine has to do is the same for both of a pair, or spoils that
/// pair; the median stands as long as fewer than half are spoiled.
pub(crate) async fn nothing_is_noticed(
    gateway: &Gateway,
    mut trouble: impl AsyncFnMut() -> Vec<Load>,
) {
    let (mut ratios, mut loads) = (Vec::new(), Vec::new());
    let is_clear = |ratios: &[f64]| PAIRS <= ratios.len() && median(ratios) <= SLOWDOWN_MAX;
    while ratios.len() < PAIRS_MAX && !is_clear(&ratios) {
        let (alone, beside);
        if loads.is_empty() {
            alone = slowest_of_a_hundred(gateway).await;
            loads = trouble().await;
            beside = slowest_of_a_hundred(gateway).await;
        } else {
            beside = slowest_of_a_hundred(gateway).await;
            loads.drain(..).for_each(Load::abort);
            shows(gateway, "tollgate.tenant.acme.in_flight", 0).await;
            alone = slowest_of_a_hundred(gateway).await;
        }
        println!("the slowest of a hundred take {alone:?} alone, and {beside:?} beside the other");
        ratios.push(beside.as_secs_f64() / alone.as_secs_f64());
    }
    loads.into_iter().for_each(Load::abort);
    let median = median(&ratios);
    println!("{median:.3} times as long");
    assert!(median <= SLOWDOWN_MAX, "{median:.2} times as long");
}

/// The middle one.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    *values.get(values.len() / 2).unwrap()
}
