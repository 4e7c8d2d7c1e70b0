//! Which crate may depend on which.
//!
//! Most edges that are absent are absent on purpose. Adding one is a change to
//! the architecture: change these tables and docs/ARCHITECTURE.md together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use tollgate_tidy::{packages, root, text_files};

/// Each crate, and those of our own crates that it is built from.
const EDGES: &[(&str, &[&str])] = &[
    // What it depends on has to run in a wasm module, so: nothing of ours.
    ("tollgate-core", &[]),
    // No filter by itself: what filters keep up with, and both ends of the line.
    ("tollgate-sync", &["tollgate-core"]),
    // A filter knows no other filter.
    ("tollgate-auth", &["tollgate-core", "tollgate-signatures", "tollgate-sync"]),
    ("tollgate-rate-limit", &["tollgate-core", "tollgate-sync"]),
    ("tollgate-signatures", &["tollgate-core"]),
    ("tollgate-tenant-budget", &["tollgate-core"]),
    ("tollgate-transform", &["tollgate-core"]),
    // The host decides nothing, so it knows no filter.
    ("tollgate-host", &["tollgate-core"]),
    (
        "tollgate-gateway",
        &[
            "tollgate-auth",
            "tollgate-core",
            "tollgate-rate-limit",
            "tollgate-tenant-budget",
            "tollgate-transform",
        ],
    ),
    // The filters' own specs and `compile`: a valid policy is defined once.
    (
        "tollgate-model",
        &[
            "tollgate-auth",
            "tollgate-core",
            "tollgate-gateway",
            "tollgate-rate-limit",
            "tollgate-signatures",
            "tollgate-tenant-budget",
            "tollgate-transform",
        ],
    ),
    // It runs what runs in Envoy, so it knows all of it.
    (
        "tollgate-callers",
        &[
            "tollgate-auth",
            "tollgate-core",
            "tollgate-gateway",
            "tollgate-model",
            "tollgate-rate-limit",
            "tollgate-tenant-budget",
            "tollgate-transform",
        ],
    ),
    // What it makes is checked, so it knows what is.
    ("tollgate-import", &["tollgate-model"]),
    ("tollgate-xds", &["tollgate-auth", "tollgate-core", "tollgate-gateway", "tollgate-model"]),
    // It answers what any identity provider would, so it knows no gateway.
    ("tollgate-identity", &[]),
    // It deals numbers: what they limit is not its business.
    ("tollgate-quota", &["tollgate-core"]),
    // What an API key looks like, the filter of all keys that gateways read, and what
    // may be lent of a quota.
    (
        "tollgate-store",
        &["tollgate-auth", "tollgate-core", "tollgate-quota", "tollgate-signatures"],
    ),
    (
        "tollgate",
        &[
            "tollgate-auth",
            "tollgate-callers",
            "tollgate-core",
            "tollgate-identity",
            "tollgate-import",
            "tollgate-model",
            "tollgate-quota",
            "tollgate-store",
            "tollgate-sync",
            "tollgate-xds",
        ],
    ),
    // Tests drive the built binaries from outside. Only the benchmark writes a
    // contract by itself, because it runs the module without a control plane.
    ("tollgate-support", &[]),
    ("tollgate-e2e", &["tollgate-support"]),
    ("tollgate-bench", &["tollgate-gateway", "tollgate-support", "tollgate-sync"]),
    ("tollgate-tidy", &[]),
];

/// Outside crates that say what a crate is, and the only crates that may name them.
const HOLDERS: &[(&str, &[&str])] = &[
    // Where randomness comes from: filters and the store are given theirs. Identity names
    // the tokens that it makes.
    ("getrandom", &["tollgate-host", "tollgate-identity", "tollgate"]),
    // The databases.
    ("sqlx", &["tollgate-store"]),
    // The language of conditions.
    ("cel", &["tollgate-auth"]),
    // Messages: Envoy's and our own; tests of auth and of limits answer
    // for the control plane, and benchmarks are hundreds of Envoys.
    ("envoy-types", &["tollgate-xds", "tollgate", "tollgate-bench"]),
    (
        "prost",
        &["tollgate-auth", "tollgate-rate-limit", "tollgate-sync", "tollgate-xds", "tollgate"],
    ),
    // The network.
    ("tonic", &["tollgate", "tollgate-support", "tollgate-bench"]),
    (
        "tokio",
        &[
            "tollgate",
            "tollgate-identity",
            "tollgate-store",
            "tollgate-support",
            "tollgate-e2e",
            "tollgate-bench",
        ],
    ),
    ("hyper", &["tollgate", "tollgate-identity", "tollgate-support", "tollgate-e2e"]),
    ("hyper-rustls", &["tollgate-identity"]),
    ("quinn", &["tollgate-support"]),
    ("h3", &["tollgate-support"]),
    ("redis", &["tollgate-identity", "tollgate-support"]),
    ("ureq", &["tollgate"]),
    // Errors without a type are for programs, not for libraries that others match on.
    ("anyhow", &["tollgate", "tollgate-support", "tollgate-e2e", "tollgate-bench"]),
];

#[test]
fn crates_depend_only_on_those_they_may() {
    let expected: BTreeMap<_, BTreeSet<_>> =
        EDGES.iter().map(|(name, edges)| (*name, edges.iter().copied().collect())).collect();
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().map(|p| p["name"].as_str().unwrap()).collect();
    let actual: BTreeMap<_, BTreeSet<_>> = packages
        .iter()
        .map(|package| {
            let normal = package["dependencies"].as_array().unwrap().iter();
            let edges = normal
                .filter(|dependency| dependency["kind"].is_null())
                .filter_map(|dependency| dependency["name"].as_str())
                .filter(|name| ours.contains(name));
            (package["name"].as_str().unwrap(), edges.collect())
        })
        .collect();
    assert_eq!(actual, expected);
}

#[test]
fn outside_crates_stay_where_they_belong() {
    let holders: BTreeMap<_, _> = HOLDERS.iter().copied().collect();
    let mut strays = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let outside = dependency["name"].as_str().unwrap();
            if holders.get(outside).is_some_and(|allowed| !allowed.contains(&name)) {
                strays.push(format!("{name} depends on {outside}"));
            }
        }
    }
    assert_eq!(strays, Vec::<String>::new());
}

#[test]
fn every_crate_inherits_the_lints() {
    for package in packages() {
        let manifest = package["manifest_path"].as_str().unwrap();
        let text = fs::read_to_string(manifest).unwrap();
        assert!(text.contains("[lints]\nworkspace = true\n"), "{manifest} has lints of its own");
    }
}

#[test]
fn every_folder_with_a_manifest_is_a_member() {
    let members: BTreeSet<String> = packages()
        .iter()
        .map(|package| package["manifest_path"].as_str().unwrap().to_owned())
        .collect();
    for (path, _) in text_files() {
        // The root is no crate. Workspaces of their own are fuzz, which needs nightly, and
        // timing, which needs what nobody else does.
        let is_apart = path.starts_with("fuzz/") || path.starts_with("timing/");
        if path.ends_with("/Cargo.toml") && !is_apart {
            let full = root().join(&path).display().to_string();
            assert!(members.contains(&full), "{path} is no member of the workspace");
        }
    }
}

/// More than this nobody reads in one go.
const LINES_MAX: usize = 400;

#[test]
fn source_files_are_short() {
    for (path, text) in text_files() {
        let lines = text.lines().count();
        let is_source = Path::new(&path).extension().is_some_and(|extension| extension == "rs");
        assert!(!is_source || lines <= LINES_MAX, "{path} has {lines} lines");
    }
}
