//! Of so many routes that they come in pieces, one object is changed and looked at.

use serde_json::{Value, json};
use tollgate_e2e::{ACME, Gateway};
use tollgate_support::{Call, eventually};

use crate::place::Place;
use crate::{NEW, PATIENCE, api, revision, said};

fn many_routes() -> String {
    let route = |number: usize| {
        format!(
            "      one-{number}: {{ match: {{ path: /all/{number}/items }}, backend: echo, auth: none }}\n"
        )
    };
    (0..1100).map(route).fold("\n".to_owned(), |all, one| all + &one)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_large_configuration_too_one_object_changes_and_comes_back() {
    let place = Place::new();
    let mut gateway = place.gateway_of(&many_routes(), &[]).await;
    let first = place.put("/v1/apis/said", NEW, &api("one")).await;
    assert_eq!(first.status, 201, "{first:?}");
    assert!(place.waits(revision(&first), "30s").0);
    assert_eq!(said(&gateway).await, (200, "one".to_owned()));
    let text = first.json()["differences"][0]["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("any method of /said is new: "), "{text}");

    let tag = first.header("etag").unwrap().to_owned();
    let second = place.put("/v1/apis/said", ("if-match", &tag), &api("two")).await;
    assert_eq!((second.status, revision(&second)), (200, revision(&first) + 1), "{second:?}");
    assert!(place.waits(revision(&second), "30s").0);
    assert_eq!(said(&gateway).await, (200, "two".to_owned()));
    let late = place.put("/v1/apis/said", ("if-match", &tag), &api("three")).await;
    assert_eq!(late.status, 412, "{late:?}");

    let mut bad = api("three");
    bad["routes"]["said"]["backend"] = json!("nowhere");
    let tag = second.header("etag").unwrap().to_owned();
    let refused = place.put("/v1/apis/said", ("if-match", &tag), &bad).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let taken = place.put("/v1/apis/orders", NEW, &api("three")).await;
    assert_eq!(taken.status, 409, "it stands in a file: {taken:?}");

    let number = revision(&first).to_string();
    place.done(&["rollback", &number, "--author", "ann"]);
    assert!(place.waits(revision(&second) + 1, "30s").0);
    assert_eq!(said(&gateway).await, (200, "one".to_owned()));
    // What it holds are the files of before, and these are the same.
    let tag = place.get("/v1/apis/said").await.header("etag").unwrap().to_owned();
    let third = place.put("/v1/apis/said", ("if-match", &tag), &api("three")).await;
    assert!(place.waits(revision(&third), "30s").0);
    assert_eq!(said(&gateway).await, (200, "three".to_owned()));

    // A new process goes on where the one before it was.
    gateway.control_plane.kill();
    gateway.control_plane.run().await.unwrap();
    let tag = third.header("etag").unwrap().to_owned();
    let fourth = place.put("/v1/apis/said", ("if-match", &tag), &api("four")).await;
    assert_eq!(revision(&fourth), revision(&third) + 1, "{fourth:?}");
    eventually("it is live again", PATIENCE, async || {
        (said(&gateway).await == (200, "four".to_owned())).then_some(())
    })
    .await
    .unwrap();
    gateway.never_trapped().await.unwrap();
}

/// An API of a text that callers with a key get, so often an hour.
fn limited(text: &str, requests: u32) -> Value {
    let mut api = api(text);
    let route = &mut api["routes"]["said"];
    route["auth"] = json!({ "any_of": ["api_key"] });
    route["limits"] = json!([{ "requests": requests, "per": "hour" }]);
    api
}

/// What callers are told of that: how many, and how many are left.
async fn standing(gateway: &Gateway) -> Option<(Value, Value)> {
    let call = Call::get("said.example.com", "/.tollgate/limits").header("x-api-key", ACME);
    let body = gateway.send(&call).await.ok().filter(|answer| answer.status == 200)?.json();
    let mut limits = body["limits"].as_array()?.iter();
    let own = limits.find(|one| one["route"] == "said")?;
    Some((own["requests"].clone(), own["left"].clone()))
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_are_told_the_limits_of_an_api_as_it_is_now() {
    let place = Place::new();
    let gateway = place.gateway_of(&many_routes(), &[]).await;
    let first = place.put("/v1/apis/said", NEW, &limited("one", 5)).await;
    assert!(place.waits(revision(&first), "30s").0);
    assert_eq!(standing(&gateway).await, Some((json!(5), json!(5))));
    let call = Call::get("said.example.com", "/said").header("x-api-key", ACME);
    assert_eq!(gateway.send(&call).await.unwrap().status, 200);
    assert_eq!(standing(&gateway).await, Some((json!(5), json!(4))));

    // What callers are told is another, and how often they are is not.
    let tag = first.header("etag").unwrap().to_owned();
    let second = place.put("/v1/apis/said", ("if-match", &tag), &limited("two", 5)).await;
    assert!(place.waits(revision(&second), "30s").0);
    assert_eq!(gateway.send(&call).await.unwrap().body, "two");
    assert_eq!(standing(&gateway).await, Some((json!(5), json!(3))));

    let tag = second.header("etag").unwrap().to_owned();
    let third = place.put("/v1/apis/said", ("if-match", &tag), &limited("two", 7)).await;
    assert!(place.waits(revision(&third), "30s").0);
    let told = standing(&gateway).await.unwrap();
    assert_eq!(told.0, json!(7));
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_is_shown_and_one_request_explained() {
    let place = Place::new();
    let gateway = place.gateway_of(&many_routes(), &[]).await;
    let made = place.put("/v1/apis/said", NEW, &limited("one", 5)).await;
    assert!(place.waits(revision(&made), "30s").0);
    let shown = place.get("/v1/apis/said").await;
    assert_eq!((shown.json(), shown.header("etag")), (limited("one", 5), made.header("etag")));
    let orders = place.get("/v1/apis/orders").await.json();
    assert_eq!(orders["routes"].as_object().unwrap().len(), 1100);
    assert_eq!(place.get("/v1/apis/nobody").await.status, 404);
    let objects = place.get("/v1/apis").await.json()["objects"].clone();
    assert_eq!(objects["said"], "api");
    assert!(objects["orders"].as_str().is_some_and(|file| file.contains(".yaml")), "{objects}");
    assert_eq!(place.get("/v1/backends").await.json()["objects"].as_object().unwrap().len(), 1);

    for (path, key, status) in
        [("/said", Some(ACME), 200), ("/said", None, 401), ("/nowhere", Some(ACME), 404)]
    {
        let url = format!("http://said.example.com{path}");
        let headers = key.map_or(json!({}), |key| json!({ "x-api-key": key }));
        let asked = json!({ "method": "GET", "url": url, "headers": headers });
        let call = Call::new("POST", "localhost", "/v1/explain");
        let call = call.header("content-type", "application/json").body(asked.to_string());
        let told = place.ask(call).await.json();
        assert!(told["answer"].as_str().unwrap().contains(&status.to_string()), "{told:#}");
        let mut call = Call::get("said.example.com", path);
        if let Some(key) = key {
            call = call.header("x-api-key", key);
        }
        assert_eq!(gateway.send(&call).await.unwrap().status, status, "{path}");
    }
    gateway.never_trapped().await.unwrap();
}
