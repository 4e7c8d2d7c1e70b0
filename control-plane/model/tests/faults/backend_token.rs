//! Tokens by which backends are told who is calling.

use expect_test::{Expect, expect};
use tollgate_model::{Loaded, Reference};

use crate::{check, faults_with, good_but};

const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIDtdzQhd1cAjzPFNjeQtph8EGSViYlOUXCdUm2+0Fyne
-----END PRIVATE KEY-----
";

const GOOD: &str = "issuer: https://gateway.example, keys: [{ file: a.pem }]";

/// The faults of a file about tokens, where some keys are there.
#[track_caller]
fn check_token(token: &str, api: &str, expected: &Expect) {
    let loaded = Loaded(
        [
            (Reference::File("a.pem".to_owned()), Ok(KEY.as_bytes().to_vec())),
            (Reference::File("same.pem".to_owned()), Ok(KEY.as_bytes().to_vec())),
            (Reference::File("other".to_owned()), Ok(b"no key".to_vec())),
            (Reference::File("bytes".to_owned()), Ok(vec![0xff; 40])),
            (Reference::File("nowhere".to_owned()), Err("No such file or directory".to_owned())),
            (Reference::Env("UNSET".to_owned()), Err("is not set".to_owned())),
        ]
        .into(),
    );
    let api = format!(
        "apis: {{ orders: {{ hosts: [a.example], {api} routes: {{ all: {{ match: {{ prefix: / }}, \
         backend: orders, auth: {{ any_of: [api_key] }} }} }} }} }}"
    );
    let rest: String = good_but("identity")
        .lines()
        .filter(|line| !line.starts_with("apis"))
        .fold(String::new(), |rest, line| rest + line + "\n");
    let key = "api_key: { from: [{ header: x-api-key }] }";
    let text = format!("identity: {{ {key}, backend_token: {{ {token} }} }}\n{api}\n{rest}");
    expected.assert_eq(&faults_with(&[("t.yaml", text.as_bytes())], &loaded));
}

#[test]
fn good_tokens() {
    check_token(
        GOOD,
        "",
        &expect![[r#"
        ok
    "#]],
    );
    check_token(
        &format!("{GOOD}, audience: backends, ttl: 30s, header: authorization"),
        "backend_token: none,",
        &expect![[r#"
            ok
        "#]],
    );
    check_token(
        "issuer: a, keys: [{ env: NOT_LOOKED_AT }], ttl: 1h",
        "backend_token: { audience: orders },",
        &expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn what_tokens_say() {
    check_token(
        "",
        "",
        &expect![[r#"
        t.yaml:1: identity.backend_token.issuer: missing; write the value of `iss`
        t.yaml:1: identity.backend_token.keys: missing; write private keys in PEM, each as `openssl genpkey -algorithm ed25519` makes it
    "#]],
    );
    check_token(
        "issuer: \"\", keys: [], ttl: 29s, header: x-token, more: 1",
        "",
        &expect![[r#"
        t.yaml:1: identity.backend_token.header: "x-token" cannot stand here; write x-tollgate-token or authorization
        t.yaml:1: identity.backend_token.issuer: the string is empty; write something such as https://gateway.example.com
        t.yaml:1: identity.backend_token.keys: the list is empty; write at least one entry
        t.yaml:1: identity.backend_token.more: unknown field `more`; known here: `issuer`, `keys`, `audience`, `ttl` and `header`
        t.yaml:1: identity.backend_token.ttl: 29s is not between 30s and 1h
    "#]],
    );
    check_token(
        &format!("{GOOD}, ttl: 61m"),
        "",
        &expect![[r#"
        t.yaml:1: identity.backend_token.ttl: 61m is not between 30s and 1h
    "#]],
    );
    check_token(
        &format!("{GOOD}, ttl: 30500ms, audience: \"a b\""),
        "",
        &expect![[r#"
        t.yaml:1: identity.backend_token.audience: "a b" is not a name for who may read a token; use 1 to 256 visible ASCII characters
        t.yaml:1: identity.backend_token.ttl: 30500ms is not a whole number of seconds
    "#]],
    );
}

#[test]
fn what_tokens_are_signed_with() {
    check_token(
        "issuer: a, keys: [{ file: a.pem }, { file: other }, { file: bytes }, { file: nowhere }, \
         { env: UNSET }, { file: same.pem }, { inline: x }]",
        "",
        &expect![[r#"
            t.yaml:1: identity.backend_token.keys[1]: is not an Ed25519 private key in PEM; make one with `openssl genpkey -algorithm ed25519`
            t.yaml:1: identity.backend_token.keys[2]: "bytes" is not text; write it in printable characters
            t.yaml:1: identity.backend_token.keys[3]: "nowhere" cannot be read: No such file or directory; write a path relative to this file
            t.yaml:1: identity.backend_token.keys[4]: the environment variable "UNSET" is not set; set it where tollgate runs
            t.yaml:1: identity.backend_token.keys[5]: is the key of keys[0] again; remove one
            t.yaml:1: identity.backend_token.keys[6]: unknown field `inline`; known here: `env` and `file`
        "#]],
    );
}

#[test]
fn for_whom_tokens_are() {
    check_token(
        GOOD,
        "backend_token: { audience: \"\" },",
        &expect![[r#"
        t.yaml:2: apis.orders.backend_token.audience: the string is empty; write something such as orders
    "#]],
    );
    check_token(
        GOOD,
        "backend_token: { audience: \"é\" },",
        &expect![[r#"
        t.yaml:2: apis.orders.backend_token.audience: "é" is not a name for who may read a token; use 1 to 256 visible ASCII characters
    "#]],
    );
    check_token(
        GOOD,
        "backend_token: all,",
        &expect![[r#"
        t.yaml:2: apis.orders.backend_token: "all" cannot stand here; write none or a mapping with `audience`
    "#]],
    );
    check(
        "apis",
        "apis: { orders: { hosts: [a.example], backend_token: { audience: orders }, routes: { all: \
         { match: { prefix: / }, backend: orders, auth: none } } } }",
        &expect![[r#"
            t.yaml:1: apis.orders.backend_token.audience: nothing says how backends are told; write `identity.backend_token`
        "#]],
    );
}
