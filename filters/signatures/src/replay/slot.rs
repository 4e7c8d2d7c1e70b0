use tollgate_core::{Fingerprint, Timestamp};

/// The signatures whose marks hash to one place in shared data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Slot {
    /// Marks that expire at this moment or before may have been forgotten.
    ///
    /// It moves with what is forgotten, not with the clock: a clock that was
    /// wrong for a moment and far ahead does not lock everybody out.
    forgotten_until: Timestamp,
    marks: Vec<Mark>,
}

/// One signature that was admitted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mark {
    /// Which it is.
    pub(crate) what: Fingerprint,
    /// Whose key it was made with.
    pub(crate) whose: Fingerprint,
    /// The last moment at which it would be accepted.
    pub(crate) until: Timestamp,
}

/// Why a mark is not admitted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotFresh {
    /// It was admitted before, or may have been.
    Seen,
    /// There is no room for another one of this key, or of any.
    Full,
}

/// How many marks fit into a slot.
pub(crate) const MARKS_MAX: usize = 64;

/// How many of them may be of one key: none can lock all the others out.
pub(crate) const OF_ONE_KEY_MAX: usize = 32;

/// Two fingerprints and a moment, each little-endian.
const MARK_BYTES: usize = 16 + 16 + 8;

// === impl Slot ===

impl Slot {
    /// Reads a slot; nothing if the bytes are none, for then it is not known
    /// what was seen.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (forgotten_until, marks) = bytes.split_first_chunk()?;
        let (marks, rest) = marks.as_chunks::<MARK_BYTES>();
        if !rest.is_empty() || MARKS_MAX < marks.len() {
            return None;
        }
        let forgotten_until = Timestamp::from_nanos(u64::from_le_bytes(*forgotten_until));
        let marks = marks.iter().map(|bytes| Mark::decode(bytes)).collect::<Option<_>>()?;
        Some(Self { forgotten_until, marks })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes =
            Vec::with_capacity(self.marks.len().saturating_add(1).saturating_mul(MARK_BYTES));
        bytes.extend_from_slice(&self.forgotten_until.as_nanos().to_le_bytes());
        self.marks.iter().for_each(|mark| mark.encode(&mut bytes));
        bytes
    }

    /// Admits a mark that was not admitted before, and forgets those that are
    /// of no use any more: their signatures have expired.
    pub(crate) fn admit(&mut self, mark: Mark, now: Timestamp) -> Result<(), NotFresh> {
        self.forget(now);
        let was_seen = self.marks.iter().any(|seen| seen.what == mark.what);
        if was_seen || mark.until <= self.forgotten_until {
            return Err(NotFresh::Seen);
        }
        let of_this_key = self.marks.iter().filter(|seen| seen.whose == mark.whose).count();
        if MARKS_MAX <= self.marks.len() || OF_ONE_KEY_MAX <= of_this_key {
            return Err(NotFresh::Full);
        }
        self.marks.push(mark);
        Ok(())
    }

    fn forget(&mut self, now: Timestamp) {
        let expired = self.marks.iter().map(|mark| mark.until).filter(|until| *until < now);
        self.forgotten_until = expired.fold(self.forgotten_until, Timestamp::max);
        self.marks.retain(|mark| now <= mark.until);
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self { forgotten_until: Timestamp::EPOCH, marks: Vec::new() }
    }
}

// === impl Mark ===

impl Mark {
    /// Which of `slots` it belongs to.
    pub(crate) fn slot_number(&self, slots: u32) -> u32 {
        let Fingerprint(hash) = self.what;
        // Less than `slots`, so it fits.
        u32::try_from(hash.checked_rem(u128::from(slots)).unwrap_or(0)).unwrap_or(0)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (what, bytes) = bytes.split_first_chunk()?;
        let (whose, bytes) = bytes.split_first_chunk()?;
        let (until, _) = bytes.split_first_chunk()?;
        Some(Self {
            what: Fingerprint(u128::from_le_bytes(*what)),
            whose: Fingerprint(u128::from_le_bytes(*whose)),
            until: Timestamp::from_nanos(u64::from_le_bytes(*until)),
        })
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        let Self { what, whose, until } = self;
        bytes.extend_from_slice(&what.0.to_le_bytes());
        bytes.extend_from_slice(&whose.0.to_le_bytes());
        bytes.extend_from_slice(&until.as_nanos().to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn mark(what: u128, whose: u128, until: u64) -> Mark {
        Mark {
            what: Fingerprint(what),
            whose: Fingerprint(whose),
            until: Timestamp::from_seconds(until),
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_mark_is_admitted_once_until_it_has_expired() {
        let mut slot = Slot::default();
        assert_eq!(slot.admit(mark(1, 1, 300), at(0)), Ok(()));
        assert_eq!(slot.admit(mark(1, 1, 300), at(0)), Err(NotFresh::Seen));
        assert_eq!(slot.admit(mark(1, 1, 300), at(300)), Err(NotFresh::Seen));
        assert_eq!(slot.admit(mark(1, 2, 900), at(300)), Err(NotFresh::Seen));
        assert_eq!(slot.admit(mark(2, 1, 600), at(301)), Ok(()));
        assert_eq!(slot.marks.len(), 1);
    }

    #[test]
    fn what_was_forgotten_is_not_admitted_when_the_clock_is_set_back() {
        let mut slot = Slot::default();
        slot.admit(mark(1, 1, 300), at(0)).unwrap();
        slot.admit(mark(2, 1, 700), at(400)).unwrap();
        assert_eq!(slot.admit(mark(1, 1, 300), at(100)), Err(NotFresh::Seen));
        assert_eq!(slot.admit(mark(3, 1, 300), at(100)), Err(NotFresh::Seen));
        assert_eq!(slot.admit(mark(3, 1, 301), at(100)), Ok(()));
    }

    /// A clock that was a year ahead for a moment.
    #[test]
    fn a_clock_that_was_wrong_does_not_lock_anybody_out_for_long() {
        let year = 31_536_000;
        let mut slot = Slot::default();
        slot.admit(mark(1, 1, 300), at(0)).unwrap();
        slot.admit(mark(2, 1, year + 300), at(year)).unwrap();
        assert_eq!(slot.admit(mark(3, 1, 301), at(1)), Ok(()));
    }

    #[test]
    fn one_key_cannot_lock_the_others_out() {
        let mut slot = Slot::default();
        for what in 0..32 {
            assert_eq!(slot.admit(mark(what, 1, 300), at(0)), Ok(()));
        }
        assert_eq!(slot.admit(mark(32, 1, 300), at(0)), Err(NotFresh::Full));
        for what in 32..64 {
            assert_eq!(slot.admit(mark(what, what, 300), at(0)), Ok(()));
        }
        assert_eq!(slot.admit(mark(64, 64, 300), at(0)), Err(NotFresh::Full));
        assert_eq!(slot.admit(mark(0, 1, 300), at(0)), Err(NotFresh::Seen));
        assert_eq!(slot.admit(mark(64, 64, 600), at(301)), Ok(()));
    }

    #[test]
    fn bytes_that_are_no_slot_are_not_taken_for_an_empty_one() {
        let full =
            Slot { marks: (0..64).map(|what| mark(what, what, 1)).collect(), ..Slot::default() };
        let bytes = full.encode();
        assert_eq!(Slot::decode(&bytes), Some(full));
        assert_eq!(Slot::decode(&[&bytes[..], &[0; 40]].concat()), None);
        for len in [0, 7, 9, 47, 49] {
            assert_eq!(Slot::decode(&bytes[..len]), None, "{len}");
        }
        assert_eq!(Slot::decode(&[0; 8]), Some(Slot::default()));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            forgotten_until: u64,
            marks in prop::collection::vec((any::<[u128; 2]>(), any::<u64>()), 0..=64),
        ) {
            let marks = marks.into_iter().map(|([what, whose], until)| Mark {
                what: Fingerprint(what),
                whose: Fingerprint(whose),
                until: Timestamp::from_nanos(until),
            });
            let slot = Slot {
                forgotten_until: Timestamp::from_nanos(forgotten_until),
                marks: marks.collect(),
            };
            prop_assert_eq!(Slot::decode(&slot.encode()), Some(slot));
        }

        /// Whatever is signed by whomever and whatever the clock says, a
        /// signature is admitted once, and the slot stays within its bounds.
        #[test]
        fn nothing_is_admitted_twice(
            asked in prop::collection::vec((0u128..90, 0u64..2_000), 0..400),
        ) {
            let mut slot = Slot::default();
            let mut admitted = BTreeSet::new();
            for (what, now) in asked {
                // When it expires is signed too.
                let until = u64::try_from(what).unwrap().saturating_mul(22);
                if slot.admit(mark(what, what % 3, until), at(now)).is_ok() {
                    prop_assert!(admitted.insert(what), "{} was admitted twice", what);
                }
                prop_assert!(slot.marks.len() <= MARKS_MAX);
                for whose in 0..3 {
                    let of_one = slot.marks.iter().filter(|mark| mark.whose == Fingerprint(whose));
                    prop_assert!(of_one.count() <= OF_ONE_KEY_MAX);
                }
            }
        }
    }
}
