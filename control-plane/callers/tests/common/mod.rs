//! Gateways as operators write them.
#![allow(clippy::unwrap_used, dead_code, reason = "shared by several tests")]

use tollgate_model::{Gateway, Loaded, Source, read};

/// Of `acme-key`.
const ACME: &str = "afacab3575137afa4e00d9cbcafcb14c9ae25f779d964eb0ea5b2c4eb5dfd163";

/// Orders, with some of everything. `ROUTES` are further routes of the API.
pub(crate) fn text() -> String {
    format!(
        r#"
listeners:
  public: {{ address: "127.0.0.1:8080" }}
identity:
  api_key: {{ from: [{{ header: x-api-key }}] }}
  jwt:
    acme: {{ issuer: "https://id.example", audiences: [api], jwks: {{ url: "https://id.example/jwks" }} }}
tiers:
  pro: {{ limits: [{{ requests: 100, per: minute }}] }}
tenants:
  acme: {{ tier: pro, connections: 9, in_flight_by_backend: {{ users: 3 }}, keys: {{ ci: {{ sha256: {ACME}, scopes: [orders.read] }} }} }}
backends:
  orders: {{ endpoints: ["127.0.0.1:9001", "127.0.0.1:9002"] }}
  users: {{ endpoints: ["127.0.0.1:9009"] }}
apis:
  orders:
    hosts: [orders.example.com, "*.orders.example"]
    limits: [{{ by: [api], requests: 1000, per: second }}]
    routes:
      get-order:
        match: {{ path: "/orders/{{id}}", methods: [GET] }}
        backend: orders
        auth: {{ any_of: [api_key, jwt.acme] }}
        allow: {{ scopes: [orders.read] }}
        limits: [{{ by: [tenant], requests: 10, per: second, burst: 20 }}]
        request: {{ headers: {{ set: {{ x-order-id: "{{path.id}}" }}, remove: [x-debug] }} }}
        response: {{ headers: {{ remove: [server] }} }}
      add-order:
        match: {{ path: /orders, methods: [POST] }}
        backend: orders
        auth: {{ any_of: [api_key] }}
        allow: {{ scopes: [orders.write] }}
      old:
        match: {{ prefix: /old }}
        redirect: {{ host: new.example.com }}
        auth: none
      trial:
        match: {{ path: /trial }}
        backend: users
        auth: {{ any_of: [api_key] }}
        allow: {{ scopes: [trial] }}
        shadow: [auth, allow]
"#
    )
}

pub(crate) fn gateway(text: &str) -> Gateway {
    let sources = [Source { name: "tollgate.yaml".to_owned(), bytes: text.as_bytes().to_vec() }];
    read(&sources).unwrap().compile(&Loaded::default()).unwrap()
}
