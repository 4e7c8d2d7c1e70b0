use std::time::{Duration, Instant};

use crate::breaker::{Breaker, Pass};
use crate::budget::{Budget, Standing};
use crate::clock::after;

/// Decides which calls to a provider are made.
///
/// Nobody waits here: a call that cannot be made now is refused now, with the
/// time after which asking again makes sense.
#[derive(Debug)]
pub(crate) struct Gate {
    breaker: Breaker,
    budget: Budget,
    paused_until: Option<Instant>,
    in_flight: u32,
    in_flight_max: u32,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// The provider lives.
    Answered,
    /// The provider asked for a pause (RFC 6585, section 4).
    Limited(Duration),
    /// The provider does not answer, or not with an answer.
    Failed,
}

/// How long no call is made after a series of failures. A probe takes two
/// seconds at most, so a provider that is back is found within five.
const REST: Duration = Duration::from_secs(1);

/// What refused calls are told while all that may be outstanding are.
const BUSY: Duration = Duration::from_secs(1);

/// Longer pauses are cut: they are the word of whoever answered.
const PAUSE_MAX: Duration = Duration::from_mins(5);

// === impl Gate ===

impl Gate {
    pub(crate) fn new(calls_per_second: u32, in_flight_max: u32) -> Self {
        Self {
            breaker: Breaker::new(REST),
            budget: Budget::new(calls_per_second),
            paused_until: None,
            in_flight: 0,
            in_flight_max,
        }
    }

    /// Whether the last that was heard of the provider was good.
    pub(crate) fn is_closed(&self) -> bool {
        self.breaker.is_closed()
    }

    /// Lets a call pass, which must be told to [`Self::settle`] when it is over,
    /// or says when to ask again.
    pub(crate) fn admit(&mut self, standing: Standing, now: Instant) -> Result<Pass, Duration> {
        if let Some(until) = self.paused_until.filter(|until| now < *until) {
            return Err(until.saturating_duration_since(now));
        }
        let pass = self.breaker.look(now)?;
        if self.places(standing) <= self.in_flight {
            return Err(BUSY);
        }
        self.budget.spend(standing, now)?;
        self.breaker.begin(pass);
        self.in_flight = self.in_flight.saturating_add(1);
        Ok(pass)
    }

    /// Newcomers may not take all places, as with the budget.
    fn places(&self, standing: Standing) -> u32 {
        match standing {
            Standing::Known => self.in_flight_max,
            Standing::Unknown => self.in_flight_max.div_ceil(2),
        }
    }

    /// A call is over.
    pub(crate) fn settle(&mut self, pass: Pass, outcome: Outcome, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match outcome {
            Outcome::Answered => self.breaker.succeeded(),
            Outcome::Limited(pause) => {
                self.breaker.succeeded();
                self.paused_until = Some(after(now, pause.min(PAUSE_MAX)));
            }
            Outcome::Failed => self.breaker.failed(pass, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use Standing::{Known, Unknown};

    use super::*;

    fn admitted(gate: &mut Gate, standing: Standing, now: Instant) -> usize {
        (0..1_000).take_while(|_| gate.admit(standing, now).is_ok()).count()
    }

    #[test]
    fn newcomers_leave_half_of_the_places() {
        let now = crate::testing::start();
        let mut gate = Gate::new(1_000, 64);
        assert_eq!(admitted(&mut gate, Unknown, now), 32);
        assert_eq!(admitted(&mut gate, Known, now), 32);
        assert_eq!(gate.admit(Known, now), Err(BUSY));
        gate.settle(Pass::Call, Outcome::Answered, now);
        assert_eq!(admitted(&mut gate, Unknown, now), 0);
        assert_eq!(admitted(&mut gate, Known, now), 1);
    }

    #[test]
    fn a_pause_is_kept_and_cut_at_its_bound() {
        let now = crate::testing::start();
        for (asked, kept) in [(7, 7), (300, 300), (301, 300), (u64::MAX, 300)] {
            let mut gate = Gate::new(10, 64);
            let pass = gate.admit(Unknown, now).unwrap();
            gate.settle(pass, Outcome::Limited(Duration::from_secs(asked)), now);
            let kept = Duration::from_secs(kept);
            assert_eq!(gate.admit(Known, now), Err(kept));
            assert_eq!(gate.admit(Known, now + kept), Ok(Pass::Call));
        }
    }

    #[test]
    fn what_the_breaker_refuses_costs_nothing() {
        let now = crate::testing::start();
        let mut gate = Gate::new(10, 64);
        for _ in 0..5 {
            let pass = gate.admit(Known, now).unwrap();
            gate.settle(pass, Outcome::Failed, now);
        }
        assert!(!gate.is_closed());
        assert_eq!(gate.admit(Known, now), Err(REST));
        let rested = now + REST;
        assert_eq!(gate.admit(Known, rested), Ok(Pass::Probe));
        assert_eq!(gate.admit(Known, rested), Err(REST));
        gate.settle(Pass::Probe, Outcome::Answered, rested);
        // Ten came back in the second of rest, one was the probe.
        assert_eq!(admitted(&mut gate, Known, rested), 9);
    }
}
