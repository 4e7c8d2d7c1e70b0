//! Routes that an Envoy asks for when the first request for them comes.

use std::time::Duration;

use tokio::time::timeout;
use tollgate_e2e::{Gateway, HOST};
use tollgate_support::Call;

const ROUTES: &str = r#"
routing: { shards: always }
listeners:
  public: { address: "127.0.0.1:$PORT" }
backends:
  echo: { endpoints: ["127.0.0.1:$BACKEND"] }
apis:
  hot:
    hosts: [orders.example.com]
    routes: { get: { match: { path: /hot }, backend: echo, auth: none } }
  cold:
    hosts: [orders.example.com]
    on_demand: true
    routes: { get: { match: { path: /cold }, backend: echo, auth: none } }
  colder:
    hosts: [orders.example.com]
    on_demand: true
    routes: { get: { match: { path: /colder }, backend: echo, auth: none } }
"#;

/// Of which of two pieces Envoy has the routes.
async fn known(gateway: &Gateway, pieces: [&str; 2]) -> [bool; 2] {
    let told = gateway.envoy.config_dump().await.unwrap().to_string();
    pieces.map(|piece| {
        told.contains(&format!("\"name\":\"{HOST}/{piece}\""))
            && told.contains(&format!("\"path_separated_prefix\":\"/{piece}\""))
    })
}

fn call(path: &str) -> Call {
    Call::get(HOST, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_on_demand_come_with_the_first_request() {
    let gateway = Gateway::start(ROUTES).await.unwrap();
    assert_eq!(gateway.send(&call("/hot")).await.unwrap().status, 200);
    assert_eq!(known(&gateway, ["hot", "cold"]).await, [true, false]);
    assert_eq!(gateway.send(&call("/cold")).await.unwrap().status, 200);
    assert_eq!(known(&gateway, ["cold", "colder"]).await, [true, false]);
    assert_eq!(gateway.send(&call("/cold/er")).await.unwrap().status, 404);
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_on_demand_stay_while_the_control_plane_is_gone() {
    let mut gateway = Gateway::start(ROUTES).await.unwrap();
    assert_eq!(gateway.send(&call("/cold")).await.unwrap().status, 200);
    gateway.control_plane.kill();
    for path in ["/hot", "/cold"] {
        assert_eq!(gateway.send(&call(path)).await.unwrap().status, 200, "{path} was there");
    }
    // As the manual says: for as long as its caller waits.
    let colder = call("/colder");
    let waits = timeout(Duration::from_secs(2), gateway.send(&colder)).await;
    assert!(waits.is_err(), "{waits:?}");
    gateway.control_plane.run().await.unwrap();
    assert_eq!(gateway.send(&colder).await.unwrap().status, 200);
    gateway.never_trapped().await.unwrap();
}
