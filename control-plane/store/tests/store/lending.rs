use std::time::Duration;

use tollgate_core::Timestamp;
use tollgate_quota::{Ask, Balance, Instance, Key, LEASE_ENDS};
use tollgate_store::{LeaseAsk, Store, Window};

use crate::both::{at, both};

const LIMIT: u64 = 1_000;

fn window(key: u128) -> Window {
    Window { key: Key(key), begins: at(0) }
}

/// An exchange of a gateway about a window: how much it has counted, may count
/// and wants to.
fn asked(key: u128, instance: u128, number: u64, [spent, cap, wants]: [u64; 3]) -> LeaseAsk {
    let instance = Instance(instance);
    let ask = Ask { instance, number, limit: LIMIT, spent, cap, wants };
    LeaseAsk { window: window(key), ends: Some(at(1_000)), ask }
}

async fn lent(store: &Store, ask: LeaseAsk, now: Timestamp) -> u64 {
    store.lend(&[ask], now).await.unwrap()[0].cap
}

async fn used(store: &Store, key: u128) -> u64 {
    store.balance(window(key)).await.unwrap().used()
}

both! {
    async fn what_was_lent_is_known_to_whoever_opens_the_store_next(place: &Place) {
        let store = place.open().await;
        assert_eq!(lent(&store, asked(1, 7, 1, [0, 0, 100]), at(1)).await, 100);
        let before = store.balance(window(1)).await.unwrap();
        store.close().await;
        let store = place.open().await;
        assert_eq!(store.balance(window(1)).await.unwrap(), before);
        assert_eq!(lent(&store, asked(1, 7, 2, [60, 100, 10]), at(2)).await, 110);
        assert_eq!(used(&store, 1).await, 110);
        assert_eq!(used(&store, 2).await, 0, "another key");
    }

    async fn many_are_lent_at_once(place: &Place) {
        let store = place.open().await;
        let asks: Vec<_> = (0..700).map(|key| asked(key % 600, key / 600, 1, [0, 0, 5])).collect();
        let lent = store.lend(&asks, at(1)).await.unwrap();
        assert!(lent.len() == 700 && lent.iter().all(|lent| lent.cap == 5));
        assert_eq!([used(&store, 99).await, used(&store, 100).await], [10, 5]);
        assert_eq!(used(&store, 599).await, 5);
    }

    async fn an_exchange_that_comes_again_counts_once(place: &Place) {
        let store = place.open().await;
        let ask = asked(1, 7, 3, [0, 0, 50]);
        for _ in 0..2 {
            assert_eq!(lent(&store, ask, at(1)).await, 50);
        }
        assert_eq!(lent(&store, asked(1, 7, 2, [0, 0, 9]), at(1)).await, 50, "late");
        assert_eq!(used(&store, 1).await, 50);
    }

    async fn what_the_dead_were_lent_is_settled(place: &Place) {
        let store = place.open().await;
        lent(&store, asked(1, 7, 1, [0, 0, 100]), at(0)).await;
        let later = at(0).plus(LEASE_ENDS + Duration::from_secs(1));
        lent(&store, asked(1, 8, 1, [0, 0, 0]), later).await;
        let balance = store.balance(window(1)).await.unwrap();
        assert_eq!((balance.settled, balance.leases.len()), (100, 1));
    }

    /// What others have is read as a sum, and lends the same as if all was known.
    async fn what_others_have_counts_like_what_is_asked_about(place: &Place) {
        let store = place.open().await;
        let mut known = [Balance::default(), Balance::default()];
        for turn in 0..60_u64 {
            // Now and then so late that what some have has ended.
            let now = at(turn * 60 + turn / 20 * 1_000);
            let asks: Vec<_> = (0..6_u128).map(|place| {
                let instance = (u128::from(turn) * 7 + place * 3) % 23;
                asked(place % 2, instance, turn + 1, [turn, turn + 1, 9])
            }).collect();
            let expected: Vec<_> = asks.iter().map(|LeaseAsk { window, ask, .. }| {
                let balance = &mut known[usize::from(window.key == Key(1))];
                balance.settle(now);
                balance.ask(ask, now)
            }).collect();
            assert_eq!(store.lend(&asks, now).await.unwrap(), expected, "turn {turn}");
        }
        for (key, known) in (0..).zip(known) {
            assert!(0 < known.settled && 9 < known.leases.len(), "{known:?}");
            assert_eq!(store.balance(window(key)).await.unwrap(), known);
        }
    }

    async fn shares_beyond_what_a_database_adds_up_are_no_fault(place: &Place) {
        let store = place.open().await;
        for instance in 0..5 {
            let most = u64::MAX >> 1;
            assert_eq!(lent(&store, asked(1, instance, 1, [0, most, 9]), at(1)).await, most);
        }
        assert_eq!(lent(&store, asked(1, 9, 1, [0, 0, 9]), at(1)).await, 0);
    }

    async fn windows_that_have_ended_are_forgotten(place: &Place) {
        let store = place.open().await;
        lent(&store, asked(1, 7, 1, [0, 0, 100]), at(0)).await;
        let endless = LeaseAsk { ends: None, ..asked(2, 7, 1, [0, 0, 100]) };
        lent(&store, endless, at(0)).await;
        let two_days = 48 * 3_600;
        for (now, left) in [(1_000 + two_days, [100, 100]), (1_001 + two_days, [0, 100])] {
            store.forget_windows(at(now)).await.unwrap();
            assert_eq!([used(&store, 1).await, used(&store, 2).await], left);
        }
    }

    /// Several control planes ask one store at once, as gateways ask each.
    async fn never_more_than_the_limit_is_lent_whoever_asks_whom(place: &Place) {
        let stores = [place.open().await, place.open().await];
        let mut gateways = Vec::new();
        for instance in 0..4 {
            let store = stores[instance % 2].clone();
            gateways.push(tokio::spawn(async move {
                let mut cap = 0;
                for number in 1..40 {
                    let ask = asked(1, instance as u128, number, [cap, cap, 40]);
                    cap = lent(&store, ask, at(number)).await;
                }
                cap
            }));
        }
        let mut spent = 0;
        for gateway in gateways {
            spent += gateway.await.unwrap();
        }
        assert_eq!((spent, used(&stores[0], 1).await), (LIMIT, LIMIT));
    }
}
