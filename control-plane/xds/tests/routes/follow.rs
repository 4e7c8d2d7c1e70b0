//! A configuration that is followed file by file is served as one read as a whole.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_model::{Gateway, Loaded, Part, Source, Workspace};
use tollgate_xds::{
    Deployment, Kind, Lookup, Resource, Snapshot, remove_piece, replace_general, translate,
    translate_pieces,
};

/// What is in each file.
type Files = BTreeMap<String, Value>;

/// What cannot change by itself, and what can.
const GENERAL: &str = "0.yaml";
const APART: &str = "1.yaml";

fn deployment() -> Deployment {
    Deployment { module: "gateway.wasm".to_owned(), identity: None, sync: None, limits: None }
}

fn source(files: &Files, name: &str) -> Option<Source> {
    let bytes = files.get(name)?.to_string().into_bytes();
    Some(Source { name: name.to_owned(), bytes })
}

fn whole(files: &Files) -> Result<Gateway, BTreeSet<String>> {
    let sources: Vec<_> = files.keys().filter_map(|name| source(files, name)).collect();
    let draft = tollgate_model::read(&sources).map_err(texts)?;
    draft.compile(&Loaded::default()).map_err(texts)
}

fn texts(faults: Vec<tollgate_model::Fault>) -> BTreeSet<String> {
    faults.into_iter().map(|fault| fault.to_string()).collect()
}

/// As the server keeps it.
struct Followed {
    workspace: Workspace,
    snapshot: Snapshot,
    /// By what each API tells callers how their limits stand.
    asked: BTreeMap<String, Option<String>>,
}

impl Followed {
    /// None if it has to be read as a whole.
    fn load(files: &Files) -> Option<Result<Self, BTreeSet<String>>> {
        let read = |name: &str| source(files, name);
        let workspace = match Workspace::index(files.keys().map(String::as_str), &read) {
            Ok(workspace) => workspace?,
            Err(found) => return Some(Err(texts(found))),
        };
        let (snapshot, asked) = (Snapshot::default(), BTreeMap::new());
        let mut this = Self { workspace, snapshot, asked };
        let mut faults = BTreeSet::new();
        for part in this.workspace.parts() {
            match this.workspace.compile(&part.apis, false, &read, &Loaded::default()) {
                Ok(gateway) => this.take(&part, &gateway),
                Err(found) => faults.extend(texts(found)),
            }
        }
        this.general(files);
        Some(if faults.is_empty() { Ok(this) } else { Err(faults) })
    }

    fn take(&mut self, part: &Part, gateway: &Gateway) {
        translate_pieces(&mut self.snapshot, &part.pieces, gateway);
        self.asked.extend(part.apis.iter().map(|api| (api.clone(), gateway.asked_id(api))));
    }

    fn general(&mut self, files: &Files) {
        let read = |name: &str| source(files, name);
        let apis = self.workspace.parts().remove(0).apis;
        let Ok(gateway) = self.workspace.compile(&apis, true, &read, &Loaded::default()) else {
            return;
        };
        let lookup = Lookup {
            wildcards: self.workspace.wildcards().map(str::to_owned).collect(),
            on_demand: self.workspace.has_on_demand(),
        };
        replace_general(&mut self.snapshot, &gateway, Some(&lookup), &deployment());
    }

    /// None if it has to be read as a whole.
    fn follow(&mut self, files: &Files, changed: &BTreeSet<String>) -> Option<BTreeSet<String>> {
        let read = |name: &str| source(files, name);
        let mut change = match self.workspace.change(changed, &read) {
            Ok(change) => change?,
            Err(found) => return Some(texts(found)),
        };
        let told = |api: &str| self.asked.get(api)?.clone();
        match self.workspace.compile_change(&mut change, &told, &read, &Loaded::default()) {
            Err(found) => {
                self.workspace.undo(change);
                return Some(texts(found));
            }
            Ok(gateway) => self.take(&change.part, &gateway),
        }
        self.asked.retain(|api, _| !change.removed.contains(api));
        change.gone.iter().for_each(|piece| remove_piece(&mut self.snapshot, piece));
        self.general(files);
        Some(BTreeSet::new())
    }
}

fn versions(snapshot: &Snapshot) -> Vec<(Kind, String, String, String, String)> {
    let of = |kind| {
        let all = snapshot.of(kind);
        all.map(move |(name, one)| {
            let Resource { version, origin, envoys, .. } = one;
            (kind, name.clone(), version.clone(), origin.clone(), envoys.to_string())
        })
    };
    Kind::ALL.into_iter().flat_map(of).collect()
}

fn general() -> Value {
    json!({
        "routing": {"shards": "always"},
        "listeners": {"public": {"address": "127.0.0.1:8080"}},
        "identity": {"api_key": {"from": [{"header": "x-api-key"}]}},
    })
}

/// Backends, and tiers that some of them are capped for.
fn backends(endpoint: &str, timeout: &str, in_flight: u32, requests: u32) -> Value {
    json!({
        "backends": {
            "x": {"endpoints": [endpoint]},
            "y": {"endpoints": ["127.0.0.1:9002"], "timeout": timeout, "in_flight": in_flight},
        },
        "tiers": {"pro": {
            "limits": [{"requests": requests, "per": "second"}],
            "in_flight_by_backend": {"y": 3},
        }},
    })
}

/// One of them is another, or gone; a few are at fault.
fn apart() -> impl Strategy<Value = Value> {
    let endpoint = prop::sample::select(vec!["127.0.0.1:9001", "127.0.0.1:9003", "b.example:80"]);
    let timeout = prop::sample::select(vec!["3s", "4s", "never"]);
    let gone = prop::option::weighted(0.2, prop::sample::select(vec!["x", "y"]));
    (endpoint, timeout, 5..7_u32, 1..3_u32, gone).prop_map(
        |(endpoint, timeout, in_flight, requests, gone)| {
            let mut apart = backends(endpoint, timeout, in_flight, requests);
            if let (Some(gone), Some(all)) = (gone, apart["backends"].as_object_mut()) {
                all.remove(gone);
            }
            apart
        },
    )
}

/// A file by its name, and what it becomes.
fn change() -> impl Strategy<Value = (String, Option<Value>)> {
    let of_api = ("[p-s]", prop::option::of(api()));
    let of_api =
        of_api.prop_map(|(name, api)| (format!("{name}.yaml"), api.map(|api| named(&name, api))));
    prop_oneof![3 => of_api, 1 => apart().prop_map(|apart| (APART.to_owned(), Some(apart)))]
}

/// A file with an API; a few are at fault.
fn api() -> impl Strategy<Value = Value> {
    let path = prop::sample::select(vec!["/a", "/a/1", "/b", "/b/{p}", "/", "/{p}", "/c:d", "/c"]);
    let backend = prop::sample::select(vec!["x", "x", "x", "y", "y", "missing"]);
    let priority = prop::sample::select(vec!["normal", "normal", "critical"]);
    let auth = prop::sample::select(vec![json!("none"), json!({"any_of": ["api_key"]})]);
    let requests = prop::option::weighted(0.3, 1..3_u32);
    let route = (path, backend, priority, any::<bool>(), (auth, requests));
    let hosts = prop::sample::select(vec![
        vec!["one.example.com"],
        vec!["one.example.com", "*.example.com"],
        vec!["two.example.com"],
        vec!["three.example.com"],
        vec!["*"],
    ]);
    // Of one host, so that seldom others of it are for others.
    let envoys = prop::option::weighted(0.3, Just(vec!["edge"]));
    (prop::collection::vec(route, 1..4), hosts, any::<bool>(), envoys).prop_map(
        |(routes, hosts, on_demand, envoys)| {
            let routes =
                routes.into_iter().enumerate().map(|(number, (path, backend, priority, is_prefix, (auth, requests)))| {
                    let is_prefix = is_prefix && !path.contains('{');
                    let field = if is_prefix { "prefix" } else { "path" };
                    let limits: Vec<_> = requests.into_iter().map(|requests| json!({"requests": requests, "per": "hour"})).collect();
                    let route = json!({"match": {field: path}, "backend": backend, "auth": auth, "priority": priority, "limits": limits});
                    (format!("r{number}"), route)
                });
            let routes: serde_json::Map<_, _> = routes.collect();
            let mut api = json!({"hosts": hosts, "on_demand": on_demand, "routes": routes});
            if let Some(envoys) = envoys.filter(|_| hosts == ["three.example.com"]) {
                api["envoys"] = json!(envoys);
            }
            api
        },
    )
}

fn named(name: &str, api: Value) -> Value {
    let apis = serde_json::Map::from_iter([(name.to_owned(), api)]);
    json!({ "apis": Value::Object(apis) })
}

/// Without this, all that follows could be at fault whatever it is.
#[test]
fn what_holds_for_all_is_good_and_can_change_by_itself() {
    let route = json!({"match": {"path": "/a"}, "backend": "y", "auth": "none"});
    let api = named("p", json!({"hosts": ["one.example.com"], "routes": {"r": route}}));
    let mut files = Files::from([
        (GENERAL.to_owned(), general()),
        (APART.to_owned(), backends("127.0.0.1:9001", "3s", 5, 1)),
        ("p.yaml".to_owned(), api),
    ]);
    assert_eq!(whole(&files).err(), None);
    let mut followed = Followed::load(&files).unwrap().ok().unwrap();
    files.insert(APART.to_owned(), backends("127.0.0.1:9003", "4s", 6, 2));
    let changed = BTreeSet::from([APART.to_owned()]);
    assert_eq!(followed.follow(&files, &changed), Some(BTreeSet::new()));
    assert_eq!(versions(&followed.snapshot), versions(&versions_of(&files)));
}

/// Of a host's APIs one tells callers otherwise how their limits stand, and then they are
/// told there.
#[test]
fn where_callers_ask_for_limits_follows_what_they_are_told() {
    let api = |name: &str, requests: u32| {
        let limits = json!([{"requests": requests, "per": "hour"}]);
        let auth = json!({"any_of": ["api_key"]});
        let path = format!("/{name}");
        let route =
            json!({"match": {"path": path}, "backend": "x", "auth": auth, "limits": limits});
        named(name, json!({"hosts": ["one.example.com"], "routes": {"r": route}}))
    };
    let mut files = Files::from([
        (GENERAL.to_owned(), general()),
        (APART.to_owned(), backends("127.0.0.1:9001", "3s", 5, 1)),
        ("p.yaml".to_owned(), api("p", 1)),
        ("q.yaml".to_owned(), api("q", 1)),
    ]);
    assert_eq!(whole(&files).err(), None);
    let mut followed = Followed::load(&files).unwrap().ok().unwrap();
    files.insert("p.yaml".to_owned(), api("p", 2));
    let changed = BTreeSet::from(["p.yaml".to_owned()]);
    assert_eq!(followed.follow(&files, &changed), Some(BTreeSet::new()));
    assert_eq!(versions(&followed.snapshot), versions(&versions_of(&files)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    /// Whatever changes: what is served is what the files together come to, and
    /// what is at fault is told in the same words and changes nothing.
    #[test]
    fn what_is_followed_is_what_is_written(
        first in prop::collection::btree_map("[p-s]", api(), 1..4),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let apart = backends("127.0.0.1:9001", "3s", 5, 1);
        let mut files = Files::from([(GENERAL.to_owned(), general()), (APART.to_owned(), apart)]);
        files.extend(first.into_iter().map(|(name, api)| (format!("{name}.yaml"), named(&name, api))));
        let expected = whole(&files);
        let Some(loaded) = Followed::load(&files) else {
            prop_assert!(expected.is_err());
            return Ok(());
        };
        let (mut followed, mut served) = match (loaded, expected) {
            (Ok(followed), Ok(gateway)) => (followed, translate(&gateway, &deployment())),
            (loaded, expected) => {
                prop_assert_eq!(loaded.err(), expected.err());
                return Ok(());
            }
        };
        prop_assert_eq!(versions(&followed.snapshot), versions(&served));
        let mut changed = BTreeSet::new();
        for (file, written) in changes {
            match written {
                Some(written) => drop(files.insert(file.clone(), written)),
                None => drop(files.remove(&file)),
            }
            changed.insert(file);
            match (whole(&files), followed.follow(&files, &changed)) {
                (Ok(gateway), Some(faults)) => {
                    prop_assert_eq!(faults, BTreeSet::new());
                    served = translate(&gateway, &deployment());
                    changed.clear();
                }
                (Err(expected), Some(faults)) if files.len() > 2 => prop_assert_eq!(faults, expected),
                // More than APIs has changed, or the last of them is gone.
                (Ok(_), None) => {
                    followed = Followed::load(&files).unwrap().ok().unwrap();
                    served = versions_of(&files);
                    changed.clear();
                }
                (Err(_), _) => {}
            }
            prop_assert_eq!(versions(&followed.snapshot), versions(&served));
        }
    }
}

fn versions_of(files: &Files) -> Snapshot {
    translate(&whole(files).ok().unwrap(), &deployment())
}
