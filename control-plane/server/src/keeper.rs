//! Writes down what is served, for a start at which nothing better can be had.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tollgate_xds::Snapshot;

use crate::cache::Cache;
use crate::client::Following;
use crate::report;
use crate::serve::ended;

/// Changes that follow each other are written down together.
const SAVE_AFTER: Duration = Duration::from_secs(1);

/// When that failed, so long until it is tried again.
const SAVE_AGAIN: Duration = Duration::from_secs(5);

/// Of the time, writing takes at most one part in so many.
const SAVES_OF: u32 = 20;

/// What was written down last, if anything was; what is wrong with it is told.
pub(crate) fn last(cache: &Cache) -> Option<Snapshot> {
    let (snapshot, faults) = cache.load();
    faults.iter().for_each(report::cache);
    Some(snapshot).filter(|snapshot| *snapshot != Snapshot::default())
}

/// Writes down what is served, and not refused, until there are no more revisions.
pub(crate) async fn keep(cache: Cache, following: Following) {
    let Following { mut revisions, deliveries, .. } = following;
    let mut holds = deliveries.holds();
    loop {
        let newest = revisions.borrow_and_update().snapshot.clone();
        holds.borrow_and_update();
        let (cache, good) = (cache.clone(), deliveries.good(&newest));
        let began = Instant::now();
        let saved = tokio::task::spawn_blocking(move || cache.save(&good)).await;
        let fault = saved.ok().and_then(Result::err);
        fault.iter().for_each(report::cache);
        let rest = SAVE_AFTER.max(began.elapsed().saturating_mul(SAVES_OF));
        tokio::select! {
            changed = revisions.changed() => if changed.is_err() { return },
            _ = holds.changed() => {}
            () = sleep(SAVE_AGAIN), if fault.is_some() => {}
        }
        timeout(rest, ended(revisions.clone())).await.ok();
    }
}
