mod files;
mod questions;

use std::fs;
use std::sync::mpsc::{channel, sync_channel};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tollgate_callers::diff;
use tollgate_model::Gateway;
use tollgate_store::{self as kept, Store};
use tollgate_xds::{Kind, Snapshot, translate};

use super::*;
use crate::Module;
use crate::clock::now;
use crate::event::Event;
use crate::ledger::Ledger;
use crate::sources::Fronts;

/// Enough of them to be followed one by one.
const FILES: usize = 60;

const GENERAL: &str = "
routing: { shards: always }
listeners: { public: { address: \"127.0.0.1:8080\" } }
identity: { api_key: { from: [{ header: x-api-key }] } }
backends: { echo: { endpoints: [\"127.0.0.1:9001\"] } }
";

/// A large configuration in a folder, and a store.
struct Place {
    folder: tempfile::TempDir,
    runtime: Runtime,
    store: Store,
    input: Input,
}

impl Place {
    fn new() -> Self {
        let (folder, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
        let config = folder.path().join("apis");
        fs::create_dir(&config).unwrap();
        fs::write(config.join("0.yaml"), GENERAL).unwrap();
        for number in 0..FILES {
            let name = format!("file-{number}");
            let written = json!({ "apis": { name.clone(): api(&name, "echo") } });
            fs::write(config.join(format!("{name}.yaml")), written.to_string()).unwrap();
        }
        let address = format!("sqlite:{}", folder.path().join("tollgate.db").display());
        let address = address.parse().unwrap();
        let store = runtime.block_on(Store::open_or_create(&address)).unwrap();
        let ledger = Ledger::new(config, Some(store.clone()), runtime.handle().clone());
        let (events, inbox) = channel();
        let module = Module::AtEnvoy("/gateway.wasm".into());
        let mut input = Input::new(ledger, module, Fronts::empty(), events, inbox);
        input.make().unwrap();
        assert_eq!(input.keep().unwrap().unwrap(), 1);
        Self { folder, runtime, store, input }
    }

    /// What an operator is told who may write APIs only below a path.
    fn refused(&mut self, site: &str, name: &str, body: &Value) -> (u64, NotEdited) {
        let edit = Edit {
            key: ("apis".to_owned(), name.to_owned()),
            body: Some(body.to_string()),
            sequence: 0,
            author: "ann".to_owned(),
            sites: Some(vec![site.parse().unwrap()]),
            is_dry_run: false,
        };
        let (reply, answer) = sync_channel(1);
        let checked = self.checks(|place| {
            place.input.on_event(Event::Edit(Box::new(edit), reply));
        });
        (checked, answer.recv().unwrap().unwrap_err())
    }

    fn edit(
        &mut self,
        section: &str,
        name: &str,
        body: Option<Value>,
    ) -> Result<Edited, NotEdited> {
        self.ask(section, name, body, false)
    }

    fn ask(
        &mut self,
        section: &str,
        name: &str,
        body: Option<Value>,
        is_dry_run: bool,
    ) -> Result<Edited, NotEdited> {
        let object = self.runtime.block_on(self.store.object(section, name)).unwrap();
        let edit = Edit {
            key: (section.to_owned(), name.to_owned()),
            body: body.map(|body| body.to_string()),
            sequence: object.map_or(0, |one| one.sequence),
            author: "ann".to_owned(),
            sites: None,
            is_dry_run,
        };
        let (reply, answer) = sync_channel(1);
        let is_news = self.input.on_event(Event::Edit(Box::new(edit), reply));
        let edited = answer.recv().unwrap();
        assert!(
            is_news
                || edited.as_ref().is_ok_and(|edited| edited.revision.is_none())
                || edited.is_err()
        );
        edited
    }

    /// Another control plane makes an API, which is a revision.
    fn changed_elsewhere(&self, name: &str, number: u64) {
        let body = api(name, "echo").to_string();
        let whole = self.input.ledger.read().unwrap();
        let next = whole.with("apis", name, Some(&body));
        let edit = kept::Edit { kind: "apis", name, body: Some(&body), sequence: 0, at_most: None };
        let revision = next.revision("bob", String::new());
        let edited = self.store.edit(edit, whole.sequence, &revision, now());
        assert_eq!(self.runtime.block_on(edited), Ok(number));
    }

    /// Everything that is written, together.
    fn whole(&self) -> Gateway {
        self.input.ledger.compile(&self.input.ledger.read().unwrap()).unwrap()
    }

    /// What is served is what is written; and so is what is kept.
    fn agrees(&mut self, number: u64) {
        let made = self.input.make().unwrap();
        let expected = translate(&self.whole(), &self.input.deployment().unwrap());
        assert_eq!(versions(&made.snapshot), versions(&expected));
        assert_eq!(self.input.keep().unwrap().unwrap(), number);
        let whole = self.input.ledger.read().unwrap();
        let newest = self.runtime.block_on(self.store.revisions(None, 1)).unwrap().remove(0);
        assert_eq!((newest.number, newest.content), (number, whole.hash()));
        let content = self.runtime.block_on(self.store.content(number)).unwrap().unwrap();
        assert_eq!(crate::ledger::Whole::of_content(content).hash(), whole.hash());
    }

    /// How many APIs a change has checked.
    fn checks(&mut self, change: impl FnOnce(&mut Self)) -> u64 {
        let checked =
            |place: &Self| place.input.table.as_ref().unwrap().index().workspace.checked();
        let before = checked(self);
        change(self);
        checked(self).saturating_sub(before)
    }

    /// Changes as before, and tells what the whole configuration says of that.
    fn told(&mut self, section: &str, name: &str, body: Option<Value>) -> (u64, Edited) {
        let before = self.whole();
        let mut edited = None;
        let checked = self.checks(|place| edited = Some(place.edit(section, name, body).unwrap()));
        let edited = edited.unwrap();
        assert_eq!(edited.differences, diff(&before, &self.whole()), "as the whole says");
        (checked, edited)
    }
}

fn api(name: &str, backend: &str) -> Value {
    let route = |number: usize| {
        let path = format!("/{name}/operations/{number}/items");
        let route = json!({ "match": { "path": path }, "backend": backend, "auth": "none" });
        (format!("operation-{number}"), route)
    };
    let routes: serde_json::Map<_, _> = (0..15).map(route).collect();
    json!({ "hosts": ["api.example.com"], "routes": routes })
}

fn versions(snapshot: &Snapshot) -> Vec<(Kind, String, String, String)> {
    let of = |kind| {
        let all = snapshot.of(kind);
        all.map(move |(name, one)| (kind, name.clone(), one.version.clone(), one.origin.clone()))
    };
    Kind::ALL.into_iter().flat_map(of).collect()
}

fn faults(edited: Result<Edited, NotEdited>) -> Vec<String> {
    match edited {
        Err(NotEdited::Faults(faults)) => faults.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_object_that_changes_is_checked_with_what_it_touches_alone() {
    let mut place = Place::new();
    let (checked, edited) = place.told("apis", "new", Some(api("new", "echo")));
    assert_eq!((checked, edited.revision), (2, Some(2)), "of {FILES}, it and one before it");
    place.agrees(2);

    let mut changed = api("new", "echo");
    changed["routes"]["operation-3"]["auth"] = json!({ "any_of": ["api_key"] });
    let (checked, edited) = place.told("apis", "new", Some(changed));
    assert_eq!((checked, edited.revision), (2, Some(3)), "as it was and as it is");
    let text = &edited.differences.0[0].text;
    assert!(text.contains("/new/operations/3/items is now for"), "{text}");
    place.agrees(3);

    let (checked, _) =
        place.told("backends", "other", Some(json!({ "endpoints": ["127.0.0.1:9002"] })));
    assert_eq!(checked, 2, "there has to be one, before and after");
    place.agrees(4);
    let (checked, _) = place.told("apis", "second", Some(api("second", "other")));
    assert_eq!(checked, 2);
    place.agrees(5);
    let slow = json!({ "endpoints": ["127.0.0.1:9002"], "timeout": "3s" });
    let (checked, edited) = place.told("backends", "other", Some(slow));
    assert_eq!(checked, 2, "only one goes there");
    assert_eq!(edited.differences.0[0].text, "backend other has 3s to answer instead of 15s");
    place.agrees(6);
    let limits = json!([{ "requests": 5, "per": "second" }]);
    let (checked, _) = place.told("tiers", "pro", Some(json!({ "limits": limits })));
    assert_eq!(checked, 2);
    place.agrees(7);

    let (checked, _) = place.told("apis", "new", None);
    assert!(checked <= 2, "{checked}");
    place.agrees(8);
    let file = place.folder.path().join("apis/file-7.yaml");
    let written = json!({ "apis": { "file-7": api("file-7", "other") } });
    fs::write(&file, written.to_string()).unwrap();
    let checked = place.checks(|place| {
        assert!(place.input.on_event(Event::Touched(file)));
        place.agrees(9);
    });
    assert_eq!(checked, 2, "a file costs the same");
    let newest = place.runtime.block_on(place.store.revisions(None, 1)).unwrap().remove(0);
    assert!(newest.difference.contains("operations/3/items now goes to other"), "{newest:?}");
}

#[test]
fn where_callers_ask_for_limits_is_another_only_if_they_are_told_otherwise() {
    let mut place = Place::new();
    let mut first = api("first-of-all", "echo");
    first["routes"]["operation-3"]["auth"] = json!({ "any_of": ["api_key"] });
    let body = || Some(first.clone());
    let (checked, _) = place.told("apis", "a", body());
    assert_eq!(checked, 31, "fifteen, and then sixteen: it is one of those that are asked");
    place.agrees(2);
    let asked = "api.example.com/.tollgate".to_owned();
    let version = |place: &mut Place| {
        let made = place.input.make().unwrap();
        made.snapshot.of(Kind::Routes).find(|(name, _)| **name == asked).unwrap().1.version.clone()
    };
    let before = version(&mut place);

    first["routes"]["operation-3"]["response"] =
        json!({ "headers": { "set": { "x-revision": "2" } } });
    let (checked, edited) = place.told("apis", "a", Some(first.clone()));
    assert_eq!((checked, edited.differences.0.len()), (2, 1), "as it was and as it is");
    place.agrees(3);
    assert_eq!(version(&mut place), before);

    first["routes"]["operation-3"]["limits"] = json!([{ "requests": 5, "per": "second" }]);
    let (checked, _) = place.told("apis", "a", Some(first.clone()));
    assert_eq!(checked, 18, "those that are asked, too");
    place.agrees(4);
    assert_ne!(version(&mut place), before);

    let (checked, _) = place.told("apis", "a", None);
    assert_eq!(checked, 33, "another one is among the sixteen then");
    place.agrees(5);
}

#[test]
fn a_backend_that_is_elsewhere_is_nothing_to_the_apis_that_use_it() {
    let mut place = Place::new();
    let file = place.folder.path().join("apis/0.yaml");
    let mut write = |text: &str, number: u64| {
        fs::write(&file, text).unwrap();
        place.checks(|place| {
            assert!(place.input.on_event(Event::Touched(file.clone())));
            place.agrees(number);
        })
    };
    let lists =
        GENERAL.replace("[\"127.0.0.1:9001\"]", "[\n\"127.0.0.1:9001\",\n\"127.0.0.1:9002\"]");
    // The identity stands on another line then, too, and is none the other for it.
    let turned = "
routing: { shards: always }
backends: { echo: { endpoints: [
  \"127.0.0.1:9001\",
  \"127.0.0.1:9002\", \"127.0.0.1:9003\" ] } }
listeners: { public: { address: \"127.0.0.1:8080\" } }
identity: { api_key: { from: [{ header: x-api-key }] } }
";
    assert_eq!(write(&lists, 2), 2, "there has to be one, before and after");
    assert_eq!(write(turned, 3), 2);
    let slow = turned.replace("{ endpoints", "{ timeout: 3s, endpoints");
    assert_eq!(usize::try_from(write(&slow, 4)), Ok(2 * FILES), "all go there");
}

#[test]
fn what_is_at_fault_is_told_as_if_all_were_checked_together() {
    let mut place = Place::new();
    let mut bad = api("new", "nowhere");
    bad["routes"]["operation-1"]["match"] = json!({ "path": "/file-7/operations/3/items" });
    bad["routes"]["operation-2"]["auth"] = json!("anybody");
    let mut whole = place.input.ledger.read().unwrap();
    whole = whole.with("apis", "new", Some(&bad.to_string()));
    let expected = place.input.ledger.compile(&whole).unwrap_err();
    let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
    assert_eq!(faults(place.edit("apis", "new", Some(bad))), expected);

    // Each is good by itself.
    let mut shadowed = api("new", "echo");
    shadowed["routes"]["operation-1"]["match"] = json!({ "path": "/file-7/operations/3/items" });
    let told = faults(place.edit("apis", "new", Some(shadowed)));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("no request to api.example.com reaches this route"), "{told:?}");

    let dry = place.ask("apis", "new", Some(api("new", "echo")), true).unwrap();
    assert_eq!((dry.revision, dry.differences.0.len()), (None, 15));
    place.edit("backends", "other", Some(json!({ "endpoints": ["127.0.0.1:9002"] }))).unwrap();
    place.edit("apis", "second", Some(api("second", "other"))).unwrap();
    let told = faults(place.edit("backends", "other", None));
    assert!(told[0].contains("no backend is named \"other\""), "{told:?}");
    let elsewhere = place.edit("apis", "file-7", Some(api("file-7", "echo"))).unwrap_err();
    let file = place.folder.path().join("apis/file-7.yaml");
    let NotEdited::Elsewhere(told) = elsewhere else { panic!("{elsewhere:?}") };
    assert_eq!(told, format!("{}:1", file.display()));
    place.agrees(3);
}

#[test]
fn whose_an_api_is_is_told_before_what_is_wrong_and_costs_as_little() {
    let mut place = Place::new();
    let (seven, eight) = ("api.example.com/file-7", "api.example.com/file-8");
    let (checked, told) = place.refused(eight, "file-7", &api("file-8", "echo"));
    assert!(
        matches!(&told, NotEdited::Outside(route) if route.contains("apis.file-7")),
        "{told:?}"
    );
    assert_eq!(checked, 1, "as it is");
    let (_, told) = place.refused(seven, "file-7", &api("file-7", "echo"));
    assert!(
        matches!(&told, NotEdited::Elsewhere(file) if file.ends_with("file-7.yaml:1")),
        "{told:?}"
    );
    let (checked, told) = place.refused(eight, "mine", &api("free", "nowhere"));
    assert!(matches!(&told, NotEdited::Faults(faults) if faults.len() == 15), "{told:?}");
    assert!(checked < 8, "{checked}");
    let (_, told) = place.refused(eight, "mine", &api("free", "echo"));
    assert!(matches!(&told, NotEdited::Outside(route) if route.contains("apis.mine")), "{told:?}");
}

#[test]
fn what_another_control_plane_changes_is_followed_object_by_object() {
    let mut place = Place::new();
    place.changed_elsewhere("theirs", 2);
    let checked = place.checks(|place| {
        assert!(place.input.on_event(Event::Stored));
        place.agrees(2);
    });
    assert_eq!(checked, 2);
    assert!(!place.input.on_event(Event::Stored), "that is all");
    assert_eq!(place.edit("apis", "new", Some(api("new", "echo"))).unwrap().revision, Some(3));
    assert!(!place.input.on_event(Event::Stored), "what was asked for is no news");
    place.agrees(3);

    // Whoever changes something before that was looked at, builds on it all the same.
    place.changed_elsewhere("other", 4);
    let checked = place.checks(|place| {
        let edited = place.edit("apis", "ours", Some(api("ours", "echo")));
        assert_eq!(edited.unwrap().revision, Some(5));
    });
    assert_eq!(checked, 4, "two changes");
    place.agrees(5);
    // A rollback serves what was, files and all.
    let target = place.runtime.block_on(place.store.content(1)).unwrap().unwrap();
    let hash = crate::ledger::Whole::of_content(target).hash();
    let rollback = kept::Rollback { number: 1, author: "bob", difference: "", hash: &hash };
    let rolled = place.store.roll_back(rollback, now());
    assert_eq!(place.runtime.block_on(rolled), Ok(6));
    assert!(place.input.on_event(Event::Stored));
    let made = place.input.make().unwrap();
    assert_eq!(made.routes.count, FILES * 15);
}
