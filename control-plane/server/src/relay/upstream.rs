//! A delta stream to whichever control plane can be reached.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::Node as PbNode;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse,
};
use envoy_types::pb::google::rpc;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;
use tollgate_xds::{Kind, Snapshot};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};

use crate::dial::Dial;
use crate::node::Node;
use crate::report;
use crate::tls::ClientTls;

/// The name that the certificates of control planes are for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UpstreamName(pub(crate) ServerName<'static>);

/// What the Envoy says of a response.
pub(super) struct Answer {
    pub(super) kind: Kind,
    pub(super) nonce: String,
    pub(super) error: Option<String>,
}

/// Control planes, one of which is asked.
pub(super) struct Upstream {
    addresses: VecDeque<SocketAddr>,
    tls: Option<ClientTls>,
    node: Node,
    pause: Duration,
    stream: Option<Ends>,
}

struct Ends {
    address: SocketAddr,
    requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: Streaming<DeltaDiscoveryResponse>,
}

/// Between two tries, doubled while nobody answers.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(5);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A control plane that vanished without a word is noticed within 15 s.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));

/// A resource may be larger than what tonic takes by default.
const RESPONSE_BYTES_MAX: usize = 256 << 20;

// === impl UpstreamName ===

impl std::str::FromStr for UpstreamName {
    type Err = InvalidDnsNameError;

    fn from_str(text: &str) -> Result<Self, InvalidDnsNameError> {
        ServerName::try_from(text.to_owned()).map(Self)
    }
}

// === impl Upstream ===

impl Upstream {
    pub(super) fn new(addresses: Vec<SocketAddr>, tls: Option<ClientTls>, node: Node) -> Self {
        Self { addresses: addresses.into(), tls, node, pause: PAUSE_MIN, stream: None }
    }

    /// The next response; `None` where a stream ended, and the next call begins
    /// another. Nothing is lost if it is not polled to the end.
    pub(super) async fn next(&mut self, runs: &Snapshot) -> Option<DeltaDiscoveryResponse> {
        if self.stream.is_none() {
            self.connect(runs).await;
        }
        let Ends { address, responses, .. } = self.stream.as_mut()?;
        match responses.message().await {
            Ok(Some(response)) => {
                self.pause = PAUSE_MIN;
                Some(response)
            }
            Ok(None) => {
                report::upstream_gone(*address, &Status::unavailable("the stream ended"));
                self.lose()
            }
            Err(status) => {
                report::upstream_gone(*address, &status);
                self.lose()
            }
        }
    }

    fn lose(&mut self) -> Option<DeltaDiscoveryResponse> {
        self.stream = None;
        self.addresses.rotate_left(1);
        None
    }

    /// Tries one after another until one answers.
    async fn connect(&mut self, runs: &Snapshot) {
        while self.stream.is_none() {
            let Some(address) = self.addresses.front().copied() else { return };
            match self.open(address, runs).await {
                Ok(ends) => {
                    report::upstream(address);
                    self.stream = Some(ends);
                }
                Err(status) => {
                    report::upstream_gone(address, &status);
                    self.addresses.rotate_left(1);
                    sleep(self.pause).await;
                    self.pause = self.pause.saturating_mul(2).min(PAUSE_MAX);
                }
            }
        }
    }

    async fn open(&self, address: SocketAddr, runs: &Snapshot) -> Result<Ends, Status> {
        let channel = self.channel(address).await?;
        let mut client = AggregatedDiscoveryServiceClient::new(channel)
            .max_decoding_message_size(RESPONSE_BYTES_MAX);
        // All first requests fit, so that none waits for the stream to be open.
        let (requests, queue) = mpsc::channel(Kind::ALL.len().saturating_mul(2));
        for kind in Kind::ALL {
            requests.send(self.first(kind, runs)).await.ok();
        }
        let responses = client.delta_aggregated_resources(ReceiverStream::new(queue)).await?;
        Ok(Ends { address, requests, responses: responses.into_inner() })
    }

    async fn channel(&self, address: SocketAddr) -> Result<Channel, Status> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"));
        let endpoint = endpoint.map_err(|error| unavailable(&error))?;
        let (interval, timeout) = KEEPALIVE;
        let endpoint = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(interval)
            .keep_alive_timeout(timeout);
        let dial = Dial::new(address, self.tls.as_ref().map(ClientTls::connector));
        endpoint.connect_with_connector(dial).await.map_err(|error| unavailable(&error))
    }

    /// Asks for everything of a kind, but for what the Envoy has.
    fn first(&self, kind: Kind, runs: &Snapshot) -> DeltaDiscoveryRequest {
        let Node { id, group } = self.node.clone();
        let has = runs.of(kind).map(|(name, one)| (name.clone(), one.version.clone()));
        DeltaDiscoveryRequest {
            node: Some(PbNode { id, cluster: group, ..PbNode::default() }),
            type_url: kind.type_url().to_owned(),
            resource_names_subscribe: vec!["*".to_owned()],
            initial_resource_versions: has.collect(),
            ..DeltaDiscoveryRequest::default()
        }
    }

    /// Passes on what the Envoy says. A stream that ended has no use for it.
    pub(super) async fn answer(&mut self, answer: Answer) {
        let Answer { kind, nonce, error } = answer;
        let Some(Ends { requests, .. }) = &self.stream else { return };
        let error = error.map(|message| rpc::Status {
            code: Code::InvalidArgument as i32,
            message,
            ..rpc::Status::default()
        });
        let request = DeltaDiscoveryRequest {
            type_url: kind.type_url().to_owned(),
            response_nonce: nonce,
            error_detail: error,
            ..DeltaDiscoveryRequest::default()
        };
        requests.send(request).await.ok();
    }
}

fn unavailable(error: &dyn std::error::Error) -> Status {
    // What tonic says itself is "transport error".
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = deeper.to_string();
        cause = deeper.source();
    }
    Status::unavailable(text)
}
