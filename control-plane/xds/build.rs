//! Gives this build of the translation a name: a hash of its own sources.

use std::error::Error;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let mut hasher = DefaultHasher::new();
    hash(Path::new("src"), &mut hasher)?;
    let name = hasher.finish();
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rustc-env=TOLLGATE_TRANSLATION={name:016x}");
    Ok(())
}

fn hash(folder: &Path, hasher: &mut DefaultHasher) -> Result<(), Box<dyn Error>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            hash(&path, hasher)?;
        } else {
            (path.as_os_str(), fs::read(&path)?).hash(hasher);
        }
    }
    Ok(())
}
