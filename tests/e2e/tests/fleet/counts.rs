//! Counts of a month, which are never overspent.

use std::time::Duration;

use tollgate_support::eventually;

use crate::Fleet;
use crate::callers::{Callers, once};

const LIMIT: u64 = 400;

const LIMITS: &str = "{ by: [tenant], requests: 400, per: month, when_alone: closed }";

/// Calls until nothing is left anywhere. How many were admitted.
async fn use_up(callers: &mut Callers) -> u64 {
    let (mut admitted, mut quiet) = (0, 0);
    // What idle Envoys were lent comes back after ten seconds.
    while quiet < 3 {
        let came = callers.load(&[60, 20, 40], Duration::from_secs(5)).await.all();
        admitted += came;
        quiet = if came == 0 { quiet + 1 } else { 0 };
    }
    admitted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_is_spent_once_though_envoys_and_the_control_plane_die() {
    let mut fleet = Fleet::start(LIMITS).await;
    let mut callers = Callers::connect(&fleet, 2).await;
    let mut admitted = callers.load(&[20, 10, 20], Duration::from_secs(3)).await.all();
    assert!(0 < admitted);
    fleet.control_planes[0].kill();
    admitted += callers.load(&[20, 10, 20], Duration::from_secs(2)).await.all();
    fleet.control_planes[0].run().await.unwrap();
    callers.leave(1);
    fleet.restart_envoy(1).await;
    let mut callers = Callers::connect(&fleet, 2).await;
    admitted += use_up(&mut callers).await;
    println!("{admitted} of {LIMIT} were admitted");
    assert!(admitted <= LIMIT, "{admitted}");
    // What the dead Envoy was lent is lost, and no more than that.
    assert!(LIMIT * 3 / 4 <= admitted, "{admitted}");

    // Nobody who begins has any of it.
    fleet.control_planes[0].kill();
    fleet.control_planes[0].run().await.unwrap();
    for at in 0..fleet.envoys.len() {
        fleet.restart_envoy(at).await;
    }
    let mut callers = Callers::connect(&fleet, 1).await;
    assert_eq!(callers.load(&[5, 5, 5], Duration::from_secs(4)).await.all(), 0);
    let answer = once(fleet.address).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.json()["violated-policies"][0], "tenant-month");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_is_spent_once_though_the_database_and_a_control_plane_are_lost() {
    let mut fleet = Fleet::with_two_control_planes(LIMITS).await;
    let postgres = fleet.postgres.clone().unwrap();
    let database = fleet.store.rsplit_once('/').unwrap().1.to_owned();
    let mut callers = Callers::connect(&fleet, 2).await;
    let mut admitted = callers.load(&[20, 10, 20], Duration::from_secs(3)).await.all();
    let allow = |allowed: bool| {
        let sql = format!("ALTER DATABASE {database} ALLOW_CONNECTIONS {allowed}");
        postgres.sql("postgres", &sql).unwrap();
    };
    allow(false);
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    );
    postgres.sql("postgres", &end).unwrap();
    admitted += callers.load(&[40, 40, 40], Duration::from_secs(4)).await.all();
    let without = callers.load(&[20, 20, 20], Duration::from_secs(2)).await.all();
    assert_eq!(without, 0, "what was lent is used up, and nothing is lent");
    allow(true);
    let again = eventually("it is lent again", Duration::from_secs(30), async || {
        let came = callers.load(&[10, 10, 10], Duration::from_secs(1)).await.all();
        (0 < came).then_some(came)
    });
    admitted += again.await.unwrap();
    fleet.control_planes[0].kill();
    admitted += use_up(&mut callers).await;
    println!("{admitted} of {LIMIT} were admitted");
    assert!(admitted <= LIMIT, "{admitted}");
    assert!(LIMIT * 9 / 10 <= admitted, "no Envoy died, and so nothing is lost: {admitted}");
}
