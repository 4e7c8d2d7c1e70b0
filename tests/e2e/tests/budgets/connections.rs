//! How many connections a tenant may have.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::{env, fs};

use tollgate_e2e::{ACME, GLOBEX, Gateway, HOST, fill_in};
use tollgate_support::{
    Built, Connection, ControlPlane, Envoy, Protocol, RawConnection, Upstream, eventually,
    free_port,
};

use crate::{PATIENCE, at_rest, budgets, get, serving, shows};

async fn start(basic: &str) -> Gateway {
    serving(Gateway::start(&budgets(basic, 1000)).await.unwrap()).await
}

async fn open(gateway: &Gateway, protocol: Protocol) -> Connection {
    Connection::open(protocol, gateway.address).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_as_many_connections_as_it_may() {
    let gateway = start("{ connections: 2 }").await;
    let mut one = open(&gateway, Protocol::Http1).await;
    let mut two = open(&gateway, Protocol::Http2).await;
    for _ in 0..2 {
        for connection in [&mut one, &mut two] {
            assert_eq!(connection.send(&get(ACME)).await.unwrap().status, 200);
        }
    }
    shows(&gateway, "tollgate.budget.connections", 2).await;
    let mut three = open(&gateway, Protocol::Http1).await;
    let refused = three.send(&get(ACME)).await.unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.json()["type"], "urn:tollgate:problem:too-many-connections");
    // Callers of HTTP/1.1 close it, as they are told; others are refused on it.
    assert!(refused.values("connection").concat().contains("close"), "{refused:?}");
    assert!(three.send(&get(ACME)).await.is_err());
    let mut multiplexed = open(&gateway, Protocol::Http2).await;
    for _ in 0..2 {
        assert_eq!(multiplexed.send(&get(ACME)).await.unwrap().status, 503);
    }
    assert_eq!(multiplexed.send(&get(GLOBEX)).await.unwrap().status, 200);
    // It is that of whoever came first on it; others may use it all the same.
    let mut shared = open(&gateway, Protocol::Http1).await;
    assert_eq!(shared.send(&get(GLOBEX)).await.unwrap().status, 200);
    drop(one);
    let room = async || {
        let mut four = open(&gateway, Protocol::Http1).await;
        (four.send(&get(ACME)).await.ok()?.status == 200).then_some(four)
    };
    let four = eventually("there is room for another", PATIENCE, room).await.unwrap();
    drop((two, four, shared, multiplexed));
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_too_many_is_closed_for_those_who_do_not_close_it() {
    let gateway = start("{ connections: 1 }").await;
    let mut one = open(&gateway, Protocol::Http1).await;
    assert_eq!(one.send(&get(ACME)).await.unwrap().status, 200);
    let mut two = RawConnection::open(gateway.address).await.unwrap();
    let request = format!("GET /orders HTTP/1.1\r\nhost: {HOST}\r\nx-api-key: {ACME}\r\n\r\n");
    assert_eq!(two.send(request.as_bytes()).await.unwrap().status, 503);
    two.ended().await.unwrap();
    assert_eq!(one.send(&get(ACME)).await.unwrap().status, 200);
    gateway.never_trapped().await.unwrap();
}

/// Of the 50,000 that `envoy/bootstrap.yaml` lets one Envoy have.
const OF_ALL: usize = 50;

/// A gateway whose Envoy may have so few connections, whoever they are of.
async fn with_few_for_all() -> Gateway {
    let built = Built::find().unwrap();
    let upstream = Upstream::start().await.unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
    let config = fill_in(&budgets("{ }", 1000), address, &upstream);
    let control_plane = ControlPlane::with(&built, &config, &[], &[]).await.unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envoy/bootstrap.yaml");
    let (admin, xds) = (free_port().unwrap(), control_plane.xds().port().to_string());
    let bootstrap = fs::read_to_string(path)
        .unwrap()
        .replace("connections: 50000", &format!("connections: {OF_ALL}"))
        .replace("18000 }", &format!("{xds} }}"))
        .replace("19000", &admin.to_string());
    let mut envoy = Envoy::with_bootstrap(&built.envoy, &bootstrap, admin, 2).unwrap();
    envoy.ready().await.unwrap();
    envoy.listening(address).await.unwrap();
    Gateway { upstream, control_plane, envoy, address }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_has_as_many_connections_as_it_may_and_closes_others_at_once() {
    let gateway = with_few_for_all().await;
    let mut kept = open(&gateway, Protocol::Http1).await;
    assert_eq!(kept.send(&get(ACME)).await.unwrap().status, 200);
    let mut idle = Vec::new();
    while idle.len() + 1 < OF_ALL {
        idle.push(RawConnection::open(gateway.address).await.unwrap());
    }
    for _ in 0..OF_ALL {
        RawConnection::open(gateway.address).await.unwrap().ended().await.unwrap();
    }
    assert_eq!(kept.send(&get(ACME)).await.unwrap().status, 200);
    drop(idle);
    let room = async || (gateway.send(&get(GLOBEX)).await.ok()?.status == 200).then_some(());
    eventually("there is room again", PATIENCE, room).await.unwrap();
    gateway.never_trapped().await.unwrap();
}

/// How many connections a storm has; `TOLLGATE_STORM_CONNECTIONS=5000` for the whole
/// of it, with as many files open as that needs.
fn storm_connections() -> usize {
    let count = env::var("TOLLGATE_STORM_CONNECTIONS").ok();
    count.and_then(|text| text.parse().ok()).unwrap_or(400)
}

/// Those who say nothing, those who never come to an end, and one tenant too often.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_connections_keeps_nobody_else_out() {
    let gateway = start("{ connections: 20 }").await;
    let (mut idle, mut slow) = (Vec::new(), Vec::new());
    for _ in 0..storm_connections() / 2 {
        idle.push(RawConnection::open(gateway.address).await.unwrap());
        let mut one = RawConnection::open(gateway.address).await.unwrap();
        one.write(b"GET /orders HTTP/1.1\r\nhost: orders.example.com\r\nx-slow: ").await.unwrap();
        slow.push(one);
    }
    let request = format!("GET /orders HTTP/1.1\r\nhost: {HOST}\r\nx-api-key: {ACME}\r\n\r\n");
    let mut served = Vec::new();
    for _ in 0..60 {
        let mut one = RawConnection::open(gateway.address).await.unwrap();
        match one.send(request.as_bytes()).await.unwrap().status {
            200 => served.push(one),
            status => {
                assert_eq!(status, 503);
                one.ended().await.unwrap();
            }
        }
    }
    assert_eq!(served.len(), 20);
    for _ in 0..20 {
        let begun = tokio::time::Instant::now();
        assert_eq!(gateway.send(&get(GLOBEX)).await.unwrap().status, 200);
        println!("another was served within {:?} of connecting", begun.elapsed());
    }
    // Heads have to come to their end.
    for mut one in slow {
        one.ended().await.unwrap();
    }
    drop((idle, served));
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}
