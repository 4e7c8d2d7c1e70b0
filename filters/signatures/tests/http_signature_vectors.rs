//! What RFC 9421 shows in its section 4.3 and its appendix B.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod common;

use common::mutants::mutants;
use common::{Judge, Sent};
use serde_json::{Value, json};
use tollgate_signatures::{BodyCheck, Key, KeyAlgorithm};

/// The keys of appendix B.1, and the moment of the examples.
fn rfc(spec: &Value) -> Judge {
    let public = |algorithm, pem| Key::public(algorithm, pem).unwrap();
    Judge::new(json!({"http_signature": spec}), 1_618_884_480)
        .with_key("test-key-rsa", public(KeyAlgorithm::RsaV15Sha256, include_str!("data/rsa.pem")))
        .with_key(
            "test-key-rsa-pss",
            public(KeyAlgorithm::RsaPssSha512, include_str!("data/rsa-pss.pem")),
        )
        .with_key(
            "test-key-ecc-p256",
            public(KeyAlgorithm::EcdsaP256Sha256, include_str!("data/p256.pem")),
        )
        .with_key(
            "test-key-ed25519",
            public(KeyAlgorithm::Ed25519, include_str!("data/ed25519.pem")),
        )
        .with_key("test-shared-secret", Key::secret(SECRET).unwrap())
}

/// In base64: `uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtb
/// mHhIDi6pcl8jsasjlTMtDQ==`.
const SECRET: [u8; 64] = [
    0xbb, 0x3b, 0xc9, 0x7c, 0x1e, 0x2e, 0xdc, 0xdd, 0x09, 0xcb, 0x84, 0xfb, 0x35, 0x9e, 0xf9, 0x30,
    0x35, 0x5c, 0xaf, 0xcc, 0xd2, 0x4c, 0x89, 0xde, 0x74, 0x9b, 0x64, 0x81, 0xcb, 0xb8, 0xe9, 0x85,
    0xb8, 0x5c, 0x1c, 0xb3, 0x34, 0x98, 0xf1, 0x05, 0xdb, 0x63, 0x52, 0x47, 0x49, 0x3c, 0x1b, 0x5b,
    0x98, 0x78, 0x48, 0x0e, 0x2e, 0xa9, 0x72, 0x5f, 0x23, 0xb1, 0xab, 0x23, 0x95, 0x33, 0x2d, 0x0d,
];

/// `test-request` of appendix B.2.
fn request() -> Sent {
    Sent::new("POST", "https://example.com/foo?param=Value&Pet=dog")
        .with("host", "example.com")
        .with("date", "Tue, 20 Apr 2021 02:07:55 GMT")
        .with("content-type", "application/json")
        .with(
            "content-digest",
            "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEm\
             THWXvJwew==:",
        )
        .with("content-length", "18")
        .with_body(r#"{"hello": "world"}"#)
}

fn signed(request: Sent, label: &str, input: &str, signature: &str) -> Sent {
    request
        .with("signature-input", format!("{label}={input}"))
        .with("signature", format!("{label}=:{signature}:"))
}

fn b21() -> Sent {
    signed(
        request(),
        "sig-b21",
        r#"();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd""#,
        "d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRx\
         f8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2\
         VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5Tm\
         cAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==",
    )
}

fn b22() -> Sent {
    signed(
        request(),
        "sig-b22",
        r#"("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example""#,
        "LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5\
         qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SAR\
         YhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5\
         rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==",
    )
}

fn b23() -> Sent {
    signed(
        request(),
        "sig-b23",
        r#"("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss""#,
        "bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpR\
         RU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1p\
         Fkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH\
         8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==",
    )
}

fn b25() -> Sent {
    signed(
        request(),
        "sig-b25",
        r#"("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#,
        "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
    )
}

fn b26() -> Sent {
    signed(
        request(),
        "sig-b26",
        r#"("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#,
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
    )
}

/// A proxy that ends TLS signs what it adds (appendix B.3).
fn b3() -> Sent {
    signed(
        Sent::new("POST", "https://service.internal.example/foo?param=Value&Pet=dog").with(
            "client-cert",
            ":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZ\
             BgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBg\
             NVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p\
             5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3W\
             jLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/\
             BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSk\
             C3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:",
        ),
        "ttrp",
        r#"("@path" "@query" "@method" "@authority" "client-cert");created=1618884473;keyid="test-key-ecc-p256""#,
        "xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==",
    )
}

/// A proxy adds its own signature to that of the client (section 4.3).
fn behind_a_proxy() -> Sent {
    Sent::new("POST", "https://origin.host.internal.example/foo?param=Value&Pet=dog")
        .with("host", "origin.host.internal.example")
        .with("date", "Tue, 20 Apr 2021 02:07:56 GMT")
        .with("content-type", "application/json")
        .with("content-length", "18")
        .with("forwarded", "for=192.0.2.123;host=example.com;proto=https")
        .with(
            "content-digest",
            "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEm\
             THWXvJwew==:",
        )
        .with(
            "signature-input",
            r#"sig1=("@method" "@authority" "@path" "content-digest" "content-type" "content-length");created=1618884475;keyid="test-key-ecc-p256", proxy_sig=("@method" "@authority" "@path" "content-digest" "content-type" "content-length" "forwarded");created=1618884480;keyid="test-key-rsa";alg="rsa-v1_5-sha256";expires=1618884540"#,
        )
        .with(
            "signature",
            "sig1=:X5spyd6CFnAG5QnDyHfqoSNICd+BUP4LYMz2Q0JXlb//4Ijpzp+kve2w4NIyqeAuM7jTDX+sNalzA8ES\
             SaHD3A==:, proxy_sig=:S6ZzPXSdAMOPjN/6KXfXWNO/f7V6cHm7BXYUh3YD/fRad4BCaRZxP+JH+8XY1I6+\
             8Cy+CM5g92iHgxtRPz+MjniOaYmdkDcnL9cCpXJleXsOckpURl49GwiyUpZ10KHgOEe11sx3G2gxI8S0jnxQB+\
             Pu68U9vVcasqOWAEObtNKKZd8tSFu7LB5YAv0RAGhB8tmpv7sFnIm9y+7X5kXQfi8NMaZaA8i2ZHwpBdg7a6CM\
             fwnnrtflzvZdXAsD3LH2TwevU+/PBPv0B6NMNk93wUs/vfJvye+YuI87HU38lZHowtznbLVdp770I6VHR6WfgS\
             9ddzirrswsE1w5o0LV/g==:",
        )
        .with_body(r#"{"hello": "world"}"#)
}

/// Each example, with the components that it covers.
fn vectors() -> [(Sent, Value); 6] {
    [
        (b21(), json!([])),
        (b22(), json!(["@authority", "content-digest", "\"@query-param\";name=\"Pet\""])),
        (b23(), json!(["@method", "@path", "@query", "@authority", "date", "content-digest"])),
        (b25(), json!(["@authority", "date", "content-type"])),
        (b26(), json!(["@method", "@path", "@authority", "content-length"])),
        (b3(), json!(["@method", "@path", "@query", "@authority", "client-cert"])),
    ]
}

#[test]
fn the_examples_of_the_rfc_are_verified() {
    for (sent, components) in vectors() {
        let verified = rfc(&json!({"components": components})).judge_head(&sent);
        assert!(verified.is_ok(), "{verified:?}: {components}");
    }
    let policy = json!({"components": ["@method", "@authority", "@path"], "label": "proxy_sig"});
    assert_eq!(rfc(&policy).who(&behind_a_proxy()), "test-key-rsa");
}

/// The client's own signature covers the host that the proxy replaced.
#[test]
fn the_signature_behind_a_proxy_does_not_hold_any_more() {
    let policy = json!({"components": ["@method"], "label": "sig1"});
    assert_eq!(rfc(&policy).who(&behind_a_proxy()), "the signature does not hold");
    let direct = Sent { authority: "example.com".to_owned(), ..behind_a_proxy() };
    assert_eq!(rfc(&policy).who(&direct), "test-key-ecc-p256");
}

/// Four of the examples leave the body uncovered: it could be any.
#[test]
fn a_body_that_is_not_covered_has_to_be_empty() {
    for (sent, components) in vectors() {
        let covers_body = components.to_string().contains("content-digest");
        let verified = rfc(&json!({"components": components})).judge_head(&sent).unwrap();
        assert_eq!(verified.body != BodyCheck::Empty, covers_body, "{components}");
        let judged = rfc(&json!({"components": components})).judge(&sent);
        assert_eq!(judged.is_ok(), covers_body || sent.body.is_empty(), "{components}");
    }
}

#[test]
fn no_mutant_of_the_examples_is_verified() {
    let covered = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let both = ["signature", "signature-input"];
    let whole = ["date", "content-type", "content-digest", "content-length"];
    let policy = json!({"components": ["@method", "@path", "@query", "@authority"]});
    for (sent, names) in [(b23(), &whole[..]), (b3(), &["client-cert"])] {
        for (what, mutant) in mutants(&sent, &covered(&[names, &both].concat())) {
            assert!(rfc(&policy).judge(&mutant).is_err(), "{what}");
        }
    }
}

/// RFC 9421, section 2.2.8.
#[test]
fn parameters_of_a_query_are_written_anew() {
    let query = "var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace\
                 &fa%C3%A7ade%22%3A%20=something";
    let sent = Sent::new("GET", &format!("https://www.example.com/parameters?{query}")).with(
        "signature-input",
        r#"s=("@query-param";name="var" "@query-param";name="bar" "@query-param";name="fa%C3%A7ade%22%3A%20");created=1618884473;keyid="test-shared-secret""#,
    );
    // HMAC-SHA256 by openssl over the lines that the RFC shows.
    let sent = sent.with("signature", "s=:8TKvSn1KRQ6yDFlfL0EhLyy5iz/BFQnH1F2x8NSOwYo=:");
    assert_eq!(rfc(&json!({"components": []})).who(&sent), "test-shared-secret");
}
