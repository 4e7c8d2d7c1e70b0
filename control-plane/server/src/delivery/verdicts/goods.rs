//! The versions that Envoys run.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_xds::{Kind, Resource, Snapshot};

/// What is known to be good, at the cost of what changes in it.
#[derive(Debug, Default)]
pub(super) struct Goods {
    all: BTreeMap<(Kind, String), Good>,
    /// How many good versions name each cluster.
    needed: BTreeMap<String, usize>,
    /// Those that may no longer be of use.
    doubtful: BTreeSet<(Kind, String)>,
}

/// The versions of a resource that Envoys run, newest first.
#[derive(Debug)]
pub(super) struct Good {
    pub(super) newest: Resource,
    pub(super) before: Option<Resource>,
}

// === impl Good ===

impl Good {
    fn needs(&self) -> impl Iterator<Item = &String> {
        let resources = [Some(&self.newest), self.before.as_ref()];
        resources.into_iter().flatten().flat_map(|resource| &resource.needs)
    }

    /// What to give in the place of a version.
    pub(super) fn in_place_of(&self, version: &str) -> Option<&Resource> {
        if self.newest.version == version { self.before.as_ref() } else { Some(&self.newest) }
    }
}

// === impl Goods ===

impl Goods {
    pub(super) fn get(&self, kind: Kind, name: &str) -> Option<&Good> {
        self.all.get(&(kind, name.to_owned()))
    }

    /// Whether some Envoy runs this version.
    pub(super) fn has(&self, kind: Kind, name: &str, version: &str) -> bool {
        self.get(kind, name).is_some_and(|good| good.newest.version == version)
    }

    /// An Envoy runs this from now on. Whether it is still told is seen when it is pruned.
    pub(super) fn keep(&mut self, kind: Kind, name: &str, newest: Resource) {
        let before = self.take(kind, name).map(|good| good.newest);
        self.doubtful.insert((kind, name.to_owned()));
        self.put(kind, name.to_owned(), Good { newest, before });
    }

    /// All of this ran before.
    pub(super) fn know(&mut self, snapshot: &Snapshot) {
        for kind in Kind::ALL {
            for (name, newest) in snapshot.of(kind) {
                self.keep(kind, name, newest.clone());
            }
        }
    }

    /// Forgets what nobody is told any more, and no good version needs. `changed`:
    /// what may no longer be in the snapshot although it was in the one before.
    pub(super) fn prune<'a>(
        &mut self,
        snapshot: &Snapshot,
        changed: impl IntoIterator<Item = (Kind, &'a str)>,
    ) {
        let changed = changed.into_iter().map(|(kind, name)| (kind, name.to_owned()));
        self.doubtful.extend(changed);
        let doubtful = std::mem::take(&mut self.doubtful);
        // What needs others goes before them.
        for (kind, name) in doubtful.into_iter().rev() {
            if snapshot.get(kind, &name).is_some() {
                continue;
            }
            if is_backend(kind) && self.needed.contains_key(&name) {
                self.doubtful.insert((kind, name));
            } else {
                self.take(kind, &name);
            }
        }
    }

    fn put(&mut self, kind: Kind, name: String, good: Good) {
        for needed in good.needs() {
            let count = self.needed.entry(needed.clone()).or_default();
            *count = count.saturating_add(1);
        }
        self.all.insert((kind, name), good);
    }

    fn take(&mut self, kind: Kind, name: &str) -> Option<Good> {
        let good = self.all.remove(&(kind, name.to_owned()))?;
        for needed in good.needs() {
            match self.needed.get_mut(needed) {
                Some(count) if 1 < *count => *count = count.saturating_sub(1),
                _ => drop(self.needed.remove(needed)),
            }
        }
        Some(good)
    }
}

fn is_backend(kind: Kind) -> bool {
    matches!(kind, Kind::Cluster | Kind::Endpoints)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What happens: a version of routes with the cluster that they need is
    /// published, or none are, and an Envoy takes what is there.
    type Step = (u8, Option<(u8, u8)>, bool);

    fn resource(version: u8, needs: Option<u8>) -> Resource {
        let needs = needs.map(|cluster| format!("c{cluster}")).into_iter().collect();
        Resource { version: version.to_string(), needs, ..Resource::default() }
    }

    /// What is to be kept, told from all that is.
    fn expected(goods: &Goods, snapshot: &Snapshot) -> BTreeSet<(Kind, String)> {
        let needed: BTreeSet<&String> = goods.all.values().flat_map(Good::needs).collect();
        let keys = goods.all.keys().filter(|(kind, name)| {
            snapshot.get(*kind, name).is_some() || is_backend(*kind) && needed.contains(name)
        });
        keys.cloned().collect()
    }

    proptest! {
        #[test]
        fn what_is_kept_is_told_or_needed(
            steps in prop::collection::vec::<BoxedStrategy<Step>>(
                (0_u8..4, prop::option::of((0_u8..3, 0_u8..4)), any::<bool>()).boxed(), 1..40,
            ),
        ) {
            let (mut goods, mut snapshot) = (Goods::default(), Snapshot::default());
            for (name, published, is_taken) in steps {
                let (name, before) = (format!("r{name}"), snapshot.clone());
                if let Some(gone) = before.get(Kind::Routes, &name).and_then(|one| one.needs.first()) {
                    snapshot.remove(Kind::Cluster, gone);
                }
                match published {
                    Some((version, cluster)) => {
                        snapshot.insert(Kind::Cluster, format!("c{cluster}"), resource(1, None));
                        snapshot.insert(Kind::Routes, name, resource(version, Some(cluster)));
                    }
                    None => snapshot.remove(Kind::Routes, &name),
                }
                goods.prune(&snapshot, snapshot.changed_since(&before).unwrap_or_default());
                let kept: BTreeSet<_> = goods.all.keys().cloned().collect();
                prop_assert_eq!(&kept, &expected(&goods, &snapshot));
                if is_taken {
                    // A verdict may come when there is something newer.
                    let taken = if published.is_some() { &snapshot } else { &before };
                    for (name, one) in taken.of(Kind::Cluster) {
                        goods.keep(Kind::Cluster, name, one.clone());
                    }
                    for (name, one) in taken.of(Kind::Routes) {
                        goods.keep(Kind::Routes, name, one.clone());
                    }
                }
            }
        }
    }
}
