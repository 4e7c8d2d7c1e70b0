//! Real streams over loopback.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryResponse;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use tokio::sync::watch;
use tollgate_model::Envoys;
use tollgate_xds::{Kind, Resource, Snapshot};
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use super::*;
use crate::client::Patience;
use crate::delivery::Deliveries;
use crate::revision::Revision;
use crate::serve::{Services, serve_streams};

const NEVER: Duration = Duration::from_secs(30);
const LONG: Duration = Duration::from_mins(1);
/// As much as fits on its way.
const WINDOW: u32 = 4 << 20;
const SHORT: Duration = Duration::from_millis(100);
const PATIENT: Patience = Patience { introduction: LONG, reading: LONG };

struct Server {
    revisions: watch::Sender<Arc<Revision>>,
    address: String,
}

impl Server {
    fn start(snapshot: Snapshot, patience: Patience) -> Self {
        let (revisions, receiver) = watch::channel(Arc::new(Revision::new(1, snapshot)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let deliveries = Deliveries::new();
        let following = Following { revisions: receiver, deliveries, patience };
        tokio::spawn(serve_streams(listener.into(), None, following, Services::default()));
        Self { revisions, address }
    }

    async fn client(&self, window: u32) -> AggregatedDiscoveryServiceClient<Channel> {
        let endpoint = Endpoint::from_shared(self.address.clone()).unwrap();
        let channel = endpoint.initial_stream_window_size(window).connect().await.unwrap();
        AggregatedDiscoveryServiceClient::new(channel)
    }

    async fn stream(&self) -> Ends {
        self.stream_through(WINDOW).await
    }

    async fn stream_through(&self, window: u32) -> Ends {
        let (requests, queue) = mpsc::channel(8);
        let stream = ReceiverStream::new(queue);
        let response = self.client(window).await.delta_aggregated_resources(stream).await.unwrap();
        (requests, response.into_inner())
    }
}

/// A client's ends of a stream.
type Ends = (mpsc::Sender<DeltaDiscoveryRequest>, Streaming<DeltaDiscoveryResponse>);

/// The next response. A test that waits for what never comes should fail.
async fn next(
    responses: &mut Streaming<DeltaDiscoveryResponse>,
) -> Result<Option<DeltaDiscoveryResponse>, Status> {
    tokio::time::timeout(NEVER, responses.message()).await.expect("nothing came")
}

fn clusters(clusters: &[(&str, &str)]) -> Snapshot {
    let clusters = clusters.iter().map(|(name, version)| {
        let resource = Resource {
            version: (*version).to_owned(),
            body: vec![0; 4096].into(),
            ..Resource::default()
        };
        (Kind::Cluster, (*name).to_owned(), resource)
    });
    clusters.collect()
}

/// One secret for each group, and one for all.
fn secrets() -> Snapshot {
    let secrets = [("edge", &["edge"][..]), ("inner", &["inner"]), ("shared", &[])];
    let secrets = secrets.map(|(name, groups)| {
        let envoys = Envoys::of(groups.iter().copied().map(str::to_owned));
        let version = "1".to_owned();
        (Kind::Secret, name.to_owned(), Resource { version, envoys, ..Resource::default() })
    });
    secrets.into_iter().collect()
}

fn every_cluster(node: &str) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        node: Some(Node { id: node.to_owned(), ..Node::default() }),
        type_url: Kind::Cluster.type_url().to_owned(),
        ..DeltaDiscoveryRequest::default()
    }
}

fn ack(response: &DeltaDiscoveryResponse) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        type_url: response.type_url.clone(),
        response_nonce: response.nonce.clone(),
        ..DeltaDiscoveryRequest::default()
    }
}

/// What a response says, as `name=version` and `-name`.
fn said(response: &DeltaDiscoveryResponse) -> Vec<String> {
    let added = response.resources.iter().map(|r| format!("{}={}", r.name, r.version));
    let removed = response.removed_resources.iter().map(|name| format!("-{name}"));
    added.chain(removed).collect()
}

#[tokio::test]
async fn a_client_gets_everything_and_then_only_what_changed() {
    let server = Server::start(clusters(&[("a", "1"), ("b", "1")]), PATIENT);
    let (requests, mut responses) = server.stream().await;
    requests.send(every_cluster("gw-1")).await.unwrap();
    let first = next(&mut responses).await.unwrap().unwrap();
    assert_eq!(said(&first), ["a=1", "b=1"]);
    assert_eq!(first.resources[0].resource.as_ref().unwrap().value, vec![0; 4096]);

    requests.send(ack(&first)).await.unwrap();
    let changed = clusters(&[("a", "1"), ("b", "2")]);
    server.revisions.send_replace(Arc::new(Revision::new(2, changed)));
    let second = next(&mut responses).await.unwrap().unwrap();
    assert_eq!(said(&second), ["b=2"]);
}

#[tokio::test]
async fn a_client_that_does_not_introduce_itself_is_turned_away() {
    let patience = Patience { introduction: SHORT, ..PATIENT };
    let server = Server::start(clusters(&[]), patience);
    for (first, code, text) in [
        (
            Some(every_cluster("")),
            Code::InvalidArgument,
            "node.id: is empty in the first request; set node.id",
        ),
        (
            Some(DeltaDiscoveryRequest::default()),
            Code::InvalidArgument,
            "node.id: is empty in the first request; set node.id",
        ),
        (None, Code::DeadlineExceeded, "the first request did not come in time"),
    ] {
        let (requests, mut responses) = server.stream().await;
        if let Some(first) = first {
            requests.send(first).await.unwrap();
        }
        let status = next(&mut responses).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, text));
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_and_others_are_served() {
    // Ample for a client that reads, however busy the machine is.
    let patience = Patience { reading: Duration::from_secs(1), ..PATIENT };
    let names: Vec<String> = (0..1_000).map(|n| format!("cluster-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let server = Server::start(clusters(&many), patience);
    // So little goes out unread.
    let (requests, mut responses) = server.stream_through(1).await;
    requests.send(every_cluster("gw-1")).await.unwrap();
    // Nothing is read until the server has dropped the other end.
    tokio::time::timeout(NEVER, requests.closed()).await.expect("it was not dropped");
    let status = loop {
        match next(&mut responses).await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended as if it were complete"),
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::Unknown, "{status}");

    let (requests, mut responses) = server.stream().await;
    requests.send(every_cluster("gw-2")).await.unwrap();
    assert!(next(&mut responses).await.unwrap().is_some());
}

#[tokio::test]
async fn a_client_may_name_a_hundred_thousand_resources() {
    let server = Server::start(clusters(&[("cluster-0", "1"), ("new", "1")]), PATIENT);
    let (requests, mut responses) = server.stream().await;
    let name = |number| (format!("cluster-{number}"), "1".to_owned());
    let has = (0..100_000).map(name).collect();
    let first = DeltaDiscoveryRequest { initial_resource_versions: has, ..every_cluster("gw-1") };
    requests.send(first).await.unwrap();
    let response = next(&mut responses).await.unwrap().unwrap();
    assert_eq!(said(&response), ["new=1"]);
}

#[tokio::test]
async fn streams_end_when_the_process_does() {
    let server = Server::start(clusters(&[("a", "1")]), PATIENT);
    let (requests, mut responses) = server.stream().await;
    requests.send(every_cluster("gw-1")).await.unwrap();
    next(&mut responses).await.unwrap().unwrap();
    drop(server);
    let status = next(&mut responses).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "the control plane is stopping");
}

#[tokio::test]
async fn state_of_the_world_is_served_to_others_than_envoys() {
    let server = Server::start(clusters(&[("a", "1"), ("b", "1")]), PATIENT);
    let (requests, queue) = mpsc::channel(8);
    let queue = ReceiverStream::new(queue);
    let stream = server.client(WINDOW).await.stream_aggregated_resources(queue).await.unwrap();
    let mut responses = stream.into_inner();
    let asking = |nonce: &str| DiscoveryRequest {
        node: Some(Node { id: "client".to_owned(), ..Node::default() }),
        type_url: Kind::Cluster.type_url().to_owned(),
        response_nonce: nonce.to_owned(),
        ..DiscoveryRequest::default()
    };
    requests.send(asking("")).await.unwrap();
    let mut next = async || {
        let next = tokio::time::timeout(NEVER, responses.message()).await;
        next.expect("nothing came").unwrap().unwrap()
    };
    let first = next().await;
    assert_eq!(first.resources.len(), 2);
    requests.send(asking(&first.nonce)).await.unwrap();
    server.revisions.send_replace(Arc::new(Revision::new(2, clusters(&[("b", "2")]))));
    assert_eq!(next().await.resources.len(), 1, "what is not in it is gone");
}

#[tokio::test]
async fn nobody_is_told_of_a_secret_of_another_group_whatever_is_asked() {
    let server = Server::start(secrets(), PATIENT);
    let (requests, mut responses) = server.stream().await;
    let asking = |names: &[&str]| DeltaDiscoveryRequest {
        node: Some(Node { id: "a".to_owned(), cluster: "inner".to_owned(), ..Node::default() }),
        type_url: Kind::Secret.type_url().to_owned(),
        resource_names_subscribe: names.iter().map(|&name| name.to_owned()).collect(),
        ..DeltaDiscoveryRequest::default()
    };
    requests.send(asking(&["edge", "inner"])).await.unwrap();
    let told = next(&mut responses).await.unwrap().unwrap();
    assert_eq!(said(&told), ["inner=1", "-edge"], "as one that does not exist");
    requests.send(asking(&["*"])).await.unwrap();
    assert_eq!(said(&next(&mut responses).await.unwrap().unwrap()), ["shared=1"]);

    let mut changed = secrets();
    let resource = |version: &str, groups: [&str; 1]| Resource {
        version: version.to_owned(),
        envoys: Envoys::of(groups.map(str::to_owned)),
        ..Resource::default()
    };
    changed.insert(Kind::Secret, "edge".to_owned(), resource("2", ["edge"]));
    changed.insert(Kind::Secret, "inner".to_owned(), resource("2", ["inner"]));
    server.revisions.send_replace(Arc::new(Revision::new(2, changed)));
    assert_eq!(said(&next(&mut responses).await.unwrap().unwrap()), ["inner=2"]);

    // Another that says so of the state of the world.
    let (requests, queue) = mpsc::channel(8);
    let queue = ReceiverStream::new(queue);
    let stream = server.client(WINDOW).await.stream_aggregated_resources(queue).await.unwrap();
    let asking = DiscoveryRequest {
        node: Some(Node { id: "b".to_owned(), cluster: "edge".to_owned(), ..Node::default() }),
        type_url: Kind::Secret.type_url().to_owned(),
        resource_names: vec!["edge".to_owned(), "inner".to_owned()],
        ..DiscoveryRequest::default()
    };
    requests.send(asking).await.unwrap();
    let told = tokio::time::timeout(NEVER, stream.into_inner().message()).await.unwrap();
    assert_eq!(told.unwrap().unwrap().resources.len(), 1);
}
