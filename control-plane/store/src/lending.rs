//! What is spent of counted windows, and what gateways may spend of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row as _};
use tollgate_core::Timestamp;
use tollgate_quota::{Ask, Balance, Instance, Key, Lent};

use crate::store::Change;
use crate::time::{from_seconds, to_seconds};
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

/// As many rows at once: with seven values each, far fewer than databases take.
const ROWS: usize = 256;

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
        let windows: BTreeSet<Window> = asks.iter().map(|ask| ask.window).collect();
        let before = change.balances(windows).await?;
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
        let mut balances = change.balances([window].into()).await?;
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

// === impl Change ===

impl Change {
    async fn balances(&mut self, windows: BTreeSet<Window>) -> Result<Balances, sqlx::Error> {
        let mut balances = Balances::new();
        let windows: Vec<Window> = windows.into_iter().collect();
        for windows in windows.chunks(ROWS) {
            let some = one_of(windows.len());
            let settled = format!("SELECT key, begins, settled FROM balances WHERE {some}");
            for row in of_windows(&settled, windows).fetch_all(&mut *self.transaction).await? {
                let Some(window) = window(&row)? else { continue };
                balances.entry(window).or_default().settled = unsigned(row.try_get("settled")?);
            }
            let leases = format!("SELECT * FROM leases WHERE {some}");
            for row in of_windows(&leases, windows).fetch_all(&mut *self.transaction).await? {
                let (Some(window), Some((instance, lent))) = (window(&row)?, lease(&row)?) else {
                    continue;
                };
                balances.entry(window).or_default().leases.insert(instance, lent);
            }
        }
        Ok(balances)
    }

    async fn write_balances(
        &mut self,
        asks: &[LeaseAsk],
        before: &Balances,
        after: &Balances,
    ) -> Result<(), sqlx::Error> {
        let ends: BTreeMap<Window, Option<Timestamp>> =
            asks.iter().map(|ask| (ask.window, ask.ends)).collect();
        let (mut settled, mut lent, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for (window, now) in after {
            let old = before.get(window);
            if old.is_none_or(|old| old.settled != now.settled) {
                settled.push((*window, ends.get(window).copied().flatten(), now.settled));
            }
            let old = |instance| old.and_then(|old| old.leases.get(instance));
            let changed = now.leases.iter().filter(|(instance, now)| old(instance) != Some(now));
            lent.extend(changed.map(|(instance, lent)| (*window, *instance, *lent)));
            let old = before.get(window).into_iter().flat_map(|old| old.leases.keys());
            let over = old.filter(|instance| !now.leases.contains_key(instance));
            gone.extend(over.map(|instance| (*window, *instance)));
        }
        self.write_settled(&settled).await?;
        self.write_lent(&lent).await?;
        self.delete_lent(&gone).await
    }

    async fn write_settled(
        &mut self,
        rows: &[(Window, Option<Timestamp>, u64)],
    ) -> Result<(), sqlx::Error> {
        for rows in rows.chunks(ROWS) {
            let text = format!(
                "INSERT INTO balances (key, begins, ends, settled) VALUES {} ON CONFLICT (key, \
                 begins) DO UPDATE SET ends = excluded.ends, settled = excluded.settled",
                values::<4>(rows.len())
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for (Window { key, begins }, ends, settled) in rows {
                let ends = ends.map_or(i64::MAX, to_seconds);
                query = query.bind(digits(key.0)).bind(to_seconds(*begins));
                query = query.bind(ends).bind(signed(*settled));
            }
            query.execute(&mut *self.transaction).await?;
        }
        Ok(())
    }

    async fn write_lent(&mut self, rows: &[(Window, Instance, Lent)]) -> Result<(), sqlx::Error> {
        for rows in rows.chunks(ROWS) {
            let text = format!(
                "INSERT INTO leases (key, begins, instance, cap, spent, number, heard_at) VALUES {} \
                 ON CONFLICT (key, begins, instance) DO UPDATE SET cap = excluded.cap, \
                 spent = excluded.spent, number = excluded.number, heard_at = excluded.heard_at",
                values::<7>(rows.len())
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for (Window { key, begins }, instance, lent) in rows {
                let Lent { cap, spent, number, heard_at } = *lent;
                query = query.bind(digits(key.0)).bind(to_seconds(*begins));
                query = query.bind(digits(instance.0)).bind(signed(cap)).bind(signed(spent));
                query = query.bind(number.cast_signed()).bind(to_seconds(heard_at));
            }
            query.execute(&mut *self.transaction).await?;
        }
        Ok(())
    }

    async fn delete_lent(&mut self, rows: &[(Window, Instance)]) -> Result<(), sqlx::Error> {
        for (Window { key, begins }, instance) in rows {
            sqlx::query("DELETE FROM leases WHERE key = $1 AND begins = $2 AND instance = $3")
                .bind(digits(key.0))
                .bind(to_seconds(*begins))
                .bind(digits(instance.0))
                .execute(&mut *self.transaction)
                .await?;
        }
        Ok(())
    }
}

fn of_windows<'q>(text: &'q str, windows: &[Window]) -> Query<'q, Any, AnyArguments> {
    let mut query = sqlx::query(AssertSqlSafe(text.to_owned()));
    for Window { key, begins } in windows {
        query = query.bind(digits(key.0)).bind(to_seconds(*begins));
    }
    query
}

/// A condition on `count` windows.
fn one_of(count: usize) -> String {
    format!("(key, begins) IN (VALUES {})", values::<2>(count))
}

/// `($1, $2), ($3, $4)`: rows of `N` values.
fn values<const N: usize>(rows: usize) -> String {
    let mut number = 0_usize;
    let mut next = || {
        number = number.saturating_add(1);
        format!("${number}")
    };
    let rows = (0..rows).map(|_| {
        let row: Vec<String> = std::iter::repeat_with(&mut next).take(N).collect();
        format!("({})", row.join(", "))
    });
    rows.collect::<Vec<_>>().join(", ")
}

fn window(row: &sqlx::any::AnyRow) -> Result<Option<Window>, sqlx::Error> {
    let begins = from_seconds(row.try_get("begins")?);
    Ok(number(&row.try_get::<String, _>("key")?).map(|key| Window { key: Key(key), begins }))
}

fn lease(row: &sqlx::any::AnyRow) -> Result<Option<(Instance, Lent)>, sqlx::Error> {
    let instance = number(&row.try_get::<String, _>("instance")?).map(Instance);
    let lent = Lent {
        cap: unsigned(row.try_get("cap")?),
        spent: unsigned(row.try_get("spent")?),
        number: row.try_get::<i64, _>("number")?.cast_unsigned(),
        heard_at: from_seconds(row.try_get("heard_at")?),
    };
    Ok(instance.map(|instance| (instance, lent)))
}

fn digits(number: u128) -> String {
    format!("{number:032x}")
}

fn number(digits: &str) -> Option<u128> {
    u128::from_str_radix(digits, 16).ok()
}

/// More than a database can hold is as good as all that it can.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
