use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_stream::StreamExt as _;
use tollgate_identity::Answers;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::ads::Ads;
use crate::cli::identity::IdentityArgs;
use crate::client::{Following, Patience};
use crate::config::reason;
use crate::connection::Connection;
use crate::delivery::Deliveries;
use crate::identity::{Identity, IdentityFailed};
use crate::input::{Event, Input};
use crate::publish::Publisher;
use crate::revision::Revision;
use crate::sources::Fronts;
use crate::sync::Sync;
use crate::{Fault, Module, report};

/// How often a connection is asked whether it still lives, and how long it may
/// think about that. Envoy asks too.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// How long streams may take to end when the process does.
const GRACE: Duration = Duration::from_millis(500);

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

/// Serves a configuration, and its changes, until the process is told to end.
pub fn serve(
    config: &Path,
    module: Module,
    xds: SocketAddr,
    identity: IdentityArgs,
) -> Result<(), ServeFailed> {
    let runtime = Runtime::new()?;
    let identity = runtime.block_on(Identity::open(identity))?;
    let (events, inbox) = mpsc::channel();
    let sync = identity.keys.as_ref().map(|_| xds);
    let fronts = Fronts::new(identity.fronts, identity.deployed, sync);
    // Only what is good is ever listened for: there is always a snapshot.
    let deliveries = Deliveries::new();
    let input = Input::new(config, module, fronts, events.clone(), inbox);
    let (publisher, revisions) =
        Publisher::start(input, deliveries.clone()).map_err(ServeFailed::Faults)?;
    let listener = listen(xds)?;
    report::serving(listener.local_addr()?);
    let publisher =
        thread::Builder::new().name("publisher".to_owned()).spawn(|| publisher.run())?;
    let sync = identity.keys.map(|keys| {
        let _entered = runtime.enter();
        let sync = Sync::following(keys.store().clone());
        runtime.spawn(async move { keys.follow().await });
        sync
    });
    if sync.is_none() {
        report::no_store();
    }
    report::serving_introspection(identity.listener.local_addr()?);
    let front = runtime.spawn(answer(identity.listener, identity.service, revisions.clone()));
    if let Some((listener, service)) = identity.key_set {
        report::serving_key_set(listener.local_addr()?);
        runtime.spawn(answer(listener, service, revisions.clone()));
    }
    let following = Following { revisions, deliveries, patience: Patience::default() };
    let served = runtime.block_on(async {
        let served = serve_on(listener, following, sync, events).await;
        // It has ended by now, or it never will.
        tokio::time::timeout(GRACE, front).await.ok();
        served
    });
    runtime.shutdown_background();
    served?;
    publisher.join().map_err(|_| ServeFailed::PublisherDied)
}

/// Answers gateways, or backends, until there are no more revisions.
async fn answer(
    listener: TcpListener,
    service: impl Answers,
    revisions: watch::Receiver<Arc<Revision>>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    tollgate_identity::serve(listener, service, ended(revisions)).await
}

fn listen(xds: SocketAddr) -> Result<TcpListener, ServeFailed> {
    TcpListener::bind(xds).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ServeFailed::Taken(xds),
        _ => ServeFailed::Bind { address: xds, reason: reason(&error) },
    })
}

/// Serves until there are no more revisions: the publisher is told to stop by
/// a signal, and takes every stream with it.
async fn serve_on(
    listener: TcpListener,
    following: Following,
    sync: Option<Sync>,
    events: mpsc::Sender<Event>,
) -> Result<(), ServeFailed> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        report::stopping();
        events.send(Event::Stop).ok();
    });
    let revisions = following.revisions.clone();
    let streams = serve_streams(listener, following, sync);
    tokio::select! {
        ending = streams => ending,
        () = async { ended(revisions).await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

/// Serves until there are no more revisions and every stream has ended.
pub(crate) async fn serve_streams(
    listener: TcpListener,
    following: Following,
    sync: Option<Sync>,
) -> Result<(), ServeFailed> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let incoming = incoming.map(|io| Connection::new(io?));
    let (interval, timeout) = KEEPALIVE;
    let revisions = following.revisions.clone();
    Server::builder()
        .http2_keepalive_interval(Some(interval))
        .http2_keepalive_timeout(Some(timeout))
        .add_service(Ads::new(following))
        .add_optional_service(sync)
        .serve_with_incoming_shutdown(incoming, ended(revisions))
        .await?;
    Ok(())
}

async fn ended(mut revisions: watch::Receiver<Arc<Revision>>) {
    while revisions.changed().await.is_ok() {}
}
