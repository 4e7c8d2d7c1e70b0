use std::time::Duration;

use tollgate_core::{Fingerprint, Timestamp};

use crate::gcra::{JITTER, Level};

/// The counts of the few callers whose keys hash to one place in shared data,
/// as the bytes that stand there: most requests change one of a few.
///
/// An allowance that is full again is forgotten, so a slot holds only callers
/// that have called lately.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Slot {
    /// Invariant: whole entries, [`ENTRIES_MAX`] at most.
    bytes: Vec<u8>,
}

/// One count of one caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    /// Who is counted, and by which limit, in full: callers in the same slot
    /// share nothing but the place.
    pub(crate) who: Fingerprint,
    /// How the caller's allowance stands.
    pub(crate) level: Level,
    /// How far ahead it may be full for a request to be admitted.
    pub(crate) tolerance: Duration,
}

/// Every caller in the slot is at its limit, so none may be forgotten.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Crowded;

/// How many callers fit into a slot.
pub(crate) const ENTRIES_MAX: usize = 32;

/// Fingerprint, two moments and tolerance, each little-endian.
const ENTRY_BYTES: usize = 16 + 8 + 8 + 8;

// === impl Slot ===

impl Slot {
    /// Reads a slot. Any bytes make one, of callers that nobody may have seen.
    pub(crate) fn new(mut bytes: Vec<u8>) -> Self {
        let entries = bytes.chunks_exact(ENTRY_BYTES).len().min(ENTRIES_MAX);
        bytes.truncate(entries.saturating_mul(ENTRY_BYTES));
        Self { bytes }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How the caller's allowance stands, unless it has had time to be full.
    pub(crate) fn level(&self, who: Fingerprint) -> Option<Level> {
        self.entries().find(|entry| entry.who == who).map(|entry| entry.level)
    }

    /// Keeps a count, and forgets those that need no keeping.
    pub(crate) fn put(&mut self, entry: Entry, now: Timestamp) -> Result<(), Crowded> {
        self.tidy(now);
        match self.place_for(entry.who, now)? {
            Some(place) => self.write(place, entry),
            None => self.bytes.extend_from_slice(&entry.encode()),
        }
        Ok(())
    }

    fn entries(&self) -> impl ExactSizeIterator<Item = Entry> {
        self.bytes.as_chunks().0.iter().map(Entry::decode)
    }

    fn write(&mut self, place: usize, entry: Entry) {
        if let Some(bytes) = self.bytes.as_chunks_mut().0.get_mut(place) {
            *bytes = entry.encode();
        }
    }

    /// Drops counts of callers that have everything again, with a margin for
    /// workers whose reading of the clock is older than this one. After the
    /// clock was set back, nobody may stay for longer than before.
    fn tidy(&mut self, now: Timestamp) {
        let mut kept = 0_usize;
        let entries = self.entries().len();
        for place in 0..entries {
            let Some(mut entry) = self.entries().nth(place) else { break };
            entry.level = entry.level.settle(now);
            if now < entry.level.full_at.plus(JITTER) {
                self.write(kept, entry);
                kept = kept.saturating_add(1);
            }
        }
        self.bytes.truncate(kept.saturating_mul(ENTRY_BYTES));
    }

    /// Where a caller's count goes: over its old one, over one that makes room
    /// for it, or behind the others.
    fn place_for(&self, who: Fingerprint, now: Timestamp) -> Result<Option<usize>, Crowded> {
        match self.entries().position(|entry| entry.who == who) {
            None if ENTRIES_MAX <= self.entries().len() => self.dispensable(now).map(Some),
            place => Ok(place),
        }
    }

    /// The caller that has used the smallest share of its allowance, and gets
    /// that back. Never one that is being refused: it would be admitted.
    fn dispensable(&self, now: Timestamp) -> Result<usize, Crowded> {
        let used = self.entries().map(|entry| entry.used(now)).enumerate();
        let used = used.filter_map(|(place, used)| Some((place, used?)));
        used.min_by_key(|(_, used)| *used).map(|(place, _)| place).ok_or(Crowded)
    }
}

// === impl Entry ===

impl Entry {
    fn decode(bytes: &[u8; ENTRY_BYTES]) -> Self {
        let mut words = bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
        let mut next = || words.next().unwrap_or_default();
        let [low, high] = [next(), next()].map(u128::from);
        let [full_at, drawn_at] = [next(), next()].map(Timestamp::from_nanos);
        Self {
            who: Fingerprint(high << 64 | low),
            level: Level { full_at, drawn_at },
            tolerance: Duration::from_nanos(next()),
        }
    }

    fn encode(&self) -> [u8; ENTRY_BYTES] {
        let Self { who: Fingerprint(who), level: Level { full_at, drawn_at }, tolerance } = self;
        let tolerance = u64::try_from(tolerance.as_nanos()).unwrap_or(u64::MAX);
        let [low, high] = [*who, who >> 64].map(low_half);
        let words = [low, high, full_at.as_nanos(), drawn_at.as_nanos(), tolerance];
        let mut bytes = [0; ENTRY_BYTES];
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        bytes
    }

    /// Which share of its allowance the caller has used, in 2^32nds; none while
    /// it is being refused.
    fn used(&self, now: Timestamp) -> Option<u128> {
        let missing = self.level.full_at.since(now);
        let scaled = missing.as_nanos().saturating_mul(1 << 32);
        (missing <= self.tolerance)
            .then(|| scaled.checked_div(self.tolerance.as_nanos()).unwrap_or(0))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the other half goes its own way")]
fn low_half(number: u128) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn entry(who: u128, missing_millis: u64, tolerance_millis: u64) -> Entry {
        let full_at = NOW.plus(Duration::from_millis(missing_millis));
        let tolerance = Duration::from_millis(tolerance_millis);
        Entry { who: Fingerprint(who), level: Level { full_at, drawn_at: NOW }, tolerance }
    }

    fn full_at(slot: &Slot, who: u128) -> Option<Timestamp> {
        slot.level(Fingerprint(who)).map(|level| level.full_at)
    }

    fn slot(entries: impl IntoIterator<Item = Entry>) -> Slot {
        Slot { bytes: entries.into_iter().flat_map(|entry| entry.encode()).collect() }
    }

    fn callers(slot: &Slot) -> Vec<u128> {
        slot.entries().map(|entry| entry.who.0).collect()
    }

    #[test]
    fn a_full_allowance_is_forgotten() {
        let mut slot = slot([entry(1, 0, 50), entry(2, 100, 50)]);
        let later = NOW.plus(JITTER);
        slot.put(entry(3, 500, 50), later).unwrap();
        assert_eq!(callers(&slot), [2, 3]);
    }

    #[test]
    fn a_full_allowance_is_kept_while_other_workers_may_be_behind() {
        let mut slot = slot([entry(1, 0, 50)]);
        slot.put(entry(2, 500, 50), NOW).unwrap();
        assert_eq!(callers(&slot), [1, 2]);
    }

    #[test]
    fn the_last_place_is_taken_without_an_eviction() {
        let mut slot = slot((1..32).map(|who| entry(who, 100, 100)));
        slot.put(entry(32, 100, 100), NOW).unwrap();
        assert_eq!(callers(&slot), (1..=32).collect::<Vec<_>>());
    }

    #[test]
    fn whoever_used_the_smallest_share_makes_room() {
        // Caller 7 needs the longest to be full, but has used a hundredth only.
        let mut slot = slot((1..=32).map(|who| match who {
            7 => entry(7, 1_000, 100_000),
            _ => entry(who, 90, 100),
        }));
        slot.put(entry(33, 100, 100), NOW).unwrap();
        assert_eq!(slot.entries().len(), ENTRIES_MAX);
        assert_eq!(full_at(&slot, 7), None);
        assert_eq!(full_at(&slot, 33), Some(NOW.plus(Duration::from_millis(100))));
    }

    #[test]
    fn whoever_is_being_refused_never_makes_room() {
        let mut slot = slot((1..=32).map(|who| match who {
            9 => entry(9, 100, 100),
            _ => entry(who, 101, 100),
        }));
        slot.put(entry(33, 101, 100), NOW).unwrap();
        assert_eq!(full_at(&slot, 9), None);
        let before = slot.clone();
        assert_eq!(slot.put(entry(34, 1, 100), NOW), Err(Crowded));
        assert_eq!(slot, before);
    }

    #[test]
    fn a_crowded_slot_still_counts_those_in_it() {
        let mut slot = slot((1..=32).map(|who| entry(who, 101, 100)));
        slot.put(entry(5, 150, 100), NOW).unwrap();
        assert_eq!(full_at(&slot, 5), Some(NOW.plus(Duration::from_millis(150))));
    }

    #[test]
    fn nobody_stays_longer_when_the_clock_is_set_back() {
        let day = Duration::from_hours(24);
        let mut slot = slot((1..=32).map(|who| entry(who, 101, 100)));
        let now = NOW.minus(day);
        assert_eq!(slot.put(entry(33, 0, 100), now), Err(Crowded));
        assert_eq!(full_at(&slot, 1), Some(now.plus(Duration::from_millis(101))));
        slot.put(entry(33, 1, 100), now.plus(Duration::from_millis(111))).unwrap();
        assert_eq!(callers(&slot), [33]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..1_200)) {
            let slot = Slot::new(bytes.clone());
            prop_assert!(slot.entries().len() <= ENTRIES_MAX);
            prop_assert!(bytes.starts_with(slot.as_bytes()));
            prop_assert!(slot.entries().eq(slot.entries().map(|entry| Entry::decode(&entry.encode()))));
        }

        #[test]
        fn what_is_written_is_read(who: u128, [full_at, drawn_at, tolerance]: [u64; 3]) {
            let entry = Entry {
                who: Fingerprint(who),
                level: Level {
                    full_at: Timestamp::from_nanos(full_at),
                    drawn_at: Timestamp::from_nanos(drawn_at),
                },
                tolerance: Duration::from_nanos(tolerance),
            };
            prop_assert_eq!(Entry::decode(&entry.encode()), entry);
        }

        /// Whatever is written for others, a caller that is being refused goes
        /// on being refused by the same moment.
        #[test]
        fn callers_in_one_slot_share_nothing(
            others in prop::collection::vec((0u128..60, 0u64..200, 0u64..200), 0..200),
        ) {
            let limited = entry(u128::MAX, 101, 100);
            let mut slot = slot([limited]);
            for (who, missing, tolerance) in others {
                let _ = slot.put(entry(who, missing, tolerance), NOW);
                prop_assert_eq!(slot.level(limited.who), Some(limited.level));
                prop_assert!(slot.entries().len() <= ENTRIES_MAX);
            }
        }
    }
}
