use tollgate_e2e::{ACME, HOST};
use tollgate_support::{Call, RawConnection};

use super::{get, start};

const ROUTES: &str = r#"
      whole:
        match: { path: "/old/{id}/items/{item}" }
        backend: echo
        rewrite: { path: "/v2/{item}/of/{id}.json", host: orders.internal }
        auth: { any_of: [api_key] }
      prefix:
        match: { prefix: /v1 }
        backend: echo
        rewrite: { prefix: /v2 }
        auth: { any_of: [api_key] }
      stripped:
        match: { prefix: /strip }
        backend: echo
        rewrite: { prefix: / }
        auth: { any_of: [api_key] }
      regex:
        match: { prefix: /shops }
        backend: echo
        rewrite: { regex: "^/shops/([^/]+)", substitution: "/tenants/\\1" }
        auth: { any_of: [api_key] }
      untouched:
        match: { prefix: /untouched }
        backend: echo
        auth: { any_of: [api_key] }
      moved:
        match: { path: "/moved/{id}" }
        redirect: { scheme: https, host: www.example.com, path: "/here/{id}", status: 308 }
        auth: none
      members:
        match: { prefix: /members }
        redirect: { prefix: /club, strip_query: true }
        auth: { any_of: [api_key] }
      closed:
        match: { path: /closed }
        respond: { status: 503, body: '{"closed": true}', content_type: application/json }
        auth: none
      vip:
        match: { path: /vip }
        respond: { status: 200, body: hello }
        auth: { any_of: [api_key] }
      socket:
        match: { path: /socket }
        backend: echo
        websocket: {}
        auth: { any_of: [api_key] }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_is_told_another_path() {
    let gateway = start("", ROUTES).await;
    for (path, told, host) in [
        ("/old/7/items/a%20b?x=y", "/v2/a%20b/of/7.json?x=y", "orders.internal"),
        ("/old/7/items/8/", "/v2/8/of/7.json", "orders.internal"),
        ("/v1/orders/7?x=/v1", "/v2/orders/7?x=/v1", HOST),
        ("/v1", "/v2", HOST),
        ("/strip/a/b", "/a/b", HOST),
        ("/strip", "/", HOST),
        ("/shops/berlin/orders", "/tenants/berlin/orders", HOST),
        ("/untouched/v1", "/untouched/v1", HOST),
        // Written as what it means before anything is decided, by which policy too.
        ("/v1/%2e%2e/untouched", "/untouched", HOST),
        ("/v1/..;/untouched", "/untouched", HOST),
    ] {
        let seen = gateway.through(&get(path)).await.unwrap();
        assert_eq!((seen.path.as_str(), seen.values("host")), (told, vec![host]), "{path}");
        assert_eq!(seen.values("x-tollgate-tenant"), ["acme"], "{path}");
        assert_eq!(gateway.send(&Call::get(HOST, path)).await.unwrap().status, 401, "{path}");
    }
    // Nobody gets to a path under the policy of another one.
    for (path, status) in [("/V1/orders", 404), ("/v1x", 404)] {
        assert_eq!(gateway.send(&get(path)).await.unwrap().status, status, "{path}");
    }
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_are_sent_elsewhere_or_answered_at_once() {
    let gateway = start("", ROUTES).await;
    let anonymous = |path: &str| Call::get(HOST, path);
    for (call, status, location) in [
        (anonymous("/moved/7?a=b"), 308, Some("https://www.example.com/here/7?a=b")),
        (anonymous("/members/7"), 401, None),
        (get("/members/7?a=b"), 307, Some("http://orders.example.com/club/7")),
        (anonymous("/vip"), 401, None),
    ] {
        let answer = gateway.send(&call).await.unwrap();
        assert_eq!((answer.status, answer.header("location")), (status, location), "{call:?}");
    }
    for (call, status, kind, body) in [
        (anonymous("/closed"), 503, "application/json", r#"{"closed": true}"#),
        (get("/vip"), 200, "text/plain", "hello"),
    ] {
        let answer = gateway.send(&call).await.unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (status, Some(kind)));
        assert_eq!(answer.body, body);
    }
    assert_eq!(gateway.upstream.count(), 0);
    gateway.never_trapped().await.unwrap();
}

fn opening(path: &str, key: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {HOST}\r\nx-api-key: {key}\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAA\r\n\r\n"
    )
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_opens_for_those_who_may() {
    let gateway = start("", ROUTES).await;
    for (path, key, status) in
        [("/socket", "made-up", 401), ("/untouched", ACME, 403), ("/socket", ACME, 101)]
    {
        let mut socket = RawConnection::open(gateway.address).await.unwrap();
        let answer = socket.upgrade(&opening(path, key)).await.unwrap();
        assert_eq!(answer.status, status, "{path} {key}: {answer:?}");
        if status == 101 {
            for bytes in [&b"first"[..], b"second", &vec![0; 100_000]] {
                assert_eq!(socket.exchange(bytes).await.unwrap(), bytes);
            }
        }
    }
    let seen = gateway.upstream.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen.first().unwrap().values("x-tollgate-tenant"), ["acme"]);
    gateway.never_trapped().await.unwrap();
}
