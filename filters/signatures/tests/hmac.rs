//! Tollgate's own HMAC scheme, as the crate's root describes it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common::{Judge, Sent};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tollgate_signatures::{BodyCheck, Key, KeyAlgorithm};

const NOW: u64 = 1_700_000_000;
const SECRET: &str = "the secret that acme and the gateway share";
/// Of no bytes.
const NOTHING: &str = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";

fn judge(spec: &Value) -> Judge {
    let ed25519 = Key::public(KeyAlgorithm::Ed25519, include_str!("data/ed25519.pem")).unwrap();
    Judge::new(json!({"hmac": spec}), NOW)
        .with_key("acme-1", Key::secret(SECRET).unwrap())
        .with_key("public", ed25519)
}

fn get() -> Sent {
    Sent::new("GET", "https://orders.example.com/orders/7?a=1")
}

/// What `get` signs, with more lines for headers.
fn lines(created: &str, nonce: &str, headers: &str) -> String {
    format!(
        "HMAC-SHA256\nacme-1\n{created}\n{nonce}\nGET\norders.example.com\n/orders/7\na=1\n\
         {headers}\n{NOTHING}\n"
    )
}

fn code(text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// Adds a credential whose other parameters are given.
fn signed(sent: Sent, parameters: &str, text: &str) -> Sent {
    let signature = code(text);
    sent.with("authorization", format!("HMAC-SHA256 {parameters},signature=\"{signature}\""))
}

/// A request that holds.
fn plain() -> Sent {
    signed(get(), "keyId=\"acme-1\",created=1700000000", &lines("1700000000", "", ""))
}

// === what is signed ===

#[test]
fn blanks_order_and_case_are_as_the_documentation_says() {
    for (sent, query, headers) in [
        // The host's case and the port that the scheme implies.
        (Sent::new("GET", "https://Orders.Example.com:443/orders/7?a=1"), "a=1", ""),
        // Sorted by name, and no further.
        (
            Sent::new("GET", "https://orders.example.com/orders/7?b=2&a=2&a=1&&c"),
            "&a=2&a=1&b=2&c",
            "",
        ),
        (Sent::new("GET", "https://orders.example.com/orders/7?a%3d=1&a=%31"), "a=%31&a%3d=1", ""),
        // Neither a question mark nor its absence is signed.
        (Sent::new("GET", "https://orders.example.com/orders/7?"), "", ""),
        (Sent::new("GET", "https://orders.example.com/orders/7"), "", ""),
        (
            Sent::new("GET", "https://orders.example.com/orders/7?a=1")
                .with("x-b", " \t two  words\t")
                .with("x-a", ""),
            "a=1",
            "x-b:two  words\nx-a:\n",
        ),
        (
            Sent::new("GET", "https://orders.example.com/orders/7?a=1"),
            "a=1",
            "host:orders.example.com\n",
        ),
    ] {
        let names: Vec<_> = headers.lines().map(|line| line.split_once(':').unwrap().0).collect();
        let parameters =
            format!("keyId=acme-1, created=1700000000, headers=\"{}\"", names.join(" "));
        let text = lines("1700000000", "", headers).replace("\na=1\n", &format!("\n{query}\n"));
        let sent = signed(sent, &parameters, &text);
        assert_eq!(judge(&json!({})).who(&sent), "acme-1", "{text}");
    }
}

/// Who reads the last of two parameters is told another one.
#[test]
fn the_order_of_parameters_of_one_name_is_signed() {
    let text = lines("1700000000", "", "").replace("a=1\n", "a=1&a=2\n");
    let parameters = "keyId=acme-1,created=1700000000";
    let url =
        |query: &str| Sent::new("GET", &format!("https://orders.example.com/orders/7?{query}"));
    assert_eq!(judge(&json!({})).who(&signed(url("a=1&a=2"), parameters, &text)), "acme-1");
    let fails = "the signature does not hold";
    assert_eq!(judge(&json!({})).who(&signed(url("a=2&a=1"), parameters, &text)), fails);
}

#[test]
fn a_port_of_another_scheme_is_signed() {
    let text = lines("1700000000", "", "").replace("example.com\n", "example.com:80\n");
    let sent = Sent::new("GET", "https://orders.example.com:80/orders/7?a=1");
    let sent = signed(sent, "keyId=acme-1,created=1700000000", &text);
    assert_eq!(judge(&json!({})).who(&sent), "acme-1");
}

#[test]
fn without_a_digest_the_body_is_empty() {
    assert_eq!(judge(&json!({})).judge(&plain()).unwrap().body, BodyCheck::Empty);
    let stated = plain().with("content-digest", NOTHING);
    assert_eq!(judge(&json!({})).who(&stated), "acme-1");
    let fails = "the body is not the one that was signed";
    assert_eq!(judge(&json!({})).who(&plain().with_body("x")), fails);
    assert_eq!(judge(&json!({})).who(&stated.with_body("x")), fails);
}

// === when ===

#[test]
fn clocks_may_differ_by_the_skew_and_no_more() {
    for (spec, created, expected) in [
        (json!({}), NOW - 300, "acme-1"),
        (json!({}), NOW - 301, "the signature has expired; set the clock right, or sign again"),
        (json!({}), NOW + 300, "acme-1"),
        (json!({}), NOW + 301, "the signature was made in the future; set the clock right"),
        (json!({"clock_skew_seconds": 10}), NOW - 10, "acme-1"),
        (
            json!({"clock_skew_seconds": 10}),
            NOW - 11,
            "the signature has expired; set the clock right, or sign again",
        ),
        (json!({"clock_skew_seconds": 0}), NOW, "acme-1"),
    ] {
        let parameters = format!("keyId=acme-1,created={created}");
        let sent = signed(get(), &parameters, &lines(&created.to_string(), "", ""));
        assert_eq!(judge(&spec).who(&sent), expected, "{created}");
    }
}

#[test]
fn a_nonce_can_be_required() {
    let mut judge = judge(&json!({"require_nonce": true}));
    assert_eq!(judge.who(&plain()), "the signature has no nonce; add one that is never used again",);
    let long = "n".repeat(128);
    let parameters = format!("keyId=acme-1,created=1700000000,nonce={long}");
    let sent = signed(get(), &parameters, &lines("1700000000", &long, ""));
    assert_eq!(judge.judge(&sent).unwrap().nonce, Some(long));
}

// === what is refused ===

#[test]
fn credentials_that_make_no_sense_are_refused() {
    let malformed = "authorization is malformed: expected HMAC-SHA256 keyId=\"…\",created=SECONDS,\
                     nonce=\"…\",headers=\"NAME NAME\",signature=\"BASE64\"";
    let key_id = "the key's id is not 1 to 256 visible ASCII characters without `\"`, `,` and `\\`";
    let nonce = "the nonce is not 1 to 128 visible ASCII characters without `\"`, `,` and `\\`";
    let created = "created=1700000000";
    let many = |names: usize| (0..names).map(|n| format!("x-{n}")).collect::<Vec<_>>().join(" ");
    for (credential, expected) in [
        ("x".to_owned(), malformed),
        ("keyId=acme-1".to_owned(), malformed),
        (format!("keyId=acme-1,{created}"), malformed),
        (format!("keyId=acme-1,{created},signature=!"), malformed),
        (format!("keyId=acme-1,{created},signature=AB=="), malformed),
        (format!("keyId=acme-1,{created},signature=AA==,algorithm=hmac-sha1"), malformed),
        (format!("keyId=acme-1,keyId=acme-1,{created},signature=AA=="), malformed),
        ("keyId=acme-1,created=01700000000,signature=AA==".to_owned(), malformed),
        ("keyId=acme-1,created=1.7e9,signature=AA==".to_owned(), malformed),
        ("keyId=acme-1,created=-1,signature=AA==".to_owned(), malformed),
        ("keyId=acme-1,created=99999999999999999999,signature=AA==".to_owned(), malformed),
        (format!("keyId=acme-1,{created},headers=\"A\",signature=AA=="), malformed),
        (format!("keyId=acme-1,{created},headers=\":path\",signature=AA=="), malformed),
        (format!("keyId=acme-1,{created},headers=\"a  b\",signature=AA=="), malformed),
        (
            format!("keyId=acme-1,{created},headers=\"a b a\",signature=AA=="),
            "the signature covers a twice",
        ),
        (
            format!("keyId=acme-1,{created},headers=\"{}\",signature=AA==", many(64)),
            "the signature covers x-0, which the request does not have",
        ),
        (
            format!("keyId=acme-1,{created},headers=\"{}\",signature=AA==", many(65)),
            "the signature covers more than 64 components",
        ),
        (format!("keyId=\"\",{created},signature=AA=="), key_id),
        (format!("keyId=\"a b\",{created},signature=AA=="), key_id),
        (format!("keyId={},{created},signature=AA==", "k".repeat(257)), key_id),
        (format!("keyId={},{created},signature=AA==", "k".repeat(256)), "the key is not known"),
        (format!("keyId=acme-1,{created},nonce=\"\",signature=AA=="), nonce),
        (format!("keyId=acme-1,{created},nonce=\"a b\",signature=AA=="), nonce),
        (format!("keyId=acme-1,{created},nonce={},signature=AA==", "n".repeat(129)), nonce),
        (
            format!("keyId=acme-1,{created},headers=\"x-missing\",signature=AA=="),
            "the signature covers x-missing, which the request does not have",
        ),
        (format!("keyId=acme-2,{created},signature=AA=="), "the key is not known"),
        (format!("keyId=public,{created},signature=AA=="), "the key is for another algorithm"),
        (format!("keyId=acme-1,{created},signature=AA=="), "the signature does not hold"),
        (format!("keyId=acme-1,{created},signature=\"\""), "the signature does not hold"),
        ("x".repeat(8 * 1024), malformed),
        ("x".repeat(8 * 1024 + 1), "the signature's fields are longer than 8192 bytes"),
    ] {
        let sent = get().with("authorization", format!("HMAC-SHA256 {credential}"));
        assert_eq!(judge(&json!({})).who(&sent), expected, "{credential}");
    }
}

#[test]
fn requests_that_can_be_read_in_two_ways_are_refused() {
    let authorization = plain().headers[0].1.clone();
    for (sent, expected) in [
        (
            plain().with("authorization", authorization),
            "the header authorization stands more than once",
        ),
        (
            plain().with("authorization", "Bearer x"),
            "the header authorization stands more than once",
        ),
        (plain().with("content-type", "text/plain"), "the signature does not cover content-type"),
        (
            signed(
                get().with("x-a", "1").with("x-a", "1"),
                "keyId=acme-1,created=1700000000,headers=x-a",
                &lines("1700000000", "", "x-a:1\n"),
            ),
            "the header x-a stands more than once",
        ),
        (
            signed(
                get().with("x-a", "1\n\nx"),
                "keyId=acme-1,created=1700000000,headers=x-a",
                &lines("1700000000", "", "x-a:1\n\nx\n"),
            ),
            "the header x-a has a control character",
        ),
        (
            plain().with("content-digest", "sha-512=:AAAA:"),
            "content-digest is not a list of digests, or has neither sha-256 nor sha-512",
        ),
        (
            plain().with("content-digest", "sha-256=:AAAA:"),
            "content-digest is not a list of digests, or has neither sha-256 nor sha-512",
        ),
        (
            plain().with("content-digest", NOTHING).with("content-digest", NOTHING),
            "content-digest is not a list of digests, or has neither sha-256 nor sha-512",
        ),
        (Sent { method: String::new(), ..plain() }, "the method is not a token"),
        (Sent { method: "GET\n".to_owned(), ..plain() }, "the method is not a token"),
        (Sent { scheme: "ftp".to_owned(), ..plain() }, "the scheme is neither http nor https"),
        (
            Sent { authority: String::new(), ..plain() },
            "the authority is missing or not a host with an optional port",
        ),
        (
            Sent { authority: "a@b".to_owned(), ..plain() },
            "the authority is missing or not a host with an optional port",
        ),
        (Sent { target: "/a//b".to_owned(), ..plain() }, "the path has two slashes in a row"),
        (
            Sent { target: format!("/?{}", ["a"; 257].join("&")), ..plain() },
            "the query has more than 256 parameters",
        ),
        (
            Sent { target: format!("/?{}", ["a"; 256].join("&")), ..plain() },
            "the signature does not hold",
        ),
        (
            Sent { target: format!("/{}", "x".repeat(128 * 1024)), ..plain() },
            "what is signed is longer than 131072 bytes",
        ),
    ] {
        assert_eq!(judge(&json!({})).who(&sent), expected, "{:.80}", sent.target);
    }
}

#[test]
fn other_credentials_are_not_ours() {
    for value in ["Bearer abc", "Basic abc", "HMAC-SHA256", "HMAC-SHA2567 keyId=a", "", "hmac a"] {
        let sent = get().with("authorization", value);
        assert_eq!(judge(&json!({})).who(&sent), "the request carries no signature", "{value}");
    }
    assert_eq!(judge(&json!({})).who(&get()), "the request carries no signature");
    let mut lower = plain();
    lower.headers[0].1 = lower.headers[0].1.replace("HMAC-SHA256 ", "hmac-sha256 ");
    assert_eq!(judge(&json!({})).who(&lower), "acme-1");
}

#[test]
fn the_operator_chooses_which_headers_must_be_signed() {
    let spec = json!({"headers": ["X-Tenant"]});
    let unsigned = plain().with("x-tenant", "acme").with("content-type", "text/plain");
    assert_eq!(judge(&spec).who(&unsigned), "the signature does not cover x-tenant");
    assert_eq!(judge(&spec).who(&plain().with("content-type", "text/plain")), "acme-1");
}
