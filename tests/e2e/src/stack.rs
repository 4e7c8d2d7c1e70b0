use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use tollgate_support::{Built, ControlPlane, Envoy, Upstream};

use crate::Gateway;

/// The containers of `envoy/docker-compose.yaml`, if `scripts/compose.py test` runs
/// the tests: then each test has them to itself, and starts their Envoy and their
/// control plane anew. Its backend runs beside it, outside.
pub(crate) struct Stack {
    project: String,
    config: PathBuf,
    /// What runs between the configuration and callers, and is started in this order.
    services: &'static [&'static str],
    /// Where the relay keeps what Envoy took, if there is one.
    relay: Option<PathBuf>,
    gateway: u16,
    admin: u16,
    /// Where containers find what listens outside.
    host: String,
}

// === impl Stack ===

impl Stack {
    pub(crate) fn from_env() -> Result<Option<Self>> {
        let Ok(project) = env::var("TOLLGATE_STACK") else { return Ok(None) };
        let variable = |name: &str| env::var(name).with_context(|| format!("{name} is not set"));
        // The small stack has none.
        let relay = env::var("RELAY_CACHE").ok().map(|cache| PathBuf::from(cache).join("relay"));
        let (profile, services): (_, &[_]) = match relay {
            Some(_) => ("full", &["control-plane", "relay", "envoy"]),
            None => ("minimal", &["control-plane-minimal", "envoy"]),
        };
        let configs = PathBuf::from(variable("TOLLGATE_CONFIG")?);
        Ok(Some(Self {
            project,
            config: configs.join(profile).join("tollgate.yaml"),
            services,
            relay,
            gateway: variable("GATEWAY_PORT")?.parse()?,
            admin: variable("ADMIN_PORT")?.parse()?,
            host: variable("BACKEND_HOST")?,
        }))
    }

    /// With the addresses that things have in containers: Envoy listens on all of its
    /// own, and what listens outside, on loopback for other tests, is at the host.
    pub(crate) fn fill_in(&self, config: &str, upstream: &Upstream) -> String {
        let host = format!("{}:", self.host);
        config
            .replace("127.0.0.1:$PORT", "$LISTENER")
            .replace("127.0.0.1:", &host)
            .replace("0.0.0.0:", &host)
            .replace("$LISTENER", "0.0.0.0:8080")
            .replace("$BACKEND", &upstream.port().to_string())
    }

    pub(crate) async fn gateway(
        &self,
        built: &Built,
        upstream: Upstream,
        config: &str,
        arguments: &[&str],
    ) -> Result<Gateway> {
        ensure!(arguments.is_empty(), "the stack's control plane has the stack's arguments");
        fs::write(&self.config, self.fill_in(config, &upstream))?;
        let containers = self.services.iter().map(|service| self.container(service));
        let containers = containers.collect::<Result<Vec<_>>>()?;
        let all: Vec<&str> = containers.iter().map(String::as_str).collect();
        let (Some(control_plane), Some(envoy)) = (all.first(), all.last()) else {
            bail!("the stack has no containers");
        };
        let since = docker(&["info", "--format", "{{.SystemTime}}"])?;
        let backwards: Vec<&str> = all.iter().rev().copied().collect();
        docker(&[&["stop", "--time", "1"], &backwards[..]].concat())?;
        // It would tell Envoy what the test before was about.
        if let Some(relay) = self.relay.as_ref().filter(|relay| relay.exists()) {
            fs::remove_dir_all(relay)?;
        }
        docker(&[&["start"], &all[..]].concat())?;
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let control_plane = follow(control_plane, &since);
        let control_plane =
            ControlPlane::elsewhere(built.clone(), self.config.clone(), control_plane)?;
        let mut envoy = Envoy::elsewhere(follow(envoy, &since), loopback(self.admin))?;
        envoy.ready().await.with_context(|| control_plane.log())?;
        Ok(Gateway { upstream, control_plane, envoy, address: loopback(self.gateway) })
    }

    fn container(&self, service: &str) -> Result<String> {
        let project = format!("label=com.docker.compose.project={}", self.project);
        let service = format!("label=com.docker.compose.service={service}");
        docker(&["ps", "--all", "--quiet", "--filter", &project, "--filter", &service])
    }
}

/// Follows what a container logs from now on.
fn follow(container: &str, since: &str) -> Command {
    let mut command = Command::new("docker");
    command.args(["logs", "--follow", "--since", since, container]);
    command
}

fn docker(arguments: &[&str]) -> Result<String> {
    let done = Command::new("docker").args(arguments).output()?;
    let err = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "docker {arguments:?}: {err}");
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}
