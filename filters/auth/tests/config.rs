//! Configurations that are refused, and with which words.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::{SEED, Signer, any_of, encode, issuer};
use serde_json::{Value, json};
use tollgate_auth::{AuthFilter, Authenticator, IdentitySpec};
use tollgate_core::parse;

#[test]
fn issuers_that_make_no_sense_are_refused() {
    for (changes, expected) in [
        (json!({"issuer": ""}), "issuer: is empty; give the exact value of the `iss` claim"),
        (
            json!({"audiences": []}),
            "audiences: is empty; name at least one, or tokens for any other service would be \
             accepted",
        ),
        (
            json!({"audiences": ["api", ""]}),
            "audiences[1]: is empty; give the exact value of the `aud` claim",
        ),
        (
            json!({"algorithms": ["RS256", "HS256"]}),
            "algorithms: HS256 uses a shared secret and RS256 a public key; give each kind an \
             issuer of its own",
        ),
        (
            json!({"types": ["at+jwt", ""]}),
            "types[1]: \"\" is not the type of a token; write one such as at+jwt",
        ),
        (
            json!({"types": ["a b"]}),
            "types[0]: \"a b\" is not the type of a token; write one such as at+jwt",
        ),
        (
            json!({"claims": {"tenant": ""}}),
            "claims.tenant: is empty; name a claim, or leave it out",
        ),
        (json!({"claims": {"tier": ""}}), "claims.tier: is empty; name a claim, or leave it out"),
        (
            json!({"claims": {"scopes": ""}}),
            "claims.scopes: is empty; name a claim, or leave it out",
        ),
        (
            json!({"clock_skew_seconds": 61}),
            "clock_skew_seconds: 61 is more than 60; set the clocks right",
        ),
        (
            json!({"jwks_endpoint": {"cluster": "id", "path": "/jwks", "authority": "id.example"}}),
            "jwks_endpoint: stands beside `jwks`; keep one of them",
        ),
        (
            json!({"jwks": null, "jwks_endpoint": {"cluster": "", "path": "/", "authority": "a"}}),
            "jwks_endpoint.cluster: is empty; name the cluster of Envoy that leads to the endpoint",
        ),
        (
            json!({
                "jwks": null, "algorithms": ["HS256"],
                "jwks_endpoint": {"cluster": "id", "path": "/jwks", "authority": "id.example"},
            }),
            "algorithms: HS256 uses a shared secret, and whoever could fetch it could sign; give \
             it in `jwks`",
        ),
        (
            json!({"jwks": []}),
            "jwks.keys: is missing or not a list; give a key set as RFC 7517 writes it",
        ),
        (
            json!({"jwks": {"keys": {}}}),
            "jwks.keys: is missing or not a list; give a key set as RFC 7517 writes it",
        ),
        (
            json!({"jwks": {"keys": vec![Signer::new("EdDSA").jwk; 101]}}),
            "jwks.keys: 101 keys are more than 100; remove those that nobody signs with",
        ),
        (
            json!({"jwks": {"keys": []}}),
            "jwks.keys: none of 0 keys verifies signatures in a way that we know; add one that \
             does, or change `algorithms`",
        ),
        (
            json!({"algorithms": ["RS256", "ES256"]}),
            "jwks.keys: none of 1 keys verifies RS256 or ES256; add one that does, or change \
             `algorithms`",
        ),
        (
            json!({"jwks": {"keys": [
                {"kty": "RSA", "use": "enc"}, Signer::new("ES256").jwk, Signer::new("HS256").jwk,
            ]}}),
            "jwks.keys[2]: is secret, but keys[1] is public; a token signed with a public key as \
             the secret would pass, so give each kind an issuer of its own",
        ),
    ] {
        let mut spec = issuer(&[&Signer::new("EdDSA").jwk]);
        for (name, value) in changes.as_object().unwrap() {
            spec[name] = value.clone();
        }
        refused(json!({"jwt": {"acme": spec}}), &format!("jwt.acme.{expected}"));
    }
}

#[test]
fn names_of_issuers_are_plain() {
    for name in ["", "a.b", "a b", "ä"] {
        let expected =
            format!("jwt.{name}: is not a name for an issuer; use letters, digits, `-` and `_`");
        refused(json!({"jwt": {name: issuer(&[&Signer::new("EdDSA").jwk])}}), &expected);
    }
}

#[test]
fn bounds_of_issuers_are_allowed() {
    for changes in [
        json!({"clock_skew_seconds": 60}),
        json!({"clock_skew_seconds": 0}),
        json!({"jwks": {"keys": vec![Signer::new("EdDSA").jwk; 100]}}),
        json!({"jwks": null}),
    ] {
        let mut spec = issuer(&[&Signer::new("EdDSA").jwk]);
        for (name, value) in changes.as_object().unwrap() {
            spec[name] = value.clone();
        }
        assert_eq!(compile(json!({"jwt": {"A-z_9": spec}})), None, "{changes}");
    }
}

#[test]
fn keys_that_are_weak_or_malformed_are_refused() {
    let rsa = Signer::new("RS256").jwk;
    let (p256, p384) = (Signer::new("ES256").jwk, Signer::new("ES384").jwk);
    let ed25519 = Signer::new("EdDSA").jwk;
    let secret = Signer::new("HS256").jwk;
    let zeros = |bytes: usize| encode(vec![0; bytes]);
    let odd = |bytes: usize| encode(vec![0xff; bytes]);
    let mut even = vec![0xff; 256];
    even[255] = 0xfe;
    for (jwk, changes, expected) in [
        (&rsa, json!({"kty": null}), ".kty: is missing or not a string"),
        (&rsa, json!({"kty": 1}), ".kty: is missing or not a string"),
        (&rsa, json!({"alg": 1}), ".alg: is missing or not a string"),
        (&rsa, json!({"kid": 1}), ".kid: is missing or not a string"),
        (
            &rsa,
            json!({"kid": "k".repeat(257)}),
            ".kid: 257 bytes are more than 256; choose a shorter id",
        ),
        (&rsa, json!({"n": null}), ".n: is missing or not a string"),
        (&rsa, json!({"e": null}), ".e: is missing or not a string"),
        (&rsa, json!({"n": "a+b/"}), ".n: is not base64url without padding"),
        (&rsa, json!({"e": "AQAB="}), ".e: is not base64url without padding"),
        (
            &rsa,
            json!({"d": "AQ"}),
            ".d: is the private part of the key; give the public part alone",
        ),
        (&rsa, json!({"n": odd(128)}), ".n: 1024 bits are less than 2048; make a longer key"),
        (&rsa, json!({"n": zeros(256)}), ".n: 0 bits are less than 2048; make a longer key"),
        (
            &rsa,
            json!({"n": encode([&[0x7f][..], &[0xff; 255]].concat())}),
            ".n: 2047 bits are less than 2048; make a longer key",
        ),
        (&rsa, json!({"n": odd(513)}), ".n: 4104 bits are more than 4096; make a shorter key"),
        (&rsa, json!({"e": "AQ"}), ".e: is not 65537 (\"AQAB\"); make a key with this exponent"),
        (&rsa, json!({"e": "Aw"}), ".e: is not 65537 (\"AQAB\"); make a key with this exponent"),
        (&rsa, json!({"n": encode(&even)}), ".n: is not the modulus of an RSA key"),
        (&rsa, json!({"alg": "ES256"}), ".alg: ES256 does not fit RSA keys"),
        (&rsa, json!({"alg": "HS256"}), ".alg: HS256 does not fit RSA keys"),
        (&p256, json!({"crv": null}), ".crv: is missing or not a string"),
        (&p256, json!({"x": null}), ".x: is missing or not a string"),
        (
            &p256,
            json!({"d": "AQ"}),
            ".d: is the private part of the key; give the public part alone",
        ),
        (&p256, json!({"x": zeros(31)}), ".x: 31 bytes are not the 32 of a coordinate on P-256"),
        (&p384, json!({"y": zeros(49)}), ".y: 49 bytes are not the 48 of a coordinate on P-384"),
        (&p256, json!({"y": odd(32)}), ": x and y are not a point on P-256"),
        (&p256, json!({"x": zeros(32), "y": zeros(32)}), ": x and y are not a point on P-256"),
        (&p384, json!({"x": zeros(48), "y": zeros(48)}), ": x and y are not a point on P-384"),
        (&p256, json!({"alg": "ES384"}), ".alg: ES384 does not fit P-256 keys"),
        (&p384, json!({"alg": "ES256"}), ".alg: ES256 does not fit P-384 keys"),
        (&ed25519, json!({"x": zeros(31)}), ".x: is not the public key of an Ed25519 pair"),
        // A point of small order: any signature would hold.
        (
            &ed25519,
            json!({"x": encode([&[1][..], &[0; 31]].concat())}),
            ".x: is not the public key of an Ed25519 pair",
        ),
        (
            &ed25519,
            json!({"d": "AQ"}),
            ".d: is the private part of the key; give the public part alone",
        ),
        (&ed25519, json!({"alg": "ES256"}), ".alg: ES256 does not fit Ed25519 keys"),
        (&secret, json!({"k": null}), ".k: is missing or not a string"),
        (
            &secret,
            json!({"k": odd(31)}),
            ".k: 248 bits are less than the 256 of HS256; make a longer secret",
        ),
        (
            &secret,
            json!({"k": odd(47), "alg": "HS384"}),
            ".k: 376 bits are less than the 384 of HS384; make a longer secret",
        ),
        (
            &secret,
            json!({"k": odd(63), "alg": "HS512"}),
            ".k: 504 bits are less than the 512 of HS512; make a longer secret",
        ),
        (&secret, json!({"alg": "RS256"}), ".alg: RS256 does not fit oct keys"),
    ] {
        let jwk = changed(jwk, &changes);
        // Its place is told even where it is not the first.
        let identity = json!({"jwt": {"acme": issuer(&[&json!({"kty": "x"}), &jwk])}});
        refused(identity, &format!("jwt.acme.jwks.keys[1]{expected}"));
    }
    let identity = json!({"jwt": {"acme": issuer(&[&json!("key")])}});
    let expected = "jwt.acme.jwks.keys[0]: is not an object; give a key as RFC 7517 writes it";
    refused(identity, expected);
}

/// Sets hold keys for other things and of newer kinds beside ours.
#[test]
fn keys_for_other_things_are_passed_over() {
    let ed25519 = Signer::new("EdDSA").jwk;
    let p256 = Signer::new("ES256").jwk;
    for (jwk, changes, used) in [
        (&ed25519, json!({}), true),
        (&ed25519, json!({"use": "sig", "key_ops": ["verify"], "alg": "EdDSA", "x5c": [1]}), true),
        (&ed25519, json!({"alg": "Ed25519", "ext": true}), true),
        (&ed25519, json!({"use": "enc"}), false),
        (&ed25519, json!({"use": 1}), false),
        (&ed25519, json!({"key_ops": ["sign"]}), false),
        (&ed25519, json!({"key_ops": "verify"}), false),
        (&ed25519, json!({"alg": "ML-DSA-44"}), false),
        (&ed25519, json!({"crv": "X25519"}), false),
        (&ed25519, json!({"crv": "Ed448"}), false),
        (&p256, json!({"crv": "secp256k1"}), false),
        (&p256, json!({"crv": "P-521"}), false),
        (&p256, json!({"kty": "AKP"}), false),
    ] {
        let jwk = changed(jwk, &changes);
        let alone = compile(json!({"jwt": {"acme": issuer(&[&jwk])}}));
        let beside = compile(json!({"jwt": {"acme": issuer(&[&jwk, &p256])}}));
        assert_eq!((alone.is_none(), beside), (used, None), "{jwk}");
    }
}

#[test]
fn places_for_api_keys_that_make_no_sense_are_refused() {
    let meaning = "has a meaning of its own; choose another one, for example x-api-key";
    for (headers, expected) in [
        (&[][..], "from: is empty; name a header, or leave `api_key` out".to_owned()),
        (&["x key"], "from[0].header: \"x key\" is not a header name".to_owned()),
        (&["x-api-key", ""], "from[1].header: \"\" is not a header name".to_owned()),
        (&[":path"], "from[0].header: \":path\" is not a header name".to_owned()),
        (&["Authorization"], format!("from[0].header: \"Authorization\" {meaning}")),
        (&["cookie"], format!("from[0].header: \"cookie\" {meaning}")),
        (&["x-tollgate-key"], format!("from[0].header: \"x-tollgate-key\" {meaning}")),
        (&["X-Forwarded-Key"], format!("from[0].header: \"X-Forwarded-Key\" {meaning}")),
        (&["a", "A"], "from[1].header: \"A\" stands twice; remove one".to_owned()),
    ] {
        let from: Vec<_> = headers.iter().map(|header| json!({"header": header})).collect();
        refused(json!({"api_key": {"from": from}}), &format!("api_key.{expected}"));
    }
    for (from, expected) in [
        (json!([{"query": ""}]), "from[0].query: is empty; write a parameter's name"),
        (json!([{"cookie": "a b"}]), "from[0].cookie: \"a b\" is not the name of a cookie"),
        (json!([{"query": "k"}, {"query": "k"}]), "from[1].query: \"k\" stands twice; remove one"),
        (
            json!([{"cookie": "k"}, {"cookie": "k"}]),
            "from[1].cookie: \"k\" stands twice; remove one",
        ),
    ] {
        refused(json!({"api_key": {"from": from}}), &format!("api_key.{expected}"));
    }
}

#[test]
fn tenants_that_make_no_sense_are_refused() {
    let hash = "ab".repeat(32);
    let id = "is not an id; use 1 to 256 bytes without control characters, and no blanks at the \
              ends";
    let digits = "is not 64 hexadecimal digits; write what `printf %s KEY | sha256sum` prints";
    let key = |spec: Value| json!({"acme": {"keys": {"k1": spec}}});
    for (tenants, expected) in [
        (json!({"": {}}), format!(": \"\" {id}")),
        (json!({"a\n": {}}), format!(": \"a\\n\" {id}")),
        (json!({"acme": {"tier": " "}}), format!(".acme.tier: \" \" {id}")),
        (json!({"acme": {"keys": {"k1 ": {"sha256": hash}}}}), format!(".acme.keys: \"k1 \" {id}")),
        // What may be the key itself is not repeated.
        (key(json!({"sha256": "sesame"})), format!(".acme.keys.k1.sha256: {digits}")),
        (key(json!({"sha256": "ab".repeat(33)})), format!(".acme.keys.k1.sha256: {digits}")),
        (key(json!({"sha256": "+b".repeat(32)})), format!(".acme.keys.k1.sha256: {digits}")),
        (key(json!({"sha256": "é".repeat(32)})), format!(".acme.keys.k1.sha256: {digits}")),
        (
            key(json!({
                "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            })),
            ".acme.keys.k1.sha256: is the hash of an empty key; make a random one".to_owned(),
        ),
        (
            json!({
                "acme": {"keys": {"k1": {"sha256": hash}}},
                "zeta": {"keys": {"k2": {"sha256": hash.to_uppercase()}}},
            }),
            ".zeta.keys.k2.sha256: is the key of tenants.acme.keys.k1; make another one".to_owned(),
        ),
        (
            key(json!({"sha256": hash, "scopes": ["a", "b c"]})),
            ".acme.keys.k1.scopes[1]: \"b c\" is not a scope; use printable ASCII without \
             blanks, quotes and backslashes"
                .to_owned(),
        ),
    ] {
        refused(json!({"tenants": tenants}), &format!("tenants{expected}"));
    }
}

#[test]
fn the_filter_names_the_part_that_is_wrong() {
    for (config, expected) in [
        (
            json!({"identity": {"api_key": {"from": []}}, "access": {"auth": "none"}}),
            "identity.api_key.from: is empty; name a header, or leave `api_key` out",
        ),
        (
            json!({"identity": {}, "access": any_of(&["x"])}),
            "access.auth.any_of[0]: \"x\" is not a method; write `auth: none`, for `identity` is \
             empty",
        ),
        (
            json!({"identity": {"jwt": {"a": {"issuer": 1}}}}),
            "identity.jwt.a.issuer: invalid type: integer `1`, expected a string at line 1 \
             column 35",
        ),
    ] {
        let err = parse::<AuthFilter>(config.to_string().as_bytes(), SEED).err().unwrap();
        assert_eq!(err.to_string(), expected);
    }
}

/// The key, with members changed; null takes one out.
fn changed(jwk: &Value, changes: &Value) -> Value {
    let mut jwk = jwk.clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => jwk.as_object_mut().unwrap().remove(name),
            value => jwk.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    jwk
}

fn compile(identity: Value) -> Option<String> {
    let spec: IdentitySpec = serde_json::from_value(identity).unwrap();
    Authenticator::compile(spec, SEED).err().map(|err| err.to_string())
}

fn refused(identity: Value, expected: &str) {
    let shown = identity.to_string();
    assert_eq!(compile(identity).as_deref(), Some(expected), "{shown}");
}

#[test]
fn keys_are_never_shown() {
    let secret = encode([7; 32]);
    let spec: IdentitySpec = serde_json::from_value(json!({"jwt": {"acme": {
        "issuer": "https://id.example", "audiences": ["api"],
        "jwks": {"keys": [{"kty": "oct", "alg": "HS256", "k": secret}]},
    }}}))
    .unwrap();
    let shown = format!("{spec:?}");
    assert!(shown.contains("[redacted]") && shown.contains("https://id.example"), "{shown}");
    assert!(!shown.contains(&secret), "{shown}");
}
