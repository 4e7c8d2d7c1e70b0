//! What operators change by the admin API is live, and told.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tollgate_e2e::{Gateway, config};
use tollgate_support::{Answer, Authority, Built, Call, Wanted, free_port};

/// A store of its own, and an admin API.
struct Place {
    folder: tempfile::TempDir,
    port: u16,
}

impl Place {
    /// With a store that has no operator yet.
    fn new() -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port().unwrap());
        let place = Self { folder, port };
        place.done(&["tenants", "create", "acme"]);
        place
    }

    fn store(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("tollgate.db").display())
    }

    fn tollgate(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&Built::find().unwrap().tollgate);
        command.args(arguments).env("TOLLGATE_STORE", self.store()).output().unwrap()
    }

    /// What a command prints that succeeds.
    fn done(&self, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.tollgate(arguments);
        assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    async fn gateway(&self) -> Gateway {
        self.gateway_with(&[]).await
    }

    async fn gateway_with(&self, more: &[&str]) -> Gateway {
        let ours = "\n      ours: { match: { path: /ours }, backend: echo, auth: none }\n";
        self.gateway_of(ours, more).await
    }

    async fn gateway_of(&self, routes: &str, more: &[&str]) -> Gateway {
        let (store, admin) = (self.store(), format!("127.0.0.1:{}", self.port));
        let arguments = [&["--store", &store, "--admin", &admin], more].concat();
        Gateway::with_arguments(&config(routes), &arguments).await.unwrap()
    }

    async fn ask(&self, call: Call) -> Answer {
        call.send(([127, 0, 0, 1], self.port).into()).await.unwrap()
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Call::get("localhost", path)).await
    }

    async fn put(&self, path: &str, condition: (&str, &str), body: &Value) -> Answer {
        let call = Call::new("PUT", "localhost", path).header("content-type", "application/json");
        self.ask(call.header(condition.0, condition.1).body(body.to_string())).await
    }

    /// Waits until a revision is live everywhere: whether it is, and what is printed.
    fn waits(&self, revision: u64, timeout: &str) -> (bool, String) {
        let (url, revision) = (format!("http://127.0.0.1:{}", self.port), revision.to_string());
        let arguments = ["status", "--admin", &url, "--wait", &revision, "--timeout", timeout];
        let Output { status, stdout, .. } = self.tollgate(&arguments);
        (status.success(), String::from_utf8(stdout).unwrap())
    }
}

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

/// So many that they come in pieces, and are followed object by object.
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
    tollgate_support::eventually("it is live again", PATIENCE, async || {
        (said(&gateway).await == (200, "four".to_owned())).then_some(())
    })
    .await
    .unwrap();
    gateway.never_trapped().await.unwrap();
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

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_a_token_is_answered_once_there_is_an_operator() {
    let place = Place::new();
    let _gateway = place.gateway().await;
    let document = place.get("/v1/openapi.json").await.json();
    let evil = place.ask(Call::get("evil.example", "/v1/status")).await;
    assert_eq!(evil.status, 403, "{evil:?}");
    let token = |role: &str| {
        let token = place.done(&["operators", "create", role, "--role", role]);
        format!("Bearer {}", token.trim_end())
    };
    let (viewer, admin) = (token("viewer"), token("admin"));
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let call = || Call::new(&method.to_uppercase(), "localhost", path);
            for call in [call(), call().header("authorization", "Bearer tga_wrong")] {
                let answer = place.ask(call).await;
                assert_eq!(answer.status, 401, "{method} {path}: {answer:?}");
            }
            asked += 1;
        }
    }
    assert_eq!(asked, 32);
    let as_viewer = |call: Call| place.ask(call.header("authorization", &viewer));
    assert_eq!(as_viewer(Call::get("localhost", "/v1/status")).await.status, 200);
    assert_eq!(as_viewer(Call::get("localhost", "/v1/audit")).await.status, 403);
    let delete = as_viewer(Call::new("DELETE", "localhost", "/v1/apis/x")).await;
    assert_eq!(delete.status, 403, "{delete:?}");
    let call = Call::new("DELETE", "localhost", "/v1/operators/viewer");
    let ended = place.ask(call.header("authorization", &admin)).await;
    assert_eq!(ended.status, 204, "{ended:?}");
    assert_eq!(as_viewer(Call::get("localhost", "/v1/status")).await.status, 401);
    let audit = place.ask(Call::get("localhost", "/v1/audit").header("authorization", &admin));
    let audit = audit.await.json();
    assert_eq!(audit["deeds"][0]["action"], "DELETE /v1/operators/viewer", "{audit}");
    assert_eq!(audit["deeds"][0]["actor"], "admin");
}

/// What one team may write takes nothing from another.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_of_a_site_writes_apis_there_and_nothing_else() {
    let place = Place::new();
    let gateway = place.gateway().await;
    let token = |arguments: &[&str]| {
        let token = place.done(&[&["operators", "create"], arguments].concat());
        format!("Bearer {}", token.trim_end())
    };
    let admin = token(&["root", "--role", "admin"]);
    let said = ["--site", "said.example.com/said", "--site", "*.said.example.com"];
    let team = token(&[&["team", "--role", "editor"], &said[..]].concat());
    let put = async |token: &str, path: &str, condition: (&str, &str), body: &Value| {
        let call = Call::new("PUT", "localhost", path).header("content-type", "application/json");
        let call = call.header("authorization", token).header(condition.0, condition.1);
        place.ask(call.body(body.to_string())).await
    };
    let at = |host: &str, matcher: Value| {
        let mut api = api("two");
        api["hosts"] = json!([host]);
        api["routes"]["said"]["match"] = matcher;
        api
    };

    let own = put(&team, "/v1/apis/own", NEW, &api("one")).await;
    assert_eq!(own.status, 201, "{own:?}");
    let elsewhere = at("other.example.com", json!({"path": "/said"}));
    assert_eq!(put(&admin, "/v1/apis/other", NEW, &elsewhere).await.status, 201);
    let below = at("a.said.example.com", json!({"prefix": "/"}));
    assert_eq!(put(&team, "/v1/apis/below", NEW, &below).await.status, 201);
    for (host, matcher, route) in [
        ("other.example.com", json!({"path": "/said/more"}), "other.example.com"),
        ("said.example.com", json!({"path": "/sai"}), "said.example.com"),
        ("said.example.com", json!({"prefix": "/"}), "said.example.com"),
        ("*", json!({"path": "/said"}), "*"),
    ] {
        let refused = put(&team, "/v1/apis/taken", NEW, &at(host, matcher)).await;
        assert_eq!(refused.status, 403, "{refused:?}");
        let expected = format!(
            "apis.taken.routes.said at {route}: this operator may write APIs at \
             said.example.com/said, *.said.example.com alone"
        );
        assert_eq!(refused.json()["detail"], expected);
    }
    // One team cannot fill the configuration of all.
    let mut large = below.clone();
    let route = large["routes"]["said"].clone();
    for number in 1..=1000 {
        large["routes"][format!("said-{number}")] = route.clone();
    }
    let refused = put(&team, "/v1/apis/large", NEW, &large).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let expected = "apis.large.routes: 1001 are more than the 1000 that an API of this operator may \
                    have; divide it into several";
    assert_eq!(refused.json()["detail"], expected);
    for number in 3..=100 {
        let host = format!("s{number}.said.example.com");
        let more = at(&host, json!({"path": "/said"}));
        let made = put(&team, &format!("/v1/apis/more-{number}"), NEW, &more).await;
        assert_eq!(made.status, 201, "{number}: {made:?}");
    }
    let more = at("one.said.example.com", json!({"path": "/said"}));
    let refused = put(&team, "/v1/apis/more", NEW, &more).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let expected = "apis.more: this operator has 100 apis, as many as it may; remove one, or let another \
                    operator write it";
    assert_eq!(refused.json()["detail"], expected);
    assert_eq!(put(&admin, "/v1/apis/more", NEW, &more).await.status, 201);
    let there = at("other.example.com", json!({"path": "/said/more"}));
    let dry = put(&team, "/v1/apis/taken?dry_run=true", NEW, &there).await;
    assert_eq!(dry.status, 403, "{dry:?}");
    // Another's, though it would then lie at a site of its own.
    let theirs = Call::get("localhost", "/v1/apis/other").header("authorization", &team);
    let tag = place.ask(theirs).await.header("etag").unwrap().to_owned();
    let moved = put(&team, "/v1/apis/other", ("if-match", &tag), &below).await;
    assert_eq!(moved.status, 403, "{moved:?}");
    let call = Call::new("DELETE", "localhost", "/v1/apis/other").header("if-match", &tag);
    assert_eq!(place.ask(call.header("authorization", &team)).await.status, 403);
    for (method, path) in [
        ("PUT", "/v1/backends/echo"),
        ("PUT", "/v1/tiers/gold"),
        ("PUT", "/v1/tenants/globex"),
        ("POST", "/v1/tenants/acme/keys"),
        ("POST", "/v1/revocations"),
        ("POST", "/v1/revisions/1/rollback"),
    ] {
        let call = Call::new(method, "localhost", path).header("authorization", &team);
        let refused = place.ask(call).await;
        assert_eq!(refused.status, 403, "{method} {path}: {refused:?}");
    }
    let answer = async |host: &str| gateway.send(&Call::get(host, "/said")).await.unwrap().body;
    tollgate_support::eventually("all are live", PATIENCE, async || {
        let [own, below, other] =
            [answer("said.example.com"), answer("a.said.example.com"), answer("other.example.com")];
        let told = (own.await, below.await, other.await);
        (told == ("one".into(), "two".into(), "two".into())).then_some(())
    })
    .await
    .unwrap();
    gateway.never_trapped().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_others_reach_needs_an_operator() {
    let place = Place::new();
    let file = place.folder.path().join("tollgate.yaml");
    std::fs::write(&file, "").unwrap();
    let file = file.display().to_string();
    let output = place.tollgate(&["serve", &file, "--admin", "0.0.0.0:1"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains(
            "--admin: 0.0.0.0:1 can be reached from other machines, and there is no operator who \
             could show who it is; make one with `tollgate operators create`, or choose a loopback \
             address"
        ),
        "{told}"
    );
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
