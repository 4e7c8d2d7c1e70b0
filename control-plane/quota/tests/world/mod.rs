//! A fleet of Envoys that do as they are told, and a dealer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tollgate_core::Timestamp;
use tollgate_quota::{DECAY, Dealer, Demand, Grant, HOLD, Instance, Key, Report, Share};

/// What is configured for each Envoy.
pub(crate) const SHARE: Share = Share(333_333);

const EXCHANGE: Duration = Duration::from_millis(200);

/// In so many exchanges, one after the other, the Envoys make room for one that has
/// begun: one may have been on its way, by two the dealer learns what they hold, and
/// by one they are told.
const MAKE_ROOM: u32 = 4;

/// What becomes of an exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Answered,
    RequestLost,
    AnswerLost,
}

pub(crate) struct World {
    pub(crate) dealer: Dealer,
    pub(crate) envoys: Vec<Envoy>,
    now: Timestamp,
    epoch: u64,
    instances: u128,
}

pub(crate) struct Envoy {
    instance: Instance,
    /// Which dealer last heard of it.
    met_by: u64,
    /// After how many calm exchanges there is room for what it enforces by itself.
    unsettled: u32,
    heard_at: Timestamp,
    number: u64,
    turn: u32,
    applied: u64,
    epoch: u64,
    wants: BTreeMap<u128, u32>,
    reported: BTreeSet<u128>,
    pub(crate) holds: BTreeMap<u128, Share>,
}

impl World {
    pub(crate) fn new(envoys: usize) -> Self {
        let now = Timestamp::from_seconds(1_000);
        let (dealer, instances) = (Dealer::new(now), 0);
        let mut world = Self { dealer, envoys: Vec::new(), now, epoch: 1, instances };
        for _ in 0..envoys {
            let envoy = world.envoy();
            world.envoys.push(envoy);
        }
        world
    }

    pub(crate) fn among_others(envoys: usize) -> Self {
        let mut world = Self::new(envoys);
        world.dealer = Dealer::among_others(world.now);
        world
    }

    fn envoy(&mut self) -> Envoy {
        self.instances += 1;
        Envoy {
            instance: Instance(self.instances),
            met_by: 0,
            unsettled: MAKE_ROOM,
            heard_at: self.now,
            number: 0,
            turn: 0,
            applied: 0,
            epoch: 0,
            wants: BTreeMap::new(),
            reported: BTreeSet::new(),
            holds: BTreeMap::new(),
        }
    }

    pub(crate) fn wants(&mut self, envoy: usize, key: u128, wants: u32) {
        let envoy = &mut self.envoys[envoy];
        envoy.wants.insert(key, wants);
        envoy.reported.remove(&key);
    }

    pub(crate) fn restart(&mut self, envoy: usize) {
        self.envoys[envoy] = self.envoy();
    }

    pub(crate) fn restart_dealer(&mut self) {
        (self.dealer, self.epoch) = (Dealer::new(self.now), self.epoch + 1);
        // The one before may not have come to telling them.
        let waiting = self.envoys.iter_mut().filter(|envoy| envoy.unsettled != 0);
        waiting.for_each(|envoy| envoy.unsettled = MAKE_ROOM);
    }

    pub(crate) fn run(&mut self, steps: usize) {
        let fates = vec![Fate::Answered; self.envoys.len()];
        (0..steps).for_each(|_| self.step(&fates));
    }

    /// All exchange once.
    pub(crate) fn step(&mut self, fates: &[Fate]) {
        self.now = self.now.plus(EXCHANGE);
        self.dealer.sweep(self.now);
        for (at, fate) in fates.iter().enumerate().take(self.envoys.len()) {
            self.dealer.deal_due(1, self.now);
            self.forget(at);
            let envoy = &mut self.envoys[at];
            let demands = envoy.demands();
            envoy.number += 1;
            let report = Report {
                instance: envoy.instance,
                number: envoy.number,
                applied: envoy.applied,
                turn: envoy.turn,
                share: SHARE,
                is_complete: envoy.epoch == self.epoch || envoy.epoch == 0,
                demands: &demands,
            };
            if matches!(fate, Fate::RequestLost) {
                continue;
            }
            envoy.met_by = self.epoch;
            let deal = self.dealer.exchange(&report, self.now).unwrap();
            if matches!(fate, Fate::Answered) {
                envoy.take(self.epoch, &demands, deal.grants, self.now);
            }
        }
        while self.dealer.deal_due(1, self.now) {}
        self.settle(fates);
    }

    /// Whoever has done without for long has forgotten what it was told.
    fn forget(&mut self, at: usize) {
        let envoy = &mut self.envoys[at];
        if HOLD + DECAY < self.now.since(envoy.heard_at) && !envoy.holds.is_empty() {
            (envoy.turn, envoy.applied) = (envoy.turn + 1, 0);
            envoy.holds.clear();
            envoy.reported.clear();
        }
    }

    /// What an Envoy admits of a key.
    pub(crate) fn enforced(&self, envoy: usize, key: u128) -> Share {
        let Envoy { holds, heard_at, .. } = &self.envoys[envoy];
        let Some(held) = holds.get(&key) else { return SHARE };
        let beyond = self.now.since(*heard_at).saturating_sub(HOLD).min(DECAY);
        let [beyond, decay] = [beyond, DECAY].map(|span| i64::try_from(span.as_millis()).unwrap());
        let [from, to] = [held.0, SHARE.0].map(i64::from);
        Share(u32::try_from(from + (to - from) * beyond / decay).unwrap())
    }

    /// Whether the dealer and all Envoys know of each other what they do.
    fn is_calm(&self, fates: &[Fate]) -> bool {
        self.envoys.iter().zip(fates).all(|(envoy, fate)| {
            // By then it has come to its share.
            let is_gone = HOLD + DECAY < self.now.since(envoy.heard_at);
            matches!(fate, Fate::Answered) || is_gone
        })
    }

    fn settle(&mut self, fates: &[Fate]) {
        let is_calm = self.is_calm(fates);
        for envoy in &mut self.envoys {
            let does_without = HOLD < self.now.since(envoy.heard_at);
            envoy.unsettled = match envoy.unsettled {
                _ if does_without => MAKE_ROOM,
                0 => 0,
                left if is_calm && envoy.met_by == self.epoch => left - 1,
                _ => MAKE_ROOM,
            };
        }
    }

    /// The most that they may enforce together: the limit, and the share of each that
    /// began or did without, until the others have made room for it.
    pub(crate) fn bound(&self) -> u64 {
        let unsettled = self.envoys.iter().filter(|envoy| envoy.unsettled != 0).count();
        u64::from(Share::WHOLE.0) + u64::from(SHARE.0) * unsettled as u64
    }

    /// The keys that somebody wants.
    pub(crate) fn pressed(&self) -> BTreeSet<u128> {
        self.envoys.iter().flat_map(|envoy| envoy.wants.keys().copied()).collect()
    }
}

impl Envoy {
    fn demands(&self) -> Vec<Demand> {
        let known = self.wants.keys().chain(self.holds.keys()).collect::<BTreeSet<_>>();
        let news = known.into_iter().filter(|key| !self.reported.contains(key));
        news.map(|key| Demand {
            key: Key(*key),
            wants: Share(self.wants.get(key).copied().unwrap_or(0)),
            holds: self.holds.get(key).copied().unwrap_or(SHARE),
        })
        .collect()
    }

    fn take(&mut self, epoch: u64, said: &[Demand], grants: Vec<Grant>, now: Timestamp) {
        (self.heard_at, self.applied) = (now, self.number);
        self.reported.extend(said.iter().map(|demand| demand.key.0));
        if self.epoch != epoch {
            // It may have said less than this dealer needs to know.
            self.epoch = epoch;
            self.reported.clear();
        }
        for Grant { key, share } in grants {
            match share {
                Some(share) => drop(self.holds.insert(key.0, share)),
                None => drop(self.holds.remove(&key.0)),
            }
        }
    }
}
