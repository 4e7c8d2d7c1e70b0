//! Whatever Envoys ask for and whatever is lost, what they enforce together is
//! never more than the limit, but for what is said of those that nobody can reach.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test, as it should"
)]

mod world;

use proptest::prelude::*;
use tollgate_quota::{Dealer, Instance, Late, Report, Share};

use crate::world::{Fate, World};

/// Two seconds of exchanges.
const WHILE: usize = 10;

fn learnt(envoys: usize) -> World {
    let mut world = World::new(envoys);
    // Until the dealer knows what everybody holds.
    world.run(60);
    world
}

#[test]
fn the_one_that_is_asked_gets_nearly_all() {
    let mut world = learnt(3);
    world.wants(0, 7, 2_000_000);
    world.run(WHILE);
    let [busy, idle, other] = [0, 1, 2].map(|envoy| world.enforced(envoy, 7));
    assert!(Share(950_000) < busy, "{busy:?}");
    assert!(idle == other && Share(5_000) < idle, "a reserve for newcomers: {idle:?}");
}

#[test]
fn load_that_moves_takes_its_share_along() {
    let mut world = learnt(3);
    for busy in [0, 1, 2, 0] {
        (0..3).for_each(|envoy| world.wants(envoy, 7, if envoy == busy { 3_000_000 } else { 0 }));
        world.run(WHILE);
        assert!(Share(950_000) < world.enforced(busy, 7));
    }
}

#[test]
fn the_modest_get_what_they_want_and_the_greedy_the_same() {
    let mut world = learnt(3);
    [100_000, 5_000_000, 900_000].into_iter().enumerate().for_each(|(e, w)| world.wants(e, 7, w));
    world.run(WHILE);
    let [modest, greedy, other] = [0, 1, 2].map(|envoy| world.enforced(envoy, 7).0);
    assert!((100_000..150_000).contains(&modest), "{modest}");
    assert!(greedy.abs_diff(other) < 20_000 && 850_000 < greedy + other);
}

#[test]
fn a_key_that_is_no_longer_pressed_goes_back_to_what_is_configured() {
    let mut world = learnt(3);
    world.wants(0, 7, 2_000_000);
    world.run(WHILE);
    world.wants(0, 7, 0);
    world.run(5 * 40);
    assert_eq!([0, 1, 2].map(|envoy| world.enforced(envoy, 7)), [world::SHARE; 3]);
    assert_eq!(world.dealer.keys(), 0);
    assert!(world.envoys.iter().all(|envoy| envoy.holds.is_empty()));
}

#[test]
fn a_dead_envoys_share_comes_back() {
    let mut world = learnt(3);
    world.wants(0, 7, 2_000_000);
    world.run(WHILE);
    world.envoys.remove(0);
    world.wants(0, 7, 2_000_000);
    world.run(5 * 15);
    assert!(Share(600_000) < world.enforced(0, 7), "all but the share of one that may live");
    world.run(5 * 60);
    assert!(Share(950_000) < world.enforced(0, 7));
}

#[test]
fn a_dealer_that_begins_anew_takes_nothing_from_anybody() {
    let mut world = learnt(3);
    world.wants(0, 7, 2_000_000);
    world.run(WHILE);
    let before = world.enforced(0, 7);
    world.restart_dealer();
    for _ in 0..30 {
        world.step(&[Fate::Answered; 3]);
        assert!(before.0.abs_diff(world.enforced(0, 7).0) < 20_000);
    }
}

#[test]
fn without_a_dealer_grants_hold_and_then_come_to_what_is_configured() {
    let mut world = learnt(3);
    world.wants(0, 7, 2_000_000);
    world.run(WHILE);
    let before = world.enforced(0, 7);
    for second in 0..15 {
        (0..5).for_each(|_| world.step(&[Fate::RequestLost; 3]));
        let now = world.enforced(0, 7);
        match second {
            0..4 => assert_eq!(now, before),
            6..9 => assert!(world::SHARE < now && now < before),
            11.. => assert_eq!(now, world::SHARE),
            _ => {}
        }
    }
}

#[test]
fn a_large_fleet_is_not_told_of_what_only_some_are_asked_for() {
    let mut world = learnt(50);
    (0..3).for_each(|envoy| world.wants(envoy, 7, 2_000_000));
    world.run(WHILE);
    assert!(world.envoys.iter().skip(3).all(|envoy| envoy.holds.is_empty()));
    assert!((0..3).all(|envoy| Share(300_000) < world.enforced(envoy, 7)));
}

/// With several control planes, each deals what its Envoys have.
#[test]
fn several_dealers_together_deal_no_more_than_the_limit() {
    let mut worlds = [World::among_others(2), World::among_others(1)];
    for world in &mut worlds {
        world.run(5 * 15);
        world.wants(0, 7, 2_000_000);
        world.run(5 * 5);
    }
    let [of_two, of_one] = &worlds;
    assert!(Share(600_000) < of_two.enforced(0, 7));
    assert_eq!(of_one.enforced(0, 7), world::SHARE);
    let sum: u32 = [of_two.enforced(0, 7), of_two.enforced(1, 7), of_one.enforced(0, 7)]
        .map(|share| share.0)
        .iter()
        .sum();
    assert!(sum <= 1_000_000, "{sum}");
}

#[test]
fn an_exchange_that_comes_again_is_late() {
    let now = tollgate_core::Timestamp::from_seconds(1);
    let mut dealer = Dealer::new(now);
    let report = Report {
        instance: Instance(1),
        number: 3,
        applied: 0,
        turn: 0,
        share: Share::WHOLE,
        is_complete: true,
        demands: &[],
    };
    assert!(dealer.exchange(&report, now).is_ok());
    assert_eq!(dealer.exchange(&report, now), Err(Late));
    assert_eq!(dealer.exchange(&Report { number: 2, ..report }, now), Err(Late));
}

#[derive(Clone, Debug)]
enum Event {
    Wants(usize, u128, u32),
    Pass(usize, [Fate; 3]),
    Restart(usize),
    RestartDealer,
}

fn event() -> impl Strategy<Value = Event> {
    let fate = || prop_oneof![6 => Just(Fate::Answered), 1 => Just(Fate::RequestLost), 1 => Just(Fate::AnswerLost)];
    let lost = || prop_oneof![3 => Just(Fate::Answered), 1 => Just(Fate::RequestLost)];
    prop_oneof![
        8 => (0..3usize, 0u128..2, 0u32..3_000_000).prop_map(|(e, k, w)| Event::Wants(e, k, w)),
        8 => (1..10usize, [fate(), fate(), fate()]).prop_map(|(n, f)| Event::Pass(n, f)),
        2 => (10..80usize, [lost(), lost(), lost()]).prop_map(|(n, f)| Event::Pass(n, f)),
        1 => (0..3usize).prop_map(Event::Restart),
        1 => Just(Event::RestartDealer),
    ]
}

proptest! {
    #[test]
    fn together_they_never_enforce_more_than_the_limit(
        events in prop::collection::vec(event(), 0..80),
    ) {
        let mut world = learnt(3);
        for event in events {
            match event {
                Event::Wants(envoy, key, wants) => world.wants(envoy, key, wants),
                Event::Restart(envoy) => world.restart(envoy),
                Event::RestartDealer => world.restart_dealer(),
                Event::Pass(steps, fates) => for _ in 0..steps {
                    world.step(&fates);
                    for key in 0..2 {
                        let sum: u64 = (0..3).map(|e| u64::from(world.enforced(e, key).0)).sum();
                        // Each is rounded to a millionth.
                        let bound = world.bound() + 3;
                        prop_assert!(sum <= bound, "{sum} of {bound}");
                    }
                }
            }
        }
    }

    /// What is said of Envoys out of reach is not said of the others.
    #[test]
    fn it_all_comes_back(events in prop::collection::vec((0..3usize, 0u128..2), 1..20)) {
        let mut world = learnt(3);
        for (envoy, key) in events {
            world.wants(envoy, key, 2_000_000);
            world.step(&[Fate::AnswerLost; 3]);
        }
        world.run(5 * 75);
        for key in world.pressed() {
            let sum: u32 = (0..3).map(|envoy| world.enforced(envoy, key).0).sum();
            prop_assert!((970_000..=1_000_000).contains(&sum), "{sum}");
        }
        prop_assert_eq!(world.bound(), 1_000_000);
    }
}
