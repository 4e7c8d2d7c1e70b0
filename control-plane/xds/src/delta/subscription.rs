mod offer;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;

use crate::delta::flight::{Flight, Load};
use crate::delta::interest::{Change, Interest};
use crate::delta::known::Known;
use crate::delta::order::is_kept_while_named;
use crate::delta::running::Running;
use crate::delta::{Event, Named};
use crate::{Kind, Resource, Snapshot};

/// One kind on one stream: what is asked for, what is known, what is to be said.
#[derive(Debug)]
pub(super) struct Subscription {
    kind: Kind,
    interest: Interest,
    known: Known,
    flight: Flight,

    running: Running,

    /// What to send, and what to take away. Out of date if `stale`.
    todo: BTreeSet<String>,
    gone: BTreeSet<String>,
    stale: bool,

    /// Since when each has been waiting for its clusters.
    held: BTreeMap<String, Duration>,
    /// Refused together with others: each is offered again by itself.
    alone: BTreeSet<String>,
    /// Even when there is nothing, Envoy's start waits for an answer.
    unanswered: bool,
}

impl Subscription {
    /// Begins with the first request of its kind.
    pub(super) fn open(kind: Kind, request: &DeltaDiscoveryRequest) -> Self {
        let interest = Interest::of_first_request(
            &request.resource_names_subscribe,
            &request.resource_names_unsubscribe,
        );
        let (mut known, mut running) = (Known::default(), Running::default());
        for (name, version) in &request.initial_resource_versions {
            known.offer(name.clone(), version.clone());
            running.claim(name.clone(), version.clone());
        }
        Self {
            kind,
            unanswered: interest.is_everything(),
            interest,
            known,
            flight: Flight::default(),
            running,
            todo: BTreeSet::new(),
            gone: BTreeSet::new(),
            stale: true,
            held: BTreeMap::new(),
            alone: BTreeSet::new(),
        }
    }

    /// Takes the names of a request. In the first one, what Envoy says it has
    /// it has; later, a name is asked for because it was forgotten.
    pub(super) fn revise(&mut self, request: DeltaDiscoveryRequest, is_first: bool) {
        for name in request.resource_names_subscribe {
            let change = self.interest.subscribe(name);
            if !(is_first && matches!(change, Change::Named(_))) {
                self.apply(change);
            }
        }
        for name in request.resource_names_unsubscribe {
            if let Some(change) = self.interest.unsubscribe(name) {
                self.apply(change);
            }
        }
        self.stale = true;
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Everything { again } => self.ask_for_everything(again),
            Change::OnlyNamed => self.drop_unnamed(),
            Change::Named(name) if self.interest.is_everything() => self.known.doubt_offered(&name),
            Change::Named(name) => self.known.forget(&name),
            Change::StillWanted(name) => self.known.doubt(name),
            Change::Unwanted(name) => {
                self.known.forget(&name);
                self.running.forget(&name);
            }
        }
    }

    fn ask_for_everything(&mut self, again: bool) {
        if again {
            self.known.doubt_all_offered();
        }
        self.unanswered = true;
    }

    fn drop_unnamed(&mut self) {
        let interest = &self.interest;
        self.known.forget_unless(|name| interest.names(name));
        self.running.forget_unless(|name| interest.names(name));
        self.unanswered = false;
    }

    /// Has a resource sent again, changed or not.
    pub(super) fn repeat(&mut self, name: &str) {
        self.known.outdate(name);
        self.stale = true;
    }

    pub(super) fn has_offered(&self, name: &str, version: &str) -> bool {
        self.known.has(name, version)
    }

    pub(super) fn invalidate(&mut self) {
        self.stale = true;
    }

    /// Takes Envoy's verdict on the response with this nonce.
    pub(super) fn judge(&mut self, nonce: &str, error: Option<&str>) -> Option<Event> {
        let load = self.flight.land(nonce)?;
        match error {
            None => Some(self.accept(load)),
            Some(message) => self.refuse(load, message),
        }
    }

    fn accept(&mut self, load: Load) -> Event {
        for sent in &load.resources {
            if !sent.is_withdrawn && self.known.may_have(&sent.named.name) {
                self.running.accept(sent);
            }
        }
        let resources = load.resources.into_iter().map(|sent| sent.named).collect();
        Event::Acked { kind: self.kind, resources, removed: load.removed }
    }

    fn refuse(&mut self, load: Load, message: &str) -> Option<Event> {
        let message = message.chars().take(Event::MESSAGE_CHARS_MAX).collect();
        let mut resources = load.resources;
        if resources.len() < 2 {
            let resource = resources.pop().map(|sent| sent.named);
            return Some(Event::Refused { kind: self.kind, message, resource });
        }
        for sent in resources {
            // Clusters are told apart: none is taken for warm before its ACK.
            if self.kind != Kind::Cluster {
                self.running.suspect(&sent);
            }
            let Named { name, version, .. } = &sent.named;
            if !sent.is_withdrawn && !sent.is_superseded && self.known.has(name, version) {
                self.known.outdate(name);
                self.alone.insert(sent.named.name);
            }
        }
        self.stale = true;
        None
    }

    /// Compares what Envoy knows with what it should.
    pub(super) fn refresh(&mut self, snapshot: &Snapshot) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        self.running.learn(self.kind, snapshot);
        let (kind, known, interest) = (self.kind, &self.known, &self.interest);
        let differs = |name: &str, resource: &Resource| !known.has(name, &resource.version);
        self.todo = snapshot
            .of(kind)
            .filter(|(name, _)| interest.is_everything() || interest.names(name))
            .filter(|(name, resource)| differs(name, resource))
            .map(|(name, _)| name.clone())
            .collect();
        let absent = |name: &&String| snapshot.get(kind, name).is_none();
        let unheard = interest.named().iter().filter(|name| known.is_new(name));
        self.todo.extend(unheard.filter(absent).cloned());
        self.gone = known
            .present()
            .filter(|(name, _)| absent(name))
            .filter(|(name, doubtful)| {
                *doubtful || !(is_kept_while_named(kind) && interest.names(name))
            })
            .map(|(name, _)| name.clone())
            .collect();
        self.held.retain(|name, _| self.todo.contains(name));
        self.alone.retain(|name| self.todo.contains(name));
    }
}
