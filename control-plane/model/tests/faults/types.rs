//! Fields that are not known, missing, or of another type.

use expect_test::expect;

use crate::{check, check_file, check_route};

#[test]
fn fields_that_are_not_known() {
    check_file(
        "listener: {}\nversion: 1\n",
        &expect![[r#"
            t.yaml:1: apis: there is none; write one with a host and a route
            t.yaml:1: listener: unknown field `listener`; did you mean `listeners`?
            t.yaml:1: listeners: there is none; write one, such as `public: { address: 127.0.0.1:8080 }`
            t.yaml:2: version: unknown field `version`; known here: `listeners`, `identity`, `tiers`, `tenants`, `rate_limits`, `routing`, `backends` and `apis`
        "#]],
    );
    check(
        "listeners",
        "listeners:\n  public: { adress: 127.0.0.1:8080, tls: {} }",
        &expect![[r#"
            t.yaml:2: listeners.public.address: missing; write the IP address and port it binds
            t.yaml:2: listeners.public.adress: unknown field `adress`; did you mean `address`?
            t.yaml:2: listeners.public.tls.certificate: missing; write the certificate, then those above it up to one that callers know
            t.yaml:2: listeners.public.tls.key: missing; write the certificate's private key: ECDSA or RSA, without a password
        "#]],
    );
    check(
        "tiers",
        "tiers:\n  basic: { limit: [], in_flight: 5 }",
        &expect![[r#"
            t.yaml:2: tiers.basic.limit: unknown field `limit`; did you mean `limits`?
        "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: none, cache: {}, chadow: [limits]",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.cache: unknown field `cache`; known here: `match`, `backend`, `split`, `hash`, `mirror`, `timeout`, `retries`, `rewrite`, `websocket`, `stream`, `priority`, `redirect`, `respond`, `auth`, `allow`, `shadow`, `limits`, `request` and `response`
            t.yaml:2: apis.shop.routes.get.chadow: unknown field `chadow`; did you mean `shadow`?
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
            t.yaml:2: apis.shop.routes.get.<<: unknown field `<<`; known here: `match`, `backend`, `split`, `hash`, `mirror`, `timeout`, `retries`, `rewrite`, `websocket`, `stream`, `priority`, `redirect`, `respond`, `auth`, `allow`, `shadow`, `limits`, `request` and `response`
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
            t.yaml:1: listeners.a: "127.0.0.1:8080" is not a mapping; write its fields, of `address`, `trusted_hops`, `tls` and `envoys`
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
        t.yaml:2: apis.shop.routes.get.auth: "api_key" cannot stand here; write none, a mapping with `any_of` or a mapping with `optional`
    "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: [api_key]",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.auth: a list cannot stand here; write none, a mapping with `any_of` or a mapping with `optional`
    "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: {}",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.auth: an empty mapping cannot stand here; write none, a mapping with `any_of` or a mapping with `optional`
    "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: ",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.auth: nothing is written here; write none, a mapping with `any_of` or a mapping with `optional`
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
            t.yaml:1: backends.orders.endpoints: missing; write addresses with ports, or names that Envoy resolves, again and again
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], health: {} } }",
        &expect![[r#"
            t.yaml:1: backends.orders.health: has no path; write the one that is asked for, such as /healthz
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
            t.yaml:1: apis.shop.routes.get: says nowhere what becomes of its requests; write one of backend, split, redirect and respond
            t.yaml:1: apis.shop.routes.get.auth: missing; write how callers prove who they are; `auth: none` admits everybody and has to be written
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
            t.yaml:2: apis.shop.routes.get.limits[0].per: missing; write the length of the period, or the window of the calendar
            t.yaml:2: apis.shop.routes.get.limits[0].requests: missing; write how many requests fit into one period, or into one window
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
