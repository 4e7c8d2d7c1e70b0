//! For how long callers are known.

use std::time::Duration;

use tollgate_core::Timestamp;

use crate::claims::Validity;

/// For how long what is known of a caller counts, and what comes after that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub(super) validity: Validity,
    /// Until when it counts while whoever keeps the key cannot be asked, in
    /// seconds; 0 for what counts no longer than it holds.
    pub(super) kept_until: u32,
}

/// What becomes of a caller who is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// It is served.
    Fresh,
    /// It is served, and asked about again, so that nobody has to wait later.
    Ageing,
    /// It is asked about, and served if nobody can say.
    Kept,
    /// It is asked about.
    Over,
}

/// How long a key counts that worked when it was last asked about. Within it
/// somebody will have noticed that the control plane is gone.
const KEPT_FOR: Duration = Duration::from_hours(24);

// === impl Term ===

impl Term {
    /// Of what nobody vouches for any longer than that.
    pub(super) fn of(validity: Validity) -> Self {
        Self { validity, kept_until: 0 }
    }

    /// Of a key that the control plane keeps, which works until `expiry`.
    pub(super) fn kept(validity: Validity, expiry: Option<Timestamp>, now: Timestamp) -> Self {
        let until = now.plus(KEPT_FOR);
        let until = expiry.map_or(until, |expiry| expiry.min(until));
        Self { validity, kept_until: u32::try_from(until.as_seconds()).unwrap_or(u32::MAX) }
    }

    pub(super) fn phase(self, now: Timestamp) -> Phase {
        let Self { validity, kept_until } = self;
        let is_kept = kept_until != 0;
        if validity.check(now).is_ok() {
            let is_ageing = is_kept && validity.is_ending(now);
            return if is_ageing { Phase::Ageing } else { Phase::Fresh };
        }
        let counts = now < Timestamp::from_seconds(kept_until.into()) && !validity.is_to_come(now);
        if is_kept && counts { Phase::Kept } else { Phase::Over }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn at(milliseconds: u64) -> Timestamp {
        NOW.plus(Duration::from_millis(milliseconds))
    }

    #[test]
    fn a_key_is_asked_about_before_it_ends_and_kept_for_a_day() {
        const DAY: u64 = 24 * 3_600_000;
        let term = Term::kept(Validity::new(NOW, at(4_000)), None, NOW);
        for (when, expected) in [
            (at(0), Phase::Fresh),
            (at(2_999), Phase::Fresh),
            (at(3_000), Phase::Ageing),
            (at(3_999), Phase::Ageing),
            (at(4_000), Phase::Kept),
            (at(DAY - 1), Phase::Kept),
            (at(DAY), Phase::Over),
            // A clock that went backwards makes nothing last longer.
            (NOW.minus(Duration::from_nanos(1)), Phase::Over),
        ] {
            assert_eq!(term.phase(when), expected, "{when:?}");
        }
    }

    #[test]
    fn a_key_is_kept_no_longer_than_it_works() {
        let term = Term::kept(Validity::new(NOW, at(4_000)), Some(at(9_000)), NOW);
        assert_eq!([at(8_999), at(9_000)].map(|now| term.phase(now)), [Phase::Kept, Phase::Over]);
    }

    #[test]
    fn what_nobody_vouches_for_is_over_when_it_ends() {
        let term = Term::of(Validity::new(NOW, at(4_000)));
        assert_eq!([at(3_999), at(4_000)].map(|now| term.phase(now)), [Phase::Fresh, Phase::Over]);
    }
}
