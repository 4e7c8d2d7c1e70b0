//! Conditions: what may be written, and what comes of it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up has failed"
)]

mod common;

use common::condition::{identity, refused};
use common::{Gate, Signer, claims};
use proptest::prelude::*;
use serde_json::json;

const FALSE: &str = "403 forbidden: the condition of the route does not hold for this request";
const UNDECIDED: &str =
    "403 undecided: the condition of the route cannot be decided for this request";

fn gate(when: &str) -> Gate {
    let auth = json!({"any_of": ["jwt.acme", "api_key"]});
    Gate::new(identity(), json!({"auth": auth, "allow": {"when": when}}))
}

/// What becomes of a request of Ann's with some of everything.
fn judged(when: &str) -> String {
    let token = Signer::new("EdDSA").token(&claims(&json!({
        "tenant": "acme", "scope": "read write", "groups": ["ops", "EU, west"], "team": "red",
        "level": 3, "half": 0.5, "org": {"none": null, "unit": {"name": "u1"}, "members": [{"id": 1}, {"id": 2}]},
        "https://acme.example/x": "y", "teams": ["red", "blue"], "on": true,
        "secret": "x",
    })));
    let bearer = format!("Bearer {token}");
    gate(when).verdict(&[
        (":method", b"GET"),
        (":path", b"/orders/7/caf%C3%A9/?page=2&q=a+b%21&twice=1&twice=2&empty=&bad=%ff"),
        (":authority", b"Orders.Example:8080"),
        ("authorization", bearer.as_bytes()),
        ("x-region", b"eu"),
        ("x-twice", b"1"),
        ("x-twice", b"2"),
        ("x-bytes", b"\xff"),
        ("content-length", b"12"),
    ])
}

fn check(rows: &[(&str, Option<bool>)]) {
    for (when, expected) in rows {
        let verdict = judged(when);
        match expected {
            Some(true) => assert!(verdict.starts_with("jwt.acme ann"), "{when}: {verdict}"),
            Some(false) => assert_eq!(verdict, FALSE, "{when}"),
            None => assert_eq!(verdict, UNDECIDED, "{when}"),
        }
    }
}

#[test]
fn conditions_know_the_principal() {
    check(&[
        ("true", Some(true)),
        ("false", Some(false)),
        ("principal.method == 'jwt.acme'", Some(true)),
        ("principal.subject == \"ann\"", Some(true)),
        ("principal.tenant == 'acme'", Some(true)),
        ("principal.tenant != 'acme'", Some(false)),
        ("principal['tenant'] == 'acme'", Some(true)),
        ("principal.tier == 'pro'", Some(true)),
        ("'read' in principal.scopes && 'write' in principal.scopes", Some(true)),
        ("'admin' in principal.scopes", Some(false)),
        ("principal.scopes == ['read', 'write']", Some(true)),
        ("size(principal.scopes) == 2 && principal.scopes.size() < 3", Some(true)),
        ("principal.groups.exists(g, g.startsWith('EU, '))", Some(true)),
        ("principal.groups.all(g, size(g) > 3)", Some(false)),
        ("principal.groups.exists_one(g, g.contains('o'))", Some(true)),
        ("principal.groups[1] == 'ops'", Some(true)),
        ("principal.groups[2] == 'ops'", None),
        ("principal.groups[-1] == 'ops'", None),
    ]);
}

#[test]
fn conditions_know_the_claims_that_are_kept() {
    check(&[
        ("principal.claims.team == 'red'", Some(true)),
        ("principal.claims['team'] in ['red', 'blue']", Some(true)),
        ("principal.claims.level >= 3 && principal.claims.level < 4", Some(true)),
        ("principal.claims.level == '3'", Some(false)),
        ("principal.claims.half < 1", Some(true)),
        ("principal.claims.org.unit.name == 'u1'", Some(true)),
        ("principal.claims.org['unit'].name == 'u1'", Some(true)),
        ("principal.claims['https://acme.example/x'] == 'y'", Some(true)),
        ("'blue' in principal.claims.teams", Some(true)),
        ("principal.claims.teams.all(t, t in ['red', 'blue'])", Some(true)),
        ("principal.claims.org.members.exists(m, m.id == 2)", Some(true)),
        ("principal.claims.org.members[0].id == 1", Some(true)),
        ("principal.claims.org.members.exists(m, has(m.name))", Some(false)),
        ("principal.claims.org.members.exists(m, m.name == 'x')", None),
        ("principal.claims.org.none == null", Some(true)),
        ("principal.claims.team == null", Some(false)),
        ("principal.claims.on", Some(true)),
        ("!principal.claims.on", Some(false)),
        ("has(principal.claims.team)", Some(true)),
        ("has(principal.claims.org.unit.age)", Some(false)),
        ("has(principal.claims.org.none)", Some(true)),
        // What is there is not of the kind that is asked for.
        ("principal.claims.team", None),
        ("principal.claims.team && true", None),
        ("principal.claims.team < 3", None),
        ("principal.claims.level.startsWith('3')", None),
        ("principal.claims.team.unit == 'x'", None),
        ("principal.claims.level[0] == 1", None),
        ("principal.claims.level.exists(x, true)", None),
        ("principal.claims.org.unit.age == 3", None),
        ("principal.claims.org.unit.age != 3", None),
    ]);
}

#[test]
fn conditions_know_the_request() {
    check(&[
        ("request.method == 'GET'", Some(true)),
        ("request.method in ['PUT', 'POST']", Some(false)),
        ("request.path == '/orders/7/café'", Some(true)),
        ("request.path.startsWith('/orders/') && request.path.endsWith('é')", Some(true)),
        ("request.path.contains('/' + request.path_params.id + '/')", Some(true)),
        ("request.host == 'orders.example'", Some(true)),
        ("request.path_params.id == '7'", Some(true)),
        ("int(request.path_params['id']) > 6", Some(true)),
        ("request.headers['x-region'] == 'eu'", Some(true)),
        ("request.headers['X-Region'] == 'eu'", Some(true)),
        ("int(request.headers['content-length']) <= 12", Some(true)),
        ("int(request.headers['x-region']) == 1", None),
        ("request.query.page == '2'", Some(true)),
        ("request.query.q == 'a b!'", Some(true)),
        ("request.query.empty == ''", Some(true)),
        ("request.query.page == '2' ? request.method == 'GET' : false", Some(true)),
    ]);
}

/// Better refused than admitted by what a backend may read in another way.
#[test]
fn what_is_missing_or_stands_twice_decides_nothing() {
    check(&[
        ("request.headers['x-none'] == ''", None),
        ("request.headers['x-none'] != 'bad'", None),
        ("!(request.headers['x-none'] == 'bad')", None),
        ("request.headers['x-twice'] == '1'", None),
        ("request.headers['x-twice'] != 'bad'", None),
        ("request.headers['x-bytes'] != 'bad'", None),
        ("request.query.twice == '1'", None),
        ("request.query.none == ''", None),
        ("request.query.bad != 'x'", None),
        ("has(request.headers.accept)", Some(false)),
        ("has(request.query.page) && !has(request.query.none)", Some(true)),
        ("has(request.query.twice)", Some(true)),
        ("'x-region' in request.headers && 'X-Twice' in request.headers", Some(true)),
        ("'x-none' in request.headers", Some(false)),
        ("'page' in request.query && !('none' in request.query)", Some(true)),
        ("'team' in principal.claims && 'id' in request.path_params", Some(true)),
        ("'unit' in principal.claims.org && 'red' in principal.claims.teams", Some(true)),
        ("has(request.query.twice) && request.query.twice == '1'", None),
        ("!has(request.query.none) || request.query.none == '1'", Some(true)),
        // Either side may decide alone, as in CEL.
        ("request.query.none == '1' || request.method == 'GET'", Some(true)),
        ("request.query.none == '1' && request.method == 'PUT'", Some(false)),
    ]);
    for (when, expected) in [
        ("principal.tenant == 'acme'", "api_key k1 acme pro []"),
        ("has(principal.claims.team)", FALSE),
        ("principal.claims.team == 'red'", UNDECIDED),
        (
            "principal.method == 'api_key' || principal.claims.team == 'red'",
            "api_key k1 acme pro []",
        ),
        // No path that could be judged came with it.
        ("request.path == '/'", UNDECIDED),
        ("request.host == ''", UNDECIDED),
    ] {
        assert_eq!(gate(when).verdict(&[("x-api-key", b"sesame")]), expected, "{when}");
    }
}

#[test]
fn where_nobody_is_recognised_the_request_alone_is_judged() {
    let access = json!({"auth": "none", "allow": {"when": "request.headers.host != 'x'"}});
    let mut gate = Gate::new(identity(), access);
    assert_eq!(gate.verdict(&[("host", b"y")]), "nobody");
    assert_eq!(gate.verdict(&[("host", b"x")]), FALSE);
    assert_eq!(gate.verdict(&[]), UNDECIDED);
}

#[test]
fn nobody_in_particular_is_known_by_the_method_alone() {
    let when = "principal.method == 'anonymous' && !has(principal.subject) && \
                !has(principal.tenant) && principal.scopes == []";
    let access = json!({"auth": {"optional": ["jwt.acme"]}, "allow": {"when": when}});
    assert_eq!(Gate::new(identity(), access).verdict(&[]), "anonymous  - - []");
    let access =
        json!({"auth": {"optional": ["jwt.acme"]}, "allow": {"when": "principal.subject == ''"}});
    let verdict = Gate::new(identity(), access).verdict(&[]);
    assert!(verdict.starts_with("401 unauthenticated"), "{verdict}");
}

const WORDS: [&str; 40] = [
    "principal",
    "request",
    ".",
    "tenant",
    "scopes",
    "groups",
    "claims",
    "team",
    "org",
    "headers",
    "query",
    "path",
    "host",
    "[",
    "]",
    "(",
    ")",
    "'a'",
    "1",
    "true",
    "null",
    "==",
    "!=",
    "<",
    "&&",
    "||",
    "!",
    "?",
    ":",
    "in",
    "+",
    "-",
    ",",
    "size",
    "int",
    "has",
    "exists",
    "all",
    "g",
    "-9223372036854775808",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_condition_or_refused(text in ".{0,60}") {
        let _ = refused(&text);
    }

    /// Much closer to what is accepted, and judged if it is.
    #[test]
    fn any_words_are_a_condition_or_refused(
        words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..16),
        blank in prop::sample::select(vec!["", " "]),
    ) {
        let text = words.join(blank);
        if refused(&text).is_none() {
            let verdict = judged(&text);
            prop_assert!(verdict.starts_with("jwt.acme") || verdict == FALSE || verdict == UNDECIDED);
        }
    }
}
