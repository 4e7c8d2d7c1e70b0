use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;

use crate::{Process, eventually};

/// A server on loopback that can be killed, started again on the same port,
/// and stopped so that it neither answers nor goes away.
#[derive(Debug)]
pub(crate) struct Pausable {
    name: &'static str,
    port: u16,
    process: Option<Process>,
}

/// Long enough for a start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

impl Pausable {
    /// Nothing runs yet.
    pub(crate) fn new(name: &'static str, port: u16) -> Self {
        Self { name, port, process: None }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Starts it, and waits until it listens.
    pub(crate) async fn run(&mut self, command: Command) -> Result<()> {
        let mut process = Process::start(self.name, command, tempfile::tempdir()?)?;
        let address = self.address();
        eventually(&format!("{} listens", self.name), PATIENCE, async || {
            let ended = process.ended().is_some();
            (ended || TcpStream::connect(address).await.is_ok()).then_some(())
        })
        .await?;
        process.still_running()?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    pub(crate) fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    pub(crate) fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let process = self.process.as_ref().with_context(|| format!("{} is killed", self.name))?;
        let id = Pid::from_raw(i32::try_from(process.id())?).context("no process has the id 0")?;
        Ok(kill_process(id, signal)?)
    }
}

impl Drop for Pausable {
    /// What is stopped does not end when it is asked to.
    fn drop(&mut self) {
        self.resume().ok();
    }
}
