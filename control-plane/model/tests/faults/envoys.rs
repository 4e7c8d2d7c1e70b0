//! Which Envoys something is for.

use expect_test::expect;

use crate::{check, check_file};

#[test]
fn names() {
    check(
        "listeners",
        "listeners: { public: { address: 127.0.0.1:80, envoys: [edge, inner, edge] } }",
        &expect![[r#"
            t.yaml:1: listeners.public.envoys[2]: "edge" is written twice; take one of them out
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [127.0.0.1:9000], envoys: [] } }",
        &expect![[r#"
            t.yaml:1: backends.orders.envoys: the list is empty; write at least one entry
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [127.0.0.1:9000], envoys: edge } }",
        &expect![[r#"
            t.yaml:1: backends.orders.envoys: "edge" is not a list; write it in brackets: [edge]
        "#]],
    );
}

const GENERAL: &str = "
listeners: { public: { address: 127.0.0.1:80 } }
backends:
  all: { endpoints: [127.0.0.1:9000] }
  edge: { endpoints: [127.0.0.1:9000], envoys: [edge] }
apis:
";

/// An API with a route to a backend.
fn api(name: &str, backend: &str, more: &str) -> String {
    format!(
        "  {name}: {{ hosts: [a.example], routes: {{ r: {{ match: {{ path: /{name} }}, \
         backend: {backend}, auth: none }} }}{more} }}\n"
    )
}

fn check_apis(apis: &[(&str, &str, &str)], expected: &expect_test::Expect) {
    let apis: String = apis.iter().map(|(name, backend, more)| api(name, backend, more)).collect();
    check_file(&format!("{GENERAL}{apis}"), expected);
}

#[test]
fn those_that_share_a_host_are_for_the_same() {
    check_apis(
        &[
            ("one", "all", ", envoys: [edge, inner]"),
            ("other", "all", ", envoys: [inner, edge]"),
            ("third", "all", ", envoys: [inner]"),
            ("fourth", "all", ""),
        ],
        &expect![[r#"
            t.yaml:7: apis.one.envoys: this API is for Envoys of edge, inner, and apis.fourth, which shares a.example with it, for all Envoys; Envoys are told all of a host or nothing, so write the same for both
            t.yaml:8: apis.other.envoys: this API is for Envoys of edge, inner, and apis.fourth, which shares a.example with it, for all Envoys; Envoys are told all of a host or nothing, so write the same for both
            t.yaml:9: apis.third.envoys: this API is for Envoys of inner, and apis.fourth, which shares a.example with it, for all Envoys; Envoys are told all of a host or nothing, so write the same for both
        "#]],
    );
}

#[test]
fn backends_are_for_whom_their_apis_are_for() {
    check_apis(
        &[("one", "edge", ", envoys: [edge]")],
        &expect![[r#"
        ok
    "#]],
    );
    check_apis(
        &[("one", "edge", ""), ("other", "all", "")],
        &expect![[r#"
            t.yaml:7: apis.one: this API is for all Envoys, and its backend edge for Envoys of edge alone; write the same `envoys` for both
        "#]],
    );
    check_apis(
        &[("one", "edge", ", envoys: [edge, inner]")],
        &expect![[r#"
        t.yaml:7: apis.one.envoys: this API is for Envoys of edge, inner, and its backend edge for Envoys of edge alone; write the same `envoys` for both
    "#]],
    );
}

#[test]
fn routes_that_never_come_in_pieces_are_for_all() {
    check_file(
        &format!("routing: {{ shards: never }}{GENERAL}{}", api("one", "all", ", envoys: [edge]")),
        &expect![[r#"
            t.yaml:7: apis.one.envoys: `routing.shards: never` has every Envoy told all routes; write `auto` there
        "#]],
    );
}
