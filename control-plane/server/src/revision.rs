use std::sync::Arc;

use tokio::time::Instant;
use tollgate_xds::{Kind, Resource, Snapshot};

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
        for (kind, name, resource) in everything(new) {
            match old.get(kind, name) {
                None => changes.added = changes.added.saturating_add(1),
                Some(before) if before.version == resource.version => {}
                Some(_) => changes.changed = changes.changed.saturating_add(1),
            }
        }
        changes.removed =
            everything(old).filter(|(kind, name, _)| new.get(*kind, name).is_none()).count();
        changes
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn everything(snapshot: &Snapshot) -> impl Iterator<Item = (Kind, &String, &Resource)> {
    let of = |kind| snapshot.of(kind).map(move |(name, resource)| (kind, name, resource));
    Kind::ALL.into_iter().flat_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(clusters: &[(&str, &str)]) -> Snapshot {
        let clusters = clusters.iter().map(|(name, version)| {
            let resource = Resource {
                version: (*version).to_owned(),
                body: Vec::new().into(),
                needs: Vec::new(),
                origin: String::new(),
            };
            ((*name).to_owned(), resource)
        });
        Snapshot { resources: [(Kind::Cluster, clusters.collect())].into() }
    }

    #[test]
    fn changes_are_counted_by_version() {
        let old = snapshot(&[("same", "1"), ("changed", "1"), ("removed", "1")]);
        let new = snapshot(&[("same", "1"), ("changed", "2"), ("added", "1"), ("also", "1")]);
        assert_eq!(Changes::between(&old, &new), Changes { added: 2, changed: 1, removed: 1 });
        assert!(Changes::between(&old, &old).is_empty());
    }
}
