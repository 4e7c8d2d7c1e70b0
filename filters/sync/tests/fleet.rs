//! Envoys with several workers each, and a real dealer.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test, as it should"
)]

use std::time::Duration;

use prost::Message as _;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{Cx, Fingerprint, GrpcCallId, GrpcFailed, Seed, Timestamp};
use tollgate_quota::{Ask, Balance, Dealer, Demand, Instance, Key, Report, Share};
use tollgate_sync::deal::{self, Grant, Override, Overrides, Request, Response, halves};
use tollgate_sync::{Accounts, Fleet, FleetSpec, Overriding, Window};

const SHARE: u32 = 333_333;
const TICK: Duration = Duration::from_millis(100);

struct Envoy {
    host: MemoryHost,
    seed: Seed,
    workers: Vec<Fleet>,
    accounts: Counts,
}

/// What is counted in one window: how much, and up to where may be.
#[derive(Default)]
struct Counts {
    spent: u64,
    cap: u64,
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

struct World {
    now: Timestamp,
    envoys: Vec<Envoy>,
    dealer: Option<(u64, Dealer)>,
    overrides: Overrides,
    balance: Balance,
    /// What callers ask each Envoy of key 7, in millionths of its limit.
    load: Vec<u32>,
    exchanges: usize,
}

impl Envoy {
    fn new(number: u8) -> Self {
        let mut envoy = Self {
            host: MemoryHost::default(),
            seed: Seed([number; 16]),
            workers: Vec::new(),
            accounts: Counts::default(),
        };
        (0..2).for_each(|_| envoy.add_worker());
        envoy
    }

    fn add_worker(&mut self) {
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
    fn new() -> Self {
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

    fn run(&mut self, seconds: u64) {
        for _ in 0..10 * seconds {
            self.now = self.now.plus(TICK);
            if let Some((_, dealer)) = &mut self.dealer {
                dealer.sweep(self.now);
            }
            (0..self.envoys.len()).for_each(|envoy| self.tick(envoy));
        }
    }

    fn tick(&mut self, at: usize) {
        let workers = self.envoys[at].workers.len();
        let load = f64::from(self.load[at]) / 1e6 / workers as f64;
        for worker in 0..workers {
            let now = self.now;
            let Envoy { host, seed, workers, accounts } = &mut self.envoys[at];
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

    fn shares(&mut self) -> Vec<Vec<u32>> {
        self.envoys.iter_mut().map(Envoy::shares).collect()
    }

    fn total(&mut self) -> u32 {
        self.shares().iter().map(|workers| workers.iter().max().unwrap()).sum()
    }
}

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
