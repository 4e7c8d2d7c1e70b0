//! What can be typed about the way to Envoys.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::{Address, LogFormat, Relayed, TlsFiles, UpstreamName, XdsPort};

/// Where and how Envoys are served.
#[derive(Args, Debug)]
pub struct XdsArgs {
    /// Where Envoys find the control plane.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:18000")]
    xds: SocketAddr,

    /// The certificate that Envoys are shown, in PEM; they have to show one too,
    /// which says who they are. Read again when it changes.
    #[arg(long, value_name = "PATH", requires = "xds_key", requires = "xds_authorities")]
    xds_certificate: Option<PathBuf>,

    /// The key of that certificate, in PEM.
    #[arg(long, value_name = "PATH", requires = "xds_certificate")]
    xds_key: Option<PathBuf>,

    /// The certificates, in PEM, of those who sign for Envoys.
    #[arg(long, value_name = "PATH", requires = "xds_certificate")]
    xds_authorities: Option<PathBuf>,

    /// Serve in clear on an address that other machines reach too. Whoever reaches
    /// it reads the whole configuration, with the keys in it.
    #[arg(long, conflicts_with = "xds_certificate")]
    xds_plaintext: bool,
}

/// How to relay.
#[derive(Args, Debug)]
pub struct RelayArgs {
    /// A control plane; given several times, they are tried in this order.
    #[arg(long, value_name = "ADDRESS", required = true)]
    upstream: Vec<SocketAddr>,

    /// The name in the certificates of the control planes. Without it they are
    /// spoken to in clear.
    #[arg(long, value_name = "NAME", requires = "certificate")]
    upstream_name: Option<UpstreamName>,

    /// The certificate of the Envoy, in PEM.
    #[arg(long, value_name = "PATH", requires = "key", requires = "authorities")]
    #[arg(requires = "upstream_name")]
    certificate: Option<PathBuf>,

    /// The key of that certificate, in PEM.
    #[arg(long, value_name = "PATH", requires = "certificate")]
    key: Option<PathBuf>,

    /// The certificates, in PEM, of those who sign for control planes.
    #[arg(long, value_name = "PATH", requires = "certificate")]
    authorities: Option<PathBuf>,

    /// Where the Envoy asks: an address of this machine alone, or a socket in its file
    /// system, `unix:/run/tollgate/xds.sock`.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:18000")]
    xds: Address,

    /// Serve on an address that other machines reach too. Whoever reaches it reads
    /// the whole configuration, with the keys in it.
    #[arg(long)]
    xds_plaintext: bool,

    /// A folder of its own for what the Envoy runs, private keys included.
    #[arg(long, value_name = "PATH")]
    cache: PathBuf,

    /// `node.id` in the Envoy's bootstrap.
    #[arg(long, value_name = "ID")]
    node: String,

    /// `node.cluster` in the Envoy's bootstrap.
    #[arg(long, value_name = "CLUSTER", default_value = "tollgate")]
    group: String,

    /// How log lines look; `RUST_LOG` says how much is logged.
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogFormat,
}

// === impl XdsArgs ===

impl From<XdsArgs> for XdsPort {
    fn from(args: XdsArgs) -> Self {
        let XdsArgs { xds, xds_certificate, xds_key, xds_authorities, xds_plaintext } = args;
        let tls = files(xds_certificate, xds_key, xds_authorities);
        Self { address: xds, tls, is_plaintext_wanted: xds_plaintext }
    }
}

// === impl RelayArgs ===

impl From<RelayArgs> for Relayed {
    fn from(args: RelayArgs) -> Self {
        let RelayArgs { upstream, upstream_name, certificate, key, authorities, .. } = args;
        let tls = files(certificate, key, authorities).zip(upstream_name);
        let RelayArgs { xds, xds_plaintext, cache, node, group, .. } = args;
        Self { upstream, tls, xds, is_plaintext_wanted: xds_plaintext, cache, node, group }
    }
}

/// All three, or none: the parser saw to it.
fn files(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    authorities: Option<PathBuf>,
) -> Option<TlsFiles> {
    let ((certificate, key), authorities) = certificate.zip(key).zip(authorities)?;
    Some(TlsFiles { certificate, key, authorities })
}
