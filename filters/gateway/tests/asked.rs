//! By which part of a contract callers are told how their limits stand.
#![allow(clippy::unwrap_used, reason = "what goes wrong fails the test, as it should")]

mod common;

use common::{Gate, ROUTE, body, body_path, config, contract, edits, id};
use serde_json::{Value, json};
use tollgate_gateway::ContractSpec;

const ACME: (&str, &str) = ("x-api-key", "acme-key");
const GLOBEX: (&str, &str) = ("x-api-key", "globex-key");

/// How many operations a contract has by which callers are told their limits.
fn told_by(contract: &Value) -> Option<usize> {
    let spec: ContractSpec = serde_json::from_value(contract.clone()).unwrap();
    spec.asked().map(|asked| asked.operations.len())
}

#[test]
fn a_part_of_a_contract_tells_the_same_limits_as_all_of_it() {
    let whole = contract();
    let spec: ContractSpec = serde_json::from_value(whole.clone()).unwrap();
    let asked = serde_json::to_value(spec.asked().unwrap()).unwrap();
    let answers = [&whole, &asked].map(|contract| {
        let mut gate = Gate::of(&config(), &whole);
        edits(gate.get("/slow", &[ACME]));
        let text = body(contract);
        gate.host.properties.insert(body_path(&id(contract)), text.into());
        gate.host.properties.insert(ROUTE.to_vec(), format!("{} =limits", id(contract)).into());
        let mut answer = |headers: &[(&str, &str)]| format!("{:?}", gate.get("/limits", headers));
        [answer(&[ACME]), answer(&[GLOBEX]), answer(&[]), answer(&[("x-api-key", "nobody's")])]
    });
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0][0].contains("\\\"left\\\": 0"), "{}", answers[0][0]);
    // One by key or token, one by key, that with a limit, and one by token.
    assert_eq!(told_by(&whole), Some(4));

    let mut changed = whole.clone();
    changed["operations"][0]["response"] = json!({"headers": {"set": {"x-revision": "2"}}});
    changed["operations"][1]["access"]["allow"] = json!({"scopes": ["orders.write"]});
    changed["operations"][2]["match"] = json!({"path": "/elsewhere"});
    let spec: ContractSpec = serde_json::from_value(changed).unwrap();
    assert_eq!(serde_json::to_value(spec.asked().unwrap()).unwrap(), asked, "no limit is another");
    let public = json!({"name": "get", "group": "a", "match": {"path": "/n"}, "access": {"auth": "none"},
        "limits": [{"requests": 5, "per": "hour"}]});
    assert_eq!(told_by(&json!({"api": "orders", "operations": [public]})), None, "nobody can ask");
}
