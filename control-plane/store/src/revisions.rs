//! Reading and publishing revisions.

use tollgate_core::Timestamp;

use crate::parts;
use crate::revision::{Content, NewContent, NewRevision, Pin, Revision, Rollback};
use crate::store::Change;
use crate::time::to_seconds;
use crate::{ChangeFailed, Store, StoreUnavailable};

/// How many are kept; the oldest go.
const KEPT: u64 = 1000;

/// All but the content, which may be large.
const COLUMNS: &str = "SELECT number, author, at, difference, files, content FROM revisions";

impl Store {
    /// At most `limit` revisions, the newest first, from before `before` on.
    pub async fn revisions(
        &self,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Revision>, StoreUnavailable> {
        let before = before.and_then(|number| i64::try_from(number).ok()).unwrap_or(i64::MAX);
        let sql = format!("{COLUMNS} WHERE number < $1 ORDER BY number DESC LIMIT $2");
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(before)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }

    /// What a revision is made of, if it is kept.
    pub async fn content(&self, number: u64) -> Result<Option<Content>, StoreUnavailable> {
        let mut change = Change { transaction: self.pool.begin().await? };
        Ok(change.content(number).await?)
    }

    /// Whether files of another revision are published than those that lie there.
    pub async fn pin(&self) -> Result<Option<Pin>, StoreUnavailable> {
        sqlx::query_as("SELECT files, revision FROM pin")
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreUnavailable::from)
    }

    /// Keeps what is published, and tells its number: that of the newest one, if
    /// that has the same content. So control planes with the same files agree.
    /// Nothing if it is told by what has changed since another one than the newest.
    pub async fn publish(
        &self,
        new: &NewRevision,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreUnavailable> {
        let mut change = self.change().await?;
        let number = change.publish(new, now).await?;
        change.commit().await?;
        Ok(number)
    }

    /// Publishes again what a revision was made of: its objects become what
    /// the admin API has written, and its files take the place of those that lie
    /// there, until these change.
    pub async fn roll_back(
        &self,
        rollback: Rollback<'_>,
        now: Timestamp,
    ) -> Result<u64, ChangeFailed> {
        let Rollback { number, author, difference, hash } = rollback;
        let mut change = self.change().await?;
        let (target, newest) = (change.content(number).await?, change.newest().await?);
        let (Some(content), Some(newest)) = (target, newest) else {
            return Err(ChangeFailed::UnknownRevision(number));
        };
        change.restore(&content.objects, author, now).await?;
        change.pin(&Pin { files: newest.files.clone(), revision: number }).await?;
        let (author, difference) = (author.to_owned(), difference.to_owned());
        let (files, hash) = (newest.files, hash.to_owned());
        let content = NewContent::Whole(content);
        let new = NewRevision { author, difference, files, hash, content };
        let number = change.publish(&new, now).await?.ok_or(ChangeFailed::Overtaken)?;
        change.commit().await?;
        Ok(number)
    }
}

impl Change {
    /// None if it builds on another one than the newest.
    pub(crate) async fn publish(
        &mut self,
        new: &NewRevision,
        now: Timestamp,
    ) -> Result<Option<u64>, sqlx::Error> {
        let newest = self.newest().await?;
        if let Some(newest) = newest.as_ref().filter(|newest| newest.content == new.hash) {
            return Ok(Some(newest.number));
        }
        let changed = match &new.content {
            NewContent::Whole(content) => &self.since_newest(content).await?,
            NewContent::Since { base, changed } => {
                if newest.as_ref().is_none_or(|newest| newest.content != *base) {
                    return Ok(None);
                }
                changed
            }
        };
        let number = newest.map_or(1, |newest| newest.number.saturating_add(1));
        self.put_revision(number, new, now).await?;
        self.put_parts(number, changed).await?;
        self.forget_revisions(number.saturating_sub(KEPT)).await?;
        self.next().await?;
        Ok(Some(number))
    }

    async fn put_revision(
        &mut self,
        number: u64,
        new: &NewRevision,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let NewRevision { author, difference, files, hash, .. } = new;
        sqlx::query(
            "INSERT INTO revisions (number, author, at, difference, files, content, sources, \
             objects) VALUES ($1, $2, $3, $4, $5, $6, '', '')",
        )
        .bind(number.cast_signed())
        .bind(author.as_str())
        .bind(to_seconds(now))
        .bind(difference.as_str())
        .bind(files.as_str())
        .bind(hash.as_str())
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// All revisions up to one, and the parts that no later one has.
    async fn forget_revisions(&mut self, last: u64) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM revisions WHERE number <= $1")
            .bind(last.cast_signed())
            .execute(&mut *self.transaction)
            .await?;
        self.forget_parts(last.saturating_add(1)).await
    }

    async fn newest(&mut self) -> Result<Option<Revision>, sqlx::Error> {
        let sql = format!("{COLUMNS} ORDER BY number DESC LIMIT 1");
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_optional(&mut *self.transaction).await
    }

    /// What a revision is made of, if it is kept.
    async fn content(&mut self, number: u64) -> Result<Option<Content>, sqlx::Error> {
        let found: Option<(String, String)> =
            sqlx::query_as("SELECT sources, objects FROM revisions WHERE number = $1")
                .bind(number.cast_signed())
                .fetch_optional(&mut *self.transaction)
                .await?;
        let Some((sources, objects)) = found else { return Ok(None) };
        if sources.is_empty() {
            return self.parts_of(number).await.map(Some);
        }
        parts::from_texts(&sources, &objects).map(Some)
    }

    async fn pin(&mut self, pin: &Pin) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM pin").execute(&mut *self.transaction).await?;
        sqlx::query("INSERT INTO pin (one, files, revision) VALUES (1, $1, $2)")
            .bind(pin.files.as_str())
            .bind(pin.revision.cast_signed())
            .execute(&mut *self.transaction)
            .await?;
        Ok(())
    }
}
