use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tollgate_support::{Call, eventually};

/// A container that has to start, on a machine that others use too.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// The running stack.
pub(crate) struct Stack {
    project: String,
    gateway: u16,
    admin: u16,
}

// === impl Stack ===

impl Stack {
    pub(crate) fn find() -> Self {
        // Set by scripts/compose.py.
        let variable = |name: &str| env::var(name).unwrap();
        Self {
            project: variable("TOLLGATE_STACK"),
            gateway: variable("GATEWAY_PORT").parse().unwrap(),
            admin: variable("ADMIN_PORT").parse().unwrap(),
        }
    }

    pub(crate) fn gateway(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.gateway).into()
    }

    pub(crate) fn admin(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.admin).into()
    }

    /// The container of a service.
    pub(crate) fn container(&self, service: &str) -> String {
        let project = format!("label=com.docker.compose.project={}", self.project);
        let service = format!("label=com.docker.compose.service={service}");
        docker(&["ps", "--all", "--quiet", "--filter", &project, "--filter", &service])
    }

    /// All that there are.
    pub(crate) fn services(&self) -> Vec<String> {
        let project = format!("label=com.docker.compose.project={}", self.project);
        let service = "{{.Label \"com.docker.compose.service\"}}";
        let listed = docker(&["ps", "--all", "--filter", &project, "--format", service]);
        let services: Vec<_> = listed.lines().map(str::to_owned).collect();
        assert!(services.iter().any(|service| service == "envoy"), "{services:?}");
        services
    }

    /// One of its networks, by what the file calls it.
    pub(crate) fn network(&self, name: &str) -> Value {
        first(&docker(&["network", "inspect", &format!("{}_{name}", self.project)]))
    }

    pub(crate) fn inspect(&self, service: &str) -> Value {
        first(&docker(&["inspect", &self.container(service)]))
    }

    /// Does something to containers: `kill`, `start`, `pause`, `unpause`.
    pub(crate) fn act(&self, action: &str, services: &[&str]) {
        for service in services {
            docker(&[action, &self.container(service)]);
        }
    }

    /// What a command in a container prints.
    pub(crate) fn exec(&self, service: &str, command: &[&str]) -> String {
        docker(&[&["exec", &self.container(service)], command].concat())
    }

    /// Waits until all containers say that they are well.
    pub(crate) async fn well(&self) {
        for service in self.services() {
            eventually(&format!("{service} is well"), PATIENCE, async || {
                let state = self.inspect(&service);
                let health = state.pointer("/State/Health/Status").cloned().unwrap_or_default();
                (health == "healthy").then_some(())
            })
            .await
            .unwrap();
        }
        self.answers().await;
    }

    /// Waits until the gateway does.
    pub(crate) async fn answers(&self) {
        eventually("the gateway answers", PATIENCE, async || {
            let answer = Call::get("localhost", "/").send(self.gateway()).await.ok()?;
            (answer.status == 200).then_some(())
        })
        .await
        .unwrap();
    }
}

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn first(text: &str) -> Value {
    let all: Vec<Value> = serde_json::from_str(text).unwrap();
    all.into_iter().next().unwrap()
}

fn docker(arguments: &[&str]) -> String {
    run("docker", arguments)
}

/// What a command prints; it must succeed.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).output().unwrap();
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {arguments:?}: {err}");
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}
