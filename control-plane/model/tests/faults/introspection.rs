//! Providers that are asked about opaque tokens.

use expect_test::{Expect, expect};
use tollgate_model::{Loaded, Reference};

use crate::{check, check_file, faults_with};

#[track_caller]
fn check_source(fields: &str, expected: &Expect) {
    check(
        "identity",
        &format!("identity: {{ introspection: {{ acme: {{ {fields} }} }} }}"),
        expected,
    );
}

/// All that has to be written.
const GOOD: &str = "url: https://a/b, client_id: c, client_secret: { env: S }";

#[test]
fn what_is_missing_or_makes_no_sense() {
    check_source(
        GOOD,
        &expect![[r#"
        ok
    "#]],
    );
    check_source(
        "",
        &expect![[r#"
        t.yaml:1: identity.introspection.acme.client_id: missing; write as whom the gateway asks
        t.yaml:1: identity.introspection.acme.client_secret: missing; write where the secret is that proves it
        t.yaml:1: identity.introspection.acme.url: missing; write its introspection endpoint
    "#]],
    );
    check_source(
        "url: \"\", client_id: \"\", client_secret: {}",
        &expect![[r#"
        t.yaml:1: identity.introspection.acme.client_id: the string is empty; write something such as gateway
        t.yaml:1: identity.introspection.acme.client_secret: an empty mapping cannot stand here; write a mapping with `env` or a mapping with `file`
        t.yaml:1: identity.introspection.acme.url: the string is empty; write something such as https://id.example.com/oauth2/introspect
    "#]],
    );
    check_source(
        "url: id.example, client_id: c, client_secret: { env: S, file: s }",
        &expect![[r#"
            t.yaml:1: identity.introspection.acme.client_secret: `env` and `file` exclude each other; write only one of them
            t.yaml:1: identity.introspection.acme.url: "id.example" is not an address of a provider; write https://, a host and a path
        "#]],
    );
    check_source(
        "url: http://id.example/a, client_id: c, client_secret: sesame, claims: { teir: a, tenant: \"\" }",
        &expect![[r#"
            t.yaml:1: identity.introspection.acme.claims.teir: unknown field `teir`; did you mean `tier`?
            t.yaml:1: identity.introspection.acme.claims.tenant: is empty; name a claim, or leave it out
            t.yaml:1: identity.introspection.acme.client_secret: a string cannot stand here; write a mapping with `env` or a mapping with `file`
            t.yaml:1: identity.introspection.acme.url: "http://id.example/a" would send tokens and the secret without encryption; write https://, or a loopback address
        "#]],
    );
    check_source(
        &format!("{GOOD}, tls: 10s, ttl: 301s, negative_ttl: 6m"),
        &expect![[r#"
        t.yaml:1: identity.introspection.acme.negative_ttl: 6m is not between 0s and 5m
        t.yaml:1: identity.introspection.acme.tls: unknown field `tls`; known here: `url`, `client_id`, `client_secret`, `ttl`, `negative_ttl`, `timeout`, `issuer`, `audiences`, `claims` and `ca`
        t.yaml:1: identity.introspection.acme.ttl: 301s is not between 0s and 5m
    "#]],
    );
    check_source(
        &format!("{GOOD}, ttl: 1500ms, timeout: 5s"),
        &expect![[r#"
        t.yaml:1: identity.introspection.acme.timeout: 5s is not between 10ms and 4s
        t.yaml:1: identity.introspection.acme.ttl: 1500ms is not a whole number of seconds
    "#]],
    );
    check_source(
        &format!("{GOOD}, timeout: 9ms, issuer: \"\", audiences: [\"\"]"),
        &expect![[r#"
        t.yaml:1: identity.introspection.acme.audiences[0]: is empty; give the exact value of `aud`
        t.yaml:1: identity.introspection.acme.issuer: the string is empty; write something such as https://id.example.com
        t.yaml:1: identity.introspection.acme.timeout: 9ms is not between 10ms and 4s
    "#]],
    );
    check_source(
        &format!("{GOOD}, ttl: 5m, negative_ttl: 0s, timeout: 4s, issuer: a, audiences: [b]"),
        &expect![[r#"
            ok
        "#]],
    );
    check(
        "identity",
        "identity: { introspection: { api-keys: { url: https://a/b, client_id: c, client_secret: { env: S } } } }",
        &expect![[r#"
            t.yaml:1: identity.introspection.api-keys: is the name of the store's API keys; choose another name
        "#]],
    );
    check(
        "identity",
        "identity: { introspection: { signing-keys: { url: https://a/b, client_id: c, client_secret: { env: S } } } }",
        &expect![[r#"
            t.yaml:1: identity.introspection.signing-keys: is the name of the store's signing keys; choose another name
        "#]],
    );
}

/// A backend of that name would get tokens and the secret of the gateway.
#[test]
fn backends_do_not_have_the_names_of_our_own_clusters() {
    check(
        "backends",
        "backends: { tollgate-identity: { endpoints: [a:1] }, orders: { endpoints: [a:1] } }",
        &expect![[r#"
            t.yaml:1: backends.tollgate-identity: names that begin with `tollgate-` are the gateway's own; choose another name
        "#]],
    );
}

#[test]
fn methods_have_to_be_written() {
    let file = |method: &str| {
        format!(
            "listeners: {{ a: {{ address: 127.0.0.1:80 }} }}
identity: {{ introspection: {{ acme: {{ {GOOD}, claims: {{ keep: [team] }} }} }} }}
backends: {{ b: {{ endpoints: [a:1] }} }}
apis: {{ c: {{ hosts: [\"*\"], routes: {{ d: {{ match: {{ path: / }}, backend: b,
  auth: {{ any_of: [{method}] }}, allow: {{ claims: {{ team: x }} }} }} }} }} }}
"
        )
    };
    check_file(
        &file("introspection.acme"),
        &expect![[r#"
        ok
    "#]],
    );
    check_file(
        &file("introspection.akme"),
        &expect![[r#"
        t.yaml:5: apis.c.routes.d.auth.any_of[0]: no provider is named "akme"; write introspection.acme
    "#]],
    );
}

#[test]
fn secrets_and_certificates_elsewhere() {
    let file = "identity: { introspection: { acme: { url: https://a/b, client_id: c, client_secret: SECRET, ca: ca.pem } } }
listeners: { a: { address: 127.0.0.1:80 } }
backends: { b: { endpoints: [a:1] } }
apis: { c: { hosts: [\"*\"], routes: { d: { match: { path: / }, backend: b, auth: none } } } }
";
    let check = |secret: &str, found: &[(Reference, Result<&str, &str>)], expected: &Expect| {
        let bytes = |(reference, bytes): &(Reference, Result<&str, &str>)| {
            let bytes = bytes.map(|text| text.as_bytes().to_vec()).map_err(str::to_owned);
            (reference.clone(), bytes)
        };
        let loaded = Loaded(found.iter().map(bytes).collect());
        let file = file.replace("SECRET", secret);
        expected.assert_eq(&faults_with(&[("conf/t.yaml", file.as_bytes())], &loaded));
    };
    let env = || Reference::Env("S".to_owned());
    let secret = || Reference::File("conf/s".to_owned());
    let ca = || (Reference::File("conf/ca.pem".to_owned()), Ok("PEM"));
    check(
        "{ env: S }",
        &[ca()],
        &expect![[r#"
        ok
    "#]],
    );
    check(
        "{ env: S }",
        &[(env(), Ok("sesame\n")), ca()],
        &expect![[r#"
        ok
    "#]],
    );
    check(
        "{ env: S }",
        &[(env(), Err("it is not set"))],
        &expect![[r#"
        conf/t.yaml:1: identity.introspection.acme.ca: "ca.pem" cannot be used: it was not loaded; write a path relative to this file
        conf/t.yaml:1: identity.introspection.acme.client_secret.env: the environment variable "S" cannot be used: it is not set; set it where tollgate runs
    "#]],
    );
    check(
        "{ file: s }",
        &[(secret(), Ok(" \n")), ca()],
        &expect![[r#"
        conf/t.yaml:1: identity.introspection.acme.client_secret.file: "s" cannot be used: it is empty; write a path relative to this file
    "#]],
    );
    check(
        "{ file: s }",
        &[(secret(), Err("it does not exist")), ca()],
        &expect![[r#"
        conf/t.yaml:1: identity.introspection.acme.client_secret.file: "s" cannot be used: it does not exist; write a path relative to this file
    "#]],
    );
    let long = "a".repeat(4097);
    check(
        "{ file: s }",
        &[(secret(), Ok(&long)), ca()],
        &expect![[r#"
        conf/t.yaml:1: identity.introspection.acme.client_secret.file: "s" cannot be used: it is longer than 4096 bytes; write a path relative to this file
    "#]],
    );
    check(
        "{ file: s }",
        &[(secret(), Ok(long.get(1..).unwrap())), ca()],
        &expect![[r#"
        ok
    "#]],
    );
}
