//! Promises made to users, kept against a real Envoy.
//!
//! Each test starts the built control plane, an Envoy with two workers that
//! runs the built module, and a backend that shows what reached it; or uses the
//! containers of `envoy/docker-compose.yaml` (`make test-compose`).

mod bystander;
mod signer;
mod stack;

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result, ensure};
use tollgate_support::{
    Answer, Built, Call, ControlPlane, Envoy, RawConnection, Seen, Upstream, free_port,
};

pub use crate::bystander::Bystander;
pub use crate::signer::signed;
use crate::stack::Stack;

/// A whole gateway, with its backend.
#[derive(Debug)]
pub struct Gateway {
    /// What stands behind it.
    pub upstream: Upstream,
    /// What tells Envoy what to do.
    pub control_plane: ControlPlane,
    /// What callers talk to.
    pub envoy: Envoy,
    /// Where callers find it.
    pub address: SocketAddr,
}

impl Gateway {
    /// Serves `config`, in which `$PORT` stands for the gateway's port and
    /// `$BACKEND` for the backend's.
    pub async fn start(config: &str) -> Result<Self> {
        Self::with_upstream(Upstream::start().await?, config).await
    }

    /// Likewise, with further arguments for the control plane.
    pub async fn with_arguments(config: &str, arguments: &[&str]) -> Result<Self> {
        Self::of(&Built::find()?, config, arguments).await
    }

    /// Likewise, with what was built for this test alone.
    pub async fn of(built: &Built, config: &str, arguments: &[&str]) -> Result<Self> {
        Self::with(built, Upstream::start().await?, config, arguments).await
    }

    /// Likewise, before a backend that was prepared.
    pub async fn with_upstream(upstream: Upstream, config: &str) -> Result<Self> {
        Self::with(&Built::find()?, upstream, config, &[]).await
    }

    async fn with(
        built: &Built,
        upstream: Upstream,
        config: &str,
        arguments: &[&str],
    ) -> Result<Self> {
        if let Some(stack) = Stack::from_env()? {
            return stack.gateway(built, upstream, config, arguments).await;
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let config = fill_in(config, address, &upstream);
        let control_plane = ControlPlane::with(built, &config, arguments, &[]).await?;
        let mut envoy = Envoy::start(&built.envoy, control_plane.xds())?;
        envoy.ready().await.with_context(|| control_plane.log())?;
        envoy.listening(address).await?;
        Ok(Self { upstream, control_plane, envoy, address })
    }

    /// Replaces the configuration, with the same `$PORT` and `$BACKEND`.
    pub fn write(&self, config: &str) -> Result<()> {
        self.control_plane.write(&fill_in(config, self.address, &self.upstream))
    }

    /// Sends a request on a connection of its own.
    pub async fn send(&self, call: &Call) -> Result<Answer> {
        call.send(self.address).await
    }

    /// Sends a GET as these bytes, with further header lines, each of which ends in CR LF.
    pub async fn get_raw(&self, host: &[u8], path: &[u8], lines: &[u8]) -> Result<Answer> {
        let head = [b"GET ", path, b" HTTP/1.1\r\nhost: ", host, b"\r\nconnection: close\r\n"];
        let request = [&head.concat(), lines, b"\r\n"].concat();
        RawConnection::once(self.address, &request).await
    }

    /// Sends a request that must reach the backend, and tells how it looked there.
    pub async fn through(&self, call: &Call) -> Result<Seen> {
        let before = self.upstream.count();
        let answer = self.send(call).await?;
        ensure!(answer.status == 200, "{call:?} was answered {answer:?}");
        let seen = self.upstream.seen();
        ensure!(seen.len() == before.saturating_add(1), "{call:?} reached the backend not once");
        seen.into_iter().next_back().ok_or_else(|| anyhow::anyhow!("nothing was seen"))
    }

    /// Whether every VM is the one that was started: none has trapped.
    pub async fn never_trapped(&self) -> Result<()> {
        let stats = self.envoy.stats("wasm").await?;
        let trapped: Vec<_> = stats
            .iter()
            .filter(|(name, count)| name.contains("vm_reload") && 0 < **count)
            .collect();
        ensure!(trapped.is_empty(), "a filter trapped: {trapped:?}\n{}", self.log());
        let active = stats.get("wasm.envoy.wasm.runtime.v8.active").copied().unwrap_or_default();
        ensure!(0 < active, "no filter is running: {stats:?}");
        Ok(())
    }

    fn log(&self) -> String {
        self.control_plane.log()
    }
}

/// A configuration with the gateway's port for `$PORT` and the backend's for `$BACKEND`.
pub fn fill_in(config: &str, address: SocketAddr, upstream: &Upstream) -> String {
    if let Ok(Some(stack)) = Stack::from_env() {
        return stack.fill_in(config, upstream);
    }
    config
        .replace("$PORT", &address.port().to_string())
        .replace("$BACKEND", &upstream.port().to_string())
}

/// What most tests need: two customers with keys, a backend, and under
/// `routes` what is indented there.
pub fn config(routes: &str) -> String {
    format!(
        r#"
listeners:
  public: {{ address: "127.0.0.1:$PORT" }}
identity:
  api_key: {{ from: [{{ header: x-api-key }}] }}
tiers:
  basic: {{ limits: [{{ requests: 1000000, per: second }}] }}
tenants:
  acme:
    tier: basic
    keys:
      acme-1:
        sha256: 7409637de8bc10897579a6ccc553ae3a0765d39ac5feef3c409078f2445eb4e9
        scopes: [orders.read]
  globex:
    keys:
      globex-1:
        sha256: e18a6ab8963027cdfd001641fdc0fe1f34613f47d441d9183882061e5d967254
backends:
  echo: {{ endpoints: ["127.0.0.1:$BACKEND"] }}
apis:
  orders:
    hosts: [orders.example.com]
    routes:
{routes}
"#
    )
}

/// One route, `/orders`, for whoever has a key. Its answers say which revision
/// of the configuration made them.
pub fn revision(name: &str) -> String {
    config(&format!(
        r#"
      get:
        match: {{ path: /orders }}
        backend: echo
        auth: {{ any_of: [api_key] }}
        response: {{ headers: {{ set: {{ x-revision: "{name}" }} }} }}
"#
    ))
}

/// The host of that API.
pub const HOST: &str = "orders.example.com";

/// The key of the tenant `acme`.
pub const ACME: &str = "key-acme-5f0c2d7e9b1a4c3d8e6f";

/// The key of the tenant `globex`.
pub const GLOBEX: &str = "key-trial-5f0c2d7e9b1a4c3d8e6f";

/// Where whoever has a token is: each in a network of its own, so that no bound of
/// one address holds for all.
pub fn address_of(token: &str) -> String {
    let number =
        token.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(0x0100_0193) ^ u32::from(byte));
    format!("2001:db8:{:x}:{:x}::1", number >> 16, number & 0xffff)
}
