//! Streams that stay open.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tollgate_e2e::{ACME, Gateway, HOST, config};
use tollgate_support::{Key, RawConnection, eventually, now_seconds};

use crate::lasting::{OFTEN, events};
use crate::{PATIENCE, at_rest, budgets, shows};

/// What makes a request one for a web socket.
const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: AAAA\r\n";

/// A stream, if there is one to be had.
async fn begin(gateway: &Gateway, path: &str, lines: &str) -> (RawConnection, u16) {
    let mut stream = RawConnection::open(gateway.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\n{lines}\r\n");
    let status = stream.upgrade(request.as_bytes()).await.unwrap().status;
    (stream, status)
}

/// A web socket, if there is one to be had.
pub(crate) async fn open(gateway: &Gateway, credential: &str) -> (RawConnection, u16) {
    open_at(gateway, "/socket", credential).await
}

async fn open_at(gateway: &Gateway, path: &str, credential: &str) -> (RawConnection, u16) {
    begin(gateway, path, &format!("{credential}\r\n{UPGRADE}")).await
}

/// A stream of events.
pub(crate) async fn listen(gateway: &Gateway, path: &str, credential: &str) -> RawConnection {
    let (events, status) = begin(gateway, path, &format!("{credential}\r\n")).await;
    assert_eq!(status, 200, "{path}");
    events
}

/// When a stream has ended on which nothing is said from this side.
pub(crate) fn ended(mut stream: RawConnection) -> JoinHandle<Instant> {
    tokio::spawn(async move {
        stream.ended().await.unwrap();
        Instant::now()
    })
}

/// When a web socket has ended on which something is said all the time.
pub(crate) fn talking(mut socket: RawConnection) -> JoinHandle<Instant> {
    tokio::spawn(async move {
        while socket.exchange(b"on").await.is_ok() {
            tokio::time::sleep(OFTEN).await;
        }
        Instant::now()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_as_many_streams_as_it_may_beside_its_requests() {
    let gateway = Gateway::start(&budgets("{ streams: 2, in_flight: 1 }", 1000)).await.unwrap();
    let key = format!("x-api-key: {ACME}");
    let (mut one, status) = open(&gateway, &key).await;
    assert_eq!(status, 101);
    let (two, status) = open(&gateway, &key).await;
    assert_eq!(status, 101);
    assert_eq!(open(&gateway, &key).await.1, 503);
    assert_eq!(one.exchange(b"still here").await.unwrap(), b"still here");
    assert_eq!(gateway.send(&crate::get(ACME)).await.unwrap().status, 200);
    shows(&gateway, "tollgate.budget.streams", 2).await;
    drop(two);
    shows(&gateway, "tollgate.budget.streams", 1).await;
    assert_eq!(open(&gateway, &key).await.1, 101);
    drop(one);
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

/// As long as a token holds, and not after another configuration came either.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_token_that_opened_it() {
    let key = Key::new("ES256", "k1").unwrap();
    let routes = "
      socket:
        match: { path: /socket }
        backend: echo
        websocket: {}
        auth: { any_of: [jwt.acme] }
";
    let issuer = format!(
        "identity:\n  jwt:\n    acme:\n      issuer: https://id.example\n      audiences: [api]\n      \
         clock_skew: 0s\n      claims: {{ tenant: tenant }}\n      jwks: {{ inline: {} }}\n",
        key.jwks()
    );
    let config = config(routes).replace("identity:\n", &issuer);
    let gateway = Gateway::start(&config).await.unwrap();
    for reloaded in [false, true] {
        let (now, lives) = (now_seconds(), 8);
        let token = |exp| {
            let claims = json!({"iss": "https://id.example", "aud": "api", "sub": "ann", "exp": exp, "iat": now, "tenant": "acme"});
            format!("authorization: Bearer {}", key.sign(&claims).unwrap())
        };
        let (mut short, status) = open(&gateway, &token(now + lives)).await;
        assert_eq!(status, 101);
        let (mut long, status) = open(&gateway, &token(now + 600)).await;
        assert_eq!(status, 101);
        if reloaded {
            gateway.write(&config.replace("basic: {", "added: { weight: 2 }\n  basic: {")).unwrap();
        }
        assert_eq!(short.exchange(b"one").await.unwrap(), b"one");
        let ended = async || short.exchange(b"x").await.is_err().then_some(());
        eventually("the socket has ended", PATIENCE, ended).await.unwrap();
        let late = now_seconds().saturating_sub(now + lives);
        println!("ended {late} s after its token");
        assert!(now + lives <= now_seconds(), "before its token did");
        assert!(late <= 5, "within five seconds");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(long.exchange(b"goes on").await.unwrap(), b"goes on");
    }
    gateway.never_trapped().await.unwrap();
}

/// Routes for sockets and events that end as it says there, and one for other sockets.
async fn ending(lasting: &str) -> Gateway {
    let (busy, quiet) = (events(OFTEN).await, events(Duration::from_hours(1)).await);
    let route = |name: &str, backend: &str, lasting: &str| {
        let matched = format!("match: {{ path: /{name} }}, backend: {backend}");
        format!("      {name}: {{ {matched}, {lasting}, auth: {{ any_of: [api_key] }} }}\n")
    };
    let routes = [
        route("socket", "echo", "websocket: {}"),
        route("ending", "echo", &format!("websocket: {lasting}")),
        route("busy", "busy", &format!("stream: {lasting}")),
        route("quiet", "quiet", &format!("stream: {lasting}")),
    ];
    let backend = |name, port| format!("  {name}: {{ endpoints: [\"127.0.0.1:{port}\"] }}\n");
    let backends = ["backends:\n", &backend("busy", busy), &backend("quiet", quiet)].concat();
    Gateway::start(&config(&routes.concat()).replace("backends:\n", &backends)).await.unwrap()
}

/// The key that opens what is told of here.
fn acme() -> String {
    format!("x-api-key: {ACME}")
}

async fn socket(gateway: &Gateway, path: &str) -> RawConnection {
    let (socket, status) = open_at(gateway, path, &acme()).await;
    assert_eq!(status, 101, "{path}");
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_that_says_nothing_for_as_long_as_its_route_lets_it() {
    let idle = Duration::from_secs(3);
    let gateway = ending("{ idle_timeout: 3s }").await;
    let opened = Instant::now();
    let mute = [
        ("a socket", ended(socket(&gateway, "/ending").await)),
        ("events", ended(listen(&gateway, "/quiet", &acme()).await)),
    ];
    let lively = [
        talking(socket(&gateway, "/ending").await),
        ended(listen(&gateway, "/busy", &acme()).await),
    ];
    shows(&gateway, "tollgate.budget.streams", 4).await;
    for (kind, stream) in mute {
        let lasted = stream.await.unwrap() - opened;
        println!("{kind} that said nothing lasted {lasted:?}");
        assert!(idle <= lasted, "{kind} ended before its time: {lasted:?}");
    }
    tokio::time::sleep(idle).await;
    assert!(lively.iter().all(|stream| !stream.is_finished()), "they say something all the time");
    shows(&gateway, "tollgate.budget.streams", 2).await;
    lively.iter().for_each(JoinHandle::abort);
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_at_the_age_of_its_route_whatever_it_says() {
    let age = Duration::from_secs(4);
    let gateway = ending("{ max_duration: 4s }").await;
    let stays = talking(socket(&gateway, "/socket").await);
    let opened = Instant::now();
    let old = [
        ("a socket", talking(socket(&gateway, "/ending").await)),
        ("events", ended(listen(&gateway, "/busy", &acme()).await)),
    ];
    shows(&gateway, "tollgate.budget.streams", 3).await;
    for (kind, stream) in old {
        let lasted = stream.await.unwrap() - opened;
        println!("{kind} lasted {lasted:?}");
        assert!(age <= lasted, "{kind} ended before its time: {lasted:?}");
    }
    assert!(!stays.is_finished(), "its route lets it last an hour");
    shows(&gateway, "tollgate.budget.streams", 1).await;
    stays.abort();
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}
