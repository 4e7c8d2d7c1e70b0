use std::collections::BTreeMap;

use crate::delta::flight::Sent;
use crate::{Kind, Resource, Snapshot};

/// What Envoy runs, as far as it accepted it, with the clusters that it names.
#[derive(Debug, Default)]
pub(super) struct Running(BTreeMap<String, Run>);

/// One resource that Envoy runs.
#[derive(Debug)]
struct Run {
    version: String,
    /// `None` for a version that was not met yet: it may name any.
    needs: Option<Vec<String>>,
}

impl Running {
    /// What Envoy itself says it runs.
    pub(super) fn claim(&mut self, name: String, version: String) {
        self.0.insert(name, Run { version, needs: None });
    }

    pub(super) fn accept(&mut self, sent: &Sent) {
        let run = Run { version: sent.named.version.clone(), needs: Some(sent.needs.clone()) };
        self.0.insert(sent.named.name.clone(), run);
    }

    /// Of what it refuses together, Envoy may run some.
    pub(super) fn suspect(&mut self, sent: &Sent) {
        let unknown = || Run { version: String::new(), needs: Some(Vec::new()) };
        let run = self.0.entry(sent.named.name.clone()).or_insert_with(unknown);
        run.needs.iter_mut().for_each(|needs| needs.extend_from_slice(&sent.needs));
    }

    /// Learns what the claimed versions need, where the snapshot knows them.
    pub(super) fn learn_all(&mut self, kind: Kind, snapshot: &Snapshot) {
        self.0.iter_mut().for_each(|(name, run)| run.learn(snapshot.get(kind, name)));
    }

    /// Learns what one of them needs.
    pub(super) fn learn(&mut self, kind: Kind, name: &str, snapshot: &Snapshot) {
        if let Some(run) = self.0.get_mut(name) {
            run.learn(snapshot.get(kind, name));
        }
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(super) fn forget_unless(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether something that runs names a cluster, or may do so.
    pub(super) fn may_need(&self, cluster: &str) -> bool {
        self.0
            .values()
            .any(|run| run.needs.as_ref().is_none_or(|needs| needs.iter().any(|n| n == cluster)))
    }
}

impl Run {
    fn learn(&mut self, known: Option<&Resource>) {
        if self.needs.is_none() {
            let same = known.filter(|known| known.version == self.version);
            self.needs = same.map(|known| known.needs.clone());
        }
    }
}
