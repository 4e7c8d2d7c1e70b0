//! What the Envoys of a fleet enforce, with several workers each and a real dealer.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test, as it should"
)]

mod world;

use std::time::Duration;

use tollgate_core::{GrpcCallId, Timestamp};
use tollgate_quota::Dealer;
use tollgate_sync::deal::{Override, Overrides};
use tollgate_sync::{Overriding, Window};

use crate::world::{Envoy, SHARE, TICK, World};

#[test]
fn every_worker_enforces_what_one_was_granted() {
    let mut world = World::new();
    world.run(2);
    assert_eq!(world.shares(), vec![vec![SHARE; 2]; 3]);
    world.load = vec![3_000_000, 0, 0];
    world.run(4);
    let shares = world.shares();
    assert!(shares.iter().all(|workers| workers[0] == workers[1]));
    assert!(950_000 < shares[0][0] && shares[1][0] < 30_000 && shares[2][0] < 30_000, "{shares:?}");
    assert!(world.total() <= 1_000_000);
}

#[test]
fn load_that_moves_takes_its_share_along() {
    let mut world = World::new();
    world.run(2);
    for busy in [0, 1, 2, 1] {
        world.load = (0..3).map(|at| if at == busy { 2_000_000 } else { 0 }).collect();
        world.run(8);
        assert!(900_000 < world.shares()[busy][0], "{:?}", world.shares());
        assert!(world.total() <= 1_000_000);
    }
}

#[test]
fn keys_that_nobody_asks_much_of_are_not_spoken_of() {
    let mut world = World::new();
    world.load = vec![50_000; 3];
    world.run(10);
    assert_eq!(world.dealer.as_ref().unwrap().1.keys(), 0);
    assert!((130..=160).contains(&world.exchanges), "five a second: {}", world.exchanges);
}

#[test]
fn without_the_control_plane_grants_hold_and_then_come_to_what_is_configured() {
    let mut world = World::new();
    world.load = vec![3_000_000, 0, 0];
    world.run(5);
    let dealt = world.shares();
    let dealer = world.dealer.take();
    world.run(4);
    assert_eq!(world.shares(), dealt);
    world.run(4);
    assert!((SHARE..dealt[0][0]).contains(&world.shares()[0][0]));
    assert!(world.total() <= 1_000_000);
    world.run(4);
    assert_eq!(world.shares(), vec![vec![SHARE; 2]; 3]);
    // The same one comes back, and then another.
    world.dealer = dealer;
    world.run(80);
    assert!(900_000 < world.shares()[0][0]);
    world.dealer = Some((2, Dealer::new(world.now)));
    let before = world.shares()[0][0];
    for _ in 0..8 {
        world.run(1);
        assert!(before.abs_diff(world.shares()[0][0]) < 20_000);
        assert!(world.total() <= 1_000_000);
    }
}

#[test]
fn another_worker_goes_on_where_one_ended() {
    let mut world = World::new();
    world.load = vec![3_000_000, 0, 0];
    world.run(5);
    let before = world.shares()[0][0];
    // The one that was elected traps, and gets a new virtual machine.
    world.envoys[0].workers.remove(0);
    world.envoys[0].add_worker();
    for _ in 0..10 {
        world.run(1);
        assert!(before.abs_diff(world.shares()[0][0]) < 20_000, "{:?}", world.shares());
    }
}

#[test]
fn an_envoy_whose_clock_is_set_goes_on_at_once() {
    const DAY: Duration = Duration::from_hours(24);
    let mut world = World::new();
    world.load = vec![3_000_000, 0, 0];
    world.envoys[0].ahead = DAY;
    world.run(5);
    let dealt = world.shares()[0][0];
    assert!(900_000 < dealt);
    // Back by a day: it enforces what it did, and notices as soon as ever when
    // the control plane is gone.
    world.envoys[0].ahead = Duration::ZERO;
    world.run(1);
    assert_eq!(world.shares()[0], [dealt; 2]);
    let dealer = world.dealer.take();
    world.run(12);
    assert_eq!(world.shares()[0], [SHARE; 2]);
    world.dealer = dealer;
    world.run(80);
    assert!(900_000 < world.shares()[0][0]);
    // Forward by a day: that is a day without the control plane, until it answers.
    world.envoys[0].ahead = DAY;
    let mut before = world.total();
    for _ in 0..3 {
        world.run(1);
        assert!(world.total() <= 1_000_000 + SHARE, "{before} {:?}", world.shares());
        before = world.total();
    }
    world.run(80);
    assert!(900_000 < world.shares()[0][0] && world.total() <= 1_000_000);
}

#[test]
fn all_workers_learn_what_tenants_get_instead() {
    let mut world = World::new();
    world.run(1);
    for envoy in &mut world.envoys {
        assert!(envoy.workers.iter_mut().all(|worker| worker.take_overrides() == Some(vec![])));
    }
    let told = Override {
        tenant: "acme".to_owned(),
        uplift: 5_000_000,
        uplift_until: 1_900_000_000,
        ..Override::default()
    };
    world.overrides = Overrides { version: 2, list: vec![told] };
    world.run(1);
    let expected = Overriding {
        tenant: "acme".to_owned(),
        tier: None,
        factor: None,
        uplift: Some((5_000_000, Timestamp::from_seconds(1_900_000_000))),
    };
    for envoy in &mut world.envoys {
        for worker in &mut envoy.workers {
            assert_eq!(worker.take_overrides(), Some(vec![expected.clone()]));
            assert_eq!(worker.take_overrides(), None);
        }
    }
}

#[test]
fn counts_are_lent_as_they_are_used_and_returned() {
    const LIMIT: u64 = 5_000;
    let mut world = World::new();
    let window = Window {
        key: 9,
        begins_at: world.now,
        ends_at: world.now.plus(Duration::from_hours(1)),
        limit: LIMIT,
    };
    let mut refused = 0;
    for step in 0..1_200 {
        for envoy in &mut world.envoys {
            // Ten a second each, with a pause.
            let pauses = (300..600).contains(&step);
            let who = envoy.seed.fingerprint(&[b"9"]);
            if !pauses {
                envoy.workers[step % 2].count(who, || window);
                let admits = envoy.accounts.spent < envoy.accounts.cap;
                envoy.accounts.spent += u64::from(admits);
                refused += u64::from(!admits);
            }
        }
        world.now = world.now.plus(TICK);
        (0..3).for_each(|at| world.tick(at));
        let lent: u64 = world.envoys.iter().map(|envoy| envoy.accounts.cap).sum();
        assert!(lent <= LIMIT && lent <= world.balance.used());
        if step == 599 {
            let spent: u64 = world.envoys.iter().map(|envoy| envoy.accounts.spent).sum();
            assert_eq!((lent, world.balance.used()), (spent, spent), "all was returned");
        }
    }
    assert!(refused < 60, "while the first leases come: {refused}");
    // And then it is used up, to the last one.
    for step in 0..6_000 {
        let envoy = &mut world.envoys[step % 3];
        let who = envoy.seed.fingerprint(&[b"9"]);
        envoy.workers[0].count(who, || window);
        envoy.accounts.spent += u64::from(envoy.accounts.spent < envoy.accounts.cap);
        world.now = world.now.plus(TICK);
        (0..3).for_each(|at| world.tick(at));
    }
    assert_eq!(world.envoys.iter().map(|envoy| envoy.accounts.spent).sum::<u64>(), LIMIT);
}

#[test]
fn whatever_is_answered_nothing_breaks() {
    let mut world = World::new();
    world.run(1);
    let now = world.now;
    let Envoy { host, workers, accounts, .. } = &mut world.envoys[0];
    for bytes in [vec![], vec![0xff; 9], vec![8, 1, 8]] {
        for id in 0..host.called_grpc.len() as u32 + 2 {
            workers[0].on_answer((GrpcCallId(id), &Ok(bytes.clone())), accounts, &mut host.at(now));
        }
    }
    for garbage in [vec![], vec![7; 13], vec![0xff; 300]] {
        for (value, _) in host.shared.values_mut() {
            *value = garbage.clone();
        }
        for worker in &mut *workers {
            worker.on_tick(accounts, &mut host.at(now.plus(Duration::from_secs(1))));
        }
    }
    host.down = true;
    for worker in workers {
        worker.on_tick(accounts, &mut host.at(now.plus(Duration::from_secs(9))));
    }
}
