//! What the control planes say, as the Envoy is told it, and its verdicts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryResponse;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tollgate_xds::delta::Event;
use tollgate_xds::{Kind, Resource, Snapshot};

use crate::cache::Cache;
use crate::delivery::{Deliveries, Verdict};
use crate::relay::upstream::{Answer, Upstream};
use crate::report;
use crate::revision::Revision;

/// One side of the mirror is the newest that control planes said, the other what
/// the Envoy runs of it.
pub(super) struct Mirror {
    cache: Cache,
    heard: mpsc::UnboundedReceiver<Verdict>,
    deliveries: Deliveries,
    revisions: watch::Sender<Option<Arc<Revision>>>,
    number: u64,
    said: Snapshot,
    runs: Snapshot,
    /// What the Envoy refused, by the version.
    refused: BTreeMap<(Kind, String), (String, String)>,
    waiting: Vec<Waiting>,
    save_at: Option<Instant>,
}

/// A response that the Envoy has not judged altogether.
struct Waiting {
    kind: Kind,
    nonce: String,
    /// The first revision that has it.
    revision: u64,
    open: BTreeMap<String, String>,
    all: BTreeMap<String, String>,
    removed: Vec<String>,
}

/// So often what the Envoy runs is written down, at most.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// When that failed, so long until it is tried again.
const SAVE_AGAIN: Duration = Duration::from_secs(5);

// === impl Mirror ===

impl Mirror {
    /// Begins with what was kept.
    pub(super) fn open(
        cache: Cache,
        heard: mpsc::UnboundedReceiver<Verdict>,
        deliveries: Deliveries,
    ) -> (Self, watch::Receiver<Option<Arc<Revision>>>) {
        let (kept, faults) = cache.load();
        faults.iter().for_each(report::cache);
        let (revisions, ready) = watch::channel(None);
        let mut mirror = Self {
            cache,
            heard,
            deliveries,
            revisions,
            number: 0,
            said: kept.clone(),
            runs: kept,
            refused: BTreeMap::new(),
            waiting: Vec::new(),
            save_at: None,
        };
        if mirror.runs != Snapshot::default() {
            report::from_cache(
                Kind::ALL.into_iter().map(|kind| mirror.runs.of(kind).count()).sum(),
            );
            mirror.deliveries.know(&mirror.runs);
            mirror.publish();
        }
        (mirror, ready)
    }

    /// Follows the control planes for as long as it is polled.
    pub(super) async fn follow(mut self, mut upstream: Upstream) {
        loop {
            let save_at = self.save_at;
            tokio::select! {
                response = upstream.next(&self.runs) => {
                    self.on_response(response, &mut upstream).await;
                }
                verdict = self.heard.recv() => {
                    let Some(verdict) = verdict else { return };
                    self.judge(verdict, &mut upstream).await;
                }
                () = at(save_at) => self.save(),
            }
        }
    }

    async fn on_response(
        &mut self,
        response: Option<DeltaDiscoveryResponse>,
        upstream: &mut Upstream,
    ) {
        if let Some(response) = response {
            return self.take(response, upstream).await;
        }
        // The next stream begins with what the Envoy runs.
        self.waiting.clear();
        self.said.clone_from(&self.runs);
    }

    async fn take(&mut self, response: DeltaDiscoveryResponse, upstream: &mut Upstream) {
        let DeltaDiscoveryResponse { resources, type_url, nonce, removed_resources, .. } = response;
        let Some(kind) = Kind::from_type_url(&type_url) else { return };
        let mut versions = BTreeMap::new();
        for entry in resources {
            let body = entry.resource.map(|any| any.value.into()).unwrap_or_default();
            let (version, origin) = (entry.version, "what the control plane said".to_owned());
            versions.insert(entry.name.clone(), version.clone());
            let resource = Resource { version, body, origin, ..Resource::default() };
            self.said.insert(kind, entry.name, resource);
        }
        for name in &removed_resources {
            self.said.remove(kind, name);
        }
        self.number = self.number.saturating_add(1);
        let mut open = versions.clone();
        open.retain(|name, version| !self.is_judged(kind, name, version));
        self.waiting.push(Waiting {
            kind,
            nonce,
            revision: self.number,
            open,
            all: versions,
            removed: removed_resources,
        });
        // The listeners come after all that Envoy waits for before it asks for them.
        let is_begun = self.revisions.borrow().is_some();
        if is_begun || kind == Kind::Listener {
            self.publish();
        }
        self.settle(None, upstream).await;
    }

    fn is_judged(&self, kind: Kind, name: &str, version: &str) -> bool {
        let runs = self.runs.get(kind, name).is_some_and(|one| one.version == version);
        let refused = self.refused.get(&(kind, name.to_owned()));
        runs || refused.is_some_and(|(refused, _)| refused == version)
    }

    fn publish(&mut self) {
        let revision = Arc::new(Revision::new(self.number, self.said.clone()));
        self.deliveries.published(&revision);
        self.revisions.send_replace(Some(revision));
    }

    async fn judge(&mut self, verdict: Verdict, upstream: &mut Upstream) {
        let arrived = match verdict {
            Verdict::Of(Event::Acked { kind, resources, .. }) => {
                for one in resources {
                    self.refused.remove(&(kind, one.name.clone()));
                    self.close(kind, &one.name, &one.version);
                }
                None
            }
            Verdict::Of(Event::Refused { kind, message, resource: Some(one) }) => {
                self.refused.insert((kind, one.name.clone()), (one.version.clone(), message));
                self.close(kind, &one.name, &one.version);
                None
            }
            Verdict::Of(_) => None,
            Verdict::Arrived(revision) => Some(revision),
        };
        self.settle(arrived, upstream).await;
    }

    fn close(&mut self, kind: Kind, name: &str, version: &str) {
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.kind == kind) {
            if waiting.open.get(name).is_some_and(|open| open == version) {
                waiting.open.remove(name);
            }
        }
    }

    /// Tells the control plane of every response that is judged: all of it, or as
    /// much as the Envoy will ever ask for.
    async fn settle(&mut self, arrived: Option<u64>, upstream: &mut Upstream) {
        let is_over = |waiting: &Waiting| {
            let has_arrived = arrived.is_some_and(|revision| waiting.revision <= revision);
            has_arrived || waiting.open.is_empty() && waiting.removed.is_empty()
        };
        let (over, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(is_over);
        self.waiting = waiting;
        let over: Vec<Waiting> = over;
        for waiting in over {
            let answer = self.answer(waiting);
            upstream.answer(answer).await;
        }
    }

    fn answer(&mut self, waiting: Waiting) -> Answer {
        let Waiting { kind, nonce, all, removed, .. } = waiting;
        let mut error = None;
        for (name, version) in all {
            match self.refused.get(&(kind, name.clone())) {
                Some((refused, why)) if *refused == version => error = Some(why.clone()),
                _ => self.keep(kind, name, &version),
            }
        }
        for name in removed {
            if self.said.get(kind, &name).is_none() {
                self.runs.remove(kind, &name);
            }
        }
        self.save_at = self.save_at.or_else(|| Instant::now().checked_add(SAVE_EVERY));
        Answer { kind, nonce, error }
    }

    /// The Envoy runs it, unless something newer was said meanwhile.
    fn keep(&mut self, kind: Kind, name: String, version: &str) {
        let said = self.said.get(kind, &name).filter(|said| said.version == version).cloned();
        if let Some(said) = said {
            self.runs.insert(kind, name, said);
        }
    }

    fn save(&mut self) {
        self.save_at = None;
        if let Err(fault) = tokio::task::block_in_place(|| self.cache.save(&self.runs)) {
            report::cache(&fault);
            self.save_at = Instant::now().checked_add(SAVE_AGAIN);
        }
    }
}

impl Drop for Mirror {
    /// What was not written down yet is.
    fn drop(&mut self) {
        if self.save_at.is_some()
            && let Err(fault) = self.cache.save(&self.runs)
        {
            report::cache(&fault);
        }
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
