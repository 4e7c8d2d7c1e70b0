//! The quickstart example, started as a whole: what `make run` runs.

#![expect(clippy::print_stdout, reason = "people read it")]

mod ports;
mod tour;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};
use tollgate_support::{Built, Call, ControlPlane, Envoy, Upstream, eventually};

use crate::ports::Ports;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/quickstart");

/// Everything that runs; all of it ends when this is dropped.
struct Demo {
    ports: Ports,
    _backend: Upstream,
    control_plane: ControlPlane,
    envoy: Envoy,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let ended = tokio::select! {
        // A Ctrl-C reaches the children too: that they end is then no error.
        biased;
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
        ended = run() => ended,
    };
    println!("\nEverything that was started has ended.");
    ended
}

async fn run() -> Result<()> {
    let ports = Ports::from_env()?;
    ports.claim()?;
    let mut demo = start(ports).await?;
    let config = shown(demo.control_plane.config_path());
    println!("{}", tour::text(&demo.ports, &config, &example("keys/demo.pem")?)?);
    let mut told = demo.control_plane.process()?.stderr().len();
    loop {
        demo.envoy.process().still_running()?;
        let control_plane = demo.control_plane.process()?;
        control_plane.still_running()?;
        tell(&control_plane.stderr(), &mut told);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Shows what the control plane has said since: whoever changes the
/// configuration wants to know what became of it.
fn tell(log: &str, told: &mut usize) {
    let news = log.get(*told..).unwrap_or_default();
    if let Some(end) = news.rfind('\n') {
        println!("{}", news.get(..end).unwrap_or_default());
        *told = told.saturating_add(end).saturating_add(1);
    }
}

async fn start(ports: Ports) -> Result<Demo> {
    let built = Built::find()?;
    step("a backend that answers with what it got");
    let backend = Upstream::on(ports.backend).await?;
    step("the control plane");
    let control_plane = control_plane(&ports, &built).await?;
    step("Envoy");
    let mut envoy = Envoy::on(ports.admin, &built.envoy, control_plane.xds())?;
    envoy.ready().await?;
    step("a first request through all of it");
    first_request(&ports).await?;
    Ok(Demo { ports, _backend: backend, control_plane, envoy })
}

fn step(what: &str) {
    println!("starting: {what}");
}

/// Serves the example where it lies, so that it can be changed while it runs,
/// unless it is to use other ports than it says.
async fn control_plane(ports: &Ports, built: &Built) -> Result<ControlPlane> {
    if ports.are_those_of_the_example() {
        let config = shown(&Path::new(EXAMPLE).join("tollgate.yaml"));
        return ControlPlane::of_file(ports.xds, built, Path::new(&config)).await;
    }
    ControlPlane::on(ports.xds, built, &ports.rewrite(&example("tollgate.yaml")?)).await
}

fn example(file: &str) -> Result<String> {
    let path = Path::new(EXAMPLE).join(file);
    fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
}

async fn first_request(ports: &Ports) -> Result<()> {
    let (call, address) = (Call::get("localhost", "/"), ports.gateway_address());
    let patience = Duration::from_mins(1);
    eventually("a first request passes", patience, async || {
        call.send(address).await.ok().filter(|answer| answer.status == 200)
    })
    .await
    .map(drop)
}

/// A path as people would type it from where they are.
fn shown(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let here = std::env::current_dir().unwrap_or_default();
    full.strip_prefix(here).unwrap_or(&full).display().to_string()
}
