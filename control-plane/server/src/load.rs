use std::collections::BTreeSet;
use std::env::{self, VarError};
use std::path::{Path, PathBuf};

use tollgate_identity::{InvalidMint, InvalidSource};
use tollgate_model::{Gateway, Loaded, Reference, Source, read};
use tollgate_store::StoreUnavailable;

use crate::config::{UnreadableFile, read_config, read_file};
use crate::fetch::Bodies;
use crate::module::InvalidModule;

/// One thing that is wrong with what is to be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A file that cannot be read.
    #[error(transparent)]
    File(#[from] UnreadableFile),
    /// Something that is written in a file.
    #[error("{0}")]
    Written(tollgate_model::Fault),
    /// Revocations are asked for, and there is nothing that could tell them.
    #[error(
        "identity.revocation.when_stale: refuse needs a store; name one with --store, or write serve"
    )]
    NoStore,
    /// A provider of opaque tokens that cannot be asked.
    #[error("{place}identity.introspection.{fault}")]
    Source {
        /// The file and line of the provider, and a colon.
        place: String,
        /// What is wrong with it.
        fault: InvalidSource,
    },
    /// Tokens for backends that cannot be made.
    #[error("identity.backend_token.{0}")]
    BackendToken(InvalidMint),
    /// Nobody takes so much away on purpose, unless it says so.
    #[error(
        "routing.drop_max_percent: {gone} of {before} routes would be gone, which is more than \
         {most} percent; write {percent} there if that is meant"
    )]
    RoutesGone {
        /// How many would be gone.
        gone: usize,
        /// Of how many.
        before: usize,
        /// How many of a hundred may be.
        most: u8,
        /// How many of a hundred would be, rounded down.
        percent: usize,
    },
    /// What the admin API wrote cannot be read.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
    /// The wasm module.
    #[error(transparent)]
    Module(#[from] InvalidModule),
}

// === impl Fault ===

impl Fault {
    pub(crate) fn all_written(faults: Vec<tollgate_model::Fault>) -> Vec<Self> {
        all(faults, Self::Written)
    }
}

/// A configuration that could be read, and what it names.
pub(crate) struct Written {
    sources: Vec<Source>,
    references: Vec<Reference>,
    /// And environment variables.
    files: Vec<(Reference, Result<Vec<u8>, String>)>,
}

// === impl Written ===

impl Written {
    /// Reads a file or a folder, and the files that it names.
    pub(crate) fn read(config: &Path) -> Result<Self, Vec<Fault>> {
        Self::of(read_config(config).map_err(|faults| all(faults, Fault::File))?)
    }

    /// Likewise, of files that were read.
    pub(crate) fn of(sources: Vec<Source>) -> Result<Self, Vec<Fault>> {
        let draft = read(&sources).map_err(|faults| all(faults, Fault::Written))?;
        let references = draft.references();
        Ok(Self { files: in_files(&references), sources, references })
    }

    /// Looks at the variables that it names too. They are those of whoever serves
    /// it: who only checks it may well have none of them.
    pub(crate) fn with_variables(mut self) -> Self {
        self.files.extend(in_variables(&self.references));
        self
    }

    /// Checks everything, with the key sets that were fetched.
    pub(crate) fn compile(&self, fetched: &Bodies) -> Result<Gateway, Vec<Fault>> {
        let loaded = with_fetched(&self.files, fetched);
        let draft = read(&self.sources).map_err(|faults| all(faults, Fault::Written))?;
        draft.compile(&loaded).map_err(|faults| all(faults, Fault::Written))
    }

    /// The urls that it names.
    pub(crate) fn urls(&self) -> BTreeSet<String> {
        urls(&self.references)
    }

    /// The files that it names.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> {
        files(&self.references)
    }
}

/// What became of references.
pub(crate) type Found = Vec<(Reference, Result<Vec<u8>, String>)>;

/// What is in the files that are named.
pub(crate) fn in_files(references: &[Reference]) -> Found {
    let files = references.iter().filter_map(|reference| {
        let Reference::File(path) = reference else { return None };
        let found = read_file(Path::new(path)).map_err(UnreadableFile::into_reason);
        Some((reference.clone(), found))
    });
    files.collect()
}

/// What is in the variables that are named.
pub(crate) fn in_variables(references: &[Reference]) -> Found {
    let variables = references.iter().filter_map(|reference| {
        let Reference::Env(name) = reference else { return None };
        let value = env::var(name).map(String::into_bytes);
        Some((reference.clone(), value.map_err(|error| variable(&error).to_owned())))
    });
    variables.collect()
}

/// Together with the key sets that were fetched.
pub(crate) fn with_fetched(found: &Found, fetched: &Bodies) -> Loaded {
    let urls = fetched.iter().map(|(url, body)| (Reference::Url(url.clone()), Ok(body.clone())));
    Loaded(found.iter().cloned().chain(urls).collect())
}

/// The urls among references.
pub(crate) fn urls(references: &[Reference]) -> BTreeSet<String> {
    let url = |reference: &Reference| match reference {
        Reference::Url(url) => Some(url.clone()),
        Reference::File(_) | Reference::Env(_) => None,
    };
    references.iter().filter_map(url).collect()
}

/// The files among them.
pub(crate) fn files(references: &[Reference]) -> impl Iterator<Item = PathBuf> {
    references.iter().filter_map(|reference| match reference {
        Reference::File(path) => Some(PathBuf::from(path)),
        Reference::Url(_) | Reference::Env(_) => None,
    })
}

fn variable(error: &VarError) -> &'static str {
    match error {
        VarError::NotPresent => "it is not set",
        VarError::NotUnicode(_) => "it is not text",
    }
}

fn all<T>(faults: Vec<T>, wrap: impl Fn(T) -> Fault) -> Vec<Fault> {
    faults.into_iter().map(wrap).collect()
}
