use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::num::NonZeroU64;

use crate::name::Mark;

/// Who is refused although the credential looks good.
///
/// Holds [`DENIALS_MAX`] denials, 16 bytes each. When there are more it refuses
/// what it cannot tell: everything that was issued before that moment, and what
/// does not say when it was issued, API keys among them.
#[derive(Clone, Debug, Default)]
pub struct Denylist {
    denials: HashMap<NonZeroU64, Denial, BuildHasherDefault<Premixed>>,
    /// When, in seconds, a denial found no room.
    full_since: Option<u32>,
}

/// How many denials a worker holds.
pub const DENIALS_MAX: usize = 100_000;

/// A denial in the form in which it is kept and shared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Record {
    pub(crate) mark: Mark,
    pub(crate) denial: Denial,
}

/// Which credentials of whoever is meant are refused. In seconds since the
/// epoch, which will do until 2106.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Denial {
    /// Those that were issued then or before; the far future is all of them.
    pub(crate) issued_until: u32,
    /// When it may be forgotten; the far future is never, and 0 is at once.
    pub(crate) until: u32,
}

/// Bytes of a record.
pub(crate) const RECORD_BYTES: usize = 16;

/// Takes marks as they are: they are hashes under a secret.
#[derive(Default)]
pub(crate) struct Premixed(u64);

// === impl Denylist ===

impl Denylist {
    /// Whether a credential of that mark is refused at `now`; both times in
    /// seconds, and 0 for a credential that does not say when it was issued.
    pub fn denies(&self, mark: Mark, issued_at: u32, now: u64) -> bool {
        let denial = self.denials.get(&mark.0);
        denial.is_some_and(|denial| denial.counts(now) && issued_at <= denial.issued_until)
    }

    /// Whether a credential is refused because nobody can tell.
    pub fn is_in_doubt(&self, issued_at: u32) -> bool {
        self.full_since.is_some_and(|since| issued_at <= since)
    }

    /// Whether nobody is refused.
    pub fn is_empty(&self) -> bool {
        self.denials.is_empty() && self.full_since.is_none()
    }

    /// How many denials there are.
    pub fn len(&self) -> usize {
        self.denials.len()
    }

    /// Whether there have been more denials than there is room for, and there
    /// would be room for them again.
    pub(crate) fn could_be_whole(&self, now: u64) -> bool {
        let counting = || self.denials.values().filter(|denial| denial.counts(now)).count();
        self.full_since.is_some() && counting() < DENIALS_MAX / 10 * 9
    }

    /// Since when there have been more denials than there is room for; 0 for never.
    pub(crate) fn full_since(&self) -> u64 {
        self.full_since.map_or(0, u64::from)
    }

    pub(crate) fn set_full_since(&mut self, since: u64) {
        self.full_since = (since != 0).then(|| seconds(since));
    }

    pub(crate) fn take(&mut self, record: Record, now: u64) {
        let Record { mark, denial } = record;
        if !denial.counts(now) {
            self.denials.remove(&mark.0);
            return;
        }
        if DENIALS_MAX <= self.denials.len() && !self.denials.contains_key(&mark.0) {
            self.denials.retain(|_, denial| denial.counts(now));
        }
        if DENIALS_MAX <= self.denials.len() && !self.denials.contains_key(&mark.0) {
            self.full_since = Some(seconds(now).max(self.full_since.unwrap_or(0)));
            return;
        }
        self.denials.insert(mark.0, denial);
    }

    /// All that counts, in no order.
    pub(crate) fn records(&self, now: u64) -> Vec<Record> {
        let counting = self.denials.iter().filter(|(_, denial)| denial.counts(now));
        counting.map(|(mark, denial)| Record { mark: Mark(*mark), denial: *denial }).collect()
    }
}

/// As many seconds as a denial can say.
pub(crate) fn seconds(seconds: u64) -> u32 {
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

// === impl Denial ===

impl Denial {
    fn counts(self, now: u64) -> bool {
        self.until == u32::MAX || now < u64::from(self.until)
    }
}

// === impl Record ===

impl Record {
    pub(crate) fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let Self { mark, denial: Denial { issued_until, until } } = self;
        let number =
            u128::from(mark.0.get()) | u128::from(issued_until) << 64 | u128::from(until) << 96;
        number.to_le_bytes()
    }

    /// None for bytes that no mark has.
    pub(crate) fn from_bytes(bytes: [u8; RECORD_BYTES]) -> Option<Self> {
        let ([mark, _], [_, _, issued_until, until]) =
            (bytes.as_chunks::<8>().0, bytes.as_chunks::<4>().0)
        else {
            return None;
        };
        let mark = Mark(NonZeroU64::new(u64::from_le_bytes(*mark))?);
        let (issued_until, until) = (u32::from_le_bytes(*issued_until), u32::from_le_bytes(*until));
        Some(Self { mark, denial: Denial { issued_until, until } })
    }
}

// === impl Premixed ===

impl Hasher for Premixed {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 ^= number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000;

    fn record(mark: u64, issued_until: u32, until: u32) -> Record {
        let mark = Mark(NonZeroU64::new(mark).unwrap());
        Record { mark, denial: Denial { issued_until, until } }
    }

    fn denies(list: &Denylist, mark: u64, issued_at: u32, now: u64) -> bool {
        list.denies(record(mark, 0, 0).mark, issued_at, now)
    }

    #[test]
    fn records_survive_the_way() {
        for record in [record(1, 2, 3), record(u64::MAX, u32::MAX, 0)] {
            assert_eq!(Record::from_bytes(record.to_bytes()), Some(record));
        }
        assert_eq!(Record::from_bytes([0; RECORD_BYTES]), None);
    }

    #[test]
    fn what_is_denied_ends_when_it_says() {
        let mut list = Denylist::default();
        assert!(list.is_empty() && !denies(&list, 1, 0, NOW));
        list.take(record(1, u32::MAX, 1_001), NOW);
        list.take(record(2, 500, u32::MAX), NOW);
        assert!(denies(&list, 1, 7, NOW) && !denies(&list, 1, 7, NOW + 1));
        assert!(denies(&list, 2, 500, NOW) && !denies(&list, 2, 501, NOW));
        assert!(denies(&list, 2, 0, u64::MAX), "one that does not say when it was issued");
        list.take(record(2, u32::MAX, 0), NOW);
        assert!(!denies(&list, 2, 500, NOW), "taken back");
    }

    #[test]
    fn a_full_list_refuses_what_it_cannot_tell() {
        let mut list = Denylist::default();
        for mark in 1..=100_000 {
            list.take(record(mark, u32::MAX, 2_000), NOW);
        }
        list.take(record(7, 3, u32::MAX), NOW);
        assert!(!list.is_in_doubt(0) && list.len() == DENIALS_MAX, "one that was there");
        list.take(record(200_000, u32::MAX, 2_000), NOW);
        assert!(list.is_in_doubt(0) && list.is_in_doubt(1_000) && !list.is_in_doubt(1_001));
        assert!(!list.could_be_whole(NOW) && list.could_be_whole(2_000));
        // The others make room when they have ended.
        list.take(record(300_000, u32::MAX, u32::MAX), 2_000);
        assert!(denies(&list, 300_000, 5, 2_000) && list.len() == 2);
    }
}
