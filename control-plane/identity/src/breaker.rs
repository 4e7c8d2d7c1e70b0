use std::time::{Duration, Instant};

use crate::clock::after;

/// Keeps calls away from a server that does not answer them.
///
/// Closed, it lets every call pass. After some failures in a row it opens, and
/// lets none pass until it has rested; then one call is a probe. Whether that
/// one succeeds decides what becomes of those after it.
#[derive(Debug)]
pub(crate) struct Breaker {
    rest: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    Probing,
}

/// How a call may be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pass {
    /// As any other.
    Call,
    /// As the one that finds out whether the server is back.
    Probe,
}

/// So many in a row are no accident.
const FAILURES_MAX: u32 = 5;

// === impl Breaker ===

impl Breaker {
    /// Closed. It rests this long whenever it has opened.
    pub(crate) fn new(rest: Duration) -> Self {
        Self { rest, state: State::Closed { failures: 0 } }
    }

    /// Open, and rested: for a server that nobody has spoken to yet.
    pub(crate) fn untried(rest: Duration, now: Instant) -> Self {
        Self { rest, state: State::Open { until: now } }
    }

    /// Whether calls pass as if nothing had happened.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// What a call made now would be, or when to ask again.
    pub(crate) fn look(&self, now: Instant) -> Result<Pass, Duration> {
        match self.state {
            State::Closed { .. } => Ok(Pass::Call),
            State::Open { until } if until <= now => Ok(Pass::Probe),
            State::Open { until } => Err(until.saturating_duration_since(now)),
            State::Probing => Err(self.rest),
        }
    }

    /// A call is made now, in the way that it was told it may.
    pub(crate) fn begin(&mut self, pass: Pass) {
        if pass == Pass::Probe {
            self.state = State::Probing;
        }
    }

    /// A call was answered. That says the server is back, even if the call is
    /// one from before.
    pub(crate) fn succeeded(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// A call was not answered. Those from before it opened say nothing new.
    pub(crate) fn failed(&mut self, pass: Pass, now: Instant) {
        self.state = match (self.state, pass) {
            (State::Closed { failures }, _) if failures.saturating_add(1) < FAILURES_MAX => {
                State::Closed { failures: failures.saturating_add(1) }
            }
            (State::Closed { .. }, _) | (State::Probing, Pass::Probe) => {
                State::Open { until: after(now, self.rest) }
            }
            (state, _) => state,
        };
    }

    /// What was known of the server no longer holds.
    pub(crate) fn open(&mut self, now: Instant) {
        self.state = State::Open { until: after(now, self.rest) };
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test, as it should")]
mod tests {
    use super::*;

    /// Each line is a time in milliseconds, what happens then, and what a call
    /// would be afterwards.
    fn check(lines: &[&str]) {
        let start = crate::testing::start();
        let mut breaker = Breaker::new(Duration::from_secs(1));
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            let now = start + Duration::from_millis(words[0].parse().unwrap());
            match words[1] {
                "look" => {}
                "probe" => breaker.begin(Pass::Probe),
                "ok" => breaker.succeeded(),
                "failed" => breaker.failed(Pass::Call, now),
                "probe-failed" => breaker.failed(Pass::Probe, now),
                other => panic!("{other}"),
            }
            let then = match breaker.look(now) {
                Ok(Pass::Call) => "call".to_owned(),
                Ok(Pass::Probe) => "probe".to_owned(),
                Err(wait) => format!("{}ms", wait.as_millis()),
            };
            assert_eq!(then, words[2], "after {line:?}");
        }
    }

    #[test]
    fn five_failures_in_a_row_open_it() {
        check(&[
            "0 failed call",
            "0 failed call",
            "0 failed call",
            "0 failed call",
            "0 failed 1000ms",
            "400 look 600ms",
            "999 look 1ms",
            "1000 look probe",
        ]);
    }

    #[test]
    fn a_success_between_failures_begins_the_count_again() {
        let four = ["0 failed call"; 4];
        check(&[&four[..], &["1 ok call"], &four, &["2 failed 1000ms"]].concat());
    }

    #[test]
    fn one_probe_at_a_time_decides() {
        let opened =
            ["0 failed call"; 4].into_iter().chain(["0 failed 1000ms"]).collect::<Vec<_>>();
        check(
            &[
                &opened[..],
                &[
                    "1000 probe 1000ms",
                    "1500 look 1000ms",
                    "1600 probe-failed 1000ms",
                    "2599 look 1ms",
                    "2600 look probe",
                    "2600 probe 1000ms",
                    "2700 ok call",
                ],
            ]
            .concat(),
        );
    }

    #[test]
    fn a_late_failure_of_a_call_from_before_changes_nothing() {
        let opened =
            ["0 failed call"; 4].into_iter().chain(["0 failed 1000ms"]).collect::<Vec<_>>();
        check(
            &[&opened[..], &["900 failed 100ms", "1000 probe 1000ms", "1100 failed 1000ms"]]
                .concat(),
        );
    }

    #[test]
    fn an_untried_server_is_tried_at_once() {
        let start = crate::testing::start();
        let breaker = Breaker::untried(Duration::from_secs(1), start);
        assert_eq!(breaker.look(start), Ok(Pass::Probe));
        assert!(!breaker.is_closed());
    }
}
