//! Connections on which nothing passes any more.

use tollgate_e2e::{Gateway, fill_in, revision};
use tollgate_support::{Built, ControlPlane, Envoy, Link, Upstream, eventually};

use super::{PATIENCE, free_address, is_logged, is_served, is_served_soon, stat};

/// Whether Envoy takes itself for connected.
const CONNECTED: &str = "control_plane.connected_state";

async fn is_connected(envoy: &Envoy, expected: u64) {
    eventually(&format!("{CONNECTED} is {expected}"), PATIENCE, async || {
        stat(envoy, CONNECTED).await.filter(|now| *now == expected)
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_notice_that_nothing_passes_and_callers_do_not() {
    let upstream = Upstream::start().await.unwrap();
    let address = free_address();
    let config = fill_in(&revision("first"), address, &upstream);
    let control_plane = ControlPlane::start(&Built::find().unwrap(), &config).await.unwrap();
    let link = Link::to(control_plane.xds()).await.unwrap();
    let mut envoy = Envoy::start(&Built::envoy().unwrap(), link.address()).unwrap();
    envoy.ready().await.unwrap();
    envoy.listening(address).await.unwrap();
    let gateway = Gateway { upstream, control_plane, envoy, address };
    is_connected(&gateway.envoy, 1).await;

    link.lose();
    gateway.write(&revision("second")).unwrap();
    is_connected(&gateway.envoy, 0).await;
    is_served(&gateway, "first").await;
    is_logged(&gateway.control_plane, &["INFO disconnected"]).await;

    link.mend();
    is_served_soon(&gateway, "second").await;
    is_connected(&gateway.envoy, 1).await;
    gateway.never_trapped().await.unwrap();
}
