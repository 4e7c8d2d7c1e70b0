use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;
use tollgate_xds::{Kind, Snapshot};

/// What every Envoy is to run, from a moment on.
#[derive(Debug)]
pub(crate) struct Revision {
    /// Counts from 1 since this process began.
    pub(crate) number: u64,
    pub(crate) published: Instant,
    pub(crate) snapshot: Arc<Snapshot>,
}

/// How many resources two snapshots differ in.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Changes {
    pub(crate) added: usize,
    pub(crate) changed: usize,
    pub(crate) removed: usize,
}

// === impl Revision ===

impl Revision {
    /// Published now.
    pub(crate) fn new(number: u64, snapshot: Snapshot) -> Self {
        Self { number, published: Instant::now(), snapshot: Arc::new(snapshot) }
    }
}

// === impl Changes ===

impl Changes {
    pub(crate) fn between(old: &Snapshot, new: &Snapshot) -> Self {
        let mut changes = Self::default();
        for (kind, name) in differing(old, new) {
            let count = match (old.get(kind, name), new.get(kind, name)) {
                (Some(before), Some(after)) if before.says_as(after) => continue,
                (Some(_), Some(_)) => &mut changes.changed,
                (None, Some(_)) => &mut changes.added,
                (Some(_), None) => &mut changes.removed,
                (None, None) => continue,
            };
            *count = count.saturating_add(1);
        }
        changes
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What may differ between two snapshots, by kind and name.
pub(crate) fn differing<'s>(old: &'s Snapshot, new: &'s Snapshot) -> BTreeSet<(Kind, &'s str)> {
    new.changed_since(old).unwrap_or_else(|| everything(old, new))
}

fn everything<'s>(old: &'s Snapshot, new: &'s Snapshot) -> BTreeSet<(Kind, &'s str)> {
    let of = |kind| {
        let names = old.of(kind).chain(new.of(kind)).map(|(name, _)| name);
        names.map(move |name| (kind, name.as_str()))
    };
    Kind::ALL.into_iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use tollgate_xds::Resource;

    use super::*;

    fn snapshot(clusters: &[(&str, &str)]) -> Snapshot {
        let clusters = clusters.iter().map(|(name, version)| {
            let resource = Resource { version: (*version).to_owned(), ..Resource::default() };
            (Kind::Cluster, (*name).to_owned(), resource)
        });
        clusters.collect()
    }

    #[test]
    fn changes_are_counted_by_version() {
        let old = snapshot(&[("same", "1"), ("changed", "1"), ("removed", "1")]);
        let new = snapshot(&[("same", "1"), ("changed", "2"), ("added", "1"), ("also", "1")]);
        assert_eq!(Changes::between(&old, &new), Changes { added: 2, changed: 1, removed: 1 });
        assert!(Changes::between(&old, &old).is_empty());
    }
}
