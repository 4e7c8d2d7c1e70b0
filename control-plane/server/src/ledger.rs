//! What is to be served: files, and what the admin API wrote; and what was.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tollgate_callers::diff;
use tollgate_model::{Gateway, Source};
use tollgate_store::{Content, NewRevision, Objects, Pin, Store, StoreUnavailable};

use crate::clock::now;
use crate::config::read_config;
use crate::keys::Bodies;
use crate::load::{Fault, Written};

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
    pinned: Option<(Pin, String)>,
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

/// What the admin API wrote is called in places.
pub(crate) const API: &str = "api";

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
        let stored = self.stored();
        self.read_with(stored.or_else(|fault| self.last().clone().map(Some).ok_or(fault)))
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
        let pinned = pinned.filter(|(pin, _)| pin.files == hash_of_files);
        let files = pinned.and_then(|(_, text)| sources(&text)).unwrap_or(files);
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
        let published = Store::in_time(store.publish(&revision, now()));
        Some(handle.block_on(published))
    }

    /// What was published last, if it is kept and still good.
    pub(crate) fn newest(&self) -> Option<Gateway> {
        let (store, handle) = self.kept.as_ref()?;
        let content = handle.block_on(async {
            let newest = store.revisions(None, 1).await.ok()?.into_iter().next()?;
            store.content(newest.number).await.ok()?
        });
        self.compile(&Whole::of_content(&content?)?).ok()
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
        Some(pin) => store.content(pin.revision).await?.map(|content| (pin, content.sources)),
        None => None,
    };
    Ok(Stored { sequence, objects, pinned })
}

// === impl Whole ===

impl Whole {
    /// What a revision was made of.
    pub(crate) fn of_content(content: &Content) -> Option<Self> {
        let files = sources(&content.sources)?;
        let (hash_of_files, objects) = (hash_of_files(&files), content.objects.clone());
        Some(Self { files, hash_of_files, objects, sequence: 0 })
    }

    /// By which it is known whether other files lie there.
    pub(crate) fn hash_of_files(&self) -> &str {
        &self.hash_of_files
    }

    /// Whether the admin API wrote something, or files are served that do not lie there.
    pub(crate) fn is_of_more_than_files(&self) -> bool {
        !self.objects.is_empty() || self.hash_of_files != hash_of_files(&self.files)
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

    /// As files, each of which a name is of.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let mut sources = self.files.clone();
        if !self.objects.is_empty() {
            sources.push(Source { name: API.to_owned(), bytes: written(&self.objects) });
        }
        sources
    }

    /// By which two are known to be the same.
    pub(crate) fn hash(&self) -> String {
        self.revision("", String::new()).hash
    }

    /// As it is published.
    pub(crate) fn revision(&self, author: &str, difference: String) -> NewRevision {
        let sources: Vec<_> = self.files.iter().map(to_json).collect();
        let sources = Value::from(sources).to_string();
        let objects: Value = self.objects.values().map(String::as_str).collect();
        let names: Value = self.objects.keys().map(|(kind, name)| json!([kind, name])).collect();
        NewRevision {
            author: author.to_owned(),
            difference,
            files: self.hash_of_files.clone(),
            hash: hash(&[&sources, &names.to_string(), &objects.to_string()]),
            content: Content { sources, objects: self.objects.clone() },
        }
    }
}

/// The objects as one file: each section with its names.
fn written(objects: &Objects) -> Vec<u8> {
    let mut sections: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
    for ((kind, name), body) in objects {
        // What stands in the store was JSON when it came.
        let body = serde_json::from_str(body).unwrap_or_default();
        sections.entry(kind).or_default().insert(name, body);
    }
    serde_json::to_vec_pretty(&sections).unwrap_or_default()
}

fn to_json(Source { name, bytes }: &Source) -> Value {
    json!([name, String::from_utf8_lossy(bytes)])
}

fn sources(text: &str) -> Option<Vec<Source>> {
    let all: Vec<(String, String)> = serde_json::from_str(text).ok()?;
    Some(all.into_iter().map(|(name, text)| Source { name, bytes: text.into_bytes() }).collect())
}

fn hash_of_files(files: &[Source]) -> String {
    let text: Vec<String> = files.iter().map(|file| to_json(file).to_string()).collect();
    hash(&text.iter().map(String::as_str).collect::<Vec<_>>())
}

fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}
