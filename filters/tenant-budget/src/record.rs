//! What workers have under way, as the bytes that stand in shared data.

use tollgate_core::Fingerprint;

use crate::lately::{Lately, Second};

/// What one worker has under way of one thing: of a tenant's budget by backend, or
/// of a backend by tenant.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Record {
    /// What is counted.
    pub(crate) what: Mark,
    /// By what it is told apart.
    pub(crate) part: Mark,
    /// The worker that has them.
    pub(crate) owner: u32,
    /// How many.
    pub(crate) count: u32,
    /// What a tenant's share goes by.
    pub(crate) weight: u32,
    /// How many it had and wanted a moment ago.
    pub(crate) lately: Lately,
}

/// Half of a fingerprint: who shares one with another shares a budget. Of 100,000
/// that do not know the seed, two do once in two thousand million Envoys.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Mark(u64);

/// The records of the few things whose marks hash to one place in shared data.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Slot {
    /// Invariant: whole records, [`RECORDS_MAX`] at most.
    bytes: Vec<u8>,
}

/// There is no room for another record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Crowded;

/// More than a backend has tenants with requests in flight, all workers together.
pub(crate) const RECORDS_MAX: usize = 4096;

/// Two marks, seven numbers of four bytes and one of eight, each little-endian.
const RECORD_BYTES: usize = 52;

type Bytes = [u8; RECORD_BYTES];

// === impl Mark ===

impl Mark {
    /// What no tenant and no backend has.
    pub(crate) const NONE: Self = Self(0);

    /// The slot it belongs to, of so many.
    pub(crate) fn slot(self, slots: u32) -> u32 {
        let number = self.0.checked_rem(u64::from(slots)).unwrap_or_default();
        u32::try_from(number).unwrap_or_default()
    }
}

impl From<Fingerprint> for Mark {
    fn from(Fingerprint(whole): Fingerprint) -> Self {
        let half = whole & u128::from(u64::MAX);
        Self(u64::try_from(half).unwrap_or_default().max(1))
    }
}

// === impl Slot ===

impl Slot {
    /// Reads a slot. Any bytes make one, of workers that may never have been.
    pub(crate) fn new(mut bytes: Vec<u8>) -> Self {
        let records = bytes.chunks_exact(RECORD_BYTES).len().min(RECORDS_MAX);
        bytes.truncate(records.saturating_mul(RECORD_BYTES));
        Self { bytes }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The records of one thing.
    pub(crate) fn of(&self, what: Mark) -> impl Iterator<Item = Record> {
        let what = what.0.to_le_bytes();
        let all: &[Bytes] = self.bytes.as_chunks().0;
        all.iter().filter(move |bytes| bytes.starts_with(&what)).map(Record::decode)
    }

    /// Drops the records of all owners but some.
    pub(crate) fn keep(&mut self, is_kept: impl Fn(&Record) -> bool) {
        let all: &[Bytes] = self.bytes.as_chunks().0;
        if all.iter().all(|bytes| is_kept(&Record::decode(bytes))) {
            return;
        }
        let kept = all.iter().filter(|bytes| is_kept(&Record::decode(bytes)));
        self.bytes = kept.flatten().copied().collect();
    }

    /// Puts a record in the place of the one about the same; takes that out if the
    /// new one says nothing.
    pub(crate) fn put(&mut self, record: &Record) -> Result<(), Crowded> {
        let same = |bytes: &Bytes| Record::decode(bytes).is_about_what(record);
        let says_nothing = record.count == 0 && record.lately == Lately::default();
        let all: &mut [Bytes] = self.bytes.as_chunks_mut().0;
        let is_full = RECORDS_MAX <= all.len();
        match all.iter_mut().find(|bytes| same(bytes)) {
            Some(_) if says_nothing => self.keep(|one| !one.is_about_what(record)),
            Some(place) => *place = record.encode(),
            None if says_nothing => {}
            None if is_full => return Err(Crowded),
            None => self.bytes.extend_from_slice(&record.encode()),
        }
        Ok(())
    }
}

// === impl Record ===

impl Record {
    fn is_about_what(&self, other: &Self) -> bool {
        (self.what, self.part, self.owner) == (other.what, other.part, other.owner)
    }

    fn decode(bytes: &Bytes) -> Self {
        let mut words = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
        let mut next = || words.next().unwrap_or_default();
        let mut long = || u64::from(next()) | (u64::from(next()) << 32);
        let (what, part) = (Mark(long()), Mark(long()));
        let [owner, count, weight] = [next(), next(), next()];
        let mut second = || Second { refused: next(), peak: next() };
        let (now, before) = (second(), second());
        let since_nanos = u64::from(next()) | (u64::from(next()) << 32);
        let lately = Lately { since_nanos, now, before };
        Self { what, part, owner, count, weight, lately }
    }

    fn encode(&self) -> Bytes {
        let Self { what, part, owner, count, weight, lately } = self;
        let Lately { since_nanos, now, before } = lately;
        let longs = [what.0, part.0].into_iter().flat_map(u64::to_le_bytes);
        let seconds = [now.refused, now.peak, before.refused, before.peak];
        let words = [*owner, *count, *weight].into_iter().chain(seconds);
        let words = words.flat_map(u32::to_le_bytes);
        let mut bytes = [0; RECORD_BYTES];
        let all = longs.chain(words).chain(since_nanos.to_le_bytes());
        bytes.iter_mut().zip(all).for_each(|(place, byte)| *place = byte);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record((what, part, owner, count): (u64, u64, u32, u32)) -> Record {
        let (what, part) = (Mark(what), Mark(part));
        Record { what, part, owner, count, weight: 1, lately: Lately::default() }
    }

    #[test]
    fn a_full_slot_takes_no_more_and_keeps_what_it_has() {
        let mut slot = Slot::default();
        for owner in 0..4096 {
            slot.put(&record((1, 1, owner, 1))).unwrap();
        }
        assert_eq!(slot.put(&record((1, 2, 0, 1))), Err(Crowded));
        slot.put(&record((1, 1, 7, 9))).unwrap();
        assert_eq!(slot.of(Mark(1)).map(|one| u64::from(one.count)).sum::<u64>(), 4096 + 8);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let slot = Slot::new(bytes.clone());
            prop_assert!(bytes.starts_with(&slot.bytes));
            for bytes in slot.bytes.as_chunks().0 {
                prop_assert_eq!(&Record::decode(bytes).encode(), bytes);
            }
        }

        #[test]
        fn the_last_word_of_each_worker_counts(
            puts in prop::collection::vec((0u64..2, 0u64..3, 0u32..3, 0u32..4), 0..60),
        ) {
            let mut slot = Slot::default();
            let mut expected = std::collections::BTreeMap::new();
            for put in puts {
                slot.put(&record(put)).unwrap();
                let (what, part, owner, count) = put;
                expected.insert((what, part, owner), count);
            }
            for what in 0..2 {
                let found = slot.of(Mark(what)).map(|one| ((what, one.part.0, one.owner), one.count));
                let mine = expected.iter().filter(|((w, ..), count)| *w == what && 0 < **count);
                let mine = mine.map(|(key, count)| (*key, *count));
                let sorted = |all: Vec<((u64, u64, u32), u32)>| {
                    let mut all = all;
                    all.sort_unstable();
                    all
                };
                prop_assert_eq!(sorted(found.collect()), sorted(mine.collect()));
            }
        }
    }
}
