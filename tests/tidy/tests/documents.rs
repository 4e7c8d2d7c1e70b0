//! What documents say is there, is there.

use std::path::Path;

use tollgate_tidy::{root, text_files};

#[test]
fn paths_that_documents_name_exist() {
    let mut missing = Vec::new();
    for (file, text) in text_files().iter().filter(|(path, _)| is_document(path)) {
        for name in named_paths(text) {
            if !exists(&name, file) {
                missing.push(format!("{file} names {name}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

fn is_document(path: &str) -> bool {
    let named = path == "README.md" || path.starts_with("docs/") || path.starts_with("examples/");
    named && Path::new(path).extension().is_some_and(|extension| extension == "md")
}

/// What stands in backquotes or is linked to, as far as it looks like a path of ours.
fn named_paths(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let linked = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    quoted.chain(linked).filter(|name| is_path(name)).map(str::to_owned).collect()
}

/// The folders of the checkout: what begins with one of them is meant as a path.
const FOLDERS: [&str; 7] =
    ["filters/", "control-plane/", "envoy/", "tests/", "docs/", "examples/", ".ci/"];

fn is_path(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    FOLDERS.iter().any(|folder| name.starts_with(folder)) && name.chars().all(plain)
}

/// As seen from the root, or, for a link, from the folder of the document.
fn exists(name: &str, document: &str) -> bool {
    let beside = Path::new(document).parent().unwrap_or(Path::new(""));
    root().join(name).exists() || root().join(beside).join(name).exists()
}

#[test]
fn every_example_can_be_read_and_run() {
    let mut incomplete = Vec::new();
    let entries = std::fs::read_dir(root().join("examples")).into_iter().flatten().flatten();
    let list = std::fs::read_to_string(root().join("examples/README.md")).unwrap_or_default();
    for entry in entries.filter(|entry| entry.path().is_dir()) {
        if !list.contains(&format!("]({}/)", entry.file_name().display())) {
            incomplete.push(format!("examples/README.md has no {}", entry.path().display()));
        }
        for file in ["README.md", "tollgate.yaml"] {
            if !entry.path().join(file).is_file() {
                incomplete.push(format!("{} has no {file}", entry.path().display()));
            }
        }
    }
    assert_eq!(incomplete, Vec::<String>::new());
}

/// Written in two halves, so that this file does not find itself.
const HOSTS: [(&str, &str); 5] = [
    ("crates", ".io"),
    ("pypi", ".org"),
    ("registry.npm", "js"),
    ("proxy.golang", ".org"),
    ("arti", "factory"),
];

/// Folders of one machine, likewise.
const FOLDERS_OF_A_MACHINE: [(&str, &str); 4] =
    [("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/"), ("/t", "mp/")];

/// Where Cargo itself writes a registry's name.
const LOCK: &str = "Cargo.lock";

#[test]
fn no_file_names_a_registry_or_a_folder_of_one_machine() {
    let forbidden: Vec<String> =
        HOSTS.iter().chain(&FOLDERS_OF_A_MACHINE).map(|(a, b)| format!("{a}{b}")).collect();
    let mut found = Vec::new();
    for (path, text) in text_files().iter().filter(|(path, _)| !path.ends_with(LOCK)) {
        for (at, line) in text.lines().enumerate() {
            found.extend(
                forbidden
                    .iter()
                    .filter(|word| line.contains(word.as_str()))
                    .map(|word| format!("{path}:{}: {word}", at + 1)),
            );
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_lock_file_names_only_the_public_registry() {
    let public = format!("registry+https://github.com/rust-lang/{}{}-index", "crates", ".io");
    for (path, text) in text_files().iter().filter(|(path, _)| path.ends_with(LOCK)) {
        for source in text.lines().filter_map(|line| line.strip_prefix("source = ")) {
            assert_eq!(source.trim_matches('"'), public, "{path}");
        }
    }
}
