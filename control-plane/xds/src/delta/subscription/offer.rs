use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::time::Duration;

use crate::delta::flight::{Load, Sent};
use crate::delta::order::{RESPONSE_BYTES_MAX, WAIT_MAX, window};
use crate::delta::subscription::Subscription;
use crate::delta::{Body, Entry, Named, Response};
use crate::{Resource, Snapshot};

/// Whether the clusters that a resource names are warm.
pub(in crate::delta) type IsReady<'a> = &'a dyn Fn(&Resource) -> bool;

impl Subscription {
    /// The next response with additions, if any need not wait.
    pub(in crate::delta) fn offer(
        &mut self,
        snapshot: &Snapshot,
        nonce: &str,
        now: Duration,
        is_ready: IsReady<'_>,
    ) -> Option<Response> {
        if window(self.kind) <= self.flight.len() {
            return None;
        }
        let names = self.pick(snapshot, now, is_ready);
        let owes_answer = self.unanswered && self.todo.is_empty();
        if names.is_empty() && !owes_answer {
            return None;
        }
        self.unanswered = false;
        Some(self.send(names, snapshot, nonce))
    }

    /// What goes into the next response, as much as fits.
    fn pick(&mut self, snapshot: &Snapshot, now: Duration, is_ready: IsReady<'_>) -> Vec<String> {
        let (mut picked, mut bytes) = (Vec::new(), 0_usize);
        let mut lone = None;
        for name in &self.todo {
            let Some(resource) = snapshot.get(self.kind, name) else {
                picked.push(name.clone());
                continue;
            };
            if !is_ready(resource) && is_early(&mut self.held, name, now) {
                continue;
            }
            if self.alone.contains(name) {
                lone.get_or_insert_with(|| name.clone());
                continue;
            }
            bytes = bytes.saturating_add(resource.body.len());
            if RESPONSE_BYTES_MAX < bytes && !picked.is_empty() {
                break;
            }
            picked.push(name.clone());
        }
        if picked.is_empty() { lone.into_iter().collect() } else { picked }
    }

    fn send(&mut self, names: Vec<String>, snapshot: &Snapshot, nonce: &str) -> Response {
        let mut response = self.response(nonce);
        let mut load = Load::default();
        for name in names {
            self.todo.remove(&name);
            self.held.remove(&name);
            self.alone.remove(&name);
            if let Some(resource) = snapshot.get(self.kind, &name) {
                self.known.offer(name.clone(), resource.version.clone());
                response.resources.push(from_resource(&name, resource, &response.type_url));
                load.resources.push(from_sent(name, resource));
            } else {
                self.known.deny(name.clone());
                response.removed_resources.push(name);
            }
        }
        self.flight.depart(nonce.to_owned(), load);
        response
    }

    /// The next response with removals, of all but the blocked ones.
    pub(in crate::delta) fn withdraw(
        &mut self,
        nonce: &str,
        is_blocked: impl Fn(&str) -> bool,
    ) -> Option<Response> {
        let (blocked, free): (BTreeSet<_>, BTreeSet<_>) =
            mem::take(&mut self.gone).into_iter().partition(|name| is_blocked(name));
        self.gone = blocked;
        if free.is_empty() {
            return None;
        }
        let names = Vec::from_iter(free);
        for name in &names {
            self.running.forget(name);
            self.flight.withdraw(name);
            if self.interest.names(name) {
                self.known.deny(name.clone());
            } else {
                self.known.forget(name);
            }
        }
        let load = Load { resources: Vec::new(), removed: names.clone() };
        self.flight.depart(nonce.to_owned(), load);
        Some(Response { removed_resources: names, ..self.response(nonce) })
    }

    fn response(&self, nonce: &str) -> Response {
        Response {
            type_url: self.kind.type_url().to_owned(),
            nonce: nonce.to_owned(),
            ..Response::default()
        }
    }

    /// Whether nothing is left to add, and there is a verdict on everything.
    pub(in crate::delta) fn is_settled(&self) -> bool {
        self.todo.is_empty() && self.flight.len() == 0
    }

    /// Whether something is left to take away.
    pub(in crate::delta) fn has_gone(&self) -> bool {
        !self.gone.is_empty()
    }

    /// Whether Envoy accepted a resource of this name.
    pub(in crate::delta) fn runs(&self, name: &str) -> bool {
        self.running.contains(name)
    }

    /// Whether something that Envoy runs names a cluster, or may do so.
    pub(in crate::delta) fn may_need(&self, cluster: &str) -> bool {
        self.running.may_need(cluster)
    }

    /// When the waiting of each held resource ends.
    pub(in crate::delta) fn deadlines(&self) -> impl Iterator<Item = Duration> {
        self.held.values().map(|since| since.saturating_add(WAIT_MAX))
    }
}

/// Whether a resource still waits. Its waiting begins when this is first asked.
fn is_early(held: &mut BTreeMap<String, Duration>, name: &str, now: Duration) -> bool {
    let since = *held.entry(name.to_owned()).or_insert(now);
    now.saturating_sub(since) < WAIT_MAX
}

fn from_resource(name: &str, resource: &Resource, type_url: &str) -> Entry {
    let body = Body { type_url: type_url.to_owned(), value: resource.body.clone() };
    Entry { version: resource.version.clone(), resource: Some(body), name: name.to_owned() }
}

fn from_sent(name: String, resource: &Resource) -> Sent {
    let named = Named { name, version: resource.version.clone(), origin: resource.origin.clone() };
    Sent { named, needs: resource.needs.clone(), is_superseded: false, is_withdrawn: false }
}
