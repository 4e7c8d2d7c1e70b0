//! Headers that callers send to be taken for somebody else, and bytes that are no text.

use serde_json::json;
use tollgate_e2e::{ACME, GLOBEX, Gateway, HOST, config};
use tollgate_support::{Call, Key, Protocol, RawConnection, Seen, now_seconds};

const ROUTES: &str = "
      public: { match: { prefix: /public }, backend: echo, auth: none }
      admin: { match: { prefix: /admin }, backend: echo, auth: { any_of: [api_key] } }
";

/// What only the gateway, or nobody, may say to the backend.
const RESERVED: &[&str] = &[
    "x-tollgate-tenant",
    "x-tollgate-subject",
    "x-tollgate-scopes",
    "x-tollgate-tier",
    "x-tollgate-anything",
    "x-envoy-original-path",
    "x-envoy-original-host",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-decorator-operation",
    "x-envoy-anything",
    "x-forwarded-client-cert",
    "x-real-ip",
    "forwarded",
];

/// A name, in every way in which some backend takes it for the same.
fn spellings(name: &str) -> Vec<String> {
    let mut spellings = vec![
        name.to_owned(),
        name.to_uppercase(),
        name.replace('-', "_"),
        name.replace('-', "."),
        name.replacen('-', "_", 1),
        name.replacen('-', ".", 1),
        name.replacen('-', "_", 1).replace('-', "."),
        name.replace('-', "_").to_uppercase(),
        name.replace('-', ".").to_uppercase(),
    ];
    spellings.sort();
    spellings.dedup();
    spellings
}

const EVIL: &str = "evil";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_say_what_only_the_gateway_may() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    for name in RESERVED {
        for spelling in spellings(name) {
            for lines in [
                format!("{spelling}: {EVIL}\r\n"),
                format!("{spelling}: {EVIL}\r\n{spelling}: {EVIL}\r\n"),
                format!("{name}: {EVIL}\r\n{spelling}: {EVIL}\r\n"),
                format!("connection: {spelling}\r\n{spelling}: {EVIL}\r\n"),
            ] {
                // Refused, because of an underscore for instance, is as good as removed.
                for (path, key) in [("/public", ""), ("/admin", ACME)] {
                    let key = if key.is_empty() { "" } else { "x-api-key: $KEY\r\n" };
                    let lines = format!("{}{lines}", key.replace("$KEY", ACME));
                    let path = path.as_bytes();
                    gateway.get_raw(HOST.as_bytes(), path, lines.as_bytes()).await.unwrap();
                }
            }
        }
    }
    let seen = gateway.upstream.seen();
    assert!(RESERVED.len() * 8 < seen.len(), "{} requests passed", seen.len());
    for seen in seen {
        speaks_for_itself(&seen);
    }
    gateway.never_trapped().await.unwrap();
}

/// What the backend got is the gateway's word alone.
fn speaks_for_itself(seen: &Seen) {
    let all = || seen.headers.iter().chain(&seen.trailers);
    let evil: Vec<_> = all().filter(|(_, value)| value.contains(EVIL)).collect();
    assert!(evil.is_empty(), "{evil:?} in {seen:?}");
    let admin = seen.path.starts_with("/admin");
    let expected = if admin { &["acme"][..] } else { &[] };
    assert_eq!(seen.values("x-tollgate-tenant"), expected, "{seen:?}");
    let said = all().filter(|(name, _)| folded(name).starts_with("x-tollgate-")).count();
    assert_eq!(said, if admin { 4 } else { 0 }, "{seen:?}");
}

fn folded(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_over_http2_nor_in_trailers() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    for name in RESERVED {
        for spelling in spellings(name).iter().filter(|name| **name == name.to_lowercase()) {
            let public = Call::get(HOST, "/public").header(spelling, EVIL);
            let admin = Call::get(HOST, "/admin").header("x-api-key", ACME).header(spelling, EVIL);
            for call in [public, admin] {
                // A request refused for its underscore ends its stream, which is an answer too.
                let _ = call.send_over(Protocol::Http2, gateway.address).await;
            }
        }
        let trailer = format!(
            "POST /public HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\ntrailer: {name}\r\n\
             transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n{name}: {EVIL}\r\n\r\n"
        );
        RawConnection::once(gateway.address, trailer.as_bytes()).await.unwrap();
    }
    let seen = gateway.upstream.seen();
    assert!(RESERVED.len() * 3 < seen.len(), "{} requests passed", seen.len());
    for seen in seen {
        speaks_for_itself(&seen);
    }
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_does_not_write_its_own_history() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    let call = Call::get(HOST, "/public")
        .header("x-forwarded-for", "10.1.1.1, 10.2.2.2")
        .header("x-forwarded-for", "10.3.3.3");
    let seen = gateway.through(&call).await.unwrap();
    // No proxy of ours stands before the gateway, so only the connection counts. For one from
    // the same machine, Envoy writes one of the machine's own addresses.
    let written = seen.values("x-forwarded-for").concat();
    assert!(!written.contains(',') && !written.contains("10."), "{seen:?}");
}

/// Headers that a filter or Envoy itself reads, and one that nobody does.
const READ: &[&str] = &[
    "authorization",
    "x-api-key",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
    "x-real-ip",
    "x-tollgate-tenant",
    "content-type",
    "content-length",
    "connection",
    "cookie",
    "expect",
    "forwarded",
    "te",
    "user-agent",
    "x-custom",
];

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_do_no_harm() {
    let gateway = Gateway::start(&config(ROUTES)).await.unwrap();
    for byte in 0x80..=0xff_u8 {
        let value = [b"a", &[byte][..], b"z"].concat();
        for name in READ {
            let line = [name.as_bytes(), b": ", &value, b"\r\n"].concat();
            for (path, lines) in [
                ("/public", line.clone()),
                ("/admin", line.clone()),
                ("/admin", [&line[..], &line].concat()),
            ] {
                harmless(&gateway, HOST.as_bytes(), path.as_bytes(), &lines).await;
            }
            let bearer = [b"authorization: Bearer ", &value[..], b"\r\n"].concat();
            harmless(&gateway, HOST.as_bytes(), b"/admin", &bearer).await;
        }
        let host = [HOST.as_bytes(), &[byte]].concat();
        harmless(&gateway, &host, b"/public", b"").await;
        for path in [&b"/public/"[..], b"/admin/", b"/public?q="] {
            let path = [path, &value].concat();
            harmless(&gateway, HOST.as_bytes(), &path, b"").await;
        }
    }
    for seen in gateway.upstream.seen() {
        assert!(seen.path.starts_with("/public"), "{seen:?}");
    }
    gateway.never_trapped().await.unwrap();
    // And it still does what it should.
    let call = Call::get(HOST, "/admin").header("x-api-key", ACME);
    gateway.send(&call).await.map(|answer| assert_eq!(answer.status, 200)).unwrap();
}

/// An answer, and none that says that something broke. Envoy closes the
/// connection on some of them, which harms nobody else.
async fn harmless(gateway: &Gateway, host: &[u8], path: &[u8], lines: &[u8]) {
    if let Ok(answer) = gateway.get_raw(host, path, lines).await {
        let request = [path, b" ", lines].concat().escape_ascii().to_string();
        assert!(answer.status < 500, "{request}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_answers_to_who_is_calling_are_none() {
    let key = Key::new("ES256", "k1").unwrap();
    let routes = ROUTES.replace("[api_key]", "[api_key, jwt.acme]");
    let issuer = format!(
        "identity:\n  jwt:\n    acme:\n      issuer: https://id.example\n      \
         audiences: [api]\n      jwks: {{ inline: {} }}\n",
        key.jwks()
    );
    let gateway = Gateway::start(&config(&routes).replace("identity:\n", &issuer)).await.unwrap();
    let expiry = now_seconds() + 600;
    let claims = json!({"iss": "https://id.example", "aud": "api", "sub": "ada", "exp": expiry});
    let token = key.sign(&claims).unwrap();
    for (lines, admitted) in [
        (format!("x-api-key: {ACME}\r\n"), true),
        (format!("authorization: Bearer {token}\r\n"), true),
        (format!("authorization: bearer  {token}\r\n"), true),
        (format!("x-api-key: {ACME}\r\nx-api-key: {ACME}\r\n"), false),
        (format!("x-api-key: {ACME}\r\nX-API-KEY: {GLOBEX}\r\n"), false),
        (format!("x-api-key: {ACME}, {ACME}\r\n"), false),
        (format!("x-api-key: {ACME}\r\nauthorization: Bearer {token}\r\n"), false),
        (format!("authorization: Bearer {token}\r\nauthorization: Bearer {token}\r\n"), false),
        (format!("authorization: Bearer {token}\r\nauthorization: Bearer x\r\n"), false),
        (format!("authorization: Bearer x\r\nauthorization: Bearer {token}\r\n"), false),
        (format!("authorization: Bearer {token}, Bearer {token}\r\n"), false),
        (format!("x-api-key: {ACME}\r\nhost: {HOST}\r\n"), false),
        (format!("x-api-key: {ACME}\r\nhost: other.example.com\r\n"), false),
    ] {
        let before = gateway.upstream.count();
        let answer = gateway.get_raw(HOST.as_bytes(), b"/admin", lines.as_bytes()).await.unwrap();
        let expected = if admitted { &[200][..] } else { &[400, 401, 404] };
        assert!(expected.contains(&answer.status), "{lines}: {answer:?}");
        assert_eq!(gateway.upstream.count() - before, usize::from(admitted), "{lines}");
    }
    gateway.never_trapped().await.unwrap();
}
