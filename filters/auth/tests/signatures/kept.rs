//! Keys that others keep, and are asked for.

use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};
use tollgate_core::{Answer, CallId, GrpcCallId, Timestamp};
use tollgate_sync::message::{Denial, Kind, Response};

use crate::common::asked::provider;
use crate::common::{NOW, any_of};
use crate::{Gate, SECRET, Sent};

const FAILS: &str = "401 invalid-signature: the signature does not hold";
const UNREADABLE: &str =
    "503 caller-unknown: whoever knows the credential gave an answer that cannot be read";
const ACME: &str = "hmac acme-9 acme gold [a b]";

/// A gate that knows no key of `acme-9`, and whom to ask.
fn asking() -> Gate {
    let identity = json!({
        "hmac": {},
        "signing_keys": {
            "keys": {"acme-1": {"scheme": "hmac", "tenant": "acme", "secret": SECRET}},
            "lookup": provider(&json!({"path": "/introspect/signing-keys"})),
        },
        "sync": {"cluster": "tollgate-sync", "stale_after_seconds": 60},
    });
    Gate::of(identity, any_of(&["hmac"]))
}

/// What is said of `acme-9`, with members changed; null takes one out.
fn told(changes: &Value) -> String {
    let mut told = json!({
        "active": true, "sub": "acme-9", "jti": "acme-9", "tenant": "acme", "tier": "gold",
        "scope": "b a", "scheme": "hmac", "algorithm": "hmac-sha256", "secret": SECRET,
    });
    for (name, value) in changes.as_object().unwrap() {
        told[name] = value.clone();
    }
    told.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    told.to_string()
}

impl Gate {
    fn answer(&mut self, call: u32, body: &str) {
        self.answer_with(call, &[(":status", "200")], body.as_bytes());
    }

    fn answer_with(&mut self, call: u32, headers: &[(&str, &str)], body: &[u8]) {
        let answer = Answer { headers: headers.iter().copied().collect(), body: body.to_vec() };
        let now = Timestamp::from_seconds(self.now);
        self.authenticator.on_answer(CallId(call), &answer, &mut self.host.at(now));
    }

    /// What becomes of the first request with a key.
    fn first(&mut self, sent: &Sent, body: &str) -> String {
        let call = u32::try_from(self.host.called.len()).unwrap();
        assert_eq!(self.whole(sent), format!("waits {call}"));
        self.answer(call, body);
        self.whole(sent)
    }
}

/// A request that was signed just now, unlike any other.
fn signed(gate: &Gate, key: &str, nonce: &str) -> Sent {
    Sent { nonce: nonce.to_owned(), created: gate.now, ..Sent::by(key) }
}

#[test]
fn a_key_is_asked_for_once_and_remembered_for_a_while() {
    let mut gate = asking();
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "1")), "waits 0");
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "2")), "waits 0", "others wait for the same");
    let called = &gate.host.called[0];
    assert_eq!(called.cluster, "id");
    assert_eq!(called.headers.get(":path"), Some(&b"/introspect/signing-keys"[..]));
    assert_eq!(called.body, b"token=acme-9");
    gate.answer(0, &told(&json!({})));
    for nonce in ["1", "2", "3"] {
        assert_eq!(gate.whole(&signed(&gate, "acme-9", nonce)), ACME, "{nonce}");
    }
    gate.now = NOW + 20;
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "4")), ACME);
    gate.now = NOW + 31;
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "5")), "waits 1");
    gate.answer(1, r#"{"active":false}"#);
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "5")), FAILS, "it has ended");
}

#[test]
fn a_body_is_waited_for_after_the_key() {
    let mut gate = asking();
    let sent = Sent { body: "a body".to_owned(), ..signed(&gate, "acme-9", "1") };
    assert_eq!(gate.ask(&sent.headers(), None), "waits 0");
    gate.answer(0, &told(&json!({})));
    assert_eq!(gate.ask(&sent.headers(), None), "awaits 1048576");
    assert_eq!(gate.whole(&sent), ACME);
}

#[test]
fn whether_a_key_is_nobodys_or_is_not_shown_cannot_be_told() {
    let forged = |gate: &Gate, key: &str, nonce: &str| Sent {
        secret: "another secret".to_owned(),
        ..signed(gate, key, nonce)
    };
    for body in [told(&json!({})), r#"{"active":false}"#.to_owned()] {
        let mut gate = asking();
        let sent = forged(&gate, "acme-9", "1");
        assert_eq!(gate.first(&sent, &body), FAILS, "{body}");
        for nonce in ["1", "2", "3"] {
            assert_eq!(gate.whole(&forged(&gate, "acme-9", nonce)), FAILS, "{body}");
        }
        assert_eq!(gate.host.called.len(), 1, "{body}");
        let verified = gate.host.calls;
        gate.whole(&forged(&gate, "acme-9", "4"));
        assert_eq!(gate.host.calls, verified, "{body}: a host call tells them apart");
    }
}

#[test]
fn a_key_that_is_nobodys_is_asked_for_again_after_a_while() {
    for (says, until) in [("max-age=0", 1), ("max-age=5", 5), ("max-age=60", 10)] {
        let mut gate = asking();
        assert_eq!(gate.whole(&signed(&gate, "acme-9", "1")), "waits 0");
        let headers = [(":status", "200"), ("cache-control", says)];
        gate.answer_with(0, &headers, br#"{"active":false}"#);
        gate.now = NOW + until - 1;
        assert_eq!(gate.whole(&signed(&gate, "acme-9", "2")), FAILS, "{says}");
        gate.now = NOW + until;
        assert_eq!(gate.whole(&signed(&gate, "acme-9", "3")), "waits 1", "{says}");
        gate.answer(1, &told(&json!({})));
        assert_eq!(gate.whole(&signed(&gate, "acme-9", "3")), ACME, "{says}");
    }
}

#[test]
fn what_does_not_need_the_key_to_be_refused_costs_no_question() {
    let mut gate = asking();
    let late = Sent { created: NOW - 301, ..Sent::by("acme-9") };
    let expired = "401 invalid-signature: the signature has expired; set the clock right, or \
                   sign again";
    assert_eq!(gate.whole(&late), expired);
    assert_eq!(gate.whole(&Sent::by("acme-1")), "hmac acme-1 acme - []", "it is written down");
    assert!(gate.whole(&Sent::by(&"x".repeat(257))).starts_with("401 invalid-signature"));
    assert_eq!(gate.host.called.len(), 0);
}

#[test]
fn what_is_said_is_read_strictly() {
    for (changes, expected) in [
        (json!({"exp": NOW + 5}), ACME),
        (json!({"tier": null}), "hmac acme-9 acme - [a b]"),
        (json!({"more": 7}), ACME),
        (json!({"exp": NOW}), FAILS),
        // Good, and for something that nobody may sign with here.
        (json!({"scheme": "sigv4"}), FAILS),
        (json!({"sub": "acme-8"}), UNREADABLE),
        (json!({"sub": null}), UNREADABLE),
        (json!({"scheme": "other"}), UNREADABLE),
        (json!({"tenant": null}), UNREADABLE),
        (json!({"tenant": ""}), UNREADABLE),
        (json!({"scope": "a\"b"}), UNREADABLE),
        (json!({"scope": ["a"]}), UNREADABLE),
        (json!({"algorithm": "none"}), UNREADABLE),
        (json!({"algorithm": "ed25519"}), UNREADABLE),
        (json!({"secret": "short"}), UNREADABLE),
        (json!({"secret": null}), UNREADABLE),
        (json!({"public_key": "x"}), UNREADABLE),
        (json!({"exp": "soon"}), UNREADABLE),
        (json!({"active": "true"}), UNREADABLE),
    ] {
        let mut gate = asking();
        let sent = signed(&gate, "acme-9", "1");
        assert_eq!(gate.first(&sent, &told(&changes)), expected, "{changes}");
    }
}

#[test]
fn a_key_is_believed_in_no_longer_than_it_works_or_the_answer_says() {
    for (changes, says, until) in
        [(json!({"exp": NOW + 5}), "max-age=30", 5), (json!({}), "max-age=3", 3)]
    {
        let mut gate = asking();
        gate.whole(&signed(&gate, "acme-9", "1"));
        let headers = [(":status", "200"), ("cache-control", says)];
        gate.answer_with(0, &headers, told(&changes).as_bytes());
        gate.now = NOW + until - 1;
        assert_eq!(gate.whole(&signed(&gate, "acme-9", "2")), ACME, "{says}");
        gate.now = NOW + until;
        assert_eq!(gate.whole(&signed(&gate, "acme-9", "3")), "waits 1", "{says}");
    }
}

#[test]
fn nobody_passes_while_whoever_keeps_the_keys_does_not_answer() {
    let mut gate = asking();
    let broken = "503 caller-unknown: the answer of whoever knows the credential broke off";
    gate.whole(&signed(&gate, "acme-9", "1"));
    gate.answer_with(0, &[], b"");
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "1")), broken);
    for call in 1..5 {
        let key = format!("other-{call}");
        assert_eq!(gate.whole(&signed(&gate, &key, "1")), format!("waits {call}"));
        gate.answer_with(call, &[(":status", "503")], b"");
    }
    let paused = "503 caller-unknown: whoever knows the credential has failed, and is asked \
                  again later";
    assert_eq!(gate.whole(&signed(&gate, "acme-7", "1")), paused, "five failures are enough");
    assert_eq!(gate.whole(&signed(&gate, "acme-1", "2")), "hmac acme-1 acme - []");
    gate.now = NOW + 3;
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "2")), "waits 5");
    gate.answer(5, &told(&json!({})));
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "2")), ACME);
}

#[test]
fn a_key_that_was_good_signs_on_while_nobody_can_be_asked() {
    let mut gate = asking();
    exchange(&mut gate, 0, Vec::new());
    assert_eq!(gate.first(&signed(&gate, "acme-9", "1"), &told(&json!({}))), ACME);
    gate.now = NOW + 31;
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "2")), "waits 1");
    gate.answer_with(1, &[], b"");
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "2")), ACME, "nobody says otherwise");
    let forged = Sent { secret: "another secret".to_owned(), ..signed(&gate, "acme-9", "3") };
    assert_eq!(gate.whole(&forged), FAILS);
    assert_eq!(gate.whole(&signed(&gate, "acme-8", "1")), "waits 2", "a stranger is none");
    gate.now = NOW + 24 * 3600 - 1;
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "4")), "waits 3");
    gate.answer_with(3, &[], b"");
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "4")), ACME);
    gate.now = NOW + 24 * 3600;
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "5")), "waits 4");
    gate.answer_with(4, &[], b"");
    let broken = "503 caller-unknown: the answer of whoever knows the credential broke off";
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "5")), broken, "for a day");
}

#[test]
fn a_key_in_use_is_asked_for_again_before_anybody_waits() {
    let mut gate = asking();
    assert_eq!(gate.first(&signed(&gate, "acme-9", "1"), &told(&json!({}))), ACME);
    gate.now = NOW + 25;
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "2")), ACME);
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "3")), ACME);
    assert_eq!(gate.host.called.len(), 2);
    gate.answer(1, &told(&json!({})));
    gate.now = NOW + 45;
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "4")), ACME);
    assert_eq!(gate.host.called.len(), 2);
}

#[test]
fn made_up_keys_are_asked_for_within_a_bound() {
    let mut gate = asking();
    let busy = "503 caller-unknown: too many callers have to be looked up at the moment";
    for call in 0..48 {
        let sent = signed(&gate, &format!("made-up-{call}"), "1");
        assert_eq!(gate.whole(&sent), format!("waits {call}"));
    }
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "1")), busy);
    assert_eq!(gate.host.called.len(), 48);
}

/// A request that waits for the backend's token has not used its signature up.
#[test]
fn a_signature_is_used_up_when_the_backend_s_token_is_there() {
    let identity = json!({
        "hmac": {},
        "signing_keys": {
            "keys": {"acme-1": {"scheme": "hmac", "tenant": "acme", "secret": SECRET}},
        },
        "backend_token": {"mint": provider(&json!({"path": "/token"}))},
    });
    let access = json!({"auth": {"any_of": ["hmac"]}, "token_audience": "orders"});
    let mut gate = Gate::of(identity, access);
    let sent = Sent::by("acme-1");
    assert_eq!(gate.whole(&sent), "waits 0");
    assert_eq!(gate.whole(&sent), "waits 0");
    gate.answer(0, r#"{"access_token":"a.b.c","expires_in":300}"#);
    assert_eq!(gate.whole(&sent), "hmac acme-1 acme - []");
    let used = "401 replayed-signature: the signature was used before; sign again, with a new \
                nonce or at another second";
    assert_eq!(gate.whole(&sent), used);
}

fn exchange(gate: &mut Gate, number: u32, denials: Vec<Denial>) {
    let response = Response { sequence: u64::from(number) + 1, denials, ..Response::default() };
    let cx = &mut gate.host.at(Timestamp::from_seconds(NOW - 5 + u64::from(number)));
    gate.authenticator.on_tick(cx);
    gate.authenticator.on_grpc_answer(GrpcCallId(number), &Ok(response.encode_to_vec()), cx);
}

#[test]
fn a_revoked_key_is_refused_however_well_it_is_known() {
    let mut gate = asking();
    exchange(&mut gate, 0, Vec::new());
    let sent = signed(&gate, "acme-9", "1");
    assert_eq!(gate.first(&sent, &told(&json!({}))), ACME);
    let of = |kind: Kind, name: &str| Denial {
        kind: kind as i32,
        name: name.to_owned(),
        at: NOW,
        until: Some(NOW + 3600),
        ..Denial::default()
    };
    let others = vec![of(Kind::SigningKey, "acme-1"), of(Kind::ApiKey, "acme-9")];
    exchange(&mut gate, 1, others);
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "2")), ACME, "others are revoked");
    // One that is written down is taken out of the file.
    assert_eq!(gate.whole(&signed(&gate, "acme-1", "2")), "hmac acme-1 acme - []");
    exchange(&mut gate, 2, vec![of(Kind::SigningKey, "acme-9")]);
    let revoked = "401 revoked: the credential has been revoked";
    assert_eq!(gate.whole(&signed(&gate, "acme-9", "3")), revoked);
    assert_eq!(gate.host.called.len(), 1, "nobody was asked again");
}

proptest! {
    /// Whatever an answer says, as long as it is JSON.
    #[test]
    fn no_answer_causes_a_panic_or_lets_anybody_in(
        name in "(sub|scheme|tenant|tier|scope|algorithm|secret|public_key|exp)",
        value in r#"(null|true|-?(0|[1-9][0-9]{0,19})|"[a-z0-9 -]{0,40}"|\[\]|\{\})"#,
    ) {
        let mut gate = asking();
        let changes = json!({name: serde_json::from_str::<Value>(&value).unwrap()});
        let sent = Sent { secret: "nobody's".to_owned(), ..signed(&gate, "acme-9", "1") };
        let verdict = gate.first(&sent, &told(&changes));
        prop_assert!(verdict == FAILS || verdict == UNREADABLE, "{}: {}", changes, verdict);
    }
}
