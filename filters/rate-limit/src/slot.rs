use tollgate_core::{Fingerprint, Timestamp};

use crate::gcra::{JITTER, Level};
use crate::meter::State;
use crate::quota::Used;

/// The counts of the few callers whose keys hash to one place in shared data,
/// as the bytes that stand there: most requests change one of a few.
///
/// An allowance that is full again is forgotten, and so is a window that is
/// over; what a caller has saved is forgotten only to make room for others.
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
    /// How the count stands.
    pub(crate) state: State,
    /// Whether whoever is forgotten loses what it has saved.
    pub(crate) saves: bool,
    /// Of which share of the limit the state is, in millionths; 0 of a window.
    pub(crate) share: u32,
}

/// Everybody in the slot has used some of an allowance, which would be theirs
/// again if they were forgotten.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Crowded;

/// How many callers fit into a slot. With 300,000 counts in 16,384 slots, the
/// chance that more hash to any of them is one in a million millions.
pub(crate) const ENTRIES_MAX: usize = 64;

/// Fingerprint, kind and three numbers, each little-endian.
const ENTRY_BYTES: usize = 16 + 1 + 3 * 8;

const LEVEL: u8 = 0;
const SAVING: u8 = 1;
const USED: u8 = 2;

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

    /// How the caller's count stands; nothing if nothing of it has to be known.
    pub(crate) fn state(&self, who: Fingerprint) -> Option<State> {
        self.entry(who).map(|entry| entry.state)
    }

    pub(crate) fn entry(&self, who: Fingerprint) -> Option<Entry> {
        self.place(who).and_then(|place| self.at(place))
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

    /// Compares what stands first in each entry, without reading the rest.
    fn place(&self, who: Fingerprint) -> Option<usize> {
        let who = who.0.to_le_bytes();
        let entries: &[[u8; ENTRY_BYTES]] = self.bytes.as_chunks().0;
        entries.iter().position(|entry| entry.starts_with(&who))
    }

    fn at(&self, place: usize) -> Option<Entry> {
        self.bytes.as_chunks().0.get(place).map(Entry::decode)
    }

    fn write(&mut self, place: usize, entry: Entry) {
        if let Some(bytes) = self.bytes.as_chunks_mut().0.get_mut(place) {
            *bytes = entry.encode();
        }
    }

    /// Drops counts of callers that have everything again. After the clock was
    /// set back, nobody may stay for longer than before.
    fn tidy(&mut self, now: Timestamp) {
        let mut kept = 0_usize;
        let entries = self.entries().len();
        for place in 0..entries {
            let Some(mut entry) = self.at(place) else { break };
            entry.settle(now);
            if entry.saves || !entry.is_full(now) {
                self.write(kept, entry);
                kept = kept.saturating_add(1);
            }
        }
        self.bytes.truncate(kept.saturating_mul(ENTRY_BYTES));
    }

    /// Where a caller's count goes: over its old one, over one that makes room
    /// for it, or behind the others.
    fn place_for(&self, who: Fingerprint, now: Timestamp) -> Result<Option<usize>, Crowded> {
        match self.place(who) {
            None if ENTRIES_MAX <= self.entries().len() => self.dispensable(now).map(Some),
            place => Ok(place),
        }
    }

    /// The caller that has had everything for longest, and loses what it saved.
    /// Never one that has used anything: it would have that again.
    fn dispensable(&self, now: Timestamp) -> Result<usize, Crowded> {
        let entries = self.entries().enumerate().filter(|(_, entry)| entry.is_full(now));
        let idle = entries.min_by_key(|(_, entry)| match entry.state {
            State::Level(level) => level.full_at,
            State::Used(used) => used.ends_at,
        });
        idle.map(|(place, _)| place).ok_or(Crowded)
    }
}

// === impl Entry ===

impl Entry {
    fn decode(bytes: &[u8; ENTRY_BYTES]) -> Self {
        let (who, rest) = bytes.split_first_chunk().unwrap_or((&[0; 16], &[]));
        let (kind, words) = rest.split_first().unwrap_or((&LEVEL, &[]));
        let mut words = words.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
        let mut next = || words.next().unwrap_or_default();
        let [one, two, three] = [next(), next(), next()];
        let state = match *kind {
            LEVEL | SAVING => State::Level(Level {
                full_at: Timestamp::from_nanos(one),
                drawn_at: Timestamp::from_nanos(two),
            }),
            _ => State::Used(Used {
                tokens: one,
                granted: two,
                ends_at: Timestamp::from_nanos(three),
            }),
        };
        let share = match state {
            State::Level(_) => u32::try_from(three).unwrap_or(u32::MAX),
            State::Used(_) => 0,
        };
        let who = Fingerprint(u128::from_le_bytes(*who));
        Self { who, state, saves: *kind == SAVING, share }
    }

    fn encode(&self) -> [u8; ENTRY_BYTES] {
        let Self { who: Fingerprint(who), state, saves, share } = self;
        let (kind, words) = match state {
            State::Level(Level { full_at, drawn_at }) => {
                let kind = if *saves { SAVING } else { LEVEL };
                (kind, [full_at.as_nanos(), drawn_at.as_nanos(), u64::from(*share)])
            }
            State::Used(Used { tokens, granted, ends_at }) => {
                (USED, [*tokens, *granted, ends_at.as_nanos()])
            }
        };
        let mut bytes = [0; ENTRY_BYTES];
        let words = words.into_iter().flat_map(u64::to_le_bytes);
        let all = who.to_le_bytes().into_iter().chain([kind]).chain(words);
        bytes.iter_mut().zip(all).for_each(|(place, byte)| *place = byte);
        bytes
    }

    fn settle(&mut self, now: Timestamp) {
        if let State::Level(level) = &mut self.state {
            *level = level.settle(now);
        }
    }

    /// Whether nothing is missing, with a margin for workers whose reading of
    /// the clock is older than this one.
    fn is_full(&self, now: Timestamp) -> bool {
        let since = match self.state {
            State::Level(level) => level.full_at,
            State::Used(used) => used.ends_at,
        };
        since.plus(JITTER) <= now
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
    const FULL: u128 = ENTRIES_MAX as u128;

    fn entry(who: u128, missing_millis: u64) -> Entry {
        let full_at = NOW.plus(Duration::from_millis(missing_millis));
        let state = State::Level(Level { full_at, drawn_at: NOW });
        Entry { who: Fingerprint(who), state, saves: false, share: 0 }
    }

    fn saving(who: u128, full_for_millis: u64) -> Entry {
        let full_at = NOW.minus(Duration::from_millis(full_for_millis));
        let state = State::Level(Level { full_at, drawn_at: full_at });
        Entry { who: Fingerprint(who), state, saves: true, share: 0 }
    }

    fn used(who: u128, ends_in_millis: u64) -> Entry {
        let ends_at = NOW.plus(Duration::from_millis(ends_in_millis));
        let state = State::Used(Used { tokens: 1, granted: 9, ends_at });
        Entry { who: Fingerprint(who), state, saves: false, share: 0 }
    }

    fn slot(entries: impl IntoIterator<Item = Entry>) -> Slot {
        Slot { bytes: entries.into_iter().flat_map(|entry| entry.encode()).collect() }
    }

    fn callers(slot: &Slot) -> Vec<u128> {
        slot.entries().map(|entry| entry.who.0).collect()
    }

    #[test]
    fn what_is_full_again_or_over_is_forgotten() {
        let mut slot = slot([entry(1, 0), entry(2, 100), used(3, 0), used(4, 100), saving(5, 9)]);
        slot.put(entry(6, 500), NOW.plus(JITTER)).unwrap();
        assert_eq!(callers(&slot), [2, 4, 5, 6]);
    }

    #[test]
    fn a_full_allowance_is_kept_while_other_workers_may_be_behind() {
        let mut slot = slot([entry(1, 0), used(2, 0)]);
        slot.put(entry(3, 500), NOW).unwrap();
        assert_eq!(callers(&slot), [1, 2, 3]);
    }

    #[test]
    fn the_last_place_is_taken_without_an_eviction() {
        let mut slot = slot((1..FULL).map(|who| saving(who, 1_000)));
        slot.put(entry(FULL, 100), NOW).unwrap();
        assert_eq!(callers(&slot), (1..=FULL).collect::<Vec<_>>());
    }

    #[test]
    fn whoever_was_full_for_longest_makes_room() {
        let mut slot = slot((1..=FULL).map(|who| saving(who, if who == 7 { 60 } else { 50 })));
        slot.put(entry(100, 100), NOW).unwrap();
        assert_eq!(slot.entries().len(), ENTRIES_MAX);
        assert_eq!(slot.state(Fingerprint(7)), None);
        assert_eq!(slot.state(Fingerprint(100)), Some(entry(100, 100).state));
    }

    #[test]
    fn whoever_has_used_anything_never_makes_room() {
        for full in [entry as fn(u128, u64) -> Entry, used] {
            let mut slot = slot((1..=FULL).map(|who| full(who, 1)));
            let before = slot.clone();
            assert_eq!(slot.put(entry(100, 1), NOW), Err(Crowded));
            assert_eq!(slot, before);
            // Those in it are still counted.
            slot.put(full(5, 150), NOW).unwrap();
            assert_eq!(slot.state(Fingerprint(5)), Some(full(5, 150).state));
        }
    }

    #[test]
    fn nobody_stays_longer_when_the_clock_is_set_back() {
        let day = Duration::from_hours(24);
        let mut slot = slot((1..=FULL).map(|who| entry(who, 101)));
        let now = NOW.minus(day);
        assert_eq!(slot.put(entry(100, 0), now), Err(Crowded));
        slot.put(entry(100, 1), now.plus(Duration::from_millis(111))).unwrap();
        assert_eq!(callers(&slot), [100]);
    }

    fn states() -> impl Strategy<Value = (State, bool)> {
        (any::<[u64; 3]>(), 0..3).prop_map(|([one, two, three], kind)| match kind {
            2 => {
                let ends_at = Timestamp::from_nanos(three);
                (State::Used(Used { tokens: one, granted: two, ends_at }), false)
            }
            kind => {
                let [full_at, drawn_at] = [one, two].map(Timestamp::from_nanos);
                (State::Level(Level { full_at, drawn_at }), kind == 1)
            }
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
            let slot = Slot::new(bytes.clone());
            prop_assert!(slot.entries().len() <= ENTRIES_MAX);
            prop_assert!(bytes.starts_with(slot.as_bytes()));
            for entry in slot.entries() {
                prop_assert_eq!(Entry::decode(&entry.encode()), entry);
            }
        }

        #[test]
        fn what_is_written_is_read(who: u128, (state, saves) in states()) {
            let entry = Entry { who: Fingerprint(who), state, saves, share: 0 };
            prop_assert_eq!(Entry::decode(&entry.encode()), entry);
        }

        /// Whatever is written for others, whoever has used something goes on
        /// having used it.
        #[test]
        fn callers_in_one_slot_share_nothing(
            others in prop::collection::vec((0u128..160, 0u64..200, any::<bool>()), 0..400),
        ) {
            let limited = [entry(u128::MAX, 101), used(u128::MAX - 1, 101)];
            let mut slot = slot(limited);
            for (who, missing, saves) in others {
                let _ = slot.put(Entry { saves, ..entry(who, missing) }, NOW);
                for limited in limited {
                    prop_assert_eq!(slot.state(limited.who), Some(limited.state));
                }
                prop_assert!(slot.entries().len() <= ENTRIES_MAX);
            }
        }
    }
}
