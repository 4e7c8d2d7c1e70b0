//! Limits when it is hard for them: workers that end, very many callers, storms.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tollgate_e2e::{ACME, Bystander, GLOBEX, Gateway, HOST, config};
use tollgate_support::{Built, Call, Connection, Load, Protocol, Report};

use crate::{CONNECTIONS, ROUTES};

/// How many tokens a worker holds at once at most.
const HELD_MAX: usize = 32;

const TRAPS: usize = 5;

/// A number from the environment, for runs at full size.
fn sized(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

async fn reloads(gateway: &Gateway) -> usize {
    let stats = gateway.envoy.stats("vm_reload_success").await.unwrap();
    usize::try_from(stats.values().sum::<u64>()).unwrap()
}

/// Requests that are sent until the backend has seen no more for a while.
async fn until_used_up(gateway: &Gateway, call: &Call) -> Report {
    let load = Load::start(gateway.address, CONNECTIONS, call);
    let mut before = None;
    while before != Some(gateway.upstream.count()) {
        before = Some(gateway.upstream.count());
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    load.stop().await.unwrap()
}

/// A virtual machine takes with it what it holds, and nothing that others have:
/// never is more admitted than the limit says, and less only by what was held.
#[tokio::test(flavor = "multi_thread")]
async fn workers_that_end_with_tokens_admit_nothing_more_and_lose_few() {
    let built = Built::trapping().unwrap();
    let gateway = Gateway::of(&built, &config(ROUTES), &[]).await.unwrap();
    let call = Call::get(HOST, "/crowded").header("x-api-key", ACME);
    let begun = Instant::now();
    let load = Load::start(gateway.address, CONNECTIONS, &call);
    load.and_more(200).await.unwrap();
    for _ in 0..TRAPS {
        let trap = Call::get(HOST, "/crowded").header("x-trap", "here");
        gateway.send(&trap).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let midway = gateway.upstream.count();
    assert!(midway < 5_000, "{midway}: nothing was out any more when workers ended");
    load.stop().await.unwrap();
    let rest = until_used_up(&gateway, &call).await;
    let admitted = gateway.upstream.count();
    let grown = usize::try_from(begun.elapsed().as_millis() / 7200 + 1).unwrap();
    let began_anew = reloads(&gateway).await;
    println!("{began_anew} began anew; of 5000 {admitted} were admitted, {midway} of them before");
    assert!(0 < began_anew && began_anew <= TRAPS, "{began_anew}");
    assert!(admitted <= 5_000 + grown, "{admitted}, grown by {grown}");
    // A request that was admitted when its worker ended did not reach the backend.
    let lost_max = TRAPS * (HELD_MAX + CONNECTIONS) + 2 * HELD_MAX;
    assert!(5_000 - lost_max <= admitted, "{admitted}: {rest:?}");
}

const BY_ACCOUNT: &str = "
      each:
        match: { path: /each }
        backend: echo
        auth: { any_of: [api_key] }
        limits: [{ by: [{ header: x-account }], requests: 1, per: hour }]
";

/// Sends one request for each of these accounts, over some connections.
async fn each(gateway: &Gateway, accounts: std::ops::Range<u64>) -> [u64; 2] {
    let lanes = u64::try_from(CONNECTIONS).unwrap();
    let tasks: Vec<_> = (0..lanes)
        .map(|lane| {
            let (address, accounts) = (gateway.address, accounts.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(Protocol::Http1, address).await.unwrap();
                let mut counts = [0; 2];
                for account in accounts.filter(|account| account % lanes == lane) {
                    let call = Call::get(HOST, "/each").header("x-api-key", ACME);
                    let call = call.header("x-account", account.to_string());
                    let answer = connection.send(&call).await.unwrap();
                    assert!([200, 429].contains(&answer.status), "{answer:?}");
                    counts[usize::from(answer.status == 429)] += 1;
                }
                counts
            })
        })
        .collect();
    let mut total = [0; 2];
    for task in tasks {
        let [admitted, refused] = task.await.unwrap();
        total = [total[0] + admitted, total[1] + refused];
    }
    total
}

/// `TOLLGATE_LIMIT_KEYS=100000` is what is promised.
#[tokio::test(flavor = "multi_thread")]
async fn very_many_callers_are_counted_each_by_itself() {
    let keys = sized("TOLLGATE_LIMIT_KEYS", 10_000);
    let gateway = Gateway::start(&config(BY_ACCOUNT)).await.unwrap();
    let resident = || gateway.envoy.usage().unwrap().resident_bytes / 1_000_000;
    // What the first requests take has nothing to do with how many callers there are.
    each(&gateway, keys..keys + 100).await;
    let before = resident();
    assert_eq!(each(&gateway, 0..keys).await, [keys, 0], "some shared a count");
    let taken = resident().saturating_sub(before);
    println!("{keys} counts take {taken} MB");
    assert!(taken <= 100, "{taken} MB");
    // All of them are limiting, so none made room for another.
    assert_eq!(each(&gateway, 0..keys).await, [0, keys], "some were forgotten");
    gateway.never_trapped().await.unwrap();
}

const STORMED: &str = "
      stormed:
        match: { path: /stormed }
        backend: echo
        auth: { any_of: [api_key] }
        limits: [{ by: [tenant], requests: 10, per: second }]
";

const QUOTA: f64 = 10.0;

/// How many of them there are, all of one tenant.
const VICTIMS: usize = 2;

/// How much longer the slowest in a hundred of their calls may take: the storm and
/// those who measure want all of the machine.
const SLOWDOWN_MAX: f64 = 3.0;

/// Others, who keep to the limit.
async fn victims(gateway: &Gateway, span: Duration) -> Bystander {
    let mut victims = JoinSet::new();
    for _ in 0..VICTIMS {
        let address = gateway.address;
        victims.spawn(async move {
            let call = Call::get(HOST, "/stormed").header("x-api-key", GLOBEX);
            let pause = Duration::from_millis(110);
            Bystander::watch(address, &call, pause, span).await.unwrap()
        });
    }
    Bystander::together(victims.join_all().await)
}

/// A hundred times as much as may; `TOLLGATE_STORM_SECONDS=30` is what is promised.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_one_tenant_is_held_to_its_limit_and_harms_no_other() {
    let span = Duration::from_secs(sized("TOLLGATE_STORM_SECONDS", 6));
    let gateway = Gateway::start(&config(STORMED)).await.unwrap();
    gateway.upstream.delay(Duration::from_millis(100));
    let quiet = victims(&gateway, span).await;
    let call = Call::get(HOST, "/stormed").header("x-api-key", ACME);
    let begun = Instant::now();
    let load = Load::start(gateway.address, CONNECTIONS, &call);
    let stormed = victims(&gateway, span).await;
    let report = load.stop().await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    let [admitted, sent] = [report.statuses[&200], report.answers()]
        .map(|count| f64::from(u32::try_from(count).unwrap()));
    let quota = QUOTA * (1.0 + seconds);
    println!(
        "{:.0} times the quota in {seconds:.1} s: admitted {:.3} of it; victims before: {quiet:?}; \
         meanwhile: {stormed:?}",
        sent / (QUOTA * seconds),
        admitted / quota
    );
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert!(admitted <= 1.05 * quota, "{report:?} in {seconds} s");
    assert!(0.8 * quota <= admitted, "{report:?} in {seconds} s");
    assert_eq!([quiet.not_served, stormed.not_served], [0, 0], "a victim was not served");
    let slower = stormed.slower_than(&quiet);
    assert!(slower <= SLOWDOWN_MAX, "victims waited {slower:.2} times as long");
    crate::both_workers_served(&gateway).await;
    gateway.never_trapped().await.unwrap();
}
