//! Every way to be wrong, and what is said about it, word for word.
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them so")]
#![expect(clippy::too_many_lines, reason = "tables are as long as there are ways to be wrong")]
#![expect(clippy::format_collect, reason = "a test may be slow where it reads well")]

mod actions;
mod allow;
mod answers;
mod backend_token;
mod backends;
mod budgets;
mod envoys;
mod file;
mod identity;
mod introspection;
mod routes;
mod sections;
mod signing;
mod tls;
mod types;

use expect_test::{Expect, expect};
use tollgate_model::{Loaded, Source, read};

/// A whole good file, by section.
const GOOD: [(&str, &str); 6] = [
    ("listeners", "{ public: { address: 127.0.0.1:8080 } }"),
    (
        "identity",
        "{ jwt: { acme: { issuer: https://id.example, audiences: [api], \
         jwks: { url: https://id.example/jwks } } }, api_key: { from: [{ header: x-api-key }] } }",
    ),
    ("tiers", "{ basic: { limits: [{ requests: 5, per: second }] } }"),
    ("tenants", "{ initech: { tier: basic } }"),
    ("backends", "{ orders: { endpoints: [127.0.0.1:9000] } }"),
    (
        "apis",
        "{ shop: { hosts: [a.example], routes: { get: { match: { path: / }, backend: orders, \
         auth: none } } } }",
    ),
];

/// The faults of a good file one section of which is written otherwise. It
/// stands first, so that its first line is the file's.
#[track_caller]
fn check(section: &str, text: &str, expected: &Expect) {
    let rest = good_but(section);
    expected.assert_eq(&faults(&[("t.yaml", format!("{text}\n{rest}").as_bytes())]));
}

fn good_but(section: &str) -> String {
    let rest = GOOD.iter().filter(|(name, _)| *name != section);
    rest.map(|(name, text)| format!("{name}: {text}\n")).collect()
}

/// One line a fault; `ok` if there is none.
fn faults(files: &[(&str, &[u8])]) -> String {
    faults_with(files, &Loaded::default())
}

fn faults_with(files: &[(&str, &[u8])], loaded: &Loaded) -> String {
    let source =
        |(name, bytes): &(&str, &[u8])| Source { name: (*name).to_owned(), bytes: bytes.to_vec() };
    let sources: Vec<Source> = files.iter().map(source).collect();
    match read(&sources).and_then(|draft| draft.compile(loaded)) {
        Ok(_) => "ok\n".to_owned(),
        Err(faults) => faults.iter().map(|fault| format!("{fault}\n")).collect(),
    }
}

#[track_caller]
fn check_file(text: &str, expected: &Expect) {
    expected.assert_eq(&faults(&[("t.yaml", text.as_bytes())]));
}

/// One route that differs from the good one in these fields.
#[track_caller]
fn check_route(fields: &str, expected: &Expect) {
    check(
        "apis",
        &format!(
            "apis: {{ shop: {{ hosts: [a.example], routes: {{ get: {{\n {fields}\n }} }} }} }}"
        ),
        expected,
    );
}

#[test]
fn the_good_file_has_no_fault() {
    check(
        "",
        "",
        &expect![[r#"
        ok
    "#]],
    );
}

#[test]
fn a_file_with_ten_faults_has_ten_lines() {
    check_file(
        "listeners:
  public:
    address: 8080
identity:
  api_key: { from: [{ header: x-api-key }] }
tiers:
  basic:
    limits: [{ requets: 5, requests: 5, per: second }, { requests: 0, per: second }]
tenants:
  initech: { tier: basci }
backends:
  orders:
    endpoints: [127.0.0.1]
    timeout: 2h
apis:
  orders:
    hosts: [orders.example.com:8080]
    routes:
      get-order:
        match: { path: \"/orders/{id}\", methods: [GET] }
        backend: order
        request: { headers: { set: { x-order-id: \"{path.idd}\" } } }
",
        &expect![[r#"
            t.yaml:3: listeners.public.address: 8080 is not a string; write a string such as 127.0.0.1:8080
            t.yaml:8: tiers.basic.limits[0].requets: unknown field `requets`; did you mean `requests`?
            t.yaml:8: tiers.basic.limits[1].requests: 0 is not at least 1; use `allow` to keep callers out
            t.yaml:10: tenants.initech.tier: no tier is named "basci"; did you mean "basic"?
            t.yaml:13: backends.orders.endpoints[0]: "127.0.0.1" has no port; write host and port, such as 10.0.0.1:9000
            t.yaml:14: backends.orders.timeout: 2h is not between 1ms and 1h
            t.yaml:17: apis.orders.hosts[0]: "orders.example.com:8080" has a port; write the name alone, it is served on every listener
            t.yaml:19: apis.orders.routes.get-order.auth: missing; write how callers prove who they are; `auth: none` admits everybody and has to be written
            t.yaml:21: apis.orders.routes.get-order.backend: no backend is named "order"; did you mean "orders"?
            t.yaml:22: apis.orders.routes.get-order.request.headers.set.x-order-id: no path parameter is named "idd"; the path has id
        "#]],
    );
}
