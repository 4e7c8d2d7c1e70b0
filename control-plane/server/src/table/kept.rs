//! What is kept of a large configuration in revisions, change by change.

use tollgate_model::Source;
use tollgate_store::{Content, NewContent, NewRevision, PartChanges, StoreUnavailable};

use super::Table;
use super::reader::{Instead, Reader, parts};
use crate::digest::Digests;
use crate::ledger::Ledger;
use crate::news::News;

/// By what revisions are told apart.
#[derive(Debug, Default)]
pub(super) struct Kept {
    digests: Digests,
    /// The hash of what is served.
    hash: String,
    /// The revision that is known to be the newest, by its hash and number.
    newest: Option<(String, u64)>,
    /// What is another since that, and what that changes for callers.
    changed: PartChanges,
    difference: String,
}

// === impl Kept ===

impl Kept {
    pub(super) fn of(digests: Digests) -> Self {
        Self { hash: digests.of_all(), digests, ..Self::default() }
    }

    /// What follows the newest revision, if what is served is that; with another object.
    pub(super) fn revision_with(
        &mut self,
        key: &(String, String),
        body: Option<&str>,
    ) -> Option<NewRevision> {
        let (base, _) = self.newest.as_ref().filter(|(newest, _)| *newest == self.hash)?;
        let changed = [(key.clone(), body.map(str::to_owned))].into();
        let content = NewContent::Since { base: base.clone(), changed };
        let before = self.digests.put_object(key, body);
        let (files, hash) = (self.digests.of_files(), self.digests.of_all());
        self.digests.restore_object(key, before);
        let (author, difference) = Default::default();
        Some(NewRevision { author, difference, files, hash, content })
    }

    /// Goes on to what is served now.
    pub(super) fn follow(&mut self, news: &News, now: &Instead, difference: &str) {
        for name in &news.files {
            let bytes = now.get(name).and_then(Option::as_ref).map(|source| &*source.bytes);
            self.digests.put_file(name, bytes);
        }
        for (key, body) in &news.objects {
            self.digests.put_object(key, body.as_deref());
        }
        self.hash = self.digests.of_all();
        self.changed.extend(parts(news, now));
        self.difference.push_str(difference);
    }

    /// What is served is kept under a number.
    pub(super) fn is_kept_as(&mut self, number: u64) {
        self.newest = Some((self.hash.clone(), number));
        self.changed.clear();
        self.difference.clear();
    }

    pub(super) fn hash_of_files(&self) -> String {
        self.digests.of_files()
    }

    fn number(&self) -> Option<u64> {
        let (newest, number) = self.newest.as_ref()?;
        (*newest == self.hash).then_some(*number)
    }

    fn revision(&self, content: NewContent) -> NewRevision {
        NewRevision {
            author: "files".to_owned(),
            difference: self.difference.clone(),
            files: self.digests.of_files(),
            hash: self.hash.clone(),
            content,
        }
    }
}

// === impl Table ===

impl Table {
    /// Keeps what is served now, and tells its number; nothing where nothing is kept.
    pub(crate) fn keep(&mut self, ledger: &Ledger) -> Option<Result<u64, StoreUnavailable>> {
        let number = self.number_of(self.kept.as_ref()?, ledger);
        if let (Some(kept), Ok(number)) = (&mut self.kept, &number) {
            kept.is_kept_as(*number);
        }
        Some(number)
    }

    fn number_of(&self, kept: &Kept, ledger: &Ledger) -> Result<u64, StoreUnavailable> {
        if let Some(number) = kept.number() {
            return Ok(number);
        }
        if let Some((base, _)) = &kept.newest {
            let (base, changed) = (base.clone(), kept.changed.clone());
            let content = NewContent::Since { base, changed };
            if let Some(number) = ledger.keep(&kept.revision(content))? {
                return Ok(number);
            }
        }
        // Another one is the newest, or none is known.
        if let Some(number) = ledger.newest_is(&kept.hash)? {
            return Ok(number);
        }
        let number = ledger.keep(&kept.revision(NewContent::Whole(self.content())))?;
        number.ok_or_else(StoreUnavailable::silent)
    }

    fn content(&self) -> Content {
        let nothing = Instead::new();
        let reader = Reader { objects: &self.index.objects, instead: &nothing };
        let text = |Source { name, bytes }| (name, String::from_utf8_lossy(&bytes).into_owned());
        let files = self.index.stamps.keys().filter_map(|name| reader.read(name)).map(text);
        Content { files: files.collect(), objects: self.index.objects.clone() }
    }
}
