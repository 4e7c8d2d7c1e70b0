//! Conditions that are refused, and with which words.

#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::integer_division,
    clippy::too_many_lines,
    reason = "a test that cannot be set up has failed, and a table is as long as it is"
)]

mod common;

use common::condition::{compile, refused};
use serde_json::json;

#[test]
fn conditions_that_make_no_sense_are_refused() {
    let known = "known are && || ! ?: == != < <= > >= + - * / % in, [..], size, startsWith, endsWith, \
                 contains, int, has, exists, exists_one and all";
    let fields = "method, subject, tenant, tier, scopes, groups and claims.NAME";
    let parts = "method, path, host, path_params.NAME, headers.NAME and query.NAME";
    let name = "a NAME, as NAME after a dot or as [\"NAME\"]";
    let begins = "what is known begins with `principal.` or `request.`";
    let literals = "cannot be written here; use texts, whole numbers, true, false and lists";
    let syntax = "write an expression of CEL";
    let one = "gives text rather than true or false; compare it with something";
    let other = "ask for what is in it in another way";
    let long = format!("true{}", " ".repeat(1021));
    let numbers = "is given true or false where it takes numbers";
    for (when, expected) in [
        ("", "is empty; write a condition, or leave it out".to_owned()),
        (" \n", "is empty; write a condition, or leave it out".to_owned()),
        ("1 - true == 1", format!("- {numbers}")),
        ("true * 1 == 1", format!("* {numbers}")),
        ("1 / true == 1", format!("/ {numbers}")),
        ("1 % true == 1", format!("% {numbers}")),
        ("-(true) == 1", format!("- {numbers}")),
        (&long, "1025 bytes are more than 1024; write a shorter condition".to_owned()),
        (
            "principal.tenant = 'a'",
            format!("cannot be read at column 18: mismatched input '=' expecting <EOF>; {syntax}"),
        ),
        (
            "principal.tenant ==",
            format!("cannot be read at column 20: mismatched input '<EOF>' expecting expression; {syntax}"),
        ),
        (
            "true &&\n  (false",
            format!("cannot be read at line 2, column 9: expected ')'; {syntax}"),
        ),
        ("'abc", format!("cannot be read at column 1: unterminated string literal; {syntax}")),
        ("a.?b", format!("cannot be read at column 2: unsupported syntax '.?'; {syntax}")),
        ("has(principal)", format!("cannot be read at column 5: invalid argument to has() macro; {syntax}")),
        (&nested("!(", 40, ")"), "is nested deeper than 32; write a flatter condition".to_owned()),
        ("principal.tenant", one.to_owned()),
        ("1 + 2", one.replace("text", "a number")),
        ("[true]", one.replace("text", "a list")),
        ("['a']", one.replace("text", "a list of texts")),
        ("null", one.replace("text", "null")),
        ("true ? 'a' : 'b'", one.to_owned()),
        ("princpal.tenant == 'a'", format!("nothing is named \"princpal\"; {begins}")),
        ("tenant == 'a'", format!("nothing is named \"tenant\"; {begins}")),
        (".principal.tenant == 'a'", format!("nothing is named \".principal\"; {begins}")),
        ("principal.groups.exists(g, h == g)", format!("nothing is named \"h\"; {begins}")),
        ("principal.tennant == 'a'", format!("principal has no \"tennant\"; it has {fields}")),
        ("request.body == 'a'", format!("request has no \"body\"; it has {parts}")),
        ("principal == null", format!("principal is no value by itself; ask for {fields}")),
        ("size(request) == 1", format!("request is no value by itself; ask for {parts}")),
        ("size(principal.claims) == 1", format!("principal.claims is no value by itself; ask for {name}")),
        ("has(principal.claims)", format!("principal.claims is no value by itself; ask for {name}")),
        ("principal.claims[''] == 1", format!("principal.claims has no \"\"; it has {name}")),
        (
            "principal.tenant in request.headers",
            format!("request.headers is no value by itself; ask for {name}"),
        ),
        (
            "'Cookie' in request.headers",
            "request.headers: \"Cookie\" carries credentials; ask who the principal is instead"
                .to_owned(),
        ),
        (
            "'a' in request",
            format!("request is no value by itself; ask for {parts}"),
        ),
        (
            "request.headers[principal.tenant] == 'a'",
            format!("request.headers is no value by itself; ask for {name}"),
        ),
        ("size(request.query) == 1", format!("request.query is no value by itself; ask for {name}")),
        ("has(request.path_params)", format!("request.path_params is no value by itself; ask for {name}")),
        ("principal.tenant.id == 'a'", format!("principal.tenant is text and has no \"id\"; {other}")),
        ("principal.scopes.read", format!("principal.scopes is a list of texts and has no \"read\"; {other}")),
        ("request.path.x == ''", format!("request.path is text and has no \"x\"; {other}")),
        ("request.query.a.b == ''", format!("request.query.a is text and has no \"b\"; {other}")),
        ("principal.groups.exists(g, g.x == '')", format!("this is text and has no \"x\"; {other}")),
        (
            "request.path_params.name == ''",
            "no path parameter is named \"name\"; the path has id".to_owned(),
        ),
        ("request.headers['a b'] == ''", "request.headers: \"a b\" is not a header name".to_owned()),
        ("request.headers[':path'] == ''", "request.headers: \":path\" is not a header name".to_owned()),
        (
            "request.headers['X-Tollgate-Tenant'] == ''",
            "request.headers: \"X-Tollgate-Tenant\" is reserved, so callers cannot send it; use \
             another header"
                .to_owned(),
        ),
        (
            "request.headers['x-forwarded-for'] == ''",
            "request.headers: \"x-forwarded-for\" is reserved, so callers cannot send it; use \
             another header"
                .to_owned(),
        ),
        (
            "has(request.headers.authorization)",
            "request.headers: \"authorization\" carries credentials; ask who the principal is \
             instead"
                .to_owned(),
        ),
        (
            "request.headers['X-Api-Key'] == 'sesame'",
            "request.headers: \"X-Api-Key\" carries credentials; ask who the principal is instead"
                .to_owned(),
        ),
        (
            "request.headers.cookie == ''",
            "request.headers: \"cookie\" carries credentials; ask who the principal is instead"
                .to_owned(),
        ),
        ("request.path.matches('x')", format!("matches is not known here; {known}")),
        ("now() == 1", format!("now is not known here; {known}")),
        ("principal.groups.map(g, g) == []", format!("map or filter is not known here; {known}")),
        ("principal.groups.filter(g, true) == []", format!("map or filter is not known here; {known}")),
        ("size('a', 'b') == 1", "size is called in another way: write size(x)".to_owned()),
        ("startsWith('a', 'b')", "startsWith is called in another way: write text.startsWith(text)".to_owned()),
        ("'a'.endsWith()", "endsWith is called in another way: write text.endsWith(text)".to_owned()),
        ("contains('a')", "contains is called in another way: write text.contains(text)".to_owned()),
        ("'1'.int() == 1", "int is called in another way: write int(text)".to_owned()),
        ("has(1, 2)", "has is called in another way: write has(x.y)".to_owned()),
        ("exists('a')", "exists is called in another way: write list.exists(x, condition)".to_owned()),
        (
            "exists_one('a')",
            "exists_one is called in another way: write list.exists_one(x, condition)".to_owned(),
        ),
        ("principal.groups.all()", "all is called in another way: write list.all(x, condition)".to_owned()),
        ("{'a': 1} == 1", format!("a map {literals}")),
        ("Foo{a: 1} == 1", format!("a message {literals}")),
        ("b'a' == 1", format!("bytes {literals}")),
        ("1.5 == 1", format!("a number with a fraction {literals}")),
        ("1u == 1", format!("an unsigned number {literals}")),
        ("principal.tenant && true", "&& is given text where it takes true or false".to_owned()),
        ("true || 1", "|| is given a number where it takes true or false".to_owned()),
        ("!principal.scopes", "! is given a list of texts where it takes true or false".to_owned()),
        ("'a' ? true : false", "?: is given text where it takes true or false".to_owned()),
        ("principal.groups.all(g, g)", "&& is given text where it takes true or false".to_owned()),
        ("principal.groups.exists(g, 1)", "|| is given a number where it takes true or false".to_owned()),
        ("principal.tenant.exists(g, true)", "exists, exists_one or all is given text where it takes a list".to_owned()),
        ("'a' in 'abc'", "in is given text where it takes a list on the right".to_owned()),
        ("principal.groups['a'] == ''", format!("principal.groups is a list of texts and has no \"a\"; {other}")),
        ("principal.groups[principal.tenant] == ''", "[] is given text where it takes a number".to_owned()),
        ("principal.tenant[0] == ''", "[] is given text where it takes a list".to_owned()),
        ("size(1) == 1", "size is given a number where it takes a list or text".to_owned()),
        ("int(true) == 1", "int is given true or false where it takes text or a number".to_owned()),
        ("'a'.startsWith(1)", "startsWith is given a number where it takes texts".to_owned()),
        ("[1].contains('a')", "contains is given a list where it takes texts".to_owned()),
        ("true < false", "< is given true or false where it takes numbers or texts".to_owned()),
        ("'a' + 1 == ''", "+ is given a number where it takes two texts or two numbers".to_owned()),
        ("[1] + [2] == []", "+ is given a list where it takes two texts or two numbers".to_owned()),
        (
            "principal.scopes == 'read'",
            "== compares a list of texts with text, which are never the same".to_owned(),
        ),
        ("request.query.page != 2", "!= compares text with a number, which are never the same".to_owned()),
        ("request.query.page < 2", "< compares text with a number, which are never the same".to_owned()),
        ("1 in principal.scopes", "in compares a number with text, which are never the same".to_owned()),
        ("principal.tenant == null", "== compares text with null, which are never the same".to_owned()),
        (
            "principal.groups.exists(g, principal.scopes.exists(s, s == g))",
            "exists, exists_one or all stands in another one; a list is gone through once for each \
             request"
                .to_owned(),
        ),
        (
            "principal.groups.exists(g, g + 'x' == 'ax')",
            "texts are put together in exists, exists_one or all; put them together outside of it"
                .to_owned(),
        ),
    ] {
        assert_eq!(refused(when), Some(format!("allow.when: {expected}")), "{when}");
    }
}

#[test]
fn claims_that_nobody_keeps_are_not_asked_for() {
    for (when, claim) in [
        ("principal.claims.age == 3", "age"),
        ("has(principal.claims.age)", "age"),
        ("'age' in principal.claims", "age"),
        ("principal.claims['https://x.example/y'] == 3", r"https://x\.example/y"),
        ("true || principal.claims.a.b.c == 3", "a.b.c"),
    ] {
        let expected = format!(
            "allow.when: no issuer that the route accepts keeps the claim {claim:?}; add it to \
             `claims.keep` of jwt.acme"
        );
        assert_eq!(refused(when), Some(expected), "{when}");
    }
    let access = json!({"auth": "none", "allow": {"when": "has(principal.tenant)"}});
    assert_eq!(
        compile(&access).unwrap(),
        "allow.when: asks for the principal, and nobody is recognised with `auth: none`; name a \
         method in `auth`, or ask for the request alone"
    );
}

/// Just at the bounds, on a stack as small as a VM's.
#[test]
fn the_longest_and_the_deepest_conditions_fit_into_a_small_stack() {
    let deep = std::thread::Builder::new().stack_size(1 << 20).spawn(|| {
        assert_eq!(refused(&format!("true{}", " ".repeat(1020))), None);
        let (open, close) = ("(true && !(".repeat(7), "))".repeat(7));
        assert_eq!(refused(&format!("{open}true{close}")), None);
        for (open, inner, close) in [
            ("(", "true", ")"),
            ("[", "", "]"),
            ("!", "true", ""),
            ("-", "1", ""),
            ("a.", "a", ""),
            ("a[", "1", "]"),
            ("size(", "a", ")"),
            ("true ? true : ", "true", ""),
            ("true && ", "true", ""),
            ("true == ", "true", ""),
            ("has(a.b) && ", "true", ""),
            ("{1: ", "1", "}"),
            ("M{a: ", "1", "}"),
            ("a.exists(b, ", "true", ")"),
            ("", "a", ".b"),
            ("", "a", "[1]"),
            ("", "a", ".b()"),
            ("", "1", " + 1"),
        ] {
            for times in [31, 33, 1024 / (open.len() + close.len()) - inner.len()] {
                let text = format!("{}{inner}{}", open.repeat(times), close.repeat(times));
                let _ = refused(&text);
            }
        }
    });
    assert!(deep.unwrap().join().is_ok());
}

fn nested(open: &str, times: usize, close: &str) -> String {
    format!("{}true{}", open.repeat(times), close.repeat(times))
}
