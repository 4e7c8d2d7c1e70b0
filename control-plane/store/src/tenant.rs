use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};
use tollgate_core::Timestamp;

use crate::time::from_seconds;

/// A customer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tenant {
    /// Its id, as tokens and limits call it.
    pub id: String,
    /// The tier whose limits apply to it; none is the default tier.
    pub tier: Option<String>,
    /// Whether its callers are turned away for now, whatever they show.
    pub suspended: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was taken away. Only those who follow the changes see such tenants.
    pub deleted_at: Option<Timestamp>,
    /// The number of its last change.
    pub sequence: u64,
}

// === impl Tenant ===

impl FromRow<'_, AnyRow> for Tenant {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            tier: row.try_get("tier")?,
            suspended: row.try_get::<i64, _>("suspended")? != 0,
            created_at: from_seconds(row.try_get("created_at")?),
            deleted_at: row.try_get::<Option<_>, _>("deleted_at")?.map(from_seconds),
            sequence: row.try_get::<i64, _>("seq")?.cast_unsigned(),
        })
    }
}
