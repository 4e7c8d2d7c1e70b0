//! What others sign is verified, and a change of it is not, so that two faults
//! of ours cannot meet: botocore, and http-message-signatures with keys of
//! cryptography.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::path::Path;
use std::process::Command;

use common::mutants::mutants;
use common::{Judge, Sent};
use jwt_simple::prelude::{P256PublicKey, P384PublicKey, RSAPublicKey};
use p256::ecdsa::signature::Verifier as _;
use serde_json::{Value, json};
use superboring::hash::MessageDigest;
use superboring::pkey::PKey;
use superboring::rsa::Padding;
use superboring::sign::Verifier;
use tollgate_core::testing::Calls;
use tollgate_core::{Hash, SignatureCheck};
use tollgate_signatures::{Key, KeyAlgorithm};

/// What a script beside this file prints.
fn signed_by(script: &str) -> Vec<Value> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../../.tools/signers/bin/python");
    assert!(python.exists(), "run `make signers` first: {} is missing", python.display());
    let output =
        Command::new(python).arg(here.join("tests/signers").join(script)).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_botocore_signs_is_verified_and_no_mutant_of_it() {
    let cases = signed_by("sigv4.py");
    assert_eq!(cases.len(), 96);
    for case in cases {
        let sent = Sent::from_json(&case);
        let mut judge = of_botocore(&case);
        assert_eq!(judge.who(&sent), "AKIDEXAMPLE", "{}", case["name"]);
        let covered = signed_headers(&sent);
        for (what, mutant) in mutants(&sent, &covered) {
            // In style `s3`, a presigned URL says nothing of the body.
            if case["kind"] == "presigned-s3" && what.contains("body") {
                continue;
            }
            assert!(judge.judge(&mutant).is_err(), "{what} of {}", case["name"]);
        }
    }
}

fn of_botocore(case: &Value) -> Judge {
    let is_s3 = case["kind"].as_str().unwrap().ends_with("s3");
    let spec = json!({"sigv4": {
        "region": "eu-central-1",
        "service": if is_s3 { "s3" } else { "execute-api" },
        "style": if is_s3 { "s3" } else { "generic" },
        "presigned": true,
        "unsigned_payload": case["kind"] == "presigned-s3",
    }});
    let key = Key::secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap();
    let key = match case["token"].as_str() {
        Some(token) => key.with_session_token(token),
        None => key,
    };
    Judge::new(spec, case["now"].as_u64().unwrap()).with_key("AKIDEXAMPLE", key)
}

/// The headers that are covered, and the one that says so.
fn signed_headers(sent: &Sent) -> Vec<String> {
    let authorization = sent.headers.iter().find(|(name, _)| name == "authorization");
    let Some((name, value)) = authorization else { return Vec::new() };
    let list = value.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
    list.split(';').map(str::to_owned).chain([name.clone()]).collect()
}

#[test]
fn what_http_message_signatures_signs_is_verified_and_no_mutant_of_it() {
    let cases = signed_by("http_signature.py");
    assert_eq!(cases.len(), 72);
    for case in cases {
        let sent = Sent::from_json(&case);
        let algorithm = case["algorithm"].as_str().unwrap();
        let mut judge = of_http_message_signatures(&case);
        assert_eq!(judge.who(&sent), algorithm, "{}", case["name"]);
        // By the host, where it can.
        judge.host.verify = Some(as_envoy);
        judge.host.calls = Calls::default();
        assert_eq!(judge.who(&sent), algorithm, "{}", case["name"]);
        let asked = algorithm.starts_with("ecdsa") || algorithm == "rsa-v1_5-sha256";
        assert_eq!(judge.host.calls.verify_signature, u32::from(asked), "{}", case["name"]);
        let mut covered = vec!["signature".to_owned(), "signature-input".to_owned()];
        covered.extend(
            case["covered"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap().to_lowercase()),
        );
        for (what, mutant) in mutants(&sent, &covered) {
            assert!(judge.judge(&mutant).is_err(), "{what} of {}", case["name"]);
        }
    }
}

fn of_http_message_signatures(case: &Value) -> Judge {
    let (algorithm, key) = (case["algorithm"].as_str().unwrap(), case["key"].as_str().unwrap());
    let key = match serde_json::from_value(case["algorithm"].clone()).unwrap() {
        KeyAlgorithm::HmacSha256 => Key::secret(base16ct::lower::decode_vec(key).unwrap()),
        public => Key::public(public, key),
    };
    let spec = json!({"http_signature": {}});
    Judge::new(spec, case["now"].as_u64().unwrap()).with_key(algorithm, key.unwrap())
}

/// What Envoy's `verify_signature` does.
fn as_envoy(check: &SignatureCheck<'_>) -> bool {
    let &SignatureCheck { hash, public_key, signature, message } = check;
    if let Ok(key) = P256PublicKey::from_der(public_key) {
        let signature = p256::ecdsa::Signature::from_der(signature).unwrap();
        return hash == Hash::Sha256 && key.as_ref().verify(message, &signature).is_ok();
    }
    if let Ok(key) = P384PublicKey::from_der(public_key) {
        let signature = p384::ecdsa::Signature::from_der(signature).unwrap();
        return hash == Hash::Sha384 && key.as_ref().verify(message, &signature).is_ok();
    }
    let key = RSAPublicKey::from_der(public_key).unwrap();
    let key = PKey::from_rsa(key.as_ref().clone()).unwrap();
    let mut verifier = Verifier::new(MessageDigest::sha256(), &key).unwrap();
    verifier.set_rsa_padding(Padding::PKCS1).unwrap();
    verifier.update(message).unwrap();
    hash == Hash::Sha256 && verifier.verify(signature).unwrap()
}

/// Who is asked has the last word.
#[test]
fn what_the_host_says_of_a_signature_counts() {
    for case in signed_by("http_signature.py").iter().filter(|case| {
        case["algorithm"].as_str().unwrap().starts_with("ecdsa")
            || case["algorithm"] == "rsa-v1_5-sha256"
    }) {
        let mut judge = of_http_message_signatures(case);
        judge.host.verify = Some(|_| false);
        assert_eq!(judge.who(&Sent::from_json(case)), "the signature does not hold");
    }
}
