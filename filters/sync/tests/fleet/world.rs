//! Envoys with several workers each, and what deals among them.

use std::time::Duration;

use prost::Message as _;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{Cx, Fingerprint, GrpcCallId, GrpcFailed, Seed, Timestamp};
use tollgate_quota::{Ask, Balance, Dealer, Demand, Instance, Key, Report, Share};
use tollgate_sync::deal::{self, Grant, Overrides, Request, Response, halves};
use tollgate_sync::{Accounts, Fleet, FleetSpec};

pub(crate) const SHARE: u32 = 333_333;
pub(crate) const TICK: Duration = Duration::from_millis(100);

pub(crate) struct Envoy {
    pub(crate) host: MemoryHost,
    pub(crate) seed: Seed,
    pub(crate) workers: Vec<Fleet>,
    pub(crate) accounts: Counts,
    /// By how much its clock is ahead of everybody else's.
    pub(crate) ahead: Duration,
}

/// What is counted in one window: how much, and up to where may be.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) spent: u64,
    pub(crate) cap: u64,
}

impl Accounts for Counts {
    fn counted(&mut self, _: Fingerprint, _: Timestamp, _: &mut Cx<'_>) -> Option<(u64, u64)> {
        Some((self.spent, self.cap))
    }

    fn cap(&mut self, _: Fingerprint, _: Timestamp, cap: u64, _: &mut Cx<'_>) -> Option<u64> {
        self.cap = cap.max(self.spent);
        Some(self.cap)
    }
}

pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) envoys: Vec<Envoy>,
    pub(crate) dealer: Option<(u64, Dealer)>,
    pub(crate) overrides: Overrides,
    pub(crate) balance: Balance,
    /// What callers ask each Envoy of key 7, in millionths of its limit.
    pub(crate) load: Vec<u32>,
    pub(crate) exchanges: usize,
}

impl Envoy {
    pub(crate) fn new(number: u8) -> Self {
        let mut envoy = Self {
            host: MemoryHost::default(),
            seed: Seed([number; 16]),
            workers: Vec::new(),
            accounts: Counts::default(),
            ahead: Duration::ZERO,
        };
        (0..2).for_each(|_| envoy.add_worker());
        envoy
    }

    pub(crate) fn add_worker(&mut self) {
        let spec = FleetSpec { cluster: "control-plane".to_owned(), share: SHARE };
        let mut worker = Fleet::new(spec, self.seed);
        worker.prepare(&mut self.host);
        self.workers.push(worker);
    }

    fn who(&self) -> Fingerprint {
        self.seed.fingerprint(&[b"7"])
    }

    /// What each worker enforces of key 7.
    fn shares(&mut self) -> Vec<u32> {
        let who = self.who();
        self.workers.iter_mut().map(|worker| worker.share(who, || 7).share).collect()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let now = Timestamp::from_seconds(1_800_000_000);
        let dealer = Some((1, Dealer::new(now)));
        let envoys = (1..=3).map(Envoy::new).collect();
        let overrides = Overrides { version: 1, list: Vec::new() };
        Self {
            now,
            envoys,
            dealer,
            overrides,
            balance: Balance::default(),
            load: vec![0; 3],
            exchanges: 0,
        }
    }

    pub(crate) fn run(&mut self, seconds: u64) {
        for _ in 0..10 * seconds {
            self.now = self.now.plus(TICK);
            if let Some((_, dealer)) = &mut self.dealer {
                dealer.sweep(self.now);
                while dealer.deal_due(1, self.now) {}
            }
            (0..self.envoys.len()).for_each(|envoy| self.tick(envoy));
        }
    }

    pub(crate) fn tick(&mut self, at: usize) {
        let workers = self.envoys[at].workers.len();
        let load = f64::from(self.load[at]) / 1e6 / workers as f64;
        for worker in 0..workers {
            let now = self.now.plus(self.envoys[at].ahead);
            let Envoy { host, seed, workers, accounts, ahead: _ } = &mut self.envoys[at];
            if 0.0 < load {
                let who = seed.fingerprint(&[b"7"]);
                workers[worker].asked(who, TICK.mul_f64(load), || 7);
            }
            let before = host.called_grpc.len();
            workers[worker].on_tick(accounts, &mut host.at(now));
            let calls = host.called_grpc.len();
            for id in before..calls {
                let (_, message) = self.envoys[at].host.called_grpc[id].clone();
                self.exchanges += 1;
                let answer = self.answer(&message).ok_or(GrpcFailed(14));
                let Envoy { host, workers, accounts, .. } = &mut self.envoys[at];
                let id = GrpcCallId(id as u32);
                workers[worker].on_answer((id, &answer), accounts, &mut host.at(now));
            }
        }
    }

    fn answer(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let request = Request::decode(message).unwrap();
        let (epoch, dealer) = self.dealer.as_mut()?;
        let demands: Vec<Demand> = request
            .demands
            .iter()
            .map(|d| Demand {
                key: Key(deal::key(d.high, d.low)),
                wants: Share(d.wants),
                holds: Share(d.holds),
            })
            .collect();
        let instance = u128::from_le_bytes(request.instance.as_slice().try_into().unwrap());
        let report = Report {
            instance: Instance(instance),
            number: request.number,
            applied: request.applied,
            turn: request.turn,
            share: Share(request.share),
            is_complete: request.dealer == 0 || (request.complete && request.dealer == *epoch),
            demands: &demands,
        };
        let deal = dealer.exchange(&report, self.now).ok()?;
        let grants = deal.grants.iter().map(|grant| {
            let (high, low) = halves(grant.key.0);
            Grant { high, low, share: grant.share.map(|share| share.0) }
        });
        let overrides =
            (request.overrides != self.overrides.version).then(|| self.overrides.clone());
        let lent = request.asks.iter().map(|a| {
            let deal::Ask { high, low, begins, limit, spent, cap, wants, .. } = *a;
            let (instance, number) = (Instance(instance), request.number);
            let ask = Ask { instance, number, limit, spent, cap, wants };
            let cap = self.balance.ask(&ask, self.now).cap;
            deal::Lent { high, low, begins, cap }
        });
        let response = Response {
            dealer: *epoch,
            lent: lent.collect(),
            grants: grants.collect(),
            more: deal.more,
            overrides,
        };
        Some(response.encode_to_vec())
    }

    pub(crate) fn shares(&mut self) -> Vec<Vec<u32>> {
        self.envoys.iter_mut().map(Envoy::shares).collect()
    }

    pub(crate) fn total(&mut self) -> u32 {
        self.shares().iter().map(|workers| workers.iter().max().unwrap()).sum()
    }
}
