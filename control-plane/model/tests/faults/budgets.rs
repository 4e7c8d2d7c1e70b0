//! What tenants may have under way.

use expect_test::expect;

use crate::{check, check_route};

#[test]
fn tiers_and_tenants() {
    check(
        "tiers",
        "tiers: { basic: { in_flight: 1, in_flight_by_backend: { orders: 1000000 }, streams: 1, connections: 1, weight: 1000 } }",
        &expect![[r#"
            ok
        "#]],
    );
    check(
        "tiers",
        "tiers: { basic: { in_flight: 0, streams: 0, connections: 0, weight: 1001 } }",
        &expect![[r#"
            t.yaml:1: tiers.basic.connections: 0 is not between 1 and 1000000
            t.yaml:1: tiers.basic.in_flight: 0 is not between 1 and 1000000
            t.yaml:1: tiers.basic.streams: 0 is not between 1 and 1000000
            t.yaml:1: tiers.basic.weight: 1001 is not between 1 and 1000
        "#]],
    );
    check(
        "tiers",
        "tiers: { basic: { in_flight_by_backend: { orders: 0, order: 5 }, inflight: 5 } }",
        &expect![[r#"
            t.yaml:1: tiers.basic.in_flight_by_backend.order: no backend is named "order"; did you mean "orders"?
            t.yaml:1: tiers.basic.in_flight_by_backend.orders: 0 is not between 1 and 1000000
            t.yaml:1: tiers.basic.inflight: unknown field `inflight`; did you mean `in_flight`?
        "#]],
    );
    check(
        "tenants",
        "tenants: { t: { in_flight: 1000001, in_flight_by_backend: { orders: -1 } } }",
        &expect![[r#"
            t.yaml:1: tenants.t.in_flight: 1000001 is not between 1 and 1000000
            t.yaml:1: tenants.t.in_flight_by_backend.orders: -1 is not at least 0
        "#]],
    );
}

#[test]
fn routes() {
    check_route(
        "match: { path: / }, backend: orders, auth: none, priority: high, stream: { idle_timeout: 0s, max_duration: 25h }",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.priority: "high" cannot stand here; write normal or critical
            t.yaml:2: apis.shop.routes.get.stream.idle_timeout: 0s is not between 1s and 24h
            t.yaml:2: apis.shop.routes.get.stream.max_duration: 25h is not between 1s and 24h
        "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: none, timeout: 5s, websocket: {}, stream: {}",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.stream: web sockets have bounds of their own; put the streams on another route
            t.yaml:2: apis.shop.routes.get.timeout: streams stay open, for `stream.max_duration` at most; remove one of them
        "#]],
    );
    check_route(
        "match: { path: / }, respond: { status: 200 }, auth: none, priority: critical, stream: {}",
        &expect![[r#"
            t.yaml:2: apis.shop.routes.get.priority: there is no backend here that this could be about; remove it
            t.yaml:2: apis.shop.routes.get.stream: there is no backend here that this could be about; remove it
        "#]],
    );
}
