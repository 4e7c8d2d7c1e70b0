use std::env;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Result, bail};

/// The ports that the demo listens on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ports {
    /// Where callers find the gateway.
    pub(crate) gateway: u16,
    /// Where the gateway finds the backend.
    pub(crate) backend: u16,
    /// Envoy's admin interface.
    pub(crate) admin: u16,
    /// Where Envoy finds the control plane.
    pub(crate) xds: u16,
}

/// What `examples/quickstart/tollgate.yaml` says.
const EXAMPLE_GATEWAY: u16 = 8080;
const EXAMPLE_BACKEND: u16 = 9000;

impl Ports {
    /// The usual ones, each of which a variable can change: `make run PORT=8081`.
    pub(crate) fn from_env() -> Result<Self> {
        Ok(Self {
            gateway: port("PORT", EXAMPLE_GATEWAY)?,
            backend: port("BACKEND_PORT", EXAMPLE_BACKEND)?,
            admin: port("ADMIN_PORT", 19_000)?,
            xds: port("XDS_PORT", 18_000)?,
        })
    }

    /// Refuses to start where something else listens already.
    pub(crate) fn claim(&self) -> Result<()> {
        let Self { gateway, backend, admin, xds } = *self;
        for (port, what, variable) in [
            (gateway, "the gateway", "PORT"),
            (backend, "the demo backend", "BACKEND_PORT"),
            (admin, "Envoy's admin interface", "ADMIN_PORT"),
            (xds, "the control plane", "XDS_PORT"),
        ] {
            let other = port.checked_add(1).unwrap_or(EXAMPLE_GATEWAY);
            let remedy = format!("choose another: make run {variable}={other}");
            tollgate_support::claim(port, what, &remedy)?;
        }
        Ok(())
    }

    pub(crate) fn are_those_of_the_example(&self) -> bool {
        (self.gateway, self.backend) == (EXAMPLE_GATEWAY, EXAMPLE_BACKEND)
    }

    /// The example's configuration, with these ports.
    pub(crate) fn rewrite(&self, config: &str) -> String {
        let loopback = |port: u16| format!("127.0.0.1:{port}");
        config
            .replace(&loopback(EXAMPLE_GATEWAY), &loopback(self.gateway))
            .replace(&loopback(EXAMPLE_BACKEND), &loopback(self.backend))
    }

    pub(crate) fn gateway_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.gateway).into()
    }
}

fn port(variable: &str, default: u16) -> Result<u16> {
    let Some(text) = env::var_os(variable).filter(|text| !text.is_empty()) else {
        return Ok(default);
    };
    match text.to_string_lossy().parse() {
        Ok(port) if 0 < port => Ok(port),
        _ => bail!("{variable}: {} is not a port; give a number from 1 to 65535", text.display()),
    }
}
