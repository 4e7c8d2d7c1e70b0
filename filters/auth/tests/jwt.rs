//! Which tokens are believed, by what they say.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{ANN, Gate, NOW, Signer, any_of, check, claims, issuer};
use serde_json::{Value, json};
use tollgate_core::Timestamp;

#[test]
fn headers_are_read_strictly_and_never_obeyed() {
    let signer = Signer::new("EdDSA");
    let kid = "k".repeat(256);
    let long_kid = "k".repeat(257);
    let stranger = Signer::other_eddsa().jwk;
    let stranger_x = stranger["x"].as_str().unwrap();
    for (header, expected) in [
        (r#"{"alg":"EdDSA"}"#.to_owned(), ANN),
        (r#"{"alg":"Ed25519","typ":"JWT"}"#.to_owned(), ANN),
        (r#"{"alg":"EdDSA","typ":"jwt","cty":"x","zip":"DEF"}"#.to_owned(), ANN),
        (r#"{"alg":"EdDSA","typ":"at+jwt"}"#.to_owned(), ANN),
        (r#"{"alg":"Ed25519"}"#.to_owned(), ANN),
        (r#"{"alg":"EdDSA","typ":"application/AT+JWT"}"#.to_owned(), ANN),
        (format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#), ANN),
        (format!(r#"{{"alg":"EdDSA","jwk":{stranger},"jku":"http://evil","x5u":1}}"#), ANN),
        (format!(r#"{{"alg":"EdDSA","x5c":["x"],"x5t":"x","jku":["{stranger_x}"]}}"#), ANN),
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
            "the token's typ is none of those accepted",
        ),
        (
            r#"{"alg":"EdDSA","typ":["JWT"]}"#.to_owned(),
            "the token's typ is none of those accepted",
        ),
    ] {
        let token = signer.token_of(&header, &claims(&json!({})).to_string());
        check(&mut Gate::for_keys(&[&signer.jwk]), &token, expected, &header);
    }
}

#[test]
fn types_of_tokens_are_those_that_the_issuer_names() {
    let signer = Signer::new("EdDSA");
    let other = "the token's typ is none of those accepted";
    for (types, typ, expected) in [
        (json!([]), None, ANN),
        (json!([]), Some("at+jwt"), ANN),
        (json!([]), Some("id+jwt"), other),
        (json!(["at+jwt"]), Some("at+jwt"), ANN),
        (json!(["at+jwt"]), Some("Application/AT+JWT"), ANN),
        (json!(["application/at+jwt"]), Some("at+jwt"), ANN),
        (json!(["at+jwt"]), Some("JWT"), other),
        (json!(["at+jwt"]), Some(""), other),
        (json!(["at+jwt"]), None, other),
        (json!(["JWT", "secevent+jwt"]), Some("secevent+jwt"), ANN),
        (json!(["JWT", "secevent+jwt"]), Some("at+jwt"), other),
    ] {
        let mut issuer = issuer(&[&signer.jwk]);
        issuer["types"] = types.clone();
        let mut gate = Gate::new(json!({"jwt": {"acme": issuer}}), any_of(&["jwt.acme"]));
        let mut header = json!({"alg": "EdDSA"});
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        let token = signer.token_of(&header.to_string(), &claims(&json!({})).to_string());
        check(&mut gate, &token, expected, &format!("{types} {typ:?}"));
    }
}

/// They tell the client who has logged in, and are no permission to call.
#[test]
fn id_tokens_are_refused() {
    let signer = Signer::new("EdDSA");
    for name in ["at_hash", "c_hash", "s_hash"] {
        let token = signer.token(&claims(&json!({name: "x"})));
        let expected = "the token is an ID token, which is for the client alone";
        check(&mut Gate::for_keys(&[&signer.jwk]), &token, expected, name);
    }
}

/// Clocks may differ by what is configured, to the second and at most by 60.
#[test]
fn the_skew_is_the_issuers() {
    let signer = Signer::new("EdDSA");
    for skew in [0, 1, 60] {
        let mut issuer = issuer(&[&signer.jwk]);
        issuer["clock_skew_seconds"] = skew.into();
        let mut gate = Gate::new(json!({"jwt": {"acme": issuer}}), any_of(&["jwt.acme"]));
        for (changes, expected) in [
            (json!({"exp": NOW - skew + 1}), ANN),
            (json!({"exp": NOW - skew}), "the token has expired"),
            (json!({"nbf": NOW + skew}), ANN),
            (json!({"nbf": NOW + skew + 1}), "the token is not valid yet"),
        ] {
            let token = signer.token(&claims(&changes));
            check(&mut gate, &token, expected, &format!("{skew} {changes}"));
        }
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
