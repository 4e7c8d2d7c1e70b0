//! Issuers and their keys.

use expect_test::{Expect, expect};
use tollgate_model::{Loaded, Reference};

use crate::{check, faults_with};

#[test]
fn revocation() {
    check(
        "identity",
        "identity: { revocation: { max_age: 4s, when_stale: open } }",
        &expect![[r#"
            t.yaml:1: identity.revocation.max_age: 4s is not between 5s and 24h
            t.yaml:1: identity.revocation.when_stale: "open" cannot stand here; write serve or refuse
        "#]],
    );
    check(
        "identity",
        "identity: { revocation: { max_age: 25h } }",
        &expect![[r#"
            t.yaml:1: identity.revocation.max_age: 25h is not between 5s and 24h
        "#]],
    );
    check(
        "identity",
        "identity: { revocation: { max_age: 7500ms } }",
        &expect![[r#"
            t.yaml:1: identity.revocation.max_age: 7500ms is not a whole number of seconds
        "#]],
    );
    check(
        "identity",
        "identity: { revocation: { stale: serve } }",
        &expect![[r#"
            t.yaml:1: identity.revocation.stale: unknown field `stale`; known here: `max_age` and `when_stale`
        "#]],
    );
}

#[test]
fn revocation_of_an_api() {
    let api = |revocation: &str| {
        format!(
            "apis: {{ shop: {{ hosts: [a.example], revocation: {revocation}, routes: {{ get: {{ \
             match: {{ path: / }}, backend: orders, auth: none }} }} }} }}"
        )
    };
    check(
        "apis",
        &api("{ when_stale: serve }"),
        &expect![[r#"
        ok
    "#]],
    );
    check(
        "apis",
        &api("{}"),
        &expect![[r#"
        t.yaml:1: apis.shop.revocation.when_stale: missing; write whether they are served all the same
    "#]],
    );
    check(
        "apis",
        &api("{ when_stale: open }"),
        &expect![[r#"
        t.yaml:1: apis.shop.revocation.when_stale: "open" cannot stand here; write serve or refuse
    "#]],
    );
    check(
        "apis",
        &api("{ max_age: 5m, when_stale: refuse }"),
        &expect![[r#"
        t.yaml:1: apis.shop.revocation.max_age: unknown field `max_age`; known here: `when_stale`
    "#]],
    );
}

#[test]
fn issuers() {
    check(
        "identity",
        "identity: { jwt: { acme: { issuer: \"\", audiences: [], jwks: {} } }, api_key: { from: [] } }",
        &expect![[r#"
            t.yaml:1: identity.api_key.from: is empty; name a header, or leave `api_key` out
            t.yaml:1: identity.jwt.acme.audiences: the list is empty; write at least one entry
            t.yaml:1: identity.jwt.acme.issuer: the string is empty; write something such as https://id.example.com
            t.yaml:1: identity.jwt.acme.jwks: an empty mapping cannot stand here; write a mapping with `inline`, a mapping with `file` or a mapping with `url`
        "#]],
    );
    check(
        "identity",
        "identity: { jwt: { acme: { issuer: a, audiences: [\"\"], jwks: { file: a, url: b }, claims: { tenant: \"\", teir: x } } } }",
        &expect![[r#"
            t.yaml:1: identity.jwt.acme.audiences[0]: is empty; give the exact value of the `aud` claim
            t.yaml:1: identity.jwt.acme.claims.teir: unknown field `teir`; did you mean `tier`?
            t.yaml:1: identity.jwt.acme.claims.tenant: is empty; name a claim, or leave it out
            t.yaml:1: identity.jwt.acme.jwks: `file` and `url` exclude each other; write only one of them
        "#]],
    );
    check(
        "identity",
        "identity: { jwt: { acme: { issuer: a, audiences: [b], jwks: { uri: b } } } }",
        &expect![[r#"
            t.yaml:1: identity.jwt.acme.jwks: unknown field `uri`; did you mean `url`?
        "#]],
    );
    check(
        "identity",
        "identity: { jwt: { acme: { issuer: a, audiences: [b], jwks: { url: id.example } } } }",
        &expect![[r#"
            t.yaml:1: identity.jwt.acme.jwks.url: "id.example" is not an address for keys; write https://, a host and a path
        "#]],
    );
    check(
        "identity",
        "identity: { jwt: { acme: { issuer: a, audiences: [b], jwks: { url: http://id.example/jwks } } } }",
        &expect![[r#"
            t.yaml:1: identity.jwt.acme.jwks.url: "http://id.example/jwks" would fetch keys without encryption; write https://, or a loopback address
        "#]],
    );
    check(
        "identity",
        "identity: { jwt: { acme: { issuer: a, audiences: [b], jwks: { url: https://a/b }, clock_skew: 61s } } }",
        &expect![[r#"
            t.yaml:1: identity.jwt.acme.clock_skew: 61s is not between 0s and 1m
        "#]],
    );
    check(
        "identity",
        "identity: { jwt: { acme: { issuer: a, audiences: [b], jwks: { url: https://a/b }, clock_skew: 1500ms } } }",
        &expect![[r#"
            t.yaml:1: identity.jwt.acme.clock_skew: 1500ms is not a whole number of seconds
        "#]],
    );
    check(
        "identity",
        "identity: { jwt: { acme: { issuer: a, audiences: [b], jwks: { url: https://a/b }, clock_skew: 60s } } }",
        &expect![[r#"
            ok
        "#]],
    );
    check(
        "identity",
        "identity: { jwt: { acme: { issuer: a, audiences: [b], jwks: { url: https://a/b }, algorithms: [HS256, RS256] } } }",
        &expect![[r#"
            t.yaml:1: identity.jwt.acme.algorithms: HS256 uses a shared secret and RS256 a public key; give each kind an issuer of its own
        "#]],
    );
    check(
        "identity",
        "identity: { jwt: { acme: { issuer: a, audiences: [b], jwks: { url: https://a/b }, algorithms: [none] } } }",
        &expect![[r#"
            t.yaml:1: identity.jwt.acme.algorithms[0]: "none" cannot stand here; write HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA
        "#]],
    );
    check(
        "identity",
        "identity: { api_key: { from: [{ header: authorization }, { header: x-tollgate-key }, { header: \"a b\" }, { header: a }, { header: A }] } }",
        &expect![[r#"
            t.yaml:1: identity.api_key.from[0].header: "authorization" has a meaning of its own; choose another one, for example x-api-key
            t.yaml:1: identity.api_key.from[1].header: "x-tollgate-key" has a meaning of its own; choose another one, for example x-api-key
            t.yaml:1: identity.api_key.from[2].header: "a b" is not a header name
            t.yaml:1: identity.api_key.from[4].header: "A" stands twice; remove one
        "#]],
    );
    check(
        "identity",
        "identity: { api_key: { from: [{ query: \"\" }, { cookie: \"a b\" }, { query: a }, { cookie: a }, { query: a }, { body: a }] } }",
        &expect![[r#"
            t.yaml:1: identity.api_key.from[0].query: is empty; write a parameter's name
            t.yaml:1: identity.api_key.from[1].cookie: "a b" is not the name of a cookie
            t.yaml:1: identity.api_key.from[4].query: "a" stands twice; remove one
            t.yaml:1: identity.api_key.from[5]: unknown field `body`; known here: `header`, `query` and `cookie`
        "#]],
    );
}

#[test]
fn places_for_the_keys_of_one_api() {
    let with = |api_key: &str, route: &str| {
        format!(
            "apis:\n  shop:\n    hosts: [a.example]\n    api_key: {api_key}\n    routes:\n      get: {{ backend: orders, {route} }}"
        )
    };
    let plain = "match: { path: / }, auth: { any_of: [api_key] }";
    check(
        "apis",
        &with("{ from: [{ query: key }, { cookie: key }] }", plain),
        &expect![[r#"
        ok
    "#]],
    );
    check(
        "apis",
        &with("{ from: [] }", plain),
        &expect![[r#"
            t.yaml:4: apis.shop.api_key.from: is empty; name a header, or leave `api_key` out
        "#]],
    );
    check(
        "apis",
        &with(
            "{ from: [{ query: key }, { query: key }, { header: x-api-key }], lookup: x }",
            plain,
        ),
        &expect![[r#"
            t.yaml:4: apis.shop.api_key.from[1].query: "key" stands twice; remove one
            t.yaml:4: apis.shop.api_key.from[2].header: "x-api-key" stands twice; remove one
            t.yaml:4: apis.shop.api_key.lookup: unknown field `lookup`; known here: `from`
        "#]],
    );
    check(
        "apis",
        &with(
            "{ from: [{ query: key }] }",
            "match: { path: /, query: { key: a } }, auth: { any_of: [api_key] }, allow: { when: \"request.query.key == 'a'\" }",
        ),
        &expect![[r#"
            t.yaml:6: apis.shop.routes.get.allow.when: request.query: "key" carries credentials; ask who the principal is instead
            t.yaml:6: apis.shop.routes.get.match.query.key: "key" carries credentials, which are taken out before the backend is chosen; use another one
        "#]],
    );
}

#[test]
fn keys_in_the_file() {
    let with = |jwks: &str| {
        format!(
            "identity:\n  jwt:\n    acme:\n      issuer: a\n      audiences: [b]\n      jwks:\n        inline: {jwks}"
        )
    };
    check(
        "identity",
        &with("[]"),
        &expect![[r#"
        t.yaml:7: identity.jwt.acme.jwks.inline: a list is not a mapping; write entries, each as NAME: VALUE
    "#]],
    );
    check(
        "identity",
        &with("{}"),
        &expect![[r#"
        t.yaml:7: identity.jwt.acme.jwks.inline.keys: is missing or not a list; give a key set as RFC 7517 writes it
    "#]],
    );
    check(
        "identity",
        &with("{ keys: [] }"),
        &expect![[r#"
        t.yaml:7: identity.jwt.acme.jwks.inline.keys: none of 0 keys verifies signatures in a way that we know; add one that does, or change `algorithms`
    "#]],
    );
    check(
        "identity",
        &with(
            "\n          keys:\n            - 5\n            - { kty: oct, alg: HS256, k: c2hvcnQ }\n            - { kty: RSA, n: AQAB, e: AQAB }\n            - { kty: EC, crv: P-256, x: \"\", y: \"\" }",
        ),
        &expect![[r#"
            t.yaml:9: identity.jwt.acme.jwks.inline.keys[0]: is not an object; give a key as RFC 7517 writes it
            t.yaml:10: identity.jwt.acme.jwks.inline.keys[1].k: 40 bits are less than the 256 of HS256; make a longer secret
            t.yaml:11: identity.jwt.acme.jwks.inline.keys[2].n: 17 bits are less than 2048; make a longer key
            t.yaml:12: identity.jwt.acme.jwks.inline.keys[3].x: 0 bytes are not the 32 of a coordinate on P-256
        "#]],
    );
}

#[test]
fn keys_elsewhere() {
    let file = |jwks: &str| {
        format!(
            "identity: {{ jwt: {{ acme: {{ issuer: a, audiences: [b], jwks: {jwks} }} }} }}\n\
         listeners: {{ a: {{ address: 127.0.0.1:80 }} }}\nbackends: {{ b: {{ endpoints: [a:1] }} }}\n\
         apis: {{ c: {{ hosts: [\"*\"], routes: {{ d: {{ match: {{ path: / }}, backend: b, auth: none }} }} }} }}"
        )
    };
    let check = |jwks: &str, reference: Reference, bytes: Result<&str, &str>, expected: &Expect| {
        let bytes = bytes.map(|text| text.as_bytes().to_vec()).map_err(str::to_owned);
        let loaded = Loaded([(reference, bytes)].into());
        expected.assert_eq(&faults_with(&[("conf/t.yaml", file(jwks).as_bytes())], &loaded));
    };
    let here = || Reference::File("conf/k.json".to_owned());
    let url = || Reference::Url("https://a/b".to_owned());
    check(
        "{ file: k.json }",
        here(),
        Err("No such file or directory (os error 2)"),
        &expect![[r#"
        conf/t.yaml:1: identity.jwt.acme.jwks.file: "k.json" cannot be read: No such file or directory (os error 2); write a path relative to this file
    "#]],
    );
    check(
        "{ file: other.json }",
        here(),
        Err(""),
        &expect![[r#"
        conf/t.yaml:1: identity.jwt.acme.jwks.file: "other.json" cannot be read: it was not loaded; write a path relative to this file
    "#]],
    );
    check(
        "{ file: k.json }",
        here(),
        Ok("{"),
        &expect![[r#"
        conf/t.yaml:1: identity.jwt.acme.jwks.file: "k.json" is not a key set: not JSON: EOF while parsing an object at line 1 column 1; write it as RFC 7517 does
    "#]],
    );
    check(
        "{ file: k.json }",
        here(),
        Ok("[]"),
        &expect![[r#"
        conf/t.yaml:1: identity.jwt.acme.jwks.file: "k.json" is not a key set: there is no list `keys` in it; write it as RFC 7517 does
    "#]],
    );
    check(
        "{ file: k.json }",
        here(),
        Ok("{\"keys\": []}"),
        &expect![[r#"
        conf/t.yaml:1: identity.jwt.acme.jwks.file: "k.json" is not a key set: `keys` is empty; write it as RFC 7517 does
    "#]],
    );
    check(
        "{ file: k.json }",
        here(),
        Ok("{\"keys\": [{\"kty\": \"oct\", \"alg\": \"HS256\", \"k\": \"AA\"}]}"),
        &expect![[r#"
            conf/t.yaml:1: identity.jwt.acme.jwks.file: in "k.json", keys[0].k: 8 bits are less than the 256 of HS256; make a longer secret
        "#]],
    );
    // What an address answers is no fault of the file.
    check(
        "{ url: https://a/b }",
        url(),
        Err("timed out"),
        &expect![[r#"
        ok
    "#]],
    );
    check(
        "{ url: https://a/b }",
        url(),
        Ok("{"),
        &expect![[r#"
        ok
    "#]],
    );
    check(
        "{ url: https://a/b }",
        url(),
        Ok("{\"keys\": [{\"kty\": \"oct\", \"alg\": \"HS256\", \"k\": \"AA\"}]}"),
        &expect![[r#"
            ok
        "#]],
    );
}
