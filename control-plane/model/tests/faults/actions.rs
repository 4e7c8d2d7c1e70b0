//! What becomes of requests: how they go to a backend.

use expect_test::{Expect, expect};

use crate::{check_file, good_but};

const BACKENDS: &str = "{ orders: { endpoints: [a:1] }, next: { endpoints: [a:2], timeout: 1s }, hashed: { endpoints: [a:3], balancing: ring_hash }, rpc: { endpoints: [a:4], protocol: grpc } }";

/// A route, of which the match has a path with two parameters.
#[track_caller]
pub(crate) fn check(fields: &str, expected: &Expect) {
    check_match("path: \"/{a}/{b}\", methods: [GET]", fields, expected);
}

#[track_caller]
pub(crate) fn check_match(matcher: &str, fields: &str, expected: &Expect) {
    let rest = good_but("apis").replace("{ orders: { endpoints: [127.0.0.1:9000] } }", BACKENDS);
    check_file(
        &format!(
            "apis: {{ shop: {{ hosts: [a.example], routes: {{ get: {{ match: {{ {matcher} }}, \
             auth: none,\n {fields}\n }} }} }} }}\n{rest}"
        ),
        expected,
    );
}

#[test]
fn a_route_does_one_thing() {
    check(
        "",
        &expect![[r#"
        t.yaml:1: apis.shop.routes.get: says nowhere what becomes of its requests; write one of backend, split, redirect and respond
    "#]],
    );
    check(
        "backend: orders, split: { orders: 1, next: 1 }, redirect: { host: b }",
        &expect![[r#"
            t.yaml:1: apis.shop.routes.get: has backend and split; write only one of backend, split, redirect and respond
        "#]],
    );
    check(
        "redirect: { host: b.example }, respond: { status: 200 }",
        &expect![[r#"
        t.yaml:1: apis.shop.routes.get: has redirect and respond; write only one of backend, split, redirect and respond
    "#]],
    );
    check(
        "redirect: { host: b.example }, hash: [ip], mirror: { backend: next }, timeout: 1s, retries: {}, rewrite: { path: / }, websocket: {}",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.hash: there is no backend here that this could be about; remove it
            t.yaml:2: apis.shop.routes.get.mirror: there is no backend here that this could be about; remove it
            t.yaml:2: apis.shop.routes.get.retries: there is no backend here that this could be about; remove it
            t.yaml:2: apis.shop.routes.get.rewrite: there is no backend here that this could be about; remove it
            t.yaml:2: apis.shop.routes.get.timeout: there is no backend here that this could be about; remove it
            t.yaml:2: apis.shop.routes.get.websocket: there is no backend here that this could be about; remove it
        "#]],
    );
    check(
        "respond: { status: 200 }, timeout: 1s",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.timeout: there is no backend here that this could be about; remove it
    "#]],
    );
}

#[test]
fn splits() {
    check(
        "split: { orders: 95, next: 5, rpc: 0 }",
        &expect![[r#"
        ok
    "#]],
    );
    check(
        "split: { orders: 1000000, next: 1 }",
        &expect![[r#"
        ok
    "#]],
    );
    check(
        "split: { orders: 1000001, next: -1 }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.split.next: -1 is not at least 0
        t.yaml:2: apis.shop.routes.get.split.orders: 1000001 is more than 1000000; only how weights compare matters
    "#]],
    );
    check(
        "split: { orders: 0, next: 0 }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.split: all weights are 0, so no backend would get a request; raise one
    "#]],
    );
    check(
        "split: { orders: 1 }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.split: orders is the only backend; write `backend: orders`, or another beside it
    "#]],
    );
    check(
        "split: { orders: 1, nxt: 1 }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.split.nxt: no backend is named "nxt"; did you mean "next"?
    "#]],
    );
    check(
        "split: {}",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.split: the mapping is empty; write at least one entry
    "#]],
    );
    check(
        "split: { orders: ten, next: 1 }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.split.orders: "ten" is not a whole number; write digits only
    "#]],
    );
}

#[test]
fn hashes() {
    check(
        "split: { orders: 1, next: 1 }, hash: [tenant, ip, { header: x-a }, { cookie: b }, { query: c }]",
        &expect![[r#"
            ok
        "#]],
    );
    check(
        "backend: hashed, hash: [ip]",
        &expect![[r#"
        ok
    "#]],
    );
    check(
        "backend: hashed",
        &expect![[r#"
        t.yaml:1: apis.shop.routes.get.hash: is missing, by which hashed balances; write what decides, such as [ip]
    "#]],
    );
    check(
        "split: { hashed: 1, orders: 1 }",
        &expect![[r#"
        t.yaml:1: apis.shop.routes.get.hash: is missing, by which hashed balances; write what decides, such as [ip]
    "#]],
    );
    check(
        "backend: orders, hash: [ip]",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.hash: decides nothing: there is no `split`, and orders has another `balancing` than ring_hash and maglev; remove it
    "#]],
    );
    check(
        "backend: hashed, hash: [{ header: \"a b\" }, { header: authorization }, { header: x-tollgate-tenant }, { cookie: \"a=b\" }]",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.hash[0]: "a b" is not a header name
            t.yaml:2: apis.shop.routes.get.hash[1]: "authorization" carries credentials, which are taken out before the backend is chosen; use another one
            t.yaml:2: apis.shop.routes.get.hash[2]: "x-tollgate-tenant" is reserved, so callers cannot send it; use another header
            t.yaml:2: apis.shop.routes.get.hash[3]: "a=b" is not the name of a cookie; use letters, digits, `-` and `_`
        "#]],
    );
    check(
        "backend: hashed, hash: [user, { headr: x }]",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.hash[0]: "user" cannot stand here; write tenant, ip, a mapping with `header`, a mapping with `cookie` or a mapping with `query`
        t.yaml:2: apis.shop.routes.get.hash[1]: unknown field `headr`; did you mean `header`?
    "#]],
    );
    check(
        "backend: hashed, hash: []",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.hash: the list is empty; write at least one entry
    "#]],
    );
}

#[test]
fn mirrors() {
    check(
        "backend: orders, mirror: { backend: next, percent: 1 }",
        &expect![[r#"
        ok
    "#]],
    );
    check(
        "backend: orders, mirror: { backend: next, percent: 0 }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.mirror.percent: 0 is not between 1 and 100
    "#]],
    );
    check(
        "backend: orders, mirror: { backend: next, percent: 101 }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.mirror.percent: 101 is not between 1 and 100
    "#]],
    );
    check(
        "backend: orders, mirror: { backend: nxt }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.mirror.backend: no backend is named "nxt"; did you mean "next"?
    "#]],
    );
    check(
        "split: { orders: 1, next: 1 }, mirror: { backend: next }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.mirror.backend: next gets the requests themselves; name another backend
    "#]],
    );
    check(
        "backend: orders, mirror: {}",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.mirror.backend: missing; write the name of the backend that gets the copies
    "#]],
    );
}

#[test]
fn timeouts_and_retries() {
    check(
        "backend: orders, timeout: 1ms",
        &expect![[r#"
        ok
    "#]],
    );
    check(
        "backend: orders, timeout: 0s",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.timeout: 0s is not between 1ms and 1h
    "#]],
    );
    check(
        "backend: orders, timeout: 61m",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.timeout: 61m is not between 1ms and 1h
    "#]],
    );
    check(
        "backend: orders, retries: {}",
        &expect![[r#"
        ok
    "#]],
    );
    check(
        "backend: next, retries: { on: [5xx], statuses: [400, 599], attempts: 10, per_try_timeout: 1s, backoff: 10s }",
        &expect![[r#"
            ok
        "#]],
    );
    check(
        "backend: next, retries: { on: [], statuses: [399, 600], attempts: 11, per_try_timeout: 1001ms, backoff: 10001ms }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.retries.attempts: 11 is not between 1 and 10
            t.yaml:2: apis.shop.routes.get.retries.backoff: 10001ms is not between 1ms and 10s
            t.yaml:2: apis.shop.routes.get.retries.on: the list is empty; write at least one entry
            t.yaml:2: apis.shop.routes.get.retries.per_try_timeout: 1001ms is longer than all attempts together may take, 1s; write at most that
            t.yaml:2: apis.shop.routes.get.retries.statuses[0]: 399 is not the status of an error; write one from 400 to 599
            t.yaml:2: apis.shop.routes.get.retries.statuses[1]: 600 is not the status of an error; write one from 400 to 599
        "#]],
    );
    check(
        "backend: next, timeout: 500ms, retries: { per_try_timeout: 1s, attempts: 0 }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.retries.attempts: 0 is not between 1 and 10
            t.yaml:2: apis.shop.routes.get.retries.per_try_timeout: 1s is longer than all attempts together may take, 500ms; write at most that
        "#]],
    );
    check(
        "split: { next: 1, orders: 1 }, retries: { per_try_timeout: 15s, backoff: 0ms }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.retries.backoff: 0ms is not between 1ms and 10s
        "#]],
    );
    check(
        "backend: orders, retries: { on: [everything] }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.retries.on[0]: "everything" cannot stand here; write connect_failure, refused_stream, reset_before_request, reset, gateway_error, 5xx, cancelled, deadline_exceeded, internal, resource_exhausted or unavailable
    "#]],
    );
}

#[test]
fn what_must_not_happen_twice_is_not_tried_again() {
    check_match(
        "path: /, methods: [GET, POST]",
        "backend: orders, retries: { on: [5xx] }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.retries: a backend may act twice on POST; let `match.methods` name methods that may be repeated, or write `idempotent: true`
        "#]],
    );
    check_match(
        "path: /",
        "backend: orders, retries: { on: [reset] }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.retries: a backend may act twice on POST; let `match.methods` name methods that may be repeated, or write `idempotent: true`
    "#]],
    );
    check_match(
        "path: /",
        "backend: orders, retries: { statuses: [503] }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.retries: a backend may act twice on POST; let `match.methods` name methods that may be repeated, or write `idempotent: true`
    "#]],
    );
    check_match(
        "path: /",
        "backend: orders, retries: { on: [connect_failure, refused_stream, reset_before_request] }",
        &expect![[r#"
            ok
        "#]],
    );
    check_match(
        "path: /",
        "backend: orders, retries: { on: [5xx], idempotent: true }",
        &expect![[r#"
            ok
        "#]],
    );
    check_match(
        "path: /, methods: [PUT, DELETE]",
        "backend: orders, retries: { on: [5xx] }",
        &expect![[r#"
            ok
        "#]],
    );
}
