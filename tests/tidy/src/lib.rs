//! The architecture as a test.
//!
//! What a document or a reviewer would otherwise have to insist on: which crate
//! may depend on which, that documents name files that exist, that every
//! example can be tried, that files stay short enough to be read.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a checkout that cannot be read is a failed test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Folders that are not part of the checkout.
const SKIPPED: [&str; 5] = [".git", "target", ".tools", "corpus", "artifacts"];

/// The folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the root exists")
}

/// Every file of the checkout that is text, by its path below the root, with its contents.
pub fn text_files() -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    found
}

fn collect(folder: &Path, root: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder can be read").flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("a file has a type");
        let name = entry.file_name();
        if kind.is_dir() && !SKIPPED.iter().any(|skipped| name == *skipped) {
            collect(&path, root, found);
        } else if kind.is_file()
            && let Ok(text) = fs::read_to_string(&path)
        {
            let below = path.strip_prefix(root).expect("found below the root");
            found.push((below.display().to_string(), text));
        }
    }
}

/// The workspace's own crates, as `cargo metadata` describes them.
pub fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    metadata["packages"].as_array().expect("a list of packages").clone()
}
