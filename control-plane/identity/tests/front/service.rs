//! The protocol that workers speak.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tollgate_identity::{IntrospectionService, Secret, serve};
use tollgate_support::{Answer, Call, Connection, Protocol, RawConnection, eventually};

use crate::http::{Call as Asked, HttpServer, Play, answer, honest};
use crate::world::{World, source};

const SECRET: &str = "canary-canary-canary";
const FORM: &str = "application/x-www-form-urlencoded";

struct Served {
    address: SocketAddr,
    world: World,
    provider: HttpServer,
    end: Option<oneshot::Sender<()>>,
    server: JoinHandle<std::io::Result<()>>,
}

async fn served() -> Served {
    let provider = HttpServer::start(honest).await;
    let world = World::new(source(&provider.url()));
    let service = IntrospectionService::new(Arc::clone(&world.front), &Secret::new(SECRET));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel();
    let server = tokio::spawn(serve(listener, service.unwrap(), async {
        ended.await.ok();
    }));
    Served { address, world, provider, end: Some(end), server }
}

fn question(form: &str) -> Call {
    Call::new("POST", "localhost", "/introspect/acme")
        .bearer(SECRET)
        .header("content-type", FORM)
        .body(form.to_owned())
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_asked_about_over_http_1_and_2() {
    let served = served().await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut connection = Connection::open(protocol, served.address).await.unwrap();
        let good = connection.send(&question("token=good")).await.unwrap();
        assert_eq!(told(&good), (200, r#"{"active":true,"sub":"me"}"#.to_owned()));
        assert_eq!(good.header("content-type"), Some("application/json"));
        let bad = question("token=bad&token_type_hint=access_token");
        let bad = connection.send(&bad).await.unwrap();
        assert_eq!(told(&bad), (200, r#"{"active":false}"#.to_owned()));
        assert_eq!(bad.header("cache-control"), Some("private, max-age=10"));
    }
    assert_eq!(served.provider.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_long_an_answer_holds_is_told_and_grows_less() {
    let served = served().await;
    let max_age = async || {
        let answer = question("token=good").send(served.address).await.unwrap();
        let value = answer.header("cache-control").unwrap().to_owned();
        value.strip_prefix("private, max-age=").unwrap().parse::<u64>().unwrap()
    };
    let first = max_age().await;
    assert!((27..=30).contains(&first), "{first}");
    served.world.advance(20_000);
    assert_eq!(max_age().await, first - 20);
    served.world.advance(6_500);
    assert!(max_age().await <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_found_out_is_told_to_be_asked_again() {
    let served = served().await;
    served.provider.play(|_: &Asked| Play::Say(answer("500 Oops", "text/plain", "")));
    let reply = question("token=good").send(served.address).await.unwrap();
    assert_eq!(told(&reply), (503, r#"{"error":"temporarily_unavailable"}"#.to_owned()));
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_know_the_secret_learns_nothing() {
    let served = served().await;
    let post = || Call::new("POST", "localhost", "/introspect/acme").header("content-type", FORM);
    for call in [
        post(),
        post().bearer(""),
        post().bearer("canary-canary-canarz"),
        post().bearer("canary-canary-canary-"),
        post().header("authorization", format!("Basic {SECRET}")),
        post().header("authorization", SECRET),
        post().bearer(SECRET).bearer(SECRET),
        Call::get("localhost", "/introspect/nobody"),
        Call::get("localhost", "/"),
    ] {
        let call = call.body("token=good");
        let reply = call.send(served.address).await.unwrap();
        let body = r#"{"error":"invalid_client","error_description":"the bearer secret is missing or wrong"}"#;
        assert_eq!(told(&reply), (401, body.to_owned()), "{call:?}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(served.provider.count(), 0);
    let lower = post().header("authorization", format!("bearer {SECRET}")).body("token=good");
    assert_eq!(lower.send(served.address).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_question_is_told_why() {
    let served = served().await;
    let to = |method: &str, path: &str| Call::new(method, "localhost", path).bearer(SECRET);
    let post = || to("POST", "/introspect/acme").header("content-type", FORM);
    let long = format!("token={}", "a".repeat(64 << 10));
    for (call, status, description) in [
        (
            to("POST", "/introspect/nobody").header("content-type", FORM).body("token=a"),
            404,
            "no such source; POST /introspect/NAME or /token",
        ),
        (to("POST", "/"), 404, "no such source; POST /introspect/NAME or /token"),
        (to("GET", "/introspect/acme?token=good"), 405, "the method is not POST"),
        (
            to("POST", "/introspect/acme").body("token=good"),
            415,
            "the body is not application/x-www-form-urlencoded",
        ),
        (
            to("POST", "/introspect/acme").header("content-type", "application/json"),
            415,
            "the body is not application/x-www-form-urlencoded",
        ),
        (post().body(long), 413, "the body is larger than 65536 bytes"),
        (post(), 400, "token is missing"),
        (post().body("token=a&token=a"), 400, "token stands more than once"),
    ] {
        let reply = call.send(served.address).await.unwrap();
        let body = format!(r#"{{"error":"invalid_request","error_description":"{description}"}}"#);
        assert_eq!(told(&reply), (status, body), "{call:?}");
        assert_eq!(reply.header("allow"), (status == 405).then_some("POST"));
    }
    assert_eq!(served.provider.count(), 0);
    let with_charset = to("POST", "/introspect/acme")
        .header("content-type", "Application/X-WWW-Form-Urlencoded; charset=utf-8")
        .body("token=good");
    assert_eq!(with_charset.send(served.address).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let served = served().await;
    let request = format!(
        "POST /introspect/acme HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {SECRET}\r\n\
         content-type: {FORM}\r\ncontent-length: 10\r\n\r\ntoken"
    );
    let reply = RawConnection::once(served.address, request.as_bytes()).await.unwrap();
    let body = r#"{"error":"invalid_request","error_description":"the body is not complete"}"#;
    assert_eq!(told(&reply), (400, body.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_under_way_go_out_before_the_end() {
    let mut served = served().await;
    let slow = |call: &Asked| match honest(call) {
        Play::Say(bytes) => Play::SayLater(Duration::from_millis(700), bytes),
        play => play,
    };
    served.provider.play(slow);
    let mut connection = Connection::open(Protocol::Http2, served.address).await.unwrap();
    let asked = tokio::spawn(async move { connection.send(&question("token=good")).await });
    eventually("the provider is asked", Duration::from_secs(20), async || {
        (served.provider.count() == 1).then_some(())
    })
    .await
    .unwrap();
    let begun = tokio::time::Instant::now();
    served.end.take().unwrap().send(()).unwrap();
    served.server.await.unwrap().unwrap();
    assert!(Duration::from_millis(200) < begun.elapsed(), "the end did not wait");
    assert_eq!(asked.await.unwrap().unwrap().status, 200);
    assert!(tokio::net::TcpStream::connect(served.address).await.is_err());
}
