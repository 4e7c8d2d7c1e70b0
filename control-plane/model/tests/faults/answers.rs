//! What becomes of requests: other paths, other places, answers.

use expect_test::expect;

use crate::actions::{check, check_match};

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
