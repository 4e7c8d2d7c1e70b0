//! `tollgate relay`: a control plane's stand-in beside an Envoy.
//!
//! It takes what the control planes say of this Envoy, and tells it to the Envoy;
//! the Envoy's verdicts go back the same way. What the Envoy took is kept on
//! disk, so that an Envoy that restarts while no control plane can be reached
//! serves what it served before.

mod mirror;
mod upstream;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use self::mirror::Mirror;
use self::upstream::Upstream;
pub use self::upstream::UpstreamName;
use crate::address::Address;
use crate::cache::{Cache, CacheFailed};
use crate::client::{Following, Patience};
use crate::config::reason;
use crate::delivery::Deliveries;
use crate::listener::Listener;
use crate::node::Node;
use crate::report;
use crate::revision::Revision;
use crate::serve::{ServeFailed, Services, serve_streams};
use crate::tls::{ClientTls, TlsFiles, UnusableTls};

/// How long a last write may take.
const GRACE: Duration = Duration::from_secs(5);

/// How to relay.
#[derive(Debug)]
pub struct Relayed {
    /// Where control planes are, in the order in which they are tried.
    pub upstream: Vec<SocketAddr>,
    /// How they are known and this side is, if not in clear.
    pub tls: Option<(TlsFiles, UpstreamName)>,
    /// Where the Envoy asks.
    pub xds: Address,
    /// Whether that may be an address which other machines reach.
    pub is_plaintext_wanted: bool,
    /// Where what it took is kept.
    pub cache: PathBuf,
    /// `node.id` of the Envoy.
    pub node: String,
    /// `node.cluster` of the Envoy.
    pub group: String,
}

/// Why relaying did not begin, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum RelayFailed {
    #[error("--cache: {0}")]
    Cache(#[from] CacheFailed),
    #[error("{0}")]
    Tls(#[from] UnusableTls),
    #[error(
        "--xds: {0} can be reached from other machines; a relay serves the Envoy beside it; \
         give --xds-plaintext if only that Envoy reaches it"
    )]
    NotLoopback(Address),
    #[error("--xds: cannot listen on {address}: {reason}; choose another address with --xds")]
    Bind { address: Address, reason: String },
    #[error("the system refused what the relay needs: {0}")]
    System(#[from] io::Error),
    #[error(transparent)]
    Serve(#[from] ServeFailed),
}

/// Relays until the process is told to end.
pub fn relay(relayed: Relayed) -> Result<(), RelayFailed> {
    let Relayed { upstream, tls, xds, is_plaintext_wanted, cache, node, group } = relayed;
    if xds.is_open() && !is_plaintext_wanted {
        return Err(RelayFailed::NotLoopback(xds));
    }
    let cache = Cache::open(&cache)?;
    let tls = tls.map(|(files, name)| ClientTls::open(files, name.0)).transpose()?;
    let listener = Listener::bind(&xds)
        .map_err(|error| RelayFailed::Bind { address: xds.clone(), reason: reason(&error) })?;
    let runtime = Runtime::new()?;
    let (verdicts, heard) = mpsc::unbounded_channel();
    let deliveries = Deliveries::telling(verdicts);
    let (mirror, ready) = Mirror::open(cache, heard, deliveries.clone());
    let upstream = Upstream::new(upstream, tls, Node { id: node, group });
    let ended = runtime.block_on(async {
        let mirroring = tokio::spawn(mirror.follow(upstream));
        tokio::select! {
            served = serve_when_ready(listener, ready, deliveries) => served,
            ended = mirroring => Err(io::Error::other(format!("{ended:?}")).into()),
            told = told_to_end() => told.map_err(RelayFailed::from),
        }
    });
    // What was not written down yet is.
    runtime.shutdown_timeout(GRACE);
    ended
}

/// An Envoy that is told that there is nothing takes it for the truth: it is
/// not answered before something is known.
async fn serve_when_ready(
    listener: Listener,
    mut ready: watch::Receiver<Option<Arc<Revision>>>,
    deliveries: Deliveries,
) -> Result<(), RelayFailed> {
    let first = loop {
        if let Some(first) = ready.borrow_and_update().clone() {
            break first;
        }
        if ready.changed().await.is_err() {
            return Ok(());
        }
    };
    let (newest, revisions) = watch::channel(first);
    tokio::spawn(async move {
        while ready.changed().await.is_ok() {
            if let Some(revision) = ready.borrow_and_update().clone() {
                newest.send_replace(revision);
            }
        }
    });
    report::serving(&listener.address()?, false);
    let following = Following { revisions, deliveries, patience: Patience::default() };
    Ok(serve_streams(listener, None, following, Services::default()).await?)
}

async fn told_to_end() -> io::Result<()> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    report::stopping();
    Ok(())
}
