//! What every Envoy has taken, what it refused, and what it has not answered yet.
//!
//! Streams report to [`Deliveries`]; whoever wants to know asks it for a
//! [`Status`], a plain value. It also knows which versions are good, because an
//! Envoy runs them, and which are held back, because one was refused.

mod account;
mod latency;
mod status;
mod verdicts;
mod views;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};
use tollgate_core::Timestamp;
use tollgate_xds::delta::{Event, Response, Stream};
use tollgate_xds::{Kind, Snapshot};

pub(crate) use self::latency::{Everywhere, Latency};
pub(crate) use self::status::{EnvoyStatus, Held, Pending, Refused, Status};
use crate::clock::now;
use crate::connection::Peer;
use crate::delivery::account::Account;
use crate::delivery::verdicts::Verdicts;
use crate::delivery::views::Views;
use crate::node::Node;
use crate::precheck::Faulty;
use crate::progress::Arrival;
use crate::revision::{Revision, differing};

/// Who refuses what never came to an Envoy that serves.
const PRECHECK: &str = "(checked before)";

/// Shared by all streams, and by whoever asks how they are.
#[derive(Clone)]
pub(crate) struct Deliveries(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    views: Mutex<Views>,
    /// Changes whenever something is held back, or no longer.
    holds: watch::Sender<u64>,
    /// Who passes verdicts on, if anybody does.
    told: Option<mpsc::UnboundedSender<Verdict>>,
}

/// What an Envoy said, for whoever passes it on.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// Of resources.
    Of(Event),
    /// It has taken all that it ever will of this revision.
    Arrived(u64),
}

#[derive(Default)]
struct State {
    envoys: BTreeMap<u64, Account>,
    connections: u64,
    verdicts: Verdicts,
    latency: Latency,
    /// What was published last.
    newest: Arc<Snapshot>,
}

/// One stream's entry. It goes when the stream does.
pub(crate) struct Delivery {
    deliveries: Deliveries,
    connection: u64,
    node: Node,
    holds: watch::Receiver<u64>,
}

// === impl Deliveries ===

impl Deliveries {
    pub(crate) fn new() -> Self {
        Self::of(None)
    }

    /// Which pass every verdict on.
    pub(crate) fn telling(told: mpsc::UnboundedSender<Verdict>) -> Self {
        Self::of(Some(told))
    }

    fn of(told: Option<mpsc::UnboundedSender<Verdict>>) -> Self {
        let state = Mutex::new(State::default());
        let (views, holds) = (Mutex::default(), watch::Sender::new(0));
        Self(Arc::new(Shared { state, views, holds, told }))
    }

    /// All of this is known to be good: an Envoy ran it before this process began.
    pub(crate) fn know(&self, snapshot: &Snapshot) {
        self.state().verdicts.know(snapshot);
    }

    /// Of a snapshot, what nobody refuses; in the place of the rest, what was before it.
    pub(crate) fn good(&self, snapshot: &Arc<Snapshot>) -> Arc<Snapshot> {
        self.state().verdicts.served(snapshot, None, |_, _, _| false)
    }

    /// What the Envoys of a group are told of a snapshot.
    pub(crate) fn seen_by(&self, group: &str, snapshot: &Arc<Snapshot>) -> Arc<Snapshot> {
        self.0.views.lock().unwrap_or_else(PoisonError::into_inner).of(group, snapshot)
    }

    /// Gives this to nobody who has an older version.
    pub(crate) fn hold_back(&self, faulty: &Faulty) {
        let Faulty { kind, resource, reason } = faulty;
        self.state().verdicts.refuse(*kind, resource, PRECHECK, reason, now());
        self.holds_changed();
    }

    /// Changes whenever other things are held back than before.
    pub(crate) fn holds(&self) -> watch::Receiver<u64> {
        self.0.holds.subscribe()
    }

    fn tell(&self, verdict: impl FnOnce() -> Verdict) {
        if let Some(told) = &self.0.told {
            told.send(verdict()).ok();
        }
    }

    /// How everything is now.
    pub(crate) fn status(&self) -> Status {
        let state = self.state();
        Status {
            envoys: state.envoys.values().map(Account::status).collect(),
            held: state.verdicts.held(),
            latency: state.latency.clone(),
        }
    }

    /// A new revision is served from now on.
    pub(crate) fn published(&self, revision: &Revision) {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.newest, Arc::clone(&revision.snapshot));
        state.verdicts.prune(&revision.snapshot, differing(&before, &revision.snapshot));
        state.envoys.values_mut().for_each(|envoy| envoy.renew(&revision.snapshot));
        let connected = state.envoys.keys().copied().collect();
        state.latency.published(revision.number, revision.published, connected);
    }

    /// An Envoy has introduced itself.
    pub(crate) fn connect(&self, node: &Node, peer: &Peer) -> Delivery {
        let mut state = self.state();
        state.connections = state.connections.saturating_add(1);
        let connection = state.connections;
        state.envoys.insert(connection, Account::new(node.clone(), peer.address.clone(), now()));
        let (deliveries, holds) = (self.clone(), self.holds());
        Delivery { deliveries, connection, node: node.clone(), holds }
    }

    /// A poisoned lock would mean that one of these few lines panicked.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds_changed(&self) {
        self.0.holds.send_modify(|generation| *generation = generation.wrapping_add(1));
    }
}

// === impl Delivery ===

impl Delivery {
    /// What this Envoy is to be told of a snapshot: of what its group sees, what was
    /// refused is replaced by the version before it that was not.
    pub(crate) fn served(&self, snapshot: &Arc<Snapshot>, stream: &Stream) -> Arc<Snapshot> {
        let seen = self.deliveries.seen_by(&self.node.group, snapshot);
        self.deliveries.state().verdicts.served(&seen, Some(&self.node), |kind, name, version| {
            stream.has_offered(kind, name, version)
        })
    }

    /// Likewise, before anything was offered.
    pub(crate) fn served_first(&self, snapshot: &Arc<Snapshot>) -> Arc<Snapshot> {
        let seen = self.deliveries.seen_by(&self.node.group, snapshot);
        self.deliveries.state().verdicts.served(&seen, Some(&self.node), |_, _, _| false)
    }

    /// Waits until other things are held back than before.
    pub(crate) async fn holds_changed(&mut self) {
        if self.holds.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    pub(crate) fn sent(&self, response: &Response, snapshot: &Snapshot) {
        let Some(kind) = Kind::from_type_url(&response.type_url) else { return };
        self.account(|account, now| account.sent(kind, response, snapshot, now));
    }

    /// Takes a verdict; `snapshots` are those that it may be about.
    pub(crate) fn heard(&self, event: &Event, snapshots: &[&Snapshot]) {
        self.account(|account, now| account.heard(event, now));
        let changed =
            self.deliveries.state().verdicts.heard(event, &self.node.id, snapshots, now());
        if changed {
            self.deliveries.holds_changed();
        }
        self.deliveries.tell(|| Verdict::Of(event.clone()));
    }

    /// This Envoy has taken all that it will of a revision. Says so if it was
    /// the last one.
    pub(crate) fn arrived(&self, arrival: &Arrival) -> Option<Everywhere> {
        self.account(|account, _| account.live = Some(arrival.revision));
        self.deliveries.tell(|| Verdict::Arrived(arrival.revision));
        self.deliveries.state().latency.arrived(self.connection, arrival)
    }

    fn account(&self, change: impl FnOnce(&mut Account, Timestamp)) {
        if let Some(account) = self.deliveries.state().envoys.get_mut(&self.connection) {
            change(account, now());
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let mut state = self.deliveries.state();
        state.envoys.remove(&self.connection);
        state.latency.gone(self.connection);
    }
}
