//! How many connections a tenant may have.

use tollgate_e2e::{ACME, GLOBEX, Gateway};
use tollgate_support::{Connection, Protocol, eventually};

use crate::{PATIENCE, at_rest, budgets, get, shows};

async fn open(gateway: &Gateway, protocol: Protocol) -> Connection {
    Connection::open(protocol, gateway.address).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_as_many_connections_as_it_may() {
    let gateway = Gateway::start(&budgets("{ connections: 2 }", 1000)).await.unwrap();
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
    // It is that of whoever came first on it; others may use it all the same.
    let mut shared = open(&gateway, Protocol::Http1).await;
    assert_eq!(shared.send(&get(GLOBEX)).await.unwrap().status, 200);
    drop(one);
    let room = async || {
        let mut four = open(&gateway, Protocol::Http1).await;
        (four.send(&get(ACME)).await.ok()?.status == 200).then_some(four)
    };
    let four = eventually("there is room for another", PATIENCE, room).await.unwrap();
    drop((two, four, shared));
    at_rest(&gateway).await;
    gateway.never_trapped().await.unwrap();
}
