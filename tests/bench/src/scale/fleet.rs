//! Many clients of the control plane that take whatever comes, and look into none
//! of it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryResponse;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;

/// What is asked for, in the order of Envoy.
const TYPES: [&str; 4] = [
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.listener.v3.Listener",
    "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration",
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
];

/// How long nothing may come for a client to have all there is.
const QUIET: Duration = Duration::from_millis(500);

/// The clients, each on a connection of its own.
pub(crate) struct Fleet(Vec<watch::Receiver<Heard>>);

/// What a client has heard.
#[derive(Clone, Copy, Debug)]
struct Heard {
    resources: u64,
    bytes: u64,
    /// When it last sent an ACK.
    last: Instant,
}

impl Fleet {
    /// Connects them all.
    pub(crate) async fn connect(xds: SocketAddr, clients: usize) -> Result<Self> {
        let mut heard = Vec::new();
        for number in 0..clients {
            let (told, receiver) = watch::channel(Heard { resources: 0, bytes: 0, last: now() });
            let stream = Stream::open(xds, number).await?;
            tokio::spawn(stream.take(told));
            heard.push(receiver);
        }
        Ok(Self(heard))
    }

    /// Waits until no client has heard anything for a while: how long after `start`
    /// the last one heard something.
    pub(crate) async fn settled(&self, start: Instant) -> Duration {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let last = self.0.iter().map(|heard| heard.borrow().last).max().unwrap_or(start);
            if QUIET < last.elapsed() {
                return last.saturating_duration_since(start);
            }
        }
    }

    /// Waits until every client has heard of one resource more: when the first and
    /// the last one said that it took it.
    pub(crate) async fn all_hear(
        &mut self,
        change: impl FnOnce() -> Result<()>,
    ) -> Result<(Instant, Instant)> {
        let before: Vec<u64> = self.0.iter().map(|heard| heard.borrow().resources).collect();
        change()?;
        let (mut first, mut last) = (None, None);
        for (heard, before) in self.0.iter_mut().zip(before) {
            let heard = heard.wait_for(|heard| before < heard.resources).await?.last;
            first = Some(first.map_or(heard, |first: Instant| first.min(heard)));
            last = Some(last.map_or(heard, |last: Instant| last.max(heard)));
        }
        first.zip(last).context("there are no clients")
    }

    /// What was sent to all of them.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().map(|heard| heard.borrow().bytes).sum()
    }
}

struct Stream {
    requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: tonic::Streaming<DeltaDiscoveryResponse>,
}

impl Stream {
    async fn open(xds: SocketAddr, number: usize) -> Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{xds}"))?
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20);
        let channel = endpoint.connect().await?;
        let mut client =
            AggregatedDiscoveryServiceClient::new(channel).max_decoding_message_size(usize::MAX);
        let (requests, queue) = mpsc::channel(8);
        for (index, kind) in TYPES.iter().enumerate() {
            let node = Node { id: format!("client-{number}"), ..Node::default() };
            requests
                .send(DeltaDiscoveryRequest {
                    node: (index == 0).then_some(node),
                    type_url: (*kind).to_owned(),
                    resource_names_subscribe: vec!["*".to_owned()],
                    ..DeltaDiscoveryRequest::default()
                })
                .await?;
        }
        let responses =
            client.delta_aggregated_resources(ReceiverStream::new(queue)).await?.into_inner();
        Ok(Self { requests, responses })
    }

    /// Acknowledges whatever comes, until there is nobody left to tell.
    async fn take(mut self, told: watch::Sender<Heard>) -> Result<()> {
        while let Some(response) = self.responses.message().await? {
            let ack = DeltaDiscoveryRequest {
                type_url: response.type_url.clone(),
                response_nonce: response.nonce.clone(),
                ..DeltaDiscoveryRequest::default()
            };
            self.requests.send(ack).await?;
            let bodies = response.resources.iter().filter_map(|one| one.resource.as_ref());
            let bytes: usize = bodies.map(|body| body.value.len()).sum();
            told.send_modify(|heard| {
                heard.resources = heard.resources.saturating_add(response.resources.len() as u64);
                heard.bytes = heard.bytes.saturating_add(bytes as u64);
                heard.last = now();
            });
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "it measures real time")]
fn now() -> Instant {
    Instant::now()
}
