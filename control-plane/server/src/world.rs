//! Clients that speak the state-of-the-world variant, as gRPC's do.

use envoy_types::pb::envoy::service::discovery::v3::DiscoveryRequest;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tollgate_xds::sotw;
use tonic::{Status, Streaming};

use crate::client::{Following, Patience, introduced};
use crate::connection::Peer;
use crate::node::Node;
use crate::report;

/// One client.
struct Client {
    node: String,
    group: String,
    peer: Peer,
    requests: Streaming<DiscoveryRequest>,
    responses: Responses,
    following: Following,
    stream: sotw::Stream,
}

type Responses = mpsc::Sender<Result<sotw::Response, Status>>;

/// Talks with one client until either side ends.
pub(crate) async fn attend(
    peer: Peer,
    mut requests: Streaming<DiscoveryRequest>,
    responses: Responses,
    Following { mut revisions, deliveries, patience }: Following,
) {
    let (first, node) = match introduction(&mut requests, &peer, patience).await {
        Ok(introduction) => introduction,
        Err(status) => {
            report::refused_stranger(&peer.address, &status);
            responses.send(Err(status)).await.ok();
            return;
        }
    };
    report::connected(&node.id, &peer.address);
    let seen = deliveries.seen_by(&node.group, &revisions.borrow_and_update().snapshot);
    let stream = sotw::Stream::new(seen);
    let (following, Node { id, group }) = (Following { revisions, deliveries, patience }, node);
    let mut client = Client { node: id, group, peer, requests, responses, following, stream };
    client.hear(first);
    while client.speak().await && client.listen().await {}
    report::gone(&client.node);
}

/// The first message and the name of the client, which only that one carries.
async fn introduction(
    requests: &mut Streaming<DiscoveryRequest>,
    peer: &Peer,
    patience: Patience,
) -> Result<(DiscoveryRequest, Node), Status> {
    let first = timeout(patience.introduction, requests.message())
        .await
        .map_err(|_| Status::deadline_exceeded("the first request did not come in time"))??
        .ok_or_else(|| Status::invalid_argument("the stream ended before the first request"))?;
    let node = introduced(first.node.as_ref())?;
    peer.admit(&node).map_err(Status::permission_denied)?;
    Ok((first, node))
}

// === impl Client ===

impl Client {
    /// Says all that there is to say now. False if nobody listens.
    async fn speak(&mut self) -> bool {
        while let Some(response) = self.stream.say() {
            match timeout(self.following.patience.reading, self.responses.send(Ok(response))).await
            {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return false,
                Err(_) => {
                    report::stalled(&self.node, self.following.patience.reading);
                    self.peer.cut();
                    return false;
                }
            }
        }
        true
    }

    /// Waits for whatever comes first: a request or a revision.
    async fn listen(&mut self) -> bool {
        tokio::select! {
            request = self.requests.message() => match request {
                Ok(Some(request)) => self.hear(request),
                Ok(None) | Err(_) => return false,
            },
            changed = self.following.revisions.changed() => if changed.is_ok() {
                let Following { revisions, deliveries, .. } = &mut self.following;
                let newest = revisions.borrow_and_update().snapshot.clone();
                self.stream.on_snapshot(deliveries.seen_by(&self.group, &newest));
            } else {
                let status = Status::unavailable("the control plane is stopping");
                self.responses.send(Err(status)).await.ok();
                return false;
            },
        }
        true
    }

    fn hear(&mut self, request: DiscoveryRequest) {
        if let Some(sotw::Verdict { kind, refusal: Some(reason), .. }) =
            self.stream.on_request(request)
        {
            report::refused_together(&self.node, kind, &reason);
        }
    }
}
