//! Backends are told by a token who is calling.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use std::time::Duration;

use common::asked::provider;
use common::{NOW, SEED, caller, refusal, sha256};
use serde_json::{Value, json};
use tollgate_auth::{Access, Authenticator, Stop};
use tollgate_core::testing::MemoryHost;
use tollgate_core::{Answer, CallId, Edit, Headers, Operation, RequestHead, Timestamp};

/// A gate before the backend of orders, and what its host was asked.
struct Gate {
    authenticator: Authenticator,
    access: Access,
    host: MemoryHost,
}

const NO_TOKEN: &str = "503 no-backend-token: whoever makes tokens for the backend does not answer";

fn identity(header: &str) -> Value {
    let keys = json!({
        "k1": {"sha256": sha256("sesame"), "scopes": ["b", "a"]},
        "k2": {"sha256": sha256("simsim")},
    });
    json!({
        "api_key": {"from": [{"header": "x-api-key"}]},
        "tenants": {"acme": {"tier": "gold", "keys": keys}},
        "anonymous": {"tier": "free"},
        "backend_token": {"mint": provider(&json!({"path": "/token"})), "header": header},
    })
}

impl Gate {
    fn new(header: &str) -> Self {
        let access = json!({"auth": {"optional": ["api_key"]}, "token_audience": "orders"});
        Self::of(identity(header), access)
    }

    fn of(identity: Value, access: Value) -> Self {
        let identity = serde_json::from_value(identity).unwrap();
        let authenticator = Authenticator::compile(identity, SEED).unwrap();
        let access = serde_json::from_value(access).unwrap();
        let access = Access::compile(access, &[], &authenticator).unwrap();
        Self { authenticator, access, host: MemoryHost::default() }
    }

    /// What the backend is told, or what becomes of the request instead.
    fn ask(&mut self, key: &str, millis: u64) -> String {
        let headers: Headers =
            [("x-api-key", key)].into_iter().filter(|_| !key.is_empty()).collect();
        match self.admit(&headers, millis) {
            Ok((who, Some(Edit { name, operation: Operation::Set(value) }))) => {
                format!("{who} {name}: {}", value.escape_ascii())
            }
            Ok((who, None)) => who,
            Ok((_, other)) => panic!("{other:?}"),
            Err(Stop::Refused(reply)) => refusal(&reply),
            Err(Stop::Waits(CallId(call))) => format!("waits {call}"),
            Err(stop) => panic!("{stop:?}"),
        }
    }

    fn admit(&mut self, headers: &Headers, millis: u64) -> Result<(String, Option<Edit>), Stop> {
        let Self { authenticator, access, host } = self;
        let cx = &mut host.at(at(millis));
        let found = authenticator.recognise(access, &RequestHead { headers }, None, cx)?;
        let Some(found) = found else { return Ok(("nobody".to_owned(), None)) };
        let edit = authenticator.admit(access, &found, cx)?;
        Ok((caller(&found.principal), edit))
    }

    fn answer(&mut self, call: u32, millis: u64, status: &str, body: &str) {
        let headers = [(":status", status)].into_iter().collect();
        let answer = Answer { headers, body: body.as_bytes().to_vec() };
        self.authenticator.on_answer(CallId(call), &answer, &mut self.host.at(at(millis)));
    }

    fn minted(&mut self, call: u32, millis: u64, token: &str) {
        let body = json!({"access_token": token, "expires_in": 300}).to_string();
        self.answer(call, millis, "200", &body);
    }

    fn stripped(&self, lines: &[(&str, &str)]) -> Vec<Edit> {
        let headers: Headers = lines.iter().copied().collect();
        let mut edits = Vec::new();
        self.authenticator.strip(&self.access, &RequestHead { headers: &headers }, &mut edits);
        edits
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_seconds(NOW).plus(Duration::from_millis(millis))
}

const K1: &str = "api_key k1 acme gold [a b] x-tollgate-token: a.b.c";

#[test]
fn a_token_is_asked_for_once_for_each_caller_and_backend() {
    let mut gate = Gate::new("x-tollgate-token");
    assert_eq!(gate.ask("sesame", 0), "waits 0");
    assert_eq!(gate.ask("sesame", 1), "waits 0", "others wait for the same");
    let called = &gate.host.called[0];
    assert_eq!(called.headers.get(":path"), Some(&b"/token"[..]));
    let form: Vec<(String, String)> = form_urlencoded::parse(&called.body).into_owned().collect();
    let expected = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token_type", "urn:tollgate:token-type:principal"),
        (
            "subject_token",
            r#"{"method":"api_key","subject":"k1","tenant":"acme","tier":"gold","scopes":["a","b"]}"#,
        ),
        ("audience", "orders"),
    ];
    assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    gate.minted(0, 2, "a.b.c");
    assert_eq!(gate.ask("sesame", 2), K1);
    assert_eq!(gate.ask("sesame", 3), K1);
    assert_eq!(gate.ask("simsim", 3), "waits 1", "somebody else");
    let access = json!({"auth": {"any_of": ["api_key"]}, "token_audience": "invoices"});
    let access = serde_json::from_value(access).unwrap();
    gate.access = Access::compile(access, &[], &gate.authenticator).unwrap();
    assert_eq!(gate.ask("sesame", 3), "waits 2", "for another backend");
}

#[test]
fn a_token_is_renewed_while_it_holds_and_is_not_sent_after_it() {
    let mut gate = Gate::new("x-tollgate-token");
    gate.ask("sesame", 0);
    gate.minted(0, 0, "a.b.c");
    // Of 300 s, the last five are for the way.
    assert_eq!(gate.ask("sesame", 235_999), K1);
    assert_eq!(gate.host.called.len(), 1);
    assert_eq!(gate.ask("sesame", 236_000), K1, "nobody waits for another one");
    assert_eq!(gate.host.called.len(), 2);
    gate.answer(1, 236_010, "503", "");
    assert_eq!(gate.ask("sesame", 236_500), K1);
    assert_eq!(gate.host.called.len(), 2, "not again at once");
    assert_eq!(gate.ask("sesame", 240_000), K1);
    gate.minted(2, 240_010, "d.e.f");
    assert_eq!(gate.ask("sesame", 240_010), K1.replace("a.b.c", "d.e.f"));
    let mut gate = Gate::new("x-tollgate-token");
    gate.ask("sesame", 0);
    gate.minted(0, 0, "a.b.c");
    gate.host.isolated = true;
    assert_eq!(gate.ask("sesame", 294_999), K1);
    assert_eq!(gate.ask("sesame", 295_000), NO_TOKEN);
}

#[test]
fn who_needs_a_token_does_not_pass_without_one() {
    for (status, body) in [
        ("503", ""),
        ("", ""),
        ("401", ""),
        ("200", "{}"),
        ("200", r#"{"access_token":"a.b.c"}"#),
        ("200", r#"{"access_token":"a b.c.d","expires_in":300}"#),
        ("200", r#"{"access_token":"a.b.c","expires_in":5}"#),
    ] {
        let mut gate = Gate::new("x-tollgate-token");
        gate.ask("sesame", 0);
        gate.answer(0, 0, status, body);
        let verdict = gate.ask("sesame", 0);
        assert!(verdict == NO_TOKEN || verdict == "waits 1", "{status} {body}: {verdict}");
    }
    let mut identity = identity("x-tollgate-token");
    identity["backend_token"].as_object_mut().unwrap().remove("mint");
    let access = json!({"auth": {"any_of": ["api_key"]}, "token_audience": "orders"});
    assert_eq!(Gate::of(identity, access).ask("sesame", 0), NO_TOKEN);
}

#[test]
fn nobody_in_particular_has_no_token() {
    let mut gate = Gate::new("x-tollgate-token");
    assert_eq!(gate.ask("", 0), "anonymous  - free []");
    let mut open = Gate::of(identity("x-tollgate-token"), json!({"auth": "none"}));
    assert_eq!(open.ask("sesame", 0), "nobody");
    let elsewhere = json!({"auth": {"any_of": ["api_key"]}});
    let mut elsewhere = Gate::of(identity("x-tollgate-token"), elsewhere);
    assert_eq!(elsewhere.ask("sesame", 0), "api_key k1 acme gold [a b]");
    assert_eq!(elsewhere.host.called.len(), 0);
}

#[test]
fn what_callers_write_in_its_place_ends_at_the_gateway() {
    let gate = Gate::new("x-tollgate-token");
    for name in ["x-tollgate-token", "X-Tollgate-Token", "x_tollgate_token", "x.tollgate.token"] {
        assert_eq!(gate.stripped(&[(name, "forged")]), [Edit::remove(name)], "{name}");
    }
    assert_eq!(gate.stripped(&[("authorization", "Basic eA==")]), []);
    let mut gate = Gate::new("authorization");
    for value in ["Bearer forged", "Basic eA==", "x"] {
        assert_eq!(gate.stripped(&[("authorization", value)]), [Edit::remove("authorization")]);
    }
    gate.ask("sesame", 0);
    gate.minted(0, 0, "a.b.c");
    assert_eq!(gate.ask("sesame", 0), K1.replace("x-tollgate-token: ", "authorization: Bearer "));
}

#[test]
fn faults_of_tokens() {
    let fault = |identity: Value, access: Value| {
        let authenticator = Authenticator::compile(serde_json::from_value(identity).unwrap(), SEED);
        let authenticator = match authenticator {
            Err(fault) => return fault.to_string(),
            Ok(authenticator) => authenticator,
        };
        let access = Access::compile(serde_json::from_value(access).unwrap(), &[], &authenticator);
        access.err().map(|fault| fault.to_string()).unwrap_or_default()
    };
    let access = |audience: &str| json!({"auth": "none", "token_audience": audience});
    let mut no_cluster = identity("authorization");
    no_cluster["backend_token"]["mint"]["cluster"] = json!("");
    assert_eq!(
        fault(no_cluster, access("orders")),
        "backend_token.mint.cluster: is empty; name the cluster of Envoy that leads to the endpoint"
    );
    let told = "is not a name for who may read a token; use 1 to 256 visible ASCII characters";
    for name in ["", "a b", "é", &"x".repeat(257)] {
        let fault = fault(identity("authorization"), access(name));
        assert_eq!(fault, format!("token_audience: {name:?} {told}"));
    }
    assert_eq!(fault(identity("authorization"), access(&"x".repeat(256))), "");
    assert_eq!(
        fault(json!({}), access("orders")),
        "token_audience: nothing says how backends are told; write `identity.backend_token`"
    );
}
