//! One state-of-the-world stream, as a state machine without a socket.
//!
//! Clients of gRPC speak no other variant. A response holds everything that is
//! asked for of a kind, and there is one at a time; what changes meanwhile goes
//! into the next. [`crate::delta`] is what Envoys speak.

mod message;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use envoy_types::pb::envoy::service::discovery::v3::DiscoveryRequest;

pub use self::message::Response;
use crate::delta::Body;
use crate::version::version;
use crate::{Kind, Resource, Snapshot};

/// The server's side of one stream.
#[derive(Debug)]
pub struct Stream {
    snapshot: Arc<Snapshot>,
    subscriptions: BTreeMap<Kind, Subscription>,
    nonce: u64,
}

/// What a client said about a response.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Verdict {
    /// The kind of its resources.
    pub kind: Kind,
    /// Why it was refused, if it was. The client keeps what it had, and which
    /// resource is at fault it does not say.
    pub refusal: Option<String>,
}

/// One kind on one stream.
#[derive(Debug, Default)]
struct Subscription {
    everything: bool,
    names: BTreeSet<String>,
    /// The nonce of the last response; nonces are of one stream.
    nonce: String,
    is_in_flight: bool,
    /// The version that was sent last, taken or not: it is not sent twice unasked.
    sent: Option<String>,
    /// Whether there has to be an answer, changed or not.
    is_asked: bool,
}

/// Subscribes to everything of a kind.
const WILDCARD: &str = "*";

// === impl Stream ===

impl Stream {
    /// A stream on which nothing was said yet.
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot, subscriptions: BTreeMap::new(), nonce: 0 }
    }

    /// Takes what a client says: what it asks for, and its verdict on a response.
    /// What it asks of a kind that is not served here is passed over.
    pub fn on_request(&mut self, request: DiscoveryRequest) -> Option<Verdict> {
        let kind = Kind::from_type_url(&request.type_url)?;
        let is_first = !self.subscriptions.contains_key(&kind);
        let subscription = self.subscriptions.entry(kind).or_default();
        // It says nothing about the response that is under way, whose verdict
        // will name all that is asked for again.
        if subscription.is_in_flight && request.response_nonce != subscription.nonce {
            return None;
        }
        let verdict = subscription.judge(kind, &request);
        subscription.revise(kind, request.resource_names, is_first, verdict.is_none());
        verdict
    }

    /// Takes a new configuration.
    pub fn on_snapshot(&mut self, snapshot: Arc<Snapshot>) {
        self.snapshot = snapshot;
    }

    /// The next message to send, if there is one.
    pub fn say(&mut self) -> Option<Response> {
        let (kind, resources, version) = self.due()?;
        let number = self.nonce.saturating_add(1);
        let nonce = number.to_string();
        let response = Response {
            version_info: version.clone(),
            resources: resources.iter().map(|(_, one)| body(kind, one)).collect(),
            type_url: kind.type_url().to_owned(),
            nonce: nonce.clone(),
        };
        self.nonce = number;
        if let Some(subscription) = self.subscriptions.get_mut(&kind) {
            subscription.depart(nonce, version);
        }
        // A cluster that is sent again is warmed again, for which it takes its
        // endpoints, and they are not asked for again.
        if kind == Kind::Cluster
            && let Some(endpoints) = self.subscriptions.get_mut(&Kind::Endpoints)
        {
            endpoints.sent = None;
        }
        Some(response)
    }

    /// The first kind of which there is something to say.
    #[expect(clippy::type_complexity, reason = "it is taken apart at once")]
    fn due(&self) -> Option<(Kind, Vec<(&String, &Resource)>, String)> {
        let free = self.subscriptions.iter().filter(|(_, one)| !one.is_in_flight);
        free.into_iter().find_map(|(&kind, subscription)| {
            let resources: Vec<_> = self.resources(kind, subscription).collect();
            let named: Vec<_> = resources.iter().map(|(name, one)| (name, &one.version)).collect();
            let version = version(&named);
            let is_news = subscription.sent.as_ref() != Some(&version);
            // Of what is asked for by name and is not there, nothing is said.
            let is_told = !resources.is_empty() || kind.comes_whole();
            (subscription.is_asked || is_news && is_told).then_some((kind, resources, version))
        })
    }

    fn resources<'s>(
        &'s self,
        kind: Kind,
        subscription: &'s Subscription,
    ) -> impl Iterator<Item = (&'s String, &'s Resource)> {
        let all = subscription.everything.then(|| self.snapshot.of(kind)).into_iter().flatten();
        let names = subscription.names.iter().filter(|_| !subscription.everything);
        all.chain(names.filter_map(move |name| Some((name, self.snapshot.get(kind, name)?))))
    }
}

fn body(kind: Kind, resource: &Resource) -> Body {
    Body { type_url: kind.type_url().to_owned(), value: resource.body.clone() }
}

// === impl Kind ===

impl Kind {
    /// Whether a response of this variant says what there is: what it does not hold
    /// is gone.
    const fn comes_whole(self) -> bool {
        matches!(self, Self::Cluster | Self::Listener | Self::Scopes)
    }
}

// === impl Subscription ===

impl Subscription {
    /// A nonce that is not of the last response is of another stream, and says nothing.
    fn judge(&mut self, kind: Kind, request: &DiscoveryRequest) -> Option<Verdict> {
        if !self.is_in_flight || request.response_nonce.is_empty() {
            return None;
        }
        self.is_in_flight = false;
        let refusal = request.error_detail.as_ref().map(|status| status.message.clone());
        Some(Verdict { kind, refusal })
    }

    /// Takes what is asked for. Who asks again, with no verdict to give, has
    /// forgotten it.
    fn revise(&mut self, kind: Kind, names: Vec<String>, is_first: bool, is_question: bool) {
        let everything = names.iter().any(|name| name == WILDCARD)
            || names.is_empty() && kind.comes_whole() && (is_first || self.everything);
        let names = names.into_iter().filter(|name| name != WILDCARD).collect();
        let is_other = everything != self.everything || names != self.names;
        self.is_asked |= is_first && everything || is_question && !is_first;
        if is_other {
            self.sent = None;
        }
        (self.everything, self.names) = (everything, names);
        self.is_asked &= self.everything || !self.names.is_empty();
    }

    fn depart(&mut self, nonce: String, version: String) {
        self.nonce = nonce;
        self.sent = Some(version);
        (self.is_in_flight, self.is_asked) = (true, false);
    }
}
