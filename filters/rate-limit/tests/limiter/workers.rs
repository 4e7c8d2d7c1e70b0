//! Several workers that count the same callers at the same time.

#![expect(clippy::unwrap_used, reason = "what a test writes is well formed")]
#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test, as it should")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{Cx, Headers, Principal, Seed, Timestamp};
use tollgate_rate_limit::{
    AllowancesSpec, Applied, Caller, Dimension, LimitSpec, Limits, OnFailure, Period, RateLimiter,
    TellingSpec, WhenAlone,
};

use crate::shared::{Around, Shared};

const SEED: Seed = Seed([7; 16]);
const START: Timestamp = Timestamp::from_seconds(1_700_000_000);

/// One Envoy, in which other workers get in between a worker's reading and its
/// writing, as often as the plan says.
#[derive(Clone)]
struct Envoy {
    /// One that is at work already is passed over.
    workers: Rc<Vec<RefCell<RateLimiter>>>,
    state: Rc<RefCell<State>>,
}

struct State {
    shared: MemoryHost,
    now: Timestamp,
    /// For each write, the requests that other workers judge before it.
    plan: VecDeque<Vec<Request>>,
    /// Which tenant was admitted when.
    admitted: Vec<(u8, Timestamp)>,
}

/// A request of a tenant, which a worker judges so many nanoseconds later.
type Request = (usize, u8, u32);

const WORKERS: usize = 3;

impl Envoy {
    fn new(plan: Vec<Vec<Request>>) -> Self {
        let shared = MemoryHost::default();
        let state = State { shared, now: START, plan: plan.into(), admitted: Vec::new() };
        let workers = (0..WORKERS).map(|_| RefCell::new(limiter())).collect();
        Self { workers: Rc::new(workers), state: Rc::new(RefCell::new(state)) }
    }

    /// A worker judges one request, by the clock as it is when that begins.
    fn request(&self, (worker, tenant, nanos): Request, limits: &[LimitSpec]) -> bool {
        let now = self.state.borrow().now.plus(Duration::from_nanos(nanos.into()));
        let Ok(mut limiter) = self.workers.get(worker).unwrap().try_borrow_mut() else {
            return false;
        };
        self.state.borrow_mut().now = now;
        let mut host = Around(Worker { envoy: self.clone(), limits });
        let admitted = judge(&mut limiter, tenant, limits, &mut Cx { now, host: &mut host });
        if admitted {
            self.state.borrow_mut().admitted.push((tenant, now));
        }
        admitted
    }

    /// All workers give back what they hold: nothing gets in between.
    fn settle(&self, limits: &[LimitSpec]) {
        self.state.borrow_mut().plan.clear();
        let now = self.state.borrow().now;
        for limiter in &*self.workers {
            let mut host = Around(Worker { envoy: self.clone(), limits });
            limiter.borrow_mut().on_close(&mut Cx { now, host: &mut host });
        }
    }

    /// How many requests of a tenant a new worker would still admit.
    fn rest(&self, tenant: u8, limits: &[LimitSpec]) -> u64 {
        let mut host = Around(Worker { envoy: self.clone(), limits });
        let now = self.state.borrow().now;
        let (principal, headers) = (principal(tenant), Headers::default());
        let limits = Limits::compile(limits.to_vec()).unwrap();
        let standing = limiter().standing(
            Some(&limits),
            &caller(&principal, &headers),
            &mut Cx { now, host: &mut host },
        );
        standing.first().unwrap().left
    }

    fn admitted(&self, tenant: u8) -> u64 {
        let admitted = &self.state.borrow().admitted;
        admitted.iter().filter(|(who, _)| *who == tenant).count() as u64
    }
}

struct Worker<'a> {
    envoy: Envoy,
    limits: &'a [LimitSpec],
}

impl Shared for Worker<'_> {
    fn with<T>(&mut self, act: impl FnOnce(&mut MemoryHost) -> T) -> T {
        act(&mut self.envoy.state.borrow_mut().shared)
    }

    fn before_store(&mut self) {
        let others = self.envoy.state.borrow_mut().plan.pop_front().unwrap_or_default();
        for request in others {
            self.envoy.request(request, self.limits);
        }
    }
}

pub(crate) fn limiter() -> RateLimiter {
    RateLimiter::compile(AllowancesSpec::default(), &TellingSpec::default(), SEED).unwrap()
}

pub(crate) fn judge(
    limiter: &mut RateLimiter,
    tenant: u8,
    limits: &[LimitSpec],
    cx: &mut Cx<'_>,
) -> bool {
    let (principal, headers) = (principal(tenant), Headers::default());
    let limits = Limits::compile(limits.to_vec()).unwrap();
    let applied = Applied { limits: &limits, worth: &|_| None };
    limiter.check(&[applied], &caller(&principal, &headers), cx).is_ok()
}

pub(crate) fn principal(tenant: u8) -> Principal {
    Principal {
        method: "api_key".into(),
        subject: "key-1".into(),
        tenant: Some(tenant.to_string().into()),
        ..Principal::default()
    }
}

pub(crate) fn caller<'a>(principal: &'a Principal, headers: &'a Headers) -> Caller<'a> {
    Caller { api: "orders", route: "get", principal: Some(principal), headers }
}

pub(crate) fn limit(by: Dimension, requests: u64, per: Period, burst: u64) -> LimitSpec {
    LimitSpec {
        by: vec![by],
        requests,
        per,
        burst: per_second_to_hour(per).then_some(burst),
        credit: None,
        time_zone: None,
        cost: None,
        when_alone: WhenAlone::Share,
        on_failure: OnFailure::Refuse,
    }
}

fn per_second_to_hour(per: Period) -> bool {
    matches!(per, Period::Second | Period::Minute | Period::Hour)
}

fn plans(nanos: impl Strategy<Value = u32>) -> impl Strategy<Value = Vec<Vec<Request>>> {
    let others = prop::collection::vec((0..WORKERS, 0u8..3, nanos), 0..4);
    prop::collection::vec(others, 0..40)
}

/// Sizes of a tenant's limit and of one that all tenants meet together: too
/// small for workers to hold anything, and large enough.
fn sizes() -> impl Strategy<Value = (u64, u64, Period)> {
    prop_oneof![
        Just((6, 9, Period::Hour)),
        Just((1_000, 1_500, Period::Hour)),
        Just((10_000, 4_000, Period::Month)),
        Just((7, 50, Period::Total)),
    ]
}

proptest! {
    /// However workers get in between each other, what is counted is what was
    /// admitted: the rest of each allowance is still there, to the last request,
    /// once the workers have given back what they hold.
    #[test]
    fn a_refused_request_costs_nothing_and_nothing_is_lost(
        plan in plans(Just(0)),
        requests in prop::collection::vec(((0..WORKERS, 0u8..3), 1usize..60), 1..20),
        (tenant_size, route_size, per) in sizes(),
    ) {
        let limits =
            [limit(Dimension::Tenant, tenant_size, per, tenant_size), limit(Dimension::Route, route_size, per, route_size)];
        let envoy = Envoy::new(plan);
        for ((worker, tenant), times) in requests {
            for _ in 0..times {
                envoy.request((worker, tenant, 0), &limits);
            }
        }
        envoy.settle(&limits);
        for tenant in 0..3 {
            let rest = envoy.rest(tenant, std::slice::from_ref(&limits[0]));
            prop_assert_eq!(envoy.admitted(tenant) + rest, tenant_size, "tenant {}", tenant);
        }
        let total: u64 = (0..3).map(|tenant| envoy.admitted(tenant)).sum();
        prop_assert_eq!(total + envoy.rest(0, std::slice::from_ref(&limits[1])), route_size);
    }

    /// While time passes and workers read the clock before others that write
    /// first, no stretch of time admits more than the burst and what refilled.
    /// The plan delays no worker by more than ten milliseconds.
    #[test]
    fn never_more_than_burst_plus_refill(
        plan in plans(0u32..80_000),
        requests in prop::collection::vec((0..WORKERS, 0u8..3, 0u32..200_000), 1..60),
        burst in 1u64..6,
    ) {
        let limits = [
            limit(Dimension::Tenant, 10_000, Period::Second, burst),
            limit(Dimension::Route, 20_000, Period::Second, 2 * burst),
        ];
        let envoy = Envoy::new(plan);
        for request in requests {
            envoy.request(request, &limits);
        }
        let admitted = envoy.state.borrow().admitted.clone();
        for tenant in 0..3 {
            let times = admitted.iter().filter(|(who, _)| *who == tenant).map(|(_, at)| *at);
            prop_assert!(holds(times.collect(), burst, Duration::from_micros(100)));
        }
        let times = admitted.iter().map(|(_, at)| *at).collect();
        prop_assert!(holds(times, 2 * burst, Duration::from_micros(50)));
    }

    /// Of a large allowance, workers hold some tokens: no stretch of time admits
    /// more than the burst, what refilled, and what they held at its beginning:
    /// a 128th of the allowance each.
    #[test]
    fn never_more_than_burst_plus_refill_plus_what_is_held(
        plan in plans(0u32..80_000),
        requests in prop::collection::vec(((0..WORKERS, 0u8..2, 0u32..4_000_000), 1usize..80), 1..60),
        burst in prop::sample::select(vec![256u64, 1_024, 4_096]),
    ) {
        let limits = [limit(Dimension::Tenant, 1_000, Period::Second, burst)];
        let envoy = Envoy::new(plan);
        for (request, times) in requests {
            for _ in 0..times {
                envoy.request(request, &limits);
            }
        }
        let held = WORKERS as u64 * (burst / 128).min(32);
        let admitted = envoy.state.borrow().admitted.clone();
        for tenant in 0..2 {
            let times = admitted.iter().filter(|(who, _)| *who == tenant).map(|(_, at)| *at);
            prop_assert!(holds(times.collect(), burst + held, Duration::from_millis(1)));
        }
    }

    /// A clock that is set back and forth admits nothing that a clock which runs
    /// on would not: time that is shown twice refills once.
    #[test]
    fn a_clock_that_jumps_admits_no_more_than_what_it_showed(
        steps in prop::collection::vec((0..WORKERS, -20_000i64..20_000, 1usize..50), 1..80),
        size in prop::sample::select(vec![6u64, 600]),
    ) {
        let limits = [limit(Dimension::Tenant, size, Period::Minute, size)];
        let envoy = Envoy::new(Vec::new());
        let mut forward = 0u64;
        for (worker, millis, times) in steps {
            let now = envoy.state.borrow().now;
            let span = Duration::from_millis(millis.unsigned_abs());
            let next = if millis < 0 { now.minus(span) } else { now.plus(span) };
            // A step back within what readings may differ by is none.
            forward += u64::try_from(next.since(now).as_millis()).unwrap() + 10;
            envoy.state.borrow_mut().now = next;
            for _ in 0..times {
                envoy.request((worker, 0, 0), &limits);
            }
        }
        let refilled = forward * size / 60_000 + 1;
        let held = WORKERS as u64 * (size / 128).min(32);
        prop_assert!(envoy.admitted(0) <= size + refilled + held);
    }
}

/// Whether every stretch of time admitted at most the burst and what refilled.
fn holds(mut times: Vec<Timestamp>, burst: u64, interval: Duration) -> bool {
    times.sort_unstable();
    times.iter().enumerate().all(|(first, from)| {
        times.iter().enumerate().skip(first).all(|(last, to)| {
            let refilled = to.since(*from).as_nanos() / interval.as_nanos();
            (last - first + 1) as u128 <= u128::from(burst) + refilled
        })
    })
}

/// Shared data as real threads meet it.
struct Locked(Arc<Mutex<MemoryHost>>);

impl Shared for Locked {
    fn with<T>(&mut self, act: impl FnOnce(&mut MemoryHost) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }
}

#[test]
fn threads_that_hammer_one_count_admit_exactly_the_allowance() {
    let mut host = MemoryHost::default();
    limiter().prepare(&mut host);
    let host = Arc::new(Mutex::new(host));
    let workers: Vec<_> = (0..4u8)
        .map(|_| {
            let mut host = Around(Locked(Arc::clone(&host)));
            thread::spawn(move || {
                let limits = [limit(Dimension::Tenant, 2_000, Period::Hour, 2_000)];
                let (mut limiter, mut cx) = (limiter(), Cx { now: START, host: &mut host });
                let count = (0..1_000).filter(|_| judge(&mut limiter, 1, &limits, &mut cx)).count();
                limiter.on_close(&mut cx);
                count
            })
        })
        .collect();
    let admitted: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    // What one held while others were refused is there again.
    let limits = [limit(Dimension::Tenant, 2_000, Period::Hour, 2_000)];
    let (mut limiter, mut host) = (limiter(), Around(Locked(Arc::clone(&host))));
    let mut cx = Cx { now: START, host: &mut host };
    let rest = (0..1_000).filter(|_| judge(&mut limiter, 1, &limits, &mut cx)).count();
    assert_eq!(admitted + rest, 2_000);
    assert!(2_000 - 4 * 15 <= admitted, "{admitted}");
}
