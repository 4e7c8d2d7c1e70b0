//! Who is refused although the credential looks good.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;

use common::asked::{Asked, active, api_key, provider};
use common::{ANN, Gate, NOW, Signer, any_of, claims, issuer};
use prost::Message as _;
use serde_json::{Value, json};
use tollgate_auth::{ApiKey, KeyFilter, KeyFingerprint};
use tollgate_core::{GrpcCallId, Timestamp};
use tollgate_sync::message::{Chunk, Denial, Kind, NewerKeys, Response};

const REVOKED: &str = "401 revoked: the credential has been revoked";

/// The SHA-256 of `sesame`.
const SESAME: &str = "d0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272";

/// A gate that hears from a control plane, and the number of its questions.
struct Synced {
    gate: Gate,
    signer: Signer,
    call: u32,
}

fn synced(sync: &Value) -> Synced {
    let signer = Signer::new("EdDSA");
    let identity = json!({
        "jwt": {"acme": issuer(&[&signer.jwk])},
        "api_key": {"from": [{"header": "x-api-key"}]},
        "tenants": {"acme": {"keys": {"acme-1": {"sha256": SESAME}}}},
        "sync": sync,
    });
    let mut gate = Gate::new(identity, any_of(&["jwt.acme", "api_key"]));
    gate.authenticator.prepare(&mut gate.host);
    Synced { gate, signer, call: 0 }
}

fn open() -> Value {
    json!({"cluster": "tollgate-sync", "stale_after_seconds": 60})
}

impl Synced {
    fn told(&mut self, response: &Response) {
        let Gate { authenticator, host, .. } = &mut self.gate;
        // Later each time, or the next question would not be asked yet.
        let now = Timestamp::from_seconds(NOW.saturating_sub(30).saturating_add(self.call.into()));
        authenticator.on_tick(&mut host.at(now));
        let answer = Ok(response.encode_to_vec());
        authenticator.on_grpc_answer(GrpcCallId(self.call), &answer, &mut host.at(now));
        self.call = self.call.saturating_add(1);
    }

    fn denied(&mut self, kind: Kind, name: &str) {
        self.told(&denials(self.call.into(), kind, name));
    }

    fn token(&mut self, changes: &Value) -> String {
        let token = self.signer.token(&claims(changes));
        self.gate.token(&token)
    }

    fn key(&mut self, key: &str) -> String {
        self.gate.verdict(&[("x-api-key", key.as_bytes())])
    }
}

fn denials(sequence: u64, kind: Kind, name: &str) -> Response {
    let issuer = "https://id.example".to_owned();
    let (kind, name) = (kind as i32, name.to_owned());
    let denials = vec![Denial { kind, issuer, name, at: NOW, ..Denial::default() }];
    Response { sequence: sequence.saturating_add(1), denials, ..Response::default() }
}

#[test]
fn a_revoked_token_is_refused_however_well_it_is_known() {
    let mut world = synced(&open());
    let one = json!({"jti": "one"});
    assert_eq!(world.token(&one), ANN);
    world.denied(Kind::Token, "one");
    assert_eq!(world.token(&one), REVOKED);
    assert_eq!(world.token(&one), REVOKED, "verified anew");
    assert_eq!(world.token(&json!({"jti": "other"})), ANN);
    assert_eq!(world.token(&json!({})), ANN, "one without a name");
}

#[test]
fn subjects_and_tenants_begin_anew_with_later_tokens() {
    for (kind, name) in [(Kind::Subject, "ann"), (Kind::Tenant, "acme")] {
        let mut world = synced(&open());
        let issued = |at: u64| json!({"iat": at, "tenant": "acme"});
        let before = world.token(&issued(NOW));
        world.denied(kind, name);
        for (changes, expected) in [
            (issued(NOW), REVOKED),
            (issued(NOW + 1), &*before),
            (json!({"tenant": "acme"}), REVOKED),
        ] {
            assert_eq!(world.token(&changes), expected, "{name} {changes}");
        }
        assert!(world.token(&json!({"sub": "bob", "tenant": "globex"})).starts_with("jwt.acme"));
        assert!(world.key("sesame").starts_with("api_key"), "keys are revoked by themselves");
    }
}

#[test]
fn a_suspended_tenant_is_refused_with_all_it_has_until_it_is_back() {
    let mut world = synced(&open());
    let token = json!({"tenant": "acme", "iat": NOW + 1});
    world.denied(Kind::Suspended, "acme");
    assert_eq!([world.token(&token), world.key("sesame")], [REVOKED, REVOKED]);
    let mut lifted = denials(9, Kind::Suspended, "acme");
    lifted.denials.iter_mut().for_each(|denial| denial.lifted = true);
    world.told(&lifted);
    assert!(world.token(&token).starts_with("jwt.acme"));
    assert!(world.key("sesame").starts_with("api_key"));
}

#[test]
fn a_revoked_key_is_refused_by_its_id() {
    let mut world = synced(&open());
    assert!(world.key("sesame").starts_with("api_key"));
    world.denied(Kind::ApiKey, "acme-1");
    assert_eq!(world.key("sesame"), REVOKED);
}

#[test]
fn who_cannot_be_told_is_served_or_not_as_is_written() {
    let closed = json!({"when_stale": "closed", "cluster": "c", "stale_after_seconds": 60});
    let unknown = "503 revocations-unknown: the control plane has not said for too long who has \
                   been revoked";
    let mut world = synced(&closed);
    assert_eq!([world.token(&json!({})), world.key("sesame")], [unknown, unknown]);
    assert_eq!(world.key("wrong"), "401 invalid-api-key: nobody has this API key");
    world.told(&Response::default());
    assert_eq!(world.token(&json!({})), ANN);
    let mut world = synced(&open());
    assert_eq!(world.token(&json!({})), ANN);
}

#[test]
fn a_route_may_say_otherwise_than_all_others() {
    let unknown = "503 revocations-unknown: the control plane has not said for too long who has \
                   been revoked";
    let closed = json!({"when_stale": "closed", "cluster": "c", "stale_after_seconds": 60});
    for (all, route, expected) in
        [(open(), "closed", unknown), (closed.clone(), "serve", ANN), (closed, "closed", unknown)]
    {
        let mut world = synced(&all);
        let access = json!({"auth": {"any_of": ["jwt.acme"]}, "when_stale": route});
        world.gate.access = world.gate.operation(access);
        assert_eq!(world.token(&json!({})), expected, "{all} {route}");
        world.told(&Response::default());
        assert_eq!(world.token(&json!({})), ANN, "{all} {route}");
    }
}

#[test]
fn a_key_that_nobody_has_need_not_be_asked_for() {
    let mut world = synced(&open());
    // Exchanges begin half a minute before now.
    let may_at = |world: &Synced, key: &[u8], before: u64| {
        let now = Timestamp::from_seconds(NOW.saturating_sub(before));
        world.gate.authenticator.may_be_a_key(key, now)
    };
    let may = |world: &Synced, key: &[u8]| may_at(world, key, 28);
    assert!(may(&world, b"stranger"), "no filter yet");
    let known = KeyFingerprint::of(b"known");
    let bytes = KeyFilter::build(3, 5, vec![known]).unwrap().to_bytes();
    let total = u32::try_from(bytes.len()).unwrap();
    let fingerprints = vec![KeyFingerprint::of(b"new").0];
    world.told(&Response {
        chunk: Some(Chunk { version: 4, total, offset: 0, bytes }),
        newer: Some(NewerKeys { filter: 4, fingerprints, too_many: false }),
        ..Response::default()
    });
    assert!(may(&world, b"known") && may(&world, b"new"));
    assert!(!may(&world, b"stranger") && !may(&world, b"another stranger"));
    assert!(may_at(&world, b"stranger", 0), "nothing was heard for half a minute");
}

/// What a provider has said, or the store, until the next exchange.
fn told(asked: &mut Asked, number: u32, kind: Kind, issuer: &str, name: &str) {
    let denial = Denial {
        kind: kind as i32,
        issuer: issuer.to_owned(),
        name: name.to_owned(),
        at: NOW,
        ..Denial::default()
    };
    let response = Response {
        sequence: u64::from(number).saturating_add(1),
        denials: vec![denial],
        ..Response::default()
    };
    exchange(asked, number, &response);
}

fn exchange(asked: &mut Asked, number: u32, response: &Response) {
    let Asked { gate: Gate { authenticator, .. }, host } = asked;
    // Later each time, or the next question would not be asked yet.
    let now = Timestamp::from_seconds(NOW.saturating_sub(5).saturating_add(number.into()));
    if number == 0 {
        authenticator.prepare(host);
    }
    authenticator.on_tick(&mut host.at(now));
    let answer = Ok(response.encode_to_vec());
    authenticator.on_grpc_answer(GrpcCallId(number), &answer, &mut host.at(now));
}

fn providers() -> Asked {
    let identity = json!({"introspection": {"acme": provider(&json!({}))}, "sync": open()});
    Asked::of(identity, any_of(&["introspection.acme"]))
}

#[test]
fn opaque_tokens_are_refused_by_all_that_their_provider_says_of_them() {
    let id = "https://id.example";
    let said = json!({"iss": id, "jti": "one", "iat": NOW, "tenant": "acme"});
    let unnamed = json!({"jti": "one", "iat": NOW});
    for (said, kind, issuer, name) in [
        (&said, Kind::Token, id, "one"),
        (&said, Kind::Subject, id, "ann"),
        (&unnamed, Kind::Token, "introspection.acme", "one"),
        (&unnamed, Kind::Subject, "introspection.acme", "ann"),
    ] {
        let mut asked = providers();
        exchange(&mut asked, 0, &Response::default());
        let before = asked.first("t", &active(said));
        assert!(before.starts_with("introspection.acme ann"), "{before}");
        told(&mut asked, 1, kind, "https://other.example", name);
        assert_eq!(asked.token("t", 10), before, "{issuer} {name}");
        told(&mut asked, 2, kind, issuer, name);
        assert_eq!(asked.token("t", 20), REVOKED, "{issuer} {name}");
        // A provider that has not noticed yet is not asked again and again.
        assert_eq!(asked.token("t", 30), REVOKED);
        assert_eq!(asked.host.called.len(), 1);
        // One that is only met now is refused by what its answer says.
        assert_eq!(asked.first("u", &active(said)), REVOKED, "{issuer} {name}");
    }
}

#[test]
fn keys_that_were_asked_about_are_refused_by_their_id_and_made_up_ones_without_a_question() {
    let identity = json!({"api_key": api_key(), "sync": open()});
    let mut asked = Asked::of(identity, any_of(&["api_key"]));
    let known = ApiKey::generate([7; 32]);
    let bytes = KeyFilter::build(3, 5, vec![KeyFingerprint::of(known.as_str().as_bytes())]);
    let bytes = bytes.unwrap().to_bytes();
    let total = u32::try_from(bytes.len()).unwrap();
    let response = Response {
        chunk: Some(Chunk { version: 4, total, offset: 0, bytes }),
        newer: Some(NewerKeys { filter: 4, ..NewerKeys::default() }),
        ..Response::default()
    };
    exchange(&mut asked, 0, &response);
    for number in 0..100 {
        let made_up = ApiKey::generate([number; 32]);
        if number != 7 {
            let verdict = asked.key(made_up.as_str().as_bytes(), 0);
            assert_eq!(verdict, "401 invalid-api-key: nobody has this API key");
        }
    }
    assert_eq!(asked.host.called.len(), 0);
    assert_eq!(asked.key(known.as_str().as_bytes(), 0), "waits 0");
    let said = json!({"active": true, "sub": "key_1", "tenant": "acme", "jti": "key_1"});
    asked.answer(0, 0, &said.to_string());
    assert_eq!(asked.key(known.as_str().as_bytes(), 0), "api_key key_1 acme - []");
    told(&mut asked, 1, Kind::ApiKey, "", "key_1");
    assert_eq!(asked.key(known.as_str().as_bytes(), 10), REVOKED);
    assert_eq!(asked.host.called.len(), 1);
}

/// A key of the store that was good 4 seconds ago, and what is heard of it since.
fn known_key(sync: &Value) -> Asked {
    let identity = json!({"api_key": api_key(), "sync": sync});
    let mut asked = Asked::of(identity, any_of(&["api_key"]));
    exchange(&mut asked, 0, &Response::default());
    assert_eq!(asked.key(b"sesame", 0), "waits 0");
    let said = json!({"active": true, "sub": "key_1", "tenant": "acme", "jti": "key_1"});
    let headers = [(":status", "200"), ("cache-control", "max-age=4")];
    asked.answer_with(0, 0, &headers, &said.to_string());
    asked
}

const KEY_1: &str = "api_key key_1 acme - []";

#[test]
fn a_key_that_was_good_is_served_while_nobody_can_be_asked() {
    let mut asked = known_key(&open());
    assert_eq!(asked.key(b"sesame", 4_000), "waits 1");
    asked.answer_with(1, 4_000, &[], "");
    for millis in [4_000, 60_000, 3_600_000, 24 * 3_600_000 - 1] {
        let verdict = asked.key(b"sesame", millis);
        if let Some(call) = verdict.strip_prefix("waits ") {
            asked.answer_with(call.parse().unwrap(), millis, &[], "");
            assert_eq!(asked.key(b"sesame", millis), KEY_1, "{millis}");
        } else {
            assert_eq!(verdict, KEY_1, "{millis}");
        }
    }
    assert!(asked.key(b"sesame", 24 * 3_600_000).starts_with("503 caller-unknown"));
}

#[test]
fn a_key_in_use_is_asked_about_again_before_anybody_waits() {
    let mut asked = known_key(&open());
    assert_eq!([2_500, 3_700, 3_700].map(|millis| asked.key(b"sesame", millis)), [KEY_1; 3]);
    assert_eq!(asked.host.called.len(), 2, "in the last quarter, once");
    asked.answer(1, 3_700, r#"{"active": false}"#);
    assert_eq!(asked.key(b"sesame", 3_700), "401 invalid-api-key: nobody has this API key");
}

#[test]
fn a_key_is_refused_that_is_known_to_be_revoked_or_may_be_where_that_is_asked_for() {
    let mut asked = known_key(&open());
    told(&mut asked, 1, Kind::ApiKey, "", "key_1");
    assert_eq!(asked.key(b"sesame", 4_000), "waits 1");
    asked.answer_with(1, 4_000, &[], "");
    assert_eq!(asked.key(b"sesame", 4_000), REVOKED);
    let closed = json!({"when_stale": "closed", "cluster": "c", "stale_after_seconds": 60});
    let mut asked = known_key(&closed);
    assert_eq!(asked.key(b"sesame", 50_000), "waits 1");
    asked.answer_with(1, 50_000, &[], "");
    assert_eq!(asked.key(b"sesame", 50_000), KEY_1, "the list is 55 seconds old");
    assert!(asked.key(b"sesame", 56_000).starts_with("waits"));
    asked.answer_with(2, 56_000, &[], "");
    assert!(asked.key(b"sesame", 56_000).starts_with("503 revocations-unknown"));
}

#[test]
fn where_nobody_says_who_is_revoked_no_key_is_served_that_cannot_be_asked_about() {
    let mut asked = Asked::of(json!({"api_key": api_key()}), any_of(&["api_key"]));
    assert_eq!(asked.key(b"sesame", 0), "waits 0");
    let said = json!({"active": true, "sub": "key_1", "tenant": "acme"});
    asked.answer(0, 0, &said.to_string());
    assert_eq!(asked.key(b"sesame", 31_000), "waits 1");
    asked.answer_with(1, 31_000, &[], "");
    assert!(asked.key(b"sesame", 31_000).starts_with("503 caller-unknown"));
}
