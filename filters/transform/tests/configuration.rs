//! Which changes are refused, in which words.

#![expect(clippy::unwrap_used, reason = "what a test writes is well formed")]

use tollgate_core::{Seed, parse};
use tollgate_transform::{MessageSpec, Transform, TransformFilter};

const SEED: Seed = Seed([7; 16]);

/// Why headers of a request are refused on a route with these parameters.
fn refusal(headers: &str, path_parameters: &[&str]) -> String {
    let spec: MessageSpec = serde_json::from_str(&format!(r#"{{"headers": {headers}}}"#)).unwrap();
    let compiled = Transform::compile(spec, MessageSpec::default(), path_parameters);
    compiled.unwrap_err().to_string()
}

#[test]
fn refusals_name_the_header() {
    for (headers, expected) in [
        (
            r#"{"set": {"x a": "1"}}"#,
            r#"request.headers.set.x a: "x a" is no header name; use letters, digits and hyphens"#,
        ),
        (
            r#"{"remove": ["x-a", ""]}"#,
            r#"request.headers.remove[1]: "" is no header name; use letters, digits and hyphens"#,
        ),
        (
            r#"{"add": {"x-caf\u00e9": "1"}}"#,
            r#"request.headers.add.x-café: "x-café" is no header name; use letters, digits and hyphens"#,
        ),
        (
            r#"{"set": {":path": "/"}}"#,
            r#"request.headers.set.:path: ":path" is a pseudo-header; only headers can be changed"#,
        ),
        (
            r#"{"remove": ["Host"]}"#,
            r#"request.headers.remove[0]: "host" says how a message travels, which Envoy decides; leave it alone"#,
        ),
        (
            r#"{"set": {"X-Tollgate-Tenant": "acme"}}"#,
            r#"request.headers.set.X-Tollgate-Tenant: "x-tollgate-tenant" is reserved for what the gateway says itself; choose another name"#,
        ),
        (
            r#"{"set": {"X-A": "1", "x-a": "2"}}"#,
            r#"request.headers.set.x-a: "x-a" is changed by request.headers.set.X-A already; change it in one place"#,
        ),
        (
            r#"{"set": {"x-a": "1"}, "remove": ["x-b", "x-a"]}"#,
            r#"request.headers.set.x-a: "x-a" is changed by request.headers.remove[1] already; change it in one place"#,
        ),
        (
            r#"{"set": {"x-a": "1"}, "add": {"x-a": "2"}}"#,
            r#"request.headers.add.x-a: "x-a" is changed by request.headers.set.x-a already; change it in one place"#,
        ),
        (
            r#"{"set": {"x-a": "1\n2"}}"#,
            r#"request.headers.set.x-a: "1\n2" has a control character in it; a value is one line of text"#,
        ),
        (
            r#"{"set": {"x-a": "a {path.id"}}"#,
            r#"request.headers.set.x-a: "a {path.id" has a { that no } follows; write {{ for a brace"#,
        ),
        (
            r#"{"set": {"x-a": "path.id} b"}}"#,
            r#"request.headers.set.x-a: "path.id} b" has a } that no { precedes; write }} for a brace"#,
        ),
        (
            r#"{"set": {"x-a": "{path.id}}"}}"#,
            r#"request.headers.set.x-a: "{path.id}}" has a } that no { precedes; write }} for a brace"#,
        ),
        (
            r#"{"add": {"x-a": "{request.headers.authorization}"}}"#,
            "request.headers.add.x-a: nothing is named \"request.headers.authorization\"; known are \
             path.NAME, principal.tenant, principal.subject, principal.tier, principal.scopes, \
             principal.groups and principal.method",
        ),
        (
            r#"{"add": {"x-a": "{principal.token}"}}"#,
            "request.headers.add.x-a: nothing is named \"principal.token\"; known are path.NAME, \
             principal.tenant, principal.subject, principal.tier, principal.scopes, \
             principal.groups and principal.method",
        ),
        (
            r#"{"add": {"x-a": "{}"}}"#,
            "request.headers.add.x-a: nothing is named \"\"; known are path.NAME, \
             principal.tenant, principal.subject, principal.tier, principal.scopes, \
             principal.groups and principal.method",
        ),
        (
            r#"{"set": {"x-order-id": "{path.idd}"}}"#,
            r#"request.headers.set.x-order-id: no path parameter is named "idd"; the path has id, item"#,
        ),
    ] {
        assert_eq!(refusal(headers, &["id", "item"]), expected, "{headers}");
    }
    assert_eq!(
        refusal(r#"{"set": {"x-a": "{path.id}"}}"#, &[]),
        r#"request.headers.set.x-a: no path parameter is named "id"; the path has none"#,
    );
}

#[test]
fn how_a_message_travels_cannot_be_changed_in_any_spelling() {
    for name in [
        "connection",
        "Content-Length",
        "content_length",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-connection",
        "TE",
        "trailer",
        "transfer-encoding",
        "Transfer.Encoding",
        "upgrade",
    ] {
        let config =
            |message: &str, headers: &str| format!(r#"{{"{message}": {{"headers": {headers}}}}}"#);
        for headers in [
            format!(r#"{{"set": {{"{name}": "1"}}}}"#),
            format!(r#"{{"add": {{"{name}": "1"}}}}"#),
            format!(r#"{{"remove": ["{name}"]}}"#),
        ] {
            for message in ["request", "response"] {
                let fault = module(&config(message, &headers)).unwrap_err();
                assert!(fault.contains("says how a message travels"), "{headers}: {fault}");
            }
        }
    }
}

#[test]
fn reserved_names_cannot_be_changed_in_requests_in_any_spelling() {
    for name in [
        "x-tollgate-tenant",
        "X_Tollgate_Scopes",
        "x.tollgate.x",
        "x-envoy-upstream-rq-timeout-ms",
        "x-forwarded-for",
        "x-forwarded-client-cert",
        "X_Forwarded_Host",
        "forwarded",
        "X-Real-IP",
        "x_real_ip",
        "x-request-id",
    ] {
        let fault = refusal(&format!(r#"{{"remove": ["{name}"]}}"#), &[]);
        assert!(fault.contains("is reserved for what the gateway says itself"), "{fault}");
        let response = format!(r#"{{"response": {{"headers": {{"remove": ["{name}"]}}}}}}"#);
        assert_eq!(module(&response), Ok(()), "{name}");
    }
}

#[test]
fn names_that_only_resemble_others_can_be_changed() {
    for name in ["x-tollgates", "x-forwarded", "hostname", "te2", "authorization", "x-real-ip-2"] {
        let config = format!(r#"{{"request": {{"headers": {{"remove": ["{name}"]}}}}}}"#);
        assert_eq!(module(&config), Ok(()), "{name}");
    }
}

#[test]
fn the_module_names_the_message_and_unknown_fields() {
    for (config, expected) in [
        (
            r#"{"response": {"headers": {"set": {"x-a": "{path.id}"}}}}"#,
            r#"response.headers.set.x-a: no path parameter is named "id"; the path has none"#,
        ),
        (
            r#"{"request": {"headers": {"sett": {}}}}"#,
            "request.headers.sett: unknown field `sett`, expected one of `set`, `add`, `remove` at \
             line 1 column 31",
        ),
        (
            r#"{"requests": {}}"#,
            "requests: unknown field `requests`, expected `request` or `response` at line 1 column 11",
        ),
    ] {
        assert_eq!(module(config).unwrap_err(), expected, "{config}");
    }
}

fn module(config: &str) -> Result<(), String> {
    let filter = parse::<TransformFilter>(config.as_bytes(), SEED);
    filter.map(|_| ()).map_err(|fault| fault.to_string())
}
