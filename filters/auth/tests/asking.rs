//! Callers whom a provider knows.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::asked::{Asked, active};
use common::{NOW, Signer, any_of, claims, issuer};
use proptest::prelude::*;
use serde_json::json;
use tollgate_auth::ApiKey;

const ANN: &str = "introspection.acme ann - - []";
const UNKNOWN: &str = "503 caller-unknown: ";

#[test]
fn a_question_is_a_form_with_the_token() {
    let mut asked = Asked::new(&json!({"authorization": "Basic Zm9vOmJhcg=="}));
    assert_eq!(asked.token("a+b=", 0), "waits 0");
    let called = &asked.host.called[0];
    assert_eq!(called.cluster, "id");
    let headers: Vec<_> = called
        .headers
        .iter()
        .map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii()))
        .collect();
    assert_eq!(
        headers,
        [
            ":method: POST",
            ":path: /introspect",
            ":authority: id.example",
            "accept: application/json",
            "authorization: Basic Zm9vOmJhcg==",
            "content-type: application/x-www-form-urlencoded",
        ]
    );
    assert_eq!(called.body, b"token=a%2Bb%3D&token_type_hint=access_token");
}

#[test]
fn whoever_the_provider_knows_is_asked_about_once() {
    let mut asked = Asked::new(&json!({}));
    assert_eq!(asked.token("t", 0), "waits 0");
    assert_eq!(asked.token("t", 10), "waits 0", "followers wait for the same call");
    asked.answer(0, 20, &active(&json!({})));
    for millis in [20, 21, 1000, 26_900] {
        assert_eq!(asked.token("t", millis), ANN, "{millis}");
    }
    assert_eq!(asked.token("t", 30_020), "waits 1");
    assert_eq!(asked.host.called.len(), 2);
}

#[test]
fn members_of_the_answer_are_read_as_claims_are() {
    let claims = json!({
        "tenant": "org.id", "tier": "plan", "scopes": "scp", "groups": "roles", "keep": ["dept"],
    });
    let mut asked = Asked::new(&json!({"claims": claims}));
    let said = json!({
        "org": {"id": "acme"}, "plan": "gold", "scp": ["a", "b"], "roles": ["x"], "dept": 7,
    });
    assert_eq!(
        asked.first("t", &active(&said)),
        "introspection.acme ann acme gold [a b] in x with {\"dept\":7}"
    );
}

#[test]
fn a_client_may_call_for_itself() {
    let mut asked = Asked::new(&json!({}));
    let said = json!({"active": true, "client_id": "robot"}).to_string();
    assert_eq!(asked.first("t", &said), "introspection.acme robot - - []");
    let said = json!({"active": true, "client_id": "robot", "sub": "ann"}).to_string();
    assert_eq!(asked.first("u", &said), ANN);
    // An id that cannot be one does not become the client's.
    let said = json!({"active": true, "client_id": "robot", "sub": ""}).to_string();
    assert_eq!(
        asked.first("v", &said),
        "401 invalid-token: the token's sub is missing or not an id"
    );
}

#[test]
fn what_is_not_certain_is_refused() {
    for (body, expected) in [
        (
            r#"{"active":false}"#,
            "401 invalid-token: whoever issued the token says that it is not active",
        ),
        (r#"{"active":"true","sub":"ann"}"#, UNREADABLE),
        (r#"{"active":1,"sub":"ann"}"#, UNREADABLE),
        (r#"{"sub":"ann"}"#, UNREADABLE),
        ("<html>", UNREADABLE),
        (r#"{"active":true,"sub":"ann","exp":"1"}"#, UNREADABLE),
        (r#"{"active":true,"sub":"ann","nbf":[]}"#, UNREADABLE),
        (r#"{"active":true}"#, "401 invalid-token: the token's sub is missing or not an id"),
        (
            r#"{"active":true,"sub":"ann","token_type":"DPoP"}"#,
            "401 invalid-token: the token's typ is none of those accepted",
        ),
        (
            r#"{"active":true,"sub":"ann","token_type":7}"#,
            "401 invalid-token: the token's typ is none of those accepted",
        ),
        (r#"{"active":true,"sub":"ann","token_type":"bearer"}"#, ANN),
    ] {
        let mut asked = Asked::new(&json!({}));
        assert_eq!(asked.first("t", body), expected, "{body}");
    }
}

const UNREADABLE: &str =
    "503 caller-unknown: whoever knows the credential gave an answer that cannot be read";

#[test]
fn the_token_must_be_meant_for_us() {
    let spec = json!({"issuer": "https://id.example", "audiences": ["api", "api2"]});
    for (said, expected) in [
        (json!({"iss": "https://id.example", "aud": "api2"}), ANN),
        (json!({"iss": "https://id.example", "aud": ["x", "api"]}), ANN),
        (
            json!({"iss": "https://id.example"}),
            "401 invalid-token: the token is meant for another audience",
        ),
        (
            json!({"iss": "https://id.example/", "aud": "api"}),
            "401 invalid-token: the token's issuer is none of those accepted here",
        ),
        (
            json!({"aud": "api"}),
            "401 invalid-token: the token's issuer is none of those accepted here",
        ),
    ] {
        let mut asked = Asked::new(&spec);
        assert_eq!(asked.first("t", &active(&said)), expected, "{said}");
    }
}

#[test]
fn nobody_is_known_longer_than_the_token_holds() {
    let mut asked = Asked::new(&json!({}));
    assert_eq!(asked.first("t", &active(&json!({"exp": NOW + 5}))), ANN);
    assert_eq!(asked.token("t", 4999), ANN);
    assert_eq!(asked.token("t", 5000), "waits 1");
    let expired = "401 invalid-token: the token has expired";
    assert_eq!(asked.first("u", &active(&json!({"exp": NOW}))), expired);
    let mut asked = Asked::new(&json!({}));
    assert_eq!(asked.first("t", &active(&json!({"nbf": NOW + 30}))), ANN);
    let early = "401 invalid-token: the token is not valid yet";
    assert_eq!(asked.first("u", &active(&json!({"nbf": NOW + 31}))), early);
}

#[test]
fn an_answer_is_believed_no_longer_than_it_says() {
    let mut asked = Asked::new(&json!({}));
    asked.token("t", 0);
    asked.answer_with(
        0,
        0,
        &[(":status", "200"), ("cache-control", "max-age=4")],
        &active(&json!({})),
    );
    assert_eq!(asked.token("t", 3500), ANN);
    assert_eq!(asked.token("t", 4000), "waits 1");
    let mut asked = Asked::new(&json!({"ttl_seconds": 0}));
    assert_eq!(asked.first("t", &active(&json!({}))), ANN, "it serves those who waited");
    assert_eq!(asked.token("t", 249), ANN);
    assert_eq!(asked.token("t", 250), "waits 1");
}

#[test]
fn who_is_revoked_is_refused_at_the_next_answer() {
    let mut asked = Asked::new(&json!({}));
    assert_eq!(asked.first("t", &active(&json!({}))), ANN);
    assert_eq!(asked.token("t", 30_000), "waits 1");
    asked.answer(1, 30_010, r#"{"active":false}"#);
    let refused = "401 invalid-token: whoever issued the token says that it is not active";
    for millis in [30_010, 40_009] {
        assert_eq!(asked.token("t", millis), refused);
    }
    // It may be a token that the provider did not know yet.
    assert_eq!(asked.token("t", 40_010), "waits 2");
}

#[test]
fn a_refusal_is_remembered_no_longer_than_it_says() {
    let refused = "401 invalid-token: whoever issued the token says that it is not active";
    for (says, until) in [("max-age=0", 1_000), ("max-age=4", 4_000), ("max-age=60", 10_000)] {
        let mut asked = Asked::new(&json!({}));
        asked.token("t", 0);
        let headers = [(":status", "200"), ("cache-control", says)];
        asked.answer_with(0, 0, &headers, r#"{"active":false}"#);
        assert_eq!(asked.token("t", until - 1), refused, "{says}");
        assert_eq!(asked.token("t", until), "waits 1", "{says}");
    }
}

#[test]
fn tokens_of_an_issuer_are_not_asked_about() {
    let signer = Signer::new("EdDSA");
    let identity = json!({
        "jwt": {"own": issuer(&[&signer.jwk])},
        "introspection": {"acme": common::asked::provider(&json!({}))},
    });
    let both = ["jwt.own", "introspection.acme"];
    let mut asked = Asked::of(identity.clone(), any_of(&both));
    assert_eq!(asked.token(&signer.token(&claims(&json!({}))), 0), "jwt.own ann - - []");
    let forged = Signer::other_eddsa().token(&claims(&json!({})));
    for _ in 0..2 {
        assert_eq!(
            asked.token(&forged, 0),
            "401 invalid-token: the token's signature does not hold"
        );
    }
    assert_eq!(asked.host.called, []);
    // Of another issuer, or of none.
    let foreign = signer.token(&claims(&json!({"iss": "https://other.example"})));
    assert_eq!(asked.token(&foreign, 0), "waits 0");
    assert_eq!(asked.token("opaque", 0), "waits 1");
    // What the provider says of a token makes it good for no issuer.
    asked.answer(1, 0, &active(&json!({})));
    assert_eq!(asked.token("opaque", 0), ANN);
    let only = asked.gate.operation(any_of(&["jwt.own"]));
    asked.gate.access = only;
    assert!(asked.token("opaque", 0).starts_with("401 invalid-token"));
    let mut asked = Asked::of(identity, any_of(&["introspection.acme"]));
    assert_eq!(asked.token(&signer.token(&claims(&json!({}))), 0), "waits 0");
}

#[test]
fn providers_are_asked_in_order() {
    let provider = common::asked::provider(&json!({}));
    let identity = json!({"introspection": {"a": provider, "b": provider}});
    let mut asked = Asked::of(identity, any_of(&["introspection.b", "introspection.a"]));
    assert_eq!(asked.token("t", 0), "waits 0");
    asked.answer(0, 0, r#"{"active":false}"#);
    assert_eq!(asked.token("t", 0), "waits 1");
    asked.answer(1, 0, &active(&json!({})));
    assert_eq!(asked.token("t", 0), "introspection.a ann - - []");
    // What one says is nothing to routes of the other.
    let only = asked.gate.operation(any_of(&["introspection.b"]));
    asked.gate.access = only;
    assert!(asked.token("t", 0).starts_with("401 invalid-token"));
}

#[test]
fn one_provider_may_know_what_another_cannot_tell() {
    let provider = common::asked::provider(&json!({}));
    let identity = json!({"introspection": {"a": provider, "b": provider}});
    let mut asked = Asked::of(identity, any_of(&["introspection.a", "introspection.b"]));
    for token in ["t", "u"] {
        asked.token(token, 0);
        let call = u32::try_from(asked.host.called.len() - 1).unwrap();
        asked.answer_with(call, 0, &[(":status", "500")], "");
        assert_eq!(asked.token(token, 0), format!("waits {}", call + 1));
        let said = if token == "t" { active(&json!({})) } else { r#"{"active":false}"#.into() };
        asked.answer(call + 1, 0, &said);
    }
    assert_eq!(asked.token("t", 0), "introspection.b ann - - []");
    assert!(asked.token("u", 0).starts_with(UNKNOWN), "the first one may know it");
}

#[test]
fn keys_that_are_not_written_down_are_looked_up() {
    let mut asked = Asked::with_keys();
    let key = ApiKey::generate([7; 32]);
    assert_eq!(asked.key(b"written-down", 0), "api_key k1 acme - []");
    assert_eq!(asked.key(key.as_str().as_bytes(), 0), "waits 0");
    assert_eq!(asked.host.called[0].body, format!("token={}", key.as_str()).as_bytes());
    let said =
        json!({"active": true, "sub": "key_1", "tenant": "acme", "tier": "gold", "scope": "a b"});
    asked.answer(0, 0, &said.to_string());
    assert_eq!(asked.key(key.as_str().as_bytes(), 0), "api_key key_1 acme gold [a b]");
    let nobody = "401 invalid-api-key: nobody has this API key";
    assert_eq!(asked.key(b"foreign", 0), "waits 1");
    asked.answer(1, 0, r#"{"active":false}"#);
    assert_eq!(asked.key(b"foreign", 0), nobody);
    let mut mistyped = key.as_str().to_owned().into_bytes();
    mistyped[10] ^= 1;
    for key in [&mistyped[..], b"tg_", b"", b"a b", b"\xff"] {
        assert_eq!(asked.key(key, 0), nobody, "{}", key.escape_ascii());
    }
    assert_eq!(asked.host.called.len(), 2);
}

#[test]
fn what_is_said_of_a_key_is_not_said_of_a_token() {
    let identity = json!({
        "introspection": {"acme": common::asked::provider(&json!({}))},
        "api_key": common::asked::api_key(),
    });
    let mut asked = Asked::of(identity, any_of(&["introspection.acme", "api_key"]));
    assert_eq!(asked.key(b"same", 0), "waits 0");
    asked.answer(0, 0, r#"{"active":true,"sub":"k","tenant":"acme"}"#);
    assert_eq!(asked.key(b"same", 0), "api_key k acme - []");
    assert_eq!(asked.token("same", 0), "waits 1");
}

#[test]
fn answers_to_other_calls_are_passed_over() {
    let mut asked = Asked::new(&json!({}));
    asked.token("t", 0);
    asked.answer(7, 0, &active(&json!({})));
    assert_eq!(asked.token("t", 0), "waits 0");
    asked.answer(0, 0, &active(&json!({})));
    asked.answer(0, 0, r#"{"active":false}"#);
    assert_eq!(asked.token("t", 0), ANN);
}

#[test]
fn a_clock_that_goes_backwards_makes_nobody_known_for_longer() {
    let mut asked = Asked::new(&json!({}));
    asked.token("t", 10_000);
    asked.answer(0, 10_000, &active(&json!({})));
    assert_eq!(asked.token("t", 10_000), ANN);
    assert_eq!(asked.token("t", 9_000), "waits 1");
}

proptest! {
    /// Whatever the provider says: nobody passes unless it said `true`, nobody
    /// for longer than the ttl, and a route asks for scopes all the same.
    #[test]
    fn nobody_passes_without_a_recent_true(
        steps in prop::collection::vec((0_usize..3, 0_u64..40_000, 0_usize..5), 1..60),
    ) {
        let mut asked = Asked::new(&json!({"ttl_seconds": 10}));
        let mut said_true: [Option<u64>; 3] = [None; 3];
        let mut now = 0;
        for (token, gap, said) in steps {
            now += gap;
            let name = ["a", "b", "c"][token];
            let verdict = asked.token(name, now);
            if let Some(call) = verdict.strip_prefix("waits ") {
                let body = [r#"{"active":true,"sub":"ann"}"#, r#"{"active":false}"#, "{}", "[", ""][said];
                asked.answer(call.parse().unwrap(), now, body);
                if said == 0 {
                    said_true[token] = Some(now);
                }
            }
            if asked.token(name, now) == ANN {
                let since = said_true[token].unwrap();
                prop_assert!(now - since < 10_000);
            }
        }
    }

    #[test]
    fn no_answer_causes_a_panic(status in "[0-9]{0,3}", body: Vec<u8>, value in ".*") {
        let mut asked = Asked::new(&json!({}));
        asked.token("t", 0);
        let headers = [(":status", &*status), ("cache-control", &*value), ("retry-after", &*value)];
        asked.answer_bytes(0, 0, &headers, body);
        prop_assert_ne!(asked.token("t", 0), ANN);
    }
}

#[test]
fn answers_are_believed_up_to_a_tenth_shorter() {
    let mut ends = Vec::new();
    for n in 0..50 {
        let mut asked = Asked::new(&json!({}));
        let token = format!("t{n}");
        assert_eq!(asked.first(&token, &active(&json!({}))), ANN);
        let end = (26_000..=30_000).step_by(10).find(|millis| asked.token(&token, *millis) != ANN);
        ends.push(end.unwrap());
    }
    assert!(ends.iter().all(|end| (27_000..=30_000).contains(end)), "{ends:?}");
    ends.sort_unstable();
    ends.dedup();
    assert!(10 < ends.len(), "{ends:?}");
}
