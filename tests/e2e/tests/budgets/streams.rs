//! Streams that stay open.

use std::time::Duration;

use serde_json::json;
use tollgate_e2e::{ACME, Gateway, HOST, config};
use tollgate_support::{Key, RawConnection, eventually, now_seconds};

use crate::{PATIENCE, at_rest, budgets, shows};

fn opening(credential: &str) -> Vec<u8> {
    format!(
        "GET /socket HTTP/1.1\r\nhost: {HOST}\r\n{credential}\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAA\r\n\r\n"
    )
    .into_bytes()
}

/// A web socket, if there is one to be had.
pub(crate) async fn open(gateway: &Gateway, credential: &str) -> (RawConnection, u16) {
    let mut socket = RawConnection::open(gateway.address).await.unwrap();
    let status = socket.upgrade(&opening(credential)).await.unwrap().status;
    (socket, status)
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
