use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::watch;
use tollgate_xds::Snapshot;

use crate::cache::Cache;
use crate::client::{Following, Patience};
use crate::delivery::Deliveries;
use crate::keeper::last;
use crate::report;
use crate::revision::Revision;
use crate::serve::{Port, Prepared, ServeFailed, Services, Serving, listen, serve_streams};
use crate::tls::ServerTls;

/// How often is tried again what did not begin well.
const TRY_EVERY: Duration = Duration::from_secs(2);

/// How long streams may take to end before others take their place.
const GRACE: Duration = Duration::from_millis(500);

/// Serves what was served last, if that was kept, until there is better. Envoys
/// then come again, and are told what has changed meanwhile.
pub(super) fn stand_in(
    why: ServeFailed,
    serving: &Serving,
    tls: Option<ServerTls>,
    runtime: &Runtime,
) -> Result<(Prepared, Port), ServeFailed> {
    let Some(last) = kept(serving)? else { return Err(why) };
    report::stands_in(&why);
    let port = Port { listener: listen(serving.xds.address)?, tls };
    report::serving(&port.listener.local_addr()?.into(), port.tls.is_some());
    let (stands, revisions) = watch::channel(Arc::new(Revision::new(0, last)));
    let (deliveries, patience) = (Deliveries::new(), Patience::default());
    let following = Following { revisions, deliveries, patience };
    let (listener, services) = (port.listener.try_clone()?, Services::default());
    let streams = serve_streams(listener.into(), port.tls.clone(), following, services);
    let streams = runtime.spawn(streams);
    let prepared = retry(&why, serving, runtime);
    drop(stands);
    runtime.block_on(async { tokio::time::timeout(GRACE, streams).await.ok() });
    Ok((prepared, port))
}

fn kept(serving: &Serving) -> Result<Option<Snapshot>, ServeFailed> {
    let Some(folder) = &serving.last_good else { return Ok(None) };
    Ok(last(&Cache::open(folder).map_err(ServeFailed::LastGood)?))
}

/// What is in the way is told once, and again when it is something else.
fn retry(why: &ServeFailed, serving: &Serving, runtime: &Runtime) -> Prepared {
    let mut told = why.to_string();
    loop {
        thread::sleep(TRY_EVERY);
        match Prepared::of(serving, runtime) {
            Ok(prepared) => return prepared,
            Err(why) if why.to_string() == told => {}
            Err(why) => {
                report::stands_in(&why);
                told = why.to_string();
            }
        }
    }
}
