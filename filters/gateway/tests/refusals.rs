//! Every way in which a contract can be wrong, word for word.
#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::{Value, json};
use tollgate_auth::Authenticator;
use tollgate_core::{ConfigError, Seed, parse};
use tollgate_gateway::{Contract, ContractSpec, Gateway};

fn check(operations: &Value, expected: &str) {
    let identity = json!({"api_key": {"from": [{"header": "X-Api-Key"}]}});
    let identity = serde_json::from_value(identity).unwrap();
    let authenticator = Authenticator::compile(identity, Seed([0; 16])).unwrap();
    let spec: ContractSpec =
        serde_json::from_value(json!({"api": "a", "operations": operations})).unwrap();
    let fault = Contract::compile(spec, &authenticator).err().map(|fault| fault.to_string());
    assert_eq!(fault.as_deref(), Some(expected), "operations: {operations}");
}

fn check_matches(table: &[(Value, &str)]) {
    for (r#match, expected) in table {
        check(&json!([operation("a", r#match)]), &format!("operations[0].{expected}"));
    }
}

fn operation(name: &str, r#match: &Value) -> Value {
    json!({"name": name, "group": "g", "match": r#match, "access": {"auth": "none"}})
}

#[test]
fn paths_that_make_no_sense() {
    let many = "/a".repeat(65);
    check_matches(&[
        (json!({}), "match: has no path; write one of path, prefix and regex"),
        (
            json!({"path": "/", "prefix": "/"}),
            "match: has path and prefix; write only one of path, prefix and regex",
        ),
        (
            json!({"path": "/", "regex": "/"}),
            "match: has path and regex; write only one of path, prefix and regex",
        ),
        (
            json!({"prefix": "/", "regex": "/"}),
            "match: has prefix and regex; write only one of path, prefix and regex",
        ),
        (
            json!({"path": "orders"}),
            "match.path: \"orders\" does not begin with a slash; write \"/orders\"",
        ),
        (json!({"prefix": ""}), "match.prefix: \"\" does not begin with a slash; write \"/\""),
        (json!({"path": "/a?b=c"}), "match.path: \"/a?b=c\" has a query; move it to match.query"),
        (
            json!({"path": "/a//b"}),
            "match.path: \"/a//b\" can never be requested: the path has two slashes in a row; \
             write it as callers have to",
        ),
        (
            json!({"prefix": "/a/../b"}),
            "match.prefix: \"/a/../b\" can never be requested: a segment of the path is `.` or \
             `..`; write it as callers have to",
        ),
        (
            json!({"path": "/café"}),
            "match.path: \"/café\" can never be requested: the path has a character that must be \
             escaped; write it as callers have to",
        ),
        (json!({"path": many}), "match.path: has 65 segments; at most 64 are matched"),
        (
            json!({"prefix": "/a/{id}"}),
            "match.prefix: \"/a/{id}\" has a parameter; use match.path or match.regex",
        ),
        (
            json!({"path": "/a/x{id}"}),
            "match.path: \"/a/x{id}\" has a parameter in part of the segment \"x{id}\"; make it \
             the whole segment, or use match.regex",
        ),
        (
            json!({"path": "/{}"}),
            "match.path: \"/{}\" has a parameter named \"\"; use letters, digits, `_` and `-`",
        ),
        (
            json!({"path": "/{a}{b}"}),
            "match.path: \"/{a}{b}\" has a parameter named \"a}{b\"; use letters, digits, `_` \
             and `-`",
        ),
        (
            json!({"path": "/{id}/{id}"}),
            "match.path: \"/{id}/{id}\" has two parameters named \"id\"; rename one",
        ),
    ]);
}

#[test]
fn regular_expressions_and_methods_that_make_no_sense() {
    check_matches(&[
        (
            json!({"regex": "/(a"}),
            "match.regex: \"/(a\" is not a regular expression: unclosed group; use the syntax of \
             RE2",
        ),
        (
            json!({"regex": "/a)|(/b"}),
            "match.regex: \"/a)|(/b\" is not a regular expression: unopened group; use the syntax \
             of RE2",
        ),
        (
            json!({"regex": "(?:a{1000}){1000}"}),
            "match.regex: \"(?:a{1000}){1000}\" takes more than 1 MiB compiled; use fewer or \
             smaller repetitions",
        ),
        (
            json!({"path": "/", "methods": ["GET", "get"]}),
            "match.methods[1]: \"get\" is not a method; write one such as GET, in capitals",
        ),
        (
            json!({"path": "/", "methods": [""]}),
            "match.methods[0]: \"\" is not a method; write one such as GET, in capitals",
        ),
        (
            json!({"path": "/", "methods": ["GET", "GET"]}),
            "match.methods[1]: \"GET\" stands there already; remove it",
        ),
    ]);
}

#[test]
fn conditions_that_make_no_sense() {
    check_matches(&[
        (
            json!({"path": "/", "headers": {"x y": "1"}}),
            "match.headers.x y: \"x y\" is not a header name",
        ),
        (
            json!({"path": "/", "headers": {"X-A": "1", "x-a": "1"}}),
            "match.headers.x-a: the header stands there twice, in different case; remove one",
        ),
        (
            json!({"path": "/", "headers": {"X_Forwarded.Host": "a"}}),
            "match.headers.X_Forwarded.Host: \"X_Forwarded.Host\" is reserved, so callers cannot \
             send it; use another header",
        ),
        (
            json!({"path": "/", "headers": {"Host": "a"}}),
            "match.headers.Host: the host is not matched as a header; use hosts of the api",
        ),
        (
            json!({"path": "/", "headers": {"x-a": "1\n"}}),
            "match.headers.x-a: \"1\\n\" cannot stand in a header; use other characters",
        ),
        (
            json!({"path": "/", "headers": {"x-a": {"regex": "["}}}),
            "match.headers.x-a.regex: \"[\" is not a regular expression: unclosed character \
             class; use the syntax of RE2",
        ),
        (
            json!({"path": "/", "query": {"q": {"regex": "*"}}}),
            "match.query.q.regex: \"*\" is not a regular expression: repetition operator missing \
             expression; use the syntax of RE2",
        ),
        (
            json!({"path": "/", "headers": {"X-Api-Key": "1"}}),
            "match.headers.x-api-key: \"x-api-key\" carries credentials, which are taken out \
             before the backend is chosen; use another one",
        ),
    ]);
}

#[test]
fn limits_of_a_match_are_where_they_are_said_to_be() {
    let fine = json!([operation("a", &json!({"path": "/a".repeat(64)}))]);
    let spec = serde_json::from_value(json!({"api": "a", "operations": fine})).unwrap();
    let nobody = Authenticator::compile(serde_json::from_value(json!({})).unwrap(), Seed([0; 16]));
    assert!(Contract::compile(spec, &nobody.unwrap()).is_ok());
}

#[test]
fn policies_that_make_no_sense() {
    let mut base = operation("a", &json!({"path": "/{id}"}));
    let with = |field: &str, value: Value| {
        let mut changed = base.clone();
        changed[field] = value;
        json!([changed])
    };
    check(
        &with("access", json!({"auth": {"any_of": ["jwt.x"]}})),
        "operations[0].auth.any_of[0]: no issuer is named \"x\"; write api_key",
    );
    check(
        &with("limits", json!([{"by": ["route"], "requests": 0, "per": "second"}])),
        "operations[0].limits[0].requests: 0 is not at least 1; use `allow` to keep callers out",
    );
    check(
        &with("request", json!({"headers": {"set": {"x-a": "{path.x}"}}})),
        "operations[0].request.headers.set.x-a: no path parameter is named \"x\"; the path has id",
    );
    base["match"] = json!({"path": "/", "headers": {"x-v": "1"}});
    base["request"] = json!({"headers": {"remove": ["X-V"]}});
    check(
        &json!([base]),
        "operations[0].request.headers: \"x-v\" decides which route is taken, so it cannot be \
         changed; match another header",
    );
}

#[test]
fn operations_have_names_of_their_own() {
    let path = json!({"path": "/"});
    check(
        &json!([operation("a", &path), operation("b", &path), operation("a", &path)]),
        "operations[2].name: \"a\" stands there already; rename one",
    );
}

#[test]
fn plugin_configurations_that_make_no_sense() {
    for (config, expected) in [
        (
            json!({"tiers": {"basic": {"limits": [{"requests": 0, "per": "second"}]}}}),
            "tiers.basic.limits[0].requests: 0 is not at least 1; use `allow` to keep callers out",
        ),
        (
            json!({"tiers": {"basic": {"limits": [
                {"requests": 1, "per": "hour"},
                {"by": [{"claim": "org.id"}], "requests": 1, "per": "second"},
            ]}}}),
            "tiers.basic.limits[1].by: no issuer keeps the claim \"org.id\"; add it to `claims.keep` \
             of an issuer",
        ),
        (
            json!({"identity": {"api_key": {"from": [{"header": "a b"}]}}}),
            "identity.api_key.from[0].header: \"a b\" is not a header name",
        ),
        (
            json!({"trusted_hops": -1}),
            "trusted_hops: invalid value: integer `-1`, expected u32 at line 1 column 18",
        ),
        (
            json!({"hops": 1}),
            "hops: unknown field `hops`, expected one of `identity`, `tiers`, `tenants`, `budgets`, `telling`, \
             `fleet`, `trusted_hops`, `shards` at line 1 column 7",
        ),
    ] {
        let fault = parse::<Gateway>(config.to_string().as_bytes(), Seed([0; 16])).err();
        let text = fault.as_ref().map(ConfigError::to_string);
        assert_eq!(text.as_deref(), Some(expected), "config: {config}");
    }
}

#[test]
fn limits_that_ask_for_what_cannot_be_had() {
    let limited = |auth: Value, limit: Value| {
        let mut operation = operation("a", &json!({"path": "/{id}"}));
        operation["access"] = json!({"auth": auth});
        operation["limits"] = json!([limit]);
        json!([operation])
    };
    let key = json!({"any_of": ["api_key"]});
    let costs = |text: &str| json!({"requests": 1, "per": "hour", "cost": {"expression": text}});
    for (auth, limit, expected) in [
        (
            json!("none"),
            json!({"by": [{"claim": "org.id"}], "requests": 1, "per": "hour"}),
            "limits[0].by: no issuer that the route accepts keeps the claim \"org.id\"; add it to \
             `claims.keep` of an issuer, and name that issuer in `auth`",
        ),
        (
            json!("none"),
            costs("size(principal.scopes)"),
            "limits[0].cost.expression: asks for the principal, and nobody is recognised with \
             `auth: none`; name a method in `auth`, or ask for the request alone",
        ),
        (
            key.clone(),
            costs("principal.claims.n"),
            "limits[0].cost.expression: no issuer that the route accepts keeps the claim \"n\"; add it \
             to `claims.keep` of an issuer, and name that issuer in `auth`",
        ),
        (
            key.clone(),
            costs("request.path_params.id"),
            "limits[0].cost.expression: gives text rather than a number; write one, or make one of \
             text by int(text)",
        ),
        (
            key.clone(),
            costs("int(request.path_params.nr)"),
            "limits[0].cost.expression: no path parameter is named \"nr\"; the path has id",
        ),
        (
            key,
            costs("1 - true"),
            "limits[0].cost.expression: - is given true or false where it takes numbers",
        ),
    ] {
        check(&limited(auth, limit), &format!("operations[0].{expected}"));
    }
}
