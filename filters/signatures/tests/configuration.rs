//! Configurations and keys that are refused, and with which words.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

use serde_json::{Value, json};
use tollgate_signatures::{Key, KeyAlgorithm, SignatureSpec, Verifier};

fn compile(spec: Value) -> Option<String> {
    let spec: SignatureSpec = serde_json::from_value(spec).unwrap();
    Verifier::compile(spec).err().map(|invalid| invalid.to_string())
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    let aws = |field: &str, value: Value| {
        let mut spec = json!({"region": "eu-central-1", "service": "execute-api"});
        spec[field] = value;
        json!({"sigv4": spec})
    };
    let http = |field: &str, value: Value| json!({"http_signature": {field: value}});
    for (spec, expected) in [
        (json!({}), ": names no scheme; add `hmac`, `sigv4` or `http_signature`"),
        (
            json!({"hmac": {"clock_skew_seconds": 901}}),
            "hmac.clock_skew_seconds: 901 is more than 900; set the clocks right",
        ),
        (
            json!({"hmac": {"headers": ["a", "b c"]}}),
            "hmac.headers[1]: \"b c\" is not a header name",
        ),
        (
            json!({"hmac": {"headers": ["a", "A"]}}),
            "hmac.headers[1]: \"A\" stands twice; remove one",
        ),
        (
            aws("region", json!("")),
            "sigv4.region: \"\" is not one or more letters, digits, `-` and `_`",
        ),
        (
            aws("service", json!("a/b")),
            "sigv4.service: \"a/b\" is not one or more letters, digits, `-` and `_`",
        ),
        (
            aws("presigned_seconds_max", json!(0)),
            "sigv4.presigned_seconds_max: 0 is not between 1 and 604800",
        ),
        (
            aws("presigned_seconds_max", json!(604_801)),
            "sigv4.presigned_seconds_max: 604801 is not between 1 and 604800",
        ),
        (
            aws("clock_skew_seconds", json!(901)),
            "sigv4.clock_skew_seconds: 901 is more than 900; set the clocks right",
        ),
        (aws("headers", json!([""])), "sigv4.headers[0]: \"\" is not a header name"),
        (
            http("max_age_seconds", json!(0)),
            "http_signature.max_age_seconds: 0 is not between 1 and 3600",
        ),
        (
            http("max_age_seconds", json!(3601)),
            "http_signature.max_age_seconds: 3601 is not between 1 and 3600",
        ),
        (
            http("clock_skew_seconds", json!(901)),
            "http_signature.clock_skew_seconds: 901 is more than 900; set the clocks right",
        ),
        (
            http("components", json!(["@method", "@status"])),
            "http_signature.components[1]: \"@status\" is neither a derived component of requests \
             nor a header name in lower case",
        ),
        (
            http("components", json!(["Date"])),
            "http_signature.components[0]: \"Date\" is neither a derived component of requests nor \
             a header name in lower case",
        ),
        (
            http("components", json!(["date", "\"date\""])),
            "http_signature.components[1]: \"\\\"date\\\"\" stands twice; remove one",
        ),
        (
            http("label", json!("Sig")),
            "http_signature.label: \"Sig\" is not a label; begin with a lower-case letter and go \
             on with such letters, digits, `-`, `_`, `.` and `*`",
        ),
        (
            http("tag", json!("")),
            "http_signature.tag: \"\" is not one or more printable ASCII characters",
        ),
        (
            http("tag", json!("é")),
            "http_signature.tag: \"é\" is not one or more printable ASCII characters",
        ),
    ] {
        assert_eq!(compile(spec.clone()).as_deref(), Some(expected), "{spec}");
    }
}

#[test]
fn bounds_are_allowed() {
    for spec in [
        json!({"hmac": {}}),
        json!({"hmac": {"clock_skew_seconds": 900, "headers": [], "require_nonce": true}}),
        json!({"hmac": {"clock_skew_seconds": 0}}),
        json!({"sigv4": {"region": "r", "service": "s", "style": "s3",
            "presigned": true, "presigned_seconds_max": 604_800, "unsigned_payload": true}}),
        json!({"sigv4": {"region": "r_1", "service": "S-3", "presigned_seconds_max": 1}}),
        json!({"http_signature": {}}),
        json!({"http_signature": {"max_age_seconds": 3600, "label": "sig1", "tag": "a b",
            "components": ["\"@query-param\";name=\"a\"", "\"x\";key=\"a\"", "date"]}}),
        json!({"http_signature": {"max_age_seconds": 1}}),
    ] {
        assert_eq!(compile(spec.clone()), None, "{spec}");
    }
}

#[test]
fn unknown_fields_are_refused() {
    for spec in [
        json!({"hmac": {"clock_skew": 1}}),
        json!({"sigv4": {"region": "r"}}),
        json!({"sigv4": {"region": "r", "service": "s", "style": "S3"}}),
        json!({"http_signature": {"algorithms": []}}),
        json!({"rsa": {}}),
    ] {
        assert!(serde_json::from_value::<SignatureSpec>(spec.clone()).is_err(), "{spec}");
    }
}

#[test]
fn secrets_are_long_enough() {
    let refused = |bytes: usize| Key::secret(vec![7; bytes]).err().map(|error| error.to_string());
    assert_eq!(refused(31).as_deref(), Some("31 bytes are less than 32; make a longer secret"));
    assert_eq!(refused(32), None);
    assert_eq!(refused(1024), None);
    let long = "1025 bytes are more than 1024; make a shorter secret";
    assert_eq!(refused(1025).as_deref(), Some(long));
}

#[test]
fn public_keys_are_what_they_are_said_to_be() {
    const SHORT_RSA: &str = include_str!("data/rsa-1024.pem");
    const ODD_RSA: &str = include_str!("data/rsa-3.pem");
    let p256 = include_str!("data/p256.pem");
    let (ed25519, rsa) = (include_str!("data/ed25519.pem"), include_str!("data/rsa.pem"));
    let not = |algorithm: &str| {
        format!(
            "is not the public key of an {algorithm} pair in PEM (`-----BEGIN PUBLIC KEY-----`)"
        )
    };
    for (algorithm, pem, expected) in [
        (KeyAlgorithm::Ed25519, ed25519, None),
        (KeyAlgorithm::EcdsaP256Sha256, p256, None),
        (KeyAlgorithm::RsaPssSha512, rsa, None),
        (KeyAlgorithm::RsaV15Sha256, rsa, None),
        (KeyAlgorithm::Ed25519, p256, Some(not("ed25519"))),
        (KeyAlgorithm::EcdsaP256Sha256, ed25519, Some(not("ecdsa-p256-sha256"))),
        (KeyAlgorithm::EcdsaP384Sha384, p256, Some(not("ecdsa-p384-sha384"))),
        (KeyAlgorithm::RsaPssSha512, "", Some(not("rsa-pss-sha512"))),
        (KeyAlgorithm::RsaV15Sha256, ed25519, Some(not("rsa-v1_5-sha256"))),
        (
            KeyAlgorithm::HmacSha256,
            rsa,
            Some("hmac-sha256 has a secret and no public key; give the secret".to_owned()),
        ),
        (
            KeyAlgorithm::RsaV15Sha256,
            SHORT_RSA,
            Some("1024 bits are not 2048 to 4096; make another key".to_owned()),
        ),
        (
            KeyAlgorithm::RsaPssSha512,
            ODD_RSA,
            Some("the public exponent is not 65537; make another key".to_owned()),
        ),
    ] {
        let refused = Key::public(algorithm, pem).err().map(|error| error.to_string());
        assert_eq!(refused, expected, "{algorithm}");
    }
}

#[test]
fn algorithms_are_written_as_the_registry_writes_them() {
    for algorithm in [
        KeyAlgorithm::HmacSha256,
        KeyAlgorithm::Ed25519,
        KeyAlgorithm::EcdsaP256Sha256,
        KeyAlgorithm::EcdsaP384Sha384,
        KeyAlgorithm::RsaPssSha512,
        KeyAlgorithm::RsaV15Sha256,
    ] {
        assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.name());
    }
}

#[test]
fn what_is_secret_is_not_shown() {
    let key = Key::secret("the secret that acme and the gateway share").unwrap();
    let key = key.with_session_token("a token");
    assert_eq!(format!("{key:?}"), "Key { algorithm: HmacSha256, .. }");
}
