//! What requests hold until they end.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod common;

use serde_json::{Value, json};
use tollgate_core::{Filter as _, Ticket, Timestamp, property};

use crate::common::{Gate, config, edits, request, show};

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

/// A gateway whose tier `pro` may have one request and one stream.
fn gate() -> Gate {
    gate_of(&json!({"in_flight": 1, "streams": 1}))
}

fn gate_of(pro: &Value) -> Gate {
    let mut config = config();
    config["budgets"] = json!({"tiers": {"pro": pro}});
    config["identity"]["mtls"] = json!({"tenant": "uri_san", "pattern": "spiffe://{tenant}"});
    let key = json!({"auth": {"any_of": ["api_key"]}});
    let contract = json!({"api": "orders", "backends": {"echo": {"in_flight": 2}}, "operations": [
        {"name": "get", "group": "a", "match": {"path": "/get"}, "access": key, "uses": {"backends": ["echo"]}},
        {"name": "socket", "group": "a", "match": {"path": "/socket"}, "access": key,
         "uses": {"backends": ["echo"], "streams": "upgrades"}},
    ]});
    Gate::of(&config, &contract)
}

fn ask(gate: &mut Gate, path: &str, key: &str, more: &[(&str, &str)]) -> Result<Ticket, String> {
    let headers = [&[("x-api-key", key)], more].concat();
    let verdict = gate.judge(&request("GET", path, &headers));
    match show(&verdict).as_str() {
        "200" => Ok(edits(verdict).ticket.unwrap()),
        refused => Err(refused.to_owned()),
    }
}

#[test]
fn a_request_holds_its_place_until_it_ends() {
    let mut gate = gate();
    let first = ask(&mut gate, "/get", "acme-key", &[]).unwrap();
    let refused = "503 too-many-in-flight retry-after: 1";
    assert_eq!(ask(&mut gate, "/get", "acme-key", &[]), Err(refused.to_owned()));
    gate.gateway.on_end(first, &mut gate.host.at(NOW));
    // Once is enough: nothing is given back twice.
    gate.gateway.on_end(first, &mut gate.host.at(NOW));
    ask(&mut gate, "/get", "acme-key", &[]).unwrap();
    assert_eq!(ask(&mut gate, "/get", "acme-key", &[]), Err(refused.to_owned()));
}

#[test]
fn streams_count_by_themselves_and_in_what_the_backend_takes() {
    let mut gate = gate();
    let upgrade = [("upgrade", "websocket")];
    ask(&mut gate, "/socket", "acme-key", &upgrade).unwrap();
    let refused = "503 too-many-streams retry-after: 1";
    assert_eq!(ask(&mut gate, "/socket", "acme-key", &upgrade), Err(refused.to_owned()));
    ask(&mut gate, "/socket", "acme-key", &[]).unwrap();
    let busy = "503 backend-busy retry-after: 1";
    assert_eq!(ask(&mut gate, "/get", "globex-key", &[]), Err(busy.to_owned()));
}

/// What comes next comes on a new connection, which began with this certificate.
fn connect(gate: &mut Gate, number: u64, certificate: &str) {
    let uri = b"connection\0uri_san_peer_certificate".to_vec();
    gate.host.properties.insert(uri, certificate.as_bytes().to_vec());
    gate.host.properties.insert(property::CONNECTION.to_vec(), number.to_le_bytes().to_vec());
    gate.gateway.on_connection(number);
}

#[test]
fn a_connection_is_that_of_its_certificate_or_else_of_who_comes_first_on_it() {
    let mut gate = gate_of(&json!({"connections": 1}));
    let is_refused = |asked: Result<Ticket, String>| {
        asked.is_err_and(|refused| refused.starts_with("503 too-many-connections"))
    };
    connect(&mut gate, 1, "spiffe://acme");
    ask(&mut gate, "/get", "globex-key", &[]).unwrap();
    connect(&mut gate, 2, "spiffe://acme");
    assert!(is_refused(ask(&mut gate, "/get", "globex-key", &[])));
    for certificate in ["", "spiffe://globex", "https://acme"] {
        connect(&mut gate, 3, certificate);
        let held = ask(&mut gate, "/get", "globex-key", &[]).unwrap();
        gate.gateway.on_end(held, &mut gate.host.at(NOW));
    }
    connect(&mut gate, 4, "");
    assert!(is_refused(ask(&mut gate, "/get", "acme-key", &[])));
    gate.gateway.on_disconnection(1, &mut gate.host.at(NOW));
    ask(&mut gate, "/get", "acme-key", &[]).unwrap();
}

#[test]
fn a_stream_whose_caller_may_still_call_is_left_alone() {
    let mut gate = gate();
    let ticket = ask(&mut gate, "/socket", "acme-key", &[("upgrade", "websocket")]).unwrap();
    gate.gateway.on_tick(&mut gate.host.at(NOW));
    assert_eq!(gate.gateway.overdue(), []);
    gate.gateway.on_end(ticket, &mut gate.host.at(NOW));
    gate.gateway.on_tick(&mut gate.host.at(Timestamp::from_seconds(1_000_002)));
    assert_eq!(gate.gateway.overdue(), []);
}
