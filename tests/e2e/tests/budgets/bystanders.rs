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

/// All of them, each with some requests under way at any time.
pub(crate) struct Bystanders(Vec<Load>);

impl Bystanders {
    pub(crate) fn start(gateway: &Gateway) -> Self {
        let start = |name: &str| Load::start(gateway.address, 3, &get(&key_of(name)));
        Self(NAMES.map(start).into())
    }

    /// How they fare for a while: every request is served.
    pub(crate) async fn fare(&self, span: Duration) -> Report {
        self.so_far();
        tokio::time::sleep(span).await;
        self.so_far()
    }

    fn so_far(&self) -> Report {
        let mut all = Report::default();
        self.0.iter().for_each(|load| all.add(load.take()));
        assert_eq!(all.errors, Vec::<String>::new());
        assert!(all.statuses.keys().all(|status| *status == 200), "{:?}", all.statuses);
        all
    }

    pub(crate) async fn stop(self) {
        for load in self.0 {
            load.stop().await.unwrap();
        }
    }

    async fn slowest_of_a_hundred(&self) -> Duration {
        let report = self.fare(ROUND).await;
        assert!(0 < report.answers(), "nobody was served");
        report.percentile(99)
    }
}

/// Compares how long the slowest in a hundred take beside a tenant in trouble with
/// what they take without it, in pairs of which each begins as the one before ended.
/// What else the machine has to do is the same for both of a pair, or spoils that
/// pair; the median stands as long as fewer than half are spoiled. Meanwhile they ask
/// without a break: whoever comes back to a full backend has to wait, as all do.
pub(crate) async fn nothing_is_noticed(
    gateway: &Gateway,
    mut trouble: impl AsyncFnMut() -> Vec<Load>,
) {
    let bystanders = Bystanders::start(gateway);
    let (mut ratios, mut loads) = (Vec::new(), Vec::new());
    let is_clear = |ratios: &[f64]| PAIRS <= ratios.len() && median(ratios) <= SLOWDOWN_MAX;
    while ratios.len() < PAIRS_MAX && !is_clear(&ratios) {
        let (alone, beside);
        if loads.is_empty() {
            alone = bystanders.slowest_of_a_hundred().await;
            loads = trouble().await;
            beside = bystanders.slowest_of_a_hundred().await;
        } else {
            beside = bystanders.slowest_of_a_hundred().await;
            loads.drain(..).for_each(Load::abort);
            shows(gateway, "tollgate.tenant.acme.in_flight", 0).await;
            alone = bystanders.slowest_of_a_hundred().await;
        }
        println!("the slowest of a hundred take {alone:?} alone, and {beside:?} beside the other");
        ratios.push(beside.as_secs_f64() / alone.as_secs_f64());
    }
    loads.into_iter().for_each(Load::abort);
    bystanders.stop().await;
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
