//! Envoys of different groups are told of different things.

use std::net::SocketAddr;

use tollgate_e2e::HOST;
use tollgate_support::{
    Authority, Built, Call, ControlPlane, Envoy, Upstream, Wanted, eventually, free_port,
};

use super::{PATIENCE, free_address};

/// One listener, backend and API for each group, each with a certificate and a key.
fn config(edge: SocketAddr, inner: SocketAddr, backend: u16, told: &str) -> String {
    format!(
        r#"
listeners:
  edge-door: {{ address: "{edge}", envoys: [edge], tls: {{ certificate: edge.pem, key: edge.key }} }}
  inner-door: {{ address: "{inner}", envoys: [inner] }}
backends:
  edge-backend: {{ endpoints: ["127.0.0.1:{backend}"], envoys: [edge] }}
  inner-backend: {{ endpoints: ["127.0.0.1:{backend}"], envoys: [inner] }}
apis:
  edge-api:
    hosts: [edge.example.com]
    envoys: [edge]
    routes: {{ get: {{ match: {{ path: /x }}, backend: edge-backend, auth: none }} }}
  inner-api:
    hosts: [{HOST}]
    envoys: [inner]
    routes:
      get:
        match: {{ path: /x }}
        backend: inner-backend
        auth: none
        response: {{ headers: {{ set: {{ x-told: {told} }} }} }}
"#
    )
}

fn envoy_of(group: &str, xds: SocketAddr) -> Envoy {
    let admin = free_port().unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../envoy/bootstrap.yaml");
    let shipped = std::fs::read_to_string(path).unwrap();
    assert!(shipped.contains("cluster: tollgate"));
    let bootstrap = shipped
        .replace("19000", &admin.to_string())
        .replace("18000", &xds.port().to_string())
        .replace("cluster: tollgate", &format!("cluster: {group}"));
    Envoy::with_bootstrap(&Built::envoy().unwrap(), &bootstrap, admin, 2).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_is_told_of_nothing_that_is_another_groups() {
    let upstream = Upstream::start().await.unwrap();
    let (edge, inner) = (free_address(), free_address());
    let config = |told: &str| config(edge, inner, upstream.port(), told);
    let built = Built::find().unwrap();
    let signed = Authority::new("callers").unwrap().sign(&Wanted::server().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tollgate.yaml");
    std::fs::write(folder.path().join("edge.pem"), &signed.pem).unwrap();
    std::fs::write(folder.path().join("edge.key"), &signed.key_pem).unwrap();
    std::fs::write(&file, config("first")).unwrap();
    let port = free_port().unwrap();
    let control_plane = ControlPlane::of_file(port, &built, &file).await.unwrap();

    let mut of_inner = envoy_of("inner", control_plane.xds());
    let mut of_edge = envoy_of("edge", control_plane.xds());
    for (envoy, at) in [(&mut of_inner, inner), (&mut of_edge, edge)] {
        envoy.ready().await.unwrap();
        envoy.listening(at).await.unwrap();
    }
    let call = Call::get(HOST, "/x");
    let answer = call.send(inner).await.unwrap();
    assert_eq!((answer.status, answer.header("x-told")), (200, Some("first")), "{answer:?}");
    eventually("both are told of their APIs", PATIENCE, async || {
        let both = [told(&of_inner).await, told(&of_edge).await];
        (both[0].contains("inner-api") && both[1].contains("edge-api")).then_some(())
    })
    .await
    .unwrap();
    let [of_inner_told, of_edge_told] = [told(&of_inner).await, told(&of_edge).await];
    for (text, own, others) in [(&of_inner_told, "inner", "edge"), (&of_edge_told, "edge", "inner")]
    {
        for what in ["door", "backend", "api"] {
            assert!(text.contains(&format!("{own}-{what}")), "{own} {what}");
            assert!(!text.contains(&format!("{others}-{what}")), "{others} {what}");
        }
    }
    assert!(of_edge_told.contains("certificate_chain"));
    assert!(!of_inner_told.contains("certificate_chain"));

    // What is another's from now on is taken away, and what becomes one's own comes.
    let moved = config("second").replace("envoys: [edge]\n", "envoys: [inner]\n");
    let moved = moved.replace("], envoys: [edge] }", "], envoys: [edge, inner] }");
    std::fs::write(&file, moved).unwrap();
    let call = Call::get("edge.example.com", "/x");
    eventually("the API has moved", PATIENCE, async || {
        (call.send(inner).await.ok()?.status == 200).then_some(())
    })
    .await
    .unwrap();
    assert!(told(&of_inner).await.contains("edge-api"));
    eventually("it is taken away", PATIENCE, async || {
        (!told(&of_edge).await.contains("edge-api")).then_some(())
    })
    .await
    .unwrap();
}

/// All that it was told.
async fn told(envoy: &Envoy) -> String {
    envoy.config_dump().await.unwrap().to_string()
}
