//! A whole request, to the verdict: as anybody sends it, or signed by somebody who may.
#![no_main]

mod signer;

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use signer::{AUTHORITY, NOW, Signer};
use tollgate_core::testing::MemoryHost;
use tollgate_core::{
    Edit, Filter as _, Headers, Operation, RequestHead, Seed, Timestamp, Verdict, is_header_name,
    is_header_value, parse,
};
use tollgate_gateway::{ContractSpec, Gateway};

/// The hash is that of `acme-key`, and the secret that of [`signer`].
const CONFIG: &str = r#"{
    "identity": {
        "hmac": {},
        "sigv4": {"region": "r", "service": "s", "presigned": true},
        "http_signature": {},
        "signing_keys": {"keys": {
            "h": {"scheme": "hmac", "tenant": "acme", "secret": "01234567890123456789012345678901"},
            "A": {"scheme": "sigv4", "tenant": "acme", "secret": "01234567890123456789012345678901"},
            "r": {"scheme": "http_signature", "tenant": "acme", "secret": "01234567890123456789012345678901"}
        }, "body_bytes_max": 1000},
        "jwt": {"idp": {"issuer": "https://id.example", "audiences": ["api"], "claims": {"groups": "groups", "keep": ["team"]}, "jwks": {"keys": [
            {"kty": "oct", "alg": "HS256", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]}}},
        "api_key": {"from": [{"header": "x-api-key"}, {"query": "k"}, {"cookie": "k"}]},
        "tenants": {"acme": {"tier": "pro", "keys": {"k": {"sha256":
            "afacab3575137afa4e00d9cbcafcb14c9ae25f779d964eb0ea5b2c4eb5dfd163"}}}}
    },
    "tiers": {"pro": {"limits": [{"requests": 1000000, "per": "second"}]}}
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
    {"name": "s", "group": "g", "match": {"prefix": "/s"},
     "access": {"auth": {"any_of": ["hmac", "sigv4", "http_signature", "api_key", "jwt.idp"]}, "allow": {"when": "request.query.q != 'x'"}},
     "shadow": ["allow"]},
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

/// How it is signed, method, path, lines (each the place of its name and its
/// value), and body.
type Sent<'a> = (u8, &'a [u8], &'a [u8], Vec<(u8, &'a [u8])>, &'a [u8]);

thread_local! {
    static GATEWAY: RefCell<(Gateway, MemoryHost)> = RefCell::new(gateway());
    static SIGNER: RefCell<Signer> = RefCell::new(Signer::default());
}

fuzz_target!(|sent: Sent<'_>| {
    let (how, method, path, lines, body) = sent;
    let method = if how & 0x40 == 0 { b"GET" } else { method };
    let signed =
        SIGNER.with_borrow_mut(|signer| signer.sign(how, method, path, body)).unwrap_or_default();
    // Signed as AWS does, and nothing besides.
    let is_plain = signed.target.is_some()
        && (method, lines.is_empty()) == (b"GET", true)
        && path.len().max(body.len()) < 1000;
    let path = signed.target.as_deref().unwrap_or(path);
    let name = |place: u8| NAMES[usize::from(place) % NAMES.len()];
    let start: [(&str, &[u8]); 4] = [
        (":method", method),
        (":scheme", b"https"),
        (":path", path),
        (":authority", AUTHORITY.as_bytes()),
    ];
    let lines = lines.into_iter().map(|(place, value)| (name(place), value));
    let more = signed.lines.iter().map(|(name, value)| (*name, value.as_bytes()));
    let headers: Headers = start.into_iter().chain(more).chain(lines).collect();
    GATEWAY.with_borrow_mut(|(gateway, host)| {
        let head = RequestHead { headers: &headers };
        gateway.on_request_trailers(&headers);
        let cx = &mut host.at(Timestamp::from_seconds(NOW));
        let verdict = match gateway.on_request(&head, cx) {
            Verdict::Body { bytes_max } => {
                gateway.on_whole_request(&head, &body[..body.len().min(bytes_max)], cx)
            }
            verdict => verdict,
        };
        let Verdict::Continue(edits) = verdict else {
            let is_refused =
                matches!(&verdict, Verdict::Reply(reply) if reply.problem.status == 401);
            assert!(!(is_plain && is_refused), "rightly signed, and refused: {verdict:?}");
            return;
        };
        edits.request.iter().chain(&edits.response).for_each(is_sound);
    });
});

/// What Envoy is told to change, it can, and nobody else can put words in its mouth.
fn is_sound(edit: &Edit) {
    match &edit.operation {
        Operation::Remove => {}
        Operation::Set(value) | Operation::Add(value) if &*edit.name == ":path" => {
            assert!(value.starts_with(b"/"), "{edit:?}");
            assert!(!value.windows(6).any(|part| part.eq_ignore_ascii_case(b"x-amz-")), "{edit:?}");
        }
        Operation::Set(value) | Operation::Add(value) => {
            assert!(is_header_name(&edit.name), "{edit:?}");
            // Of X-Forwarded-For, what stays is what Envoy let pass.
            assert!(&*edit.name == "x-forwarded-for" || is_header_value(value), "{edit:?}");
        }
    }
}

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
