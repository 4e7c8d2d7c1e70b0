use std::io::Write;

use serde_json::{Value, json};
use tollgate_callers::diff;
use tollgate_model::Gateway;
use tollgate_store::{ChangeFailed, Revision, Rollback};

use super::{Session, StoreCommandFailed};
use crate::cli::store::ListArgs;
use crate::fetch::Bodies;
use crate::ledger::Whole;
use crate::load::{Fault, Written};
use crate::store::show;
use crate::store::when::shown;

impl<W: Write> Session<'_, W> {
    /// Prints what was published, and what that changed for callers.
    pub(crate) async fn history(
        self,
        limit: u32,
        list: ListArgs,
    ) -> Result<(), StoreCommandFailed> {
        let revisions = self.store.revisions(None, limit).await?;
        if list.json {
            show::json(&revisions.iter().map(to_json).collect(), self.out)?;
            return Ok(());
        }
        for Revision { number, author, at, difference, .. } in revisions {
            writeln!(self.out, "revision {number} of {}, by {author}", shown(at))?;
            for line in difference.lines() {
                writeln!(self.out, "  {line}")?;
            }
        }
        Ok(())
    }

    /// Publishes a revision again, if it is still good.
    pub(crate) async fn roll_back(
        self,
        number: u64,
        author: &str,
    ) -> Result<(), StoreCommandFailed> {
        let unknown = || ChangeFailed::UnknownRevision(number);
        let target = self.store.content(number).await?.ok_or_else(unknown)?;
        let target = Whole::of_content(target);
        let hash = target.hash();
        let target = compiled(&target).map_err(StoreCommandFailed::NotGood)?;
        let newest = self.store.revisions(None, 1).await?.into_iter().next().ok_or_else(unknown)?;
        let newest = self.store.content(newest.number).await?.map(Whole::of_content);
        let newest = newest.and_then(|newest| compiled(&newest).ok());
        let difference = newest.map(|newest| diff(&newest, &target).to_string());
        let difference = difference.unwrap_or_default();
        let rollback = Rollback { number, author, difference: &difference, hash: &hash };
        let rolled = self.store.roll_back(rollback, self.now).await?;
        write!(self.notes, "{difference}")?;
        writeln!(self.notes, "revision {rolled} is revision {number} again")?;
        Ok(())
    }
}

/// Asks nobody for keys: they are no part of it.
fn compiled(whole: &Whole) -> Result<Gateway, Vec<Fault>> {
    Written::of(whole.sources())?.compile(&Bodies::new())
}

fn to_json(revision: &Revision) -> Value {
    let Revision { number, author, at, difference, .. } = revision;
    json!({ "number": number, "author": author, "at": shown(*at), "difference": difference })
}
