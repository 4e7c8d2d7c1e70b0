//! A whole request, to the verdict.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{
    Filter as _, Headers, Operation, RequestHead, Seed, Timestamp, Verdict, is_header_name,
    is_header_value, parse,
};
use tollgate_gateway::{ContractSpec, Gateway};

/// The hash is that of `acme-key`.
const CONFIG: &str = r#"{
    "identity": {
        "jwt": {"idp": {"issuer": "https://id.example", "audiences": ["api"], "claims": {"groups": "groups", "keep": ["team"]}, "jwks": {"keys": [
            {"kty": "oct", "alg": "HS256", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]}}},
        "api_key": {"from": [{"header": "x-api-key"}, {"query": "k"}, {"cookie": "k"}]},
        "tenants": {"acme": {"tier": "pro", "keys": {"k": {"sha256":
            "afacab3575137afa4e00d9cbcafcb14c9ae25f779d964eb0ea5b2c4eb5dfd163"}}}}
    },
    "tiers": {"pro": {"limits": [{"requests": 100, "per": "second"}]}}
}"#;

const CONTRACT: &str = r#"{"api": "a", "operations": [
    {"name": "a", "group": "g", "match": {"path": "/a/{id}", "methods": ["GET"]},
     "access": {"auth": {"optional": ["api_key", "jwt.idp"]},
                "allow": {"when": "principal.method != 'x' && request.path_params.id != request.query.q"}},
     "shadow": ["allow"],
     "limits": [{"by": ["ip"], "requests": 100, "per": "second"}],
     "request": {"headers": {"set": {"x-id": "{path.id}"}}}},
    {"name": "b", "group": "g", "match": {"regex": "/b/[^/]+", "headers": {"v": "1"}},
     "access": {"auth": "none"}},
    {"name": "c", "group": "g", "match": {"prefix": "/", "query": {"q": {"regex": "[0-9]+"}}},
     "access": {"auth": "none"}}
]}"#;

/// What the pipeline reads, in spellings that are reserved and others.
const NAMES: [&str; 12] = [
    "authorization",
    "x-api-key",
    "v",
    "x-forwarded-for",
    "x-tollgate-tenant",
    "X_Tollgate.Tenant",
    "x.real.ip",
    "x-request-id",
    "content-type",
    "cookie",
    ":method",
    ":path",
];

/// Method, path, and lines, each the place of its name and its value.
type Sent<'a> = (&'a [u8], &'a [u8], Vec<(u8, &'a [u8])>);

thread_local! {
    static GATEWAY: RefCell<(Gateway, MemoryHost)> = RefCell::new(gateway());
}

fuzz_target!(|sent: Sent<'_>| {
    let (method, path, lines) = sent;
    let name = |place: u8| NAMES[usize::from(place) % NAMES.len()];
    let start = [(":method", method), (":path", path)];
    let lines = lines.into_iter().map(|(place, value)| (name(place), value));
    let headers: Headers = start.into_iter().chain(lines).collect();
    GATEWAY.with_borrow_mut(|(gateway, host)| {
        let head = RequestHead { headers: &headers };
        gateway.on_request_trailers(&headers);
        let Verdict::Continue(edits) = gateway.on_request(&head, &mut host.at(Timestamp::EPOCH))
        else {
            return;
        };
        for edit in edits.request.iter().chain(&edits.response) {
            match &edit.operation {
                Operation::Remove => {}
                Operation::Set(value) | Operation::Add(value) => {
                    assert!(is_header_name(&edit.name), "{edit:?}");
                    // Of X-Forwarded-For, what stays is what Envoy let pass.
                    assert!(&*edit.name == "x-forwarded-for" || is_header_value(value), "{edit:?}");
                }
            }
        }
    });
});

fn gateway() -> (Gateway, MemoryHost) {
    let mut gateway: Gateway = parse(CONFIG.as_bytes(), Seed([0; 16])).unwrap();
    let contract: ContractSpec = serde_json::from_str(CONTRACT).unwrap();
    let id = contract.id();
    let mut host = MemoryHost::default()
        .with_property(b"source\0address", "192.0.2.7:1234")
        .with_property(b"xds\0route_name", format!("{id} g"))
        .with_property(
            format!("xds\0virtual_host_metadata\0filter_metadata\0tollgate\0contracts\0{id}"),
            contract.canonical(),
        );
    gateway.prepare(&mut host);
    (gateway, host)
}
