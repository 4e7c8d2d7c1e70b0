//! What the admin API has written.

use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};
use tollgate_core::Timestamp;

use crate::revision::{NewRevision, Objects};
use crate::store::Change;
use crate::tenants::check_id;
use crate::time::{from_seconds, to_seconds};
use crate::{ChangeFailed, Store, StoreUnavailable};

/// One object of the configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Object {
    /// The section of the configuration: `apis`.
    pub kind: String,
    /// Its name in the section.
    pub name: String,
    /// JSON.
    pub body: String,
    /// Who wrote it.
    pub author: String,
    /// When.
    pub changed_at: Timestamp,
    /// The number of its last change.
    pub sequence: u64,
}

/// An object that has changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ObjectChange {
    /// The section of the configuration, and its name there.
    pub key: (String, String),
    /// What it became; nothing if it was deleted.
    pub body: Option<String>,
    /// The number of the change.
    pub sequence: u64,
}

/// A change of one object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Edit<'a> {
    /// The section of the configuration.
    pub kind: &'a str,
    /// Its name in the section.
    pub name: &'a str,
    /// What it becomes; nothing deletes it.
    pub body: Option<&'a str>,
    /// The number of its last change, as whoever changes it knows it; 0 if it is
    /// to be new.
    pub sequence: u64,
    /// How many of the section may be the author's, if that is bounded.
    pub at_most: Option<u32>,
}

const LAST: &str = "SELECT MAX(seq) FROM objects";

impl Store {
    /// All objects, by kind and name.
    pub async fn objects(&self) -> Result<Vec<Object>, StoreUnavailable> {
        sqlx::query_as("SELECT * FROM objects WHERE body IS NOT NULL ORDER BY kind, name")
            .fetch_all(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }

    /// One object, if it is there.
    pub async fn object(&self, kind: &str, name: &str) -> Result<Option<Object>, StoreUnavailable> {
        sqlx::query_as("SELECT * FROM objects WHERE kind = $1 AND name = $2 AND body IS NOT NULL")
            .bind(kind)
            .bind(name)
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }

    /// What has changed after a change, the oldest first.
    pub async fn objects_since(
        &self,
        sequence: u64,
    ) -> Result<Vec<ObjectChange>, StoreUnavailable> {
        sqlx::query_as("SELECT kind, name, body, seq FROM objects WHERE $1 < seq ORDER BY seq")
            .bind(sequence.cast_signed())
            .fetch_all(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }

    /// The number of the last change of any object, deletions among them; 0 of none.
    pub async fn objects_sequence(&self) -> Result<u64, StoreUnavailable> {
        let last: Option<i64> =
            sqlx::query_scalar(LAST).fetch_one(&self.pool).await.map_err(StoreUnavailable::from)?;
        Ok(last.unwrap_or_default().cast_unsigned())
    }

    /// Makes a change and publishes what it makes of the configuration. Of two who
    /// change the same at once one is told, and nothing of its change is made.
    ///
    /// `base` is what [`Store::objects_sequence`] was before the revision was made:
    /// if an object has changed since, the revision is not what comes of it.
    pub async fn edit(
        &self,
        edit: Edit<'_>,
        base: u64,
        revision: &NewRevision,
        now: Timestamp,
    ) -> Result<u64, ChangeFailed> {
        check_id("name", edit.name)?;
        let mut change = self.change().await?;
        let found = change.object_sequence(edit.kind, edit.name).await?;
        if found != edit.sequence {
            let (kind, name) = (edit.kind.to_owned(), edit.name.to_owned());
            return Err(ChangeFailed::ObjectChanged { kind, name });
        }
        if change.last_object().await? != base {
            return Err(ChangeFailed::Overtaken);
        }
        if let (Some(most), Some(_)) = (edit.at_most, edit.body)
            && u64::from(most) <= change.others_of(edit, &revision.author).await?
        {
            let (kind, name) = (edit.kind.to_owned(), edit.name.to_owned());
            return Err(ChangeFailed::TooManyObjects { kind, name, most });
        }
        change.put_object((edit.kind, edit.name), edit.body, &revision.author, now).await?;
        let number = change.publish(revision, now).await?.ok_or(ChangeFailed::Overtaken)?;
        change.commit().await?;
        Ok(number)
    }
}

impl Change {
    /// The number of the last change of an object that is there; 0 of none.
    async fn object_sequence(&mut self, kind: &str, name: &str) -> Result<u64, sqlx::Error> {
        let found: Option<i64> = sqlx::query_scalar(
            "SELECT seq FROM objects WHERE kind = $1 AND name = $2 AND body IS NOT NULL",
        )
        .bind(kind)
        .bind(name)
        .fetch_optional(&mut *self.transaction)
        .await?;
        Ok(found.unwrap_or_default().cast_unsigned())
    }

    /// How many others of a section somebody wrote last.
    async fn others_of(&mut self, edit: Edit<'_>, author: &str) -> Result<u64, sqlx::Error> {
        let count: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM objects WHERE kind = $1 AND name <> $2 AND author = $3 AND \
             body IS NOT NULL",
        )
        .bind(edit.kind)
        .bind(edit.name)
        .bind(author)
        .fetch_one(&mut *self.transaction)
        .await?;
        Ok(count.cast_unsigned())
    }

    async fn last_object(&mut self) -> Result<u64, sqlx::Error> {
        let last: Option<i64> = sqlx::query_scalar(LAST).fetch_one(&mut *self.transaction).await?;
        Ok(last.unwrap_or_default().cast_unsigned())
    }

    async fn put_object(
        &mut self,
        (kind, name): (&str, &str),
        body: Option<&str>,
        author: &str,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO objects (kind, name, body, author, changed_at, seq) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind, name) DO UPDATE SET \
             body = excluded.body, author = excluded.author, \
             changed_at = excluded.changed_at, seq = excluded.seq",
        )
        .bind(kind)
        .bind(name)
        .bind(body)
        .bind(author)
        .bind(to_seconds(now))
        .bind(self.next().await?)
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Makes the objects those of a revision.
    pub(crate) async fn restore(
        &mut self,
        objects: &Objects,
        author: &str,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let there: Vec<Object> = sqlx::query_as("SELECT * FROM objects WHERE body IS NOT NULL")
            .fetch_all(&mut *self.transaction)
            .await?;
        let there: Objects =
            there.into_iter().map(|one| ((one.kind, one.name), one.body)).collect();
        for (kind, name) in there.keys().filter(|key| !objects.contains_key(*key)) {
            self.put_object((kind, name), None, author, now).await?;
        }
        for ((kind, name), body) in objects {
            if there.get(&(kind.clone(), name.clone())) != Some(body) {
                self.put_object((kind, name), Some(body), author, now).await?;
            }
        }
        Ok(())
    }
}

// === impl ObjectChange ===

impl FromRow<'_, AnyRow> for ObjectChange {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            key: (row.try_get("kind")?, row.try_get("name")?),
            body: row.try_get("body")?,
            sequence: row.try_get::<i64, _>("seq")?.cast_unsigned(),
        })
    }
}

// === impl Object ===

impl FromRow<'_, AnyRow> for Object {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            kind: row.try_get("kind")?,
            name: row.try_get("name")?,
            body: row.try_get("body")?,
            author: row.try_get("author")?,
            changed_at: from_seconds(row.try_get("changed_at")?),
            sequence: row.try_get::<i64, _>("seq")?.cast_unsigned(),
        })
    }
}
