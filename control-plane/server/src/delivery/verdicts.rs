//! Which versions are good and which are held back.

mod goods;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tollgate_core::Timestamp;
use tollgate_xds::delta::{Event, Named};
use tollgate_xds::{Kind, Resource, Snapshot};

use self::goods::Goods;
use crate::delivery::status::Held;
use crate::node::Node;

/// What became of resources, whoever was told of them.
///
/// A version that an Envoy refused and that none has taken is given to nobody
/// else. One that some refuse and some take, as where a port is taken on one
/// machine, is kept from those that refused it. In its place goes the last
/// version that an Envoy took; where none ever did there is nothing to protect,
/// and it is offered as it is.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    good: Goods,
    refused: BTreeMap<Kind, BTreeMap<String, Refusal>>,
}

/// The newest refused version of a resource.
#[derive(Debug)]
struct Refusal {
    version: String,
    origin: String,
    nodes: BTreeSet<String>,
    reason: String,
    since: Timestamp,
}

/// Enough names of those who all refuse the same.
const NODES_MAX: usize = 10_000;

// === impl Verdicts ===

impl Verdicts {
    /// Takes a verdict. True if other things are to be held back than before.
    pub(super) fn heard(
        &mut self,
        event: &Event,
        node: &str,
        snapshots: &[&Snapshot],
        now: Timestamp,
    ) -> bool {
        match event {
            Event::Acked { kind, resources, .. } => {
                let mut changed = false;
                for one in resources {
                    changed |= self.accept(*kind, one, node, snapshots);
                }
                changed
            }
            Event::Refused { kind, message, resource: Some(resource) } => {
                self.refuse(*kind, resource, node, message, now)
            }
            _ => false,
        }
    }

    fn accept(&mut self, kind: Kind, one: &Named, node: &str, snapshots: &[&Snapshot]) -> bool {
        let Named { name, version, .. } = one;
        let is_news = self.keep(kind, one, snapshots);
        let Some(all) = self.refused.get_mut(&kind) else { return false };
        let Some(refusal) = all.get_mut(name).filter(|refusal| refusal.version == *version) else {
            return false;
        };
        let refused_before = refusal.nodes.remove(node);
        if refusal.nodes.is_empty() {
            all.remove(name);
        }
        is_news || refused_before
    }

    /// Keeps what an Envoy runs. True if it was not known to be good.
    fn keep(&mut self, kind: Kind, one: &Named, snapshots: &[&Snapshot]) -> bool {
        let Named { name, version, .. } = one;
        if self.good.has(kind, name, version) {
            return false;
        }
        let resource = snapshots.iter().find_map(|snapshot| {
            snapshot.get(kind, name).filter(|resource| resource.version == *version)
        });
        let Some(newest) = resource.cloned() else { return false };
        self.good.keep(kind, name, newest);
        true
    }

    pub(super) fn refuse(
        &mut self,
        kind: Kind,
        resource: &Named,
        node: &str,
        reason: &str,
        now: Timestamp,
    ) -> bool {
        let Named { name, version, origin } = resource;
        let all = self.refused.entry(kind).or_default();
        let known = all.remove(name).filter(|refusal| refusal.version == *version);
        let mut refusal = known.unwrap_or_else(|| Refusal {
            version: version.clone(),
            origin: origin.clone(),
            nodes: BTreeSet::new(),
            reason: reason.to_owned(),
            since: now,
        });
        let is_new = refusal.nodes.len() < NODES_MAX && refusal.nodes.insert(node.to_owned());
        all.insert(name.clone(), refusal);
        is_new
    }

    /// What a node is to be told of a snapshot that its group sees; any, without one.
    /// What it was offered already is left as it is: it has taken it, or it keeps
    /// what it had.
    pub(super) fn served(
        &self,
        snapshot: &Arc<Snapshot>,
        node: Option<&Node>,
        was_offered: impl Fn(Kind, &str, &str) -> bool,
    ) -> Arc<Snapshot> {
        let is_seen = |one: &Resource| node.is_none_or(|node| one.envoys.have(&node.group));
        let id = node.map_or("", |node| &node.id);
        let replaced: Vec<_> = self
            .refusals()
            .filter(|(kind, name, refusal)| {
                let served = snapshot.get(*kind, name);
                served.is_some_and(|served| served.version == refusal.version)
                    && self.is_held(*kind, name, refusal, id)
                    && !was_offered(*kind, name, &refusal.version)
            })
            .filter_map(|(kind, name, refusal)| {
                let good = self.in_place_of(kind, name, &refusal.version)?;
                is_seen(good).then_some((kind, name, good))
            })
            .collect();
        if replaced.is_empty() {
            return Arc::clone(snapshot);
        }
        let mut served = Snapshot::clone(snapshot);
        for (kind, name, resource) in replaced {
            self.replace(&mut served, (kind, name, resource), is_seen);
        }
        Arc::new(served)
    }

    /// What is gone from the snapshot may be what the older version names.
    fn replace(
        &self,
        snapshot: &mut Snapshot,
        (kind, name, resource): (Kind, &str, &Resource),
        is_seen: impl Fn(&Resource) -> bool,
    ) {
        for needed in &resource.needs {
            for kind in [Kind::Cluster, Kind::Endpoints] {
                if let Some(good) = self.good.get(kind, needed)
                    && snapshot.get(kind, needed).is_none()
                    && is_seen(&good.newest)
                {
                    snapshot.insert(kind, needed.clone(), good.newest.clone());
                }
            }
        }
        snapshot.insert(kind, name.to_owned(), resource.clone());
    }

    /// All of this ran before.
    pub(super) fn know(&mut self, snapshot: &Snapshot) {
        self.good.know(snapshot);
    }

    fn is_held(&self, kind: Kind, name: &str, refusal: &Refusal, node: &str) -> bool {
        refusal.nodes.contains(node) || !self.good.has(kind, name, &refusal.version)
    }

    fn in_place_of(&self, kind: Kind, name: &str, version: &str) -> Option<&Resource> {
        self.good.get(kind, name)?.in_place_of(version)
    }

    fn refusals(&self) -> impl Iterator<Item = (Kind, &String, &Refusal)> {
        self.refused.iter().flat_map(|(kind, all)| of_kind(*kind, all))
    }

    /// What is held back from everybody.
    pub(super) fn held(&self) -> Vec<Held> {
        let held = self
            .refusals()
            .filter(|(kind, name, refusal)| !self.good.has(*kind, name, &refusal.version));
        let held = held.map(|(kind, name, refusal)| Held {
            kind,
            name: name.clone(),
            version: refusal.version.clone(),
            origin: refusal.origin.clone(),
            nodes: refusal.nodes.iter().cloned().collect(),
            reason: refusal.reason.clone(),
            serving: self.in_place_of(kind, name, &refusal.version).map(|r| r.version.clone()),
            since: refusal.since,
        });
        held.collect()
    }

    /// Forgets what nobody is told any more, and what no good version needs. `changed`:
    /// in what the snapshot differs from the one before.
    pub(super) fn prune<'a>(
        &mut self,
        snapshot: &Snapshot,
        changed: impl IntoIterator<Item = (Kind, &'a str)>,
    ) {
        for (kind, all) in &mut self.refused {
            all.retain(|name, refusal| {
                snapshot.get(*kind, name).is_some_and(|now| now.version == refusal.version)
            });
        }
        self.good.prune(snapshot, changed);
    }
}

fn of_kind(
    kind: Kind,
    all: &BTreeMap<String, Refusal>,
) -> impl Iterator<Item = (Kind, &String, &Refusal)> {
    all.iter().map(move |(name, refusal)| (kind, name, refusal))
}

#[cfg(test)]
mod tests;
