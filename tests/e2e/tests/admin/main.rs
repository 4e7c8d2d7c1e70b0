//! What operators change by the admin API is live, and told.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod large;
mod operators;
mod place;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tollgate_e2e::Gateway;
use tollgate_support::{Answer, Authority, Call, Wanted};

use crate::place::Place;

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

const NEW: (&str, &str) = ("if-none-match", "*");

/// An API that answers a text.
fn api(text: &str) -> Value {
    let route = json!({
        "match": { "path": "/said" }, "auth": "none", "respond": { "status": 200, "body": text },
    });
    json!({ "hosts": ["said.example.com"], "routes": { "said": route } })
}

async fn said(gateway: &Gateway) -> (u16, String) {
    let answer = gateway.send(&Call::get("said.example.com", "/said")).await.unwrap();
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

/// Stops an Envoy, or lets it go on.
fn signal(gateway: &mut Gateway, signal: &str) {
    let id = gateway.envoy.process().id().to_string();
    assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
}

fn revision(answer: &Answer) -> u64 {
    answer.json()["revision"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_the_api_and_a_rollback_are_live_when_status_says_so() {
    let place = Place::new();
    let mut gateway = place.gateway().await;
    assert_eq!(said(&gateway).await.0, 404);

    let first = place.put("/v1/apis/said", NEW, &api("one")).await;
    assert_eq!(first.status, 201, "{first:?}");
    let (is_live, told) = place.waits(revision(&first), "30s");
    assert!(is_live, "{told}");
    assert_eq!(said(&gateway).await, (200, "one".to_owned()));

    let tag = first.header("etag").unwrap().to_owned();
    let second = place.put("/v1/apis/said", ("if-match", &tag), &api("two")).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert!(place.waits(revision(&second), "30s").0);
    assert_eq!(said(&gateway).await, (200, "two".to_owned()));

    let late = place.put("/v1/apis/said", ("if-match", &tag), &api("three")).await;
    assert_eq!(late.status, 412, "{late:?}");
    let blind = place.put("/v1/apis/said", ("accept", "*/*"), &api("three")).await;
    assert_eq!(blind.status, 428, "{blind:?}");

    let number = revision(&first).to_string();
    place.done(&["rollback", &number, "--author", "ann"]);
    let (is_live, told) = place.waits(revision(&second) + 1, "30s");
    assert!(is_live, "{told}");
    assert_eq!(said(&gateway).await, (200, "one".to_owned()));
    let history = place.done(&["history"]);
    assert!(history.contains(", by ann\n"), "{history}");
    assert!(history.contains(", by local\n"), "{history}");
    assert!(history.contains("said.example.com:\n    any method of /said is new: "), "{history}");

    let (is_live, told) = place.waits(999, "100ms");
    assert!(!is_live && told.ends_with("revision 999 is not published here\n"), "{told}");
    // An Envoy that is stopped answers nothing.
    signal(&mut gateway, "STOP");
    let tag = place.get("/v1/apis/said").await.header("etag").unwrap().to_owned();
    let third = place.put("/v1/apis/said", ("if-match", &tag), &api("three")).await;
    let (is_live, told) = place.waits(revision(&third), "1s");
    let missing = format!("revision {} is missing on ", revision(&third));
    assert!(!is_live && told.contains(&missing), "{told}");
    signal(&mut gateway, "CONT");
    assert!(place.waits(revision(&third), "30s").0);
    assert_eq!(said(&gateway).await, (200, "three".to_owned()));
    let metrics = String::from_utf8(place.get("/metrics").await.body.to_vec()).unwrap();
    assert!(metrics.contains("tollgate_envoys{state=\"live\"} 1\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_not_be_good_is_refused_and_changes_nothing() {
    let place = Place::new();
    let gateway = place.gateway().await;
    let owned = place.get("/v1/apis").await.json();
    let names: Vec<String> = owned["objects"].as_object().unwrap().keys().cloned().collect();
    let [ours] = names.as_slice() else { panic!("{owned}") };
    let taken = place.put(&format!("/v1/apis/{ours}"), NEW, &api("one")).await;
    assert_eq!(taken.status, 409, "{taken:?}");
    let detail = taken.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("and one object has one owner; change it there"), "{detail}");

    let mut bad = api("one");
    bad["routes"]["said"]["respond"]["status"] = json!(99);
    let refused = place.put("/v1/apis/said", NEW, &bad).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let fault = refused.json()["faults"][0].as_str().unwrap().to_owned();
    assert!(fault.contains("apis.said.routes.said.respond.status: "), "{fault}");

    let dry = place.put("/v1/apis/said?dry_run=true", NEW, &api("one")).await;
    assert_eq!((dry.status, dry.json()["revision"].is_null()), (200, true), "{dry:?}");
    assert_eq!(said(&gateway).await.0, 404);
    assert_eq!(place.get("/v1/apis/said").await.status, 404);
}

/// Which checks: no 5xx, and nothing but what the document says.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance";

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_is_answered_as_the_document_says() {
    let place = Place::new();
    let _gateway = place.gateway().await;
    let token = place.done(&["operators", "create", "examiner", "--role", "admin"]);
    let shown = format!("authorization: Bearer {}", token.trim_end());
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../../.tools/schemathesis/bin/python");
    let document = format!("http://127.0.0.1:{}/v1/openapi.json", place.port);
    let mut command = Command::new(&python);
    command.current_dir(place.folder.path()).args(["-m", "schemathesis.cli", "run", &document]);
    command.args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"]);
    command.args(["-n", "15", "--seed", "1", "-H", &shown]);
    let output = command.output();
    let output =
        output.unwrap_or_else(|_| panic!("{}: run scripts/schemathesis.py", python.display()));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("  Tested: 31\n"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_api_is_served_by_https_and_takes_new_certificates() {
    let place = Place::new();
    let file = |name: &str| place.folder.path().join(name).display().to_string();
    let [certificate, key, authorities] = ["admin.pem", "admin.key", "ca.pem"].map(file);
    let sign = |authority: &Authority| {
        let signed = authority.sign(&Wanted::server().unwrap()).unwrap();
        std::fs::write(&key, &signed.key_pem).unwrap();
        std::fs::write(&certificate, &signed.pem).unwrap();
        std::fs::write(&authorities, authority.pem()).unwrap();
    };
    sign(&Authority::new("first").unwrap());
    let options = ["--admin-certificate", &certificate, "--admin-key", &key];
    let gateway = place.gateway_with(&options).await;
    let url = format!("https://localhost:{}", place.port);
    let ask = |more: &[&str]| place.tollgate(&[&["status", "--admin", &url], more].concat());
    let told = ask(&["--authorities", &authorities, "--wait", "1"]);
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success() && text.contains("is live on 1 of 1 Envoys"), "{told:?}");
    let told = ask(&[]);
    assert!(!told.status.success(), "nobody knows who signed that: {told:?}");
    let clear = Call::get("localhost", "/v1/status");
    let clear = clear.send(([127, 0, 0, 1], place.port).into()).await;
    assert!(clear.is_err(), "nothing is told in clear");

    sign(&Authority::new("second").unwrap());
    tollgate_support::eventually("new certificates are shown", PATIENCE, async || {
        ask(&["--authorities", &authorities]).status.success().then_some(())
    })
    .await
    .unwrap();
    gateway.never_trapped().await.unwrap();
}
