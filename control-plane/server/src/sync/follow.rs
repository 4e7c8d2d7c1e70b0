use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tollgate_store::{Store, StoreUnavailable};
use tollgate_sync::{FILTER_BYTES_MAX, NEWER_KEYS_MAX};

use crate::clock::now;

/// What stands in the store, as it was last read.
pub(crate) struct Followed {
    /// The number of the last change.
    pub(crate) sequence: u64,
    /// The filter of API keys.
    pub(crate) filter: Arc<Filter>,
    /// The keys that are newer; none if there are too many.
    pub(crate) newer: Option<Vec<u64>>,
}

/// A filter of API keys.
pub(crate) struct Filter {
    /// The last change that it knows of.
    pub(crate) sequence: u64,
    /// Empty when there are too many keys for one: then it refuses nobody.
    pub(crate) bytes: Vec<u8>,
    made: Instant,
}

/// How often the store is looked at: a question of a microsecond or two.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// So many keys may come before the filter is made anew at once.
const NEWER_MANY: usize = 1_000;

/// The filter is made anew this long after the last time, if keys have come.
const FILTER_AGE: Duration = Duration::from_mins(1);

/// Follows a store until nobody wants to know.
pub(crate) async fn follow(store: Store, followed: watch::Sender<Option<Arc<Followed>>>) {
    while !followed.is_closed() {
        let before = followed.borrow().clone();
        // That it could not be read is seen by its absence; its own errors name
        // nothing that an Envoy could do about it.
        let now = look(&store, before.as_deref()).await.ok();
        match (now, before) {
            (Some(None), Some(_)) => {}
            (Some(Some(new)), _) => drop(followed.send_replace(Some(Arc::new(new)))),
            (_, _) => drop(followed.send_replace(None)),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What is there now; nothing if that is what was there before.
async fn look(
    store: &Store,
    before: Option<&Followed>,
) -> Result<Option<Followed>, StoreUnavailable> {
    let sequence = store.sequence().await?;
    let is_due = before.is_none_or(|before| {
        let newer = before.newer.as_ref().map_or(usize::MAX, Vec::len);
        let is_old = newer != 0 && FILTER_AGE < before.filter.made.elapsed();
        sequence < before.filter.sequence || NEWER_MANY < newer || is_old
    });
    let filter = match before {
        Some(before) if !is_due && before.sequence == sequence => return Ok(None),
        Some(before) if !is_due => Arc::clone(&before.filter),
        _ => Arc::new(make(store).await?),
    };
    let newer = newer(store, filter.sequence).await?;
    Ok(Some(Followed { sequence, filter, newer }))
}

async fn make(store: &Store) -> Result<Filter, StoreUnavailable> {
    let made = Instant::now();
    let filter = store.key_filter(salt(), now()).await?;
    let mut bytes = filter.to_bytes();
    if FILTER_BYTES_MAX < bytes.len() {
        bytes.clear();
    }
    Ok(Filter { sequence: filter.sequence(), bytes, made })
}

async fn newer(store: &Store, since: u64) -> Result<Option<Vec<u64>>, StoreUnavailable> {
    let limit = u32::try_from(NEWER_KEYS_MAX).unwrap_or(u32::MAX).saturating_add(1);
    let keys = store.keys_since(since, limit).await?;
    let few = keys.len() <= NEWER_KEYS_MAX;
    Ok(few.then(|| keys.into_iter().map(|key| key.fingerprint.0).collect()))
}

/// Without randomness callers could work out keys that pass, and no more.
fn salt() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).ok();
    u64::from_le_bytes(bytes)
}
