mod failed;
mod prepared;
mod services;
mod stand_in;
mod streams;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use tokio::runtime::Runtime;

pub use self::failed::ServeFailed;
use self::prepared::Prepared;
pub(crate) use self::services::Services;
use self::stand_in::stand_in;
pub(crate) use self::streams::{ended, serve_streams};
use crate::cli::admin::AdminArgs;
use crate::cli::identity::IdentityArgs;
use crate::config::reason;
use crate::tls::{ServerTls, TlsFiles};
use crate::{Module, report};

/// Where and how Envoys are served.
#[derive(Debug)]
pub struct XdsPort {
    /// Where they find the control plane.
    pub address: SocketAddr,
    /// By which certificates both sides know each other.
    pub tls: Option<TlsFiles>,
    /// Whether whoever reaches the address may read everything, in clear.
    pub is_plaintext_wanted: bool,
}

/// What is served, where, and with which help.
#[derive(Debug)]
pub struct Serving {
    /// A YAML file, or a folder of them.
    pub config: PathBuf,
    /// The wasm module.
    pub module: Module,
    /// Where Envoys are served.
    pub xds: XdsPort,
    /// Who answers for tokens and API keys.
    pub identity: IdentityArgs,
    /// Where operators ask.
    pub admin: AdminArgs,
    /// An Envoy that checks what has changed before any is told of it.
    pub envoy: Option<PathBuf>,
    /// Where what is served is written down.
    pub last_good: Option<PathBuf>,
}

/// The way by which Envoys come.
struct Port {
    listener: TcpListener,
    tls: Option<ServerTls>,
}

/// Serves a configuration, and its changes, until the process is told to end.
pub fn serve(serving: &Serving) -> Result<(), ServeFailed> {
    let tls = serving.xds.secured()?;
    let runtime = Runtime::new()?;
    // Only what is good is ever listened for: there is always a snapshot.
    let (prepared, port) = match Prepared::of(serving, &runtime) {
        Ok(prepared) => (prepared, Port { listener: listen(serving.xds.address)?, tls }),
        Err(why) => stand_in(why, serving, tls, &runtime)?,
    };
    report::serving(&port.listener.local_addr()?.into(), port.tls.is_some());
    prepared.run(port, runtime)
}

fn listen(xds: SocketAddr) -> Result<TcpListener, ServeFailed> {
    TcpListener::bind(xds).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ServeFailed::Taken(xds),
        _ => ServeFailed::Bind { address: xds, reason: reason(&error) },
    })
}

// === impl XdsPort ===

impl XdsPort {
    /// With its certificates, which it needs where other machines reach it.
    fn secured(&self) -> Result<Option<ServerTls>, ServeFailed> {
        if self.tls.is_none() && !self.is_plaintext_wanted && !self.address.ip().is_loopback() {
            return Err(ServeFailed::Plaintext(self.address));
        }
        Ok(self.tls.clone().map(ServerTls::open).transpose()?)
    }
}
