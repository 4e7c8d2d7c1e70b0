//! A request through every stage.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod common;

use common::{Gate, ROUTE, after, body, body_path, config, contract, edits, id, show};
use serde_json::json;
use tollgate_core::{Edit, Filter as _, Headers};

const ACME: (&str, &str) = ("x-api-key", "acme-key");
const GLOBEX: (&str, &str) = ("x-api-key", "globex-key");
const UNAUTHENTICATED: &str = "401 unauthenticated www-authenticate: ApiKey header=\"x-api-key\"";

const DUPLICATE: &str = "400 duplicate-credentials www-authenticate: ApiKey header=\"x-api-key\"";

/// Method, path, headers, and what comes of it.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);

#[test]
fn every_stage_says_no_in_its_turn() {
    let both =
        "www-authenticate: Bearer realm=\"tollgate\" www-authenticate: ApiKey header=\"x-api-key\"";
    let table: &[Case] = &[
        ("GET", "/orders/7", &[ACME], "200"),
        ("GET", "/orders/7/?x=y", &[ACME], "200"),
        ("GET", "/orders/../orders/7", &[ACME], "400 ambiguous-path"),
        ("GET", "/orders/%2e%2e;/7", &[ACME], "400 ambiguous-path"),
        ("GET", "/orders/7;a=b", &[], "400 ambiguous-path"),
        ("OPTIONS", "*", &[], "400 ambiguous-path"),
        ("GET", "", &[], "400 ambiguous-path"),
        ("GET", "/nowhere", &[ACME], "404 no-route"),
        ("GET", "/Orders/7", &[ACME], "404 no-route"),
        ("GET", "/v?q", &[("x-version", "2")], "200"),
        ("GET", "/v", &[("x-version", "2")], "404 no-route"),
        ("GET", "/v?q", &[("x-version", "2"), ("x-version", "1")], "400 ambiguous-request"),
        ("POST", "/orders/7", &[ACME], "405 method-not-allowed allow: GET, PUT"),
        ("get", "/orders/7", &[ACME], "405 method-not-allowed allow: GET, PUT"),
        ("POST", "/keyed", &[], "405 method-not-allowed allow: GET, HEAD, OPTIONS"),
        ("GET", "/other", &[ACME], "500 route-mismatch"),
        ("GET", "/keyed", &[], UNAUTHENTICATED),
        ("HEAD", "/keyed", &[], UNAUTHENTICATED),
        ("OPTIONS", "/keyed", &[], UNAUTHENTICATED),
        ("HEAD", "/keyed", &[GLOBEX], "200"),
        ("OPTIONS", "/keyed", &[GLOBEX], "200"),
        (
            "GET",
            "/keyed",
            &[("x-api-key", "wrong")],
            "401 invalid-api-key www-authenticate: ApiKey header=\"x-api-key\"",
        ),
        ("GET", "/keyed", &[ACME, GLOBEX], DUPLICATE),
        ("GET", "/keyed", &[ACME, ("authorization", "Bearer a.b.c")], DUPLICATE),
        ("GET", "/orders/7", &[], &format!("401 unauthenticated {both}")),
        ("GET", "/orders/7", &[GLOBEX], "403 insufficient-scope"),
        ("PUT", "/orders/7", &[ACME], "403 insufficient-scope"),
        ("GET", "/public/x", &[], "200"),
        ("DELETE", "/public", &[("authorization", "Basic eA==")], "200"),
    ];
    let mut gate = Gate::new();
    for &(method, path, headers, expected) in table {
        let verdict = gate.ask(method, path, headers);
        assert_eq!(show(&verdict), expected, "{method} {path} {headers:?}");
    }
}

#[test]
fn the_backend_sees_who_calls_and_what_the_route_writes() {
    let sent = [
        ACME,
        ("accept", "*/*"),
        ("x-debug", "1"),
        ("x-tollgate-tenant", "evil"),
        ("x-order-id", "evil"),
        ("x-forwarded-for", "203.0.113.9, 192.0.2.7"),
        ("x-request-id", "r"),
    ];
    let edits = edits(Gate::new().get("/orders/a%20b", &sent[..]));
    let seen = after(&sent, &edits.request);
    let seen: Vec<_> = seen.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(
        seen,
        [
            "accept: */*",
            "x-forwarded-for: 192.0.2.7",
            "x-order-id: a b",
            "x-request-id: r",
            "x-tollgate-scopes: orders.read orders.write",
            "x-tollgate-subject: k1",
            "x-tollgate-tenant: acme",
            "x-tollgate-tier: pro",
        ]
    );
    assert!(edits.response.contains(&Edit::remove("server")));
}

#[test]
fn credentials_reach_no_backend_of_a_public_route_either() {
    for path in ["/public", "/orders/7"] {
        let edits = edits(Gate::new().get(path, &[ACME]));
        assert_eq!(
            after(&[ACME], &edits.request).iter().filter(|(n, _)| n == "x-api-key").count(),
            0
        );
    }
    let bearer = [("authorization", "Bearer a.b.c")];
    let edits = edits(Gate::new().get("/public", &bearer));
    assert_eq!(after(&bearer, &edits.request), []);
}

#[test]
fn refused_callers_are_not_counted() {
    let mut gate = Gate::new();
    let stranger = [("x-api-key", "wrong")];
    for _ in 0..5 {
        assert!(show(&gate.get("/slow", &stranger)).starts_with("401"));
    }
    assert_eq!(show(&gate.get("/slow", &[GLOBEX])), "200");
    assert!(show(&gate.get("/slow", &[GLOBEX])).starts_with("429 rate-limited"));
    assert_eq!(show(&gate.get("/slow", &[ACME])), "200");
}

#[test]
fn counters_that_are_unavailable_refuse() {
    let mut gate = Gate::new();
    gate.host.down = true;
    assert!(show(&gate.get("/slow", &[GLOBEX])).starts_with("503 counters-unavailable"));
    assert_eq!(show(&gate.get("/keyed", &[GLOBEX])), "200");
}

#[test]
fn keys_that_have_not_arrived_refuse() {
    let token = [(
        "authorization",
        "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJhcGkiLCJzdWIiOiJ4IiwiZXhwIjo5OTk5OTk5OTk5fQ.AAAA",
    )];
    let verdict = Gate::new().get("/token", &token);
    assert!(show(&verdict).starts_with("503 keys-unavailable"), "{}", show(&verdict));
}

#[test]
fn a_route_without_contract_is_no_route() {
    let mut gate = Gate::new();
    gate.host.properties.remove(ROUTE);
    assert_eq!(show(&gate.get("/public", &[])), "404 no-route");
}

/// What a contract of one brace would be called: `printf { | sha256sum`.
const BRACE_ID: &str = "021fb596db81e6d02bf3d2586ee3981f";

/// Whatever stands in place of a contract: never passed.
#[test]
fn a_contract_that_cannot_be_had_refuses() {
    let id = &id(&contract());
    let other = json!({"api": "x", "operations": []});
    let unknown_issuer = json!({"api": "x", "operations": [
        {"name": "x", "group": "a", "match": {"prefix": "/"}, "access": {"auth": {"any_of": ["jwt.x"]}}},
    ]});
    for (route, body, detail) in [
        (format!("{id} a"), None, "the policy that the route names is missing"),
        (format!("{id} a"), Some(String::new()), "the policy is not the one that the route names"),
        (format!("{id} a"), Some(body(&other)), "the policy is not the one that the route names"),
        (
            format!("{id} a"),
            Some(body(&contract()) + " "),
            "the policy is not the one that the route names",
        ),
        (
            format!("{BRACE_ID} a"),
            Some("{".to_owned()),
            "the policy that the route names is malformed",
        ),
        (
            format!("{} a", common::id(&unknown_issuer)),
            Some(body(&unknown_issuer)),
            "the policy that the route names is malformed",
        ),
        ("a".to_owned(), None, "the route names no policy"),
        (String::new(), None, "the route names no policy"),
        (format!("{id}0 a"), Some(body(&contract())), "the route names no policy"),
    ] {
        let mut gate = Gate::new();
        gate.host.properties.insert(ROUTE.to_vec(), route.clone().into_bytes());
        let named = body_path(route.split(' ').next().unwrap());
        match &body {
            Some(body) => gate.host.properties.insert(named, body.clone().into_bytes()),
            None => gate.host.properties.remove(&named),
        };
        for _ in 0..2 {
            let tollgate_core::Verdict::Reply(reply) = gate.get("/public", &[]) else {
                panic!("{route}")
            };
            assert_eq!((reply.problem.status, reply.problem.name), (500, "no-contract"), "{route}");
            assert_eq!(reply.detail, detail, "{route} {body:?}");
        }
    }
}

#[test]
fn a_contract_that_arrives_late_serves() {
    let mut gate = Gate::new();
    let path = body_path(&id(&contract()));
    let body = gate.host.properties.remove(&path).unwrap();
    assert!(show(&gate.get("/public", &[])).starts_with("500"));
    gate.host.properties.insert(path, body);
    assert_eq!(show(&gate.get("/public", &[])), "200");
}

#[test]
fn groups_are_compared_whole() {
    for (group, expected) in
        [("a", "200"), ("", "500"), ("b", "500"), ("a b", "200"), ("ab", "500"), ("A", "500")]
    {
        let mut gate = Gate::new();
        gate.host.properties.insert(ROUTE.to_vec(), format!("{} {group}", id(&contract())).into());
        assert!(show(&gate.get("/public", &[])).starts_with(expected), "group {group:?}");
    }
}

#[test]
fn a_contract_is_read_once() {
    let mut gate = Gate::new();
    for calls in [2, 3, 4] {
        gate.get("/public", &[]);
        assert_eq!(gate.host.calls.property, calls, "one for the route; one, once, for the body");
    }
}

/// The cache is bounded, and the contract used least recently leaves it.
#[test]
fn old_contracts_make_room() {
    let mut gate = Gate::of(&config(), &contract());
    let many = |n: usize| {
        json!({"api": n.to_string(), "operations": [
            {"name": "x", "group": "a", "match": {"prefix": "/"}, "access": {"auth": "none"}},
        ]})
    };
    let mut reads = |contract: &serde_json::Value| {
        gate.host.properties.insert(ROUTE.to_vec(), format!("{} a", id(contract)).into());
        gate.host.properties.insert(body_path(&id(contract)), body(contract).into());
        let before = gate.host.calls.property;
        assert_eq!(show(&gate.get("/public", &[])), "200");
        gate.host.calls.property - before - 1
    };
    for n in 0..1024 {
        assert_eq!(reads(&many(n)), 1, "{n}");
    }
    assert_eq!(reads(&many(0)), 0);
    assert_eq!(reads(&many(1024)), 1);
    assert_eq!(reads(&many(0)), 0);
    assert_eq!(reads(&many(1)), 1);
}

#[test]
fn the_id_is_of_the_canonical_form() {
    let spec: tollgate_gateway::ContractSpec = serde_json::from_value(contract()).unwrap();
    let again: tollgate_gateway::ContractSpec = serde_json::from_str(&spec.canonical()).unwrap();
    assert_eq!(again, spec);
    assert_eq!(again.canonical(), spec.canonical());
    assert_eq!(again.id(), spec.id());
    let empty = tollgate_gateway::ContractSpec {
        api: "a".into(),
        limits: vec![],
        backends: <_>::default(),
        operations: vec![],
    };
    assert_eq!(empty.canonical(), r#"{"api":"a","operations":[]}"#);
    assert_eq!(empty.id(), "db8ebf10be6e6a4667882d2e8841a033");
}

#[test]
fn trailers_carry_neither_identity_nor_credentials() {
    let trailers: Headers = [
        ("x-tollgate-tenant", "evil"),
        ("X.Real.Ip", "1"),
        ("x-api-key", "acme-key"),
        ("grpc-status", "0"),
    ]
    .into_iter()
    .collect();
    let edits = Gate::new().gateway.on_request_trailers(&trailers);
    assert_eq!(edits, ["x-tollgate-tenant", "X.Real.Ip", "x-api-key"].map(Edit::remove));
}

/// A contract whose one operation has these fields beside what every one has.
fn one_operation(fields: &serde_json::Value) -> serde_json::Value {
    let mut operation = json!({"name": "get", "group": "a", "match": {"path": "/n/{n}"},
        "access": {"auth": {"any_of": ["api_key"]}}});
    operation.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({"api": "orders", "operations": [operation],
        "limits": [{"by": ["api"], "requests": 1000, "per": "hour"}]})
}

fn remaining(verdict: tollgate_core::Verdict) -> String {
    let edits = edits(verdict).response;
    let field = edits.into_iter().find(|edit| &*edit.name == "ratelimit").unwrap();
    let tollgate_core::Operation::Add(value) = field.operation else { return String::new() };
    String::from_utf8(value.to_vec()).unwrap()
}

#[test]
fn an_expression_says_what_a_request_costs() {
    let costs = |text: &str| json!({"limits": [{"requests": 100, "per": "day", "cost": {"expression": text}}]});
    for (text, path, expected) in [
        ("int(request.path_params.n) + 1", "/n/4", Some(95)),
        ("(int(request.path_params.n) * 10 - 5) / 3 % 4", "/n/2", Some(99)),
        ("request.method == 'GET' ? 2 : 9", "/n/1", Some(98)),
        ("int(request.path_params.n)", "/n/-7", None),
        ("-int(request.path_params.n)", "/n/7", None),
        ("int(request.path_params.n)", "/n/x", None),
        ("int(request.path_params.n) * 9223372036854775807", "/n/2", None),
        ("9223372036854775807 + int(request.path_params.n)", "/n/1", None),
        ("1 / int(request.path_params.n)", "/n/0", None),
        ("1 % int(request.path_params.n)", "/n/0", None),
        ("int(request.path_params.n)", "/n/1000000001", None),
    ] {
        let mut gate = Gate::of(&config(), &one_operation(&costs(text)));
        let verdict = gate.get(path, &[GLOBEX]);
        match expected {
            Some(left) => {
                let field = remaining(verdict);
                assert!(field.starts_with(&format!("\"tenant-day\";r={left};")), "{text}: {field}");
            }
            None => assert_eq!(show(&verdict), "400 invalid-cost", "{text} {path}"),
        }
    }
    // What costs nothing passes, and counts nowhere but in the other limits.
    let mut gate = Gate::of(&config(), &one_operation(&costs("int(request.path_params.n)")));
    let field = remaining(gate.get("/n/0", &[GLOBEX]));
    assert!(field.starts_with("\"orders-api-hour\";r=999;"), "{field}");
}

#[test]
fn limits_in_shadow_count_and_refuse_nobody() {
    let tried = json!({"limits": [{"requests": 1, "per": "hour"}], "shadow": ["limits"]});
    let mut gate = Gate::of(&config(), &one_operation(&tried));
    assert_eq!(edits(gate.get("/n/1", &[GLOBEX])).response, []);
    assert!(!gate.host.properties.contains_key(tollgate_core::property::SHADOW));
    assert_eq!(edits(gate.get("/n/1", &[GLOBEX])).response, []);
    let reported = gate.host.properties.get(tollgate_core::property::SHADOW).unwrap();
    assert_eq!(reported, b"tollgate.rate-limited");
}

#[test]
fn whoever_is_recognised_can_ask_how_its_limits_stand() {
    let contract = one_operation(&json!({"limits": [{"requests": 5, "per": "hour"}]}));
    let mut gate = Gate::of(&config(), &contract);
    edits(gate.get("/n/1", &[ACME]));
    gate.host.properties.insert(ROUTE.to_vec(), format!("{} =limits", id(&contract)).into());
    let tollgate_core::Verdict::Answer(content) = gate.get("/limits", &[ACME]) else { panic!() };
    let body: serde_json::Value = serde_json::from_str(&content.body).unwrap();
    assert_eq!((&body["tenant"], &body["tier"]), (&json!("acme"), &json!("pro")));
    let told = |entry: &serde_json::Value| {
        let of = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
        format!("{} {} {} {}", of("limit"), of("api"), of("route"), entry["left"])
    };
    let limits: Vec<_> = body["limits"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(
        limits,
        ["pro-hour - - 99", "orders-api-hour orders - 999", "tenant-hour orders get 4"]
    );
    assert_eq!(show(&gate.get("/limits", &[])), UNAUTHENTICATED);
    assert_eq!(
        show(&gate.ask("POST", "/limits", &[ACME])),
        "405 method-not-allowed allow: GET, HEAD"
    );
}
