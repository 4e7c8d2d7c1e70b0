//! Which tokens are believed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{ALGORITHMS, Gate, HOSTS, NOW, Signer, any_of, as_envoy, claims, encode, issuer};
use serde_json::{Value, json};
use tollgate_core::Timestamp;
use tollgate_core::testing::MemoryHost;

const ANN: &str = "jwt.acme ann - - []";

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

#[test]
fn headers_are_read_strictly_and_never_obeyed() {
    let signer = Signer::new("EdDSA");
    let kid = "k".repeat(256);
    let long_kid = "k".repeat(257);
    let stranger = Signer::other_eddsa().jwk;
    for (header, expected) in [
        (r#"{"alg":"EdDSA"}"#.to_owned(), ANN),
        (r#"{"alg":"Ed25519","typ":"JWT"}"#.to_owned(), ANN),
        (r#"{"alg":"EdDSA","typ":"jwt","cty":"x","zip":"DEF"}"#.to_owned(), ANN),
        (r#"{"alg":"EdDSA","typ":"at+jwt"}"#.to_owned(), ANN),
        (r#"{"alg":"EdDSA","typ":"application/AT+JWT"}"#.to_owned(), ANN),
        (format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#), ANN),
        (format!(r#"{{"alg":"EdDSA","jwk":{stranger},"jku":"http://evil","x5u":1}}"#), ANN),
        (r#"{"alg":"none"}"#.to_owned(), "the token's algorithm is none of those accepted"),
        (r#"{"alg":"nOnE"}"#.to_owned(), "the token's algorithm is none of those accepted"),
        (r#"{"alg":"eddsa"}"#.to_owned(), "the token's algorithm is none of those accepted"),
        (r#"{"alg":["EdDSA"]}"#.to_owned(), "the token's algorithm is none of those accepted"),
        (r"{}".to_owned(), "the token's algorithm is none of those accepted"),
        (r#"{"alg":"HS256"}"#.to_owned(), "the token was signed with none of the issuer's keys"),
        (r#"{"alg":"RS256"}"#.to_owned(), "the token was signed with none of the issuer's keys"),
        (
            r#"{"alg":"EdDSA","alg":"EdDSA"}"#.to_owned(),
            "the token's header is not a JSON object with each member once",
        ),
        (
            r#"["EdDSA"]"#.to_owned(),
            "the token's header is not a JSON object with each member once",
        ),
        (
            format!(r#"{{"alg":"EdDSA","x":{}{}}}"#, "[".repeat(64), "]".repeat(64)),
            "the token's header is not a JSON object with each member once",
        ),
        (
            r#"{"alg":"EdDSA","crit":["exp"],"exp":1}"#.to_owned(),
            "the token's header names critical extensions, and none is known",
        ),
        (
            r#"{"alg":"EdDSA","crit":[]}"#.to_owned(),
            "the token's header names critical extensions, and none is known",
        ),
        (
            format!(r#"{{"alg":"EdDSA","kid":"{long_kid}"}}"#),
            "the token's kid is not a string of at most 256 bytes",
        ),
        (
            r#"{"alg":"EdDSA","kid":1}"#.to_owned(),
            "the token's kid is not a string of at most 256 bytes",
        ),
        (
            r#"{"alg":"EdDSA","typ":"dpop+jwt"}"#.to_owned(),
            "the token's typ is neither JWT nor at+jwt",
        ),
        (
            r#"{"alg":"EdDSA","typ":["JWT"]}"#.to_owned(),
            "the token's typ is neither JWT nor at+jwt",
        ),
    ] {
        let token = signer.token_of(&header, &claims(&json!({})).to_string());
        check(&mut Gate::for_keys(&[&signer.jwk]), &token, expected, &header);
    }
}

#[test]
fn claims_decide_who_is_calling_and_whether_still() {
    let signer = Signer::new("HS256");
    let huge = "x".repeat(257);
    for (changes, expected) in [
        (json!({}), ANN),
        (json!({"aud": ["other", "api2"]}), ANN),
        (json!({"aud": ["other"]}), "the token is meant for another audience"),
        (json!({"aud": []}), "the token is meant for another audience"),
        (json!({"aud": ["api", 1]}), "the token is meant for another audience"),
        (json!({"aud": "API"}), "the token is meant for another audience"),
        (json!({"aud": {"api": "api"}}), "the token is meant for another audience"),
        (json!({"aud": null}), "the token is meant for another audience"),
        (json!({"iss": null}), "the token's issuer is none of those accepted here"),
        (json!({"iss": 1}), "the token's issuer is none of those accepted here"),
        (
            json!({"iss": ["https://id.example"]}),
            "the token's issuer is none of those accepted here",
        ),
        (
            json!({"iss": "https://id.example/"}),
            "the token's issuer is none of those accepted here",
        ),
        (json!({"iss": "https://ID.example"}), "the token's issuer is none of those accepted here"),
        (json!({"exp": null}), "the token's exp is missing or not a time"),
        (json!({"exp": "9999999999"}), "the token's exp is missing or not a time"),
        (json!({"exp": -1}), "the token's exp is missing or not a time"),
        (json!({"exp": [1]}), "the token's exp is missing or not a time"),
        (json!({"exp": 1e300}), ANN),
        (json!({"exp": u64::MAX}), ANN),
        (json!({"exp": 0}), "the token has expired"),
        (json!({"exp": NOW - 29}), ANN),
        (json!({"exp": NOW - 30}), "the token has expired"),
        (json!({"exp": NOW - 31}), "the token has expired"),
        (json!({"exp": 1_699_999_970.5}), ANN),
        (json!({"exp": 1_699_999_969.5}), "the token has expired"),
        (json!({"nbf": NOW + 30}), ANN),
        (json!({"nbf": NOW + 31}), "the token is not valid yet"),
        (json!({"nbf": "0"}), "the token's nbf or iat is not a time"),
        (json!({"iat": NOW + 30}), ANN),
        (json!({"iat": NOW + 31}), "the token is not valid yet"),
        (json!({"iat": true}), "the token's nbf or iat is not a time"),
        (json!({"iat": -5}), "the token's nbf or iat is not a time"),
        (json!({"sub": null}), "the token's sub is missing or not an id"),
        (json!({"sub": ""}), "the token's sub is missing or not an id"),
        (json!({"sub": 7}), "the token's sub is missing or not an id"),
        (json!({"sub": "a\r\nx-tollgate-tenant: b"}), "the token's sub is missing or not an id"),
        (json!({"sub": huge}), "the token's sub is missing or not an id"),
        (json!({"tenant": "acme", "plan": "pro"}), "jwt.acme ann acme pro []"),
        (json!({"tenant": "acme "}), "the token's tenant is not an id"),
        (json!({"tenant": "a\u{7f}"}), "the token's tenant is not an id"),
        (json!({"tenant": ["acme"]}), "the token's tenant is not an id"),
        (json!({"plan": "\n"}), "the token's tier is not an id"),
        (json!({"plan": 1}), "the token's tier is not an id"),
        (json!({"scope": "b a  b"}), "jwt.acme ann - - [a b]"),
        (json!({"scope": ""}), ANN),
        (json!({"scope": ["b", "a"]}), "jwt.acme ann - - [a b]"),
        (json!({"scope": ["a b"]}), "the token's scopes are not a list of scopes"),
        (json!({"scope": ["a", 1]}), "the token's scopes are not a list of scopes"),
        (json!({"scope": "a\tb"}), "the token's scopes are not a list of scopes"),
        (json!({"scope": {"a": true}}), "the token's scopes are not a list of scopes"),
    ] {
        let token = signer.token(&claims(&changes));
        check(&mut Gate::for_keys(&[&signer.jwk]), &token, expected, &changes.to_string());
    }
}

#[test]
fn claims_that_could_be_read_in_two_ways_are_refused() {
    let signer = Signer::new("HS256");
    let good = claims(&json!({})).to_string();
    let start = &good[..good.len() - 1];
    let invalid = "the token's claims are not a JSON object with each member once";
    for claims in [
        format!(r#"{start},"sub":"bob"}}"#),
        format!(r#"{start},"s\u0075b":"bob"}}"#),
        format!(r#"{start},"x":{{"a":1,"a":2}}}}"#),
        format!(r#"{start},"x":{}{}}}"#, "[".repeat(64), "]".repeat(64)),
        format!("{start},\"exp\":1e999}}"),
        format!("{good}{good}"),
        "[]".to_owned(),
        String::new(),
    ] {
        let token = signer.token_of(r#"{"alg":"HS256"}"#, &claims);
        check(&mut Gate::for_keys(&[&signer.jwk]), &token, invalid, &claims);
    }
}

#[test]
fn what_is_not_three_parts_of_base64url_is_no_token() {
    let signer = Signer::new("EdDSA");
    let token = signer.token(&claims(&json!({})));
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
    for token in [
        String::new(),
        ".".to_owned(),
        "a.b".to_owned(),
        format!("{header}.{claims}"),
        format!("{token}.{signature}"),
        format!("{token}."),
        format!("{token}="),
        format!("{token}=="),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims} .{signature}"),
        format!("{header}.{claims}.{signature}+"),
        format!("{header}.{claims}.{signature},"),
        // A JWE, and JSON serialisation.
        "a.b.c.d.e".to_owned(),
        format!(r#"{{"payload":"{claims}","signatures":[]}}"#),
    ] {
        let expected = "the token is not three parts in base64url";
        check(&mut Gate::for_keys(&[&signer.jwk]), &token, expected, &token);
    }
    // A null signature is well formed, but nobody's.
    let expected = "the token's signature does not hold";
    check(&mut Gate::for_keys(&[&signer.jwk]), &format!("{header}.{claims}."), expected, "null");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let signer = Signer::new("EdDSA");
    let token = signer.token(&claims(&json!({})));
    for byte in 0x80..=0xff {
        for at in [0, 5, token.len() / 2, token.len() - 1] {
            let mut value = format!("Bearer {token}").into_bytes();
            value[7 + at] = byte;
            assert_eq!(
                Gate::for_keys(&[&signer.jwk]).verdict(&[("authorization", &value)]),
                "401 invalid-token: the token is not three parts in base64url",
            );
        }
    }
}

#[test]
fn tokens_are_at_most_16_kib_long() {
    let signer = Signer::new("HS256");
    let mut gate = Gate::for_keys(&[&signer.jwk]);
    let too_long = "the token is longer than 16384 bytes";
    let malformed = "the token is not three parts in base64url";
    check(&mut gate, &"a".repeat(16_384), malformed, "at the bound");
    check(&mut gate, &"a".repeat(16_385), too_long, "past the bound");
    let token = signer.token(&claims(&json!({"pad": "x".repeat(12_000)})));
    assert!(16_000 < token.len());
    check(&mut gate, &token, ANN, "nearly as long");
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

#[test]
fn a_token_without_kid_costs_at_most_eight_tries() {
    let signer = Signer::new("ES256");
    let keys: Vec<Value> = (0..9).map(|_| Signer::new("ES256").jwk).collect();
    let mut gate = Gate::for_keys(&keys.iter().collect::<Vec<_>>());
    gate.host.verify = Some(as_envoy);
    gate.token(&signer.token(&claims(&json!({}))));
    assert_eq!(gate.host.calls.verify_signature, 8);
}

#[test]
fn an_issuer_without_keys_is_answered_503() {
    let signer = Signer::new("EdDSA");
    let mut issuer = issuer(&[]);
    issuer["jwks"] = Value::Null;
    let mut gate = Gate::new(json!({"jwt": {"acme": issuer}}), any_of(&["jwt.acme"]));
    let value = format!("Bearer {}", signer.token(&claims(&json!({}))));
    let lines = [("authorization", value.as_bytes())];
    let reply = gate.ask(&lines, Timestamp::from_seconds(NOW)).unwrap_err();
    assert_eq!(
        common::refusal(&reply),
        "503 keys-unavailable: the keys of the token's issuer have not arrived yet"
    );
    assert_eq!(reply.headers, [("retry-after", "5".to_owned())]);
    // That it cannot hold is known without keys.
    let expired = signer.token(&claims(&json!({"exp": 1})));
    check(&mut gate, &expired, "the token has expired", "expired");
}

#[test]
fn a_token_is_of_the_issuer_that_it_names() {
    let (acme, other) = (Signer::new("EdDSA"), Signer::other_eddsa());
    let mut second = issuer(&[&other.jwk]);
    second["issuer"] = "https://other.example".into();
    let identity = json!({"jwt": {"acme": issuer(&[&acme.jwk]), "other": second}});
    let theirs = json!({"iss": "https://other.example"});
    let mut gate = Gate::new(identity, any_of(&["jwt.acme", "jwt.other"]));
    check(&mut gate, &acme.token(&claims(&json!({}))), ANN, "its own");
    check(&mut gate, &other.token(&claims(&theirs)), "jwt.other ann - - []", "its own");
    // Signed by one, in the name of the other.
    let fails = "the token's signature does not hold";
    check(&mut gate, &acme.token(&claims(&theirs)), fails, "another's name");
    // The operation accepts one of them only, whatever is remembered.
    gate.access = gate.operation(any_of(&["jwt.acme"]));
    let expected = "the token's issuer is none of those accepted here";
    check(&mut gate, &other.token(&claims(&theirs)), expected, "not accepted");
    check(&mut gate, &acme.token(&claims(&json!({}))), ANN, "accepted");
}

#[test]
fn the_tier_of_a_tenant_that_is_written_down_wins() {
    let signer = Signer::new("HS256");
    let tenants = json!({"acme": {"tier": "basic"}, "plain": {}});
    let identity = json!({"jwt": {"acme": issuer(&[&signer.jwk])}, "tenants": tenants});
    let mut gate = Gate::new(identity, any_of(&["jwt.acme"]));
    for (tenant, expected) in [
        ("acme", "jwt.acme ann acme basic []"),
        ("plain", "jwt.acme ann plain pro []"),
        ("unknown", "jwt.acme ann unknown pro []"),
    ] {
        let token = signer.token(&claims(&json!({"tenant": tenant, "plan": "pro"})));
        check(&mut gate, &token, expected, tenant);
    }
}

#[test]
fn claims_nobody_asked_for_say_nothing() {
    let signer = Signer::new("HS256");
    let mut issuer = issuer(&[&signer.jwk]);
    issuer["claims"] = json!({"scopes": "permissions"});
    let mut gate = Gate::new(json!({"jwt": {"acme": issuer}}), any_of(&["jwt.acme"]));
    let token = signer.token(&claims(
        &json!({"tenant": "acme", "plan": 1, "scope": "admin", "permissions": ["read"]}),
    ));
    check(&mut gate, &token, "jwt.acme ann - - [read]", "claims");
}

/// `expected` is the caller, or the detail of a 401.
fn check(gate: &mut Gate, token: &str, expected: &str, context: &str) {
    let refusal = format!("401 invalid-token: {expected}");
    let expected = if expected.starts_with("jwt.") { expected } else { &refusal };
    assert_eq!(gate.token(token), expected, "{context}");
}
