//! What becomes of requests.

use expect_test::{Expect, expect};

use crate::{check_file, good_but};

const BACKENDS: &str = "{ orders: { endpoints: [a:1] }, next: { endpoints: [a:2], timeout: 1s }, hashed: { endpoints: [a:3], balancing: ring_hash }, rpc: { endpoints: [a:4], protocol: grpc } }";

/// A route, of which the match has a path with two parameters.
#[track_caller]
fn check(fields: &str, expected: &Expect) {
    check_match("path: \"/{a}/{b}\", methods: [GET]", fields, expected);
}

#[track_caller]
fn check_match(matcher: &str, fields: &str, expected: &Expect) {
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

#[test]
fn other_paths() {
    check(
        "backend: orders, rewrite: { path: \"/x/{b}/{a}.json\", host: b.example }",
        &expect![[r#"
            ok
        "#]],
    );
    check(
        "backend: orders, rewrite: {}",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.rewrite: has nothing in it; write one of path, prefix, regex and host
    "#]],
    );
    check(
        "backend: orders, rewrite: { path: x, host: \"a:1\" }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.rewrite.host: "a:1" is not a host name; write one such as orders.internal
        t.yaml:2: apis.shop.routes.get.rewrite.path: "x" is not a path; write one that begins with a slash, without query and blanks
    "#]],
    );
    check(
        "backend: orders, rewrite: { path: \"/a?b\" }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.rewrite.path: "/a?b" is not a path; write one that begins with a slash, without query and blanks
    "#]],
    );
    check(
        "backend: orders, rewrite: { path: //evil.example }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.rewrite.path: "//evil.example" is not a path; write one that begins with a slash, without query and blanks
    "#]],
    );
    check(
        "backend: orders, rewrite: { path: \"/{c}\" }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.rewrite.path: no path parameter is named "c"; the path has a, b
    "#]],
    );
    check(
        "backend: orders, rewrite: { path: \"/{a\" }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.rewrite.path: "/{a" has a brace without its other one; write parameters as {id}
    "#]],
    );
    check(
        "backend: orders, rewrite: { path: \"/a}\" }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.rewrite.path: "/a}" has a brace without its other one; write parameters as {id}
    "#]],
    );
    check(
        "backend: orders, rewrite: { prefix: /x }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.rewrite.prefix: there is no `match.prefix` that this could stand for; write path or regex
    "#]],
    );
    check(
        "backend: orders, rewrite: { path: /x, prefix: /x }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.rewrite: has path and prefix; write only one of path, prefix and regex
    "#]],
    );
    check_match(
        "prefix: /a",
        "backend: orders, rewrite: { path: \"/{a}\" }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.rewrite.path: no path parameter is named "a"; `match.path` has none
    "#]],
    );
    check_match(
        "prefix: /a",
        "backend: orders, rewrite: { prefix: / }",
        &expect![[r#"
        ok
    "#]],
    );
    check_match(
        "prefix: /a",
        "backend: orders, rewrite: { prefix: \"/{a}\" }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.rewrite.prefix: "/{a}" is not a path; write one that begins with a slash, without query and blanks
    "#]],
    );
    check_match(
        "path: \"/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}\"",
        "backend: orders, rewrite: { path: \"/{i}/{j}\" }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.rewrite.path: "j" is after the ninth parameter of the path; use regex
        "#]],
    );
}

#[test]
fn expressions() {
    check(
        "backend: orders, rewrite: { regex: \"^/(a)[(](?:b)(?P<c>d)\", substitution: '/\\1\\2\\\\' }",
        &expect![[r#"
            ok
        "#]],
    );
    check(
        "backend: orders, rewrite: { regex: \"^/(a)\", substitution: '/\\2' }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.rewrite.substitution: "/\\2" speaks of group 2, and `regex` has 1
        "#]],
    );
    check(
        "backend: orders, rewrite: { regex: \"^/(a)\", substitution: '/\\x' }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.rewrite.substitution: "/\\x" has a backslash before neither a digit nor a backslash; write \\ for one
        "#]],
    );
    check(
        "backend: orders, rewrite: { regex: \"(\", substitution: a }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.rewrite.regex: "(" is not a regular expression: unclosed group; use the syntax of RE2
    "#]],
    );
    check(
        "backend: orders, rewrite: { regex: a }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.rewrite.regex: `regex` and `substitution` belong together; write both, or none of them
    "#]],
    );
    check(
        "backend: orders, rewrite: { substitution: a }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.rewrite.substitution: `regex` and `substitution` belong together; write both, or none of them
    "#]],
    );
}

#[test]
fn websockets() {
    check(
        "backend: orders, websocket: { idle_timeout: 1s, max_duration: 24h }",
        &expect![[r#"
        ok
    "#]],
    );
    check(
        "backend: orders, websocket: { idle_timeout: 999ms, max_duration: 25h }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.websocket.idle_timeout: 999ms is not between 1s and 24h
            t.yaml:2: apis.shop.routes.get.websocket.max_duration: 25h is not between 1s and 24h
        "#]],
    );
    check(
        "split: { orders: 1, rpc: 1 }, websocket: {}",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.websocket: rpc does not speak http1, over which WebSockets go; name another backend
    "#]],
    );
    check_match(
        "path: /, methods: [POST]",
        "backend: orders, websocket: {}",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.websocket: WebSockets begin with GET, which `methods` does not let through; add it there
    "#]],
    );
}

#[test]
fn redirects() {
    check(
        "redirect: { scheme: https, host: b.example, port: 65535, path: \"/{a}\", status: 301 }",
        &expect![[r#"
            ok
        "#]],
    );
    check(
        "redirect: {}",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.redirect: leads back to where the caller was; write one of scheme, host, port, path, prefix and regex
    "#]],
    );
    check(
        "redirect: { status: 304, strip_query: true, scheme: ftp, port: 0 }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.redirect.port: 0 is not between 1 and 65535
        t.yaml:2: apis.shop.routes.get.redirect.scheme: "ftp" cannot stand here; write http or https
        t.yaml:2: apis.shop.routes.get.redirect.status: 304 is not the status of a redirect; write 301, 302, 303, 307 or 308
    "#]],
    );
    check(
        "redirect: { path: /a, status: 304 }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.redirect.status: 304 is not the status of a redirect; write 301, 302, 303, 307 or 308
    "#]],
    );
    check(
        "redirect: { path: /a, status: 300, port: 65536 }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.redirect.port: 65536 is not between 1 and 65535
        t.yaml:2: apis.shop.routes.get.redirect.status: 300 is not between 301 and 308
    "#]],
    );
}

#[test]
fn answers() {
    check(
        "respond: { status: 200, body: hello, content_type: \"text/html; charset=utf-8\" }",
        &expect![[r#"
            ok
        "#]],
    );
    check(
        "respond: {}",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.respond.status: missing; write the status
    "#]],
    );
    check(
        "respond: { status: 199, content_type: \"a/%b\" }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.respond.status: 199 is not between 200 and 599
    "#]],
    );
    check(
        "respond: { status: 200, content_type: \"a/%b\" }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.respond.content_type: "a/%b" is not a media type; write one such as application/json
        "#]],
    );
    check(
        "respond: { status: 600 }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.respond.status: 600 is not between 200 and 599
    "#]],
    );
    check(
        "respond: { status: 204, body: a }",
        &expect![[r#"
        t.yaml:2: apis.shop.routes.get.respond.body: an answer with status 204 has no body; remove it
    "#]],
    );
    check(
        &format!("respond: {{ status: 200, body: \"{}\" }}", "a".repeat(4096)),
        &expect![[r#"
            ok
        "#]],
    );
    check(
        &format!("respond: {{ status: 200, body: \"{}\" }}", "a".repeat(4097)),
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.respond.body: 4097 bytes are more than 4096; let a backend answer what is longer
        "#]],
    );
}
