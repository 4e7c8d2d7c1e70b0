//! gRPC calls of those who are let in.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use tollgate_e2e::{ACME, Gateway, HOST, config};
use tollgate_support::{Answer, Call, Conversation, GrpcUpstream, Protocol};

const ROUTES: &str = "
      echo: { match: { prefix: /test.Echo }, backend: echo, auth: { any_of: [api_key] } }
";

const LIMITED: &str = "
      echo:
        match: { prefix: /test.Echo }
        backend: echo
        auth: { any_of: [api_key] }
        limits: [{ requests: 1, per: hour }]
";

/// A gateway before a gRPC server, which takes the place of the usual backend.
async fn start() -> (GrpcUpstream, Gateway) {
    start_with(ROUTES).await
}

async fn start_with(routes: &str) -> (GrpcUpstream, Gateway) {
    let server = GrpcUpstream::start().unwrap();
    let endpoint = format!("127.0.0.1:{}\"], protocol: grpc", server.port());
    let config = config(routes).replace("127.0.0.1:$BACKEND\"]", &endpoint);
    (server, Gateway::start(&config).await.unwrap())
}

/// A unary call, whose message has no more than 127 bytes.
async fn say(gateway: &Gateway, word: &str) -> Answer {
    Call::new("POST", HOST, GrpcUpstream::SAY)
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .header("x-api-key", ACME)
        .body(message(word))
        .send_over(Protocol::Http2, gateway.address)
        .await
        .unwrap()
}

/// A `StringValue` behind its length, as gRPC frames it: not compressed.
fn message(word: &str) -> Vec<u8> {
    let length = u8::try_from(word.len()).unwrap();
    let value = match length {
        0 => Vec::new(),
        _ => [&[0x0a, length], word.as_bytes()].concat(),
    };
    [&[0, 0, 0, 0, u8::try_from(value.len()).unwrap()], &value[..]].concat()
}

fn value<'a>(lines: &'a [(String, String)], name: &str) -> Option<&'a str> {
    lines.iter().find(|(found, _)| found == name).map(|(_, value)| &**value)
}

/// The last call came with who makes it, and not with what proves it.
fn knew_its_caller(server: &GrpcUpstream) {
    let head = server.heads().pop().unwrap();
    for (header, expected) in [
        ("x-tollgate-tenant", Some("acme")),
        ("x-tollgate-subject", Some("acme-1")),
        ("x-tollgate-tier", Some("basic")),
        ("x-tollgate-scopes", Some("orders.read")),
        ("x-api-key", None),
        ("te", Some("trailers")),
        ("content-type", Some("application/grpc")),
    ] {
        let found = head.get(header).map(|value| value.to_str().unwrap());
        assert_eq!(found, expected, "{header} in {head:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_a_key_is_answered_with_message_and_trailers() {
    let (server, gateway) = start().await;
    let answer = say(&gateway, "hello").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/grpc"), "{answer:?}");
    assert_eq!(answer.body, message("hello"));
    assert_eq!(value(&answer.trailers, "grpc-status"), Some("0"), "{answer:?}");
    knew_its_caller(&server);
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_is_told_in_its_own_words() {
    let (_server, gateway) = start().await;
    let answer = say(&gateway, "").await;
    assert_eq!((answer.status, answer.header("grpc-status")), (200, Some("3")), "{answer:?}");
    assert_eq!(answer.header("grpc-message"), Some("say%20something"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_flows_both_ways_at_once() {
    let (server, gateway) = start().await;
    let key = [("x-api-key", ACME)];
    let mut conversation = Conversation::open(gateway.address, HOST, &key).await.unwrap();
    // Each answer comes while the request still goes on: nothing is held back.
    for word in ["one", "two", "three"] {
        assert_eq!(conversation.say(word).await.unwrap().as_deref(), Some(word));
    }
    let trailers = conversation.end().await.unwrap();
    assert_eq!(trailers.get("grpc-status").unwrap(), "0", "{trailers:?}");
    knew_its_caller(&server);
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_told_by_the_status_that_stands_for_it() {
    let (_server, gateway) = start_with(LIMITED).await;
    assert_eq!(say(&gateway, "hello").await.status, 200);
    let answer = say(&gateway, "hello").await;
    // RESOURCE_EXHAUSTED.
    assert_eq!((answer.status, answer.header("grpc-status")), (200, Some("8")), "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    let message = answer.header("grpc-message").unwrap();
    assert!(message.contains("is%20used%20up") || message.contains("is used up"), "{message}");
}
