//! How requests are signed, and with what.

use expect_test::{Expect, expect};
use tollgate_model::{Loaded, Reference};

use crate::{check, check_file, faults_with, good_but};

const SECRET: &[u8] = b"the secret that acme and the gateway share\n";

/// The faults of a file about signatures, where one secret is there.
#[track_caller]
fn check_signed(identity: &str, expected: &Expect) {
    let file = Reference::File("acme.secret".to_owned());
    let missing = Reference::File("nowhere".to_owned());
    let short = Reference::Env("SHORT".to_owned());
    let unset = Reference::Env("UNSET".to_owned());
    let loaded = Loaded(
        [
            (file, Ok(SECRET.to_vec())),
            (missing, Err("No such file or directory".to_owned())),
            (short, Ok(b"short".to_vec())),
            (unset, Err("is not set".to_owned())),
            (Reference::File("bytes".to_owned()), Ok(vec![0xff; 40])),
        ]
        .into(),
    );
    let text = format!("identity: {{ {identity} }}\n{}", good_but("identity"));
    expected.assert_eq(&faults_with(&[("t.yaml", text.as_bytes())], &loaded));
}

#[test]
fn signed_requests_may_be_accepted_without_keys_in_the_file() {
    check_signed(
        "hmac: {}",
        &expect![[r#"
        ok
    "#]],
    );
    check_signed(
        "http_signature: {}",
        &expect![[r#"
        ok
    "#]],
    );
    check_signed(
        "sigv4: { region: eu-central-1, service: execute-api }",
        &expect![[r#"
        ok
    "#]],
    );
    check_signed(
        "hmac: { keys: { a: { tenant: acme, secret: { file: acme.secret } } } }",
        &expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn long_signed_bodies() {
    check_signed(
        "hmac: {}, signed_body_bytes_max: 16777216",
        &expect![[r#"
        ok
    "#]],
    );
    check_signed(
        "hmac: {}, signed_body_bytes_max: 16777217",
        &expect![[r#"
        t.yaml:1: identity.signed_body_bytes_max: 16777217 is not between 1 and 16777216
    "#]],
    );
    check_signed(
        "hmac: {}, signed_body_bytes_max: 0",
        &expect![[r#"
        t.yaml:1: identity.signed_body_bytes_max: 0 is not between 1 and 16777216
    "#]],
    );
    check_signed(
        "signed_body_bytes_max: 4096",
        &expect![[r#"
        t.yaml:1: identity.signed_body_bytes_max: is of no use where no requests are signed; write `hmac`, `sigv4` or `http_signature`, or take it out
    "#]],
    );
}

#[test]
fn ways_of_signing() {
    check_signed(
        "hmac: { clock_skew: 16m, headers: [\"a b\"], require_nonce: 1 }",
        &expect![[r#"
            t.yaml:1: identity.hmac.clock_skew: 16m is not between 0s and 15m
            t.yaml:1: identity.hmac.headers[0]: "a b" is not a header name
            t.yaml:1: identity.hmac.require_nonce: 1 is not true or false; write one of them, without quotes
        "#]],
    );
    check_signed(
        "hmac: { clock_skew: 16m, headers: [date, Date] }",
        &expect![[r#"
            t.yaml:1: identity.hmac.clock_skew: 16m is not between 0s and 15m
            t.yaml:1: identity.hmac.headers[1]: "Date" stands twice; remove one
        "#]],
    );
    check_signed(
        "hmac: { clock_skew: 5m, headers: [\"a b\", date, Date] }",
        &expect![[r#"
        t.yaml:1: identity.hmac.headers[0]: "a b" is not a header name
        t.yaml:1: identity.hmac.headers[2]: "Date" stands twice; remove one
    "#]],
    );
    check_signed(
        "sigv4: {}",
        &expect![[r#"
        t.yaml:1: identity.sigv4.region: missing; write the region that callers sign for
        t.yaml:1: identity.sigv4.service: missing; write the service that callers sign for
    "#]],
    );
    check_signed(
        "sigv4: { region: eu/central, service: s3, style: s4, presigned_for: 0s }",
        &expect![[r#"
            t.yaml:1: identity.sigv4.presigned_for: 0s is not between 1s and 168h
            t.yaml:1: identity.sigv4.region: "eu/central" is not one or more letters, digits, `-` and `_`
            t.yaml:1: identity.sigv4.style: "s4" cannot stand here; write generic or s3
        "#]],
    );
    check_signed(
        "sigv4: { region: eu/central, service: s3, presigned_for: 169h }",
        &expect![[r#"
            t.yaml:1: identity.sigv4.presigned_for: 169h is not between 1s and 168h
            t.yaml:1: identity.sigv4.region: "eu/central" is not one or more letters, digits, `-` and `_`
        "#]],
    );
    check_signed(
        "http_signature: { components: [\"@status\"], max_age: 2h }",
        &expect![[r#"
            t.yaml:1: identity.http_signature.components[0]: "@status" is neither a derived component of requests nor a header name in lower case
            t.yaml:1: identity.http_signature.max_age: 2h is not between 1s and 1h
        "#]],
    );
    check_signed(
        "http_signature: { components: [\"@status\", date, date], label: A }",
        &expect![[r#"
            t.yaml:1: identity.http_signature.components[0]: "@status" is neither a derived component of requests nor a header name in lower case
            t.yaml:1: identity.http_signature.components[2]: "date" stands twice; remove one
            t.yaml:1: identity.http_signature.label: "A" is not a label; begin with a lower-case letter and go on with such letters, digits, `-`, `_`, `.` and `*`
        "#]],
    );
    check_signed(
        "hmack: {}",
        &expect![[r#"
        t.yaml:1: identity.hmack: unknown field `hmack`; did you mean `hmac`?
    "#]],
    );
}

#[test]
fn keys_of_signers() {
    check_signed(
        "hmac: { keys: { a: {}, b: { tenant: \"\" } } }",
        &expect![[r#"
            t.yaml:1: identity.hmac.keys.a: has neither a secret nor a public key; add one
            t.yaml:1: identity.hmac.keys.a.secret: missing; write where the secret is: random, 32 bytes at least
            t.yaml:1: identity.hmac.keys.a.tenant: missing; write whose it is
            t.yaml:1: identity.hmac.keys.b.secret: missing; write where the secret is: random, 32 bytes at least
            t.yaml:1: identity.hmac.keys.b.tenant: the string is empty; write something such as acme
        "#]],
    );
    for secret in
        ["{ file: nowhere }", "{ env: SHORT }", "{ env: UNSET }", "{ file: bytes }", "hunter2"]
    {
        let key = format!("hmac: {{ keys: {{ a: {{ tenant: acme, secret: {secret} }} }} }}");
        let expected = match secret {
            "{ file: nowhere }" => expect![[r#"
                t.yaml:1: identity.hmac.keys.a.secret: "nowhere" cannot be read: No such file or directory; write a path relative to this file
            "#]],
            "{ env: SHORT }" => expect![[r#"
                t.yaml:1: identity.hmac.keys.a.secret: 5 bytes are less than 32; make a longer secret
            "#]],
            "{ env: UNSET }" => expect![[r#"
                t.yaml:1: identity.hmac.keys.a.secret: the environment variable "UNSET" is not set; set it where tollgate runs
            "#]],
            "{ file: bytes }" => expect![[r#"
                t.yaml:1: identity.hmac.keys.a.secret: "bytes" is not text; write it in printable characters
            "#]],
            _ => expect![[r#"
                t.yaml:1: identity.hmac.keys.a.secret: a string cannot stand here; write a mapping with `env` or a mapping with `file`
            "#]],
        };
        check_signed(&key, &expected);
    }
    check_signed(
        "hmac: { keys: { a: { tenant: acme, tier: basci, scopes: [\"a b\"], \
         secret: { file: acme.secret } } } }",
        &expect![[r#"
            t.yaml:1: identity.hmac.keys.a.scopes[0]: "a b" is not a scope; use printable ASCII without blanks, quotes and backslashes
            t.yaml:1: identity.hmac.keys.a.tier: no tier is named "basci"; did you mean "basic"?
        "#]],
    );
    check_signed(
        "hmac: { keys: { a: { tenant: acme, secret: { file: acme.secret } } } }, \
         sigv4: { region: r, service: s, \
         keys: { a: { tenant: acme, secret: { file: acme.secret } } } }",
        &expect![[r#"
            t.yaml:1: identity.sigv4.keys.a: is the id of a key of identity.hmac too; choose another one
        "#]],
    );
    check_signed(
        "http_signature: { keys: { a: { tenant: acme, algorithm: ed25519, \
         secret: { file: acme.secret } }, b: { tenant: acme }, c: { tenant: acme, \
         algorithm: ed25519, public_key: { inline: x } } } }",
        &expect![[r#"
            t.yaml:1: identity.http_signature.keys.a.algorithm: ed25519 has a public key and no secret; give the public key
            t.yaml:1: identity.http_signature.keys.b: has neither a secret nor a public key; add one
            t.yaml:1: identity.http_signature.keys.c.public_key: is not the public key of an ed25519 pair in PEM (`-----BEGIN PUBLIC KEY-----`)
        "#]],
    );
}

#[test]
fn routes_name_ways_of_signing_that_are_written() {
    let route = |auth: &str| {
        format!(
            "apis: {{ shop: {{ hosts: [a.example], routes: {{ get: {{ match: {{ path: / }}, \
             backend: orders, auth: {auth} }} }} }} }}"
        )
    };
    check(
        "apis",
        &route("{ any_of: [hmac] }"),
        &expect![[r#"
        t.yaml:1: apis.shop.routes.get.auth.any_of[0]: nothing says how hmac signatures are judged; write `identity.hmac`, or write jwt.acme or api_key
    "#]],
    );
    let rest = good_but("apis").replace("api_key: ", "hmac: {}, api_key: ");
    check_file(
        &format!("{}\n{rest}", route("{ any_of: [hmac, sigv4] }")),
        &expect![[r#"
        t.yaml:1: apis.shop.routes.get.auth.any_of[1]: nothing says how sigv4 signatures are judged; write `identity.sigv4`, or write jwt.acme or api_key or hmac
    "#]],
    );
}
