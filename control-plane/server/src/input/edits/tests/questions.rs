//! What is asked of a large configuration is answered as if all of it were looked at.

use tollgate_callers::{Request, explain};
use tollgate_core::Timestamp;
use tollgate_model::document;

use super::*;
use crate::event::Question;
use crate::table::Table;

impl Place {
    fn question<T: Send + 'static>(
        &mut self,
        question: impl FnOnce(&Table) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = sync_channel(1);
        let question = move |table: &Table| drop(reply.send(question(table)));
        self.input.on_event(Event::Ask(Question(Box::new(question))));
        answer.recv().ok()
    }

    fn found(&mut self, section: &'static str, name: &str) -> Option<(String, Value)> {
        let asked = name.to_owned();
        let sources = self.question(move |table| table.sources_of(section, Some(&asked)));
        let mut found = sources.unwrap().into_iter().filter_map(|source| {
            let body = document(&source).unwrap().get(section)?.get(name)?.clone();
            Some((source.name, body))
        });
        found.next()
    }
}

#[test]
fn an_object_is_found_without_reading_the_others() {
    let mut place = Place::new();
    place.edit("apis", "new", Some(api("new", "echo"))).unwrap();
    let tier = json!({ "limits": [{ "requests": 5, "per": "second" }] });
    place.edit("tiers", "pro", Some(tier.clone())).unwrap();
    let file = |name: &str| place.folder.path().join("apis").join(name).display().to_string();
    let (of_seven, of_all) = (file("file-7.yaml"), file("0.yaml"));
    assert_eq!(place.found("apis", "new"), Some(("api".to_owned(), api("new", "echo"))));
    assert_eq!(place.found("apis", "file-7"), Some((of_seven.clone(), api("file-7", "echo"))));
    assert_eq!(place.found("apis", "nobody"), None);
    assert_eq!(place.found("tiers", "pro"), Some(("api".to_owned(), tier)));
    assert_eq!(place.found("backends", "echo").unwrap().0, of_all);
    let owners = place.question(Table::owners_of_apis).unwrap();
    assert_eq!(owners.len(), FILES + 1);
    assert_eq!((&owners["new"], &owners["file-7"]), (&"api".to_owned(), &of_seven));
}

#[test]
fn a_request_is_explained_as_the_whole_configuration_says() {
    let mut place = Place::new();
    let mut keyed = api("keyed", "echo");
    keyed["hosts"] = json!(["*.example.com"]);
    keyed["routes"]["operation-3"]["auth"] = json!({ "any_of": ["api_key"] });
    keyed["routes"]["operation-4"]["match"] = json!({ "path": "/{any}/thing" });
    place.edit("apis", "keyed", Some(keyed)).unwrap();
    let whole = place.whole();
    for (url, apis) in [
        ("http://api.example.com/file-7/operations/3/items", 2),
        ("http://api.example.com/FILE-7/operations/3/items", 2),
        ("http://api.example.com/file-7/operations/99/items?x=y", 2),
        ("http://api.example.com/nowhere", 1),
        ("http://api.example.com:8080/", 1),
        ("http://api.example.com/%2e%2e/", 1),
        ("http://other.example.com/keyed/operations/3/items", 1),
        ("http://other.example.com/whatever/thing", 1),
        ("http://other.example.com/.tollgate/limits", 1),
        ("http://example.org/", 1),
    ] {
        let request = Request {
            method: "GET".to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            from: [127, 0, 0, 1].into(),
            at: Timestamp::from_seconds(1_800_000_000),
        };
        let (host, first) = request.site().unwrap();
        let asked = move |place: &mut Place| place.question(move |table| table.at(&host, &first));
        let mut gateway = None;
        assert_eq!(place.checks(|place| gateway = asked(place)), apis, "{url}");
        let explained = explain(&gateway.unwrap().unwrap(), &request);
        assert_eq!(format!("{explained:?}"), format!("{:?}", explain(&whole, &request)), "{url}");
    }
}

#[test]
fn what_is_not_followed_is_not_told_of() {
    let mut place = Place::new();
    let file = place.folder.path().join("apis/file-7.yaml");
    fs::write(&file, "apis: 7").unwrap();
    assert!(place.input.on_event(Event::Touched(file)));
    assert_eq!(place.question(Table::owners_of_apis), None, "all is read together");
}
