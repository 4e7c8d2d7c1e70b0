use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;

use crate::delta::order::{REMOVALS, WAIT_MAX, referrers};
use crate::delta::subscription::Subscription;
use crate::delta::{Event, Response};
use crate::{Kind, Resource, Snapshot};

/// The server's side of one stream.
#[derive(Debug)]
pub struct Stream {
    snapshot: Arc<Snapshot>,
    subscriptions: BTreeMap<Kind, Subscription>,
    nonce: u64,
    /// The clusters that went out on this stream. Envoy waits for the endpoints
    /// of each, whatever it said it has.
    clusters: BTreeSet<String>,
    opened: Option<Duration>,
    now: Duration,
}

impl Stream {
    /// A stream on which nothing was said yet.
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self {
            snapshot,
            subscriptions: BTreeMap::new(),
            nonce: 0,
            clusters: BTreeSet::new(),
            opened: None,
            now: Duration::ZERO,
        }
    }

    /// Takes what Envoy says: subscriptions, and its verdict on a response.
    /// What it asks of a kind that is not served here is passed over.
    pub fn on_request(&mut self, request: DeltaDiscoveryRequest, now: Duration) -> Option<Event> {
        self.opened.get_or_insert(now);
        let kind = Kind::from_type_url(&request.type_url)?;
        let Some(subscription) = self.subscriptions.get_mut(&kind) else {
            self.subscribe(kind, request);
            return None;
        };
        // A verdict on a response that is long superseded must not keep the
        // subscriptions in the same request from being taken.
        let error = request.error_detail.as_ref().map(|status| status.message.as_str());
        let event = subscription.judge(&request.response_nonce, error);
        subscription.revise(request, false);
        event
    }

    fn subscribe(&mut self, kind: Kind, request: DeltaDiscoveryRequest) {
        let mut subscription = Subscription::open(kind, &request);
        subscription.revise(request, true);
        if kind == Kind::Endpoints {
            self.clusters.iter().for_each(|name| subscription.repeat(name));
        }
        self.subscriptions.insert(kind, subscription);
    }

    /// Takes a new configuration; what was not sent of the one before is left out.
    pub fn on_snapshot(&mut self, snapshot: Arc<Snapshot>) {
        let before = std::mem::replace(&mut self.snapshot, snapshot);
        let Some(changed) = self.snapshot.changed_since(&before) else {
            self.subscriptions.values_mut().for_each(Subscription::invalidate);
            return;
        };
        for (kind, name) in changed {
            if let Some(subscription) = self.subscriptions.get_mut(&kind) {
                subscription.note(name);
            }
        }
    }

    /// What is being brought to Envoy.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Whether Envoy was offered this version on this stream, or said that it has it.
    pub fn has_offered(&self, kind: Kind, name: &str, version: &str) -> bool {
        self.subscriptions.get(&kind).is_some_and(|all| all.has_offered(name, version))
    }

    /// The next message to send, if there is one that need not wait.
    pub fn next(&mut self, now: Duration) -> Option<Response> {
        self.now = now;
        let snapshot = Arc::clone(&self.snapshot);
        for subscription in self.subscriptions.values_mut() {
            subscription.refresh(&snapshot);
        }
        let nonce = self.nonce.saturating_add(1);
        let response = self.offer(&nonce.to_string()).or_else(|| self.withdraw(&nonce.to_string()));
        if response.is_some() {
            self.nonce = nonce;
        }
        response
    }

    /// When [`Stream::next`] has to be called even if nothing happened until then.
    pub fn deadline(&self) -> Option<Duration> {
        let held = self.subscriptions.values().flat_map(Subscription::deadlines);
        let gone = self.subscriptions.values().any(Subscription::has_gone);
        let reconnected =
            self.opened.filter(|_| gone).map(|opened| opened.saturating_add(WAIT_MAX));
        // What has passed already waits for something else.
        held.chain(reconnected).filter(|deadline| self.now < *deadline).min()
    }

    fn offer(&mut self, nonce: &str) -> Option<Response> {
        Kind::ALL.into_iter().find_map(|kind| self.offer_kind(kind, nonce))
    }

    fn offer_kind(&mut self, kind: Kind, nonce: &str) -> Option<Response> {
        let mut subscription = self.subscriptions.remove(&kind)?;
        let is_ready = |resource: &Resource| self.is_ready(resource);
        let response = subscription.offer(&self.snapshot, nonce, self.now, &is_ready);
        self.subscriptions.insert(kind, subscription);
        let response = response?;
        if kind == Kind::Cluster {
            self.on_clusters(&response);
        }
        Some(response)
    }

    /// Whether every cluster that a resource needs is warm. Who does not
    /// subscribe to clusters has them from elsewhere.
    fn is_ready(&self, resource: &Resource) -> bool {
        let Some(clusters) = self.subscriptions.get(&Kind::Cluster) else { return true };
        resource.needs.iter().all(|name| clusters.runs(name))
    }

    /// Envoy takes a cluster that is sent again for new and waits for its
    /// endpoints, which it did not ask for again: they follow unasked.
    fn on_clusters(&mut self, response: &Response) {
        for entry in &response.resources {
            self.clusters.insert(entry.name.clone());
            if self.snapshot.get(Kind::Endpoints, &entry.name).is_some()
                && let Some(endpoints) = self.subscriptions.get_mut(&Kind::Endpoints)
            {
                endpoints.repeat(&entry.name);
            }
        }
    }

    fn withdraw(&mut self, nonce: &str) -> Option<Response> {
        REMOVALS.into_iter().find_map(|kind| self.withdraw_kind(kind, nonce))
    }

    fn withdraw_kind(&mut self, kind: Kind, nonce: &str) -> Option<Response> {
        if !self.subscriptions.get(&kind)?.has_gone() || !self.is_referred_settled(kind) {
            return None;
        }
        let mut subscription = self.subscriptions.remove(&kind)?;
        let response = subscription
            .withdraw(nonce, |name| kind == Kind::Cluster && self.is_cluster_needed(name));
        self.subscriptions.insert(kind, subscription);
        response
    }

    /// Whether everything that might name resources of this kind is up to date.
    /// A reconnected Envoy has not subscribed to all of it from the start.
    fn is_referred_settled(&self, kind: Kind) -> bool {
        let opened = self.opened.unwrap_or_default();
        let is_over = opened.saturating_add(WAIT_MAX) <= self.now;
        referrers(kind).iter().all(|referrer| {
            // Whose routes come whole never asks for pieces.
            let is_unused =
                *referrer == Kind::Scopes && self.snapshot.of(Kind::Scopes).next().is_none();
            self.subscriptions.get(referrer).map_or(is_over || is_unused, |subscription| {
                subscription.is_settled() && !subscription.has_gone()
            })
        })
    }

    fn is_cluster_needed(&self, name: &str) -> bool {
        referrers(Kind::Cluster)
            .iter()
            .filter_map(|kind| self.subscriptions.get(kind))
            .any(|subscription| subscription.may_need(name))
    }
}
