use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tollgate_core::Timestamp;
use tollgate_store::{Factor, Override, Store};
use tollgate_sync::deal::{self, Overrides};

use crate::clock::now;

/// How often the store is looked at: a question of a microsecond or two.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Follows what tenants get instead of what is configured, until nobody wants to
/// know. While the store cannot be read, what was read last counts.
pub(crate) async fn follow(store: Store, told: watch::Sender<Option<Arc<Overrides>>>) {
    let mut seen = None;
    while !told.is_closed() {
        if let Ok(sequence) = store.sequence().await
            && seen != Some(sequence)
            && let Ok(overrides) = store.overrides(now()).await
        {
            // The sequence was read first: what changed since is seen the next time.
            let list = overrides.into_iter().map(message).collect();
            let version = sequence.saturating_add(1);
            told.send_if_modified(|before| publish(before, Overrides { version, list }));
            seen = Some(sequence);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Most changes of a store are of something else.
fn publish(before: &mut Option<Arc<Overrides>>, now: Overrides) -> bool {
    if before.as_ref().is_some_and(|before| before.list == now.list) {
        return false;
    }
    *before = Some(Arc::new(now));
    true
}

fn message(one: Override) -> deal::Override {
    let Override { tenant, tier, factor, uplift } = one;
    deal::Override {
        tenant,
        tier: tier.unwrap_or_default(),
        factor: factor.map_or(0, Factor::millionths),
        uplift: uplift.map_or(0, |(factor, _)| factor.millionths()),
        uplift_until: uplift.map_or(0, |(_, until): (_, Timestamp)| until.as_seconds()),
    }
}
