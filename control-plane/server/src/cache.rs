//! Resources on disk: what an Envoy was last known to run.
//!
//! The file begins with a line that says what it is and the SHA-256 of the rest.
//! A new one takes the place of the old one only when all of it is on the disk,
//! and the old one is kept beside it: a file that was damaged is told of, and
//! the one before it is read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use tollgate_model::Envoys;
use tollgate_xds::{Kind, Resource, Snapshot};

use crate::config::reason;

/// A folder with the resources of one Envoy, or of all of them.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

/// Why what is on the disk is not used, or cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum CacheFailed {
    #[error("{path}: cannot be read: {reason}")]
    Read { path: String, reason: String },
    #[error("{path}: cannot be written: {reason}")]
    Write { path: String, reason: String },
    #[error("{path}: is damaged, and nothing of it is used: {why}")]
    Damaged { path: String, why: &'static str },
}

/// What every file begins with; another form would have another number.
const HEAD: &[u8] = b"tollgate resources 1\n";
const DIGEST_BYTES: usize = 32;

const NEWEST: &str = "resources";
const BEFORE: &str = "resources.before";
const DRAFT: &str = "resources.draft";

#[derive(Clone, PartialEq, prost::Message)]
struct Saved {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<SavedResource>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SavedResource {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    version: String,
    #[prost(bytes = "bytes", tag = "4")]
    body: Bytes,
    #[prost(string, repeated, tag = "5")]
    needs: Vec<String>,
    #[prost(string, tag = "6")]
    origin: String,
    /// The groups that are told of it; all if there are none.
    #[prost(string, repeated, tag = "7")]
    groups: Vec<String>,
}

// === impl Cache ===

impl Cache {
    /// In this folder, which nobody else may read: there are private keys in it.
    pub(crate) fn open(folder: &Path) -> Result<Self, CacheFailed> {
        let mut builder = fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(folder);
        made.map_err(|error| write_failed(folder, &error))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// What was saved last, or else before that, and what was wrong with the newest.
    /// Nothing if nothing was ever saved.
    pub(crate) fn load(&self) -> (Snapshot, Vec<CacheFailed>) {
        let mut faults = Vec::new();
        for file in [NEWEST, BEFORE] {
            match read(&self.folder.join(file)) {
                Ok(Some(snapshot)) => return (snapshot, faults),
                Ok(None) => {}
                Err(fault) => faults.push(fault),
            }
        }
        (Snapshot::default(), faults)
    }

    /// Saves all of it, or leaves what was saved before.
    pub(crate) fn save(&self, snapshot: &Snapshot) -> Result<(), CacheFailed> {
        let [newest, before, draft] = [NEWEST, BEFORE, DRAFT].map(|name| self.folder.join(name));
        let failed = |error: io::Error| write_failed(&newest, &error);
        if let Err(error) = write(&draft, &encoded(snapshot)) {
            // Half of it is no use to anybody, and a full disk may be everybody's.
            fs::remove_file(&draft).ok();
            return Err(failed(error));
        }
        if newest.exists() {
            fs::rename(&newest, &before).map_err(failed)?;
        }
        fs::rename(&draft, &newest).map_err(failed)?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

fn write_failed(path: &Path, error: &io::Error) -> CacheFailed {
    CacheFailed::Write { path: path.display().to_string(), reason: reason(error) }
}

fn write(path: &Path, payload: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(HEAD)?;
    file.write_all(&Sha256::digest(payload))?;
    file.write_all(payload)?;
    file.sync_all()
}

fn read(path: &Path) -> Result<Option<Snapshot>, CacheFailed> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let path = path.display().to_string();
            return Err(CacheFailed::Read { path, reason: reason(&error) });
        }
    };
    let damaged = |why| CacheFailed::Damaged { path: path.display().to_string(), why };
    decoded(&bytes).map(Some).map_err(damaged)
}

fn decoded(bytes: &[u8]) -> Result<Snapshot, &'static str> {
    let rest = bytes.strip_prefix(HEAD).ok_or("it does not begin as it should")?;
    let (digest, payload) = rest.split_at_checked(DIGEST_BYTES).ok_or("it is cut off")?;
    let actual: [u8; DIGEST_BYTES] = Sha256::digest(payload).into();
    if digest != actual {
        return Err("its digest is another one");
    }
    let payload = Bytes::copy_from_slice(payload);
    let saved = Saved::decode(payload).map_err(|_| "it cannot be decoded")?;
    let mut snapshot = Snapshot::default();
    for saved in saved.resources {
        let SavedResource { type_url, name, version, body, needs, origin, groups } = saved;
        let kind = Kind::from_type_url(&type_url).ok_or("it has a type that is not known")?;
        let envoys = Envoys::of(groups);
        let resource = Resource { version, body, needs, origin, envoys };
        snapshot.insert(kind, name, resource);
    }
    Ok(snapshot)
}

fn encoded(snapshot: &Snapshot) -> Vec<u8> {
    let resources = Kind::ALL.into_iter().flat_map(|kind| {
        snapshot.of(kind).map(move |(name, resource)| SavedResource {
            type_url: kind.type_url().to_owned(),
            name: name.clone(),
            version: resource.version.clone(),
            body: resource.body.clone(),
            needs: resource.needs.clone(),
            origin: resource.origin.clone(),
            groups: resource.envoys.groups().map(str::to_owned).collect(),
        })
    });
    Saved { resources: resources.collect() }.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(version: &str) -> Snapshot {
        let resource = Resource {
            version: version.to_owned(),
            body: vec![1, 2, 3].into(),
            needs: vec!["users".to_owned()],
            origin: "apis.orders (a.yaml:1)".to_owned(),
            envoys: Envoys::of(["edge".to_owned()]),
        };
        [(Kind::Routes, "public".to_owned(), resource)].into_iter().collect()
    }

    fn texts(faults: Vec<CacheFailed>, folder: &Path) -> Vec<String> {
        let shown = folder.display().to_string();
        faults.into_iter().map(|fault| fault.to_string().replace(&shown, "")).collect()
    }

    #[test]
    fn what_is_saved_is_what_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        assert_eq!(cache.load().0, Snapshot::default());
        cache.save(&snapshot("1")).unwrap();
        cache.save(&snapshot("2")).unwrap();
        let (loaded, faults) = cache.load();
        assert_eq!(loaded, snapshot("2"));
        assert!(faults.is_empty());
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_found_and_the_one_before_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        cache.save(&snapshot("1")).unwrap();
        cache.save(&snapshot("2")).unwrap();
        let newest = folder.path().join(NEWEST);
        let good = fs::read(&newest).unwrap();
        for at in 0..good.len() {
            let mut flipped = good.clone();
            flipped[at] ^= 1;
            for bad in [flipped, good[..at].to_vec()] {
                fs::write(&newest, bad).unwrap();
                let (loaded, faults) = cache.load();
                assert_eq!((loaded, faults.len()), (snapshot("1"), 1), "at {at}");
            }
        }
    }

    #[test]
    fn a_damaged_file_is_told_of_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        cache.save(&snapshot("1")).unwrap();
        let newest = folder.path().join(NEWEST);
        let good = fs::read(&newest).unwrap();
        for (bytes, why) in [
            (b"{}".to_vec(), "it does not begin as it should"),
            (good[..HEAD.len() + 3].to_vec(), "it is cut off"),
            (good[..good.len() - 1].to_vec(), "its digest is another one"),
        ] {
            fs::write(&newest, bytes).unwrap();
            let (loaded, faults) = cache.load();
            assert_eq!(loaded, Snapshot::default());
            let text = format!("/resources: is damaged, and nothing of it is used: {why}");
            assert_eq!(texts(faults, folder.path()), [text]);
        }
    }

    #[test]
    fn a_write_that_was_cut_off_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        cache.save(&snapshot("1")).unwrap();
        fs::write(folder.path().join(DRAFT), b"half").unwrap();
        assert_eq!(cache.load().0, snapshot("1"));
        // Between the two renames there is no newest.
        fs::rename(folder.path().join(NEWEST), folder.path().join(BEFORE)).unwrap();
        assert_eq!(cache.load().0, snapshot("1"));
        fs::remove_file(folder.path().join(DRAFT)).unwrap();
        fs::create_dir(folder.path().join(DRAFT)).unwrap();
        let fault = cache.save(&snapshot("2")).unwrap_err().to_string();
        assert!(fault.ends_with("/resources: cannot be written: is a directory"), "{fault}");
        assert_eq!(cache.load().0, snapshot("1"));
    }
}
