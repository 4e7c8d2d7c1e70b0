//! A configuration whose routes come in pieces: what is served of it, and how that
//! follows changes of files at the cost of what has changed.

mod asked;
mod edits;
mod kept;
mod reader;
mod served;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tollgate_model::{Change, Gateway, Loaded, Source, Workspace, side_by_side};
use tollgate_store::Objects;
use tollgate_xds::{Deployment, Lookup, Snapshot, replace_general};

use self::kept::Kept;
use self::reader::{Instead, Reader, name_of};
use self::served::Notes;
use crate::config::config_files;
use crate::digest::Digests;
use crate::guard::Routes;
use crate::ledger::Beside;
use crate::load::Fault;
use crate::news::News;

/// An index of what is written: files, by how they looked when they were read, and
/// objects that the admin API wrote.
pub(crate) struct Index {
    pub(crate) workspace: Workspace,
    stamps: Stamps,
    objects: Objects,
    /// The number of their last change.
    sequence: u64,
    /// Of each of them, where revisions are kept.
    digests: Option<Digests>,
}

/// What was served last, and what it was made from.
pub(crate) struct Table {
    index: Index,
    loaded: Loaded,
    /// What holds for all APIs, without them.
    general: Gateway,
    pub(crate) snapshot: Snapshot,
    lookup: Lookup,
    /// What is to be known of APIs, where there is something.
    notes: BTreeMap<String, Notes>,
    /// By what each API tells callers how their limits stand, if it does.
    asked: BTreeMap<String, String>,
    /// How the files looked last, and when that was tried in vain.
    looked: Stamps,
    tried: Stamps,
    /// What is wrong with keys that were fetched.
    pub(crate) warnings: Vec<String>,
    /// Where revisions are kept.
    kept: Option<Kept>,
}

/// How files look from outside, by name.
type Stamps = BTreeMap<String, Stamp>;
type Stamp = [i64; 5];

/// Fewer bytes hold no thousand routes: they are read together.
const BYTES_MIN: i64 = 64 * 1024;

// === impl Index ===

impl Index {
    /// None if the configuration is not large, or has to be read as a whole.
    pub(crate) fn of(config: &Path, beside: Beside) -> Result<Option<Self>, Vec<Fault>> {
        let Beside { objects, sequence, is_kept } = beside;
        let stamps = look(config);
        let written = objects.values().map(|body| i64::try_from(body.len()).unwrap_or(i64::MAX));
        let lengths = stamps.values().map(|[bytes, ..]| *bytes).chain(written);
        if lengths.fold(0, i64::saturating_add) < BYTES_MIN {
            return Ok(None);
        }
        let names: Vec<String> =
            stamps.keys().cloned().chain(objects.keys().map(name_of)).collect();
        let (digests, instead) = (Mutex::new(Digests::default()), Instead::new());
        let reader = Reader { objects: &objects, instead: &instead };
        let read = |name: &str| {
            let source = reader.read(name)?;
            if is_kept && stamps.contains_key(name) {
                let mut digests = digests.lock().unwrap_or_else(PoisonError::into_inner);
                digests.put_file(name, Some(&source.bytes));
            }
            Some(source)
        };
        let workspace = Workspace::index(names.iter().map(String::as_str), &read);
        let workspace = workspace.map_err(Fault::all_written)?;
        let Some(workspace) = workspace.filter(Workspace::is_divided) else { return Ok(None) };
        let mut digests = digests.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (key, body) in &objects {
            digests.put_object(key, Some(body));
        }
        let digests = is_kept.then_some(digests);
        Ok(Some(Self { workspace, stamps, objects, sequence, digests }))
    }

    /// Checks what holds for all APIs, with as few of them as there have to be.
    pub(crate) fn general(&self, loaded: &Loaded) -> Result<Gateway, Vec<Fault>> {
        let apis = self.workspace.parts().into_iter().next().unwrap_or_default().apis;
        self.compile(&apis, true, loaded)
    }

    fn compile(
        &self,
        apis: &BTreeSet<String>,
        everything: bool,
        loaded: &Loaded,
    ) -> Result<Gateway, Vec<Fault>> {
        let instead = Instead::new();
        let reader = Reader { objects: &self.objects, instead: &instead };
        let gateway = self.workspace.compile(apis, everything, &|name| reader.read(name), loaded);
        gateway.map_err(Fault::all_written)
    }

    fn lookup(&self) -> Lookup {
        let wildcards = self.workspace.wildcards().map(str::to_owned).collect();
        Lookup { wildcards, on_demand: self.workspace.has_on_demand() }
    }
}

// === impl Table ===

impl Table {
    /// Everything, a part at a time; or every fault there is in it.
    pub(crate) fn new(
        index: Index,
        general: Gateway,
        loaded: Loaded,
        deployment: &Deployment,
    ) -> Result<Self, Vec<Fault>> {
        let lookup = index.lookup();
        let mut index = index;
        let kept = index.digests.take().map(Kept::of);
        let mut snapshot = Snapshot::default();
        replace_general(&mut snapshot, &general, Some(&lookup), deployment);
        let (notes, asked, warnings) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let general = general_of(general);
        let (looked, tried) = (index.stamps.clone(), Stamps::new());
        let mut table = Self {
            index,
            loaded,
            general,
            snapshot,
            lookup,
            notes,
            asked,
            looked,
            tried,
            warnings,
            kept,
        };
        let mut faults: BTreeMap<String, Fault> = BTreeMap::new();
        let parts = table.index.workspace.parts();
        for served in side_by_side(&parts, |part| table.served(part)) {
            match served {
                Ok(served) => table.put(served),
                Err(found) => {
                    faults.extend(found.into_iter().map(|fault| (fault.to_string(), fault)));
                }
            }
        }
        if faults.is_empty() { Ok(table) } else { Err(faults.into_values().collect()) }
    }

    /// Follows what has changed. False, and nothing is followed, if that has to be read
    /// together with everything else. `then`: how the files were written that have
    /// changed, if it is to be told what that changes.
    pub(crate) fn follow(
        &mut self,
        news: &News,
        then: Option<&BTreeMap<String, Option<Source>>>,
        deployment: &Deployment,
    ) -> Result<bool, Vec<Fault>> {
        let stamps: Vec<_> = news.files.iter().map(|file| (file, stamp(Path::new(file)))).collect();
        let step = match self.step(news, then) {
            Ok(Some(step)) => step,
            Ok(None) => return Ok(false),
            Err(faults) => {
                self.try_in_vain();
                return Err(faults);
            }
        };
        let told = then.map(|_| self.differences(&step).to_string()).unwrap_or_default();
        self.take(news, step, &told, deployment);
        for (file, stamp) in stamps {
            match stamp {
                Some(stamp) => drop(self.index.stamps.insert(file.clone(), stamp)),
                None => drop(self.index.stamps.remove(file)),
            }
        }
        Ok(true)
    }

    /// The number of the last change of objects that is served.
    pub(crate) fn sequence(&self) -> u64 {
        self.index.sequence
    }

    /// By which its files are known, where revisions of it are kept.
    pub(crate) fn hash_of_files(&self) -> Option<String> {
        self.kept.as_ref().map(Kept::hash_of_files)
    }

    /// Whether revisions of it are kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// The files that are others than those it was made from, once they have looked
    /// the same twice; not those that are known to be at fault.
    pub(crate) fn look(&mut self, config: &Path) -> BTreeSet<String> {
        let before = std::mem::replace(&mut self.looked, look(config));
        if before != self.looked || self.tried == self.looked {
            return BTreeSet::new();
        }
        changed(&self.index.stamps, &self.looked)
    }

    /// What is written now is at fault.
    pub(crate) fn try_in_vain(&mut self) {
        self.tried.clone_from(&self.looked);
    }

    /// What holds for all APIs is another now, and the files are the same.
    pub(crate) fn renew(&mut self, general: Gateway, loaded: Loaded, deployment: &Deployment) {
        replace_general(&mut self.snapshot, &general, Some(&self.lookup), deployment);
        (self.general, self.loaded) = (general_of(general), loaded);
    }

    /// The APIs by which what holds for all of them is compiled.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// With what all APIs together say of it.
    pub(crate) fn whole(&self) -> Gateway {
        let mut gateway = self.general.clone();
        if let Some(token) = &mut gateway.backend_token {
            let audiences = self.notes.values().flat_map(|notes| &notes.audiences);
            token.audiences.extend(audiences.cloned());
        }
        gateway
    }

    pub(crate) fn routes(&self) -> Routes {
        let count = self.index.workspace.routes();
        Routes { count, drop_max_percent: self.general.drop_max_percent }
    }

    pub(crate) fn notices(&self) -> impl Iterator<Item = &String> {
        self.notes.values().flat_map(|notes| &notes.notices)
    }

    fn forget_gone(&mut self, change: &Change) {
        for piece in &change.gone {
            tollgate_xds::remove_piece(&mut self.snapshot, piece);
        }
        for api in &change.removed {
            self.forget(api);
        }
    }
}

/// What holds for all APIs, without any.
fn general_of(mut gateway: Gateway) -> Gateway {
    gateway.hosts.clear();
    gateway.contracts.clear();
    gateway.places.retain(|path, _| !path.starts_with("apis."));
    gateway
}

fn look(config: &Path) -> Stamps {
    let files = config_files(config).unwrap_or_default();
    let stamps = files.into_iter().filter_map(|file| {
        let stamp = stamp(&file)?;
        Some((file.display().to_string(), stamp))
    });
    stamps.collect()
}

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(file).ok()?;
    let bytes = i64::try_from(metadata.len()).unwrap_or(i64::MAX);
    let (inode, nanos) = (metadata.ino().cast_signed(), metadata.mtime_nsec());
    Some([bytes, inode, metadata.mtime(), nanos, metadata.ctime_nsec()])
}

fn changed(before: &Stamps, after: &Stamps) -> BTreeSet<String> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let others = after.iter().filter(|(name, stamp)| before.get(*name) != Some(stamp));
    gone.chain(others.map(|(name, _)| name)).cloned().collect()
}
