//! An Envoy that has a relay beside it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;
use tollgate_e2e::{ACME, Gateway, HOST, fill_in, revision};
use tollgate_support::{
    Built, Call, Connection, ControlPlane, Envoy, Process, Protocol, Upstream, eventually,
    free_port,
};

use super::fleet::envoy_of;
use super::{PATIENCE, free_address, is_logged, is_served, is_served_soon};

/// The built `tollgate relay`, with a cache.
pub(super) struct Relay {
    pub(super) process: Process,
    pub(super) xds: SocketAddr,
}

impl Relay {
    pub(super) fn start(cache: &Path, upstream: &[SocketAddr]) -> Self {
        Self::start_with(cache, upstream, &[])
    }

    pub(super) fn start_with(cache: &Path, upstream: &[SocketAddr], options: &[&str]) -> Self {
        let xds = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
        let process = relaying(&xds.to_string(), cache, upstream, options);
        Self { process, xds }
    }

    /// Another one in its place, at the same address.
    pub(super) fn again(self, cache: &Path, upstream: &[SocketAddr]) -> Self {
        let Self { process, xds } = self;
        drop(process);
        Self { process: relaying(&xds.to_string(), cache, upstream, &[]), xds }
    }

    pub(super) async fn logged(&self, words: &[&str]) {
        eventually(&format!("{words:?} in the relay's log"), PATIENCE, async || {
            let log = self.process.stderr();
            log.lines().any(|line| words.iter().all(|word| line.contains(word))).then_some(())
        })
        .await
        .unwrap();
    }
}

/// The process of a relay that listens at `xds`.
fn relaying(xds: &str, cache: &Path, upstream: &[SocketAddr], options: &[&str]) -> Process {
    let mut command = Command::new(Built::find().unwrap().tollgate);
    command.args(["relay", "--node", "envoy-1", "--xds", xds, "--cache"]);
    command.arg(cache).args(options);
    for address in upstream {
        command.args(["--upstream", &address.to_string()]);
    }
    Process::start("the relay", command, tempfile::tempdir().unwrap()).unwrap()
}

/// An Envoy with a relay, and a control plane behind that.
pub(super) async fn start(cache: &Path, config: &str) -> (Gateway, Relay) {
    let upstream = Upstream::start().await.unwrap();
    let address = free_address();
    let config = fill_in(config, address, &upstream);
    let control_plane = ControlPlane::start(&Built::find().unwrap(), &config).await.unwrap();
    let relay = Relay::start(cache, &[free_address(), control_plane.xds()]);
    let mut envoy = Envoy::start(&Built::envoy().unwrap(), relay.xds).unwrap();
    envoy.ready().await.unwrap();
    envoy.listening(address).await.unwrap();
    (Gateway { upstream, control_plane, envoy, address }, relay)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_that_restarts_without_any_control_plane_serves_what_it_took_last() {
    let cache = tempfile::tempdir().unwrap();
    let (mut gateway, mut relay) = start(cache.path(), &revision("first")).await;
    is_served(&gateway, "first").await;
    gateway.write(&revision("second")).unwrap();
    is_served_soon(&gateway, "second").await;
    // The control plane hears of it, as of any Envoy.
    is_logged(&gateway.control_plane, &["is live", "node=\"envoy-1\"", "revision=2"]).await;
    saved(cache.path(), "second").await;

    gateway.control_plane.kill();
    gateway.envoy.process().kill();
    relay.process.kill();
    let relay = Relay::start(cache.path(), &[gateway.control_plane.xds()]);
    relay.logged(&["begins with what the Envoy ran last"]).await;
    gateway.envoy = Envoy::start(&Built::envoy().unwrap(), relay.xds).unwrap();
    gateway.envoy.ready().await.unwrap();
    gateway.envoy.listening(gateway.address).await.unwrap();
    // With its authentication.
    is_served(&gateway, "second").await;

    gateway.write(&revision("third")).unwrap();
    gateway.control_plane.run().await.unwrap();
    is_served_soon(&gateway, "third").await;
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_serves_by_a_socket_in_the_file_system_and_takes_its_place_again() {
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let socket = folder.path().join("xds.sock");
    let (upstream, address) = (Upstream::start().await.unwrap(), free_address());
    let config = fill_in(&revision("first"), address, &upstream);
    let control_plane = ControlPlane::start(&Built::find().unwrap(), &config).await.unwrap();
    let xds = format!("unix:{}", socket.display());
    let mut relay = relaying(&xds, cache.path(), &[control_plane.xds()], &[]);
    let mut envoy = envoy_of(&[format!("pipe: {{ path: {} }}", socket.display())]);
    envoy.ready().await.unwrap();
    envoy.listening(address).await.unwrap();
    let gateway = Gateway { upstream, control_plane, envoy, address };
    is_served(&gateway, "first").await;

    // It has no time to take the socket away.
    relay.kill();
    assert!(socket.exists());
    let _relay = relaying(&xds, cache.path(), &[gateway.control_plane.xds()], &[]);
    gateway.write(&revision("second")).unwrap();
    is_served_soon(&gateway, "second").await;
    gateway.never_trapped().await.unwrap();
}

pub(super) async fn saved(cache: &Path, words: &str) {
    eventually("the cache has the newest", PATIENCE, async || {
        let cache = fs::read(cache.join("resources")).ok()?;
        cache.windows(words.len()).any(|window| window == words.as_bytes()).then_some(())
    })
    .await
    .unwrap();
}

/// With the bootstrap that ships for that.
#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_whose_relay_is_gone_asks_a_control_plane_and_goes_back() {
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let socket = folder.path().join("xds.sock").display().to_string();
    let (upstream, address) = (Upstream::start().await.unwrap(), free_address());
    let config = fill_in(&revision("first"), address, &upstream);
    let control_plane = ControlPlane::start(&Built::find().unwrap(), &config).await.unwrap();
    let xds = format!("unix:{socket}");
    let mut relay = relaying(&xds, cache.path(), &[control_plane.xds()], &[]);
    let mut envoy = envoy_with_relay(&socket, control_plane.xds());
    envoy.ready().await.unwrap();
    envoy.listening(address).await.unwrap();
    let mut gateway = Gateway { upstream, control_plane, envoy, address };
    is_served(&gateway, "first").await;
    assert!(relay.stderr().contains("INFO connected"), "by the relay: {}", relay.stderr());

    relay.kill();
    gateway.write(&revision("second")).unwrap();
    is_served_soon(&gateway, "second").await;

    let process = relaying(&xds, cache.path(), &[gateway.control_plane.xds()], &[]);
    let relay = Relay { process, xds: gateway.control_plane.xds() };
    relay.logged(&["INFO follows"]).await;
    gateway.control_plane.kill();
    relay.logged(&["INFO connected"]).await;
    is_served(&gateway, "second").await;
    gateway.write(&revision("third")).unwrap();
    gateway.control_plane.run().await.unwrap();
    is_served_soon(&gateway, "third").await;
    gateway.never_trapped().await.unwrap();
}

fn envoy_with_relay(socket: &str, control_plane: SocketAddr) -> Envoy {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envoy/relay/bootstrap.yaml");
    let admin = free_port().unwrap();
    let bootstrap = fs::read_to_string(path)
        .unwrap()
        .replace("19000", &admin.to_string())
        .replace("18000", &control_plane.port().to_string())
        .replace("/run/tollgate/xds.sock", socket);
    Envoy::with_bootstrap(&Built::envoy().unwrap(), &bootstrap, admin, 2).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_envoy_refuses_is_told_through_the_relay_and_is_not_kept() {
    let cache = tempfile::tempdir().unwrap();
    let (mut gateway, relay) = start(cache.path(), &revision("first")).await;
    let other = std::net::TcpListener::bind(free_address()).unwrap();
    let taken = other.local_addr().unwrap();
    gateway.write(&revision("second").replace("127.0.0.1:$PORT", &taken.to_string())).unwrap();
    let refusal = ["ERROR refused listener \"public\"", "Address already in use"];
    is_logged(&gateway.control_plane, &refusal).await;
    is_served_soon(&gateway, "second").await;
    saved(cache.path(), "second").await;

    gateway.control_plane.kill();
    gateway.envoy.process().kill();
    gateway.envoy = Envoy::start(&Built::envoy().unwrap(), relay.xds).unwrap();
    gateway.envoy.ready().await.unwrap();
    gateway.envoy.listening(gateway.address).await.unwrap();
    is_served(&gateway, "second").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_cache_is_told_of_and_serves_nobody() {
    let cache = tempfile::tempdir().unwrap();
    let (mut gateway, mut relay) = start(cache.path(), &revision("first")).await;
    saved(cache.path(), "first").await;
    gateway.control_plane.kill();
    gateway.envoy.process().kill();
    relay.process.kill();
    fs::remove_file(cache.path().join("resources.before")).ok();
    let path = cache.path().join("resources");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.last_mut().unwrap();
    *last ^= 1;
    fs::write(&path, bytes).unwrap();
    let relay = Relay::start(cache.path(), &[gateway.control_plane.xds()]);
    relay.logged(&["ERROR", "resources: is damaged, and nothing of it is used"]).await;
    relay.logged(&["cannot be followed"]).await;
    assert!(TcpStream::connect(gateway.address).await.is_err());
    // Until there is a control plane again.
    let mut envoy = Envoy::start(&Built::envoy().unwrap(), relay.xds).unwrap();
    gateway.control_plane.run().await.unwrap();
    envoy.ready().await.unwrap();
    envoy.listening(gateway.address).await.unwrap();
    gateway.envoy = envoy;
    is_served(&gateway, "first").await;
}

/// What callers get in so many seconds, who ask for twice the limit.
async fn admitted(gateway: &Gateway, seconds: u64) -> u64 {
    let call = Call::get(HOST, "/orders").header("x-api-key", ACME);
    let mut connection = Connection::open(Protocol::Http1, gateway.address).await.unwrap();
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    let (begun, mut admitted) = (Instant::now(), 0_u64);
    while begun.elapsed() < Duration::from_secs(seconds) {
        pace.tick().await;
        let answer = connection.send(&call).await.unwrap();
        admitted = admitted.saturating_add(u64::from(answer.status == 200));
    }
    admitted
}

/// The control plane deals limits itself: a relay stands between it and nobody.
#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_behind_a_relay_shares_limits_like_any_other() {
    let cache = tempfile::tempdir().unwrap();
    let limit = "limits: [{ by: [tenant], requests: 100, per: second, burst: 30 }]";
    let auth = "auth: { any_of: [api_key] }";
    let config = revision("first").replace(auth, &format!("{auth}\n        {limit}"));
    let config = format!("{config}\nrate_limits: {{ envoys: 4 }}\n");
    let (mut gateway, _relay) = start(cache.path(), &config).await;
    // Three more Envoys could be there: nobody is raised before eleven seconds.
    admitted(&gateway, 13).await;
    // A quarter is its own; nobody asks for the rest.
    let dealt = admitted(&gateway, 4).await;
    assert!((280..=440).contains(&dealt), "{dealt}");
    // Alone, it comes to its own part within ten seconds, and not to nothing.
    gateway.control_plane.kill();
    admitted(&gateway, 12).await;
    let alone = admitted(&gateway, 4).await;
    assert!((80..=150).contains(&alone), "{alone}");
    gateway.never_trapped().await.unwrap();
}
