//! What is spent of counted windows, and what gateways may spend of them.

mod rows;

use std::collections::BTreeMap;
use std::time::Duration;

use tollgate_core::Timestamp;
use tollgate_quota::{Ask, Balance, Key, Lent};

use crate::time::to_seconds;
use crate::{Store, StoreUnavailable};

/// A window of a key.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Window {
    /// What is counted.
    pub key: Key,
    /// When it begins.
    pub begins: Timestamp,
}

/// What one gateway asks of one window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LeaseAsk {
    /// Which window.
    pub window: Window,
    /// When it ends; none if it never does.
    pub ends: Option<Timestamp>,
    /// What is said and asked for.
    pub ask: Ask,
}

/// Balances as they are while gateways ask.
type Balances = BTreeMap<Window, Balance>;

/// A window is kept for so long after its end: clocks differ, and people ask.
const KEPT: Duration = Duration::from_hours(48);

// === impl Store ===

impl Store {
    /// Lends gateways what they ask for, as far as there is some. Whatever was
    /// answered is on the disk; without an answer it may be all the same, which
    /// the gateway's next question tells.
    pub async fn lend(
        &self,
        asks: &[LeaseAsk],
        now: Timestamp,
    ) -> Result<Vec<Lent>, StoreUnavailable> {
        let mut change = self.change().await?;
        let before = change.balances_for(asks, now).await?;
        let mut after = before.clone();
        let lent = asks.iter().map(|LeaseAsk { window, ask, .. }| {
            let balance = after.entry(*window).or_default();
            balance.settle(now);
            balance.ask(ask, now)
        });
        let lent = lent.collect();
        change.write_balances(asks, &before, &after).await?;
        change.commit().await?;
        Ok(lent)
    }

    /// How a window stands.
    pub async fn balance(&self, window: Window) -> Result<Balance, StoreUnavailable> {
        let mut change = self.change().await?;
        let mut balances = change.balances(&[window]).await?;
        Ok(balances.remove(&window).unwrap_or_default())
    }

    /// Forgets windows that have ended.
    pub async fn forget_windows(&self, now: Timestamp) -> Result<(), StoreUnavailable> {
        let mut change = self.change().await?;
        for delete in [
            "DELETE FROM leases WHERE EXISTS (SELECT 1 FROM balances WHERE ends < $1 AND \
             balances.key = leases.key AND balances.begins = leases.begins)",
            "DELETE FROM balances WHERE ends < $1",
        ] {
            sqlx::query(delete)
                .bind(to_seconds(now.minus(KEPT)))
                .execute(&mut *change.transaction)
                .await?;
        }
        Ok(change.commit().await?)
    }
}
