//! What a large configuration asks of the store, change by change.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_model::Source;
use tollgate_store::{FILE, NewRevision, ObjectChange, Objects, Pin, Store, StoreUnavailable};

use super::{Ledger, Stored};
use crate::clock::now;
use crate::edit::{Edit, NotEdited};
use crate::load::Fault;
use crate::news::News;

/// What is written beside files.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) objects: Objects,
    /// The number of the last change of any of them.
    pub(crate) sequence: u64,
    /// Whether revisions are kept.
    pub(crate) is_kept: bool,
}

impl Ledger {
    /// What is written beside the files that lie there; nothing while others are served.
    pub(crate) fn beside_files(&self) -> Result<Option<Beside>, Vec<Fault>> {
        if self.kept.is_none() {
            return Ok(Some(Beside::default()));
        }
        let whole = match self.stored_or_remembered().map_err(|fault| vec![fault.into()])? {
            Some(Stored { pinned: None, objects, sequence }) => {
                return Ok(Some(Beside { objects, sequence, is_kept: true }));
            }
            pinned => self.read_with(Ok(pinned))?,
        };
        let is_pinned = whole.is_pinned();
        let (objects, sequence) = (whole.objects, whole.sequence);
        Ok((!is_pinned).then_some(Beside { objects, sequence, is_kept: true }))
    }

    /// What objects have become since a change.
    pub(crate) fn changes_since(
        &self,
        sequence: u64,
    ) -> Result<Vec<ObjectChange>, StoreUnavailable> {
        let Some((store, handle)) = &self.kept else { return Ok(Vec::new()) };
        handle.block_on(Store::in_time(store.objects_since(sequence)))
    }

    /// What a rollback holds, as long as the files are those that it found.
    pub(crate) fn pin(&self) -> Result<Option<Pin>, StoreUnavailable> {
        let Some((store, handle)) = &self.kept else { return Ok(None) };
        handle.block_on(Store::in_time(store.pin()))
    }

    /// How files were written in the newest revision.
    pub(crate) fn kept_files(
        &self,
        names: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Option<Source>>, StoreUnavailable> {
        let Some((store, handle)) = &self.kept else { return Ok(BTreeMap::new()) };
        handle.block_on(Store::in_time(async {
            let mut files = BTreeMap::new();
            for name in names {
                let body = store.newest_part(FILE, name).await?;
                let source = |body: String| Source { name: name.clone(), bytes: body.into() };
                files.insert(name.clone(), body.map(source));
            }
            Ok(files)
        }))
    }

    /// Keeps a revision; nothing if it builds on another one than the newest.
    pub(crate) fn keep(&self, revision: &NewRevision) -> Result<Option<u64>, StoreUnavailable> {
        let Some((store, handle)) = &self.kept else { return Ok(None) };
        handle.block_on(Store::in_time(store.publish(revision, now())))
    }

    /// The number of the newest revision, if it has this content.
    pub(crate) fn newest_is(&self, hash: &str) -> Result<Option<u64>, StoreUnavailable> {
        let Some((store, handle)) = &self.kept else { return Ok(None) };
        let newest = handle.block_on(Store::in_time(store.revisions(None, 1)))?.into_iter().next();
        Ok(newest.filter(|newest| newest.content == hash).map(|newest| newest.number))
    }

    /// Makes a change, with the revision that comes of it; nothing without a store.
    pub(crate) fn edit(
        &self,
        edit: &Edit,
        base: u64,
        revision: &NewRevision,
    ) -> Option<Result<u64, NotEdited>> {
        let (store, handle) = self.kept.as_ref()?;
        let edited = handle.block_on(store.edit(edit.kept(), base, revision, now()));
        Some(edited.map_err(NotEdited::Store))
    }

    /// The number of a change that was made right after another one. What is not known is
    /// learned when the store is looked at.
    pub(crate) fn sequence_of(&self, edit: &Edit, after: u64) -> u64 {
        let changes = self.changes_since(after).unwrap_or_default();
        let ours = |one: &&ObjectChange| one.key == edit.key && one.body == edit.body;
        changes.first().filter(ours).map_or(after, |one| one.sequence)
    }

    /// What is to be known of objects while the store cannot be read.
    pub(crate) fn remember(&self, news: &News) {
        let mut last = self.last();
        let Some(last) = last.as_mut().filter(|last| last.sequence < news.sequence) else { return };
        for (key, body) in &news.objects {
            match body {
                Some(body) => drop(last.objects.insert(key.clone(), body.clone())),
                None => drop(last.objects.remove(key)),
            }
        }
        last.sequence = news.sequence;
    }
}
