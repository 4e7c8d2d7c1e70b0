//! Who may call, and what is read of them.

use expect_test::expect;

use super::{check, check_route};

const KEEPS: &str = "identity: { jwt: { acme: { issuer: https://id.example, audiences: [api], \
                     jwks: { url: https://id.example/jwks }, claims: { groups: \
                     realm_access.roles, keep: [team, org.unit] } } } }";

/// A route of callers whose claims are kept, that differs in what it allows.
#[track_caller]
fn check_allow(allow: &str, expected: &expect_test::Expect) {
    let route = format!(
        "apis: {{ shop: {{ hosts: [a.example], routes: {{ get: {{ match: {{ path: \"/o/{{id}}\" \
         }}, backend: orders, auth: {{ any_of: [jwt.acme] }}, allow: {{\n  {allow}\n  }} }} }} }} }}"
    );
    let rest = super::GOOD.iter().filter(|(name, _)| *name != "apis" && *name != "identity");
    let rest: String = rest.map(|(name, text)| format!("{name}: {text}\n")).collect();
    expected
        .assert_eq(&super::faults(&[("t.yaml", format!("{route}\n{KEEPS}\n{rest}").as_bytes())]));
}

#[test]
fn allowances() {
    check_allow(
        "scopes: { any: [a, b] }, groups: [ops], claims: { team: red, org.unit.name: [a, 1, true] }",
        &expect![[r#"
            ok
        "#]],
    );
    check_allow(
        "scopes: { any: [a, \"b c\"] }, groups: [\" \", ops, \"\"], claims: { team: [], age: 1 }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.allow.claims.age: no issuer that the route accepts keeps the claim "age"; add it to `claims.keep` of jwt.acme
            t.yaml:2: apis.shop.routes.get.allow.claims.team: is empty, so nobody could call; name a value, or leave it out
            t.yaml:2: apis.shop.routes.get.allow.groups[0]: " " is not an id; use 1 to 256 bytes without control characters, and no blanks at the ends
            t.yaml:2: apis.shop.routes.get.allow.groups[2]: "" is not an id; use 1 to 256 bytes without control characters, and no blanks at the ends
            t.yaml:2: apis.shop.routes.get.allow.scopes.any[1]: "b c" is not a scope; use printable ASCII without blanks, quotes and backslashes
        "#]],
    );
    check_allow(
        "scopes: { any: [] }, groups: []",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.allow.groups: is empty, so nobody could call; name one, or leave it out
            t.yaml:2: apis.shop.routes.get.allow.scopes.any: is empty, so nobody could call; name one, or leave it out
        "#]],
    );
    check_allow(
        "scopes: read, groups: ops, claims: { team: 1.5, org: { unit: x }, list: [{ a: b }] }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.allow.claims.list[0]: a mapping cannot stand here; write a string, a whole number, true or false
            t.yaml:2: apis.shop.routes.get.allow.claims.org: a mapping cannot stand here; write a string, a whole number, true, false or a list
            t.yaml:2: apis.shop.routes.get.allow.claims.team: 1.5 cannot stand here; write a string, a whole number, true, false or a list
            t.yaml:2: apis.shop.routes.get.allow.groups: "ops" is not a list; write it in brackets: [ops]
            t.yaml:2: apis.shop.routes.get.allow.scopes: "read" cannot stand here; write a list or a mapping with `any`
        "#]],
    );
    check_allow(
        "claims: { age: 1, org: x }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.allow.claims.age: no issuer that the route accepts keeps the claim "age"; add it to `claims.keep` of jwt.acme
            t.yaml:2: apis.shop.routes.get.allow.claims.org: no issuer that the route accepts keeps the claim "org"; add it to `claims.keep` of jwt.acme
        "#]],
    );
}

#[test]
fn conditions() {
    check_allow(
        "when: 'principal.tenant == \"a\" && request.path_params.id != principal.claims.team'",
        &expect![[r#"
            ok
        "#]],
    );
    check_allow(
        "scopes: [\"a b\"], when: 'principal.tenant = \"a\"'",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.allow.scopes[0]: "a b" is not a scope; use printable ASCII without blanks, quotes and backslashes
            t.yaml:2: apis.shop.routes.get.allow.when: cannot be read at column 18: mismatched input '=' expecting <EOF>; write an expression of CEL
        "#]],
    );
    check_allow(
        r#"when: "true &&\n principal.tennant == ''""#,
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.allow.when: principal has no "tennant"; it has method, subject, tenant, tier, scopes, groups and claims.NAME
        "#]],
    );
    for (when, expected) in [
        (
            "request.path_params.name == \"7\"",
            expect![[r#"
            t.yaml:2: apis.shop.routes.get.allow.when: no path parameter is named "name"; the path has id
        "#]],
        ),
        (
            "principal.claims.age == 7",
            expect![[r#"
            t.yaml:2: apis.shop.routes.get.allow.when: no issuer that the route accepts keeps the claim "age"; add it to `claims.keep` of jwt.acme
        "#]],
        ),
        (
            "principal.scopes == \"read\"",
            expect![[r#"
            t.yaml:2: apis.shop.routes.get.allow.when: == compares a list of texts with text, which are never the same
        "#]],
        ),
        (
            "matches(request.path, \"x\")",
            expect![[r#"
            t.yaml:2: apis.shop.routes.get.allow.when: matches is not known here; known are && || ! ?: == != < <= > >= + - * / % in, [..], size, startsWith, endsWith, contains, int, has, exists, exists_one and all
        "#]],
        ),
    ] {
        check_allow(&format!("when: '{when}'"), &expected);
    }
    check_allow(
        "when: true",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.allow.when: true is not a string; put it in quotes: "true"
        "#]],
    );
}

#[test]
fn claims_and_strangers() {
    check(
        "identity",
        "identity: { anonymous: { tier: basci }, jwt: { acme: { issuer: https://id.example, \
         audiences: [api], jwks: { url: https://id.example/jwks }, claims: { tenant: \
         https://acme.example/tenant, groups: \"\", keep: [a., b, \"\"] } } } }",
        &expect![[r#"
            t.yaml:1: identity.anonymous.tier: no tier is named "basci"; did you mean "basic"?
            t.yaml:1: identity.jwt.acme.claims.groups: is empty; name a claim, or leave it out
            t.yaml:1: identity.jwt.acme.claims.keep[0]: "a." has an empty name in it; write names with dots between them, and `\.` for a dot in a name
            t.yaml:1: identity.jwt.acme.claims.keep[2]: is empty; name a claim, or leave it out
            t.yaml:1: identity.jwt.acme.claims.tenant: "https://acme.example/tenant" is a URL cut at its dots; write `\.` for a dot in a name
        "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: { optional: [jwt.acem, api_key] }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.auth.optional[0]: no issuer is named "acem"; write jwt.acme or api_key
        "#]],
    );
}

#[test]
fn shadows() {
    check_route(
        "match: { path: / }, backend: orders, auth: { any_of: [api_key] }, shadow: [auth, auth, allow, cache]",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.shadow[1]: stands twice; remove one
            t.yaml:2: apis.shop.routes.get.shadow[2]: nothing is asked for in `allow`; remove it
            t.yaml:2: apis.shop.routes.get.shadow[3]: "cache" cannot stand here; write auth, allow or limits
        "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: none, shadow: [auth]",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.shadow[0]: `auth: none` refuses nobody; remove it
        "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: { any_of: [api_key] }, allow: { scopes: [a] }, shadow: [auth]",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.shadow: `allow` is about who is calling, so it cannot refuse while `auth` does not; add allow
        "#]],
    );
}
