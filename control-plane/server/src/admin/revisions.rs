//! What was published, and what is published again.

use std::sync::Arc;

use tokio::runtime::Handle;
use tollgate_store::{Revision, Rollback};

use super::Admin;
use super::answer::{Answer, Problem};
use super::asked::Asked;
use super::views::{Edited, RevisionContent, RevisionView, Revisions};
use crate::clock::now;
use crate::ledger::Whole;
use crate::store::when::shown;

impl Admin {
    pub(super) async fn list_revisions(&self, asked: &Asked) -> Result<Answer, Problem> {
        let (before, limit) = asked.page()?;
        let revisions = self.store()?.revisions(before, limit).await?;
        let revisions = revisions.into_iter().map(view).collect();
        Ok(Answer::json(200, &Revisions { revisions }))
    }

    pub(super) async fn one_revision(&self, asked: &Asked) -> Result<Answer, Problem> {
        let (number, store) = (asked.number()?, self.store()?);
        let before = number.checked_add(1);
        let found = store.revisions(before, 1).await?.into_iter().next();
        let found = found.filter(|one| one.number == number);
        let content = store.content(number).await?.map(Whole::of_content);
        let (Some(found), Some(whole)) = (found, content) else { return Err(unknown(number)) };
        let content = RevisionContent { revision: view(found), files: whole.shown() };
        Ok(Answer::json(200, &content))
    }

    pub(super) async fn rollback(self: Arc<Self>, asked: Asked) -> Result<Answer, Problem> {
        let (number, author) = (asked.number()?, asked.actor.id.clone());
        let _alone = self.edits.lock().await;
        self.clone().blocking(move |admin| admin.roll_back(number, &author)).await
    }

    fn roll_back(&self, number: u64, author: &str) -> Result<Answer, Problem> {
        let store = self.store()?;
        let content = Handle::current().block_on(store.content(number))?;
        let target = Whole::of_content(content.ok_or_else(|| unknown(number))?);
        // What was good may refer to files that are gone.
        let after = self.compiled(&target)?;
        let differences = self.differences(&self.whole()?, &after);
        let (difference, hash) = (&*differences.to_string(), &*target.hash());
        let rollback = Rollback { number, author, difference, hash };
        let rolled = store.roll_back(rollback, now());
        let number = Handle::current().block_on(rolled)?;
        self.published();
        Ok(Answer::json(200, &Edited { revision: Some(number), differences }).of_revision(number))
    }
}

fn unknown(number: u64) -> Problem {
    Problem::not_found(format!("revision {number} is not kept"))
}

fn view(revision: Revision) -> RevisionView {
    let Revision { number, author, at, difference, .. } = revision;
    RevisionView { number, author, at: shown(at), difference }
}
