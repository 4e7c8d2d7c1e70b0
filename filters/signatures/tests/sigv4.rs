//! Which AWS signatures are refused, and with which words.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use base16ct::lower::encode_string as hex;
use common::{Judge, Sent};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tollgate_core::Timestamp;
use tollgate_signatures::{BodyCheck, Key, KeyAlgorithm, Scheme};

/// 2015-08-30 12:36:00.
const NOW: u64 = 1_440_938_160;
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const SCOPE: &str = "20150830/eu-central-1/execute-api/aws4_request";

fn judge(changes: &Value) -> Judge {
    let mut spec = json!({"region": "eu-central-1", "service": "execute-api"});
    for (name, value) in changes.as_object().unwrap() {
        spec[name] = value.clone();
    }
    let ed25519 = Key::public(KeyAlgorithm::Ed25519, include_str!("data/ed25519.pem")).unwrap();
    let session = Key::secret(SECRET).unwrap().with_session_token("token+/=");
    Judge::new(json!({"sigv4": spec}), NOW)
        .with_key("AKID", Key::secret(SECRET).unwrap())
        .with_key("a/slash", Key::secret(SECRET).unwrap())
        .with_key("ASIA", session)
        .with_key("public", ed25519)
}

fn get() -> Sent {
    Sent::new("GET", "https://api.example.com/").with("x-amz-date", "20150830T123600Z")
}

/// Signs what a signer would sign who covers these headers and this payload.
fn signature(sent: &Sent, query: &str, headers: &str, payload: &str) -> String {
    let value = |name: &str| match name {
        "host" => sent.authority.clone(),
        _ => sent.headers.iter().find(|(known, _)| known == name).unwrap().1.clone(),
    };
    let lines: Vec<_> =
        headers.split(';').map(|name| format!("{name}:{}\n", value(name))).collect();
    let lines = lines.concat();
    let request = format!("{}\n/\n{query}\n{lines}\n{headers}\n{payload}", sent.method);
    let text =
        format!("AWS4-HMAC-SHA256\n20150830T123600Z\n{SCOPE}\n{}", hex(&Sha256::digest(request)));
    let day = mac(format!("AWS4{SECRET}").as_bytes(), "20150830");
    let region = mac(&day, "eu-central-1");
    let key = mac(&mac(&region, "execute-api"), "aws4_request");
    hex(&mac(&key, &text))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn credential(key: &str, headers: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={key}/{SCOPE}, SignedHeaders={headers}, Signature={signature}"
    )
}

fn signed(sent: Sent, key: &str, headers: &str, payload: &str) -> Sent {
    let signature = signature(&sent, "", headers, payload);
    sent.with("authorization", credential(key, headers, &signature))
}

/// A request that holds.
fn plain() -> Sent {
    signed(get(), "AKID", "host;x-amz-date", EMPTY)
}

/// A presigned URL that holds, and its parameters before the signature.
fn presigned(expires: &str) -> Sent {
    let query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F{}&X-Amz-Date=20150830T123600Z\
         &X-Amz-Expires={expires}&X-Amz-SignedHeaders=host",
        SCOPE.replace('/', "%2F"),
    );
    let sent = Sent::new("GET", "https://api.example.com/");
    let signature = signature(&sent, &query, "host", EMPTY);
    Sent { target: format!("/?{query}&X-Amz-Signature={signature}"), ..sent }
}

#[test]
fn what_was_found_out_is_told() {
    let verified = judge(&json!({})).judge(&plain()).unwrap();
    assert_eq!(verified.key_id, "AKID");
    assert_eq!(verified.scheme, Scheme::SigV4);
    assert_eq!(verified.nonce, None);
    assert_eq!(verified.expires, Timestamp::from_seconds(NOW + 300));
    let verified = judge(&json!({"presigned": true})).judge(&presigned("60")).unwrap();
    assert_eq!(verified.expires, Timestamp::from_seconds(NOW + 60));
}

#[test]
fn ids_of_keys_may_have_slashes() {
    let sent = signed(get(), "a/slash", "host;x-amz-date", EMPTY);
    assert_eq!(judge(&json!({})).who(&sent), "a/slash");
}

#[test]
fn credentials_that_make_no_sense_are_refused() {
    let malformed = "authorization is malformed: expected AWS4-HMAC-SHA256 \
                     Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=NAME;NAME, \
                     Signature=HEX";
    let scope = "the credential's scope is not DATE/eu-central-1/execute-api/aws4_request";
    let zeros = "0".repeat(64);
    let host = "host;x-amz-date";
    let of = |key: &str, headers: &str, signature: &str| credential(key, headers, signature);
    let good = of("AKID", host, &zeros);
    let names = |many: usize| (0..many).map(|n| format!("x-{n:03}")).collect::<Vec<_>>().join(";");
    for (credential, expected) in [
        ("AWS4-HMAC-SHA256 x".to_owned(), malformed),
        (good.replace("Signature=", "Sig="), malformed),
        (good.replace(&format!(", SignedHeaders={host}"), ""), malformed),
        (good.replace("AKID/", ""), malformed),
        (of("AKID", host, &"0".repeat(63)), malformed),
        (of("AKID", host, &format!("{zeros}00")), malformed),
        (of("AKID", host, &zeros.replace("00", "0A")), malformed),
        (of("AKID", "", &zeros), malformed),
        (of("AKID", "x-amz-date;host", &zeros), malformed),
        (of("AKID", "Host;x-amz-date", &zeros), malformed),
        (of("AKID", "host;host;x-amz-date", &zeros), "the signature covers host twice"),
        (of("AKID", &names(64), &zeros), "the signature does not cover host"),
        (of("AKID", &names(65), &zeros), "the signature covers more than 64 components"),
        (
            of("", host, &zeros),
            "the key's id is not 1 to 256 visible ASCII characters without `\"`, `,` and `\\`",
        ),
        (good.replace("eu-central-1", "us-east-1"), scope),
        (good.replace("execute-api", "s3"), scope),
        (good.replace("aws4_request", "aws4"), scope),
        (
            good.replace("20150830/", "20150831/"),
            "x-amz-date is not a time of the credential's day",
        ),
        (of("AKID", "x-amz-date", &zeros), "the signature does not cover host"),
        (of("AKID", "host", &zeros), "the signature does not cover x-amz-date"),
        (
            of("AKID", "host;x-amz-date;x-missing", &zeros),
            "the signature covers x-missing, which the request does not have",
        ),
        (of("AKIE", host, &zeros), "the key is not known"),
        (of("public", host, &zeros), "the key is for another algorithm"),
        (good, "the signature does not hold"),
    ] {
        let sent = get().with("authorization", credential.clone());
        assert_eq!(judge(&json!({})).who(&sent), expected, "{credential}");
    }
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let host = "host;x-amz-date";
    for (sent, expected) in [
        (plain().without("x-amz-date"), "x-amz-date is not a time of the credential's day"),
        (
            plain().without("x-amz-date").with("x-amz-date", "2015-08-30T12:36:00Z"),
            "x-amz-date is not a time of the credential's day",
        ),
        (
            plain().with("x-amz-date", "20150830T123600Z"),
            "the header x-amz-date stands more than once",
        ),
        (plain().with("x-amz-target", "x"), "the signature does not cover x-amz-target"),
        (plain().with("content-type", "x"), "the signature does not cover content-type"),
        (
            plain().with("x-amz-content-sha256", EMPTY),
            "the signature does not cover x-amz-content-sha256",
        ),
        (signed(get(), "ASIA", host, EMPTY), "the session token is not that of the key"),
        (
            plain().with("x-amz-security-token", "token+/="),
            "the signature does not cover x-amz-security-token",
        ),
        (
            plain().with("authorization", "Bearer x"),
            "the header authorization stands more than once",
        ),
        (plain().with_body("x"), "the signature does not hold"),
    ] {
        assert_eq!(judge(&json!({})).who(&sent), expected);
    }
}

#[test]
fn session_tokens_are_those_of_the_key() {
    let other = "the session token is not that of the key";
    for (key, token, expected) in
        [("ASIA", "token+/=", "ASIA"), ("ASIA", "token", other), ("AKID", "token+/=", other)]
    {
        let sent = get().with("x-amz-security-token", token);
        let sent = signed(sent, key, "host;x-amz-date;x-amz-security-token", EMPTY);
        assert_eq!(judge(&json!({})).who(&sent), expected, "{key} {token}");
    }
}

#[test]
fn payloads_are_signed_unless_the_operator_says_otherwise() {
    let allowed = json!({"unsigned_payload": true});
    let with = |hash: &str| {
        let sent = get().with("x-amz-content-sha256", hash);
        signed(sent, "AKID", "host;x-amz-content-sha256;x-amz-date", hash).with_body("abc")
    };
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let streaming = "payloads signed chunk by chunk (STREAMING-…) are not accepted here; sign the \
                     SHA-256 of the whole body";
    let malformed = "x-amz-content-sha256 is not a SHA-256 in lower-case hexadecimal digits";
    for (hash, spec, expected) in [
        (abc, json!({}), "AKID"),
        (EMPTY, json!({}), "the body is not the one that was signed"),
        (
            "UNSIGNED-PAYLOAD",
            json!({}),
            "payloads that are not signed are not accepted here; sign the SHA-256 of the body",
        ),
        ("UNSIGNED-PAYLOAD", allowed.clone(), "AKID"),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", allowed.clone(), streaming),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", allowed, streaming),
        (&abc.to_uppercase(), json!({}), malformed),
        ("ba7816bf", json!({}), malformed),
        ("", json!({}), malformed),
    ] {
        assert_eq!(judge(&spec).who(&with(hash)), expected, "{hash}");
        // What is stated needs no body to be verified.
        let mut head_first = judge(&spec);
        head_first.body_first = false;
        assert_eq!(head_first.who(&with(hash)), expected, "{hash}");
    }
}

#[test]
fn a_hash_that_is_not_stated_needs_the_body_first() {
    let mut judge = judge(&json!({}));
    judge.body_first = false;
    let awaits = "the signature covers the body, which has not arrived";
    assert_eq!(judge.who(&plain()), awaits);
    judge.body_first = true;
    let verified = judge.judge(&plain()).unwrap();
    assert_eq!(verified.body, BodyCheck::Sha256(tollgate_signatures::NO_BODY));
}

#[test]
fn clocks_may_differ_by_the_skew_and_no_more() {
    let late = "the signature has expired; set the clock right, or sign again";
    let early = "the signature was made in the future; set the clock right";
    for (spec, now, expected) in [
        (json!({}), NOW + 300, "AKID"),
        (json!({}), NOW + 301, late),
        (json!({}), NOW - 300, "AKID"),
        (json!({}), NOW - 301, early),
        (json!({"clock_skew_seconds": 10}), NOW + 11, late),
    ] {
        let mut judge = judge(&spec);
        judge.now = Timestamp::from_seconds(now);
        assert_eq!(judge.who(&plain()), expected, "{now}");
    }
}

#[test]
fn presigned_urls_hold_for_as_long_as_they_say() {
    let late = "the signature has expired; set the clock right, or sign again";
    let range = "X-Amz-Expires is not 1 to 3600 seconds";
    for (expires, now, expected) in [
        ("60", NOW + 60, "AKID"),
        ("60", NOW + 61, late),
        ("60", NOW - 300, "AKID"),
        ("60", NOW - 301, "the signature was made in the future; set the clock right"),
        ("3600", NOW + 3600, "AKID"),
        ("3601", NOW, range),
        ("1", NOW, "AKID"),
        ("0", NOW, range),
        ("-1", NOW, range),
        ("", NOW, range),
    ] {
        let mut judge = judge(&json!({"presigned": true}));
        judge.now = Timestamp::from_seconds(now);
        assert_eq!(judge.who(&presigned(expires)), expected, "{expires}");
    }
}

#[test]
fn presigned_urls_that_make_no_sense_are_refused() {
    let malformed = "the query is malformed: expected each of X-Amz-Algorithm=AWS4-HMAC-SHA256, \
                     X-Amz-Credential, X-Amz-Date, X-Amz-Expires, X-Amz-SignedHeaders and \
                     X-Amz-Signature once";
    let change = |from: &str, to: &str| {
        let sent = presigned("60");
        assert!(sent.target.contains(from), "{from}");
        Sent { target: sent.target.replacen(from, to, 1), ..sent }
    };
    for (sent, expected) in [
        (change("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), malformed),
        (change("X-Amz-Algorithm=AWS4-HMAC-SHA256&", ""), malformed),
        (change("X-Amz-Expires=60&", ""), malformed),
        (change("X-Amz-Expires=60&", "X-Amz-Expires=60&X-Amz-Expires=60&"), malformed),
        (change("X-Amz-Credential=", "X-Amz-Credential=%FF"), malformed),
        (change("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=%FF"), malformed),
        (change("X-Amz-Signature=", "X-Amz-Signature=00"), malformed),
        (
            change("X-Amz-Date=2015", "X-Amz-Date=2016"),
            "x-amz-date is not a time of the credential's day",
        ),
        (presigned("60").with("x-amz-acl", "public"), "the signature does not cover x-amz-acl"),
        (
            change("X-Amz-Expires", &format!("X-Amz-X={}&X-Amz-Expires", "x".repeat(8 * 1024))),
            "the signature's fields are longer than 8192 bytes",
        ),
        (
            change("X-Amz-Expires", "X-Amz-Security-Token=x&X-Amz-Expires"),
            "the signature does not hold",
        ),
    ] {
        assert_eq!(judge(&json!({"presigned": true})).who(&sent), expected, "{:.300}", sent.target);
    }
    let sent = presigned("60");
    assert_eq!(judge(&json!({})).who(&sent), "presigned URLs are not accepted here");
    let twice = Sent { headers: plain().headers, ..sent };
    assert_eq!(
        judge(&json!({"presigned": true})).who(&twice),
        "the request carries signatures of more than one kind; send one",
    );
}

/// In style `s3` a presigned URL says nothing of the body.
#[test]
fn presigned_urls_of_style_s3_need_unsigned_payloads() {
    let spec = json!({"presigned": true, "style": "s3"});
    assert_eq!(
        judge(&spec).who(&presigned("60")),
        "payloads that are not signed are not accepted here; sign the SHA-256 of the body",
    );
}
