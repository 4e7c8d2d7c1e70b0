//! What the admin API asks to be changed.

use tollgate_store::ChangeFailed;

use super::{Input, Lag, Last};
use crate::edit::{Edit, Edited, NotEdited, Reply};
use crate::event::Question;
use crate::news::News;

impl Input {
    /// Makes a change. True if there is something to serve.
    pub(super) fn on_edit(&mut self, edit: &Edit, reply: &Reply) -> bool {
        let edited = self.edit(edit);
        // Whoever asked may have gone.
        reply.send(edited).ok();
        self.lag == Lag::Followed
    }

    /// Answers from the index, if that is what is written. True if there is something to
    /// serve.
    pub(super) fn on_question(&mut self, Question(answer): Question) -> bool {
        if self.catch_up().is_ok()
            && let Some(table) = &self.table
        {
            answer(table);
        }
        self.lag == Lag::Followed
    }

    fn edit(&mut self, edit: &Edit) -> Result<Edited, NotEdited> {
        self.catch_up()?;
        let deployment = self.deployment().map_err(NotEdited::Faults)?;
        let Some(table) = &mut self.table else { return Err(NotEdited::Together) };
        let edited = table.edit(edit, &self.ledger, &deployment);
        if edited.as_ref().is_ok_and(|edited| edited.revision.is_some()) {
            self.lag = Lag::Followed;
        }
        match edited {
            // By another control plane, a moment ago.
            Err(NotEdited::Store(ChangeFailed::Overtaken)) => Err(NotEdited::Together),
            edited => edited,
        }
    }

    /// Follows what other control planes have changed. What is written in files and not
    /// served yet, or is at fault, is told of together.
    fn catch_up(&mut self) -> Result<(), NotEdited> {
        if !self.news.files.is_empty() || self.lag == Lag::Stale || self.last == Last::Held {
            return Err(NotEdited::Together);
        }
        self.on_stored();
        if self.news.is_empty() {
            return Ok(());
        }
        let mut table = self.table.take().ok_or(NotEdited::Together)?;
        let followed = self.follow_with(&mut table);
        self.table = Some(table);
        if !followed.unwrap_or_default() {
            return Err(NotEdited::Together);
        }
        self.news = News::default();
        self.lag = Lag::Followed;
        match self.keep() {
            Some(Ok(_)) => Ok(()),
            _ => Err(NotEdited::Together),
        }
    }
}

#[cfg(test)]
mod tests;
