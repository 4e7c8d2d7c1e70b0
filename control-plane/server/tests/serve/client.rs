use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tollgate_xds::Kind;
use tonic::Streaming;

use crate::process::{NEVER, Served};

/// A client that subscribes to everything, and takes it.
pub(crate) struct Client {
    node: String,
    requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: Streaming<DeltaDiscoveryResponse>,
}

// === impl Client ===

impl Client {
    pub(crate) async fn connect(served: &Served, node: &str) -> Self {
        let url = format!("http://{}", served.address);
        let mut service = AggregatedDiscoveryServiceClient::connect(url).await.unwrap();
        let (requests, queue) = mpsc::channel(16);
        let stream = service.delta_aggregated_resources(ReceiverStream::new(queue)).await.unwrap();
        let this = Self { node: node.to_owned(), requests, responses: stream.into_inner() };
        for kind in Kind::ALL {
            this.say(DeltaDiscoveryRequest {
                node: Some(Node { id: node.to_owned(), ..Node::default() }),
                type_url: kind.type_url().to_owned(),
                resource_names_subscribe: vec!["*".to_owned()],
                ..DeltaDiscoveryRequest::default()
            })
            .await;
        }
        this
    }

    async fn say(&self, request: DeltaDiscoveryRequest) {
        self.requests.send(request).await.unwrap();
    }

    /// What it was sent until it had all of a revision, sorted.
    pub(crate) async fn settled(&mut self, served: &Served, revision: u64) -> Vec<String> {
        let live = format!("is live node={:?} revision={revision} ", self.node);
        let mut said = Vec::new();
        let begun = tokio::time::Instant::now();
        while served.count(&live) == 0 {
            assert!(begun.elapsed() < NEVER, "no {live:?} after {said:?}");
            let wait = Duration::from_millis(20);
            if let Ok(response) = tokio::time::timeout(wait, self.responses.message()).await {
                said.extend(self.take(response.unwrap().unwrap()).await);
            }
        }
        said.sort();
        said
    }

    /// Takes a response, and tells what it says.
    async fn take(&self, response: DeltaDiscoveryResponse) -> Vec<String> {
        self.say(DeltaDiscoveryRequest {
            type_url: response.type_url.clone(),
            response_nonce: response.nonce,
            ..DeltaDiscoveryRequest::default()
        })
        .await;
        let kind = format!("{:?}", Kind::from_type_url(&response.type_url).unwrap()).to_lowercase();
        let added = response.resources.into_iter().map(|r| format!("{kind} {}", r.name));
        let removed = response.removed_resources.into_iter().map(|name| format!("-{kind} {name}"));
        added.chain(removed).collect()
    }

    /// What the server said at the end.
    pub(crate) async fn end(&mut self) -> String {
        let ended = tokio::time::timeout(NEVER, self.responses.message()).await.unwrap();
        ended.unwrap_err().message().to_owned()
    }
}
