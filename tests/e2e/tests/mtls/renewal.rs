//! Certificates and authorities that change while connections last.

use std::fs;
use std::time::Duration;

use tollgate_e2e::HOST;
use tollgate_support::{Authority, Call, Connection, Protocol, Wanted, eventually};

use super::{LIVE_WITHIN, PROTOCOLS, World, put, put_server, uri};

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_is_believed_without_a_new_listener() {
    let world = World::start("optional").await;
    let old = world.client(Protocol::Http2, Some(&world.tenant("acme")));
    let authority = Authority::new("newer").unwrap();
    let new = authority.sign(&Wanted::client(&uri("globex")).unwrap()).unwrap();
    let new = world.client(Protocol::Http2, Some(&new));
    let call = Call::get(HOST, "/certified");
    world.through(&call, &old).await;
    assert_eq!(world.refused("/certified", &new).await, None);
    let listeners = world.count("lds.update_success").await;
    put(world.folder.path(), "clients.crl", &authority.crl(1, &[]).unwrap());
    put(world.folder.path(), "clients.pem", authority.pem());
    eventually("the new authority is believed", LIVE_WITHIN, async || {
        world.send(&call, &new).await.ok().filter(|answer| answer.status == 200)
    })
    .await
    .unwrap();
    assert_eq!(world.through(&call, &new).await.values("x-tollgate-tenant"), ["globex"]);
    assert_eq!(world.refused("/certified", &old).await, None);
    assert_eq!(world.count("lds.update_success").await, listeners);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_live_within_seconds_and_drops_nothing() {
    let world = World::start("optional").await;
    let certificate = world.tenant("acme");
    let clients = PROTOCOLS.map(|protocol| world.client(protocol, Some(&certificate)));
    let call = Call::get(HOST, "/certified");
    let mut open = Vec::new();
    for client in &clients {
        let mut connection = Connection::secure(client, world.gateway.address).await.unwrap();
        assert_eq!(connection.send(&call).await.unwrap().status, 200);
        open.push(connection);
    }
    let before = clients[0].certificate_of(world.gateway.address).await.unwrap();
    let listeners = world.count("lds.update_success").await;

    // One request on each is under way while the certificate changes.
    world.gateway.upstream.delay(Duration::from_secs(5));
    let (address, long) = (world.gateway.address, call.clone());
    let under_way = tokio::spawn(async move {
        let mut statuses = Vec::new();
        for connection in &mut open {
            statuses.push(connection.send(&long).await.unwrap().status);
        }
        (statuses, open)
    });
    let renewed = world.servers.sign(&Wanted::server().unwrap()).unwrap();
    assert_ne!(renewed.der(), before);
    put_server(world.folder.path(), &renewed);
    eventually("the new certificate is shown", LIVE_WITHIN, async || {
        let shown = clients[1].certificate_of(address).await.unwrap();
        (shown == renewed.der()).then_some(())
    })
    .await
    .unwrap();
    assert!(!under_way.is_finished(), "the certificate came only after the requests");
    let (statuses, mut open) = under_way.await.unwrap();
    assert_eq!(statuses, [200, 200]);
    world.gateway.upstream.delay(Duration::ZERO);
    for connection in &mut open {
        assert_eq!(connection.send(&call).await.unwrap().status, 200);
    }
    assert_eq!(world.count("lds.update_success").await, listeners);
    let admin = world.gateway.envoy.config_dump().await.unwrap().to_string();
    assert!(!admin.contains("PRIVATE KEY"));
}

#[tokio::test(flavor = "multi_thread")]
async fn private_keys_are_in_no_log_and_no_translation() {
    let world = World::start("optional").await;
    let key = fs::read_to_string(world.folder.path().join("server.key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    put(world.folder.path(), "server.key", "nonsense");
    let gateway = &world.gateway;
    eventually("the bad key is reported", LIVE_WITHIN, async || {
        gateway.control_plane.log().contains("holds no private key").then_some(())
    })
    .await
    .unwrap();
    put(world.folder.path(), "server.key", &key);
    let client = world.client(Protocol::Http2, None);
    world.through(&Call::get(HOST, "/open"), &client).await;
    for step in ["model", "xds"] {
        let told = gateway.control_plane.translated(step).unwrap();
        assert!(told.contains("[redacted]") && told.contains("BEGIN CERTIFICATE"), "{step}");
        assert!(!told.contains(secret), "{step}");
        assert!(!told.contains("PRIVATE KEY"), "{step}");
    }
    assert!(!gateway.control_plane.log().contains(secret));
}
