use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};
use tollgate_core::Timestamp;

use crate::parts::PartChanges;
use crate::time::from_seconds;

/// A configuration that was published, but for its content.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revision {
    /// Counts from 1.
    pub number: u64,
    /// Who published it.
    pub author: String,
    /// When.
    pub at: Timestamp,
    /// What it changed, in words.
    pub difference: String,
    /// The hash of the files that lay there then.
    pub files: String,
    /// The hash of its content.
    pub content: String,
}

/// What a revision is made of.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Content {
    /// The files that were published, by name.
    pub files: BTreeMap<String, String>,
    /// What the admin API had written.
    pub objects: Objects,
}

/// Objects of the configuration: JSON, by kind and name.
pub type Objects = BTreeMap<(String, String), String>;

/// What a revision that is published is made of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NewContent {
    /// All of it.
    Whole(Content),
    /// What is another than in the newest revision.
    Since {
        /// The hash of that one's content, by which it is known to be the newest still.
        base: String,
        /// What has changed.
        changed: PartChanges,
    },
}

/// A revision as it is published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewRevision {
    /// Who publishes it.
    pub author: String,
    /// What it changes, in words.
    pub difference: String,
    /// The hash of the files that lie there.
    pub files: String,
    /// The hash of its content.
    pub hash: String,
    /// What it is made of.
    pub content: NewContent,
}

/// A revision that is published again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rollback<'a> {
    /// Which one.
    pub number: u64,
    /// Who publishes it.
    pub author: &'a str,
    /// What that changes, in words.
    pub difference: &'a str,
    /// The hash of its content.
    pub hash: &'a str,
}

/// That the files of a revision are published instead of those that lie there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pin {
    /// As long as these lie there, by their hash.
    pub files: String,
    /// Of which revision.
    pub revision: u64,
}

// === impl Revision ===

impl FromRow<'_, AnyRow> for Revision {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            number: row.try_get::<i64, _>("number")?.cast_unsigned(),
            author: row.try_get("author")?,
            at: from_seconds(row.try_get("at")?),
            difference: row.try_get("difference")?,
            files: row.try_get("files")?,
            content: row.try_get("content")?,
        })
    }
}

// === impl Pin ===

impl FromRow<'_, AnyRow> for Pin {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let revision = row.try_get::<i64, _>("revision")?.cast_unsigned();
        Ok(Self { files: row.try_get("files")?, revision })
    }
}
