//! The state-of-the-world variant: everything in each response, one at a time.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test"
)]

use std::sync::Arc;

use envoy_types::pb::envoy::service::discovery::v3::DiscoveryRequest;
use envoy_types::pb::google::rpc::Status;
use prost::Message as _;
use tollgate_xds::sotw::{Response, Stream, Verdict};
use tollgate_xds::{Kind, Resource, Snapshot};

const CLUSTER: Kind = Kind::Cluster;
const ROUTES: Kind = Kind::Routes;

fn snapshot(resources: &[(Kind, &str, &str)]) -> Arc<Snapshot> {
    let resources = resources.iter().map(|(kind, name, version)| {
        let resource = Resource {
            version: (*version).to_owned(),
            body: format!("{name}={version}").into_bytes().into(),
            ..Resource::default()
        };
        (*kind, (*name).to_owned(), resource)
    });
    Arc::new(resources.collect())
}

fn asking(kind: Kind, names: &[&str]) -> DiscoveryRequest {
    DiscoveryRequest {
        type_url: kind.type_url().to_owned(),
        resource_names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..DiscoveryRequest::default()
    }
}

/// A verdict, which names again all that is asked for.
fn ack(response: &Response, names: &[&str]) -> DiscoveryRequest {
    DiscoveryRequest {
        type_url: response.type_url.clone(),
        response_nonce: response.nonce.clone(),
        version_info: response.version_info.clone(),
        resource_names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..DiscoveryRequest::default()
    }
}

fn nack(response: &Response, names: &[&str]) -> DiscoveryRequest {
    let error = Status { message: "no".to_owned(), ..Status::default() };
    DiscoveryRequest { error_detail: Some(error), ..ack(response, names) }
}

fn bodies(response: &Response) -> Vec<String> {
    let texts = response.resources.iter().map(|one| String::from_utf8(one.value.to_vec()).unwrap());
    texts.collect()
}

/// What is said next, and that it is all.
#[track_caller]
fn said(stream: &mut Stream) -> Response {
    let response = stream.say().expect("nothing was said");
    assert_eq!(stream.say(), None, "more was said");
    response
}

#[test]
fn every_response_holds_everything_that_is_asked_for() {
    let mut stream = Stream::new(snapshot(&[(CLUSTER, "a", "1"), (CLUSTER, "b", "1")]));
    stream.on_request(asking(CLUSTER, &[]));
    let first = said(&mut stream);
    assert_eq!(bodies(&first), ["a=1", "b=1"]);
    assert_eq!(stream.on_request(ack(&first, &[])).unwrap().refusal, None);
    assert_eq!(stream.say(), None);
    stream.on_snapshot(snapshot(&[(CLUSTER, "b", "2")]));
    let second = said(&mut stream);
    assert_eq!(bodies(&second), ["b=2"], "what is not in it is gone");
    assert_ne!(first.version_info, second.version_info);
}

#[test]
fn clusters_by_name_are_answered_whole_too() {
    let mut stream = Stream::new(snapshot(&[(CLUSTER, "a", "1"), (CLUSTER, "b", "1")]));
    stream.on_request(asking(CLUSTER, &["b"]));
    let first = said(&mut stream);
    assert_eq!(bodies(&first), ["b=1"]);
    stream.on_request(ack(&first, &["b"]));
    stream.on_request(ack(&first, &["a", "b"]));
    let second = said(&mut stream);
    assert_eq!(bodies(&second), ["a=1", "b=1"]);
    stream.on_request(ack(&second, &["a", "b"]));
    stream.on_snapshot(snapshot(&[(CLUSTER, "a", "1")]));
    assert_eq!(bodies(&said(&mut stream)), ["a=1"], "the client sees that it is gone");
}

#[test]
fn everything_is_answered_even_when_there_is_nothing() {
    let mut stream = Stream::new(snapshot(&[]));
    stream.on_request(asking(Kind::Listener, &[]));
    assert_eq!(bodies(&said(&mut stream)), [""; 0]);
}

#[test]
fn a_name_that_does_not_exist_is_sent_when_it_does() {
    let mut stream = Stream::new(snapshot(&[]));
    stream.on_request(asking(ROUTES, &["r"]));
    assert_eq!(stream.say(), None);
    stream.on_snapshot(snapshot(&[(ROUTES, "r", "1"), (ROUTES, "other", "1")]));
    assert_eq!(bodies(&said(&mut stream)), ["r=1"]);
}

#[test]
fn a_refused_version_is_not_offered_again_but_a_new_one_is() {
    let mut stream = Stream::new(snapshot(&[(ROUTES, "r", "1")]));
    stream.on_request(asking(ROUTES, &["r"]));
    let first = said(&mut stream);
    let verdict = stream.on_request(nack(&first, &["r"]));
    let Some(Verdict { kind: ROUTES, refusal: Some(reason), .. }) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(reason, "no");
    assert_eq!(stream.say(), None);
    stream.on_snapshot(snapshot(&[(ROUTES, "r", "2")]));
    assert_eq!(bodies(&said(&mut stream)), ["r=2"]);
}

#[test]
fn a_refused_kind_does_not_block_another() {
    let mut stream = Stream::new(snapshot(&[(ROUTES, "r", "1"), (CLUSTER, "a", "1")]));
    stream.on_request(asking(ROUTES, &["r"]));
    let first = said(&mut stream);
    stream.on_request(nack(&first, &["r"]));
    stream.on_request(asking(CLUSTER, &[]));
    assert_eq!(bodies(&said(&mut stream)), ["a=1"]);
}

#[test]
fn there_is_one_response_at_a_time_and_the_newest_is_next() {
    let mut stream = Stream::new(snapshot(&[(CLUSTER, "a", "1")]));
    stream.on_request(asking(CLUSTER, &[]));
    let first = said(&mut stream);
    stream.on_snapshot(snapshot(&[(CLUSTER, "a", "2")]));
    stream.on_snapshot(snapshot(&[(CLUSTER, "a", "3")]));
    assert_eq!(stream.say(), None);
    stream.on_request(ack(&first, &[]));
    assert_eq!(bodies(&said(&mut stream)), ["a=3"]);
}

#[test]
fn a_stale_request_is_passed_over_while_a_newer_response_is_under_way() {
    let mut stream = Stream::new(snapshot(&[(ROUTES, "r", "1"), (ROUTES, "s", "1")]));
    stream.on_request(asking(ROUTES, &["r"]));
    let first = said(&mut stream);
    stream.on_request(ack(&first, &["r"]));
    stream.on_snapshot(snapshot(&[(ROUTES, "r", "2"), (ROUTES, "s", "1")]));
    let second = said(&mut stream);
    assert_eq!(stream.on_request(ack(&first, &["r", "s"])), None);
    assert_eq!(stream.say(), None);
    stream.on_request(ack(&second, &["r", "s"]));
    assert_eq!(bodies(&said(&mut stream)), ["r=2", "s=1"]);
}

#[test]
fn who_asks_again_is_answered_although_nothing_changed() {
    let mut stream = Stream::new(snapshot(&[(ROUTES, "r", "1")]));
    stream.on_request(asking(ROUTES, &["r"]));
    let first = said(&mut stream);
    stream.on_request(ack(&first, &["r"]));
    assert_eq!(stream.say(), None);
    stream.on_request(ack(&first, &["r"]));
    assert_eq!(bodies(&said(&mut stream)), ["r=1"]);
}

#[test]
fn a_changed_cluster_is_followed_by_its_endpoints() {
    let before = [(CLUSTER, "a", "1"), (Kind::Endpoints, "a", "1")];
    let mut stream = Stream::new(snapshot(&before));
    stream.on_request(asking(CLUSTER, &[]));
    let clusters = said(&mut stream);
    stream.on_request(asking(Kind::Endpoints, &["a"]));
    let endpoints = said(&mut stream);
    stream.on_request(ack(&endpoints, &["a"]));
    stream.on_request(ack(&clusters, &[]));
    stream.on_snapshot(snapshot(&[(CLUSTER, "a", "2"), (Kind::Endpoints, "a", "1")]));
    let types: Vec<_> = std::iter::from_fn(|| stream.say()).map(|one| one.type_url).collect();
    assert_eq!(types, [CLUSTER.type_url(), Kind::Endpoints.type_url()]);
}

#[test]
fn a_kind_that_is_not_served_is_passed_over() {
    let mut stream = Stream::new(snapshot(&[(CLUSTER, "a", "1")]));
    let request =
        DiscoveryRequest { type_url: "type.googleapis.com/x".to_owned(), ..asking(CLUSTER, &[]) };
    assert_eq!(stream.on_request(request), None);
    assert_eq!(stream.say(), None);
    stream.on_request(asking(CLUSTER, &[]));
    said(&mut stream);
}

#[test]
fn a_response_is_a_discovery_response() {
    let mut stream = Stream::new(snapshot(&[(CLUSTER, "a", "1")]));
    stream.on_request(asking(CLUSTER, &["*"]));
    let ours = said(&mut stream);
    let bytes = ours.encode_to_vec();
    let theirs = envoy_types::pb::envoy::service::discovery::v3::DiscoveryResponse::decode(&*bytes);
    let theirs = theirs.unwrap();
    assert_eq!(
        (theirs.version_info, theirs.type_url, theirs.nonce),
        (ours.version_info, ours.type_url, ours.nonce)
    );
    assert_eq!(theirs.resources[0].value, b"a=1");
}
