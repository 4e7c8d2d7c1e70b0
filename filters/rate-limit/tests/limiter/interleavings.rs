//! The protocol of shared data under every order in which workers can get at it.

#![expect(clippy::unwrap_used, reason = "what a test writes is well formed")]
#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test, as it should")]

use loom::model::Builder;
use loom::sync::{Arc, Mutex};
use loom::thread;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{Cx, Headers};
use tollgate_rate_limit::{Dimension, LimitSpec, Limits, Period};

use crate::common::START;
use crate::shared::{Around, Shared};
use crate::workers::{caller, judge, limit, limiter, principal};

/// The model decides who comes next whenever somebody wants the lock.
#[derive(Clone)]
struct Modelled(Arc<Mutex<MemoryHost>>);

impl Shared for Modelled {
    fn with<T>(&mut self, act: impl FnOnce(&mut MemoryHost) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }
}

/// Two workers, each with so many requests of its own tenant: what is admitted
/// is what is counted, in every order, and never more than the limits say.
fn in_every_order(limits: &'static [LimitSpec], requests: usize, sizes: [u64; 2]) {
    let mut model = Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || {
        let shared = Modelled(Arc::new(Mutex::new(MemoryHost::default())));
        let workers = [1, 2].map(|tenant| {
            let mut host = Around(shared.clone());
            thread::spawn(move || {
                let (mut limiter, mut cx) = (limiter(), Cx { now: START, host: &mut host });
                let admitted =
                    (0..requests).filter(|_| judge(&mut limiter, tenant, limits, &mut cx));
                let admitted = admitted.count() as u64;
                limiter.on_close(&mut cx);
                admitted
            })
        });
        let admitted = workers.map(|worker| worker.join().unwrap());
        let mut host = Around(shared);
        let mut cx = Cx { now: START, host: &mut host };
        let (compiled, headers) = (Limits::compile(limits.to_vec()).unwrap(), Headers::default());
        for (tenant, admitted_of_it) in [1, 2].into_iter().zip(admitted) {
            let principal = principal(tenant);
            let caller = caller(&principal, &headers);
            let standing = limiter().standing(Some(&compiled), &caller, &mut cx);
            let left: Vec<u64> = standing.iter().map(|one| one.left).collect();
            let [of_tenant, of_route] = sizes;
            assert_eq!(left, [of_tenant - admitted_of_it, of_route - admitted.iter().sum::<u64>()]);
        }
    });
}

#[test]
fn two_limits_that_workers_use_up_together() {
    static LIMITS: std::sync::LazyLock<[LimitSpec; 2]> = std::sync::LazyLock::new(|| {
        [limit(Dimension::Tenant, 2, Period::Hour, 2), limit(Dimension::Route, 3, Period::Total, 3)]
    });
    in_every_order(&*LIMITS, 2, [2, 3]);
}

#[test]
fn what_workers_hold_and_give_back() {
    static LIMITS: std::sync::LazyLock<[LimitSpec; 2]> = std::sync::LazyLock::new(|| {
        [
            limit(Dimension::Tenant, 1_000, Period::Hour, 1_000),
            limit(Dimension::Route, 600, Period::Hour, 600),
        ]
    });
    in_every_order(&*LIMITS, 3, [1_000, 600]);
}
