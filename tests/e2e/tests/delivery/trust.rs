//! Envoys and control planes that know each other by certificates.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use tollgate_e2e::{Gateway, fill_in, revision};
use tollgate_support::{
    Authority, Built, Certificate, ControlPlane, Envoy, Upstream, Wanted, free_port,
};

use super::relay::Relay;
use super::{PATIENCE, free_address, is_logged, is_served, is_served_soon};

/// Who may sign for whom.
struct World {
    envoys: Authority,
    control_planes: Authority,
    files: TempDir,
}

/// What the certificate of the Envoy of the shipped bootstrap says.
const ENVOY_1: &str = "spiffe://example.com/tollgate/tollgate/envoy-1";

impl World {
    fn new() -> Self {
        let this = Self {
            envoys: Authority::new("envoys").unwrap(),
            control_planes: Authority::new("control planes").unwrap(),
            files: tempfile::tempdir().unwrap(),
        };
        put(this.files.path(), "authorities.pem", this.envoys.pem());
        this.show(&this.control_planes);
        this
    }

    /// Has control planes show a new certificate.
    fn show(&self, signer: &Authority) {
        let shown = signer.sign(&Wanted::server().unwrap()).unwrap();
        put(self.files.path(), "server.key", &shown.key_pem);
        put(self.files.path(), "server.pem", &shown.pem);
    }

    async fn control_plane(&self, config: &str) -> ControlPlane {
        let file = |name: &str| self.files.path().join(name).display().to_string();
        let options = [
            "--xds-certificate",
            &file("server.pem"),
            "--xds-key",
            &file("server.key"),
            "--xds-authorities",
            &file("authorities.pem"),
        ];
        let built = Built::find().unwrap();
        ControlPlane::with(&built, config, &options, &[]).await.unwrap()
    }

    fn certificate(&self, uri: &str) -> Certificate {
        self.envoys.sign(&Wanted::client(uri).unwrap()).unwrap()
    }
}

/// In one go, as whoever renews certificates should.
fn put(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(".new"), text).unwrap();
    fs::rename(folder.join(".new"), folder.join(name)).unwrap();
}

/// The files of an Envoy, as `envoy/mtls` says.
fn folder(shows: &Certificate, trusts: &Authority) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "client.pem", &shows.pem);
    put(folder.path(), "client.key", &shows.key_pem);
    put(folder.path(), "authorities.pem", trusts.pem());
    for name in ["client.yaml", "authorities.yaml"] {
        put(folder.path(), name, &shipped(name, folder.path()));
    }
    folder
}

fn shipped(name: &str, folder: &Path) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envoy/mtls").join(name);
    let text = fs::read_to_string(path).unwrap();
    text.replace("/etc/tollgate/xds", &folder.display().to_string())
}

/// An Envoy with the shipped bootstrap, with these changes.
fn envoy(files: &TempDir, xds: SocketAddr, changes: &[(&str, &str)]) -> Envoy {
    let admin = free_port().unwrap();
    let mut bootstrap = shipped("bootstrap.yaml", files.path())
        .replace("19000", &admin.to_string())
        .replace("18000", &xds.port().to_string());
    for (old, new) in changes {
        assert!(bootstrap.contains(old), "{old}");
        bootstrap = bootstrap.replace(old, new);
    }
    Envoy::with_bootstrap(&Built::envoy().unwrap(), &bootstrap, admin, 2).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_is_served_by_its_certificate_and_new_certificates_need_no_restart() {
    let world = World::new();
    let upstream = Upstream::start().await.unwrap();
    let address = free_address();
    let config = fill_in(&revision("first"), address, &upstream);
    let control_plane = world.control_plane(&config).await;
    let files = folder(&world.certificate(ENVOY_1), &world.control_planes);
    let mut envoy_1 = envoy(&files, control_plane.xds(), &[]);
    envoy_1.ready().await.unwrap();
    envoy_1.listening(address).await.unwrap();
    let mut gateway = Gateway { upstream, control_plane, envoy: envoy_1, address };
    is_served(&gateway, "first").await;
    passes_the_health_check(gateway.control_plane.xds());

    // Another authority signs for control planes from now on.
    let renewed = Authority::new("renewed").unwrap();
    world.show(&renewed);
    is_logged(&gateway.control_plane, &["certificates were read again"]).await;
    gateway.write(&revision("second")).unwrap();
    is_served_soon(&gateway, "second").await;

    // Half of a pair is refused, and what was good stays.
    put(world.files.path(), "server.pem", world.control_planes.pem());
    is_logged(&gateway.control_plane, &["the certificates read before stay in use"]).await;
    put(files.path(), "authorities.pem", renewed.pem());
    let by_group = world.certificate("spiffe://example.com/tollgate/tollgate");
    put(files.path(), "client.key", &by_group.key_pem);
    put(files.path(), "client.pem", &by_group.pem);
    let xds = gateway.control_plane.xds();
    gateway.envoy = envoy(&files, xds, &[("id: envoy-1", "id: envoy-2")]);
    gateway.envoy.ready().await.unwrap();
    gateway.envoy.listening(address).await.unwrap();
    is_served(&gateway, "second").await;
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_who_the_certificate_says_is_told_nothing() {
    let world = World::new();
    let upstream = Upstream::start().await.unwrap();
    let config = fill_in(&revision("first"), free_address(), &upstream);
    let control_plane = world.control_plane(&config).await;
    let xds = control_plane.xds();
    let good = folder(&world.certificate(ENVOY_1), &world.control_planes);
    let other = Authority::new("others").unwrap();
    let foreign = other.sign(&Wanted::client(ENVOY_1).unwrap()).unwrap();
    let foreign = folder(&foreign, &world.control_planes);
    let expired = Wanted { years: (2020, 2021), ..Wanted::client(ENVOY_1).unwrap() };
    let expired = folder(&world.envoys.sign(&expired).unwrap(), &world.control_planes);
    let nobody = world.certificate("https://example.com/tollgate/tollgate/envoy-1");
    let nobody = folder(&nobody, &world.control_planes);
    let shown = shipped("bootstrap.yaml", good.path());
    let (_, shown) = shown.split_once("          tls_certificate_sds_secret_configs:").unwrap();
    let (shown, _) = shown.split_once("          combined_validation_context:").unwrap();
    let shown = format!("          tls_certificate_sds_secret_configs:{shown}");
    for (files, changes, told) in [
        (&good, vec![("id: envoy-1", "id: envoy-2")], "node.id: is \"envoy-2\", and the"),
        (&good, vec![("cluster: tollgate\n", "cluster: inner\n")], "node.cluster: is \"inner\","),
        (&good, vec![(shown.as_str(), "")], "peer sent no certificates"),
        (&foreign, vec![], "invalid peer certificate: UnknownIssuer"),
        (&expired, vec![], "invalid peer certificate: certificate expired"),
        (&nobody, vec![], "the certificate names no Envoy; it needs the URI spiffe://DOMAIN"),
    ] {
        let envoy = envoy(files, xds, &changes);
        is_logged(&control_plane, &["turned away", told]).await;
        super::serves_nothing_of(&envoy).await;
    }
    // In clear.
    let envoy = Envoy::start(&Built::envoy().unwrap(), xds).unwrap();
    is_logged(&control_plane, &["turned away", "received corrupt message"]).await;
    super::serves_nothing_of(&envoy).await;
    assert!(!control_plane.log().contains("INFO connected"), "{PATIENCE:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_shows_the_certificate_of_its_envoy_and_believes_the_right_control_plane() {
    let world = World::new();
    let upstream = Upstream::start().await.unwrap();
    let address = free_address();
    let config = fill_in(&revision("first"), address, &upstream);
    let control_plane = world.control_plane(&config).await;
    let (good, foreign) = (Authority::new("others").unwrap(), world.certificate(ENVOY_1));
    let foreign = folder(&foreign, &good);
    let files = folder(&world.certificate(ENVOY_1), &world.control_planes);
    let relay = |files: &TempDir, cache: &TempDir| {
        let file = |name: &str| files.path().join(name).display().to_string();
        let (shown, key) = (file("client.pem"), file("client.key"));
        let (believed, name) = (file("authorities.pem"), "localhost");
        let options = ["--certificate", &shown, "--key", &key, "--authorities", &believed];
        let options = [&options[..], &["--upstream-name", name]].concat();
        Relay::start_with(cache.path(), &[control_plane.xds()], &options)
    };
    let caches = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let deceived = relay(&foreign, &caches[0]);
    deceived.logged(&["invalid peer certificate: UnknownIssuer"]).await;

    let relay = relay(&files, &caches[1]);
    let mut envoy = Envoy::start(&Built::envoy().unwrap(), relay.xds).unwrap();
    envoy.ready().await.unwrap();
    envoy.listening(address).await.unwrap();
    let gateway = Gateway { upstream, control_plane, envoy, address };
    is_served(&gateway, "first").await;
    gateway.write(&revision("second")).unwrap();
    is_served_soon(&gateway, "second").await;
}

fn passes_the_health_check(xds: SocketAddr) {
    let mut command = Command::new(Built::find().unwrap().tollgate);
    let done = command.args(["health", "--xds", &xds.to_string()]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
