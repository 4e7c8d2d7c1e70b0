//! Limits that several Envoys share are limits of all of them together.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod callers;
mod counts;
mod rates;
mod uplift;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use tollgate_e2e::{config, fill_in};
use tollgate_support::{Built, ControlPlane, Envoy, Postgres, Upstream, free_port};

/// As many as the configuration says.
const ENVOYS: usize = 3;

/// Several Envoys that listen on one port, and what tells them how much they may.
struct Fleet {
    control_planes: Vec<ControlPlane>,
    envoys: Vec<Envoy>,
    address: SocketAddr,
    built: Built,
    store: String,
    /// The one that several control planes need.
    postgres: Option<Arc<Postgres>>,
    upstream: Upstream,
    folder: TempDir,
}

impl Fleet {
    /// With one control plane, and a store of its own.
    async fn start(limits: &str) -> Self {
        let mut fleet = Self::prepared(None).await;
        fleet.add_control_plane(limits).await;
        for _ in 0..ENVOYS {
            fleet.add_envoy(&[0]).await;
        }
        fleet
    }

    /// With two, of which the first serves two Envoys that know both, and the
    /// second the third.
    async fn with_two_control_planes(limits: &str) -> Self {
        let mut fleet = Self::prepared(Some(Postgres::shared().unwrap())).await;
        fleet.add_control_plane(limits).await;
        fleet.add_control_plane(limits).await;
        // Whoever begins while there is only the first finds that one.
        fleet.control_planes[1].kill();
        fleet.add_envoy(&[0, 1]).await;
        fleet.add_envoy(&[0, 1]).await;
        fleet.control_planes[1].run().await.unwrap();
        fleet.add_envoy(&[1]).await;
        fleet
    }

    async fn prepared(postgres: Option<Arc<Postgres>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = match &postgres {
            Some(postgres) => postgres.database().unwrap(),
            None => format!("sqlite:{}", folder.path().join("tollgate.db").display()),
        };
        let fleet = Self {
            control_planes: Vec::new(),
            envoys: Vec::new(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap())),
            built: Built::find().unwrap(),
            store,
            postgres,
            upstream: Upstream::start().await.unwrap(),
            folder,
        };
        fleet.tollgate(&["tenants", "create", "somebody"]);
        fleet
    }

    async fn add_control_plane(&mut self, limits: &str) {
        let routes = format!(
            "      get:\n        match: {{ path: /orders }}\n        backend: echo\n        auth: \
             {{ any_of: [api_key] }}\n        limits: [{limits}]\n"
        );
        let gold = "\ntiers:\n  gold: { limits: [{ requests: 5, per: hour }] }\n  basic:";
        let config = config(&routes).replacen("\ntiers:\n  basic:", gold, 1);
        let config = format!("{config}\nrate_limits: {{ envoys: {ENVOYS} }}\n");
        let config = fill_in(&config, self.address, &self.upstream);
        let secret = self.folder.path().join("secret");
        fs::write(&secret, "0123456789abcdef0123456789abcdef").unwrap();
        let secret = format!("file:{}", secret.display());
        let options = ["--store", &self.store, "--key-hash-secret", &secret];
        let control_plane = ControlPlane::with(&self.built, &config, &options, &[]).await.unwrap();
        self.control_planes.push(control_plane);
    }

    /// One that knows these control planes.
    async fn add_envoy(&mut self, known: &[usize]) {
        let mut envoy = self.envoy(known);
        envoy.ready().await.unwrap();
        envoy.listening(self.address).await.unwrap();
        self.envoys.push(envoy);
    }

    fn envoy(&self, known: &[usize]) -> Envoy {
        const ENDPOINT: &str = "- endpoint: { address: { socket_address: { address: 127.0.0.1, \
                                port_value: 18000 } } }\n";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envoy/bootstrap.yaml");
        let shipped = fs::read_to_string(path).unwrap();
        let endpoints = known.iter().map(|at| {
            let port = self.control_planes[*at].xds().port().to_string();
            format!("        {}", ENDPOINT.replace("18000", &port))
        });
        let admin = free_port().unwrap();
        let bootstrap = shipped
            .replacen(&format!("        {ENDPOINT}"), &endpoints.collect::<String>(), 1)
            .replace("19000", &admin.to_string());
        assert!(!bootstrap.contains("18000 }"));
        Envoy::with_bootstrap(&self.built.envoy, &bootstrap, admin, 2).unwrap()
    }

    /// Ends one, and begins another in its place, which has forgotten everything.
    async fn restart_envoy(&mut self, at: usize) {
        self.envoys[at].process().kill();
        let mut envoy = self.envoy(&[0]);
        envoy.ready().await.unwrap();
        self.envoys[at] = envoy;
    }

    fn tollgate(&self, arguments: &[&str]) {
        let arguments = [arguments, &["--store", &self.store]].concat();
        let output = Command::new(&self.built.tollgate).args(&arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
}
