//! What an operator says of one tenant.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tollgate_support::{Built, ControlPlane, Envoy, Example, Upstream, eventually, free_port};

use crate::Fleet;
use crate::callers::{Callers, once};

/// Long enough for what takes a second or two on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until the field says so, at every Envoy: each gets some of the calls.
async fn told(fleet: &Fleet, expected: &str) {
    let mut in_a_row = 0;
    eventually(expected, PATIENCE, async || {
        let policy = once(fleet.address).await;
        let policy = policy.header("ratelimit-policy").unwrap_or_default();
        in_a_row = if policy.contains(expected) { in_a_row + 1 } else { 0 };
        (20 <= in_a_row).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_is_lifted_by_a_command_without_another_configuration() {
    let fleet = Fleet::start("{ by: [tenant], requests: 100, per: second }").await;
    let before: Vec<String> = versions(&fleet).await;
    let mut callers = Callers::connect(&fleet, 2).await;
    let (rates, span) = ([400, 400, 400], Duration::from_secs(4));
    let usual = callers.load(&rates, span).await.all();

    fleet.tollgate(&["tenants", "uplift", "acme", "--factor", "3", "--for", "1h"]);
    told(&fleet, "\"tenant-second\";q=300;w=1;tollgate-factor=3").await;
    let lifted = callers.load(&rates, span).await.all();
    println!("{usual} admitted, {lifted} while lifted");
    assert!(usual * 2 < lifted, "{usual} {lifted}");

    fleet.tollgate(&["tenants", "uplift", "acme", "--end"]);
    told(&fleet, "\"tenant-second\";q=100;w=1").await;
    let after = callers.load(&rates, span).await.all();
    assert!(after < usual * 3 / 2, "{usual} {after}");

    fleet.tollgate(&["tenants", "override", "acme", "--tier", "gold"]);
    told(&fleet, "\"gold-hour\";q=5;w=3600").await;
    assert_eq!(versions(&fleet).await, before, "nothing was pushed");
}

/// What each Envoy has been told of the module's configuration.
async fn versions(fleet: &Fleet) -> Vec<String> {
    let mut versions = Vec::new();
    for envoy in &fleet.envoys {
        let dump = envoy.page("/config_dump?resource=ecds_filters").await.unwrap();
        let version = dump.lines().find(|line| line.contains("\"version_info\""));
        versions.push(version.unwrap().to_owned());
    }
    versions
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example() {
    let (built, upstream) = (Built::find().unwrap(), Upstream::start().await.unwrap());
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("tollgate.db").display());
    let example = Example::of("limits-fleet")
        .port(8080, address.port())
        .port(9000, upstream.port())
        .variable("TOLLGATE_STORE", &store);
    let config = example.file("tollgate.yaml").unwrap();
    let create = ["tenants", "create", "acme", "--store", &store];
    let created = std::process::Command::new(&built.tollgate).args(create).status().unwrap();
    assert!(created.success());
    let options = ["--store", &*store];
    let control_plane = ControlPlane::with(&built, &config, &options, &[]).await.unwrap();
    let mut envoy = Envoy::start(&built.envoy, control_plane.xds()).unwrap();
    envoy.ready().await.unwrap();
    envoy.listening(address).await.unwrap();
    assert_eq!(example.follow(&built).await.unwrap(), 8);
}
