//! Hosts, routes, and routes beside each other.

use expect_test::expect;

use crate::{check, check_file, check_route};

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
        "match: { regex: \"/a{999}\", headers: { x-a: { regex: \"a{990}\" }, x-b: { regex: \"(?:b{100}){10}\" } }, query: { q: { regex: \"[a-z&&[^b]]\" } } }, backend: orders, auth: none",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.match.headers.x-b.regex: Envoy would make up to 1050 steps of it, and takes 1000; make it shorter, or use fewer or smaller repetitions
            t.yaml:2: apis.shop.routes.get.match.query.q.regex: "[a-z&&[^b]]" has a class that is computed, which Envoy reads otherwise; use the syntax of RE2
            t.yaml:2: apis.shop.routes.get.match.regex: Envoy would make up to 1017 steps of it, and takes 1000; make it shorter, or use fewer or smaller repetitions
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
            t.yaml:2: apis.shop.routes.get.match.headers.authorization: "authorization" carries credentials, which are taken out before the backend is chosen; use another one
            t.yaml:2: apis.shop.routes.get.match.headers.host: the host is not matched as a header; use hosts of the api
            t.yaml:2: apis.shop.routes.get.match.headers.ok.regex: "[" is not a regular expression: unclosed character class; use the syntax of RE2
            t.yaml:2: apis.shop.routes.get.match.headers.x-api-key: "x-api-key" carries credentials, which are taken out before the backend is chosen; use another one
            t.yaml:2: apis.shop.routes.get.match.headers.x-tollgate-tenant: "x-tollgate-tenant" is reserved, so callers cannot send it; use another header
            t.yaml:2: apis.shop.routes.get.match.query.q.regex: "*" is not a regular expression: repetition operator missing expression; use the syntax of RE2
        "#]],
    );
    check_route(
        "match: { path: /, headers: { x-a: { regex: \"\" } } }, backend: orders, auth: none",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.match.headers.x-a.regex: it is empty, which Envoy does not take; write `present: true` for any value
        "#]],
    );
    check_route(
        "match: { path: / }, rewrite: { regex: \"\", substitution: x }, backend: orders, auth: none",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.rewrite.regex: the string is empty; write something such as ^/shops/([^/]+)
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
            t.yaml:2: apis.shop.routes.get.allow.scopes: nobody is recognised with `auth: none`, so nobody has scopes; name a method in `auth`, or remove the scopes
        "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: { any_of: [api_key] }, allow: { scopes: [\"a b\"], zone: x }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.allow.scopes[0]: "a b" is not a scope; use printable ASCII without blanks, quotes and backslashes
            t.yaml:2: apis.shop.routes.get.allow.zone: unknown field `zone`; known here: `scopes`, `groups`, `claims` and `when`
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
            t.yaml:3: apis.shop.routes.get.request.headers.set.x-b: nothing is named "principal.name"; known are path.NAME, principal.tenant, principal.subject, principal.tier, principal.scopes, principal.groups and principal.method
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
