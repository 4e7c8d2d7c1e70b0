//! What is to be served: files, and what the admin API wrote; and what was.

mod steps;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tollgate_callers::diff;
use tollgate_model::{Gateway, Source};
use tollgate_store::{Content, NewContent, NewRevision, Objects, Pin, Store, StoreUnavailable};

pub(crate) use self::steps::Beside;
use crate::clock::now;
use crate::config::read_config;
use crate::digest::Digests;
use crate::fetch::Bodies;
use crate::load::{Fault, Written};
use crate::objects::{API, source_of, written};

/// Where everything that is written stands.
#[derive(Clone)]
pub(crate) struct Ledger {
    config: PathBuf,
    /// What the admin API wrote, and what was published; nothing without.
    kept: Option<(Store, Handle)>,
    /// What was read of that last.
    last: Arc<Mutex<Option<Stored>>>,
    /// The key sets that are in use.
    keys: Arc<Mutex<Bodies>>,
}

/// What stands in the store.
#[derive(Clone)]
struct Stored {
    sequence: u64,
    objects: Objects,
    pinned: Option<(Pin, Vec<Source>)>,
}

/// All that is written at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whole {
    /// The files that are served.
    files: Vec<Source>,
    /// The hash of those that lie there, which may be others.
    hash_of_files: String,
    pub(crate) objects: Objects,
    /// The number of the last change of any object.
    pub(crate) sequence: u64,
}

// === impl Ledger ===

impl Ledger {
    pub(crate) fn new(config: PathBuf, store: Option<Store>, handle: Handle) -> Self {
        let kept = store.map(|store| (store, handle));
        Self { config, kept, last: Arc::default(), keys: Arc::default() }
    }

    /// Of files alone.
    #[cfg(test)]
    pub(crate) fn of_files(config: &std::path::Path) -> Self {
        Self { config: config.to_owned(), kept: None, last: Arc::default(), keys: Arc::default() }
    }

    pub(crate) fn config(&self) -> &std::path::Path {
        &self.config
    }

    pub(crate) fn store(&self) -> Option<&Store> {
        self.kept.as_ref().map(|(store, _)| store)
    }

    /// Reads everything. Waits for the store, so not for a thread of the runtime.
    pub(crate) fn read(&self) -> Result<Whole, Vec<Fault>> {
        self.read_with(self.stored())
    }

    /// Likewise; what cannot be read now is what it was.
    pub(crate) fn read_or_remember(&self) -> Result<Whole, Vec<Fault>> {
        self.read_with(self.stored_or_remembered())
    }

    fn stored_or_remembered(&self) -> Result<Option<Stored>, StoreUnavailable> {
        let stored = self.stored();
        stored.or_else(|fault| self.last().clone().map(Some).ok_or(fault))
    }

    fn read_with(
        &self,
        stored: Result<Option<Stored>, StoreUnavailable>,
    ) -> Result<Whole, Vec<Fault>> {
        let files = read_config(&self.config);
        let files = files.map_err(|all| all.into_iter().map(Fault::File).collect::<Vec<_>>())?;
        let hash_of_files = hash_of_files(&files);
        let Some(stored) = stored.map_err(|fault| vec![fault.into()])? else {
            return Ok(Whole { files, hash_of_files, objects: Objects::new(), sequence: 0 });
        };
        let Stored { sequence, objects, pinned } = stored;
        let pinned = pinned.filter(|(pin, _)| {
            pin.files == hash_of_files || pin.files == older::hash_of_files(&files)
        });
        let files = pinned.map_or(files, |(_, files)| files);
        Ok(Whole { files, hash_of_files, objects, sequence })
    }

    /// What stands in the store; nothing without one.
    fn stored(&self) -> Result<Option<Stored>, StoreUnavailable> {
        let Some((store, handle)) = &self.kept else { return Ok(None) };
        let stored = handle.block_on(Store::in_time(stored(store)))?;
        *self.last() = Some(stored.clone());
        Ok(Some(stored))
    }

    fn last(&self) -> MutexGuard<'_, Option<Stored>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what is published now, and tells its number; nothing if nothing is kept.
    pub(crate) fn publish(
        &self,
        whole: &Whole,
        before: Option<&Gateway>,
        after: &Gateway,
    ) -> Option<Result<u64, StoreUnavailable>> {
        let (store, handle) = self.kept.as_ref()?;
        let difference = before.map(|before| diff(before, after).to_string());
        let revision = whole.revision("files", difference.unwrap_or_default());
        let published = handle.block_on(Store::in_time(store.publish(&revision, now())));
        // What is told as a whole builds on no other.
        published.transpose()
    }

    /// What was published last, if it is kept and still good.
    pub(crate) fn newest(&self) -> Option<Gateway> {
        let (store, handle) = self.kept.as_ref()?;
        let content = handle.block_on(async {
            let newest = store.revisions(None, 1).await.ok()?.into_iter().next()?;
            store.content(newest.number).await.ok()?
        });
        self.compile(&Whole::of_content(content?)).ok()
    }

    /// Tells whenever something in the store may have changed, and when it can be
    /// read again, until nobody listens. Other control planes write there, and commands.
    pub(crate) async fn follow(store: Store, changed: impl Fn() -> bool) {
        let mut before = look(&store).await.ok();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            // While it cannot be read, nothing has changed.
            let now = look(&store).await.ok();
            let is_news = now.is_some() && now != before;
            before = now;
            if is_news && !changed() {
                return;
            }
        }
    }

    /// Compiles what is written, with the keys that are in use.
    pub(crate) fn compile(&self, whole: &Whole) -> Result<Gateway, Vec<Fault>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Written::of(whole.sources())?.with_variables().compile(&keys)
    }

    pub(crate) fn use_keys(&self, keys: Bodies) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }
}

/// How often the store is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What changes whenever something is to be published.
async fn look(store: &Store) -> Result<(u64, Option<Pin>, Option<u64>), StoreUnavailable> {
    Store::in_time(async {
        let newest = store.revisions(None, 1).await?.into_iter().next();
        let newest = newest.map(|newest| newest.number);
        Ok((store.objects_sequence().await?, store.pin().await?, newest))
    })
    .await
}

async fn stored(store: &Store) -> Result<Stored, StoreUnavailable> {
    // Before the objects: whoever builds on it is told if they changed between.
    let sequence = store.objects_sequence().await?;
    let objects = store.objects().await?;
    let objects = objects.into_iter().map(|one| ((one.kind, one.name), one.body)).collect();
    let pinned = match store.pin().await? {
        Some(pin) => store.content(pin.revision).await?.map(|one| (pin, sources(one.files))),
        None => None,
    };
    Ok(Stored { sequence, objects, pinned })
}

// === impl Whole ===

impl Whole {
    /// What a revision was made of.
    pub(crate) fn of_content(Content { files, objects }: Content) -> Self {
        let files = sources(files);
        let hash_of_files = hash_of_files(&files);
        Self { files, hash_of_files, objects, sequence: 0 }
    }

    /// By which it is known whether other files lie there.
    pub(crate) fn hash_of_files(&self) -> &str {
        &self.hash_of_files
    }

    /// Whether the admin API wrote something, or files are served that do not lie there.
    pub(crate) fn is_of_more_than_files(&self) -> bool {
        !self.objects.is_empty() || self.is_pinned()
    }

    /// Whether other files are served than those that lie there.
    fn is_pinned(&self) -> bool {
        self.hash_of_files != hash_of_files(&self.files)
    }

    /// As if an object were another one, or none.
    pub(crate) fn with(&self, kind: &str, name: &str, body: Option<&str>) -> Self {
        let mut whole = self.clone();
        let key = (kind.to_owned(), name.to_owned());
        match body {
            Some(body) => drop(whole.objects.insert(key, body.to_owned())),
            None => drop(whole.objects.remove(&key)),
        }
        whole
    }

    /// As files, of which each object is one.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let objects = self.objects.iter().map(|((kind, name), body)| source_of(kind, name, body));
        self.files.iter().cloned().chain(objects).collect()
    }

    /// To be shown: all objects together.
    pub(crate) fn shown(&self) -> BTreeMap<String, String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let files = self.files.iter().map(|one| (one.name.clone(), text(&one.bytes)));
        let api = (!self.objects.is_empty()).then(|| (API.to_owned(), written(&self.objects)));
        files.chain(api).collect()
    }

    /// By which two are known to be the same.
    pub(crate) fn hash(&self) -> String {
        Digests::of(&self.files, &self.objects).of_all()
    }

    /// As it is published.
    pub(crate) fn revision(&self, author: &str, difference: String) -> NewRevision {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let files = self.files.iter().map(|one| (one.name.clone(), text(&one.bytes)));
        let content = Content { files: files.collect(), objects: self.objects.clone() };
        NewRevision {
            author: author.to_owned(),
            difference,
            files: self.hash_of_files.clone(),
            hash: self.hash(),
            content: NewContent::Whole(content),
        }
    }
}

fn sources(files: BTreeMap<String, String>) -> Vec<Source> {
    files.into_iter().map(|(name, text)| Source { name, bytes: text.into_bytes() }).collect()
}

fn hash_of_files(files: &[Source]) -> String {
    Digests::of(files, &Objects::new()).of_files()
}

/// As older versions knew files, by which a rollback of theirs still holds.
mod older {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;
    use sha2::{Digest as _, Sha256};
    use tollgate_model::Source;

    pub(super) fn hash_of_files(files: &[Source]) -> String {
        let mut hash = Sha256::new();
        for Source { name, bytes } in files {
            let part = json!([name, String::from_utf8_lossy(bytes)]).to_string();
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(hash.finalize())
    }
}
