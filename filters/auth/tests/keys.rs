//! Which keys are taken to verify a token, and how.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{
    ALGORITHMS, ANN, Gate, HOSTS, Signer, any_of, as_envoy, check, claims, encode, issuer,
};
use serde_json::{Value, json};
use tollgate_core::testing::MemoryHost;

#[test]
fn every_algorithm_is_verified_with_and_without_the_host() {
    for algorithm in ALGORITHMS {
        let signer = Signer::new(algorithm);
        let token = signer.token(&claims(&json!({})));
        let forged = format!("{}{}", &token[..token.len() - 8], "AAAAAAAA");
        for verify in HOSTS {
            let mut gate = Gate::for_keys(&[&signer.jwk]);
            gate.host = MemoryHost { verify, ..MemoryHost::default() };
            assert_eq!(gate.token(&token), ANN, "{algorithm}");
            assert_eq!(
                gate.token(&forged),
                "401 invalid-token: the token's signature does not hold",
                "{algorithm}"
            );
            let asked = algorithm.starts_with("RS") || algorithm.starts_with("ES");
            assert_eq!(gate.host.calls.verify_signature, if asked { 2 } else { 0 }, "{algorithm}");
        }
    }
}

#[test]
fn what_the_host_says_of_a_signature_counts() {
    for algorithm in ["RS256", "ES256", "ES384"] {
        let signer = Signer::new(algorithm);
        let mut gate = Gate::for_keys(&[&signer.jwk]);
        gate.host.verify = Some(|_| false);
        assert_eq!(
            gate.token(&signer.token(&claims(&json!({})))),
            "401 invalid-token: the token's signature does not hold",
        );
    }
}

/// Made by Python's `cryptography`, so that two faults of ours cannot meet.
#[test]
fn tokens_of_another_implementation_are_verified() {
    let tokens: Vec<Value> = serde_json::from_str(include_str!("data/foreign.json")).unwrap();
    assert_eq!(tokens.len(), ALGORITHMS.len());
    for case in tokens {
        for verify in HOSTS {
            let mut gate = Gate::for_keys(&[&case["jwk"]]);
            gate.host.verify = verify;
            assert_eq!(gate.token(case["token"].as_str().unwrap()), ANN, "{}", case["alg"]);
        }
    }
}

/// A public key is known to everybody, so it must never serve as a secret.
#[test]
fn a_public_key_is_no_secret() {
    let rsa = Signer::new("RS256");
    let pem = jwt_simple::prelude::RSAKeyPair::from_pem(include_str!("data/rsa.pem")).unwrap();
    let public = pem.public_key();
    for secret in [
        public.to_der().unwrap(),
        public.to_pem().unwrap().into_bytes(),
        public.to_pem().unwrap().trim().as_bytes().to_vec(),
        public.to_components().n,
        rsa.jwk.to_string().into_bytes(),
        rsa.jwk["n"].as_str().unwrap().as_bytes().to_vec(),
        Vec::new(),
    ] {
        for (algorithm, tag) in hmacs(&secret) {
            let header = json!({"alg": algorithm}).to_string();
            let message = format!("{}.{}", encode(header), encode(claims(&json!({})).to_string()));
            let token = format!("{message}.{}", encode(tag(message.as_bytes())));
            let expected = "the token was signed with none of the issuer's keys";
            check(&mut Gate::for_keys(&[&rsa.jwk]), &token, expected, algorithm);
        }
    }
}

type Tag = Box<dyn Fn(&[u8]) -> Vec<u8>>;

fn hmacs(secret: &[u8]) -> [(&'static str, Tag); 2] {
    use jwt_simple::prelude::{HS256Key, HS512Key, MACLike as _};
    let (short, long) = (HS256Key::from_bytes(secret), HS512Key::from_bytes(secret));
    [
        ("HS256", Box::new(move |message| short.authentication_tag(message))),
        ("HS512", Box::new(move |message| long.authentication_tag(message))),
    ]
}

#[test]
fn the_key_says_which_algorithm_it_is_for() {
    let rs = Signer::new("RS256");
    let ps = Signer::new("PS256");
    let no_key = "the token was signed with none of the issuer's keys";
    let mut pinned = rs.jwk.clone();
    pinned["alg"] = "RS256".into();
    check(&mut Gate::for_keys(&[&pinned]), &rs.token(&claims(&json!({}))), ANN, "RS256");
    check(&mut Gate::for_keys(&[&pinned]), &ps.token(&claims(&json!({}))), no_key, "PS256");
    // Named in the header, but made in another way.
    let swapped = rs.token_of(r#"{"alg":"PS256"}"#, &claims(&json!({})).to_string());
    let fails = "the token's signature does not hold";
    check(&mut Gate::for_keys(&[&rs.jwk]), &swapped, fails, "swapped");
    // The operator can narrow it too.
    let mut issuer = issuer(&[&rs.jwk]);
    issuer["algorithms"] = json!(["PS256", "ES256"]);
    let mut gate = Gate::new(json!({"jwt": {"acme": issuer}}), any_of(&["jwt.acme"]));
    check(&mut gate, &rs.token(&claims(&json!({}))), no_key, "narrowed");
    check(&mut gate, &ps.token(&claims(&json!({}))), ANN, "narrowed");
}

#[test]
fn kid_chooses_among_the_keys_of_the_issuer_and_does_nothing_else() {
    let signer = Signer::new("EdDSA");
    let other = Signer::other_eddsa();
    let named = |signer: &Signer, id: &str| {
        let mut jwk = signer.jwk.clone();
        jwk["kid"] = id.into();
        jwk
    };
    let (first, second) = (named(&other, "1"), named(&signer, "2"));
    let no_key = "the token was signed with none of the issuer's keys";
    let fails = "the token's signature does not hold";
    for (header, keys, expected) in [
        (r#"{"alg":"EdDSA","kid":"2"}"#, vec![&first, &second], ANN),
        (r#"{"alg":"EdDSA","kid":"1"}"#, vec![&first, &second], fails),
        (r#"{"alg":"EdDSA"}"#, vec![&first, &second], ANN),
        (r#"{"alg":"EdDSA","kid":"2"}"#, vec![&first, &signer.jwk], ANN),
        (r#"{"alg":"EdDSA","kid":"3"}"#, vec![&first, &second], no_key),
        (r#"{"alg":"EdDSA","kid":""}"#, vec![&first, &second], no_key),
        (r#"{"alg":"EdDSA","kid":"../../2"}"#, vec![&first, &second], no_key),
        (r#"{"alg":"EdDSA","kid":"2' OR '1'='1"}"#, vec![&first, &second], no_key),
    ] {
        let token = signer.token_of(header, &claims(&json!({})).to_string());
        check(&mut Gate::for_keys(&keys), &token, expected, header);
    }
}

/// Not among those of all issuers.
#[test]
fn kid_names_no_key_of_another_issuer() {
    let (acme, other) = (Signer::new("EdDSA"), Signer::other_eddsa());
    let mut theirs = other.jwk.clone();
    theirs["kid"] = "theirs".into();
    let mut ours = acme.jwk.clone();
    ours["kid"] = "ours".into();
    let mut second = issuer(&[&theirs]);
    second["issuer"] = "https://other.example".into();
    let identity = json!({"jwt": {"acme": issuer(&[&ours]), "other": second}});
    let mut gate = Gate::new(identity, any_of(&["jwt.acme", "jwt.other"]));
    let header = r#"{"alg":"EdDSA","kid":"theirs"}"#;
    let no_key = "the token was signed with none of the issuer's keys";
    let token = other.token_of(header, &claims(&json!({})).to_string());
    check(&mut gate, &token, no_key, "in the name of acme");
    let claims = claims(&json!({"iss": "https://other.example"}));
    check(&mut gate, &other.token_of(header, &claims.to_string()), "jwt.other ann - - []", "own");
}

#[test]
fn a_token_without_kid_costs_at_most_eight_tries() {
    let signer = Signer::new("ES256");
    let keys: Vec<Value> = (0..9).map(|_| Signer::new("ES256").jwk).collect();
    let mut gate = Gate::for_keys(&keys.iter().collect::<Vec<_>>());
    gate.host.verify = Some(as_envoy);
    gate.token(&signer.token(&claims(&json!({}))));
    assert_eq!(gate.host.calls.verify_signature, 8);
}
