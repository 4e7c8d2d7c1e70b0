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
use tollgate_core::{
    Call, CallId, CallRefused, Cx, GrpcCall, GrpcCallId, Host, Principal, Seed,
    SharedDataUnavailable, SignatureCheck, SignatureUnsupported, Timestamp, Version,
};
use tollgate_rate_limit::{Caller, Dimension, LimitSpec, Limits, OnFailure, Period, RateLimiter};

const SEED: Seed = Seed([7; 16]);
const START: Timestamp = Timestamp::from_seconds(1_700_000_000);

/// One Envoy, in which other workers get in between a worker's reading and its
/// writing, as often as the plan says.
#[derive(Clone)]
struct Envoy(Rc<RefCell<State>>);

struct State {
    shared: MemoryHost,
    now: Timestamp,
    /// For each write, the tenants whose requests are judged before it, and
    /// how many nanoseconds later.
    plan: VecDeque<Vec<(u8, u32)>>,
    /// Which tenant was admitted when.
    admitted: Vec<(u8, Timestamp)>,
}

impl Envoy {
    fn new(plan: Vec<Vec<(u8, u32)>>) -> Self {
        let shared = MemoryHost::default();
        let state = State { shared, now: START, plan: plan.into(), admitted: Vec::new() };
        Self(Rc::new(RefCell::new(state)))
    }

    /// A worker judges one request, by the clock as it is when that begins.
    fn request(&self, tenant: u8, nanos: u32, limits: &[LimitSpec]) -> bool {
        let now = self.0.borrow().now.plus(Duration::from_nanos(nanos.into()));
        self.0.borrow_mut().now = now;
        let mut worker = Worker { envoy: self.clone(), limits };
        let admitted = judge(tenant, limits, &mut Cx { now, host: &mut worker });
        if admitted {
            self.0.borrow_mut().admitted.push((tenant, now));
        }
        admitted
    }
}

struct Worker<'a> {
    envoy: Envoy,
    limits: &'a [LimitSpec],
}

impl Host for Worker<'_> {
    fn property(&mut self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn set_property(&mut self, _: &[u8], _: &[u8]) {}

    fn load(&mut self, key: &[u8]) -> Result<(Option<Vec<u8>>, Version), SharedDataUnavailable> {
        let shared = &mut self.envoy.0.borrow_mut().shared;
        // As if prepared: all slots at once would make the properties slow.
        shared.shared.entry(key.to_owned()).or_insert_with(|| (Vec::new(), 1));
        shared.load(key)
    }

    fn store(
        &mut self,
        key: &[u8],
        value: &[u8],
        version: Version,
    ) -> Result<bool, SharedDataUnavailable> {
        let others = self.envoy.0.borrow_mut().plan.pop_front().unwrap_or_default();
        for (tenant, nanos) in others {
            self.envoy.request(tenant, nanos, self.limits);
        }
        self.envoy.0.borrow_mut().shared.store(key, value, version)
    }

    fn call(&mut self, _: &Call<'_>) -> Result<CallId, CallRefused> {
        Err(CallRefused)
    }

    fn call_grpc(&mut self, _: &GrpcCall<'_>) -> Result<GrpcCallId, CallRefused> {
        Err(CallRefused)
    }

    fn gauge(&mut self, _: &'static str, _: u64) {}

    fn verify_signature(&mut self, _: &SignatureCheck<'_>) -> Result<bool, SignatureUnsupported> {
        Err(SignatureUnsupported)
    }
}

fn limiter() -> RateLimiter {
    RateLimiter::compile([].into(), SEED).unwrap()
}

fn judge(tenant: u8, limits: &[LimitSpec], cx: &mut Cx<'_>) -> bool {
    let principal = Principal {
        method: "api_key".into(),
        subject: "key-1".into(),
        tenant: Some(tenant.to_string().into()),
        ..Principal::default()
    };
    let caller = Caller { api: "orders", route: "get", principal: Some(&principal) };
    let limits = Limits::compile(limits.to_vec()).unwrap();
    limiter().check(&limits, &caller, cx).is_ok()
}

fn limit(by: Dimension, requests: u32, per: Period, burst: u32) -> LimitSpec {
    LimitSpec { by: vec![by], requests, per, burst: Some(burst), on_failure: OnFailure::Refuse }
}

/// A limit on each tenant, and one that all of them meet together.
fn two_limits() -> [LimitSpec; 2] {
    [limit(Dimension::Tenant, 6, Period::Hour, 6), limit(Dimension::Route, 9, Period::Hour, 9)]
}

fn plans(nanos: impl Strategy<Value = u32>) -> impl Strategy<Value = Vec<Vec<(u8, u32)>>> {
    let others = prop::collection::vec((0u8..3, nanos), 0..4);
    prop::collection::vec(others, 0..40)
}

proptest! {
    /// However workers get in between each other, what is counted is what was
    /// admitted: the rest of each allowance is still there, to the last request.
    #[test]
    fn a_refused_request_costs_nothing_net(plan in plans(Just(0)), tenants in prop::collection::vec(0u8..3, 1..20)) {
        let envoy = Envoy::new(plan);
        for tenant in tenants {
            envoy.request(tenant, 0, &two_limits());
        }
        envoy.0.borrow_mut().plan.clear();
        let admitted = envoy.0.borrow().admitted.clone();
        let [of_tenant, of_route] = two_limits();
        for tenant in 0..3 {
            let used = admitted.iter().filter(|(who, _)| *who == tenant).count();
            let rest = (0..20).filter(|_| envoy.request(tenant, 0, std::slice::from_ref(&of_tenant)));
            prop_assert_eq!(used + rest.count(), 6, "tenant {}", tenant);
        }
        let rest = (0..20).filter(|_| envoy.request(0, 0, std::slice::from_ref(&of_route)));
        prop_assert_eq!(admitted.len() + rest.count(), 9);
    }

    /// While time passes and workers read the clock before others that write
    /// first, no stretch of time admits more than the burst and what refilled.
    /// The plan delays no worker by more than ten milliseconds.
    #[test]
    fn never_more_than_burst_plus_refill(
        plan in plans(0u32..80_000),
        requests in prop::collection::vec((0u8..3, 0u32..200_000), 1..60),
        burst in 1u32..6,
    ) {
        let limits = [
            limit(Dimension::Tenant, 10_000, Period::Second, burst),
            limit(Dimension::Route, 20_000, Period::Second, 2 * burst),
        ];
        let envoy = Envoy::new(plan);
        for (tenant, nanos) in requests {
            envoy.request(tenant, nanos, &limits);
        }
        let admitted = envoy.0.borrow().admitted.clone();
        for tenant in 0..3 {
            let times = admitted.iter().filter(|(who, _)| *who == tenant).map(|(_, at)| *at);
            prop_assert!(holds(times.collect(), burst, Duration::from_micros(100)));
        }
        let times = admitted.iter().map(|(_, at)| *at).collect();
        prop_assert!(holds(times, 2 * burst, Duration::from_micros(50)));
    }
}

/// Whether every stretch of time admitted at most the burst and what refilled.
fn holds(mut times: Vec<Timestamp>, burst: u32, interval: Duration) -> bool {
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

impl Host for Locked {
    fn property(&mut self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn set_property(&mut self, _: &[u8], _: &[u8]) {}

    fn load(&mut self, key: &[u8]) -> Result<(Option<Vec<u8>>, Version), SharedDataUnavailable> {
        self.0.lock().unwrap().load(key)
    }

    fn store(
        &mut self,
        key: &[u8],
        value: &[u8],
        version: Version,
    ) -> Result<bool, SharedDataUnavailable> {
        self.0.lock().unwrap().store(key, value, version)
    }

    fn call(&mut self, _: &Call<'_>) -> Result<CallId, CallRefused> {
        Err(CallRefused)
    }

    fn call_grpc(&mut self, _: &GrpcCall<'_>) -> Result<GrpcCallId, CallRefused> {
        Err(CallRefused)
    }

    fn gauge(&mut self, _: &'static str, _: u64) {}

    fn verify_signature(&mut self, _: &SignatureCheck<'_>) -> Result<bool, SignatureUnsupported> {
        Err(SignatureUnsupported)
    }
}

#[test]
fn threads_that_hammer_one_count_admit_exactly_the_allowance() {
    let mut host = MemoryHost::default();
    limiter().prepare(&mut host);
    let host = Arc::new(Mutex::new(host));
    let workers: Vec<_> = (0..4u8)
        .map(|_| {
            let mut host = Locked(Arc::clone(&host));
            thread::spawn(move || {
                let limits = [limit(Dimension::Tenant, 500, Period::Hour, 500)];
                let mut cx = Cx { now: START, host: &mut host };
                (0..1_000).filter(|_| judge(1, &limits, &mut cx)).count()
            })
        })
        .collect();
    let admitted: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert_eq!(admitted, 500);
}
