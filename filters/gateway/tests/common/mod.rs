//! A gateway with a host in memory, as Envoy would hold it.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, reason = "shared by several tests")]

use serde_json::{Value, json};
use tollgate_core::testing::MemoryHost;
use tollgate_core::{
    Edit, Edits, Filter as _, Headers, Operation, RequestHead, Seed, Timestamp, Verdict, parse,
};
use tollgate_gateway::{ContractSpec, Gateway};

pub(crate) const ROUTE: &[u8] = b"xds\0route_name";
const BODIES: &str = "xds\0virtual_host_metadata\0filter_metadata\0tollgate\0contracts\0";

/// Of `acme-key`.
const ACME_SHA256: &str = "afacab3575137afa4e00d9cbcafcb14c9ae25f779d964eb0ea5b2c4eb5dfd163";
/// Of `globex-key`.
const GLOBEX_SHA256: &str = "f2a455b59b858a04c51108416af2042203cb6ac35fa4141fba4148bc856e78d4";

pub(crate) fn config() -> Value {
    json!({
        "identity": {
            "jwt": {"idp": {"issuer": "https://id.example", "audiences": ["api"]}},
            "api_key": {"from": [{"header": "x-api-key"}]},
            "tenants": {
                "acme": {"tier": "pro", "keys": {"k1": {"sha256": ACME_SHA256, "scopes": ["orders.read", "orders.write"]}}},
                "globex": {"keys": {"k2": {"sha256": GLOBEX_SHA256}}},
            },
        },
        "tiers": {"pro": {"limits": [{"requests": 100, "per": "hour"}]}},
        "trusted_hops": 0,
    })
}

/// A contract with some of everything.
pub(crate) fn contract() -> Value {
    let key = json!({"auth": {"any_of": ["api_key"]}});
    let scoped = |scope: &str| json!({"auth": {"any_of": ["jwt.idp", "api_key"]}, "allow": {"scopes": [scope]}});
    let public = json!({"auth": "none"});
    json!({"api": "orders", "operations": [
        {"name": "get", "group": "a", "match": {"path": "/orders/{id}", "methods": ["GET"]}, "access": scoped("orders.read"),
         "request": {"headers": {"set": {"x-order-id": "{path.id}"}, "remove": ["x-debug"]}},
         "response": {"headers": {"remove": ["server"]}}},
        {"name": "put", "group": "a", "match": {"path": "/orders/{id}", "methods": ["PUT"]}, "access": scoped("orders.admin")},
        {"name": "other", "group": "b", "match": {"path": "/other"}, "access": public},
        {"name": "keyed", "group": "a", "match": {"path": "/keyed", "methods": ["GET", "HEAD", "OPTIONS"]}, "access": key},
        {"name": "v2", "group": "a", "match": {"path": "/v", "headers": {"x-version": "2"}, "query": {"q": {"present": true}}}, "access": public},
        {"name": "slow", "group": "a", "match": {"path": "/slow"}, "access": key,
         "limits": [{"by": ["tenant"], "requests": 1, "per": "hour"}]},
        {"name": "token", "group": "a", "match": {"path": "/token"}, "access": {"auth": {"any_of": ["jwt.idp"]}}},
        {"name": "rest", "group": "a", "match": {"prefix": "/public"}, "access": public},
    ]})
}

pub(crate) fn body(contract: &Value) -> String {
    serde_json::from_value::<ContractSpec>(contract.clone()).unwrap().canonical()
}

pub(crate) fn id(contract: &Value) -> String {
    serde_json::from_value::<ContractSpec>(contract.clone()).unwrap().id()
}

pub(crate) fn body_path(id: &str) -> Vec<u8> {
    format!("{BODIES}{id}").into_bytes()
}

pub(crate) struct Gate {
    pub(crate) gateway: Gateway,
    pub(crate) host: MemoryHost,
}

impl Gate {
    /// A stream on a route of group `a` of [`contract`].
    pub(crate) fn new() -> Self {
        Self::of(&config(), &contract())
    }

    pub(crate) fn of(config: &Value, contract: &Value) -> Self {
        let mut gateway: Gateway = parse(config.to_string().as_bytes(), Seed([7; 16])).unwrap();
        let mut host = MemoryHost::default()
            .with_property(ROUTE, format!("{} a", id(contract)))
            .with_property(body_path(&id(contract)), body(contract))
            .with_property(b"source\0address", "192.0.2.7:1234");
        gateway.prepare(&mut host);
        Self { gateway, host }
    }

    pub(crate) fn judge(&mut self, headers: &Headers) -> Verdict {
        let mut cx = self.host.at(Timestamp::from_seconds(1_000_000));
        self.gateway.on_request(&RequestHead { headers }, &mut cx)
    }

    pub(crate) fn send(&mut self, pairs: &[(&str, &[u8])]) -> Verdict {
        self.judge(&pairs.iter().copied().collect())
    }

    pub(crate) fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Verdict {
        self.ask("GET", path, headers)
    }

    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> Verdict {
        self.judge(&request(method, path, headers))
    }
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Headers {
    let start = [(":method", method), (":path", path), (":authority", "orders.example")];
    start.iter().chain(headers).copied().collect()
}

/// `200`, or the refusal's status, name and fields.
pub(crate) fn show(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Continue(_) => "200".to_owned(),
        Verdict::Reply(reply) => {
            let fields = reply.headers.iter().map(|(name, value)| format!(" {name}: {value}"));
            format!("{} {}{}", reply.problem.status, reply.problem.name, fields.collect::<String>())
        }
        Verdict::Answer(content) => format!("200 {}", content.details),
        Verdict::Wait(_) => "waits".to_owned(),
        Verdict::Body { bytes_max } => format!("awaits {bytes_max} bytes"),
    }
}

pub(crate) fn edits(verdict: Verdict) -> Edits {
    match verdict {
        Verdict::Continue(edits) => edits,
        refused => panic!("refused: {refused:?}"),
    }
}

/// The headers as the backend sees them, after the edits.
pub(crate) fn after(headers: &[(&str, &str)], edits: &[Edit]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut lines: Vec<_> = headers.iter().map(owned).collect();
    for Edit { name, operation } in edits {
        let add = match operation {
            Operation::Remove => None,
            Operation::Set(value) | Operation::Add(value) => Some(value),
        };
        if !matches!(operation, Operation::Add(_)) {
            lines.retain(|(line, _)| !line.eq_ignore_ascii_case(name));
        }
        lines.extend(add.map(|value| (name.to_string(), String::from_utf8_lossy(value).into())));
    }
    lines.sort();
    lines
}
