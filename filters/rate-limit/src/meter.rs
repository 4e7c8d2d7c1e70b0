//! What a limit counts by, and how one caller's count stands.
//!
//! A meter hands out tokens. A request takes as many as it costs; a worker may
//! take some more at once, and gives back what it did not spend.

use std::rc::Rc;
use std::time::Duration;

use tollgate_core::Timestamp;

use crate::gcra::{Growth, Level, Rate, Scale};
use crate::quota::{Quota, Used};

/// What hands out the tokens of a limit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Meter {
    /// They refill steadily.
    Rate(Rate),
    /// There are so many in a window of time.
    Quota(Rc<Quota>),
}

/// How one caller's count stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    Level(Level),
    Used(Used),
}

/// Tokens that were drawn, and what they have left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Drawn<S> {
    pub(crate) tokens: u64,
    pub(crate) state: S,
}

/// There were not enough tokens. Nothing was consumed: whoever hammers at a
/// closed door does not keep it closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Short<S> {
    /// Until there are; never, if there are never as many.
    pub(crate) wait: Option<Duration>,
    pub(crate) state: S,
}

/// What is left for a caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Remainder {
    /// Tokens that can be had at once.
    pub(crate) tokens: u64,
    /// Until there are more; never, if they are for good.
    pub(crate) grows_in: Option<Duration>,
}

/// How many of the tokens that are there one worker takes at once at most, so
/// that the last ones go to whoever comes first.
pub(crate) fn share(there: u64) -> u64 {
    there >> 3
}

// === impl Meter ===

impl Meter {
    /// Takes `cost` tokens, or a share of those that are there up to `wanted`.
    pub(crate) fn draw(
        &self,
        state: Option<State>,
        tokens: (u64, u64),
        now: Timestamp,
    ) -> Result<Drawn<State>, Short<State>> {
        match self {
            Self::Rate(rate) => rate
                .draw(state.and_then(State::level), tokens, now)
                .map(|drawn| drawn.map(State::Level))
                .map_err(|short| short.map(State::Level)),
            Self::Quota(quota) => quota
                .draw(state.and_then(State::used), tokens, now)
                .map(|drawn| drawn.map(State::Used))
                .map_err(|short| short.map(State::Used)),
        }
    }

    /// Gives back tokens of those that were drawn and have left `taken`.
    pub(crate) fn give_back(
        &self,
        state: State,
        tokens: u64,
        taken: State,
        now: Timestamp,
    ) -> State {
        match (self, state, taken) {
            (Self::Rate(rate), State::Level(level), State::Level(taken)) => {
                State::Level(rate.give_back(level.settle(now), tokens, taken))
            }
            (Self::Quota(quota), State::Used(used), State::Used(taken)) => {
                State::Used(quota.give_back(used, tokens, taken, now))
            }
            _ => state,
        }
    }

    /// Takes tokens that were spent already, whether they are there or not.
    pub(crate) fn charge(&self, state: Option<State>, tokens: u64, now: Timestamp) -> State {
        match self {
            Self::Rate(rate) => {
                State::Level(rate.charge(state.and_then(State::level), tokens, now))
            }
            Self::Quota(quota) => {
                State::Used(quota.charge(state.and_then(State::used), tokens, now))
            }
        }
    }

    /// What is left.
    pub(crate) fn remainder(&self, state: Option<State>, now: Timestamp) -> Remainder {
        match self {
            Self::Rate(rate) => rate.remainder(state.and_then(State::level), now),
            Self::Quota(quota) => quota.remainder(state.and_then(State::used), now),
        }
    }

    /// What one Envoy has of it. Windows are lent instead.
    pub(crate) fn shared(self, share: Scale) -> Self {
        match self {
            Self::Rate(rate) => Self::Rate(rate.shared(share)),
            Self::Quota(quota) => Self::Quota(quota),
        }
    }

    /// The same tokens, of a larger share of the limit.
    pub(crate) fn grown(&self, state: State, growth: Growth, now: Timestamp) -> State {
        match (self, state) {
            (Self::Rate(rate), State::Level(level)) => State::Level(rate.grown(level, growth, now)),
            (_, state) => state,
        }
    }

    /// How a count stands that nobody has drawn on since the share grew.
    pub(crate) fn unseen(
        &self,
        growth: Growth,
        grew_at: Timestamp,
        now: Timestamp,
    ) -> Option<State> {
        match self {
            Self::Rate(rate) => rate.unseen(growth, grew_at, now).map(State::Level),
            Self::Quota(_) => None,
        }
    }

    /// In which time so many tokens refill of what all Envoys have together; never
    /// those of a window.
    pub(crate) fn span(&self, tokens: u64) -> Option<Duration> {
        match self {
            Self::Rate(rate) => Some(rate.span(tokens)),
            Self::Quota(_) => None,
        }
    }

    /// Whether it counts a window.
    pub(crate) fn is_window(&self) -> bool {
        matches!(self, Self::Quota(_))
    }

    /// Whether all Envoys together ever hold so many tokens.
    pub(crate) fn can_hold(&self, tokens: u64) -> bool {
        match self {
            Self::Rate(rate) => rate.can_hold(tokens),
            Self::Quota(quota) => tokens <= quota.requests(),
        }
    }

    /// How many tokens there can be at once.
    pub(crate) fn capacity(&self) -> u64 {
        match self {
            Self::Rate(rate) => rate.capacity(),
            Self::Quota(quota) => quota.requests(),
        }
    }

    /// How many of so many tokens were saved; none where nothing is.
    pub(crate) fn saved(&self, tokens: u64) -> Option<u64> {
        match self {
            Self::Rate(rate) => rate.saved(tokens),
            Self::Quota(_) => None,
        }
    }

    /// The same, a number of times as large. Counts of a window are what was
    /// agreed upon, and stay.
    pub(crate) fn scaled(&self, scale: Scale) -> Self {
        match self {
            Self::Rate(rate) => Self::Rate(rate.scaled(scale)),
            Self::Quota(quota) => Self::Quota(Rc::clone(quota)),
        }
    }
}

// === impl State ===

impl State {
    fn level(self) -> Option<Level> {
        match self {
            Self::Level(level) => Some(level),
            Self::Used(_) => None,
        }
    }

    fn used(self) -> Option<Used> {
        match self {
            Self::Used(used) => Some(used),
            Self::Level(_) => None,
        }
    }

    /// When tokens that were drawn are no longer good, whatever happens.
    pub(crate) fn ends_at(&self) -> Option<Timestamp> {
        match self {
            Self::Level(_) => None,
            Self::Used(used) => Some(used.ends_at),
        }
    }
}

impl<S> Drawn<S> {
    fn map<T>(self, of: impl FnOnce(S) -> T) -> Drawn<T> {
        Drawn { tokens: self.tokens, state: of(self.state) }
    }
}

impl<S> Short<S> {
    fn map<T>(self, of: impl FnOnce(S) -> T) -> Short<T> {
        Short { wait: self.wait, state: of(self.state) }
    }
}
