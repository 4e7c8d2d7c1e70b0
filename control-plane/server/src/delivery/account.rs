use std::collections::BTreeMap;

use tollgate_core::Timestamp;
use tollgate_xds::delta::{Event, Named, Response};
use tollgate_xds::{Kind, Snapshot};

use crate::address::Address;
use crate::delivery::status::{EnvoyStatus, Pending, Refused};
use crate::node::Node;

/// What one Envoy was told and what it said.
///
/// What it took is kept as a version by name, and only what is out of the
/// ordinary as more than that: an Envoy takes a hundred thousand resources and
/// refuses one.
pub(super) struct Account {
    node: Node,
    peer: Address,
    connected: Timestamp,
    pub(super) live: Option<u64>,
    acked: ByName<String>,
    pending: ByName<Pending>,
    refused: ByName<Refused>,
}

/// By kind and name.
type ByName<T> = BTreeMap<Kind, BTreeMap<String, T>>;

// === impl Account ===

impl Account {
    pub(super) fn new(node: Node, peer: Address, connected: Timestamp) -> Self {
        Self {
            node,
            peer,
            connected,
            live: None,
            acked: BTreeMap::new(),
            pending: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    pub(super) fn sent(
        &mut self,
        kind: Kind,
        response: &Response,
        snapshot: &Snapshot,
        now: Timestamp,
    ) {
        let pending = self.pending.entry(kind).or_default();
        for entry in &response.resources {
            let resource = snapshot.get(kind, &entry.name);
            let origin = resource.map(|resource| resource.origin.clone()).unwrap_or_default();
            let (name, version) = (entry.name.clone(), entry.version.clone());
            let one = Pending { kind, name: name.clone(), version, origin, since: now };
            pending.insert(name, one);
        }
    }

    pub(super) fn heard(&mut self, event: &Event, now: Timestamp) {
        match event {
            Event::Acked { kind, resources, removed } => self.acked(*kind, resources, removed),
            Event::Refused { kind, message, resource: Some(resource) } => {
                self.refused(*kind, resource, message, now);
            }
            _ => {}
        }
    }

    fn acked(&mut self, kind: Kind, resources: &[Named], removed: &[String]) {
        for Named { name, version, .. } in resources {
            self.settle(kind, name, version);
            self.acked.entry(kind).or_default().insert(name.clone(), version.clone());
            // An older version that it goes on with does not undo what it refused.
            if let Some(refused) = self.refused.get_mut(&kind).and_then(|all| all.get_mut(name)) {
                refused.running = Some(version.clone());
            }
            self.forget_refused(kind, name, |refused| refused.version == *version);
        }
        for name in removed {
            self.acked.entry(kind).or_default().remove(name);
            self.forget_refused(kind, name, |_| true);
        }
    }

    fn refused(&mut self, kind: Kind, resource: &Named, message: &str, now: Timestamp) {
        let Named { name, version, origin } = resource;
        self.settle(kind, name, version);
        let refused = Refused {
            kind,
            name: name.clone(),
            version: version.clone(),
            origin: origin.clone(),
            reason: message.to_owned(),
            running: self.acked.get(&kind).and_then(|all| all.get(name)).cloned(),
            since: now,
        };
        self.refused.entry(kind).or_default().insert(name.clone(), refused);
    }

    /// There is a verdict on this version, and perhaps not yet on a newer one.
    fn settle(&mut self, kind: Kind, name: &str, version: &str) {
        if let Some(pending) = self.pending.get_mut(&kind)
            && pending.get(name).is_some_and(|pending| pending.version == version)
        {
            pending.remove(name);
        }
    }

    fn forget_refused(&mut self, kind: Kind, name: &str, is_over: impl Fn(&Refused) -> bool) {
        if let Some(refused) = self.refused.get_mut(&kind)
            && refused.get(name).is_some_and(is_over)
        {
            refused.remove(name);
        }
    }

    /// Another version is served, or none: what was refused is of no interest.
    pub(super) fn renew(&mut self, snapshot: &Snapshot) {
        for (kind, refused) in &mut self.refused {
            refused.retain(|name, one| {
                snapshot.get(*kind, name).is_some_and(|now| now.version == one.version)
            });
        }
    }

    pub(super) fn status(&self) -> EnvoyStatus {
        EnvoyStatus {
            node: self.node.id.clone(),
            group: self.node.group.clone(),
            peer: self.peer.clone(),
            connected: self.connected,
            live: self.live,
            acked: self.acked.values().map(BTreeMap::len).sum(),
            pending: self.pending.values().flat_map(BTreeMap::values).cloned().collect(),
            refused: self.refused.values().flat_map(BTreeMap::values).cloned().collect(),
        }
    }
}
