//! What revisions are made of, each part once for all revisions in a row that have it.

use std::collections::BTreeMap;

use crate::revision::{Content, Objects};
use crate::store::Change;
use crate::{Store, StoreUnavailable};

/// The kind of a part that is a file.
pub const FILE: &str = "file";

/// Parts that are others than before, by kind and name; nothing takes one out.
pub type PartChanges = BTreeMap<(String, String), Option<String>>;

type Row = (String, String, String);

impl Store {
    /// A part of the newest revision.
    pub async fn newest_part(
        &self,
        kind: &str,
        name: &str,
    ) -> Result<Option<String>, StoreUnavailable> {
        sqlx::query_scalar("SELECT body FROM parts WHERE kind = $1 AND name = $2 AND until IS NULL")
            .bind(kind)
            .bind(name)
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }
}

impl Change {
    /// By what a content differs from that of the newest revision that has parts.
    pub(crate) async fn since_newest(
        &mut self,
        content: &Content,
    ) -> Result<PartChanges, sqlx::Error> {
        let there: Vec<Row> =
            sqlx::query_as("SELECT kind, name, body FROM parts WHERE until IS NULL")
                .fetch_all(&mut *self.transaction)
                .await?;
        let mut changed: PartChanges =
            parts(content).map(|((kind, name), body)| ((kind, name), Some(body))).collect();
        for (kind, name, body) in there {
            let key = (kind, name);
            match changed.get(&key) {
                Some(Some(new)) if *new == body => drop(changed.remove(&key)),
                Some(_) => {}
                None => drop(changed.insert(key, None)),
            }
        }
        Ok(changed)
    }

    /// Makes them parts of a revision, which is the newest.
    pub(crate) async fn put_parts(
        &mut self,
        number: u64,
        changed: &PartChanges,
    ) -> Result<(), sqlx::Error> {
        for ((kind, name), body) in changed {
            sqlx::query(
                "UPDATE parts SET until = $1 WHERE kind = $2 AND name = $3 AND until IS NULL",
            )
            .bind(number.cast_signed())
            .bind(kind.as_str())
            .bind(name.as_str())
            .execute(&mut *self.transaction)
            .await?;
            let Some(body) = body else { continue };
            sqlx::query("INSERT INTO parts (kind, name, since, body) VALUES ($1, $2, $3, $4)")
                .bind(kind.as_str())
                .bind(name.as_str())
                .bind(number.cast_signed())
                .bind(body.as_str())
                .execute(&mut *self.transaction)
                .await?;
        }
        Ok(())
    }

    /// All parts of a revision.
    pub(crate) async fn parts_of(&mut self, number: u64) -> Result<Content, sqlx::Error> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT kind, name, body FROM parts WHERE since <= $1 AND (until IS NULL OR $1 < until)",
        )
        .bind(number.cast_signed())
        .fetch_all(&mut *self.transaction)
        .await?;
        let mut content = Content::default();
        for (kind, name, body) in rows {
            if kind == FILE {
                content.files.insert(name, body);
            } else {
                content.objects.insert((kind, name), body);
            }
        }
        Ok(content)
    }

    /// Forgets those that are in no revision from `oldest` on.
    pub(crate) async fn forget_parts(&mut self, oldest: u64) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM parts WHERE until <= $1")
            .bind(oldest.cast_signed())
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}

fn parts(content: &Content) -> impl Iterator<Item = ((String, String), String)> {
    let files = content.files.iter().map(|(name, body)| ((FILE, name.as_str()), body));
    let objects = content.objects.iter();
    let objects = objects.map(|((kind, name), body)| ((kind.as_str(), name.as_str()), body));
    files
        .chain(objects)
        .map(|((kind, name), body)| ((kind.to_owned(), name.to_owned()), body.clone()))
}

/// As older versions kept it with each revision.
pub(crate) fn from_texts(sources: &str, objects: &str) -> Result<Content, sqlx::Error> {
    let decoded = |error: serde_json::Error| sqlx::Error::Decode(error.into());
    let files: Vec<(String, String)> = serde_json::from_str(sources).map_err(decoded)?;
    let objects: Vec<Row> = serde_json::from_str(objects).map_err(decoded)?;
    let objects: Objects =
        objects.into_iter().map(|(kind, name, body)| ((kind, name), body)).collect();
    Ok(Content { files: files.into_iter().collect(), objects })
}
