//! Limits by the second.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tollgate_e2e::{Bystander, GLOBEX, HOST};
use tollgate_support::{Call, eventually};

use crate::Fleet;
use crate::callers::{Callers, is_uncounted, once};

const LIMIT: u64 = 100;

const LIMITS: &str = "{ by: [tenant], requests: 100, per: second }";

/// All Envoys together admit at most so many times what the limit says.
const BOUND: f64 = 1.10;

/// How much longer the slowest in a hundred of others' calls may take: a storm and
/// those who measure want all of the machine.
const SLOWDOWN_MAX: f64 = 3.0;

/// What all have admitted, since when.
struct Tally {
    began: Instant,
    admitted: u64,
}

// === impl Tally ===

impl Tally {
    fn begin() -> Self {
        Self { began: Instant::now(), admitted: 0 }
    }

    async fn load(&mut self, callers: &mut Callers, rates: &[u64], seconds: u64) -> u64 {
        let came = callers.load(rates, Duration::from_secs(seconds)).await;
        self.admitted += came.all();
        came.all()
    }

    /// The limit, and once what may come at once.
    fn holds(&self, what: &str) {
        let allowed = LIMIT as f64 * (self.began.elapsed().as_secs_f64() + 1.0);
        let times = self.admitted as f64 / allowed;
        println!("{what}: {} of {allowed:.0}, {times:.3} times", self.admitted);
        assert!(times < BOUND, "{what}: {} of {allowed}", self.admitted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_envoys_admit_what_one_would_however_the_load_moves() {
    let fleet = Fleet::start(LIMITS).await;
    let mut callers = Callers::connect(&fleet, 4).await;
    let mut tally = Tally::begin();
    for rates in [[300, 10, 10], [10, 300, 10], [0, 0, 300], [150, 150, 150]] {
        // Half of the time is for the shares to move.
        tally.load(&mut callers, &rates, 3).await;
        let settled = tally.load(&mut callers, &rates, 3).await;
        // Nobody is refused what no other asks for.
        assert!(LIMIT * 3 * 8 / 10 < settled, "{rates:?}: {settled} of {}", LIMIT * 3);
    }
    tally.holds("three Envoys");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_holds_while_the_control_plane_is_gone_and_when_it_is_back() {
    let mut fleet = Fleet::start(LIMITS).await;
    let mut callers = Callers::connect(&fleet, 4).await;
    let mut tally = Tally::begin();
    tally.load(&mut callers, &[300, 10, 10], 4).await;
    fleet.control_planes[0].kill();
    // The grants hold, and then come to equal parts.
    let held = tally.load(&mut callers, &[300, 10, 10], 4).await;
    assert!(LIMIT * 4 * 7 / 10 < held, "{held}");
    tally.load(&mut callers, &[150, 150, 150], 9).await;
    let alone = callers.load(&[150, 150, 150], Duration::from_secs(3)).await;
    tally.admitted += alone.all();
    for one in &alone.admitted {
        assert!((60..=140).contains(one), "a third of the limit each: {:?}", alone.admitted);
    }
    fleet.control_planes[0].run().await.unwrap();
    tally.load(&mut callers, &[300, 300, 300], 8).await;
    tally.holds("without the control plane, and with it again");
}

/// What all Envoys together admit in three seconds without the control plane, once
/// nothing holds any more that it granted; and what a caller is told who is admitted
/// nowhere. The control plane that is back deals the limit again.
async fn alone(when_alone: &str) -> u64 {
    let limits = LIMITS.replace(" }", &format!(", when_alone: {when_alone} }}"));
    let mut fleet = Fleet::start(&limits).await;
    let mut callers = Callers::connect(&fleet, 4).await;
    let reported = callers.load(&[150, 150, 150], Duration::from_secs(4)).await.all();
    assert!(LIMIT * 4 * 7 / 10 < reported && reported < LIMIT * 6, "{reported}");
    fleet.control_planes[0].kill();
    callers.load(&[150, 150, 150], Duration::from_secs(11)).await;
    let alone = callers.load(&[150, 150, 150], Duration::from_secs(3)).await.all();
    let answer = once(fleet.address).await;
    fleet.control_planes[0].run().await.unwrap();
    eventually("it is shared again", Duration::from_secs(30), async || {
        let again = callers.load(&[150, 150, 150], Duration::from_secs(2)).await.all();
        (LIMIT < again && again < LIMIT * 3).then_some(())
    })
    .await
    .unwrap();
    if alone == 0 {
        assert!(is_uncounted(&answer), "{answer:?}");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    alone
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_limit_is_each_envoys_own_while_the_control_plane_is_gone() {
    let admitted = alone("open").await;
    // In three seconds, of each of three; a third of that is the share of all.
    assert!((LIMIT * 7..=LIMIT * 10).contains(&admitted), "{admitted}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_limit_admits_nobody_while_the_control_plane_is_gone() {
    assert_eq!(alone("closed").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envoy_that_is_killed_and_started_again_brings_little() {
    let mut fleet = Fleet::start(LIMITS).await;
    let mut callers = Callers::connect(&fleet, 4).await;
    let mut tally = Tally::begin();
    tally.load(&mut callers, &[150, 150, 150], 5).await;
    callers.leave(1);
    fleet.restart_envoy(1).await;
    let mut callers = Callers::connect(&fleet, 4).await;
    tally.load(&mut callers, &[150, 300, 150], 8).await;
    tally.holds("an Envoy that is killed and started again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_envoys_under_two_control_planes_of_which_one_is_killed() {
    let mut fleet = Fleet::with_two_control_planes(LIMITS).await;
    let mut callers = Callers::connect(&fleet, 4).await;
    let mut tally = Tally::begin();
    for rates in [[300, 10, 10], [10, 300, 150], [150, 150, 150]] {
        tally.load(&mut callers, &rates, 5).await;
    }
    fleet.control_planes[0].kill();
    tally.load(&mut callers, &[300, 10, 100], 4).await;
    tally.load(&mut callers, &[150, 150, 150], 6).await;
    // All three report to the one that is left, which deals all of the limit.
    tally.load(&mut callers, &[10, 300, 10], 8).await;
    let settled = tally.load(&mut callers, &[10, 300, 10], 4).await;
    assert!(LIMIT * 4 * 7 / 10 < settled, "{settled}");
    tally.holds("two control planes, one killed");
}

/// Others, who keep to their limit.
async fn others(address: SocketAddr, span: Duration) -> Bystander {
    let mut others = JoinSet::new();
    for _ in 0..6 {
        others.spawn(async move {
            let call = Call::get(HOST, "/orders").header("x-api-key", GLOBEX);
            let pause = Duration::from_millis(300);
            Bystander::watch(address, &call, pause, span).await.unwrap()
        });
    }
    Bystander::together(others.join_all().await)
}

/// As much as the machine can send, through all of them; and somebody else, who
/// keeps to its limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_over_three_envoys_is_held_to_its_limit_and_harms_no_other() {
    let fleet = Fleet::start(LIMITS).await;
    fleet.upstream.delay(Duration::from_millis(50));
    let mut callers = Callers::connect(&fleet, 4).await;
    let quiet = others(fleet.address, Duration::from_secs(8)).await;
    let mut tally = Tally::begin();
    let stormed = tokio::spawn(others(fleet.address, Duration::from_secs(10)));
    tally.load(&mut callers, &[100 * LIMIT; 3], 10).await;
    tally.holds("a storm over three Envoys");
    let stormed = stormed.await.unwrap();
    println!("others before: {quiet:?}; meanwhile: {stormed:?}");
    assert_eq!([quiet.not_served, stormed.not_served], [0, 0], "others were not served");
    assert!(60 < stormed.calls(), "{stormed:?}");
    let slower = stormed.slower_than(&quiet);
    assert!(slower <= SLOWDOWN_MAX, "others waited {slower:.2} times as long");
}
