use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::num::NonZeroUsize;

use lru::LruCache;
use tollgate_core::Fingerprint;

use crate::hasher::Prehashed;

/// What was found out about a token, as a token of one issuer.
///
/// What a token is worth to one issuer says nothing about another, so the
/// issuer is part of the key rather than of the value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Slot {
    pub(crate) token: Fingerprint,
    pub(crate) issuer: usize,
}

/// A bounded memory that forgets first what was not asked for longest.
pub(crate) struct Recent<V> {
    entries: LruCache<Slot, V, BuildHasherDefault<Prehashed>>,
    capacity: NonZeroUsize,
}

// === impl Slot ===

impl Hash for Slot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.token.0.to_le_bytes());
        state.write(&u64::try_from(self.issuer).unwrap_or(u64::MAX).to_le_bytes());
    }
}

// === impl Recent ===

impl<V> Recent<V> {
    /// Allocates as it fills up: most workers never see that many callers.
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        Self { entries: LruCache::unbounded_with_hasher(BuildHasherDefault::default()), capacity }
    }

    pub(crate) fn get(&mut self, slot: Slot) -> Option<&V> {
        self.entries.get(&slot)
    }

    pub(crate) fn put(&mut self, slot: Slot, value: V) {
        self.entries.put(slot, value);
        if self.capacity.get() < self.entries.len() {
            self.entries.pop_lru();
        }
    }

    pub(crate) fn forget(&mut self, slot: Slot) {
        self.entries.pop(&slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(token: u128, issuer: usize) -> Slot {
        Slot { token: Fingerprint(token), issuer }
    }

    #[test]
    fn what_was_asked_for_longest_ago_is_forgotten() {
        let mut recent = Recent::new(NonZeroUsize::new(2).unwrap());
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
    fn issuers_are_apart() {
        let mut recent = Recent::new(NonZeroUsize::new(9).unwrap());
        recent.put(slot(1, 0), "a");
        assert_eq!(recent.get(slot(1, 1)), None);
    }
}
