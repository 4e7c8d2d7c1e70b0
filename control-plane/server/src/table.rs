//! A configuration whose routes come in pieces: what is served of it, and how that
//! follows changes of files at the cost of what has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tollgate_model::{Change, Gateway, Loaded, Part, Source, Workspace};
use tollgate_xds::{Deployment, Lookup, Snapshot, replace_general, translate_pieces};

use crate::config::{config_files, read_file};
use crate::guard::Routes;
use crate::load::Fault;

/// An index of the files, and how they looked when they were read.
pub(crate) struct Index {
    pub(crate) workspace: Workspace,
    stamps: Stamps,
}

/// What was served last, and what it was made from.
pub(crate) struct Table {
    index: Index,
    loaded: Loaded,
    /// What holds for all APIs, without them.
    general: Gateway,
    pub(crate) snapshot: Snapshot,
    lookup: Lookup,
    /// For whom the tokens are that backends of an API get, by API.
    audiences: BTreeMap<String, BTreeSet<String>>,
    /// What is not to be forgotten about each API.
    notices: BTreeMap<String, Vec<String>>,
    /// How the files looked last, and when that was tried in vain.
    looked: Stamps,
    tried: Stamps,
    /// What is wrong with keys that were fetched.
    pub(crate) warnings: Vec<String>,
}

/// How files look from outside, by name.
type Stamps = BTreeMap<String, Stamp>;
type Stamp = [i64; 5];

/// Fewer bytes hold no thousand routes: they are read together.
const BYTES_MIN: i64 = 64 * 1024;

// === impl Index ===

impl Index {
    /// None if the configuration is not large, or has to be read as a whole.
    pub(crate) fn of(config: &Path) -> Option<Self> {
        let stamps = look(config);
        if stamps.values().map(|[bytes, ..]| bytes).sum::<i64>() < BYTES_MIN {
            return None;
        }
        let workspace = Workspace::index(stamps.keys().map(String::as_str), &read)?;
        workspace.is_divided().then_some(Self { workspace, stamps })
    }

    /// Checks what holds for all APIs, with as few of them as there have to be.
    pub(crate) fn general(&self, loaded: &Loaded) -> Result<Gateway, Vec<Fault>> {
        let apis = self.workspace.parts().into_iter().next().unwrap_or_default().apis;
        let gateway = self.workspace.compile(&apis, true, &read, loaded);
        gateway.map_err(|faults| faults.into_iter().map(Fault::Written).collect())
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
        let mut snapshot = Snapshot::default();
        replace_general(&mut snapshot, &general, Some(&lookup), deployment);
        let (audiences, notices) = (BTreeMap::new(), BTreeMap::new());
        let warnings = Vec::new();
        let (looked, tried) = (index.stamps.clone(), Stamps::new());
        let mut table = Self {
            index,
            loaded,
            general,
            snapshot,
            lookup,
            audiences,
            notices,
            looked,
            tried,
            warnings,
        };
        let mut faults: BTreeMap<String, Fault> = BTreeMap::new();
        for part in table.index.workspace.parts() {
            if let Err(found) = table.serve(&part) {
                faults.extend(found.into_iter().map(|fault| (fault.to_string(), fault)));
            }
        }
        table.general.hosts.clear();
        table.general.contracts.clear();
        if faults.is_empty() { Ok(table) } else { Err(faults.into_values().collect()) }
    }

    /// Follows what has changed in files of the configuration. False, and nothing is
    /// followed, if that is more than APIs.
    pub(crate) fn follow(
        &mut self,
        files: &BTreeSet<String>,
        deployment: &Deployment,
    ) -> Result<bool, Vec<Fault>> {
        let stamps: Vec<_> = files.iter().map(|file| (file, stamp(Path::new(file)))).collect();
        let Some(change) = self.index.workspace.change(files, &read) else { return Ok(false) };
        if let Err(faults) = self.serve(&change.part) {
            self.index.workspace.undo(change);
            self.try_in_vain();
            return Err(faults);
        }
        self.forget(&change);
        for (file, stamp) in stamps {
            match stamp {
                Some(stamp) => drop(self.index.stamps.insert(file.clone(), stamp)),
                None => drop(self.index.stamps.remove(file)),
            }
        }
        let lookup = self.index.lookup();
        if lookup != self.lookup {
            self.lookup = lookup;
            replace_general(&mut self.snapshot, &self.general, Some(&self.lookup), deployment);
        }
        Ok(true)
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
        (self.general, self.loaded) = (general, loaded);
        self.general.hosts.clear();
        self.general.contracts.clear();
    }

    /// The APIs by which what holds for all of them is compiled.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// With what all APIs together say of it.
    pub(crate) fn whole(&self) -> Gateway {
        let mut gateway = self.general.clone();
        if let Some(token) = &mut gateway.backend_token {
            token.audiences.extend(self.audiences.values().flatten().cloned());
        }
        gateway
    }

    pub(crate) fn routes(&self) -> Routes {
        let count = self.index.workspace.routes();
        Routes { count, drop_max_percent: self.general.drop_max_percent }
    }

    pub(crate) fn notices(&self) -> impl Iterator<Item = &String> {
        self.notices.values().flatten()
    }

    fn serve(&mut self, part: &Part) -> Result<(), Vec<Fault>> {
        let gateway = self.index.workspace.compile(&part.apis, false, &read, &self.loaded);
        let written = |faults: Vec<_>| faults.into_iter().map(Fault::Written).collect::<Vec<_>>();
        let gateway = gateway.map_err(written)?;
        translate_pieces(&mut self.snapshot, &part.pieces, &gateway);
        for api in &part.apis {
            self.note(api, &gateway);
        }
        Ok(())
    }

    fn note(&mut self, api: &str, gateway: &Gateway) {
        let operations = gateway.contracts.get(api).map(|contract| &contract.operations);
        let audiences: BTreeSet<_> = operations
            .into_iter()
            .flatten()
            .filter_map(|one| one.access.token_audience.clone())
            .collect();
        let own = format!("apis.{api}.");
        let notices = gateway.notices.iter().filter(|notice| notice.path.starts_with(&own));
        put(&mut self.notices, api, notices.map(ToString::to_string).collect(), Vec::is_empty);
        put(&mut self.audiences, api, audiences, BTreeSet::is_empty);
    }

    fn forget(&mut self, change: &Change) {
        for piece in &change.gone {
            tollgate_xds::remove_piece(&mut self.snapshot, piece);
        }
        for api in &change.removed {
            self.notices.remove(api);
            self.audiences.remove(api);
        }
    }
}

fn put<T>(all: &mut BTreeMap<String, T>, api: &str, one: T, is_empty: impl Fn(&T) -> bool) {
    if is_empty(&one) {
        all.remove(api);
    } else {
        all.insert(api.to_owned(), one);
    }
}

pub(crate) fn read(name: &str) -> Option<Source> {
    let bytes = read_file(Path::new(name)).ok()?;
    Some(Source { name: name.to_owned(), bytes })
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
