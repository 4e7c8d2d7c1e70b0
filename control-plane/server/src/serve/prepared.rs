use std::io;
use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tollgate_identity::Answers;
use tollgate_xds::SyncAt;

use crate::admin::{self, Admin};
use crate::cache::Cache;
use crate::client::{Following, Patience};
use crate::delivery::Deliveries;
use crate::event::Event;
use crate::identity::Identity;
use crate::input::Input;
use crate::keeper::{keep, last};
use crate::ledger::Ledger;
use crate::precheck::Precheck;
use crate::publish::{Means, Publisher};
use crate::report;
use crate::revision::Revision;
use crate::serve::{Port, ServeFailed, Services, Serving, ended, serve_streams};
use crate::sources::Fronts;
use crate::tls::ServerTls;

/// How long streams may take to end when the process does, and a last write.
const GRACE: Duration = Duration::from_millis(500);
const GRACE_OF_DISKS: Duration = Duration::from_secs(5);

/// All that has to be there before an Envoy is served by what is written now.
pub(super) struct Prepared {
    identity: Identity,
    admin: Option<Office>,
    publisher: Publisher,
    following: Following,
    events: mpsc::Sender<Event>,
    cache: Option<Cache>,
}

/// Where operators ask.
struct Office {
    listener: TcpListener,
    tls: Option<ServerTls>,
    admin: Admin,
}

/// What is done beside serving Envoys, and has to end before the process does.
struct Beside {
    services: Services,
    front: JoinHandle<io::Result<()>>,
    keeper: Option<JoinHandle<()>>,
}

impl Prepared {
    pub(super) fn of(serving: &Serving, runtime: &Runtime) -> Result<Self, ServeFailed> {
        let identity = runtime.block_on(Identity::open(serving.identity.clone()))?;
        let store = identity.keys.as_ref().map(|keys| keys.store().clone());
        runtime.block_on(admin::may_listen(&serving.admin, store.as_ref()))?;
        let ledger = Ledger::new(serving.config.clone(), store, runtime.handle().clone());
        let cache = serving.last_good.as_deref().map(Cache::open).transpose();
        let cache = cache.map_err(ServeFailed::LastGood)?;
        let (events, inbox) = mpsc::channel();
        let (module, deliveries) = (serving.module.clone(), Deliveries::new());
        let fronts = fronts(serving, &identity);
        let means = Means {
            input: Input::new(ledger.clone(), module, fronts, events.clone(), inbox),
            deliveries: deliveries.clone(),
            precheck: serving.envoy.as_deref().map(Precheck::open).transpose()?,
            last: cache.as_ref().and_then(last),
        };
        let (publisher, revisions) = Publisher::start(means).map_err(ServeFailed::Faults)?;
        let following = Following { revisions, deliveries, patience: Patience::default() };
        let admin = match admin::listen(&serving.admin)? {
            Some(listener) => {
                let admin = admin(&listener, ledger, &following, &events, &identity)?;
                Some(Office { listener, tls: admin::secured(&serving.admin)?, admin })
            }
            None => None,
        };
        Ok(Self { identity, admin, publisher, following, events, cache })
    }

    /// Serves until the process is told to end.
    pub(super) fn run(self, port: Port, runtime: Runtime) -> Result<(), ServeFailed> {
        let Self { identity, admin, publisher, following, events, cache } = self;
        let publisher =
            thread::Builder::new().name("publisher".to_owned()).spawn(|| publisher.run())?;
        if let Some(Office { listener, tls, admin }) = admin {
            report::serving_admin(listener.local_addr()?, tls.is_some());
            runtime.spawn(admin::serve(listener, tls, admin, ended(following.revisions.clone())));
        }
        let keeper = cache.map(|cache| runtime.spawn(keep(cache, following.clone())));
        let (services, front) = answer_for(identity, &following, &events, &runtime)?;
        let beside = Beside { services, front, keeper };
        let served = runtime.block_on(serve_beside(port, following, beside, events));
        runtime.shutdown_background();
        served?;
        publisher.join().map_err(|_| ServeFailed::PublisherDied)
    }
}

fn fronts(serving: &Serving, identity: &Identity) -> Fronts {
    let xds = &serving.xds;
    let at = xds.tls.as_ref().map_or(SyncAt::Address(xds.address), |_| SyncAt::Bootstrap);
    let (fronts, deployed) = (identity.fronts.clone(), identity.deployed.clone());
    Fronts::new(fronts, deployed, at, identity.keys.is_some())
}

fn admin(
    listener: &TcpListener,
    ledger: Ledger,
    following: &Following,
    events: &mpsc::Sender<Event>,
    identity: &Identity,
) -> io::Result<Admin> {
    Ok(Admin {
        ledger,
        deliveries: following.deliveries.clone(),
        revisions: following.revisions.clone(),
        events: events.clone(),
        hasher: identity.keys.as_ref().map(|keys| keys.hasher.clone()),
        is_local: listener.local_addr()?.ip().is_loopback(),
        edits: tokio::sync::Mutex::default(),
    })
}

/// Answers gateways, and backends, and follows the store if there is one.
fn answer_for(
    identity: Identity,
    following: &Following,
    events: &mpsc::Sender<Event>,
    runtime: &Runtime,
) -> Result<(Services, JoinHandle<io::Result<()>>), ServeFailed> {
    let (revisions, events) = (&following.revisions, events.clone());
    if let Some(keys) = &identity.keys {
        let store = keys.store().clone();
        runtime.spawn(Ledger::follow(store, move || events.send(Event::Stored).is_ok()));
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
    Ok((services, front))
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

async fn serve_beside(
    port: Port,
    following: Following,
    Beside { services, front, keeper }: Beside,
    events: mpsc::Sender<Event>,
) -> Result<(), ServeFailed> {
    let served = serve_on(port, following, services, events).await;
    // They have ended by now, or they never will.
    tokio::time::timeout(GRACE, front).await.ok();
    if let Some(keeper) = keeper {
        tokio::time::timeout(GRACE_OF_DISKS, keeper).await.ok();
    }
    served
}

/// Serves until there are no more revisions: the publisher is told to stop by
/// a signal, and takes every stream with it.
async fn serve_on(
    Port { listener, tls }: Port,
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
    let streams = serve_streams(listener.into(), tls, following, services);
    tokio::select! {
        ending = streams => ending,
        () = async { ended(revisions).await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
}
