//! Disks that are full.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use tollgate_e2e::{Gateway, HOST, revision};
use tollgate_support::{Answer, Built, Call, Envoy, eventually, free_port};

use super::relay::{Relay, saved, start};
use super::{PATIENCE, is_logged, is_served, is_served_soon, making};

/// A disk of a few megabytes.
struct Disk(TempDir);

impl Disk {
    /// None where this user may not mount one, which is said.
    fn mounted() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(folder.path());
        if command.status().is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        println!("NOT RUN: a small disk has to be mounted for that, which this user may not do");
        None
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Leaves no byte for anybody else.
    fn fill(&self) {
        let mut file = File::create(self.path("filler")).unwrap();
        for size in [1 << 16, 4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.path("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whatever still has a file there keeps it until it ends.
        let unmounted = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_whose_disk_is_full_serves_says_so_and_writes_again_once_there_is_room() {
    let Some(disk) = Disk::mounted() else { return };
    let cache = disk.path("cache");
    let (mut gateway, mut relay) = start(&cache, &revision("first")).await;
    saved(&cache, "first").await;
    disk.fill();
    gateway.write(&revision("second")).unwrap();
    is_served_soon(&gateway, "second").await;
    relay.logged(&["ERROR", "resources: cannot be written: no space left on device"]).await;

    // What could not be written has left nothing behind that is read.
    gateway.control_plane.kill();
    gateway.envoy.process().kill();
    relay.process.kill();
    let relay = Relay::start(&cache, &[gateway.control_plane.xds()]);
    relay.logged(&["begins with what the Envoy ran last"]).await;
    assert!(!relay.process.stderr().contains("damaged"), "{}", relay.process.stderr());
    gateway.envoy = Envoy::start(&Built::envoy().unwrap(), relay.xds).unwrap();
    gateway.envoy.ready().await.unwrap();
    gateway.envoy.listening(gateway.address).await.unwrap();
    is_served(&gateway, "first").await;

    gateway.control_plane.run().await.unwrap();
    is_served_soon(&gateway, "second").await;
    relay.logged(&["ERROR", "no space left on device"]).await;
    disk.empty();
    saved(&cache, "second").await;
    gateway.never_trapped().await.unwrap();
}

/// A control plane that has its store, and what it served last, on such a disk.
struct Place {
    disk: Disk,
    admin: u16,
}

impl Place {
    async fn gateway(&self) -> Gateway {
        let store = format!("sqlite:{}", self.disk.path("tollgate.db").display());
        let admin = format!("127.0.0.1:{}", self.admin);
        let kept = self.disk.path("kept").display().to_string();
        let mut command = Command::new(Built::find().unwrap().tollgate);
        let made = command.args(["tenants", "create", "acme", "--store", &store]).status();
        assert!(made.unwrap().success());
        let options = ["--store", &store, "--admin", &admin, "--last-good", &kept];
        Gateway::with_arguments(&revision("first"), &options).await.unwrap()
    }

    async fn put(&self, name: &str) -> Answer {
        making(name, name).send(([127, 0, 0, 1], self.admin).into()).await.unwrap()
    }

    /// The revisions that are kept.
    async fn revisions(&self) -> usize {
        let call = Call::get("localhost", "/v1/revisions");
        let answer = call.send(([127, 0, 0, 1], self.admin).into()).await.unwrap();
        assert_eq!(answer.status, 200);
        answer.json()["revisions"].as_array().unwrap().len()
    }
}

async fn answers(gateway: &Gateway, name: &str) {
    let call = Call::get(HOST, &format!("/{name}"));
    eventually(&format!("{name} answers"), PATIENCE, async || {
        (gateway.send(&call).await.ok()?.status == 200).then_some(())
    })
    .await
    .unwrap();
}

/// A configuration that needs more room than the store gives back when it closes its log.
fn long(name: &str) -> String {
    format!("# {}\n{}", "long ".repeat(100_000), revision(name))
}

/// An API that does.
fn long_api(name: &str) -> Call {
    let route = |number: usize| {
        let route = json!({
            "match": { "path": format!("/{name}/{number}") }, "auth": "none",
            "respond": { "status": 200, "body": "long".repeat(1000) },
        });
        (format!("get-{number}"), route)
    };
    let routes: serde_json::Map<_, _> = (0..100).map(route).collect();
    making(name, name).body(json!({ "hosts": [HOST], "routes": routes }).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_whose_disk_is_full_serves_and_keeps_revisions_once_there_is_room() {
    let Some(disk) = Disk::mounted() else { return };
    let place = Place { disk, admin: free_port().unwrap() };
    let mut gateway = place.gateway().await;
    assert_eq!(place.put("hello").await.status, 201);
    answers(&gateway, "hello").await;
    saved(&place.disk.path("kept"), "hello").await;
    let kept = place.revisions().await;

    place.disk.fill();
    let refused = long_api("never").send(([127, 0, 0, 1], place.admin).into()).await.unwrap();
    assert_eq!(refused.status, 503, "{refused:?}");
    gateway.write(&long("second")).unwrap();
    is_served_soon(&gateway, "second").await;
    is_logged(&gateway.control_plane, &["the revision is served and not kept"]).await;
    is_logged(&gateway.control_plane, &["ERROR", "no space left on device"]).await;
    assert_eq!(place.revisions().await, kept, "they can be read");

    // It was killed at the worst of times.
    gateway.control_plane.kill();
    place.disk.empty();
    gateway.control_plane.run().await.unwrap();
    assert!(!gateway.control_plane.log().contains("damaged"));
    eventually("the revision is kept", PATIENCE, async || {
        (place.revisions().await == kept + 1).then_some(())
    })
    .await
    .unwrap();
    is_served(&gateway, "second").await;
    answers(&gateway, "hello").await;
    assert_eq!(gateway.send(&Call::get(HOST, "/never")).await.unwrap().status, 404);

    // And what was not kept is, without anybody's doing.
    place.disk.fill();
    gateway.write(&long("third")).unwrap();
    is_served_soon(&gateway, "third").await;
    is_logged(&gateway.control_plane, &["the revision is served and not kept"]).await;
    place.disk.empty();
    eventually("that one too", PATIENCE, async || {
        (place.revisions().await == kept + 2).then_some(())
    })
    .await
    .unwrap();
    saved(&place.disk.path("kept"), "third").await;
    assert_eq!(place.put("again").await.status, 201);
    gateway.never_trapped().await.unwrap();
}
