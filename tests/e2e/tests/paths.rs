//! Ways to write a path, none of which gets past the key that it asks for.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use tollgate_e2e::{ACME, Gateway, HOST, config};
use tollgate_support::{Call, Protocol};

/// A route for anybody beside one with a key, and on another host a route that
/// serves anybody everything that the one with a key does not.
const ROUTES: &str = "
      public: { match: { prefix: /public }, backend: echo, auth: none }
      admin: { match: { prefix: /admin }, backend: echo, auth: { any_of: [api_key] } }
      post-only: { match: { path: /post-only, methods: [POST] }, backend: echo, auth: { any_of: [api_key] } }
  everything:
    hosts: [open.example.com]
    routes:
      rest: { match: { prefix: / }, backend: echo, auth: none }
      admin: { match: { prefix: /admin }, backend: echo, auth: { any_of: [api_key] } }
";

const OPEN: &str = "open.example.com";

/// Ways to write a path so that one reader sees `/admin` and another does not.
const SPELLINGS: &[&str] = &[
    "/admin",
    "/admin/",
    "/admin/7",
    "//admin",
    "///admin/7",
    "/admin//7",
    "/./admin",
    "/././admin/7",
    "/admin/.",
    "/admin/./7",
    "/x/../admin",
    "/admin/../admin/7",
    "/public/../admin",
    "/public/./../admin",
    "/public/x/../../admin",
    "/public/../../../admin",
    "/public//../admin",
    "/%61dmin",
    "/%61%64%6d%69%6e",
    "/%41dmin",
    "/ADMIN",
    "/Admin/7",
    "/admin?x=1",
    "/admin?/public",
    "/admin%3f/public",
    "/admin#/public",
    "/public#/../admin",
    "/admin%23/public",
    "/admin%2f7",
    "/admin%2F7",
    "/%2fadmin",
    "/%2Fadmin",
    "/public%2f..%2fadmin",
    "/public/..%2fadmin",
    "/public%2f../admin",
    "/public/%2e%2e/admin",
    "/public/%2E%2E/admin",
    "/public/.%2e/admin",
    "/public/%2e./admin",
    "/%2e/admin",
    "/public/%252e%252e/admin",
    "/public/..%252fadmin",
    "/public/%252e%252e%252fadmin",
    "/%2561dmin",
    "/public/..;/admin",
    "/public/..;x=y/admin",
    "/public/%2e%2e;/admin",
    "/public/.%2e;x/admin",
    "/public/;/../admin",
    "/public;/../admin",
    "/;/admin",
    "/;x=y/admin",
    "/admin;",
    "/admin;x=y",
    "/admin;x=y/7",
    "/admin;/7",
    "/%3b/admin",
    "/admin%3bx=y",
    "/public/..%253b/admin",
    "/public/%252e%252e%253bx/admin",
    "/%253b/admin",
    "/%253Bx=y/admin",
    "/admin%253b",
    "/admin%253Bx=y/7",
    "\\admin",
    "/\\admin",
    "/public\\..\\admin",
    "/public/..\\admin",
    "/public/..%5cadmin",
    "/public%5c..%5cadmin",
    "/%5cadmin",
    "/admin%5c7",
    "/admin%00",
    "/admin%00/public",
    "/public%00/../admin",
    "/admin%0a",
    "/admin%0d%0a",
    "/admin%20",
    "/admin%09",
    "/admin%7f",
    "/public/%c0%ae%c0%ae/admin",
    "/public/..%c0%afadmin",
    "/public/..%c1%9cadmin",
    "/public/%e0%80%ae%e0%80%ae/admin",
    "/public/%uff0e%uff0e/admin",
    "/%61dmin%",
    "/admin%2",
    "/admin%zz",
    "http://orders.example.com/admin",
    "http://open.example.com/admin",
    "http://open.example.com//admin",
    "http://open.example.com/public/../admin",
    "admin",
    "*",
];

/// Where the most lenient backend would find a path: it decodes, takes a
/// backslash for a slash, cuts parameters, ends at a zero byte, resolves dots
/// and does not care for case.
fn resolved(target: &str) -> Vec<String> {
    let path = target.split(['?', '#']).next().unwrap();
    let decoded = decoded(path);
    // What escapes to a separator or a dot is often decoded twice.
    let separators = ["%2f", "%5c", "%2e", "%3b", "%00"];
    let twice = separators.iter().any(|escape| decoded.contains(escape));
    let decoded = if twice { self::decoded(&decoded) } else { decoded };
    let mut segments: Vec<String> = Vec::new();
    for segment in decoded.split('\0').next().unwrap().split(['/', '\\']) {
        match segment.split(';').next().unwrap() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name.to_owned()),
        }
    }
    segments
}

fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        // Two digits after a percent sign are one byte; everything else stands for itself.
        let escaped = escaped.filter(|_| first == b'%');
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { tail.get(2..).unwrap() } else { tail };
    }
    let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    // Overlong forms of a dot, a slash and a backslash.
    let overlong = text.replace("\u{c0}\u{ae}", ".").replace("\u{c0}\u{af}", "/");
    overlong.replace("\u{c1}\u{9c}", "\\").replace("\u{e0}\u{80}\u{ae}", ".").to_lowercase()
}

#[test]
fn the_lenient_backend_is_lenient() {
    assert!(60 <= SPELLINGS.len());
    for path in [
        "/public/..;x/%61DMIN",
        "/x/%252e%252e/admin",
        "/x/..%253By/admin",
        "\\admin%00x",
        "/%c0%ae/admin/7",
    ] {
        assert_eq!(resolved(path).first().map(String::as_str), Some("admin"), "{path}");
    }
    assert_eq!(resolved("/public/admin"), ["public", "admin"]);
}

/// Routes all together, and in pieces that are found by the path.
fn told(shards: &str) -> String {
    format!("routing: {{ shards: {shards} }}\n{}", config(ROUTES))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_path_gets_past_its_key() {
    no_spelling_gets_past("never").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_where_routes_come_in_pieces() {
    no_spelling_gets_past("always").await;
}

async fn no_spelling_gets_past(shards: &str) {
    let gateway = Gateway::start(&told(shards)).await.unwrap();
    for host in [HOST, OPEN] {
        for path in SPELLINGS {
            // Envoy may end the connection on bytes that are no request.
            let status =
                gateway.get_raw(host.as_bytes(), path.as_bytes(), b"").await.map(|a| a.status);
            assert!(status.as_ref().is_ok_and(|&status| status < 500), "{host} {path}: {status:?}");
            let call = Call::get(host, path);
            // What a client of HTTP/2 cannot even write is not sent.
            let _ = call.send_over(Protocol::Http2, gateway.address).await;
        }
    }
    let passed = gateway.upstream.seen();
    // The other host serves what is not the admin's to anybody: those did arrive.
    assert!(passed.iter().any(|seen| seen.http2 || seen.path.contains("public")), "{passed:?}");
    for seen in passed {
        let first = resolved(&seen.path).first().cloned().unwrap_or_default();
        assert_ne!(first, "admin", "reached the backend without a key: {seen:?}");
    }
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_paths_reach_the_backend_as_they_should() {
    plain_paths_reach_the_backend("never").await;
    plain_paths_reach_the_backend("always").await;
}

async fn plain_paths_reach_the_backend(shards: &str) {
    let gateway = Gateway::start(&told(shards)).await.unwrap();
    for (path, key, status) in [
        ("/public/7?x=/admin", "", 200),
        ("/public/a%20b", "", 200),
        ("/public/%C3%A9", "", 200),
        ("/admin/7", ACME, 200),
        ("/admin/", ACME, 200),
        ("/adminx", ACME, 404),
        ("/publicity", "", 404),
        ("/post-only", ACME, 405),
    ] {
        let lines = format!("x-api-key: {key}\r\n");
        let lines = if key.is_empty() { "" } else { &lines };
        let answer =
            gateway.get_raw(HOST.as_bytes(), path.as_bytes(), lines.as_bytes()).await.unwrap();
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        let body = answer.json();
        assert!(status != 200 || body.get("path").unwrap() == path, "{path}: {body}");
    }
}
