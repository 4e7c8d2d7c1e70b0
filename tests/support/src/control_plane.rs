use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{Built, Process, eventually, free_port};

/// The built `tollgate`, serving a configuration file of its own.
#[derive(Debug)]
pub struct ControlPlane {
    built: Built,
    config: PathBuf,
    folder: TempDir,
    xds: SocketAddr,
    introspection: SocketAddr,
    options: Vec<String>,
    variables: Vec<(String, String)>,
    process: Option<Process>,
}

/// Long enough for a start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

impl ControlPlane {
    /// Serves `config` on a free port.
    pub async fn start(built: &Built, config: &str) -> Result<Self> {
        Self::on(free_port()?, built, config).await
    }

    /// Serves `config` on this port.
    pub async fn on(port: u16, built: &Built, config: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("tollgate.yaml");
        fs::write(&path, config)?;
        Self::serving(path, folder, port, built).await
    }

    /// Serves a file that is there already, on this port.
    pub async fn of_file(port: u16, built: &Built, config: &Path) -> Result<Self> {
        Self::serving(config.to_owned(), tempfile::tempdir()?, port, built).await
    }

    /// Serves a file that is there already, on a free port, with further options.
    pub async fn of_file_with(config: &Path, built: &Built, options: &[&str]) -> Result<Self> {
        let address = || Ok::<_, anyhow::Error>((Ipv4Addr::LOCALHOST, free_port()?).into());
        let mut this = Self {
            built: built.clone(),
            config: config.to_owned(),
            folder: tempfile::tempdir()?,
            xds: address()?,
            introspection: address()?,
            options: options.iter().map(|&option| option.to_owned()).collect(),
            variables: Vec::new(),
            process: None,
        };
        this.run().await?;
        Ok(this)
    }

    /// One that runs elsewhere, by the file that it serves and a command that
    /// follows its log.
    pub fn elsewhere(built: Built, config: PathBuf, log: Command) -> Result<Self> {
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        Ok(Self {
            built,
            config,
            folder: tempfile::tempdir()?,
            xds: nowhere,
            introspection: nowhere,
            options: Vec::new(),
            variables: Vec::new(),
            process: Some(Process::start("the control plane", log, tempfile::tempdir()?)?),
        })
    }

    async fn serving(config: PathBuf, folder: TempDir, port: u16, built: &Built) -> Result<Self> {
        let xds = (Ipv4Addr::LOCALHOST, port).into();
        let introspection = (Ipv4Addr::LOCALHOST, free_port()?).into();
        let (built, options, variables) = (built.clone(), Vec::new(), Vec::new());
        let mut this =
            Self { built, config, folder, xds, introspection, options, variables, process: None };
        this.run().await?;
        Ok(this)
    }

    /// Serves `config` with further options, as on the command line, and with
    /// variables of the environment.
    pub async fn with(
        built: &Built,
        config: &str,
        options: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("tollgate.yaml");
        fs::write(&path, config)?;
        let port = || Ok::<_, anyhow::Error>((Ipv4Addr::LOCALHOST, free_port()?).into());
        let owned = |text: &&str| (*text).to_owned();
        let mut this = Self {
            built: built.clone(),
            config: path,
            folder,
            xds: port()?,
            introspection: port()?,
            options: options.iter().map(owned).collect(),
            variables: variables.iter().map(|(a, b)| (owned(a), owned(b))).collect(),
            process: None,
        };
        this.run().await?;
        Ok(this)
    }

    /// Where gateways ask about tokens and API keys.
    pub fn introspection(&self) -> SocketAddr {
        self.introspection
    }

    /// Where Envoys find it.
    pub fn xds(&self) -> SocketAddr {
        self.xds
    }

    /// The file that it serves.
    pub fn config_path(&self) -> &Path {
        &self.config
    }

    /// A folder for files that the configuration names.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces the configuration, whole, as an editor would.
    pub fn write(&self, config: &str) -> Result<()> {
        let draft = self.config.with_file_name(".tollgate.yaml.new");
        fs::write(&draft, config)?;
        Ok(fs::rename(draft, self.config_path())?)
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts it, after it was killed.
    pub async fn run(&mut self) -> Result<()> {
        let mut command = Command::new(&self.built.tollgate);
        command.arg("serve").arg(self.config_path());
        command.arg("--xds").arg(self.xds.to_string());
        command.arg("--introspection").arg(self.introspection.to_string());
        command.arg("--module").arg(&self.built.module);
        command.args(&self.options).envs(self.variables.iter().cloned());
        let mut process = Process::start("the control plane", command, tempfile::tempdir()?)?;
        eventually("the control plane listens", PATIENCE, async || {
            let ended = process.ended().is_some();
            (ended || TcpStream::connect(self.xds).await.is_ok()).then_some(())
        })
        .await
        .with_context(|| process.account())?;
        process.still_running()?;
        self.process = Some(process);
        Ok(())
    }

    /// What `tollgate translate --to STEP` prints of the configuration.
    pub fn translated(&self, step: &str) -> Result<String> {
        let mut command = Command::new(&self.built.tollgate);
        command.arg("translate").arg(self.config_path()).args(["--to", step]);
        let done = command.arg("--module").arg(&self.built.module).output()?;
        anyhow::ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(String::from_utf8(done.stdout)?)
    }

    /// The process, while there is one.
    pub fn process(&mut self) -> Result<&mut Process> {
        self.process.as_mut().context("the control plane was killed")
    }

    /// What it has logged since it was last started.
    pub fn log(&self) -> String {
        let process = self.process.as_ref();
        process.map(|process| process.stdout() + &process.stderr()).unwrap_or_default()
    }
}
