//! What tenants get instead of what is configured.

use std::fmt;
use std::str::FromStr;

use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};
use tollgate_core::Timestamp;

use crate::store::Change;
use crate::tenants::{check_id, check_tier};
use crate::time::{from_seconds, to_seconds};
use crate::{ChangeFailed, Store, StoreUnavailable};

/// What one tenant gets instead of what is configured.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Override {
    /// The tenant's id. It need not be in the store: tokens may name others.
    pub tenant: String,
    /// The tier whose limits apply to it, whatever its callers' credentials say.
    pub tier: Option<String>,
    /// Its limits are so many times what is configured.
    pub factor: Option<Factor>,
    /// For a while, so many times instead.
    pub uplift: Option<(Factor, Timestamp)>,
}

/// How many times what is configured, in millionths.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Factor(u32);

/// Why a text is no factor.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not between 0.001 and {max}; write 5 or 0.5", max = FACTOR_MAX.0 / Factor::ONE)]
pub struct InvalidFactor(String);

/// The largest.
pub const FACTOR_MAX: Factor = Factor(1_000 * Factor::ONE);

/// How many tenants can have limits of their own: every gateway knows them all.
pub const OVERRIDES_MAX: usize = 1_024;

// === impl Factor ===

impl Factor {
    const ONE: u32 = 1_000_000;
    const LEAST: f64 = 0.001;

    /// In millionths.
    pub fn millionths(self) -> u32 {
        self.0
    }
}

impl FromStr for Factor {
    type Err = InvalidFactor;

    fn from_str(text: &str) -> Result<Self, InvalidFactor> {
        let times: f64 = text.parse().map_err(|_| InvalidFactor(text.to_owned()))?;
        let most = f64::from(FACTOR_MAX.0) / f64::from(Self::ONE);
        if !(Self::LEAST..=most).contains(&times) {
            return Err(InvalidFactor(text.to_owned()));
        }
        let millionths = (times * f64::from(Self::ONE)).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it has been seen to fit"
        )]
        Ok(Self(millionths as u32))
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (f64::from(self.0) / f64::from(Self::ONE)).fmt(f)
    }
}

// === impl Override ===

impl Override {
    fn is_nothing(&self) -> bool {
        self.tier.is_none() && self.factor.is_none() && self.uplift.is_none()
    }
}

impl FromRow<'_, AnyRow> for Override {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let factor = |name| -> Result<Option<Factor>, sqlx::Error> {
            let millionths = row.try_get::<Option<i64>, _>(name)?;
            Ok(millionths.and_then(|n| u32::try_from(n).ok()).map(Factor))
        };
        let until = row.try_get::<Option<_>, _>("uplift_until")?.map(from_seconds);
        Ok(Self {
            tenant: row.try_get("tenant")?,
            tier: row.try_get("tier")?,
            factor: factor("factor")?,
            uplift: factor("uplift")?.zip(until),
        })
    }
}

// === impl Store ===

impl Store {
    /// What tenants get instead of what is configured, by tenant. What has ended
    /// is left out.
    pub async fn overrides(&self, now: Timestamp) -> Result<Vec<Override>, StoreUnavailable> {
        let mut overrides: Vec<Override> =
            sqlx::query_as("SELECT * FROM overrides").fetch_all(&self.pool).await?;
        for one in &mut overrides {
            one.uplift = one.uplift.filter(|(_, until)| now < *until);
        }
        overrides.retain(|o| !o.is_nothing());
        overrides.sort_unstable_by(|a, b| a.tenant.cmp(&b.tenant));
        Ok(overrides)
    }

    /// Raises what a tenant gets until then. What it gets otherwise stays.
    pub async fn uplift(
        &self,
        tenant: &str,
        factor: Factor,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), ChangeFailed> {
        if until <= now {
            return Err(ChangeFailed::Past { what: "the uplift" });
        }
        self.change_override(tenant, now, |it| it.uplift = Some((factor, until))).await
    }

    /// Gives a tenant other limits than are configured, or these again. An uplift
    /// stays.
    pub async fn set_override(
        &self,
        tenant: &str,
        tier: Option<&str>,
        factor: Option<Factor>,
        now: Timestamp,
    ) -> Result<(), ChangeFailed> {
        check_tier(tier)?;
        self.change_override(tenant, now, |it| {
            (it.tier, it.factor) = (tier.map(str::to_owned), factor);
        })
        .await
    }

    /// Ends an uplift before its time.
    pub async fn end_uplift(&self, tenant: &str, now: Timestamp) -> Result<(), ChangeFailed> {
        self.change_override(tenant, now, |it| it.uplift = None).await
    }

    async fn change_override(
        &self,
        tenant: &str,
        now: Timestamp,
        edit: impl FnOnce(&mut Override),
    ) -> Result<(), ChangeFailed> {
        check_id("tenant", tenant)?;
        let mut change = self.change().await?;
        let old: Option<Override> = sqlx::query_as("SELECT * FROM overrides WHERE tenant = $1")
            .bind(tenant)
            .fetch_optional(&mut *change.transaction)
            .await?;
        if old.is_none() {
            change.forget_overrides(now).await?;
            change.has_room_for_override().await?;
        }
        let nothing = Override { tenant: tenant.to_owned(), ..Override::default() };
        let mut new = old.unwrap_or(nothing);
        edit(&mut new);
        if new.is_nothing() {
            change.delete_override(tenant).await?;
        } else {
            change.write_override(&new).await?;
        }
        // Whoever follows the changes looks again.
        change.next().await?;
        Ok(change.commit().await?)
    }
}

// === impl Change ===

impl Change {
    async fn forget_overrides(&mut self, now: Timestamp) -> Result<(), sqlx::Error> {
        sqlx::query(
            "DELETE FROM overrides WHERE tier IS NULL AND factor IS NULL AND uplift_until <= $1",
        )
        .bind(to_seconds(now))
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    async fn has_room_for_override(&mut self) -> Result<(), ChangeFailed> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM overrides")
            .fetch_one(&mut *self.transaction)
            .await?;
        if usize::try_from(count).is_ok_and(|count| count < OVERRIDES_MAX) {
            Ok(())
        } else {
            Err(ChangeFailed::TooManyOverrides { most: OVERRIDES_MAX })
        }
    }

    async fn write_override(&mut self, new: &Override) -> Result<(), sqlx::Error> {
        let Override { tenant, tier, factor, uplift } = new;
        let millionths = |factor: Factor| i64::from(factor.0);
        sqlx::query(
            "INSERT INTO overrides (tenant, tier, factor, uplift, uplift_until) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant) DO UPDATE SET tier = excluded.tier, \
             factor = excluded.factor, uplift = excluded.uplift, \
             uplift_until = excluded.uplift_until",
        )
        .bind(tenant)
        .bind(tier)
        .bind(factor.map(millionths))
        .bind(uplift.map(|(factor, _)| millionths(factor)))
        .bind(uplift.map(|(_, until)| to_seconds(until)))
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    async fn delete_override(&mut self, tenant: &str) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM overrides WHERE tenant = $1")
            .bind(tenant)
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_read_as_they_are_shown() {
        for text in ["5", "0.5", "1000", "0.001", "1.25"] {
            assert_eq!(text.parse::<Factor>().unwrap().to_string(), text);
        }
        for text in ["", "0", "-1", "0.0009", "1001", "NaN", "inf", "five", "5x"] {
            let error = text.parse::<Factor>().unwrap_err().to_string();
            assert_eq!(error, format!("{text:?} is not between 0.001 and 1000; write 5 or 0.5"));
        }
    }
}
