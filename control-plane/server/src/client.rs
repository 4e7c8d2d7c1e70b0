use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::config;
use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tollgate_xds::{Snapshot, delta};
use tonic::{Status, Streaming};

use crate::connection::Peer;
use crate::delivery::{Deliveries, Delivery, Everywhere};
use crate::node::Node;
use crate::progress::Progress;
use crate::report;
use crate::revision::Revision;

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// To say who it is.
    pub(crate) introduction: Duration,
    /// To read a response.
    pub(crate) reading: Duration,
}

/// What every client is served from.
#[derive(Clone)]
pub(crate) struct Following {
    pub(crate) revisions: watch::Receiver<Arc<Revision>>,
    pub(crate) deliveries: Deliveries,
    pub(crate) patience: Patience,
}

/// One client, and all that is known about it.
struct Client {
    node: String,
    peer: Peer,
    requests: Streaming<DeltaDiscoveryRequest>,
    responses: Responses,
    revisions: watch::Receiver<Arc<Revision>>,
    /// What is published now, and what was before: a verdict may be about either.
    published: [Arc<Snapshot>; 2],
    delivery: Delivery,
    patience: Patience,
    connected: Instant,
    stream: delta::Stream,
    progress: Progress,
}

type Responses = mpsc::Sender<Result<delta::Response, Status>>;

/// Why a conversation is over.
enum End {
    /// The client went, or its connection did.
    Gone,
    /// The client does not read.
    Stalled,
    /// This process ends.
    Stopping,
}

// === impl Patience ===

impl Default for Patience {
    fn default() -> Self {
        Self { introduction: Duration::from_secs(15), reading: Duration::from_secs(30) }
    }
}

/// Talks with one client until either side ends.
pub(crate) async fn attend(
    peer: Peer,
    mut requests: Streaming<DeltaDiscoveryRequest>,
    responses: Responses,
    Following { mut revisions, deliveries, patience }: Following,
) {
    let (first, node) = match introduction(&mut requests, patience).await {
        Ok(introduction) => introduction,
        Err(status) => {
            report::refused_stranger(&peer.address, &status);
            responses.send(Err(status)).await.ok();
            return;
        }
    };
    if let Err(why) = peer.admit(&node) {
        let status = Status::permission_denied(why);
        report::refused_stranger(&peer.address, &status);
        responses.send(Err(status)).await.ok();
        return;
    }
    report::connected(&node.id, &peer.address);
    let delivery = deliveries.connect(&node, &peer);
    let revision = revisions.borrow_and_update().clone();
    let stream = delta::Stream::new(delivery.served_first(&revision.snapshot));
    let connected = Instant::now();
    let published = [revision.snapshot.clone(), revision.snapshot.clone()];
    let progress = Progress::new(revision, connected);
    let client = Client {
        node: node.id,
        peer,
        requests,
        responses,
        revisions,
        published,
        delivery,
        patience,
        connected,
        stream,
        progress,
    };
    client.converse(first).await;
}

/// The first message and the name of the client, which only that one carries.
async fn introduction(
    requests: &mut Streaming<DeltaDiscoveryRequest>,
    patience: Patience,
) -> Result<(DeltaDiscoveryRequest, Node), Status> {
    let first = timeout(patience.introduction, requests.message())
        .await
        .map_err(|_| Status::deadline_exceeded("the first request did not come in time"))??
        .ok_or_else(|| Status::invalid_argument("the stream ended before the first request"))?;
    let node = introduced(first.node.as_ref())?;
    Ok((first, node))
}

/// Who says so in a first request.
pub(crate) fn introduced(node: Option<&config::core::v3::Node>) -> Result<Node, Status> {
    let name = |text: &str| report::name(text);
    let node = node.map(|node| Node { id: name(&node.id), group: name(&node.cluster) });
    let node = node.unwrap_or_default();
    if node.id.is_empty() {
        return Err(Status::invalid_argument(
            "node.id: is empty in the first request; set node.id",
        ));
    }
    Ok(node)
}

// === impl Client ===

impl Client {
    async fn converse(mut self, first: DeltaDiscoveryRequest) {
        self.hear(first);
        let end = loop {
            if let Err(end) = self.speak().await {
                break end;
            }
            if let Err(end) = self.listen().await {
                break end;
            }
        };
        match end {
            End::Gone => report::gone(&self.node),
            End::Stalled => {
                report::stalled(&self.node, self.patience.reading);
                self.peer.cut();
            }
            End::Stopping => {
                let status = Status::unavailable("the control plane is stopping");
                self.responses.send(Err(status)).await.ok();
            }
        }
    }

    /// Says all that there is to say now.
    async fn speak(&mut self) -> Result<(), End> {
        while let Some(response) = self.stream.next(self.connected.elapsed()) {
            self.progress.sent(&response.nonce);
            self.delivery.sent(&response, self.stream.snapshot());
            match timeout(self.patience.reading, self.responses.send(Ok(response))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(End::Gone),
                Err(_) => return Err(End::Stalled),
            }
        }
        Ok(())
    }

    /// Waits for whatever comes first: a request, a revision, or a deadline.
    async fn listen(&mut self) -> Result<(), End> {
        tokio::select! {
            request = self.requests.message() => match request {
                Ok(Some(request)) => self.hear(request),
                Ok(None) | Err(_) => return Err(End::Gone),
            },
            changed = self.revisions.changed() => match changed {
                Ok(()) => self.renew(),
                Err(_) => return Err(End::Stopping),
            },
            () = until(self.stream.deadline().and_then(|at| self.connected.checked_add(at))) => {}
            () = self.delivery.holds_changed() => self.hold_back(),
            () = until(self.progress.quiet_at()) => self.arrive(),
        }
        Ok(())
    }

    fn hear(&mut self, request: DeltaDiscoveryRequest) {
        let nonce = request.response_nonce.clone();
        let event = self.stream.on_request(request, self.connected.elapsed());
        self.progress.heard(&nonce, event.as_ref(), Instant::now());
        if let Some(event) = event {
            report::refused(&self.node, &event);
            let [now, before] = &self.published;
            self.delivery.heard(&event, &[now, before, self.stream.snapshot()]);
        }
    }

    fn renew(&mut self) {
        let revision = self.revisions.borrow_and_update().clone();
        let [now, before] = &mut self.published;
        *before = std::mem::replace(now, revision.snapshot.clone());
        self.progress.renew(revision, Instant::now());
        self.hold_back();
    }

    /// Serves what is published, but for what was refused.
    fn hold_back(&mut self) {
        let [now, _] = &self.published;
        let served = self.delivery.served(now, &self.stream);
        self.stream.on_snapshot(served);
    }

    fn arrive(&mut self) {
        let arrival = self.progress.arrive();
        report::arrived(&self.node, &arrival);
        if let Some(Everywhere { revision, after }) = self.delivery.arrived(&arrival) {
            report::live_everywhere(revision, after);
        }
    }
}

/// Never, if there is no deadline.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
