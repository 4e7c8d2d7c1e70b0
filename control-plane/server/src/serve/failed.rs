use std::io;
use std::net::SocketAddr;

use crate::Fault;
use crate::admin::AdminFailed;
use crate::cache::CacheFailed;
use crate::identity::IdentityFailed;
use crate::precheck::PrecheckFailed;
use crate::tls::UnusableTls;

/// Why serving did not begin, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeFailed {
    /// The configuration is not good, and there is none before it to serve.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Faults(Vec<Fault>),
    /// Nobody could answer for tokens and API keys.
    #[error(transparent)]
    Identity(#[from] IdentityFailed),
    /// Whoever reaches the port would read everything.
    #[error(
        "--xds: {0} can be reached from other machines, and what is served there has everybody's \
         keys in it; give --xds-certificate, --xds-key and --xds-authorities, or --xds-plaintext if \
         only Envoys reach it"
    )]
    Plaintext(SocketAddr),
    /// Nobody could be known by a certificate.
    #[error(transparent)]
    Tls(#[from] UnusableTls),
    /// What is served could not be written down.
    #[error("--last-good: {0}")]
    LastGood(CacheFailed),
    /// The Envoy that is to check what has changed cannot.
    #[error(transparent)]
    Precheck(#[from] PrecheckFailed),
    /// Operators could not ask, or anybody could.
    #[error(transparent)]
    Admin(#[from] AdminFailed),
    /// Another program has the port.
    #[error("--xds: {0} is taken by another program; choose another address with --xds")]
    Taken(SocketAddr),
    /// The address is not ours to use.
    #[error("--xds: cannot listen on {address}: {reason}; choose another address with --xds")]
    Bind {
        /// As it was given.
        address: SocketAddr,
        /// In the system's words.
        reason: String,
    },
    /// Threads, files, signals: the system has none left.
    #[error("the system refused what the control plane needs: {0}")]
    System(#[from] io::Error),
    /// A fault of the server.
    #[error("the xDS server ended: {0}")]
    Server(#[from] tonic::transport::Error),
    /// A fault of ours. Better an end that is noticed than a server that
    /// follows no change.
    #[error("the configuration is no longer followed; this is a fault in tollgate")]
    PublisherDied,
}
