//! Which HTTP Message Signatures are refused, and with which words.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::http_signer::{
    NOW, PARAMETERS, REQUIRED, SECRET, covering, get, judge, pair, plain, signed, with_parameters,
};
use common::{Judge, Sent};
use serde_json::{Value, json};
use tollgate_signatures::Key;

#[test]
fn components_that_cannot_be_checked_are_refused() {
    let many = |many: usize| (0..many).map(|n| format!("\"x-{n}\"")).collect::<Vec<_>>();
    let listed = |ids: &[String]| {
        let ids: Vec<_> = ids.iter().map(|id| (id.as_str(), "")).collect();
        signed(get(), &[&REQUIRED[..], &ids].concat(), PARAMETERS)
    };
    for id in [
        "\"@status\"",
        "\"@signature-params\"",
        "\"@unknown\"",
        "\"@query-param\"",
        "\"@query-param\";name=b",
        "\"@method\";req",
        "\"@path\";name=\"b\"",
        "\"x-a\";sf",
        "\"x-a\";tr",
        "\"x-a\";req",
        "\"x-a\";bs=?0",
        "\"x-a\";bs;key=\"a\"",
        "\"x-a\";key=a",
        "\"x-a\";unknown",
        "\"X-A\"",
        "\"\"",
        "\"x a\"",
        "x-a",
        "1",
    ] {
        let shown = id.replace('"', "\\\"");
        let expected = format!("the signature covers {shown}, which is not supported here");
        assert_eq!(judge(&json!({})).who(&covering(id, "1")), expected, "{id}");
    }
    for id in [
        "\"x-missing\"",
        "\"x-a\";key=\"b\"",
        "\"x-dict\";key=\"e\"",
        "\"@query-param\";name=\"c\"",
        "\"@query-param\";name=\"d\"",
    ] {
        let shown = id.replace('"', "\\\"");
        let expected = format!("the signature covers {shown}, which the request does not have");
        assert_eq!(judge(&json!({})).who(&covering(id, "1")), expected, "{id}");
    }
    let twice = "the signature covers \\\"@path\\\" twice";
    assert_eq!(judge(&json!({})).who(&covering("\"@path\"", "/a")), twice);
    let too_many = "the signature covers more than 64 components";
    assert_eq!(judge(&json!({})).who(&listed(&many(61))), too_many);
    let absent = "the signature covers \\\"x-0\\\", which the request does not have";
    assert_eq!(judge(&json!({})).who(&listed(&many(60))), absent);
}

#[test]
fn fields_that_make_no_sense_are_refused() {
    let input = "signature-input is malformed: expected LABEL=(\"COMPONENT\" …);created=SECONDS;\
                 keyid=\"…\" (RFC 9421, section 4.1)";
    let signature = "signature is malformed: expected LABEL=:BASE64: for each label of \
                     signature-input (RFC 9421, section 4.2)";
    let (right, code) = pair(&REQUIRED, PARAMETERS);
    let key_id = "the key's id is not 1 to 256 visible ASCII characters without `\"`, `,` and `\\`";
    for (of_input, of_signature, expected) in [
        (format!("s={right}"), format!("s={code}"), "acme"),
        (
            String::new(),
            format!("s={code}"),
            "none of the signatures has the label and the tag that are asked for here",
        ),
        ("s".to_owned(), format!("s={code}"), input),
        ("s=1".to_owned(), format!("s={code}"), input),
        (format!("S={right}"), format!("s={code}"), input),
        (format!("s={right},s={right}"), format!("s={code}"), input),
        (format!("s={right}"), String::new(), signature),
        (format!("s={right}"), format!("t={code}"), signature),
        (format!("s={right}"), "s=\"text\"".to_owned(), signature),
        (format!("s={right}"), "s=:A:".to_owned(), signature),
        (format!("s={right}"), format!("s={code}, s={code}"), signature),
        (format!("s={right}"), "s=:AA==:".to_owned(), "the signature does not hold"),
        ("s=();keyid=\"acme\"".to_owned(), format!("s={code}"), "the signature has no created"),
        ("s=();created=1700000000".to_owned(), format!("s={code}"), "the signature has no keyid"),
        ("s=();created=1;keyid=acme".to_owned(), format!("s={code}"), input),
        ("s=();created=\"1\";keyid=\"acme\"".to_owned(), format!("s={code}"), input),
        ("s=();created=1.5;keyid=\"acme\"".to_owned(), format!("s={code}"), input),
        ("s=();created=-1;keyid=\"acme\"".to_owned(), format!("s={code}"), input),
        ("s=();created=1;keyid=\"acme\";expires=x".to_owned(), format!("s={code}"), input),
        ("s=();created=1;keyid=\"acme\";nonce=1".to_owned(), format!("s={code}"), input),
        ("s=();created=1;keyid=\"acme\";alg=1".to_owned(), format!("s={code}"), input),
        ("s=();created=1;keyid=\"\"".to_owned(), format!("s={code}"), key_id),
        ("s=();created=1;keyid=\"a b\"".to_owned(), format!("s={code}"), key_id),
        (
            format!("s={right}"),
            format!("s={code}, t=\"{}\"", "x".repeat(8 * 1024)),
            "the signature's fields are longer than 8192 bytes",
        ),
    ] {
        let sent =
            get().with("signature-input", of_input.clone()).with("signature", of_signature.clone());
        assert_eq!(judge(&json!({})).who(&sent), expected, "{of_input:.80} {of_signature:.80}");
    }
    assert_eq!(judge(&json!({})).who(&plain().without("signature")), signature);
    let missing = "the request carries no signature";
    assert_eq!(judge(&json!({})).who(&plain().without("signature-input")), missing);
}

#[test]
fn the_key_says_which_algorithm_it_is_for() {
    let other = "the key is for another algorithm";
    for (parameters, expected) in [
        (format!("{PARAMETERS};alg=\"hmac-sha256\""), "acme"),
        (format!("{PARAMETERS};alg=\"ed25519\""), other),
        (format!("{PARAMETERS};alg=\"HMAC-SHA256\""), other),
        (format!("{PARAMETERS};alg=\"none\""), other),
        (PARAMETERS.replace("acme", "public"), "the signature does not hold"),
    ] {
        assert_eq!(judge(&json!({})).who(&with_parameters(&parameters)), expected, "{parameters}");
    }
}

#[test]
fn one_kind_of_signature_is_enough() {
    let spec = json!({"hmac": {}, "http_signature": {}});
    let both = plain().with("authorization", "HMAC-SHA256 keyId=acme");
    let judge = |sent: &Sent, spec: Value| {
        Judge::new(spec, NOW).with_key("acme", Key::secret(SECRET).unwrap()).who(sent)
    };
    let refused = "the request carries signatures of more than one kind; send one";
    assert_eq!(judge(&both, spec.clone()), refused);
    assert_eq!(judge(&plain(), spec), "acme");
    // What is not accepted is not looked at.
    assert_eq!(judge(&both, json!({"http_signature": {}})), "acme");
}
