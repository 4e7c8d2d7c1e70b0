use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::num::NonZeroUsize;

use lru::LruCache;
use tollgate_core::{Fingerprint, Prehashed};

/// What was found out about a token, as a token of one issuer.
///
/// What a token is worth to one issuer says nothing about another, so the
/// issuer is part of the key rather than of the value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Slot {
    /// The fingerprint of the token, as bytes: as a number it would take up
    /// room for its alignment.
    token: [u8; 16],
    issuer: u32,
}

/// What can be remembered.
pub(crate) trait Remembered {
    /// How many bytes it takes.
    fn bytes(&self) -> usize;
}

/// A bounded memory that forgets first what was not asked for longest.
pub(crate) struct Recent<V> {
    entries: LruCache<Slot, V, BuildHasherDefault<Prehashed>>,
    entries_max: NonZeroUsize,
    bytes: usize,
    bytes_max: usize,
}

// === impl Slot ===

impl Slot {
    pub(crate) fn new(token: Fingerprint, issuer: usize) -> Self {
        let token = token.0.to_le_bytes();
        Self { token, issuer: u32::try_from(issuer).unwrap_or(u32::MAX) }
    }

    fn is_of(self, issuer: usize) -> bool {
        usize::try_from(self.issuer) == Ok(issuer)
    }

    /// A number that is not the same for many.
    pub(crate) fn spread(self) -> u64 {
        self.token.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

impl Hash for Slot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.token);
        state.write(&u64::from(self.issuer).to_le_bytes());
    }
}

// === impl Recent ===

impl<V: Remembered> Recent<V> {
    /// Allocates as it fills up: most workers never see that many callers.
    pub(crate) fn new(entries_max: NonZeroUsize, bytes_max: usize) -> Self {
        let entries = LruCache::unbounded_with_hasher(BuildHasherDefault::default());
        Self { entries, entries_max, bytes: 0, bytes_max }
    }

    pub(crate) fn get(&mut self, slot: Slot) -> Option<&V> {
        self.entries.get(&slot)
    }

    /// As [`Recent::get`], without being a reason to remember it.
    pub(crate) fn peek(&self, slot: Slot) -> Option<&V> {
        self.entries.peek(&slot)
    }

    pub(crate) fn put(&mut self, slot: Slot, value: V) {
        self.bytes = self.bytes.saturating_add(value.bytes());
        if let Some(before) = self.entries.put(slot, value) {
            self.bytes = self.bytes.saturating_sub(before.bytes());
        }
        while self.entries_max.get() < self.entries.len() || self.bytes_max < self.bytes {
            let Some((_, oldest)) = self.entries.pop_lru() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.bytes());
        }
    }

    /// Forgets all that was found out about tokens of one issuer.
    pub(crate) fn forget_issuer(&mut self, issuer: usize) {
        let slots: Vec<Slot> = self.entries.iter().map(|(slot, _)| *slot).collect();
        for slot in slots.into_iter().filter(|slot| slot.is_of(issuer)) {
            self.forget(slot);
        }
    }

    pub(crate) fn forget(&mut self, slot: Slot) {
        if let Some(value) = self.entries.pop(&slot) {
            self.bytes = self.bytes.saturating_sub(value.bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Remembered for &'static str {
        fn bytes(&self) -> usize {
            self.len()
        }
    }

    fn slot(token: u128, issuer: usize) -> Slot {
        Slot::new(Fingerprint(token), issuer)
    }

    fn recent(entries: usize, bytes: usize) -> Recent<&'static str> {
        Recent::new(NonZeroUsize::new(entries).unwrap(), bytes)
    }

    #[test]
    fn what_was_asked_for_longest_ago_is_forgotten() {
        let mut recent = recent(2, 9);
        recent.put(slot(1, 0), "a");
        recent.put(slot(2, 0), "b");
        assert_eq!(recent.get(slot(1, 0)), Some(&"a"));
        recent.put(slot(3, 0), "c");
        assert_eq!(recent.get(slot(2, 0)), None);
        assert_eq!(recent.get(slot(1, 0)), Some(&"a"));
        assert_eq!(recent.get(slot(3, 0)), Some(&"c"));
        recent.forget(slot(3, 0));
        assert_eq!(recent.get(slot(3, 0)), None);
    }

    #[test]
    fn as_much_is_forgotten_as_something_new_takes() {
        let mut recent = recent(9, 6);
        for (token, value) in [(1, "aa"), (2, "bb"), (3, "cc")] {
            recent.put(slot(token, 0), value);
        }
        assert_eq!(recent.bytes, 6);
        recent.put(slot(4, 0), "ddd");
        assert_eq!(
            [1, 2, 3, 4].map(|token| recent.get(slot(token, 0)).is_some()),
            [false, false, true, true]
        );
        // In place of what it was.
        recent.put(slot(4, 0), "d");
        recent.forget(slot(3, 0));
        assert_eq!(recent.bytes, 1);
        recent.put(slot(5, 0), "too long");
        assert_eq!((recent.bytes, recent.entries.len()), (0, 0));
    }

    #[test]
    fn tokens_of_an_issuer_are_forgotten_together() {
        let mut recent = recent(9, 9);
        for (token, issuer) in [(1, 0), (2, 0), (1, 1)] {
            recent.put(slot(token, issuer), "a");
        }
        recent.forget_issuer(0);
        let left = [(1, 0), (2, 0), (1, 1)]
            .map(|(token, issuer)| recent.get(slot(token, issuer)).is_some());
        assert_eq!((left, recent.bytes), ([false, false, true], 1));
    }

    #[test]
    fn tokens_and_issuers_are_apart() {
        let mut recent = recent(9, 9);
        recent.put(slot(1, 0), "a");
        assert_eq!(recent.get(slot(1, 1)), None);
        assert_eq!(recent.get(slot(0, 1)), None);
        assert_eq!(recent.get(slot(1 << 64, 0)), None);
        assert_eq!(recent.get(slot(1 | 1 << 64, 0)), None);
    }
}
