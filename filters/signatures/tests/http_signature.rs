//! What HTTP Message Signatures cover, until when they hold, and which of
//! several is chosen.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common::Sent;
use common::http_signer::{
    NOW, PARAMETERS, REQUIRED, covering, get, judge, pair, plain, signed, with_parameters,
};
use serde_json::json;
use tollgate_core::Timestamp;
use tollgate_signatures::{BodyCheck, Scheme};

#[test]
fn what_was_found_out_is_told() {
    let sent = with_parameters(&format!("{PARAMETERS};nonce=\"n 1\""));
    let nonce = "the nonce is not 1 to 128 visible ASCII characters without `\"`, `,` and `\\`";
    assert_eq!(judge(&json!({})).who(&sent), nonce);
    let sent = with_parameters(&format!("{PARAMETERS};nonce=\"n-1\";expires=1700000100"));
    let verified = judge(&json!({})).judge(&sent).unwrap();
    assert_eq!(verified.key_id, "acme");
    assert_eq!(verified.scheme, Scheme::HttpSignature);
    assert_eq!(verified.nonce.as_deref(), Some("n-1"));
    assert_eq!(verified.body, BodyCheck::Empty);
    assert_eq!(verified.expires, Timestamp::from_seconds(NOW + 100));
    let verified = judge(&json!({})).judge(&plain()).unwrap();
    assert_eq!(verified.expires, Timestamp::from_seconds(NOW + 300));
}

// === what is signed ===

#[test]
fn components_have_the_values_that_the_rfc_gives_them() {
    for (id, value) in [
        ("\"@target-uri\"", "https://api.example.com/a?b=1&c=2&c=3"),
        ("\"@request-target\"", "/a?b=1&c=2&c=3"),
        ("\"@scheme\"", "https"),
        ("\"@query-param\";name=\"b\"", "1"),
        ("\"host\"", "api.example.com"),
        ("\"x-a\"", "1"),
        ("\"x-b\"", "first, second"),
        ("\"x-a\";bs", ":MQ==:"),
        ("\"x-b\";bs", ":Zmlyc3Q=:, :c2Vjb25k:"),
        ("\"x-dict\";key=\"a\"", "1"),
        ("\"x-dict\";key=\"b\"", "2;x;y=\"z\""),
        ("\"x-dict\";key=\"c\"", "?1"),
        ("\"x-dict\";key=\"d\"", "(1 2)"),
    ] {
        assert_eq!(judge(&json!({})).who(&covering(id, value)), "acme", "{id}");
        let fails = "the signature does not hold";
        assert_eq!(judge(&json!({})).who(&covering(id, &format!("{value}0"))), fails, "{id}");
    }
}

#[test]
fn a_query_that_is_missing_is_signed_as_a_question_mark() {
    let sent = Sent::new("GET", "http://API.example.com:80/a");
    let values = ["GET", "api.example.com", "/a", "?"];
    let components: Vec<_> = REQUIRED.iter().zip(values).map(|((id, _), v)| (*id, v)).collect();
    assert_eq!(judge(&json!({})).who(&signed(sent, &components, PARAMETERS)), "acme");
}

#[test]
fn blanks_in_the_field_are_not_signed() {
    let mut sent = plain();
    let input = &mut sent.headers.iter_mut().find(|(name, _)| name == "signature-input").unwrap().1;
    *input = format!(" {}  , other=1", input.replace("\" \"", "\"   \"").replace(';', "; "));
    sent.headers.iter_mut().find(|(name, _)| name == "signature").unwrap().1 += ",other=:AA==:";
    let label = json!({"label": "s"});
    assert_eq!(judge(&label).who(&sent), "acme");
}

// === what must be covered ===

#[test]
fn required_components_must_be_covered_where_the_request_has_them() {
    for (components, expected) in [
        (json!(["@method", "@authority", "@path", "@query"]), "acme"),
        (json!(["@scheme"]), "the signature does not cover @scheme"),
        (json!(["@target-uri"]), "the signature does not cover @target-uri"),
        (json!(["x-a"]), "the signature does not cover x-a"),
        (json!(["x-missing"]), "acme"),
        (json!(["\"@query-param\";name=\"b\""]), "acme"),
        (json!([]), "acme"),
    ] {
        let mut judge = judge(&json!({"components": components}));
        assert_eq!(judge.who(&plain()), expected, "{components}");
    }
}

#[test]
fn a_component_stands_for_those_that_it_is_made_of() {
    let every =
        json!(["@authority", "@path", "@query", "@scheme", "@request-target", "@target-uri"]);
    let target = [("\"@target-uri\"", "https://api.example.com/a?b=1&c=2&c=3")];
    let sent = signed(get(), &target, PARAMETERS);
    assert_eq!(judge(&json!({"components": every})).who(&sent), "acme");
    let sent = signed(get(), &[("\"@request-target\"", "/a?b=1&c=2&c=3")], PARAMETERS);
    let parts = json!(["@path", "@query", "\"@query-param\";name=\"b\""]);
    assert_eq!(judge(&json!({"components": parts})).who(&sent), "acme");
    let host = json!(["@authority"]);
    assert_eq!(
        judge(&json!({"components": host})).who(&sent),
        "the signature does not cover @authority",
    );
    let sent = signed(get(), &[("\"x-a\";bs", ":MQ==:")], PARAMETERS);
    assert_eq!(judge(&json!({"components": ["x-a"]})).who(&sent), "acme");
    let sent = signed(get(), &[("\"x-dict\";key=\"a\"", "1")], PARAMETERS);
    let refused = "the signature does not cover x-dict";
    assert_eq!(judge(&json!({"components": ["x-dict"]})).who(&sent), refused);
}

const SHA256: &str = "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:";
const SHA512: &str = "sha-512=:3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q\
                      86A4qmslPpUyknw==:";

#[test]
fn a_body_is_covered_by_its_digest() {
    let both = format!("{SHA256}, {SHA512}");
    let digest = |value: &str, id: &str, signed_value: &str| {
        let sent = get().with("content-digest", value).with_body("abc");
        signed(sent, &[&REQUIRED[..], &[(id, signed_value)]].concat(), PARAMETERS)
    };
    let whole = "\"content-digest\"";
    let alone = SHA256.strip_prefix("sha-256=").unwrap();
    let malformed = "content-digest is not a list of digests, or has neither sha-256 nor sha-512";
    let mismatch = "the body is not the one that was signed";
    let wrapped = |value: &str| format!(":{}:", BASE64_STANDARD.encode(value));
    for (sent, expected) in [
        (digest(SHA256, whole, SHA256), "acme"),
        (digest(SHA512, whole, SHA512), "acme"),
        (digest(&both, whole, &both), "acme"),
        (digest(SHA256, "\"content-digest\";bs", &wrapped(SHA256)), "acme"),
        (digest(&both, "\"content-digest\";key=\"sha-256\"", alone), "acme"),
        // What is not signed counts for nothing.
        (digest(&both, "\"x-a\"", "1"), mismatch),
        (digest(&both, "\"content-digest\";key=\"md5\"", ":AA==:"), malformed),
        (digest("md5=:AA==:", whole, "md5=:AA==:"), malformed),
        (digest("sha-256=:AA==:", whole, "sha-256=:AA==:"), malformed),
        (digest("sha-256=1", whole, "sha-256=1"), malformed),
        (digest("sha-256", whole, "sha-256"), malformed),
        (digest("=", whole, "="), malformed),
        (digest(SHA256, whole, SHA256).with_body("abd"), mismatch),
        (digest(SHA512, whole, SHA512).with_body(""), mismatch),
        (plain().with_body("abc"), mismatch),
        (plain(), "acme"),
    ] {
        assert_eq!(judge(&json!({})).who(&sent), expected, "{:?}", sent.headers);
    }
    // Requiring it makes no difference to requests without a body.
    let strict = json!({"components": ["@method", "content-digest"]});
    assert_eq!(judge(&strict).who(&plain()), "acme");
    let unsigned = digest(SHA256, "\"x-a\"", "1");
    assert_eq!(judge(&strict).who(&unsigned), "the signature does not cover content-digest");
}

// === when ===

#[test]
fn signatures_hold_for_their_time_and_no_longer() {
    let late = "the signature has expired; set the clock right, or sign again";
    let early = "the signature was made in the future; set the clock right";
    let at = |created: u64| format!(";created={created};keyid=\"acme\"");
    for (spec, parameters, expected) in [
        (json!({}), at(NOW - 300), "acme"),
        (json!({}), at(NOW - 301), late),
        (json!({}), at(NOW + 60), "acme"),
        (json!({}), at(NOW + 61), early),
        (json!({"max_age_seconds": 10}), at(NOW - 11), late),
        (json!({"clock_skew_seconds": 0}), at(NOW + 1), early),
        (json!({}), format!("{PARAMETERS};expires={NOW}"), "acme"),
        (json!({}), format!("{PARAMETERS};expires={}", NOW - 1), late),
        // A signer cannot make the time longer.
        (json!({}), format!("{};expires={}", at(NOW - 301), NOW + 600), late),
    ] {
        assert_eq!(judge(&spec).who(&with_parameters(&parameters)), expected, "{parameters}");
    }
}

#[test]
fn a_nonce_can_be_required() {
    let mut judge = judge(&json!({"require_nonce": true}));
    let refused = "the signature has no nonce; add one that is never used again";
    assert_eq!(judge.who(&plain()), refused);
    assert_eq!(judge.who(&with_parameters(&format!("{PARAMETERS};nonce=\"1\""))), "acme");
}

// === which of several ===

/// The labels of signatures and the parameters of each, all rightly signed.
fn several(signatures: &[(&str, &str)]) -> Sent {
    signatures.iter().fold(get(), |sent, (label, parameters)| {
        let (input, signature) = pair(&REQUIRED, parameters);
        sent.with("signature-input", format!("{label}={input}"))
            .with("signature", format!("{label}={signature}"))
    })
}

#[test]
fn a_signature_is_chosen_by_label_tag_and_key() {
    let [unknown, old] = [";created=1700000000;keyid=\"other\"", ";created=1;keyid=\"acme\""];
    let tagged = format!("{PARAMETERS};tag=\"app\"");
    let none = "none of the signatures has the label and the tag that are asked for here";
    let late = "the signature has expired; set the clock right, or sign again";
    for (signatures, spec, expected) in [
        (&[("a", unknown), ("b", PARAMETERS)][..], json!({}), "acme"),
        (&[("a", old), ("b", PARAMETERS)], json!({}), "acme"),
        (&[("a", unknown), ("b", old)], json!({}), late),
        (&[("a", old), ("b", unknown)], json!({}), late),
        (&[("a", unknown)], json!({}), "the key is not known"),
        (&[("a", PARAMETERS)], json!({"label": "a"}), "acme"),
        (&[("a", PARAMETERS)], json!({"label": "b"}), none),
        (&[("a", old), ("b", PARAMETERS)], json!({"label": "a"}), late),
        (&[("a", PARAMETERS), ("b", &tagged)], json!({"tag": "app"}), "acme"),
        (&[("a", PARAMETERS)], json!({"tag": "app"}), none),
        (&[("a", &tagged)], json!({"tag": "App"}), none),
        (&[("a", &tagged)], json!({"tag": "app", "label": "b"}), none),
        (&[("a", unknown), ("b", unknown), ("c", unknown), ("d", PARAMETERS)], json!({}), "acme"),
        (
            &[("a", unknown), ("b", unknown), ("c", unknown), ("d", unknown), ("e", PARAMETERS)],
            json!({}),
            "the request carries more than 4 signatures",
        ),
        (
            &[("a", unknown), ("b", unknown), ("c", unknown), ("d", unknown), ("e", PARAMETERS)],
            json!({"label": "e"}),
            "acme",
        ),
    ] {
        assert_eq!(judge(&spec).who(&several(signatures)), expected, "{signatures:?}");
    }
}
