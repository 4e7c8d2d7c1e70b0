//! How much goes out at once.

use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryResponse;
use prost::Message;
use tollgate_xds::delta::Stream;

use crate::script::{check, request, snapshot};

#[test]
fn responses_are_cut_at_a_mebibyte() {
    check(
        "= endpoints a=1*524288 b=1*524288 c=1*524289 d=1*524288 e=1*3000000 f=1
         > endpoints +a +b +c +d +e +f
         < 1 endpoints a=1 b=1
         < 2 endpoints c=1
         < 3 endpoints d=1
         < 4 endpoints e=1
         < 5 endpoints f=1",
    );
}

#[test]
fn what_was_committed_while_a_verdict_was_due_goes_out_once() {
    check(
        "= routes a=1
         > routes +a
         < 1 routes a=1
         = routes a=2
         = routes a=3
         = routes a=4
         > routes ack 1
         ! acked routes a=1
         < 2 routes a=4",
    );
}

#[test]
fn without_a_verdict_endpoints_stop_after_eight_responses() {
    let commits: String =
        (2..10).map(|n| format!("= endpoints a={n}\n< {n} endpoints a={n}\n")).collect();
    let (last, first) = ("= endpoints a=9\n< 9 endpoints a=9\n", "= endpoints a=1");
    let until_full = commits.replace(last, "= endpoints a=9\n");
    check(&format!(
        "{first}
         > endpoints +a
         < 1 endpoints a=1
         {until_full}
         > endpoints ack 1
         ! acked endpoints a=1
         < 9 endpoints a=9"
    ));
}

/// The message of our own is what Envoy's definition says, byte for byte.
#[test]
fn a_response_is_a_delta_discovery_response() {
    let mut stream = Stream::new(snapshot("clusters a=1*3 b=2").into());
    stream.on_request(request("clusters +* +c"), std::time::Duration::ZERO);
    let ours = stream.next(std::time::Duration::ZERO).unwrap();
    let theirs = DeltaDiscoveryResponse::decode(&*ours.encode_to_vec()).unwrap();
    assert_eq!(theirs.encode_to_vec(), ours.encode_to_vec());
    assert_eq!(theirs.type_url, "type.googleapis.com/envoy.config.cluster.v3.Cluster");
    assert_eq!((&*theirs.nonce, &*theirs.removed_resources), ("1", &["c".to_owned()][..]));
    let first = &theirs.resources[0];
    assert_eq!((&*first.name, &*first.version), ("a", "1"));
    assert_eq!(first.resource.as_ref().unwrap().type_url, theirs.type_url);
    assert_eq!(first.resource.as_ref().unwrap().value, [0, 0, 0]);
}
