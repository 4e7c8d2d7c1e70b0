//! Every way to be wrong, and what is said about it, word for word.
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them so")]
#![expect(clippy::too_many_lines, reason = "tables are as long as there are ways to be wrong")]
#![expect(clippy::format_collect, reason = "a test may be slow where it reads well")]

use expect_test::{Expect, expect};
use tollgate_model::{Loaded, Reference, Source, read};

/// A whole good file, by section.
const GOOD: [(&str, &str); 6] = [
    ("listeners", "{ public: { address: 127.0.0.1:8080 } }"),
    (
        "identity",
        "{ jwt: { acme: { issuer: https://id.example, audiences: [api], \
         jwks: { url: https://id.example/jwks } } }, api_key: { from: [{ header: x-api-key }] } }",
    ),
    ("tiers", "{ basic: { limits: [{ requests: 5, per: second }] } }"),
    ("tenants", "{ initech: { tier: basic } }"),
    ("backends", "{ orders: { endpoints: [127.0.0.1:9000] } }"),
    (
        "apis",
        "{ shop: { hosts: [a.example], routes: { get: { match: { path: / }, backend: orders, \
         auth: none } } } }",
    ),
];

/// The faults of a good file one section of which is written otherwise. It
/// stands first, so that its first line is the file's.
#[track_caller]
fn check(section: &str, text: &str, expected: &Expect) {
    let rest = good_but(section);
    expected.assert_eq(&faults(&[("t.yaml", format!("{text}\n{rest}").as_bytes())]));
}

fn good_but(section: &str) -> String {
    let rest = GOOD.iter().filter(|(name, _)| *name != section);
    rest.map(|(name, text)| format!("{name}: {text}\n")).collect()
}

/// One line a fault; `ok` if there is none.
fn faults(files: &[(&str, &[u8])]) -> String {
    faults_with(files, &Loaded::default())
}

fn faults_with(files: &[(&str, &[u8])], loaded: &Loaded) -> String {
    let source =
        |(name, bytes): &(&str, &[u8])| Source { name: (*name).to_owned(), bytes: bytes.to_vec() };
    let sources: Vec<Source> = files.iter().map(source).collect();
    match read(&sources).and_then(|draft| draft.compile(loaded)) {
        Ok(_) => "ok\n".to_owned(),
        Err(faults) => faults.iter().map(|fault| format!("{fault}\n")).collect(),
    }
}

#[track_caller]
fn check_file(text: &str, expected: &Expect) {
    expected.assert_eq(&faults(&[("t.yaml", text.as_bytes())]));
}

/// One route that differs from the good one in these fields.
#[track_caller]
fn check_route(fields: &str, expected: &Expect) {
    check(
        "apis",
        &format!(
            "apis: {{ shop: {{ hosts: [a.example], routes: {{ get: {{\n {fields}\n }} }} }} }}"
        ),
        expected,
    );
}

#[test]
fn the_good_file_has_no_fault() {
    check(
        "",
        "",
        &expect![[r#"
        ok
    "#]],
    );
}

#[test]
fn a_file_that_cannot_be_read_at_all() {
    expect![[r#"
        t.yaml:2: byte 0xff at offset 8 is not UTF-8; save the file as UTF-8
    "#]]
    .assert_eq(&faults(&[("t.yaml", b"a: b\nc: \xff\n")]));
    expect![[r#"
        t.yaml:1: 50000000 bytes are more than 10485760; divide them into several files
    "#]]
    .assert_eq(&faults(&[("t.yaml", &vec![b'#'; 50_000_000])]));
    check_file(
        "",
        &expect![[r#"
        t.yaml:1: the file is empty; write `listeners`, `backends` and `apis`
    "#]],
    );
    check_file(
        "# nothing\n",
        &expect![[r#"
        t.yaml:1: the file is empty; write `listeners`, `backends` and `apis`
    "#]],
    );
    check_file(
        "- a\n",
        &expect![[r#"
        t.yaml:1: the file is not a mapping; write `listeners:`, `backends:` and `apis:`
    "#]],
    );
    check_file(
        "text",
        &expect![[r#"
        t.yaml:1: the file is not a mapping; write `listeners:`, `backends:` and `apis:`
    "#]],
    );
    check_file(
        "a: 1\n---\nb: 2\n",
        &expect![[r#"
        t.yaml:2: a second document starts here; write one document in a file
    "#]],
    );
    check_file(
        "a: [1, 2\n",
        &expect![[r#"
        t.yaml:1: not YAML: while parsing a flow sequence, expected ',' or ']'; look at indentation, quotes and brackets here and just before
    "#]],
    );
    check_file(
        "a: b: c\n",
        &expect![[r#"
        t.yaml:1: not YAML: mapping values are not allowed in this context; look at indentation, quotes and brackets here and just before
    "#]],
    );
    check_file(
        "a:\n\tb: 1\n",
        &expect![[r#"
        t.yaml:2: not YAML: tabs disallowed within this context (block indentation); look at indentation, quotes and brackets here and just before
    "#]],
    );
    check_file(
        "a: \"\\q\"\n",
        &expect![[r#"
        t.yaml:1: not YAML: while parsing a quoted scalar, found unknown escape character; look at indentation, quotes and brackets here and just before
    "#]],
    );
    check_file(
        "a: *nowhere\n",
        &expect![[r#"
        t.yaml:1: not YAML: while parsing node, found unknown anchor; look at indentation, quotes and brackets here and just before
    "#]],
    );
    check_file(
        "a: &a [*a]\n",
        &expect![[r#"
        t.yaml:1: the alias refers to a value that it is part of; write the value out
    "#]],
    );
    check_file(
        "a: .inf\n",
        &expect![[r#"
        t.yaml:1: ".inf" is not a finite number; write digits, or put it in quotes
    "#]],
    );
    check_file(
        "a: !secret b\n",
        &expect![[r#"
        t.yaml:1: the tag `!secret` is not understood; take it out
    "#]],
    );
    check_file(
        "a: !!int 5\n",
        &expect![[r#"
        t.yaml:1: the tag `!!int` is not understood; take it out
    "#]],
    );
    check_file(
        "[a]: b\n",
        &expect![[r#"
        t.yaml:1: a list or mapping cannot be the name of a field; write a string
    "#]],
    );
    check_file(
        ": b\n",
        &expect![[r#"
        t.yaml:1: the name of a field is empty; write one before the colon
    "#]],
    );
    check_file(
        &format!("a: {}{}", "[".repeat(40), "]".repeat(40)),
        &expect![[r#"
        t.yaml:1: values nest more than 32 deep; nothing in this file has to
    "#]],
    );
}

#[test]
fn aliases_to_aliases_do_not_fill_the_memory() {
    let level = |level: usize| {
        let before = level.checked_sub(1).map_or("x".to_owned(), |before| format!("*a{before}"));
        format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", "))
    };
    let laughs: String = (0..30).map(level).collect();
    check_file(
        &laughs,
        &expect![[r#"
        t.yaml:6: more than 1000000 values, aliases included; divide them into several files
    "#]],
    );
}

#[test]
fn fields_that_are_not_known() {
    check_file(
        "listener: {}\nversion: 1\n",
        &expect![[r#"
        t.yaml:1: apis: there is none; write one with a host and a route
        t.yaml:1: listener: unknown field `listener`; did you mean `listeners`?
        t.yaml:1: listeners: there is none; write one, such as `public: { address: 127.0.0.1:8080 }`
        t.yaml:2: version: unknown field `version`; known here: `listeners`, `identity`, `tiers`, `tenants`, `backends` and `apis`
    "#]],
    );
    check(
        "listeners",
        "listeners:\n  public: { adress: 127.0.0.1:8080, tls: {} }",
        &expect![[r#"
        t.yaml:2: listeners.public.address: missing; write the IP address and port it binds
        t.yaml:2: listeners.public.adress: unknown field `adress`; did you mean `address`?
        t.yaml:2: listeners.public.tls: unknown field `tls`; known here: `address` and `trusted_hops`
    "#]],
    );
    check(
        "tiers",
        "tiers:\n  basic: { limit: [], in_flight: 5 }",
        &expect![[r#"
        t.yaml:2: tiers.basic.in_flight: unknown field `in_flight`; known here: `limits`
        t.yaml:2: tiers.basic.limit: unknown field `limit`; did you mean `limits`?
    "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: none, cache: {}, chadow: [limits]",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.cache: unknown field `cache`; known here: `match`, `backend`, `auth`, `allow`, `limits`, `request` and `response`
            t.yaml:2: apis.shop.routes.get.chadow: unknown field `chadow`; known here: `match`, `backend`, `auth`, `allow`, `limits`, `request` and `response`
        "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: { anyof: [api_key] }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.auth: unknown field `anyof`; did you mean `any_of`?
    "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: none, <<: {}",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.<<: unknown field `<<`; known here: `match`, `backend`, `auth`, `allow`, `limits`, `request` and `response`
    "#]],
    );
}

#[test]
fn fields_that_are_written_twice() {
    check(
        "tiers",
        "tiers:\n  basic: {}\n  basic: {}",
        &expect![[r#"
        t.yaml:3: tiers.basic: written twice, first in line 2; take one of them out
    "#]],
    );
    check(
        "listeners",
        "listeners:\n  a: { address: 127.0.0.1:1 }\nlisteners:\n  b: {}",
        &expect![[r#"
            t.yaml:3: listeners: written twice, first in line 1; take one of them out
        "#]],
    );
}

#[test]
fn values_of_another_type() {
    check(
        "listeners",
        "listeners: { a: { address: 8080 } }",
        &expect![[r#"
        t.yaml:1: listeners.a.address: 8080 is not a string; write a string such as 127.0.0.1:8080
    "#]],
    );
    check(
        "listeners",
        "listeners: { a: 127.0.0.1:8080 }",
        &expect![[r#"
        t.yaml:1: listeners.a: "127.0.0.1:8080" is not a mapping; write its fields, of `address` and `trusted_hops`
    "#]],
    );
    check(
        "listeners",
        "listeners: [127.0.0.1:8080]",
        &expect![[r#"
        t.yaml:1: listeners: a list is not a mapping; write entries, each as NAME: VALUE
    "#]],
    );
    check(
        "listeners",
        "listeners:",
        &expect![[r#"
        t.yaml:1: listeners: nothing is written here; write entries, each as NAME: VALUE
    "#]],
    );
    check(
        "listeners",
        "listeners: { a: { address: 127.0.0.1:80, trusted_hops: one } }",
        &expect![[r#"
            t.yaml:1: listeners.a.trusted_hops: "one" is not a whole number; write digits only
        "#]],
    );
    check(
        "listeners",
        "listeners: { a: { address: 127.0.0.1:80, trusted_hops: 1.0 } }",
        &expect![[r#"
            t.yaml:1: listeners.a.trusted_hops: 1.0 is not a whole number; write digits only
        "#]],
    );
    check(
        "listeners",
        "listeners: { a: { address: 127.0.0.1:80, trusted_hops: \"1\" } }",
        &expect![[r#"
            t.yaml:1: listeners.a.trusted_hops: "1" is not a whole number; take the quotes away: 1
        "#]],
    );
    check(
        "listeners",
        "listeners: { a: { address: 127.0.0.1:80, trusted_hops: } }",
        &expect![[r#"
        t.yaml:1: listeners.a.trusted_hops: nothing is written here; write a number
    "#]],
    );
    check(
        "listeners",
        "listeners: { a: { address: 127.0.0.1:80, trusted_hops: 17 } }",
        &expect![[r#"
        t.yaml:1: listeners.a.trusted_hops: 17 is not between 0 and 16
    "#]],
    );
    check(
        "listeners",
        "listeners: { a: { address: 127.0.0.1:80, trusted_hops: -1 } }",
        &expect![[r#"
        t.yaml:1: listeners.a.trusted_hops: -1 is not between 0 and 16
    "#]],
    );
    check(
        "tenants",
        "tenants: { a: { tier: true } }",
        &expect![[r#"
        t.yaml:1: tenants.a.tier: true is not a string; put it in quotes: "true"
    "#]],
    );
    check(
        "tenants",
        "tenants: { a: { tier: [basic] } }",
        &expect![[r#"
        t.yaml:1: tenants.a.tier: a list is not a string; write a string
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: 127.0.0.1:9000 } }",
        &expect![[r#"
        t.yaml:1: backends.orders.endpoints: "127.0.0.1:9000" is not a list; write a list such as [10.0.0.1:9000, orders.internal:9000]
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: { a: b } } }",
        &expect![[r#"
        t.yaml:1: backends.orders.endpoints: a mapping is not a list; write a dash before each entry
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: 5 } }",
        &expect![[r#"
        t.yaml:1: backends.orders.endpoints: 5 is not a list; write a list such as [10.0.0.1:9000, orders.internal:9000]
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: } }",
        &expect![[r#"
        t.yaml:1: backends.orders.endpoints: nothing is written here; write a list such as [10.0.0.1:9000, orders.internal:9000]
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], timeout: 5 } }",
        &expect![[r#"
        t.yaml:1: backends.orders.timeout: 5 is not a string; write a string such as 5s
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], in_flight: 0 } }",
        &expect![[r#"
        t.yaml:1: backends.orders.in_flight: 0 is not at least 1
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], in_flight: 5000000000 } }",
        &expect![[r#"
            t.yaml:1: backends.orders.in_flight: 5000000000 is not between 1 and 4294967295
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], in_flight: 99999999999999999999 } }",
        &expect![[r#"
            t.yaml:1: backends.orders.in_flight: 99999999999999999999 is not between 1 and 4294967295
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], protocol: h2 } }",
        &expect![[r#"
        t.yaml:1: backends.orders.protocol: "h2" cannot stand here; write http1, http2 or grpc
    "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: api_key",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.auth: "api_key" cannot stand here; write none or a mapping with `any_of`
    "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: [api_key]",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.auth: a list cannot stand here; write none or a mapping with `any_of`
    "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: {}",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.auth: an empty mapping cannot stand here; write none or a mapping with `any_of`
    "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: ",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.auth: nothing is written here; write none or a mapping with `any_of`
    "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: { any_of: api_key }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.auth.any_of: "api_key" is not a list; write it in brackets: [api_key]
    "#]],
    );
    check_route(
        "match: { path: /, headers: { a: 5 } }, backend: orders, auth: none",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.match.headers.a: 5 cannot stand here; write a string, a mapping with `regex` or a mapping with `present`
    "#]],
    );
    check_route(
        "match: { path: /, headers: { a: { present: yes } } }, backend: orders, auth: none",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.match.headers.a.present: "yes" is not true or false; write one of them, without quotes
        "#]],
    );
    check_route(
        "match: { path: /, headers: { a: { present: true, regex: b } } }, backend: orders, auth: none",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.match.headers.a: `regex` and `present` exclude each other; write only one of them
        "#]],
    );
}

#[test]
fn fields_that_are_missing() {
    check(
        "listeners",
        "listeners: { a: {} }",
        &expect![[r#"
        t.yaml:1: listeners.a.address: missing; write the IP address and port it binds
    "#]],
    );
    check(
        "identity",
        "identity: { jwt: { acme: {} }, api_key: {} }",
        &expect![[r#"
        t.yaml:1: identity.api_key.from: missing; write the places that are looked at, all of them; at least one
        t.yaml:1: identity.jwt.acme.audiences: missing; write values of the `aud` claim, one of which a token must have
        t.yaml:1: identity.jwt.acme.issuer: missing; write the exact value of the `iss` claim
        t.yaml:1: identity.jwt.acme.jwks: missing; write where the issuer's public keys are
    "#]],
    );
    check(
        "backends",
        "backends: { orders: {} }",
        &expect![[r#"
        t.yaml:1: backends.orders.endpoints: missing; write addresses with ports
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], health: {} } }",
        &expect![[r#"
        t.yaml:1: backends.orders.health.path: missing; write the path of the probe, a GET; a status of 2xx is healthy
    "#]],
    );
    check(
        "apis",
        "apis: { shop: {} }",
        &expect![[r#"
        t.yaml:1: apis.shop.hosts: missing; write host names without port: `orders.example.com`, `*.example.com` for every name below, `*` for all others
        t.yaml:1: apis.shop.routes: missing; write its routes, by name
    "#]],
    );
    check(
        "apis",
        "apis: { shop: { hosts: [], routes: {} } }",
        &expect![[r#"
        t.yaml:1: apis.shop.hosts: the list is empty; write at least one entry
        t.yaml:1: apis.shop.routes: the mapping is empty; write at least one entry
    "#]],
    );
    check(
        "apis",
        "apis: { shop: { hosts: [a.example], routes: { get: {} } } }",
        &expect![[r#"
        t.yaml:1: apis.shop.routes.get.auth: missing; write how callers prove who they are; `auth: none` admits everybody and has to be written
        t.yaml:1: apis.shop.routes.get.backend: missing; write the name of the backend that they go to
        t.yaml:1: apis.shop.routes.get.match: missing; write which requests it serves
    "#]],
    );
    check_file(
        "tiers: {}\n",
        &expect![[r#"
        t.yaml:1: apis: there is none; write one with a host and a route
        t.yaml:1: listeners: there is none; write one, such as `public: { address: 127.0.0.1:8080 }`
    "#]],
    );
    check(
        "tenants",
        "tenants: { a: { keys: { k: {} } } }",
        &expect![[r#"
        t.yaml:1: tenants.a.keys.k.sha256: missing; write the SHA-256 of the key in 64 hexadecimal digits: `printf %s KEY | sha256sum`
    "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: none, limits: [{}]",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.limits[0].by: missing; write what callers must share to be counted together, for example `[tenant]` or `[ip, route]`
        t.yaml:2: apis.shop.routes.get.limits[0].per: missing; write the length of the period
        t.yaml:2: apis.shop.routes.get.limits[0].requests: missing; write how many requests fit into one period
    "#]],
    );
}

#[test]
fn names_that_are_none() {
    check(
        "tiers",
        "tiers: { \"a b\": {}, basic: {}, \"\\n\": {} }",
        &expect![[r#"
        t.yaml:1: tiers.\n: "\n" cannot be a name; write 1 to 64 letters, digits, `-` and `_`
        t.yaml:1: tiers.a b: "a b" cannot be a name; write 1 to 64 letters, digits, `-` and `_`
    "#]],
    );
    check(
        "tenants",
        "tenants: { \"a b\": {}, no: {}, 42: {} }",
        &expect![[r#"
        t.yaml:1: tenants.a b: "a b" cannot be an id; write 1 to 128 visible ASCII characters
    "#]],
    );
}

#[test]
fn listeners() {
    check(
        "listeners",
        "listeners: {}",
        &expect![[r#"
        t.yaml:1: listeners: there is none; write one, such as `public: { address: 127.0.0.1:8080 }`
    "#]],
    );
    check(
        "listeners",
        "listeners: { a: { address: localhost:80 }, b: { address: 127.0.0.1 } }",
        &expect![[r#"
            t.yaml:1: listeners.a.address: "localhost:80" is not an IP address and a port; write both, such as 127.0.0.1:8080
            t.yaml:1: listeners.b.address: "127.0.0.1" is not an IP address and a port; write both, such as 127.0.0.1:8080
        "#]],
    );
    check(
        "listeners",
        "listeners: { a: { address: 127.0.0.1:0 }, b: { address: 127.0.0.1:70000 } }",
        &expect![[r#"
            t.yaml:1: listeners.a.address: port 0 is none in particular; write one from 1 to 65535
            t.yaml:1: listeners.b.address: "127.0.0.1:70000" is not an IP address and a port; write both, such as 127.0.0.1:8080
        "#]],
    );
    check(
        "listeners",
        "listeners:\n  a: { address: 127.0.0.1:80 }\n  b: { address: 127.0.0.1:80 }",
        &expect![[r#"
            t.yaml:3: listeners.b.address: 127.0.0.1:80 is the address of listeners.a (t.yaml:2) too; choose another port
        "#]],
    );
    check(
        "listeners",
        "listeners: { a: { address: \"[::]:80\" }, b: { address: 0.0.0.0:80 } }",
        &expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn backends() {
    check(
        "backends",
        "backends: { orders: { endpoints: [127.0.0.1, a:b, a:0, -a:1, 10.0.0.256:1, a:1, a:1] } }",
        &expect![[r#"
            t.yaml:1: backends.orders.endpoints[0]: "127.0.0.1" has no port; write host and port, such as 10.0.0.1:9000
            t.yaml:1: backends.orders.endpoints[1]: "b" is not a port; write a number from 1 to 65535
            t.yaml:1: backends.orders.endpoints[2]: "0" is not a port; write a number from 1 to 65535
            t.yaml:1: backends.orders.endpoints[3]: "-a" is neither an IP address nor a host name; write one of them before the port
            t.yaml:1: backends.orders.endpoints[4]: "10.0.0.256" is neither an IP address nor a host name; write one of them before the port
            t.yaml:1: backends.orders.endpoints[6]: "a:1" is written twice; take one of them out
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [\"[::1]:80\", \"[::1:80\", \"::1:80\"] } }",
        &expect![[r#"
            t.yaml:1: backends.orders.endpoints[1]: "[::1" is neither an IP address nor a host name; write one of them before the port
            t.yaml:1: backends.orders.endpoints[2]: "::1" is neither an IP address nor a host name; write one of them before the port
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [] } }",
        &expect![[r#"
        t.yaml:1: backends.orders.endpoints: the list is empty; write at least one entry
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], timeout: 5x } }",
        &expect![[r#"
        t.yaml:1: backends.orders.timeout: "5x" is not a duration; write digits and ms, s, m or h, such as 30s
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], timeout: 0s } }",
        &expect![[r#"
        t.yaml:1: backends.orders.timeout: 0s is not between 1ms and 1h
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], timeout: 61m } }",
        &expect![[r#"
        t.yaml:1: backends.orders.timeout: 61m is not between 1ms and 1h
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], timeout: 1h, health: { path: /, interval: 1s, timeout: 1s } } }",
        &expect![[r#"
            ok
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], health: { path: healthz, interval: 999ms, timeout: 0ms } } }",
        &expect![[r#"
            t.yaml:1: backends.orders.health.interval: 999ms is not between 1s and 1h
            t.yaml:1: backends.orders.health.path: "healthz" is not a path; write one that begins with a slash, such as /healthz
            t.yaml:1: backends.orders.health.timeout: 0ms is not between 1ms and 1h
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], health: { path: /, interval: 1s } } }",
        &expect![[r#"
            t.yaml:1: backends.orders.health: 2s is longer than the interval, 1s; write at most that
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], health: { path: /, interval: 1s, timeout: 2s } } }",
        &expect![[r#"
            t.yaml:1: backends.orders.health.timeout: 2s is longer than the interval, 1s; write at most that
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

#[test]
fn tiers_and_limits() {
    check(
        "tiers",
        "tiers:\n  basic:\n    limits:\n      - { requests: 0, per: second }\n      - { requests: 1, per: month }\n      - { requests: 1, per: minute, burst: 11 }\n      - { requests: 1, per: minute, burst: 0 }\n      - { requests: 2000000, per: second }\n      - { by: [ip], requests: 1, per: hour }",
        &expect![[r#"
            t.yaml:4: tiers.basic.limits[0].requests: 0 is not at least 1; use `allow` to keep callers out
            t.yaml:5: tiers.basic.limits[1].per: "month" cannot stand here; write second, minute or hour
            t.yaml:6: tiers.basic.limits[2].burst: 11 is not between 1 and 10 times requests (10)
            t.yaml:7: tiers.basic.limits[3].burst: 0 is not between 1 and 10 times requests (10)
            t.yaml:8: tiers.basic.limits[4].requests: 2000000 a second is more than 1000000 a second; leave the limit out
            t.yaml:9: tiers.basic.limits[5].by: unknown field `by`; known here: `requests`, `per`, `burst` and `on_failure`
        "#]],
    );
    check(
        "tiers",
        "tiers: { basic: { limits: [{ requests: 1, per: second }, { requests: 2, per: second }] } }",
        &expect![[r#"
            t.yaml:1: tiers.basic.limits[1]: [0] counts by the same over a second too; keep one of them
        "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: none,\n limits: [{ by: [], requests: 0, per: second },\n { by: [ip, ip], requests: 1, per: second },\n { by: [peer], requests: 1, per: second },\n { by: ip, requests: 1, per: second, on_failure: pass }]",
        &expect![[r#"
            t.yaml:3: apis.shop.routes.get.limits[0].by: is empty; name at least one of tenant, api_key, ip, route
            t.yaml:3: apis.shop.routes.get.limits[0].requests: 0 is not at least 1; use `allow` to keep callers out
            t.yaml:4: apis.shop.routes.get.limits[1].by[1]: ip stands there twice; name it once
            t.yaml:5: apis.shop.routes.get.limits[2].by[0]: "peer" cannot stand here; write tenant, api_key, ip or route
            t.yaml:6: apis.shop.routes.get.limits[3].by: "ip" is not a list; write it in brackets: [ip]
            t.yaml:6: apis.shop.routes.get.limits[3].on_failure: "pass" cannot stand here; write refuse or admit
        "#]],
    );
}

#[test]
fn tenants() {
    check(
        "tenants",
        "tenants: { a: { tier: baisc }, b: { tier: gold } }",
        &expect![[r#"
        t.yaml:1: tenants.a.tier: no tier is named "baisc"; did you mean "basic"?
        t.yaml:1: tenants.b.tier: no tier is named "gold"; write it under `tiers`, or name one of basic
    "#]],
    );
    check(
        "tiers",
        "tiers: {}",
        &expect![[r#"
        t.yaml:4: tenants.initech.tier: no tier is named "basic"; write it under `tiers`
    "#]],
    );
    check(
        "tenants",
        "tenants:\n  a: { keys: { k: { sha256: abc, scopes: [\"a b\", ok] }, \"l l\": { sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 } } }",
        &expect![[r#"
            t.yaml:2: tenants.a.keys.k.scopes[0]: "a b" is not a scope; use printable ASCII without blanks, quotes and backslashes
            t.yaml:2: tenants.a.keys.k.sha256: is not 64 hexadecimal digits; write what `printf %s KEY | sha256sum` prints
            t.yaml:2: tenants.a.keys.l l.sha256: is the hash of an empty key; make a random one
        "#]],
    );
    let hash = "42c29ea28faf058dffba9c1f161a933f9953bd44c5d44844d7d9d8ce7fac4d43";
    check(
        "tenants",
        &format!(
            "tenants:\n  a: {{ keys: {{ k: {{ sha256: {hash} }} }} }}\n  b:\n    keys: {{ l: {{ sha256: {} }} }}",
            hash.to_uppercase()
        ),
        &expect![[r#"
            t.yaml:4: tenants.b.keys.l.sha256: the key of tenants.a.keys.k (t.yaml:2) has the same hash; make another key
        "#]],
    );
}

#[test]
fn a_part_with_very_many_faults_is_left_at_a_hundred() {
    let keys: String = (0..200).map(|key| format!("    k{key}: {{ sha256: x }}\n")).collect();
    let file = format!("{}tenants:\n  a:\n   keys:\n{keys}", good_but("tenants"));
    let faults = faults(&[("t.yaml", file.as_bytes())]);
    assert_eq!(faults.lines().count(), 101);
    assert!(faults.contains("t.yaml:7: tenants.a: has more than 100 faults; mend those first\n"));
}

#[test]
fn hosts() {
    check(
        "apis",
        "apis: { shop: { hosts: [a.example:80, \"*a.example\", \"\", \"a b\", A.example, a.example], routes: { get: { match: { path: / }, backend: orders, auth: none } } } }",
        &expect![[r#"
            t.yaml:1: apis.shop.hosts[0]: "a.example:80" has a port; write the name alone, it is served on every listener
            t.yaml:1: apis.shop.hosts[1]: "*a.example" has a star inside; write a whole name, `*.` before a name, or `*` alone
            t.yaml:1: apis.shop.hosts[2]: "" is not a host name; write one such as orders.example.com
            t.yaml:1: apis.shop.hosts[3]: "a b" is not a host name; write one such as orders.example.com
            t.yaml:1: apis.shop.hosts[5]: "a.example" is written twice; take one of them out
        "#]],
    );
    check(
        "apis",
        "apis: {}",
        &expect![[r#"
        t.yaml:1: apis: there is none; write one with a host and a route
    "#]],
    );
}

#[test]
fn matches() {
    check_route(
        "match: {}, backend: orders, auth: none",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.match: has no path; write one of path, prefix and regex
    "#]],
    );
    check_route(
        "match: { path: a, prefix: b }, backend: orders, auth: none",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.match: has path and prefix; write only one of path, prefix and regex
        t.yaml:2: apis.shop.routes.get.match.path: "a" does not begin with a slash; write "/a"
        t.yaml:2: apis.shop.routes.get.match.prefix: "b" does not begin with a slash; write "/b"
    "#]],
    );
    check_route(
        "match: { path: /a?b=c, methods: [get, GET, GET] }, backend: orders, auth: none",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.match.methods[0]: "get" is not a method; write one such as GET, in capitals
            t.yaml:2: apis.shop.routes.get.match.methods[2]: "GET" stands there already; remove it
            t.yaml:2: apis.shop.routes.get.match.path: "/a?b=c" has a query; move it to match.query
        "#]],
    );
    check_route(
        "match: { path: \"/a/{b}c\" }, backend: orders, auth: none",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.match.path: "/a/{b}c" has a parameter in part of the segment "{b}c"; make it the whole segment, or use match.regex
    "#]],
    );
    check_route(
        "match: { path: \"/{a}/{a}\" }, backend: orders, auth: none",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.match.path: "/{a}/{a}" has two parameters named "a"; rename one
    "#]],
    );
    check_route(
        "match: { path: \"/{a b}\" }, backend: orders, auth: none",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.match.path: "/{a b}" has a parameter named "a b"; use letters, digits, `_` and `-`
    "#]],
    );
    check_route(
        "match: { prefix: \"/{a}\" }, backend: orders, auth: none",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.match.prefix: "/{a}" has a parameter; use match.path or match.regex
    "#]],
    );
    check_route(
        "match: { path: /a/../b }, backend: orders, auth: none",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.match.path: "/a/../b" can never be requested: a segment of the path is `.` or `..`; write it as callers have to
    "#]],
    );
    check_route(
        "match: { regex: \"(\" }, backend: orders, auth: none",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.match.regex: "(" is not a regular expression: unclosed group; use the syntax of RE2
    "#]],
    );
    check_route(
        "match: { path: /, headers: { \"a b\": x, host: y, x-tollgate-tenant: z, authorization: a, x-api-key: b, ok: { regex: \"[\" } }, query: { q: { regex: \"*\" } } }, backend: orders, auth: none",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.match.headers.a b: "a b" is not a header name
            t.yaml:2: apis.shop.routes.get.match.headers.authorization: "authorization" carries credentials, which are taken out before the backend is chosen; use another header
            t.yaml:2: apis.shop.routes.get.match.headers.host: the host is not matched as a header; use hosts of the api
            t.yaml:2: apis.shop.routes.get.match.headers.ok.regex: "[" is not a regular expression: unclosed character class; use the syntax of RE2
            t.yaml:2: apis.shop.routes.get.match.headers.x-api-key: "x-api-key" carries credentials, which are taken out before the backend is chosen; use another header
            t.yaml:2: apis.shop.routes.get.match.headers.x-tollgate-tenant: "x-tollgate-tenant" is reserved, so callers cannot send it; use another header
            t.yaml:2: apis.shop.routes.get.match.query.q.regex: "*" is not a regular expression: repetition operator missing expression; use the syntax of RE2
        "#]],
    );
    check_route(
        "match: { path: 5, methods: GET }, backend: orders, auth: none",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.match.methods: "GET" is not a list; write it in brackets: [GET]
        t.yaml:2: apis.shop.routes.get.match.path: 5 is not a string; put it in quotes: "5"
    "#]],
    );
}

#[test]
fn routes() {
    check_route(
        "match: { path: / }, backend: oders, auth: none",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.backend: no backend is named "oders"; did you mean "orders"?
    "#]],
    );
    check_route(
        "match: { path: / }, backend: payments, auth: none",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.backend: no backend is named "payments"; write it under `backends`, or name one of orders
    "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: { any_of: [] }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.auth.any_of: is empty, so nobody could call; name a method, or write `auth: none` to let anybody call
    "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: { any_of: [jwt.acem, basic, api_key, api_key] }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.auth.any_of[0]: no issuer is named "acem"; write jwt.acme or api_key
            t.yaml:2: apis.shop.routes.get.auth.any_of[1]: "basic" is not a method; write jwt.acme or api_key
            t.yaml:2: apis.shop.routes.get.auth.any_of[3]: "api_key" stands twice; remove one
        "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: none, allow: { scopes: [a] }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.allow.scopes: nobody is recognised with `auth: none`, so nobody has a scope; name a method in `auth`, or remove the scopes
        "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: { any_of: [api_key] }, allow: { scopes: [\"a b\"], when: x }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.allow.scopes[0]: "a b" is not a scope; use printable ASCII without blanks, quotes and backslashes
            t.yaml:2: apis.shop.routes.get.allow.when: unknown field `when`; known here: `scopes`
        "#]],
    );
    check(
        "identity",
        "identity: {}",
        &expect![[r#"
        ok
    "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: { any_of: [api_key, jwt.acme] }",
        &expect![[r#"
            ok
        "#]],
    );
    check_file(
        "listeners: { a: { address: 127.0.0.1:80 } }\nbackends: { b: { endpoints: [a:1] } }\n\
         apis: { c: { hosts: [\"*\"], routes: { d: { match: { path: / }, backend: b, \
         auth: { any_of: [api_key, jwt.acme] } } } } }",
        &expect![[r#"
            t.yaml:3: apis.c.routes.d.auth.any_of[0]: no header is named that carries API keys; name one in `identity.api_key`, or write `auth: none`, for `identity` is empty
            t.yaml:3: apis.c.routes.d.auth.any_of[1]: no issuer is named "acme"; write `auth: none`, for `identity` is empty
        "#]],
    );
}

#[test]
fn changes_to_headers() {
    check_route(
        "match: { path: \"/{id}\" }, backend: orders, auth: none,\n request: { headers: { set: { host: a, \":path\": b, \"a b\": c, x-a: \"{path.ib}\", x-b: \"{principal.name}\", x-c: \"{\", x-d: \"}\" },\n add: { x-tollgate-tenant: a, x-d: b }, remove: [x-d, content-length] } },\n response: { headers: { set: { x-a: \"{path.id}\" }, add: { x-b: \"a\\nb\" } } }",
        &expect![[r#"
            t.yaml:3: apis.shop.routes.get.request.headers.set.:path: ":path" is a pseudo-header; only headers can be changed
            t.yaml:3: apis.shop.routes.get.request.headers.set.a b: "a b" is no header name; use letters, digits and hyphens
            t.yaml:3: apis.shop.routes.get.request.headers.set.host: "host" says how a message travels, which Envoy decides; leave it alone
            t.yaml:3: apis.shop.routes.get.request.headers.set.x-a: no path parameter is named "ib"; the path has id
            t.yaml:3: apis.shop.routes.get.request.headers.set.x-b: nothing is named "principal.name"; known are path.NAME, principal.tenant, principal.subject, principal.tier, principal.scopes and principal.method
            t.yaml:3: apis.shop.routes.get.request.headers.set.x-c: "{" has a { that no } follows; write {{ for a brace
            t.yaml:3: apis.shop.routes.get.request.headers.set.x-d: "x-d" is changed by request.headers.remove[0] already; change it in one place
            t.yaml:4: apis.shop.routes.get.request.headers.add.x-d: "x-d" is changed by request.headers.remove[0] already; change it in one place
            t.yaml:4: apis.shop.routes.get.request.headers.add.x-tollgate-tenant: "x-tollgate-tenant" is reserved for what the gateway says itself; choose another name
            t.yaml:4: apis.shop.routes.get.request.headers.remove[1]: "content-length" says how a message travels, which Envoy decides; leave it alone
            t.yaml:5: apis.shop.routes.get.response.headers.add.x-b: "a\nb" has a control character in it; a value is one line of text
        "#]],
    );
}

#[test]
fn routes_that_are_never_reached() {
    check(
        "apis",
        "apis:\n  shop:\n    hosts: [a.example]\n    routes:\n      all: { match: { prefix: /, priority: 1 }, backend: orders, auth: none }\n      one: { match: { path: /a }, backend: orders, auth: none }",
        &expect![[r#"
            t.yaml:6: apis.shop.routes.one.match: no request to a.example reaches this route, since apis.shop.routes.all (t.yaml:5) takes each of them before; narrow that one, or give this one a higher `priority`
        "#]],
    );
    check(
        "apis",
        "apis:\n  shop:\n    hosts: [a.example, b.example]\n    routes:\n      one: { match: { path: \"/{a}\" }, backend: orders, auth: none }\n  store:\n    hosts: [b.example, a.example]\n    routes:\n      two: { match: { path: \"/{b}/\" }, backend: orders, auth: none }",
        &expect![[r#"
            t.yaml:9: apis.store.routes.two.match: no request to a.example reaches this route, since apis.shop.routes.one (t.yaml:5) takes each of them before; narrow that one, or give this one a higher `priority`
        "#]],
    );
    // Hosts of their own, and methods of their own.
    check(
        "apis",
        "apis:\n  shop:\n    hosts: [a.example]\n    routes:\n      one: { match: { path: /a }, backend: orders, auth: none }\n  store:\n    hosts: [b.example]\n    routes:\n      two: { match: { path: /a, methods: [GET] }, backend: orders, auth: none }\n      three: { match: { path: /a, methods: [PUT] }, backend: orders, auth: none }",
        &expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn headers_that_decide_and_are_written() {
    check(
        "apis",
        "apis:\n  shop:\n    hosts: [a.example]\n    routes:\n      one: { match: { path: /a, headers: { X-Beta: a } }, backend: orders, auth: none }\n  store:\n    hosts: [a.example]\n    routes:\n      two:\n        match: { path: /b }\n        backend: orders\n        auth: none\n        request: { headers: { remove: [x-beta] } }",
        &expect![[r#"
            t.yaml:13: apis.store.routes.two.request.headers.remove[0]: "x-beta" decides whether apis.shop.routes.one (t.yaml:5) is taken, so no route of a.example can change it; match another header there
        "#]],
    );
}

#[test]
fn one_definition_in_two_files() {
    let first = "listeners: { a: { address: 127.0.0.1:80 } }\nidentity: { api_key: { from: [{ header: k }] } }\nbackends:\n  b: { endpoints: [a:1] }\n";
    let second = "identity: { api_key: { from: [{ header: l }] } }\napis:\n  c:\n    hosts: [\"*\"]\n    routes:\n      d: { match: { path: / }, backend: b, auth: none }\nbackends:\n  b: { endpoints: [a:2] }\n  e: { endpoints: [a:3] }\nlisteners: 5\n";
    expect![[r#"
        b.yaml:1: identity.api_key: already written in a.yaml:2; take one of them out
        b.yaml:8: backends.b: already written in a.yaml:4; take one of them out
        b.yaml:10: listeners: already written in a.yaml:1; take one of them out
    "#]]
    .assert_eq(&faults(&[("a.yaml", first.as_bytes()), ("b.yaml", second.as_bytes())]));
    let good = second
        .replace("identity: { api_key: { from: [{ header: l }] } }\n", "")
        .replace("  b: { endpoints: [a:2] }\n", "")
        .replace("listeners: 5\n", "");
    expect![[r#"
        ok
    "#]]
    .assert_eq(&faults(&[("a.yaml", first.as_bytes()), ("b.yaml", good.as_bytes())]));
    expect![[r#"
        b.yaml:1: the file is empty; write `listeners`, `backends` and `apis`
        c.yaml:1: not YAML: while parsing a node, did not find expected node content; look at indentation, quotes and brackets here and just before
    "#]].assert_eq(&faults(&[
        ("a.yaml", first.as_bytes()),
        ("b.yaml", b""),
        ("c.yaml", b"a: ["),
    ]));
    expect![[r#"
        .:1: there is no file; write tollgate.yaml
    "#]]
    .assert_eq(&faults(&[]));
}

#[test]
fn a_file_with_ten_faults_has_ten_lines() {
    check_file(
        "listeners:
  public:
    address: 8080
identity:
  api_key: { from: [{ header: x-api-key }] }
tiers:
  basic:
    limits: [{ requets: 5, requests: 5, per: second }, { requests: 0, per: second }]
tenants:
  initech: { tier: basci }
backends:
  orders:
    endpoints: [127.0.0.1]
    timeout: 2h
apis:
  orders:
    hosts: [orders.example.com:8080]
    routes:
      get-order:
        match: { path: \"/orders/{id}\", methods: [GET] }
        backend: order
        request: { headers: { set: { x-order-id: \"{path.idd}\" } } }
",
        &expect![[r#"
            t.yaml:3: listeners.public.address: 8080 is not a string; write a string such as 127.0.0.1:8080
            t.yaml:8: tiers.basic.limits[0].requets: unknown field `requets`; did you mean `requests`?
            t.yaml:8: tiers.basic.limits[1].requests: 0 is not at least 1; use `allow` to keep callers out
            t.yaml:10: tenants.initech.tier: no tier is named "basci"; did you mean "basic"?
            t.yaml:13: backends.orders.endpoints[0]: "127.0.0.1" has no port; write host and port, such as 10.0.0.1:9000
            t.yaml:14: backends.orders.timeout: 2h is not between 1ms and 1h
            t.yaml:17: apis.orders.hosts[0]: "orders.example.com:8080" has a port; write the name alone, it is served on every listener
            t.yaml:19: apis.orders.routes.get-order.auth: missing; write how callers prove who they are; `auth: none` admits everybody and has to be written
            t.yaml:21: apis.orders.routes.get-order.backend: no backend is named "order"; did you mean "orders"?
            t.yaml:22: apis.orders.routes.get-order.request.headers.set.x-order-id: no path parameter is named "idd"; the path has id
        "#]],
    );
}
