use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::built::root;
use crate::{Call, Process, Usage, eventually, free_port};

/// A real Envoy.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    admin: SocketAddr,
}

/// The ports that `envoy/bootstrap.yaml` names.
const ADMIN_PORT: u16 = 19_000;
const XDS_PORT: u16 = 18_000;

/// Starting takes two seconds of processor time, most of it to compile the
/// module, and a machine that others use too may be minutes in giving them. An
/// Envoy that ends meanwhile is noticed at once.
const PATIENCE: Duration = Duration::from_mins(5);

impl Envoy {
    /// Starts one with the shipped bootstrap, for a control plane at `xds`.
    pub fn start(envoy: &Path, xds: SocketAddr) -> Result<Self> {
        Self::on(free_port()?, envoy, xds)
    }

    /// Likewise, with its admin interface on this port.
    pub fn on(admin_port: u16, envoy: &Path, xds: SocketAddr) -> Result<Self> {
        let path = root().join("envoy/bootstrap.yaml");
        let shipped = fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        let bootstrap = shipped
            .replace(&ADMIN_PORT.to_string(), &admin_port.to_string())
            .replace(&XDS_PORT.to_string(), &xds.port().to_string());
        Self::with_bootstrap(envoy, &bootstrap, admin_port, 2)
    }

    /// Starts one with a bootstrap of the caller's own, as YAML or JSON.
    pub fn with_bootstrap(
        envoy: &Path,
        bootstrap: &str,
        admin_port: u16,
        workers: u32,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("bootstrap.yaml");
        fs::write(&config, bootstrap)?;
        let mut command = Command::new(envoy);
        command.arg("--config-path").arg(config);
        command.arg("--concurrency").arg(workers.to_string());
        // Without it, two Envoys on one machine would take each other for their successors.
        command.args(["--disable-hot-restart", "--log-level", "warning"]);
        // How far it got with what it was told; this is never said of a request.
        command.args(["--component-log-level", "config:info,upstream:info"]);
        // A test looks for its line in the access log at once.
        command.args(["--file-flush-interval-msec", "100"]);
        let process = Process::start("Envoy", command, folder)?;
        Ok(Self { process, admin: (Ipv4Addr::LOCALHOST, admin_port).into() })
    }

    /// One that runs elsewhere, by a command that follows its log.
    pub fn elsewhere(log: Command, admin: SocketAddr) -> Result<Self> {
        Ok(Self { process: Process::start("Envoy", log, tempfile::tempdir()?)?, admin })
    }

    /// Waits until it serves: every resource that it asked for has come.
    pub async fn ready(&mut self) -> Result<()> {
        let Self { process, admin } = self;
        let ready = Call::get("localhost", "/ready");
        eventually("Envoy is ready", PATIENCE, async || {
            let ended = process.ended().is_some();
            let live = ready.send(*admin).await.is_ok_and(|answer| answer.status == 200);
            (ended || live).then_some(())
        })
        .await
        .with_context(|| process.account())?;
        process.still_running()
    }

    /// Waits until something listens at `address`.
    pub async fn listening(&mut self, address: SocketAddr) -> Result<()> {
        let Self { process, .. } = self;
        eventually(&format!("Envoy listens on {address}"), PATIENCE, async || {
            let ended = process.ended().is_some();
            (ended || tokio::net::TcpStream::connect(address).await.is_ok()).then_some(())
        })
        .await
        .with_context(|| process.account())?;
        process.still_running()
    }

    /// Where its admin interface is.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// What it has used up so far.
    pub fn usage(&self) -> Result<Usage> {
        self.process.usage()
    }

    /// The access log so far, one JSON object a line.
    pub fn access_log(&self) -> Vec<Value> {
        self.process.stdout().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Counters and gauges whose name matches a regular expression.
    pub async fn stats(&self, filter: &str) -> Result<BTreeMap<String, u64>> {
        let path = format!("/stats?filter={filter}");
        let text = self.page(&path).await?;
        let pairs = text.lines().filter_map(|line| line.split_once(": "));
        Ok(pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
    }

    /// What a page of its admin interface says: `/ready`, `/listeners`.
    pub async fn page(&self, path: &str) -> Result<String> {
        let answer = Call::get("localhost", path).send(self.admin).await?;
        Ok(String::from_utf8_lossy(&answer.body).trim_end().to_owned())
    }

    /// What it has been told, endpoints included.
    pub async fn config_dump(&self) -> Result<Value> {
        let answer = Call::get("localhost", "/config_dump?include_eds").send(self.admin).await?;
        Ok(answer.json())
    }
}
