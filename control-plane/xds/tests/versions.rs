//! What is sent again after a change, and what is not.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tollgate_model::{Loaded, Source};
use tollgate_xds::{Deployment, Kind, Snapshot, translate};

fn file() -> Value {
    json!({
        "listeners": {"public": {"address": "127.0.0.1:8080"}},
        "backends": {
            "near": {"endpoints": ["127.0.0.1:9001"]},
            "far": {"endpoints": ["far.example.com:443"]},
        },
        "apis": {"orders": {"hosts": ["*"], "routes": {
            "a": {"match": {"prefix": "/a"}, "backend": "near", "auth": "none"},
            "b": {"match": {"prefix": "/b"}, "backend": "far", "auth": "none"},
        }}},
    })
}

fn snapshot(file: &Value) -> Snapshot {
    let source = Source { name: "tollgate.yaml".to_owned(), bytes: file.to_string().into_bytes() };
    let gateway = tollgate_model::read(&[source]).unwrap().compile(&Loaded::default()).unwrap();
    let deployment =
        Deployment { module: "gateway.wasm".to_owned(), identity: None, sync: None, limits: None };
    translate(&gateway, &deployment)
}

/// Sets one value of the file, and tells which resources have another version then.
fn changed(path: &str, value: Value) -> BTreeSet<String> {
    let mut after = file();
    *after.pointer_mut(path).unwrap() = value;
    let (before, after) = (snapshot(&file()), snapshot(&after));
    let mut names = BTreeSet::new();
    for kind in Kind::ALL {
        for (name, resource) in after.of(kind) {
            if before.get(kind, name).is_none_or(|before| before.version != resource.version) {
                names.insert(format!("{kind:?} {name}"));
            }
        }
    }
    names
}

fn check(path: &str, value: Value, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|&one| one.to_owned()).collect();
    assert_eq!(changed(path, value), expected, "{path}");
}

#[test]
fn a_change_sends_what_it_changes() {
    let backend = |name: &str| format!("/backends/{name}/endpoints/0");
    check(&backend("near"), json!("127.0.0.1:9001"), &[]);
    check(&backend("near"), json!("127.0.0.1:9002"), &["Endpoints near"]);
    check(&backend("far"), json!("other.example.com:443"), &["Cluster far"]);
    check("/apis/orders/routes/a/auth", json!("none"), &[]);
    check("/apis/orders/routes/a/match/prefix", json!("/c"), &["Routes public"]);
    check("/listeners/public/address", json!("127.0.0.1:8081"), &["Listener public"]);
}
