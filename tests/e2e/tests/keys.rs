//! Where API keys may stand, and where they never get to.

use tollgate_e2e::{ACME, Gateway, HOST, config};
use tollgate_support::{Call, Protocol};

/// Routes of an API whose callers may show their keys in a query or a cookie.
fn anywhere() -> String {
    let routes = "
      keyed: { match: { prefix: /keyed }, backend: echo, auth: { any_of: [api_key] } }
      public: { match: { path: /public }, backend: echo, auth: none }
";
    let places = "    api_key: { from: [{ query: api_key }, { cookie: session }] }\n    routes:\n";
    config(routes).replace("    routes:\n", places)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_a_query_or_a_cookie_does_not_reach_the_backend() {
    let gateway = Gateway::start(&anywhere()).await.unwrap();
    let query = format!("/keyed/a?x=%20&api_key={ACME}&y");
    let escaped = format!("/keyed/a?api%5fkey={ACME}&x=1");
    let cookies = format!("a=b; session={ACME}; c=d");
    for (call, path, cookie) in [
        (Call::get(HOST, &query), "/keyed/a?x=%20&y", &[][..]),
        (Call::get(HOST, &escaped), "/keyed/a?x=1", &[]),
        (Call::get(HOST, "/keyed/a").header("cookie", &cookies), "/keyed/a", &["a=b; c=d"]),
        (Call::get(HOST, &query.replace("keyed/a", "public")), "/public?x=%20&y", &[]),
    ] {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let answer = call.send_over(protocol, gateway.address).await.unwrap();
            assert_eq!(answer.status, 200, "{call:?}: {answer:?}");
            let seen = gateway.upstream.seen().pop().unwrap();
            assert_eq!((&*seen.path, seen.values("cookie")), (path, cookie.to_vec()), "{seen:?}");
            assert!(!format!("{seen:?}").contains(ACME), "the key in {seen:?}");
        }
    }
    let page = format!("https://shop.example.com/?api_key={ACME}&page=2");
    let call = Call::get(HOST, "/keyed/a").header("x-api-key", ACME).header("referer", &page);
    let seen = gateway.through(&call).await.unwrap();
    assert_eq!(seen.values("referer"), ["https://shop.example.com/?page=2"]);
    let log = format!("{:?}{}", gateway.envoy.access_log(), gateway.control_plane.log());
    assert!(!log.contains(ACME), "the key in {log}");
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_key_and_a_wrong_one_are_refused_wherever_they_stand() {
    let gateway = Gateway::start(&anywhere()).await.unwrap();
    let before = gateway.upstream.count();
    let twice = format!("/keyed/a?api_key={ACME}&api_key={ACME}");
    let once = format!("/keyed/a?api_key={ACME}");
    for (call, status) in [
        (Call::get(HOST, &twice), 400),
        (Call::get(HOST, &once).header("x-api-key", ACME), 400),
        (Call::get(HOST, &once).header("cookie", format!("session={ACME}")), 400),
        (Call::get(HOST, "/keyed/a?api_key=wrong"), 401),
        (Call::get(HOST, "/keyed/a").header("cookie", "session=wrong"), 401),
        (Call::get(HOST, &format!("/keyed/a?API_KEY={ACME}")), 401),
        (Call::get(HOST, &format!("/keyed/a?session={ACME}")), 401),
    ] {
        let answer = gateway.send(&call).await.unwrap();
        assert_eq!(answer.status, status, "{call:?}: {answer:?}");
        assert!(!String::from_utf8_lossy(&answer.body).contains(ACME), "the key in {answer:?}");
    }
    assert_eq!(gateway.upstream.count(), before);
    gateway.never_trapped().await.unwrap();
}
