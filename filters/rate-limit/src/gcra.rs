#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test, as it should")]
mod tests;

use std::fmt;
use std::time::Duration;

use tollgate_core::Timestamp;

use crate::meter::{Drawn, Remainder, Short, share};

/// An allowance that refills steadily: how large it is, and how fast.
///
/// The generic cell rate algorithm keeps one number per caller, the moment at
/// which its allowance will be full again. Each token that is drawn moves that
/// moment on by one interval; a request is refused while it would lie further
/// ahead than an empty allowance takes to refill.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Rate {
    /// In which one token more is there, in nanoseconds. At least 1.
    interval: u64,
    /// How many tokens it holds: the burst, and what can be saved beyond it.
    capacity: u64,
    /// How many of them whoever was never seen has: the burst.
    burst: u64,
    /// What it is a share of, where several Envoys have one each.
    whole: Whole,
}

/// An allowance of all Envoys together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Whole {
    interval: u64,
    capacity: u64,
}

/// How one caller's allowance stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Level {
    /// When it is full again.
    pub(crate) full_at: Timestamp,
    /// What the clock showed when it was last drawn on.
    pub(crate) drawn_at: Timestamp,
}

/// By how much a worker's reading of the clock may be older than what another
/// worker has written meanwhile: a request is judged within one callback.
pub(crate) const JITTER: Duration = Duration::from_millis(10);

/// What rates are multiplied by, in millionths.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Scale(pub u32);

// === impl Scale ===

impl Scale {
    /// Nothing is changed.
    pub const ONE: Self = Self(MILLION);

    /// So many, times this; at least 1.
    pub(crate) fn of(self, number: u64) -> u64 {
        let scaled = u128::from(number).saturating_mul(u128::from(self.0.max(1)));
        let scaled = scaled.checked_div(u128::from(MILLION)).unwrap_or(0);
        u64::try_from(scaled).unwrap_or(u64::MAX).max(1)
    }
}

/// As a decimal of RFC 9651, section 3.3.2, which has three digits at most.
impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousandths = self.0.checked_div(1_000).unwrap_or(0);
        let (whole, rest) = (thousandths.checked_div(1_000), thousandths.checked_rem(1_000));
        let rest = format!("{:03}", rest.unwrap_or(0));
        match rest.trim_end_matches('0') {
            "" => write!(f, "{}", whole.unwrap_or(0)),
            rest => write!(f, "{}.{rest}", whole.unwrap_or(0)),
        }
    }
}

/// By how much an allowance has become larger: from one share to another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Growth {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

// === impl Growth ===

impl Growth {
    /// What is left of a part of the larger one, if it was the same part of the
    /// smaller one.
    fn of(self, part: u64) -> u64 {
        let smaller = u128::from(part).saturating_mul(u128::from(self.from.min(self.to)));
        let part = smaller.checked_div(u128::from(self.to)).unwrap_or(0);
        u64::try_from(part).unwrap_or(u64::MAX)
    }
}

const MILLION: u32 = 1_000_000;

/// Whoever asks an Envoy for more than its share has a larger one by then, if
/// others leave some.
const DEALT_WITHIN: Duration = Duration::from_secs(1);

// === impl Level ===

impl Level {
    /// Whoever was counted by a clock that has been set back since is carried
    /// over to the new one with what was missing then. Time that passed in
    /// between is lost to the caller, but never more is admitted.
    pub(crate) fn settle(self, now: Timestamp) -> Self {
        if self.drawn_at <= now.plus(JITTER) {
            return self;
        }
        let missing = self.full_at.since(self.drawn_at);
        Self { full_at: now.plus(missing), drawn_at: now }
    }
}

// === impl Rate ===

impl Rate {
    /// `requests` in each `period`, of which `burst` may come at once, and
    /// `credit` more whoever has saved them.
    pub(crate) fn new(requests: u64, period: Duration, burst: u64, credit: u64) -> Self {
        // Rounded up: what does not divide evenly is never admitted too often.
        let interval = nanos(period).div_ceil(requests.max(1)).max(1);
        let burst = burst.max(1);
        let capacity = burst.saturating_add(credit);
        Self { interval, capacity, burst, whole: Whole { interval, capacity } }
    }

    /// The same, a number of times as fast and as large; never nothing at all.
    pub(crate) fn scaled(self, scale: Scale) -> Self {
        let scaled = self.shared(scale);
        let Self { interval, capacity, .. } = scaled;
        Self { whole: Whole { interval, capacity }, ..scaled }
    }

    /// What one Envoy has of it: at least one token at once.
    pub(crate) fn shared(self, share: Scale) -> Self {
        let interval = u128::from(self.interval).saturating_mul(u128::from(MILLION));
        let interval = interval.div_ceil(u128::from(share.0.max(1)));
        Self {
            interval: u64::try_from(interval).unwrap_or(u64::MAX).max(1),
            capacity: share.of(self.capacity),
            burst: share.of(self.burst),
            whole: self.whole,
        }
    }

    /// Takes `cost` tokens, or a share of those that are there up to `wanted`, of
    /// a caller whose allowance stands at `level`, or was never drawn on.
    pub(crate) fn draw(
        &self,
        level: Option<Level>,
        (cost, wanted): (u64, u64),
        now: Timestamp,
    ) -> Result<Drawn<Level>, Short<Level>> {
        let level = self.current(level, now);
        let free = self.refill().saturating_sub(nanos(level.full_at.since(now)));
        let there = free.checked_div(self.interval).unwrap_or(0);
        if there < cost {
            return Err(Short { wait: self.wait(&level, cost, now), state: level });
        }
        let tokens = share(there).min(wanted).max(cost);
        let full_at = level.full_at.plus(self.time_of(tokens));
        let state = Level { full_at, drawn_at: level.drawn_at.max(now) };
        Ok(Drawn { tokens, state })
    }

    /// Until that many tokens are there; never, if there are never as many.
    fn wait(&self, level: &Level, cost: u64, now: Timestamp) -> Option<Duration> {
        let missing = nanos(level.full_at.since(now)).saturating_add(nanos(self.time_of(cost)));
        let wait = missing.saturating_sub(self.refill());
        (cost <= self.whole.capacity).then(|| self.by_demand(wait))
    }

    /// No longer than it takes all Envoys together, since this one gets what others
    /// leave: a share that nobody has asked much of refills slowly.
    fn by_demand(&self, wait: u64) -> Duration {
        let tokens = wait.div_ceil(self.interval.max(1));
        let all = DEALT_WITHIN
            .saturating_add(Duration::from_nanos(self.whole.interval.saturating_mul(tokens)));
        let wait = Duration::from_nanos(wait);
        if self.whole.interval < self.interval { wait.min(all) } else { wait }
    }

    /// Gives back `tokens` of those that were drawn and have left `taken`.
    ///
    /// What others drew meanwhile stays. If some of the tokens' share has been
    /// refilled before others drew, that much is not given back: had they not
    /// been drawn, the allowance would have been full then.
    pub(crate) fn give_back(&self, level: Level, tokens: u64, taken: Level) -> Level {
        let share = nanos(self.time_of(tokens));
        let before = taken.full_at.minus(Duration::from_nanos(share));
        let refilled = nanos(level.drawn_at.since(before));
        let share = Duration::from_nanos(share.saturating_sub(refilled));
        Level { full_at: level.full_at.minus(share), ..level }
    }

    /// Takes tokens that were spent already, whether they are there or not.
    /// Nobody owes more than one whole allowance.
    pub(crate) fn charge(&self, level: Option<Level>, tokens: u64, now: Timestamp) -> Level {
        let level = self.current(level, now);
        let full_at = level.full_at.plus(self.time_of(tokens));
        let drawn_at = level.drawn_at.max(now);
        Level { full_at: full_at.min(self.owing_all(drawn_at)), drawn_at }
    }

    /// As many tokens as before, where an allowance has become larger by so much:
    /// nobody gets any by that alone.
    pub(crate) fn grown(&self, level: Level, growth: Growth, now: Timestamp) -> Level {
        let level = level.settle(now);
        let missing = nanos(level.full_at.since(now));
        let there = growth.of(self.refill().saturating_sub(missing));
        let full_at = now.plus(Duration::from_nanos(self.refill().saturating_sub(there)));
        Level { full_at: full_at.max(level.full_at), drawn_at: now }
    }

    /// How an allowance stands that nobody has drawn on and that was full before
    /// it became larger; none if it has had time to be full again.
    pub(crate) fn unseen(
        &self,
        growth: Growth,
        grew_at: Timestamp,
        now: Timestamp,
    ) -> Option<Level> {
        let missing = self.refill().saturating_sub(growth.of(self.refill()));
        let full_at = grew_at.plus(Duration::from_nanos(missing));
        let burst = self.current(None, now);
        (burst.full_at < full_at).then_some(Level { full_at, ..burst })
    }

    /// In which time so many tokens refill of what all Envoys have together.
    pub(crate) fn span(&self, tokens: u64) -> Duration {
        Duration::from_nanos(self.whole.interval.saturating_mul(tokens))
    }

    /// What is left of an allowance at `now`.
    pub(crate) fn remainder(&self, level: Option<Level>, now: Timestamp) -> Remainder {
        let missing = nanos(self.current(level, now).full_at.since(now));
        let free = self.refill().saturating_sub(missing);
        let tokens = free.checked_div(self.interval).unwrap_or(0);
        let one_more = nanos(self.time_of(tokens.saturating_add(1)));
        let grows_in = missing.saturating_add(one_more).saturating_sub(self.refill());
        Remainder { tokens, grows_in: Some(self.by_demand(grows_in)) }
    }

    /// Whether all Envoys together ever hold so many tokens.
    pub(crate) fn can_hold(&self, tokens: u64) -> bool {
        tokens <= self.whole.capacity
    }

    /// How many tokens it holds.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// How many of so many tokens were saved.
    pub(crate) fn saved(&self, tokens: u64) -> Option<u64> {
        (self.burst < self.capacity).then(|| tokens.saturating_sub(self.burst))
    }

    /// As the clock has it; whoever was never seen has the burst.
    fn current(&self, level: Option<Level>, now: Timestamp) -> Level {
        let Some(level) = level else {
            let unsaved = self.time_of(self.capacity.saturating_sub(self.burst));
            return Level { full_at: now.plus(unsaved), drawn_at: now };
        };
        let level = level.settle(now);
        // More than what may be owed cannot be missing, whatever stands in memory.
        let full_at = level.full_at.min(self.owing_all(level.drawn_at)).max(now);
        Level { full_at, ..level }
    }

    fn owing_all(&self, drawn_at: Timestamp) -> Timestamp {
        drawn_at.plus(Duration::from_nanos(self.refill().saturating_mul(2)))
    }

    /// What an empty allowance takes until it is full.
    fn refill(&self) -> u64 {
        nanos(self.time_of(self.capacity))
    }

    fn time_of(&self, tokens: u64) -> Duration {
        Duration::from_nanos(self.interval.saturating_mul(tokens))
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
