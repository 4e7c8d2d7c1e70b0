//! What configurations become: each `tests/golden/*.yaml` beside its `*.out.txt`.
//!
//! `UPDATE_GOLDEN=1` accepts what the code says now. Otherwise a difference
//! leaves a `*.out.new` to compare with.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tollgate_xds::{Kind, Resource, Snapshot};

use crate::reflect;

#[test]
fn configurations_become_what_is_written_beside_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    cases.sort();
    assert!(!cases.is_empty(), "no cases");
    let different: Vec<_> = cases.iter().filter(|case| !is_same(case)).collect();
    assert!(
        different.is_empty(),
        "compare `*.out.new` with `*.out.txt`, then UPDATE_GOLDEN=1: {different:#?}"
    );
}

fn is_same(case: &Path) -> bool {
    let name = case.file_name().unwrap().to_str().unwrap();
    let now = match reflect::snapshot_of(name, &fs::read_to_string(case).unwrap()) {
        Ok(snapshot) => dump(&snapshot),
        Err(faults) => faults,
    };
    let expected = case.with_extension("out.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(expected, now).unwrap();
        return true;
    }
    let is_same = fs::read_to_string(expected).unwrap_or_default() == now;
    let left: PathBuf = case.with_extension("out.new");
    if is_same {
        _ = fs::remove_file(left);
    } else {
        fs::write(left, now).unwrap();
    }
    is_same
}

/// Everything but the versions, which change with the translation's own code.
fn dump(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        for (name, Resource { body, needs, origin, .. }) in snapshot.of(kind) {
            writeln!(text, "=== {kind:?} {name}\norigin: {origin}\nneeds: {needs:?}").unwrap();
            let mut json = reflect::json_of(kind, body);
            let told = plugin_configuration(&json);
            if let Some(value) = json.pointer_mut("/typedConfig/config/configuration/value") {
                *value = told.unwrap();
            }
            writeln!(text, "{}\n", serde_json::to_string_pretty(&json).unwrap()).unwrap();
        }
    }
    text
}

/// Bytes in the resource, and JSON in the bytes.
fn plugin_configuration(json: &serde_json::Value) -> Option<serde_json::Value> {
    use base64::Engine as _;
    let text = json.pointer("/typedConfig/config/configuration/value")?.as_str()?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    Some(serde_json::from_slice(&bytes).unwrap())
}
