//! A document, and what is made of it.
#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::needless_raw_string_hashes, reason = "as `expect!` writes them")]

use expect_test::{Expect, expect};
use proptest::prelude::*;
use tollgate_import::{ImportFailed, Options, import};
use tollgate_model::{Loaded, Source, read};

const SHOP: &str = r##"
openapi: 3.1.0
info: { title: "The Shop", version: "1" }
servers:
  - url: "https://{region}.shop.example/v1"
    variables: { region: { default: eu } }
  - url: https://staging.shop.example
security: [{ oauth: [read] }]
paths:
  /orders:
    get: { operationId: listOrders }
    post: { operationId: addOrder, security: [{ oauth: [write] }, { key: [] }] }
  /orders/{orderId}:
    get: { security: [{ key: [] }, {}] }
    delete: { security: [{ key: [], oauth: [] }] }
  /reports/{name}.csv:
    get: { operationId: report, security: [{ basic: [] }] }
    head: { operationId: report-head }
  /public/{a;b}/x;y:
    get: { security: [] }
  /status:
    $ref: "#/components/pathItems/status"
components:
  pathItems:
    status: { get: { operationId: status, security: [] } }
  securitySchemes:
    oauth: { type: oauth2, flows: {} }
    key: { type: apiKey, in: header, name: X-Key }
    basic: { type: http, scheme: basic }
"##;

fn source(text: &str) -> Source {
    Source { name: "shop.yaml".to_owned(), bytes: text.as_bytes().to_vec() }
}

/// The configuration, and the notices as comments behind it.
fn imported(text: &str, options: &Options) -> String {
    match import(&source(text), options) {
        Ok(made) => {
            let notices = made.notices.iter().map(|notice| format!("# notice: {notice}\n"));
            made.text + &notices.collect::<Vec<_>>().concat()
        }
        Err(failed) => failed.to_string(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `expect!` makes it")]
fn check(text: &str, options: &Options, expected: Expect) {
    expected.assert_eq(&imported(text, options));
}

#[test]
fn a_document_becomes_a_configuration_that_lets_in_nobody_it_keeps_out() {
    check(
        SHOP,
        &Options::default(),
        expect![[r#"
            # Imported from an OpenAPI document: "The Shop"
            listeners:
              public: { address: "127.0.0.1:8080" }

            identity:
              api_key: { from: [{ header: "X-Key" }] }
              jwt:
                oauth:
                  issuer: "https://issuer.invalid"
                  audiences: ["api"]
                  jwks: { url: "https://issuer.invalid/.well-known/jwks.json" }

            backends:
              the-shop: { endpoints: ["eu.shop.example:443"], tls: {} }

            apis:
              the-shop:
                hosts: ["*"]
                routes:
                  list-orders:
                    match: { path: "/v1/orders", methods: [GET] }
                    backend: the-shop
                    auth: { any_of: [jwt.oauth] }
                    allow: { scopes: ["read"] }
                  add-order:
                    match: { path: "/v1/orders", methods: [POST] }
                    backend: the-shop
                    auth: { any_of: [jwt.oauth, api_key] }
                    allow: { scopes: ["write"] }
                  get-orders-order-id:
                    match: { path: "/v1/orders/{orderId}", methods: [GET] }
                    backend: the-shop
                    auth: { optional: [api_key] }
                  report-head:
                    match: { regex: "/v1/reports/[^/]+\\.csv", methods: [HEAD] }
                    backend: the-shop
                    auth: { any_of: [jwt.oauth] }
                    allow: { scopes: ["read"] }
                  status:
                    match: { path: "/v1/status", methods: [GET] }
                    backend: the-shop
                    auth: none
            # notice: of 2 servers the first is taken
            # notice: identity.jwt.oauth: issuer and keys are guessed, and to be filled in
            # notice: security scheme basic (http) is nothing that is judged
            # notice: POST /orders: its alternatives ask for different scopes; all are asked for
            # notice: DELETE /orders/{orderId}: two credentials at once are not accepted
            # notice: DELETE /orders/{orderId} is left out: its callers could not be judged as the document asks
            # notice: GET /reports/{name}.csv is left out: its callers could not be judged as the document asks
            # notice: GET /public/{a;b}/x;y is left out: "/v1/public/{a_b}/x;y" can never be requested: a segment of the path has parameters (`;`, as it is or escaped); write it as callers have to
            # notice: of 5 routes 1 may be called by anybody
        "#]],
    );
}

#[test]
fn what_the_document_does_not_say_can_be_said() {
    let options = Options {
        name: Some("shop".to_owned()),
        hosts: vec!["shop.example.com".to_owned()],
        backend: Some("127.0.0.1:9001".to_owned()),
        issuer: Some("https://id.example.com".to_owned()),
        audience: Some("shop".to_owned()),
    };
    let text = imported(SHOP, &options);
    for line in [
        "      issuer: \"https://id.example.com\"\n",
        "      audiences: [\"shop\"]\n",
        "  shop: { endpoints: [\"127.0.0.1:9001\"] }\n",
        "    hosts: [\"shop.example.com\"]\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[test]
fn what_is_no_document_is_refused() {
    let check = |text, expected| check(text, &Options::default(), expected);
    check(
        "swagger: '2.0'",
        expect![
            "shop.yaml: is no OpenAPI document of version 3.0 or 3.1; its field `openapi` says so"
        ],
    );
    check(
        "openapi: 3.0.3",
        expect!["shop.yaml: has no operation that can be taken over; the notices say why"],
    );
    check(
        "a: [",
        expect![
            "shop.yaml:1: not YAML: while parsing a node, did not find expected node content; look at indentation, quotes and brackets here and just before"
        ],
    );
    check(
        "openapi: 3.0.3\npaths: { /a: { get: { security: [{ x: [] }] } } }",
        expect!["shop.yaml: has no operation that can be taken over; the notices say why"],
    );
}

#[test]
fn an_openid_provider_names_its_issuer() {
    let text = r#"
openapi: 3.0.0
security: [{ id: [] }]
paths: { "/": { get: {} } }
components: { securitySchemes: { id: { type: openIdConnect,
  openIdConnectUrl: "https://id.example.com/.well-known/openid-configuration" } } }
"#;
    let text = imported(text, &Options::default());
    assert!(text.contains("      issuer: \"https://id.example.com\"\n"), "{text}");
    assert!(text.contains("auth: { any_of: [jwt.id] }"), "{text}");
}

proptest! {
    /// Whatever stands in a document: a good configuration, or a reason.
    #[test]
    fn what_is_made_is_always_good(
        path in "(/([a-z{}.;% ü]|\\{[a-z]\\}){0,4}){1,3}",
        id in "[ -~ü]{0,8}",
        url in "(https?://)?[ -~]{0,12}",
        scope in "[ -~]{0,6}",
    ) {
        let document = serde_json::json!({
            "openapi": "3.0.1", "info": { "title": id }, "servers": [{ "url": url }],
            "paths": { path: { "get": { "operationId": id }, "post": {
                "security": [{ "key": [scope] }] } } },
            "components": { "securitySchemes": {
                "key": { "type": "apiKey", "in": "header", "name": id } } },
        });
        match import(&source(&document.to_string()), &Options::default()) {
            Ok(made) => {
                let draft = read(&[source(&made.text)]).unwrap();
                draft.compile(&Loaded::default()).unwrap();
            }
            Err(ImportFailed::Nothing(..) | ImportFailed::NotGood(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
}
