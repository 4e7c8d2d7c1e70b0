//! However exchanges are lost, repeated and late, and whoever dies: what is spent
//! is never more than the limit.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "what goes wrong fails the test, as it should"
)]

use std::time::Duration;

use proptest::prelude::*;
use tollgate_core::Timestamp;
use tollgate_quota::{Ask, Balance, Instance, LEASE_ENDS, Lent};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn ask(instance: u128, number: u64, [spent, cap, wants]: [u64; 3]) -> Ask {
    Ask { instance: Instance(instance), number, limit: 100, spent, cap, wants }
}

fn lent(balance: &mut Balance, instance: u128, number: u64, said: [u64; 3]) -> u64 {
    balance.ask(&ask(instance, number, said), NOW).cap
}

#[test]
fn no_more_is_lent_at_once_than_a_part_of_what_is_left() {
    let mut balance = Balance::default();
    assert_eq!(lent(&mut balance, 1, 1, [0, 0, 1_000]), 25);
    assert_eq!(lent(&mut balance, 2, 1, [0, 0, 1_000]), 75 / 8);
    assert_eq!(lent(&mut balance, 3, 1, [0, 0, 2]), 2, "as much as is wanted");
    assert_eq!(balance.left(100), 100 - 25 - 9 - 2);
}

#[test]
fn the_last_one_is_lent_too_and_then_nothing() {
    let mut balance = Balance { settled: 99, ..Balance::default() };
    assert_eq!(lent(&mut balance, 1, 1, [0, 0, 5]), 1);
    assert_eq!(lent(&mut balance, 2, 1, [0, 0, 5]), 0);
    assert_eq!(lent(&mut balance, 1, 2, [1, 1, 5]), 1);
}

#[test]
fn what_is_returned_can_be_lent_to_others() {
    let mut balance = Balance { settled: 90, ..Balance::default() };
    assert_eq!(lent(&mut balance, 1, 1, [0, 0, 10]), 2);
    assert_eq!(lent(&mut balance, 1, 2, [1, 1, 0]), 1);
    assert_eq!(balance.left(100), 9);
}

#[test]
fn an_exchange_that_comes_again_or_late_changes_nothing() {
    let mut balance = Balance::default();
    assert_eq!(lent(&mut balance, 1, 7, [0, 0, 10]), 10);
    let before = balance.clone();
    assert_eq!(lent(&mut balance, 1, 7, [0, 0, 10]), 10);
    assert_eq!(lent(&mut balance, 1, 6, [0, 0, 90]), 10);
    assert_eq!(balance, before);
}

#[test]
fn more_than_was_lent_is_charged_all_the_same() {
    let mut balance = Balance::default();
    assert_eq!(lent(&mut balance, 1, 1, [40, 0, 0]), 40);
    assert_eq!(balance.left(100), 60);
}

#[test]
fn what_a_dead_envoy_was_lent_is_spent() {
    let mut balance = Balance::default();
    assert_eq!(lent(&mut balance, 1, 1, [0, 0, 10]), 10);
    balance.settle(NOW.plus(LEASE_ENDS));
    assert_eq!((balance.settled, balance.leases.len()), (0, 1));
    balance.settle(NOW.plus(LEASE_ENDS + Duration::from_secs(1)));
    assert_eq!((balance.settled, balance.leases.len()), (10, 0));
}

/// An Envoy as it behaves towards a balance.
#[derive(Clone, Copy, Default)]
struct Envoy {
    instance: u128,
    number: u64,
    spent: u64,
    cap: u64,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Callers ask for so much.
    Spend(usize, u64),
    /// It gives back what it has not spent.
    Return(usize),
    /// It asks for so much, and what becomes of that.
    Exchange(usize, u64, Fate),
    /// It dies, and another begins in its place.
    Restart(usize),
    /// An exchange of before arrives again.
    Again(usize),
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Answered,
    RequestLost,
    AnswerLost,
}

fn step() -> impl Strategy<Value = Step> {
    let fate = prop_oneof![
        4 => Just(Fate::Answered), 1 => Just(Fate::RequestLost), 1 => Just(Fate::AnswerLost),
    ];
    prop_oneof![
        6 => (0..3usize, 0u64..20).prop_map(|(envoy, cost)| Step::Spend(envoy, cost)),
        1 => (0..3usize).prop_map(Step::Return),
        6 => (0..3usize, 0u64..30, fate).prop_map(|(e, wants, fate)| Step::Exchange(e, wants, fate)),
        1 => (0..3usize).prop_map(Step::Restart),
        1 => (0usize..1000).prop_map(Step::Again),
    ]
}

proptest! {
    #[test]
    fn never_more_than_the_limit_is_spent(
        steps in prop::collection::vec(step(), 0..400), limit in 1u64..500,
    ) {
        let mut balance = Balance::default();
        let mut envoys = [1, 2, 3].map(|instance| Envoy { instance, ..Envoy::default() });
        let (mut spent, mut asked, mut next) = (0, Vec::new(), 10);
        for step in steps {
            match step {
                Step::Spend(at, cost) => {
                    let envoy = &mut envoys[at];
                    if envoy.spent + cost <= envoy.cap {
                        envoy.spent += cost;
                        spent += cost;
                    }
                }
                Step::Return(at) => envoys[at].cap = envoys[at].spent,
                Step::Exchange(at, wants, fate) => {
                    let envoy = &mut envoys[at];
                    envoy.number += 1;
                    let Envoy { instance, number, spent, cap } = *envoy;
                    let ask = Ask { instance: Instance(instance), number, limit, spent, cap, wants };
                    asked.push(ask);
                    if !matches!(fate, Fate::RequestLost) {
                        let Lent { cap, .. } = balance.ask(&ask, NOW);
                        if matches!(fate, Fate::Answered) {
                            envoy.cap = cap;
                        }
                    }
                }
                Step::Restart(at) => {
                    envoys[at] = Envoy { instance: next, ..Envoy::default() };
                    next += 1;
                }
                Step::Again(at) => {
                    if let Some(ask) = asked.get(at) {
                        balance.ask(ask, NOW);
                    }
                }
            }
            prop_assert!(spent <= balance.used() && balance.used() <= limit);
        }
    }

    /// Whatever happened before, the last unit can be had by whoever goes on asking.
    #[test]
    fn nothing_is_lost_but_what_the_dead_were_lent(limit in 1u64..2_000, lost in 0u64..20) {
        let mut balance = Balance::default();
        let dead = balance.ask(&Ask { limit, ..ask(9, 1, [0, 0, lost]) }, NOW).cap;
        let mut alive = Envoy { instance: 1, ..Envoy::default() };
        for number in 1..200 {
            let said = [alive.spent, alive.cap, limit];
            alive.cap = balance.ask(&Ask { limit, ..ask(1, number, said) }, NOW).cap;
            alive.spent = alive.cap;
        }
        prop_assert_eq!(alive.spent + dead, limit);
    }
}
