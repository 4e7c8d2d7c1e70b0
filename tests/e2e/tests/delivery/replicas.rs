//! Control planes that share a database, one of which is killed, or loses it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;
use tollgate_e2e::{ACME, HOST, fill_in, revision};
use tollgate_support::{
    Answer, Built, Call, ControlPlane, Envoy, Link, Load, Postgres, Upstream, eventually,
};

use super::fleet::{envoy_of_two, news, secret};
use super::{PATIENCE, free_address, is_logged, making};

/// Two control planes, with the same file and the same database.
struct World {
    postgres: Postgres,
    /// The way of the first one to it.
    link: Link,
    folder: TempDir,
    upstream: Upstream,
    address: SocketAddr,
    admins: [SocketAddr; 2],
}

impl World {
    async fn new() -> (Self, [ControlPlane; 2], Envoy) {
        let postgres = Postgres::start().unwrap();
        let link = Link::to(([127, 0, 0, 1], postgres.port()).into()).await.unwrap();
        let admins = [free_address(), free_address()];
        let folder = tempfile::tempdir().unwrap();
        let (upstream, address) = (Upstream::start().await.unwrap(), free_address());
        let this = Self { postgres, link, folder, upstream, address, admins };
        this.write("first");
        let direct = this.postgres.database().unwrap();
        let port = |port: u16| format!(":{port}/");
        let linked = direct.replace(&port(this.postgres.port()), &port(this.link.address().port()));
        assert_ne!(linked, direct);
        let first = this.control_plane(&linked, this.admins[0]).await;
        let second = this.control_plane(&direct, this.admins[1]).await;
        let mut envoy = envoy_of_two([first.xds(), second.xds()]);
        envoy.ready().await.unwrap();
        envoy.listening(address).await.unwrap();
        (this, [first, second], envoy)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("tollgate.yaml")
    }

    fn write(&self, name: &str) {
        let draft = self.folder.path().join(".new");
        let config = fill_in(&revision(name), self.address, &self.upstream);
        std::fs::write(&draft, config).unwrap();
        std::fs::rename(draft, self.file()).unwrap();
    }

    async fn control_plane(&self, store: &str, admin: SocketAddr) -> ControlPlane {
        let (secret, admin) = (secret(&self.folder), admin.to_string());
        let options = ["--store", store, "--key-hash-secret", &secret, "--admin", &admin];
        let options = [&options[..], &["--identity-secret", &secret]].concat();
        ControlPlane::of_file_with(&self.file(), &Built::find().unwrap(), &options).await.unwrap()
    }

    /// An API that answers a text, written by one of the admin APIs.
    async fn put(&self, replica: usize, name: &str, text: &str) -> Answer {
        making(name, text).send(self.admins[replica]).await.unwrap()
    }

    async fn answers(&self, name: &str, text: &str) {
        let call = Call::get(HOST, &format!("/{name}"));
        eventually(&format!("{name} answers {text}"), PATIENCE, async || {
            let answer = call.send(self.address).await.ok()?;
            (answer.status == 200 && answer.body == text.as_bytes()).then_some(())
        })
        .await
        .unwrap();
    }

    async fn serves(&self, name: &str) {
        let call = Call::get(HOST, "/orders").header("x-api-key", ACME);
        eventually(&format!("{name} is live"), PATIENCE, async || {
            let answer = call.send(self.address).await.ok()?;
            (answer.header("x-revision") == Some(name)).then_some(())
        })
        .await
        .unwrap();
    }

    async fn revision(&self, replica: usize) -> Value {
        let status = Call::get("localhost", "/v1/status").send(self.admins[replica]).await.unwrap();
        status.json()["revision"].clone()
    }

    /// Both have published the same, under the same number.
    async fn agree(&self) {
        eventually("both have the same revision", PATIENCE, async || {
            (self.revision(0).await == self.revision(1).await).then_some(())
        })
        .await
        .unwrap();
    }
}

/// The clusters that lead to the control plane itself: each tells of them by its own
/// addresses.
const OWN_CLUSTERS: [&str; 2] = ["tollgate-identity", "tollgate-sync"];

/// What an Envoy was told so far.
struct Told {
    /// How often something that it did not have.
    news: BTreeMap<String, u64>,
    /// The version of each cluster, and since when it has that.
    clusters: BTreeMap<String, [Value; 2]>,
    /// How many responses were about clusters, by what it says of each.
    responses: usize,
}

impl Told {
    async fn to(envoy: &mut Envoy) -> Self {
        let news = news(envoy).await;
        assert!(news.keys().any(|name| name.contains("extension_config_discovery")), "{news:?}");
        let dump = envoy.config_dump().await.unwrap();
        let clusters = dump["configs"].as_array().unwrap().iter();
        let clusters = clusters.filter_map(|part| part["dynamic_active_clusters"].as_array());
        let clusters = clusters.flatten().map(|one| {
            let name = one["cluster"]["name"].as_str().unwrap().to_owned();
            (name, [one["version_info"].clone(), one["last_updated"].clone()])
        });
        let responses = responses(envoy).len();
        Self { news, clusters: clusters.collect(), responses }
    }

    /// Since then it was told where the control plane is now, and nothing else: not even
    /// something that it had.
    async fn has_only_moved(&self, envoy: &mut Envoy, what: &str) {
        let now = Self::to(envoy).await;
        let counted = now.news.iter().filter_map(|(name, count)| {
            let before = self.news.get(name).copied().unwrap_or_default();
            (*count != before).then_some((name.as_str(), count.abs_diff(before)))
        });
        let expected =
            [("cluster_manager.cds.config_reload", 1), ("cluster_manager.cluster_modified", 2)];
        assert_eq!(counted.collect::<Vec<_>>(), expected, "{what}");
        let kept = now.clusters.iter().filter(|(name, one)| self.clusters.get(*name) != Some(one));
        let moved: Vec<_> = kept.map(|(name, _)| name.as_str()).collect();
        assert_eq!(moved, OWN_CLUSTERS, "{what}");
        assert_eq!(now.clusters.len(), self.clusters.len(), "{what}");
        let one = "2 added/updated cluster(s), 0 removed cluster(s); applying changes";
        assert_eq!(responses(envoy).get(self.responses..).unwrap(), [one], "{what}");
    }
}

fn responses(envoy: &mut Envoy) -> Vec<String> {
    let log = envoy.process().stderr();
    let said = log.lines().filter_map(|line| line.split_once("cds: response indicates "));
    said.map(|(_, said)| said.to_owned()).collect()
}

/// Of two, the one to which the Envoy is connected, and the other.
fn of_envoy(control_planes: &[ControlPlane; 2]) -> (usize, usize) {
    let is_first = control_planes[0].log().contains("INFO connected");
    if is_first { (0, 1) } else { (1, 0) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_moves_between_replicas_on_a_database_and_is_told_nothing_twice() {
    let (world, mut control_planes, mut envoy) = World::new().await;
    let load = Load::start(world.address, 2, &Call::get(HOST, "/orders").header("x-api-key", ACME));
    let (own, other) = of_envoy(&control_planes);
    assert_eq!(world.put(other, "hello", "one").await.status, 201, "by the one without an Envoy");
    world.answers("hello", "one").await;
    world.agree().await;

    let urls = world.admins.map(|at| format!("http://{at}"));
    let mut command = std::process::Command::new(Built::find().unwrap().tollgate);
    let newest = world.revision(own).await.to_string();
    command.args(["status", "--admin", &urls[0], "--admin", &urls[1], "--wait", &newest]);
    let told = command.output().unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("is live on 1 of 1") && told.contains("is live on 0 of 0"), "{told}");

    let before = Told::to(&mut envoy).await;
    control_planes[own].kill();
    is_logged(&control_planes[other], &["INFO is live"]).await;
    before.has_only_moved(&mut envoy, "it moves").await;
    assert_eq!(world.put(other, "again", "two").await.status, 201);
    world.answers("again", "two").await;

    control_planes[own].run().await.unwrap();
    world.agree().await;
    let before = Told::to(&mut envoy).await;
    control_planes[other].kill();
    is_logged(&control_planes[own], &["INFO is live"]).await;
    before.has_only_moved(&mut envoy, "it moves back to what has restarted").await;
    world.answers("hello", "one").await;
    world.answers("again", "two").await;
    load.and_more(100).await.unwrap();
    let report = load.stop().await.unwrap();
    assert_eq!(report.errors, Vec::<String>::new());
    assert_eq!(report.statuses.keys().collect::<Vec<_>>(), [&200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_loses_the_database_serves_and_follows_files_and_catches_up() {
    let (mut world, mut control_planes, mut envoy) = World::new().await;
    // The Envoy is to follow the one that loses it.
    if of_envoy(&control_planes) == (1, 0) {
        control_planes[1].kill();
        is_logged(&control_planes[0], &["INFO is live"]).await;
        control_planes[1].run().await.unwrap();
    }
    world.link.lose();
    assert_eq!(world.put(1, "hello", "one").await.status, 201, "the other has it");
    assert_eq!(world.put(0, "never", "one").await.status, 503, "it is told, and in time");
    world.write("second");
    world.serves("second").await;
    let call = Call::get(HOST, "/hello");
    assert_eq!(call.send(world.address).await.unwrap().status, 404, "it knows nothing of that");
    is_logged(&control_planes[0], &["the revision is served and not kept"]).await;

    world.link.mend();
    world.answers("hello", "one").await;
    world.agree().await;
    assert!(envoy.process().ended().is_none());

    // All of the database is gone.
    let World { postgres, address, admins, .. } = &mut world;
    postgres.stop();
    assert_eq!(call.send(*address).await.unwrap().status, 200);
    let gone = Call::get("localhost", "/v1/revisions").send(admins[1]).await.unwrap();
    assert_eq!(gone.status, 503);
}
