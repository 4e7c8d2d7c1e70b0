//! What a backend gets, by which way, and which of its endpoints.

use expect_test::{Expect, expect};

use crate::check;

#[track_caller]
fn check_backend(fields: &str, expected: &Expect) {
    check("backends", &format!("backends: {{ orders: {{ {fields} }} }}"), expected);
}

#[test]
fn caps() {
    check_backend(
        "endpoints: [a:1], in_flight: 1, pending: 1, connections: 1, connect_timeout: 1m, retry_budget: { percent: 100, min: 1000 }",
        &expect![[r#"
            ok
        "#]],
    );
    check_backend(
        "endpoints: [a:1], in_flight: 0, pending: 0, connections: 0, connect_timeout: 0ms, retry_budget: { percent: 101, min: 1001 }",
        &expect![[r#"
            t.yaml:1: backends.orders.connect_timeout: 0ms is not between 1ms and 1m
            t.yaml:1: backends.orders.connections: 0 is not at least 1
            t.yaml:1: backends.orders.in_flight: 0 is not at least 1
            t.yaml:1: backends.orders.pending: 0 is not at least 1
            t.yaml:1: backends.orders.retry_budget.min: 1001 is not between 0 and 1000
            t.yaml:1: backends.orders.retry_budget.percent: 101 is not between 0 and 100
        "#]],
    );
    check_backend(
        "endpoints: [a:1], in_flight: 7, pending: 8, connect_timeout: 61s",
        &expect![[r#"
            t.yaml:1: backends.orders.connect_timeout: 61s is not between 1ms and 1m
            t.yaml:1: backends.orders.pending: 8 is more than the 7 that may be in flight; write at most that
        "#]],
    );
    check_backend(
        "endpoints: [a:1], pending: 1025",
        &expect![[r#"
        t.yaml:1: backends.orders.pending: 1025 is more than the 1024 that may be in flight; write at most that
    "#]],
    );
}

#[test]
fn names() {
    check_backend(
        "endpoints: [a:1], dns: logical",
        &expect![[r#"
        ok
    "#]],
    );
    check_backend(
        "endpoints: [a:1, b:1], dns: logical",
        &expect![[r#"
        t.yaml:1: backends.orders.dns: all addresses of a name count as one endpoint, so there can be no other; write one name alone
    "#]],
    );
    check_backend(
        "endpoints: [a:1], dns: lazy, balancing: best",
        &expect![[r#"
        t.yaml:1: backends.orders.balancing: "best" cannot stand here; write least_request, round_robin, random, ring_hash or maglev
        t.yaml:1: backends.orders.dns: "lazy" cannot stand here; write strict or logical
    "#]],
    );
}

#[test]
fn zones() {
    check_backend(
        "endpoints: [{ address: a:1, zone: x }, b:1]",
        &expect![[r#"
        ok
    "#]],
    );
    check_backend(
        "endpoints: [{ address: a, zone: x }, { address: b:1 }, b:1, { zone: x }, { address: c:1, zon: x }]",
        &expect![[r#"
            t.yaml:1: backends.orders.endpoints[0].address: "a" has no port; write host and port, such as 10.0.0.1:9000
            t.yaml:1: backends.orders.endpoints[2]: "b:1" is written twice; take one of them out
            t.yaml:1: backends.orders.endpoints[3].address: missing; write its address and port
            t.yaml:1: backends.orders.endpoints[4].zon: unknown field `zon`; did you mean `zone`?
        "#]],
    );
    check_backend(
        "endpoints: [{ address: a:1, zone: x }], balancing: maglev",
        &expect![[r#"
        t.yaml:1: backends.orders.balancing: a hash decides, wherever the endpoints stand; leave their zones out, or balance by least_request
        t.yaml:6: apis.shop.routes.get.hash: is missing, by which orders balances; write what decides, such as [ip]
    "#]],
    );
}

#[test]
fn probes() {
    check_backend(
        "endpoints: [a:1], health: {}",
        &expect![[r#"
        t.yaml:1: backends.orders.health: has no path; write the one that is asked for, such as /healthz
    "#]],
    );
    check_backend(
        "endpoints: [a:1], protocol: grpc, health: {}",
        &expect![[r#"
        ok
    "#]],
    );
    check_backend(
        "endpoints: [a:1], health: { path: /, host: \"a b\", unhealthy_after: 0, healthy_after: 101 }",
        &expect![[r#"
            t.yaml:1: backends.orders.health.healthy_after: 101 is not between 1 and 100
            t.yaml:1: backends.orders.health.host: "a b" is not a host name; write one such as orders.internal
            t.yaml:1: backends.orders.health.unhealthy_after: 0 is not between 1 and 100
        "#]],
    );
    check_backend(
        "endpoints: [a:1], health: { path: /, host: a.b, unhealthy_after: 1, healthy_after: 100 }",
        &expect![[r#"
            ok
        "#]],
    );
    check_backend(
        "endpoints: [a:1], health: { path: 5 }",
        &expect![[r#"
        t.yaml:1: backends.orders.health.path: 5 is not a string; write a string such as /healthz
    "#]],
    );
}

#[test]
fn outliers() {
    check_backend(
        "endpoints: [a:1], outlier_detection: {}",
        &expect![[r#"
        ok
    "#]],
    );
    check_backend(
        "endpoints: [a:1], outlier_detection: { consecutive_errors: 1, interval: 1s, ejection_time: 1h, max_ejection_percent: 100 }",
        &expect![[r#"
            ok
        "#]],
    );
    check_backend(
        "endpoints: [a:1], outlier_detection: { consecutive_errors: 0, interval: 999ms, ejection_time: 61m, max_ejection_percent: 101 }",
        &expect![[r#"
            t.yaml:1: backends.orders.outlier_detection.consecutive_errors: 0 is not between 1 and 1000
            t.yaml:1: backends.orders.outlier_detection.ejection_time: 61m is not between 1s and 1h
            t.yaml:1: backends.orders.outlier_detection.interval: 999ms is not between 1s and 1h
            t.yaml:1: backends.orders.outlier_detection.max_ejection_percent: 101 is not between 1 and 100
        "#]],
    );
}

#[test]
fn tls_needs_a_name_that_the_certificate_is_for() {
    check_backend(
        "endpoints: [orders.internal:443], tls: {}",
        &expect![[r#"
        ok
    "#]],
    );
    check_backend(
        "endpoints: [\"10.0.0.1:443\"], tls: {}",
        &expect![[r#"
        t.yaml:1: backends.orders.tls: the endpoints do not have one name that the certificate could be for; write `server_name`
    "#]],
    );
    check_backend(
        "endpoints: [a.internal:443, b.internal:443], tls: {}",
        &expect![[r#"
        t.yaml:1: backends.orders.tls: the endpoints do not have one name that the certificate could be for; write `server_name`
    "#]],
    );
    check_backend(
        "endpoints: [a.internal:443, a.internal:444], tls: {}",
        &expect![[r#"
        ok
    "#]],
    );
    check_backend(
        "endpoints: [\"10.0.0.1:443\"], tls: { server_name: 10.0.0.1 }",
        &expect![[r#"
            t.yaml:1: backends.orders.tls.server_name: "10.0.0.1" is not a host name; write one that the certificate has, such as orders.internal
        "#]],
    );
    check_backend(
        "endpoints: [\"10.0.0.1:443\"], tls: { server_name: \"*.a\" }",
        &expect![[r#"
            t.yaml:1: backends.orders.tls.server_name: "*.a" is not a host name; write one that the certificate has, such as orders.internal
        "#]],
    );
    check_backend(
        "endpoints: [\"10.0.0.1:443\"], tls: { server_name: a.b }",
        &expect![[r#"
        ok
    "#]],
    );
}

#[test]
fn certificates_that_backends_are_shown() {
    check_backend(
        "endpoints: [a:443], tls: { ca: none.pem, certificate: none.pem }",
        &expect![[r#"
            t.yaml:1: backends.orders.tls.ca: "none.pem" cannot be read: it was not loaded; write a path relative to this file
            t.yaml:1: backends.orders.tls.certificate: "none.pem" cannot be read: it was not loaded; write a path relative to this file
            t.yaml:1: backends.orders.tls.certificate: has no `key` beside it; write both, or none of them
        "#]],
    );
    check_backend(
        "endpoints: [a:443], tls: { key: none.key }",
        &expect![[r#"
        t.yaml:1: backends.orders.tls.key: "none.key" cannot be read: it was not loaded; write a path relative to this file
        t.yaml:1: backends.orders.tls.key: has no `certificate` beside it; write both, or none of them
    "#]],
    );
}
