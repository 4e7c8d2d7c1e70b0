//! What callers ask one worker for.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::time::Duration;

use tollgate_core::{Fingerprint, Prehashed};

use crate::fleet::WHOLE;
use crate::fleet::shares::Shares;

/// What is asked for of each key that somebody asks much of.
#[derive(Debug)]
pub(crate) struct Demands {
    /// What is asked for of all keys that fall together here, in microseconds of
    /// what their limits give, since the second began.
    sketch: Vec<u32>,
    passed: Duration,
    /// From so much on a key is looked at by itself.
    much: u32,
    tallies: HashMap<Fingerprint, Tally, BuildHasherDefault<Prehashed>>,
}

/// What is asked for of one key.
#[derive(Clone, Copy, Debug)]
struct Tally {
    key: u128,
    /// Since the last tick: as much as the limit gives in this time.
    asked: Duration,
    /// The most that was asked for at once.
    step: Duration,
    /// How much that is, in millionths of the limit, lately.
    rate: u32,
    idle: Duration,
}

/// Must be a power of two.
const CELLS: usize = 4_096;

/// Keys that one worker looks at. With more, the further ones stay as they are
/// configured.
pub(crate) const KEYS_MAX: usize = 4_096;

const SECOND: Duration = Duration::from_secs(1);

/// A key that nobody asked for lately is looked at no longer.
const IDLE: Duration = Duration::from_mins(1);

/// No demand is greater: four times the limit is as hopeless as a thousand times.
const RATE_MAX: u32 = 4 * WHOLE;

// === impl Demands ===

impl Demands {
    /// Where `share` millionths of every limit are enforced.
    pub(crate) fn new(share: u32) -> Self {
        let much = share >> 2;
        Self { sketch: vec![0; CELLS], passed: Duration::ZERO, much, tallies: HashMap::default() }
    }

    /// What all Envoys call a key.
    pub(crate) fn key(&mut self, who: Fingerprint, name: impl FnOnce() -> u128) -> u128 {
        if let Some(tally) = self.tallies.get(&who) {
            return tally.key;
        }
        let key = name();
        self.watch(who, key);
        key
    }

    pub(crate) fn add(&mut self, who: Fingerprint, span: Duration, name: impl FnOnce() -> u128) {
        if let Some(tally) = self.tallies.get_mut(&who) {
            tally.add(span);
        } else if self.is_much(who, span) {
            let key = name();
            self.watch(who, key);
            if let Some(tally) = self.tallies.get_mut(&who) {
                tally.add(span);
            }
        }
    }

    /// So much time has passed since the last tick.
    pub(crate) fn pass(&mut self, passed: Duration) {
        self.passed = self.passed.saturating_add(passed);
        if SECOND <= self.passed {
            self.passed = Duration::ZERO;
            self.sketch.fill(0);
        }
        self.tallies.values_mut().for_each(|tally| tally.pass(passed));
        self.tallies.retain(|_, tally| tally.idle < IDLE);
    }

    /// What the other workers are told: keys that somebody asks much of, or that
    /// are dealt by demand.
    pub(crate) fn rows(&self, shares: &Shares) -> Vec<(u128, u32)> {
        let tallies = self.tallies.values().filter(|tally| {
            self.much <= tally.rate || (0 < tally.rate && shares.of(tally.key).is_some())
        });
        tallies.map(|tally| (tally.key, tally.rate)).collect()
    }

    fn watch(&mut self, who: Fingerprint, key: u128) {
        if self.tallies.len() < KEYS_MAX {
            self.tallies.insert(who, Tally::of(key));
        }
    }

    fn is_much(&mut self, Fingerprint(who): Fingerprint, span: Duration) -> bool {
        let place = usize::try_from(who & (CELLS as u128).saturating_sub(1)).unwrap_or(0);
        let Some(cell) = self.sketch.get_mut(place) else { return false };
        *cell = cell.saturating_add(u32::try_from(span.as_micros()).unwrap_or(u32::MAX));
        self.much <= *cell
    }
}

// === impl Tally ===

impl Tally {
    fn of(key: u128) -> Self {
        let (asked, step, idle) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        Self { key, asked, step, rate: 0, idle }
    }

    fn add(&mut self, span: Duration) {
        self.asked = self.asked.saturating_add(span);
        self.step = self.step.max(span);
    }

    /// An average that forgets: of about a second, or of a few requests where one
    /// is worth more than that.
    fn pass(&mut self, passed: Duration) {
        let idle = self.asked.is_zero();
        self.idle = if idle { self.idle.saturating_add(passed) } else { Duration::ZERO };
        let memory = self.step.saturating_mul(4).clamp(SECOND, IDLE).as_nanos();
        let [passed, asked] = [passed, std::mem::take(&mut self.asked)].map(|d| d.as_nanos());
        let kept = u128::from(self.rate).saturating_mul(memory);
        let new = asked.saturating_mul(u128::from(WHOLE));
        let rate = kept.saturating_add(new).checked_div(memory.saturating_add(passed));
        let rate = u32::try_from(rate.unwrap_or_default()).unwrap_or(RATE_MAX);
        self.rate = if rate < WHOLE / 1_000 && idle { 0 } else { rate.min(RATE_MAX) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(200);
    const WHO: Fingerprint = Fingerprint(7);

    fn rows(demands: &Demands) -> Vec<(u128, u32)> {
        demands.rows(&Shares::default())
    }

    #[test]
    fn a_key_that_nobody_asks_much_of_has_no_name() {
        let mut demands = Demands::new(WHOLE / 2);
        for _ in 0..100 {
            demands.pass(TICK);
            // A fortieth of the limit.
            demands.add(WHO, TICK / 40, || panic!("its name was asked for"));
        }
        assert_eq!(rows(&demands), []);
    }

    #[test]
    fn what_is_asked_for_is_told_as_a_part_of_the_limit() {
        let mut demands = Demands::new(WHOLE / 2);
        for _ in 0..50 {
            (0..3).for_each(|_| demands.add(WHO, TICK / 2, || 9));
            demands.pass(TICK);
        }
        let [(9, rate)] = rows(&demands)[..] else { panic!("{:?}", rows(&demands)) };
        assert!((1_490_000..1_510_000).contains(&rate), "{rate}");
        (0..300).for_each(|_| demands.pass(TICK));
        assert_eq!((rows(&demands).len(), demands.tallies.len()), (0, 0));
    }

    #[test]
    fn of_a_slow_limit_one_request_is_no_flood() {
        let mut demands = Demands::new(WHOLE / 2);
        // One of ten a minute, every twelve seconds.
        for _ in 0..20 {
            demands.add(WHO, Duration::from_secs(6), || 9);
            (0..60).for_each(|_| demands.pass(TICK));
        }
        let [(9, rate)] = rows(&demands)[..] else { panic!("{:?}", rows(&demands)) };
        assert!((250_000..750_000).contains(&rate), "{rate}");
    }

    #[test]
    fn keys_are_bounded() {
        let mut demands = Demands::new(WHOLE / 2);
        for who in 0..10_000 {
            demands.add(Fingerprint(who), Duration::from_secs(9), || who);
        }
        assert_eq!(demands.tallies.len(), KEYS_MAX);
        demands.pass(TICK);
        assert_eq!(rows(&demands).len(), KEYS_MAX);
    }
}
