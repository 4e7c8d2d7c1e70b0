use std::time::Duration;

use tokio::time::{sleep, timeout};
use tollgate_store::StoreUnavailable;

use super::in_store::{InStore, Kind};

/// A change is noticed within this.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// So much later than it was last seen to be current, nothing is believed.
const CURRENT_FOR: Duration = Duration::from_secs(1);

/// A store that does not say so within this has not said it.
const ANSWER_WITHIN: Duration = Duration::from_millis(800);

/// More changes at a time are as good as a change of everything.
const CHANGES_MAX: u32 = 1_000;

impl<K: Kind> InStore<K> {
    /// Follows the changes of the store for as long as it is polled.
    pub(crate) async fn follow(&self) {
        let mut seen = None;
        loop {
            match timeout(ANSWER_WITHIN, self.catch_up(seen)).await {
                Ok(Ok(sequence)) => {
                    seen = Some(sequence);
                    self.opened.recovered();
                }
                Ok(Err(error)) => drop(self.opened.failed(&error.to_string())),
                Err(_) => drop(self.opened.failed("the store does not answer")),
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// The number of the last change that is taken account of.
    async fn catch_up(&self, seen: Option<u64>) -> Result<u64, StoreUnavailable> {
        // What was current when the question was asked may have changed since.
        let asked = self.opened.clock.now();
        let until = asked.checked_add(CURRENT_FOR).unwrap_or(asked);
        let store = &self.opened.store;
        let sequence = store.sequence().await?;
        match seen {
            Some(seen) if seen == sequence => self.known().holds(until),
            Some(seen) if seen < sequence => {
                let keys = K::changed(seen, CHANGES_MAX, store).await?;
                let tenants = store.tenants_since(seen, CHANGES_MAX).await?;
                let most = usize::try_from(CHANGES_MAX).unwrap_or(usize::MAX);
                if keys.len() < most && tenants.len() < most {
                    let keys = keys.into_iter().collect();
                    let tenants = tenants.into_iter().map(|tenant| tenant.id).collect();
                    self.known().changed(&keys, &tenants, until);
                } else {
                    self.known().forget(until);
                }
            }
            // The first look, or a store that was put back to what it was before.
            _ => self.known().forget(until),
        }
        Ok(sequence)
    }
}
