//! What is remembered about tokens, and that it changes nothing.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::num::NonZeroUsize;
use std::time::Duration;

use common::{ANN, Gate, NOW, SEED, Signer, any_of, as_envoy, claims, issuer};
use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_auth::{Access, Authenticator};
use tollgate_core::Timestamp;

const FORGED: &str = "401 invalid-token: the token's signature does not hold";
const EXPIRED: &str = "401 invalid-token: the token has expired";
const NOT_YET: &str = "401 invalid-token: the token is not valid yet";

fn gate(signer: &Signer) -> Gate {
    let mut gate = Gate::for_keys(&[&signer.jwk]);
    gate.host.verify = Some(as_envoy);
    gate
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

#[test]
fn a_signature_is_verified_once() {
    let signer = Signer::new("ES256");
    let mut gate = gate(&signer);
    let token = signer.token(&claims(&json!({})));
    for _ in 0..5 {
        assert_eq!(gate.token(&token), ANN);
    }
    assert_eq!(gate.host.calls.verify_signature, 1);
}

#[test]
fn a_token_ends_when_it_ends_however_well_it_is_known() {
    let signer = Signer::new("ES256");
    let mut gate = gate(&signer);
    let token = signer.token(&claims(&json!({"exp": NOW + 60, "nbf": NOW - 60})));
    for (now, expected) in [
        (at(NOW), ANN),
        (Timestamp::from_nanos(at(NOW + 90).as_nanos() - 1), ANN),
        (at(NOW + 90), EXPIRED),
        (at(NOW + 9_000), EXPIRED),
        // The clock is set back.
        (at(NOW), ANN),
        (at(NOW - 90), ANN),
        (Timestamp::from_nanos(at(NOW - 90).as_nanos() - 1), NOT_YET),
        (Timestamp::EPOCH, NOT_YET),
        (at(NOW), ANN),
    ] {
        assert_eq!(gate.token_at(&token, now), expected, "{now:?}");
    }
    assert_eq!(gate.host.calls.verify_signature, 1);
}

#[test]
fn a_forged_token_costs_one_verification_every_half_minute() {
    let signer = Signer::new("ES256");
    let mut gate = gate(&signer);
    let token = signer.token(&claims(&json!({})));
    let forged = format!("{}{}", &token[..token.len() - 8], "AAAAAAAA");
    let before_end = Timestamp::from_nanos(at(NOW + 30).as_nanos() - 1);
    for (now, verified) in [
        (at(NOW), 1),
        (at(NOW), 1),
        (before_end, 1),
        (at(NOW + 30), 2),
        (at(NOW + 31), 2),
        // The clock is set back: the span starts anew rather than to last longer.
        (at(NOW - 1_000), 3),
        (at(NOW - 1_000), 3),
    ] {
        assert_eq!(gate.token_at(&forged, now), FORGED, "{now:?}");
        assert_eq!(gate.host.calls.verify_signature, verified, "{now:?}");
    }
    assert_eq!(gate.token_at(&forged, at(NOW + 700)), EXPIRED);
}

#[test]
fn forged_tokens_drive_out_nobody() {
    let signer = Signer::new("HS256");
    let mut gate = gate(&signer);
    let ann = Signer::new("ES256");
    let mut second = issuer(&[&ann.jwk]);
    second["issuer"] = "https://es.example".into();
    let identity = json!({"jwt": {"acme": issuer(&[&signer.jwk]), "es": second}});
    let host = std::mem::take(&mut gate.host);
    let mut gate = Gate::new(identity, any_of(&["jwt.acme", "jwt.es"]));
    gate.host = host;
    let genuine = ann.token(&claims(&json!({"iss": "https://es.example"})));
    assert_eq!(gate.token(&genuine), "jwt.es ann - - []");
    for number in 0..12_000 {
        let token = signer.token(&claims(&json!({"n": number})));
        let forged = format!("{}AAAAAAAA", &token[..token.len() - 8]);
        assert_eq!(gate.token(&forged), FORGED);
    }
    assert_eq!(gate.token(&genuine), "jwt.es ann - - []");
    assert_eq!(gate.host.calls.verify_signature, 1);
}

#[test]
fn the_memory_for_tokens_is_bounded() {
    let signer = Signer::new("ES256");
    let mut gate = gate(&signer);
    gate.authenticator = gate.authenticator.remembering(NonZeroUsize::new(2).unwrap());
    let tokens: Vec<String> =
        (0..3).map(|number| signer.token(&claims(&json!({"n": number})))).collect();
    for (token, verified) in [(0, 1), (1, 2), (0, 2), (2, 3), (0, 3), (1, 4), (2, 5)] {
        assert_eq!(gate.token(&tokens[token]), ANN);
        assert_eq!(gate.host.calls.verify_signature, verified, "{token}");
    }
}

/// Tokens that begin alike, or differ in their signature alone, are strangers.
#[test]
fn tokens_with_a_common_start_are_different_callers() {
    let signer = Signer::new("HS256");
    let mut gate = gate(&signer);
    let pad = "x".repeat(4_000);
    for name in ["ann", "bob", "eve"] {
        let token = signer.token(&json!({
            "a": pad, "iss": "https://id.example", "aud": "api", "exp": NOW + 1, "sub": name,
        }));
        for _ in 0..2 {
            assert_eq!(gate.token(&token), format!("jwt.acme {name} - - []"));
        }
        let (message, _) = token.rsplit_once('.').unwrap();
        assert_eq!(gate.token(&format!("{message}.")), FORGED);
        assert_eq!(gate.token(&format!("{message}.AAAA")), FORGED);
    }
}

#[test]
fn what_one_operation_allows_says_nothing_about_another() {
    let signer = Signer::new("ES256");
    let mut gate = gate(&signer);
    let token = signer.token(&claims(&json!({"scope": "read"})));
    let read = json!({"auth": {"any_of": ["jwt.acme"]}, "allow": {"scopes": ["read"]}});
    let write = json!({"auth": {"any_of": ["jwt.acme"]}, "allow": {"scopes": ["write"]}});
    for _ in 0..2 {
        gate.access = gate.operation(read.clone());
        assert_eq!(gate.token(&token), "jwt.acme ann - - [read]");
        gate.access = gate.operation(write.clone());
        assert_eq!(
            gate.token(&token),
            "403 insufficient-scope: the caller needs all of these scopes: write"
        );
    }
    assert_eq!(gate.host.calls.verify_signature, 1);
}

/// Two issuers by one `iss`, for two audiences: a token for both services is
/// remembered for each apart.
#[test]
fn what_one_issuer_says_says_nothing_about_another() {
    let signer = Signer::new("ES256");
    let audience = |audience: &str| {
        let mut issuer = issuer(&[&signer.jwk]);
        issuer["audiences"] = json!([audience]);
        issuer
    };
    let identity = json!({"jwt": {"one": audience("one"), "two": audience("two")}});
    let mut gate = Gate::new(identity, any_of(&["jwt.one"]));
    let both = signer.token(&claims(&json!({"aud": ["one", "two"]})));
    let one = signer.token(&claims(&json!({"aud": "one"})));
    for _ in 0..2 {
        gate.access = gate.operation(any_of(&["jwt.one"]));
        assert_eq!(gate.token(&both), "jwt.one ann - - []");
        assert_eq!(gate.token(&one), "jwt.one ann - - []");
        gate.access = gate.operation(any_of(&["jwt.two"]));
        assert_eq!(gate.token(&both), "jwt.two ann - - []");
        assert_eq!(gate.token(&one), "401 invalid-token: the token is meant for another audience");
    }
}

/// The places in one list of issuers mean nothing in another.
#[test]
fn an_operation_of_another_configuration_admits_nobody() {
    let signer = Signer::new("EdDSA");
    let mut gate = gate(&signer);
    let token = signer.token(&claims(&json!({})));
    assert_eq!(gate.token(&token), ANN);
    let identity = json!({"jwt": {"acme": issuer(&[&signer.jwk])}});
    let identity = serde_json::from_value(identity).unwrap();
    let other = Authenticator::compile(identity, SEED).unwrap();
    let access = serde_json::from_value(any_of(&["jwt.acme"])).unwrap();
    gate.access = Access::compile(access, &[], &other).unwrap();
    assert_eq!(
        gate.token(&token),
        "503 keys-unavailable: the route belongs to another configuration"
    );
}

/// A few tokens, good and bad, of two issuers.
fn tokens(signer: &Signer, other: &Signer) -> Vec<String> {
    let mut tokens: Vec<String> = [
        json!({}),
        json!({"sub": "bob"}),
        json!({"exp": NOW + 40}),
        json!({"nbf": NOW + 40}),
        json!({"aud": "x"}),
        json!({"iss": "https://other.example"}),
    ]
    .iter()
    .flat_map(|changes| [signer.token(&claims(changes)), other.token(&claims(changes))])
    .collect();
    tokens.push("x.y.z".to_owned());
    tokens
}

fn two_issuers(signer: &Signer, other: &Signer) -> Value {
    let mut second = issuer(&[&other.jwk]);
    second["issuer"] = "https://other.example".into();
    json!({"jwt": {"acme": issuer(&[&signer.jwk]), "other": second}})
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// With much, little or no memory, through clocks that jump, at operations
    /// that differ: the same answers.
    #[test]
    fn memory_changes_no_answer(
        asked in prop::collection::vec((0usize..13, 0u64..200, 0usize..3), 1..40),
    ) {
        let (signer, other) = (Signer::new("HS256"), Signer::other_hmac());
        let tokens = tokens(&signer, &other);
        let fresh = || Gate::new(two_issuers(&signer, &other), any_of(&["jwt.acme"]));
        let operations = [
            any_of(&["jwt.acme"]),
            any_of(&["jwt.other"]),
            any_of(&["jwt.other", "jwt.acme"]),
        ];
        let mut much = fresh();
        let mut little = fresh();
        little.authenticator = little.authenticator.remembering(NonZeroUsize::MIN);
        for (token, seconds, operation) in asked {
            let now = at(NOW - 100).plus(Duration::from_secs(seconds));
            let answers = [&mut much, &mut little, &mut fresh()].map(|gate| {
                gate.access = gate.operation(operations[operation].clone());
                gate.token_at(&tokens[token], now)
            });
            prop_assert_eq!(&answers[0], &answers[2]);
            prop_assert_eq!(&answers[1], &answers[2]);
        }
    }

    /// Not in the header, nor in the claims, nor in the signature; and not when
    /// the right token is known.
    #[test]
    fn no_flipped_bit_is_admitted(
        algorithm in prop::sample::select(vec!["HS256", "ES256", "EdDSA"]),
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let signer = Signer::new(algorithm);
        let mut gate = Gate::for_keys(&[&signer.jwk]);
        let token = signer.token(&claims(&json!({})));
        prop_assert_eq!(gate.token(&token), ANN);
        let mut value = format!("Bearer {token}").into_bytes();
        let at = 7 + at.index(token.len());
        value[at] ^= 1 << bit;
        let verdict = gate.verdict(&[("authorization", &value)]);
        prop_assert!(verdict.starts_with("401 "), "{}", verdict);
    }

    #[test]
    fn no_bytes_cause_a_panic_or_are_admitted(value: Vec<u8>) {
        let signer = Signer::new("HS256");
        let mut gate = Gate::for_keys(&[&signer.jwk]);
        let value = [b"Bearer ", &value[..]].concat();
        prop_assert!(gate.verdict(&[("authorization", &value)]).starts_with("401 "));
    }
}
