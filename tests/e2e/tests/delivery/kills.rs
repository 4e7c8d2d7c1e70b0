//! Processes that end while they write.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tollgate_e2e::{Gateway, fill_in, revision};
use tollgate_support::{Answer, Built, Call, ControlPlane, Envoy, Upstream, eventually, free_port};

use super::relay::{Relay, saved};
use super::{PATIENCE, free_address, is_served_soon, making};

/// How often: `KILLS=200` for the long form.
fn kills() -> u64 {
    std::env::var("KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// Of some size, so that it takes a while to write.
fn large(name: &str) -> String {
    let mut text = revision(name);
    let body = name.repeat(100);
    for number in 0..50 {
        let route = format!("match: {{ path: /large/{number} }}, auth: none");
        let action = format!("respond: {{ status: 200, body: \"{number} {body}\" }}");
        writeln!(text, "      r{number}: {{ {route}, {action} }}").unwrap();
    }
    text
}

/// A moment that differs each time, and is the same in each run.
async fn moment(seed: u64) {
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    tokio::time::sleep(Duration::from_millis(mixed % 400)).await;
}

async fn ask(admin: SocketAddr, path: &str) -> serde_json::Value {
    let answer = Call::get("localhost", path).send(admin).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// None if there was nobody any more who answered.
async fn put(admin: SocketAddr, name: String) -> Option<Answer> {
    making(&name, &name).send(admin).await.ok()
}

/// Whatever is there is whole: all that was promised, and every revision.
async fn is_whole(admin: SocketAddr, promised: &BTreeSet<String>) {
    let apis = ask(admin, "/v1/apis").await;
    let there = |name: &&String| apis["objects"][name.as_str()].is_string();
    assert_eq!(promised.iter().find(|name| !there(name)), None, "{apis}");
    let revisions = ask(admin, "/v1/revisions").await;
    let newest = revisions["revisions"][0]["number"].as_u64().unwrap();
    for number in newest.saturating_sub(3).max(1)..=newest {
        ask(admin, &format!("/v1/revisions/{number}")).await;
    }
}

async fn start(folder: &Path, admin: SocketAddr, cache: &Path) -> (Gateway, Relay) {
    let store = format!("sqlite:{}", folder.join("tollgate.db").display());
    let (admin, kept) = (admin.to_string(), folder.join("kept").display().to_string());
    let built = Built::find().unwrap();
    let mut command = Command::new(&built.tollgate);
    let made = command.args(["tenants", "create", "acme", "--store", &store]).status();
    assert!(made.unwrap().success());
    let (upstream, address) = (Upstream::start().await.unwrap(), free_address());
    let config = fill_in(&large("first"), address, &upstream);
    let options = ["--store", &store, "--admin", &admin, "--last-good", &kept];
    let control_plane = ControlPlane::with(&built, &config, &options, &[]).await.unwrap();
    let relay = Relay::start(cache, &[control_plane.xds()]);
    let mut envoy = Envoy::start(&built.envoy, relay.xds).unwrap();
    envoy.ready().await.unwrap();
    envoy.listening(address).await.unwrap();
    (Gateway { upstream, control_plane, envoy, address }, relay)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_while_it_writes_has_all_of_it_when_it_starts_again() {
    let [folder, cache] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let admin = SocketAddr::from(([127, 0, 0, 1], free_port().unwrap()));
    let (mut gateway, mut relay) = start(folder.path(), admin, cache.path()).await;
    saved(cache.path(), "first").await;
    let mut promised = BTreeSet::new();
    for kill in 0..kills() {
        gateway.write(&large(&format!("file-{kill}"))).unwrap();
        let name = format!("api-{kill}");
        let put = tokio::spawn(put(admin, name.clone()));
        // Now while it is answered, now as soon as it was.
        if kill % 2 == 0 {
            moment(kill).await;
        } else {
            eventually("it is answered", PATIENCE, async || put.is_finished().then_some(()))
                .await
                .unwrap();
        }
        gateway.control_plane.kill();
        moment(kill + 1_000_000).await;
        relay.process.kill();
        if put.await.unwrap().is_some_and(|answer| answer.status == 201) {
            promised.insert(name);
        }
        gateway.control_plane.run().await.unwrap();
        is_whole(admin, &promised).await;
        relay = relay.again(cache.path(), &[gateway.control_plane.xds()]);
        relay.logged(&["begins with what the Envoy ran last"]).await;
        for log in [gateway.control_plane.log(), relay.process.stderr()] {
            assert!(!log.contains("damaged"), "{log}");
        }
    }
    println!("{} kills, and {} APIs were promised before", kills(), promised.len());
    assert!(kills() / 2 <= promised.len() as u64);
    gateway.write(&large("last")).unwrap();
    is_served_soon(&gateway, "last").await;
    gateway.never_trapped().await.unwrap();
}
