mod offer;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::time::Duration;

use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;

use crate::delta::flight::{Flight, Load};
use crate::delta::interest::{Change, Interest};
use crate::delta::known::Known;
use crate::delta::order::is_kept_while_named;
use crate::delta::running::Running;
use crate::delta::{Event, Named};
use crate::{Kind, Snapshot};

/// What has to be looked at again.
#[derive(Debug)]
enum Stale {
    All,
    /// Few, of very many.
    Names(BTreeSet<String>),
}

/// One kind on one stream: what is asked for, what is known, what is to be said.
#[derive(Debug)]
pub(super) struct Subscription {
    kind: Kind,
    interest: Interest,
    known: Known,
    flight: Flight,

    running: Running,

    /// What to send, and what to take away, but for what has to be looked at.
    todo: BTreeSet<String>,
    gone: BTreeSet<String>,
    stale: Stale,

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
            stale: Stale::All,
            held: BTreeMap::new(),
            alone: BTreeSet::new(),
        }
    }

    /// Takes the names of a request. In the first one, what Envoy says it has
    /// it has; later, a name is asked for because it was forgotten.
    pub(super) fn revise(&mut self, request: DeltaDiscoveryRequest, is_first: bool) {
        for name in request.resource_names_subscribe {
            let change = self.interest.subscribe(name);
            if let Change::Named(name) = &change {
                self.note(name);
            }
            if !(is_first && matches!(change, Change::Named(_))) {
                self.apply(change);
            }
        }
        for name in request.resource_names_unsubscribe {
            if let Some(change) = self.interest.unsubscribe(name) {
                self.apply(change);
            }
        }
    }

    fn apply(&mut self, change: Change) {
        match &change {
            Change::Everything { .. } | Change::OnlyNamed => self.stale = Stale::All,
            Change::Named(name) | Change::StillWanted(name) | Change::Unwanted(name) => {
                self.note(name);
            }
        }
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
        self.note(name);
    }

    pub(super) fn has_offered(&self, name: &str, version: &str) -> bool {
        self.known.has(name, version)
    }

    /// Has everything looked at again.
    pub(super) fn invalidate(&mut self) {
        self.stale = Stale::All;
    }

    /// Has a name looked at again.
    pub(super) fn note(&mut self, name: &str) {
        if let Stale::Names(names) = &mut self.stale {
            names.insert(name.to_owned());
        }
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
                self.note(name);
                self.alone.insert(sent.named.name);
            }
        }
        None
    }

    /// Compares what Envoy knows with what it should.
    pub(super) fn refresh(&mut self, snapshot: &Snapshot) {
        match mem::replace(&mut self.stale, Stale::Names(BTreeSet::new())) {
            Stale::Names(names) => {
                for name in names {
                    self.running.learn(self.kind, &name, snapshot);
                    self.look_at(name, snapshot);
                }
            }
            Stale::All => {
                self.running.learn_all(self.kind, snapshot);
                let before = [mem::take(&mut self.todo), mem::take(&mut self.gone)];
                let there = snapshot
                    .of(self.kind)
                    .map(|(name, _)| name)
                    .filter(|name| self.interest.is_everything() || self.interest.names(name));
                let known = self.known.present().map(|(name, _)| name);
                let named = self.interest.named().iter();
                let all: BTreeSet<_> = there.chain(known).chain(named).cloned().collect();
                let all = before.into_iter().flatten().chain(all);
                all.for_each(|name| self.look_at(name, snapshot));
            }
        }
    }

    fn look_at(&mut self, name: String, snapshot: &Snapshot) {
        let is_named = self.interest.names(&name);
        let resource = snapshot.get(self.kind, &name);
        let is_due = match resource {
            Some(resource) => {
                let is_wanted = is_named || self.interest.is_everything();
                is_wanted && !self.known.has(&name, &resource.version)
            }
            None => is_named && self.known.is_new(&name),
        };
        let is_kept = is_kept_while_named(self.kind) && is_named;
        let is_gone = resource.is_none()
            && self.known.may_have(&name)
            && (self.known.is_doubtful(&name) || !is_kept);
        if is_gone {
            self.gone.insert(name.clone());
        } else {
            self.gone.remove(&name);
        }
        if is_due {
            self.todo.insert(name);
        } else {
            self.todo.remove(&name);
            self.held.remove(&name);
            self.alone.remove(&name);
        }
    }
}
