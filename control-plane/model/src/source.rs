use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;

/// A file as it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// Its name, as it was given on the command line.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Something outside the files that they refer to.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Reference {
    /// A file, by a path that begins where that of the source does.
    File(String),
    /// An address.
    Url(String),
    /// An environment variable.
    Env(String),
}

/// What became of the references: bytes, or why there are none.
///
/// A file must be there. An address that was not reached (or not asked yet) is
/// not a fault of the configuration: what depends on it is answered 503 until
/// it is. Nor is a variable that nobody has looked at.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Loaded(pub BTreeMap<Reference, Result<Vec<u8>, String>>);

// === impl Loaded ===

/// Without what was loaded: some of it is secret.
impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Reads a key set that was fetched, so that a bad one need not replace a good one.
pub fn key_set(bytes: &[u8]) -> Result<Json, String> {
    let set: Json = serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))?;
    match set.get("keys") {
        Some(Json::Array(keys)) if keys.is_empty() => Err("`keys` is empty".to_owned()),
        Some(Json::Array(_)) => Ok(set),
        _ => Err("there is no list `keys` in it".to_owned()),
    }
}
