use std::hash::Hash;

use lru::LruCache;

/// A memory of limited weight that forgets first what was not asked for longest.
#[derive(Debug)]
pub(crate) struct Recent<K: Eq + Hash, V> {
    entries: LruCache<K, Weighed<V>>,
    weight: usize,
    weight_max: usize,
}

#[derive(Debug)]
struct Weighed<V> {
    value: V,
    weight: usize,
}

// === impl Recent ===

impl<K: Eq + Hash, V> Recent<K, V> {
    pub(crate) fn new(weight_max: usize) -> Self {
        Self { entries: LruCache::unbounded(), weight: 0, weight_max }
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|weighed| &weighed.value)
    }

    /// What is heavier than all there may be is not taken in, and what stood in
    /// its place is gone as well.
    pub(crate) fn put(&mut self, key: K, value: V, weight: usize) {
        self.forget(&key);
        if self.weight_max < weight {
            return;
        }
        self.weight = self.weight.saturating_add(weight);
        self.entries.put(key, Weighed { value, weight });
        while self.weight_max < self.weight {
            let Some((_, oldest)) = self.entries.pop_lru() else { return };
            self.weight = self.weight.saturating_sub(oldest.weight);
        }
    }

    pub(crate) fn forget(&mut self, key: &K) {
        if let Some(old) = self.entries.pop(key) {
            self.weight = self.weight.saturating_sub(old.weight);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_asked_for_longest_ago_is_forgotten() {
        let mut recent = Recent::new(10);
        recent.put(1, "a", 5);
        recent.put(2, "b", 5);
        assert_eq!(recent.get(&1), Some(&"a"));
        recent.put(3, "c", 1);
        assert_eq!(recent.get(&2), None);
        assert_eq!(recent.get(&1), Some(&"a"));
        assert_eq!(recent.get(&3), Some(&"c"));
    }

    #[test]
    fn what_is_too_heavy_is_not_taken_in() {
        let mut recent = Recent::new(10);
        recent.put(1, "a", 10);
        recent.put(1, "b", 11);
        assert_eq!(recent.get(&1), None);
        assert_eq!(recent.weight(), 0);
    }

    proptest! {
        #[test]
        fn the_weight_is_that_of_what_is_there_and_bounded(
            puts in prop::collection::vec((0u8..20, 0usize..40, any::<bool>()), 1..200),
        ) {
            let mut recent = Recent::new(100);
            for (key, weight, is_put) in puts {
                if is_put { recent.put(key, weight, weight) } else { recent.forget(&key) }
                let kept: usize = recent.entries.iter().map(|(_, kept)| kept.value).sum();
                prop_assert_eq!(recent.weight(), kept);
                prop_assert!(kept <= 100);
            }
        }
    }
}
