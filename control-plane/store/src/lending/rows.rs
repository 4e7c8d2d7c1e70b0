//! Balances and leases as rows.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row as _};
use tollgate_core::Timestamp;
use tollgate_quota::{Balance, Instance, Key, LEASE_ENDS, Lent, Others};

use super::{Balances, LeaseAsk, Window};
use crate::store::Change;
use crate::time::{from_seconds, to_seconds};

/// As many rows at once: with seven values each, far fewer than databases take.
const ROWS: usize = 256;

// === impl Change ===

impl Change {
    /// Balances, as far as some asks need them: of whoever asks nothing, the sum.
    pub(super) async fn balances_for(
        &mut self,
        asks: &[LeaseAsk],
        now: Timestamp,
    ) -> Result<Balances, sqlx::Error> {
        let windows: BTreeSet<Window> = asks.iter().map(|ask| ask.window).collect();
        let mut balances = Balances::new();
        // What has ended is settled, lease by lease.
        let mut ended = Vec::new();
        for windows in chunks(windows) {
            self.read_settled(&windows, &mut balances).await?;
            ended.extend(self.read_others(&windows, now, &mut balances).await?);
        }
        balances.extend(self.balances(&ended).await?);
        let whole: BTreeSet<Window> = ended.into_iter().collect();
        let rest = asks.iter().filter(|ask| !whole.contains(&ask.window));
        let leases: BTreeSet<_> = rest.map(|ask| (ask.window, ask.ask.instance)).collect();
        for leases in chunks(leases) {
            self.read_leases(&leases, &mut balances).await?;
        }
        Ok(balances)
    }

    /// Balances with all leases.
    pub(super) async fn balances(&mut self, windows: &[Window]) -> Result<Balances, sqlx::Error> {
        let mut balances = Balances::new();
        for windows in windows.chunks(ROWS) {
            self.read_settled(windows, &mut balances).await?;
            let leases = format!("SELECT * FROM leases WHERE {}", one_of(windows.len()));
            for row in of_windows(&leases, windows).fetch_all(&mut *self.transaction).await? {
                let Some((window, instance, lent)) = lease(&row)? else { continue };
                balances.entry(window).or_default().leases.insert(instance, lent);
            }
        }
        Ok(balances)
    }

    async fn read_settled(
        &mut self,
        windows: &[Window],
        balances: &mut Balances,
    ) -> Result<(), sqlx::Error> {
        let some = one_of(windows.len());
        let settled = format!("SELECT key, begins, settled FROM balances WHERE {some}");
        for row in of_windows(&settled, windows).fetch_all(&mut *self.transaction).await? {
            let Some(window) = window(&row)? else { continue };
            balances.entry(window).or_default().settled = unsigned(row.try_get("settled")?);
        }
        Ok(())
    }

    /// What all have of windows, as a sum; and the windows of which somebody has what
    /// has ended.
    async fn read_others(
        &mut self,
        windows: &[Window],
        now: Timestamp,
        balances: &mut Balances,
    ) -> Result<Vec<Window>, sqlx::Error> {
        let mut ended = Vec::new();
        // In two halves: the sum of numbers that are large enough would be an error.
        let sums = format!(
            "SELECT key, begins, COUNT(*) AS leases, CAST(SUM(cap / 4294967296) AS BIGINT) AS high, \
             CAST(SUM(cap % 4294967296) AS BIGINT) AS low, MIN(heard_at) AS heard_at FROM leases \
             WHERE {} GROUP BY key, begins",
            one_of(windows.len())
        );
        for row in of_windows(&sums, windows).fetch_all(&mut *self.transaction).await? {
            let Some(window) = window(&row)? else { continue };
            if LEASE_ENDS < now.since(from_seconds(row.try_get("heard_at")?)) {
                ended.push(window);
                continue;
            }
            let (high, low) = (unsigned(row.try_get("high")?), unsigned(row.try_get("low")?));
            let caps = high.saturating_mul(1 << 32).saturating_add(low);
            let leases = unsigned(row.try_get("leases")?);
            balances.entry(window).or_default().others = Others { leases, caps };
        }
        Ok(ended)
    }

    /// Takes some leases out of the sums.
    async fn read_leases(
        &mut self,
        leases: &[(Window, Instance)],
        balances: &mut Balances,
    ) -> Result<(), sqlx::Error> {
        let some = format!("(key, begins, instance) IN (VALUES {})", values::<3>(leases.len()));
        let mut query = sqlx::query(AssertSqlSafe(format!("SELECT * FROM leases WHERE {some}")));
        for (Window { key, begins }, instance) in leases {
            query = query.bind(digits(key.0)).bind(to_seconds(*begins)).bind(digits(instance.0));
        }
        for row in query.fetch_all(&mut *self.transaction).await? {
            let Some((window, instance, lent)) = lease(&row)? else { continue };
            let Balance { leases, others, .. } = balances.entry(window).or_default();
            others.leases = others.leases.saturating_sub(1);
            others.caps = others.caps.saturating_sub(lent.cap);
            leases.insert(instance, lent);
        }
        Ok(())
    }

    pub(super) async fn write_balances(
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

/// As many as one statement takes.
fn chunks<T: Copy>(all: BTreeSet<T>) -> Vec<Vec<T>> {
    let all: Vec<T> = all.into_iter().collect();
    all.chunks(ROWS).map(<[T]>::to_vec).collect()
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

fn lease(row: &sqlx::any::AnyRow) -> Result<Option<(Window, Instance, Lent)>, sqlx::Error> {
    let instance = number(&row.try_get::<String, _>("instance")?).map(Instance);
    let lent = Lent {
        cap: unsigned(row.try_get("cap")?),
        spent: unsigned(row.try_get("spent")?),
        number: row.try_get::<i64, _>("number")?.cast_unsigned(),
        heard_at: from_seconds(row.try_get("heard_at")?),
    };
    let window = window(row)?;
    Ok(window.zip(instance).map(|(window, instance)| (window, instance, lent)))
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
