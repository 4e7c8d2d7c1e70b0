//! Who may use the admin API, and for what.

use serde_json::{Value, json};
use tollgate_support::Call;

use crate::place::Place;
use crate::{NEW, PATIENCE, api};

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
