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
use tollgate_identity::Answers;
use tollgate_xds::SyncAt;
use tonic::transport::Server;

use crate::accept::incoming;
use crate::admin::{self, Admin, AdminFailed};
use crate::ads::Ads;
use crate::cli::admin::AdminArgs;
use crate::cli::identity::IdentityArgs;
use crate::client::{Following, Patience};
use crate::config::reason;
use crate::delivery::Deliveries;
use crate::identity::{Identity, IdentityFailed, KeyStore};
use crate::input::{Event, Input};
use crate::ledger::Ledger;
use crate::limits::Limits;
use crate::publish::Publisher;
use crate::revision::Revision;
use crate::sources::Fronts;
use crate::sync::Sync;
use crate::tls::{ServerTls, TlsFiles, UnusableTls};
use crate::unary::Unary;
use crate::{Fault, Module, report};

/// How often a connection is asked whether it still lives, and how long it may
/// think about that. Envoy asks too.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// How long streams may take to end when the process does.
const GRACE: Duration = Duration::from_millis(500);

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

/// What Envoys ask for beside their configuration.
#[derive(Default)]
pub(crate) struct Services {
    /// Who is revoked; none without a store.
    sync: Option<Unary<Sync>>,
    limits: Option<Unary<Limits>>,
}

// === impl Services ===

impl Services {
    /// Starts what they need to follow.
    fn start(keys: Option<KeyStore>) -> Result<Self, IdentityFailed> {
        let store = keys.as_ref().map(|keys| keys.store().clone());
        if store.is_none() {
            report::no_store();
        }
        let mut dealer = [0; 8];
        getrandom::fill(&mut dealer)?;
        let limits = Limits::start(store.clone(), u64::from_le_bytes(dealer));
        if let Some(keys) = keys {
            tokio::spawn(async move { keys.follow().await });
        }
        let sync = store.map(|store| Unary::new(Arc::new(Sync::following(store))));
        Ok(Self { sync, limits: Some(Unary::new(limits)) })
    }
}

/// Serves a configuration, and its changes, until the process is told to end.
pub fn serve(
    config: &Path,
    module: Module,
    xds: XdsPort,
    identity: IdentityArgs,
    admin: &AdminArgs,
) -> Result<(), ServeFailed> {
    let XdsPort { address: xds, tls, is_plaintext_wanted } = xds;
    if tls.is_none() && !is_plaintext_wanted && !xds.ip().is_loopback() {
        return Err(ServeFailed::Plaintext(xds));
    }
    let tls = tls.map(ServerTls::open).transpose()?;
    let runtime = Runtime::new()?;
    let identity = runtime.block_on(Identity::open(identity))?;
    let store = identity.keys.as_ref().map(|keys| keys.store().clone());
    runtime.block_on(admin::may_listen(admin, store.as_ref()))?;
    let ledger = Ledger::new(config.to_owned(), store.clone(), runtime.handle().clone());
    let (events, inbox) = mpsc::channel();
    let at = tls.as_ref().map_or(SyncAt::Address(xds), |_| SyncAt::Bootstrap);
    let fronts = Fronts::new(identity.fronts, identity.deployed, at, identity.keys.is_some());
    // Only what is good is ever listened for: there is always a snapshot.
    let deliveries = Deliveries::new();
    let input = Input::new(ledger.clone(), module, fronts, events.clone(), inbox);
    let (publisher, revisions) =
        Publisher::start(input, deliveries.clone()).map_err(ServeFailed::Faults)?;
    let listener = listen(xds)?;
    report::serving(listener.local_addr()?, tls.is_some());
    let publisher =
        thread::Builder::new().name("publisher".to_owned()).spawn(|| publisher.run())?;
    if let Some(store) = store {
        let events = events.clone();
        runtime.spawn(Ledger::follow(store, move || events.send(Event::Stored).is_ok()));
    }
    if let Some(listener) = admin::listen(admin)? {
        let address = listener.local_addr()?;
        let admin = Admin {
            ledger,
            deliveries: deliveries.clone(),
            revisions: revisions.clone(),
            events: events.clone(),
            hasher: identity.keys.as_ref().map(|keys| keys.hasher.clone()),
            is_local: address.ip().is_loopback(),
            edits: tokio::sync::Mutex::default(),
        };
        report::serving_admin(address);
        runtime.spawn(admin::serve(listener, admin, ended(revisions.clone())));
    }
    let services = {
        let _entered = runtime.enter();
        Services::start(identity.keys)?
    };
    report::serving_introspection(identity.listener.local_addr()?);
    let front = runtime.spawn(answer(identity.listener, identity.service, revisions.clone()));
    if let Some((listener, service)) = identity.key_set {
        report::serving_key_set(listener.local_addr()?);
        runtime.spawn(answer(listener, service, revisions.clone()));
    }
    let following = Following { revisions, deliveries, patience: Patience::default() };
    let served = runtime.block_on(async {
        let served = serve_on(listener, tls, following, services, events).await;
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
    tls: Option<ServerTls>,
    following: Following,
    services: Services,
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
    let streams = serve_streams(listener, tls, following, services);
    tokio::select! {
        ending = streams => ending,
        () = async { ended(revisions).await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}

/// Serves until there are no more revisions and every stream has ended.
pub(crate) async fn serve_streams(
    listener: TcpListener,
    tls: Option<ServerTls>,
    following: Following,
    services: Services,
) -> Result<(), ServeFailed> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let incoming = incoming(listener, tls);
    let (interval, timeout) = KEEPALIVE;
    let revisions = following.revisions.clone();
    Server::builder()
        .http2_keepalive_interval(Some(interval))
        .http2_keepalive_timeout(Some(timeout))
        .add_service(Ads::new(following))
        .add_optional_service(services.sync)
        .add_optional_service(services.limits)
        .serve_with_incoming_shutdown(incoming, ended(revisions))
        .await?;
    Ok(())
}

async fn ended(mut revisions: watch::Receiver<Arc<Revision>>) {
    while revisions.changed().await.is_ok() {}
}
