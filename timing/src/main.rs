//! Whether the time that a refusal takes tells how nearly right a secret was
//! (dudect: Welch's t-test on two classes of inputs; |t| below 5 after a million
//! samples shows no difference). `naive` is the measure of the measure: what it
//! compares, byte for byte, must be found out.
//!
//! `make timing` runs it, best on a machine with nothing else to do.

mod key_id;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use dudect_bencher::rand::RngExt as _;
use dudect_bencher::{BenchRng, Class, CtRunner, ctbench_main};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::Full;
use sha2::{Digest as _, Sha256};
use tollgate_auth::AuthFilter;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{Filter as _, Headers, RequestHead, Seed, Timestamp, parse};
use tollgate_identity::{Front, FrontSpec, IntrospectionService, Secret, SystemClock};

use crate::key_id::{hmac_key_id, http_signature_key_id, kept_key_id, sigv4_key_id};

ctbench_main!(
    naive,
    api_key,
    hmac,
    hmac_key_id,
    kept_key_id,
    sigv4_key_id,
    http_signature_key_id,
    introspection_secret
);

const SAMPLES: usize = 1_000_000;

const NOW: u64 = 1_700_000_000;
const SECRET: &str = "the secret that acme and the gateway share";

/// Runs `judge` on secrets of which only the beginning is wrong, and on others of
/// which only the end is, in no order.
fn compare(
    right: &[u8],
    runner: &mut CtRunner,
    rng: &mut BenchRng,
    mut judge: impl FnMut(Class, &[u8], &mut CtRunner),
) {
    for _ in 0..SAMPLES {
        let is_left = rng.random::<bool>();
        let (class, place) =
            if is_left { (Class::Left, 0) } else { (Class::Right, right.len() - 1) };
        let mut shown = right.to_vec();
        shown[place] ^= rng.random_range(1..8);
        judge(class, &shown, runner);
    }
}

/// Takes the time of what can be done only once.
fn once<T>(runner: &mut CtRunner, class: Class, judge: impl FnOnce() -> T) {
    let judge = Cell::new(Some(judge));
    runner.run_one(class, || judge.take().map(|judge| judge()));
}

fn naive(runner: &mut CtRunner, rng: &mut BenchRng) {
    let right = [b'k'; 64];
    compare(&right, runner, rng, |class, shown, runner| {
        runner.run_one(class, || shown.iter().zip(&right).all(|(ours, theirs)| ours == theirs));
    });
}

/// The filter alone, for callers with API keys and for those who sign.
fn filter() -> (AuthFilter, MemoryHost) {
    let key: String = Sha256::digest(SECRET).iter().map(|byte| format!("{byte:02x}")).collect();
    let config = serde_json::json!({
        "identity": {
            "hmac": {},
            "signing_keys": {"keys": {
                "acme-1": {"scheme": "hmac", "tenant": "acme", "secret": SECRET},
            }, "body_bytes_max": 1000},
            "api_key": {"from": [{"header": "x-api-key"}]},
            "tenants": {"acme": {"keys": {"k": {"sha256": key}}}},
        },
        "access": {"auth": {"any_of": ["hmac", "api_key"]}},
    });
    compiled(&config)
}

fn compiled(config: &serde_json::Value) -> (AuthFilter, MemoryHost) {
    let mut filter: AuthFilter = parse(config.to_string().as_bytes(), Seed([7; 16])).unwrap();
    let mut host = MemoryHost::default();
    filter.prepare(&mut host);
    (filter, host)
}

fn head(name: &str, value: &[u8]) -> Headers {
    head_with(&[(name, value)])
}

fn head_with(lines: &[(&str, &[u8])]) -> Headers {
    let known = [
        (":method", &b"GET"[..]),
        (":scheme", b"http"),
        (":authority", b"a.example"),
        (":path", b"/x"),
    ];
    known.iter().chain(lines).copied().collect()
}

fn api_key(runner: &mut CtRunner, rng: &mut BenchRng) {
    let (mut filter, mut host) = filter();
    compare(SECRET.as_bytes(), runner, rng, |class, shown, runner| {
        let headers = head("x-api-key", shown);
        let (head, cx) =
            (RequestHead { headers: &headers }, &mut host.at(Timestamp::from_seconds(NOW)));
        once(runner, class, || filter.on_whole_request(&head, b"", cx));
    });
}

/// A credential of our own HMAC scheme.
fn credential(id: &str, mac: &[u8]) -> String {
    let mac = STANDARD.encode(mac);
    format!("HMAC-SHA256 keyId=\"{id}\",created={NOW},nonce=\"n\",signature=\"{mac}\"")
}

/// What the key signs in [`head`].
fn mac() -> Vec<u8> {
    let digest = STANDARD.encode(Sha256::digest(b""));
    let text =
        format!("HMAC-SHA256\nacme-1\n{NOW}\nn\nGET\na.example\n/x\n\n\nsha-256=:{digest}:\n");
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

fn hmac(runner: &mut CtRunner, rng: &mut BenchRng) {
    let (mut filter, mut host) = filter();
    compare(&mac(), runner, rng, |class, shown, runner| {
        let headers = head("authorization", credential("acme-1", shown).as_bytes());
        let (head, cx) =
            (RequestHead { headers: &headers }, &mut host.at(Timestamp::from_seconds(NOW)));
        once(runner, class, || filter.on_whole_request(&head, b"", cx));
    });
}

/// The secret by which gateways are known to the control plane.
fn introspection_secret(runner: &mut CtRunner, rng: &mut BenchRng) {
    let front = Front::compile(FrontSpec::new(BTreeMap::new()), None, Arc::new(SystemClock));
    let right = "0123456789abcdef0123456789abcdef";
    let service = IntrospectionService::new(Arc::new(front.unwrap()), &Secret::new(right));
    let service = service.unwrap();
    compare(right.as_bytes(), runner, rng, |class, shown, runner| {
        let authorization = [b"Bearer ", shown].concat();
        let request = http::Request::post("/introspect/a").header("authorization", authorization);
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let mut reply = pin!(service.reply(request));
        let mut cx = Context::from_waker(Waker::noop());
        // It is refused before anything is waited for.
        once(runner, class, || assert!(reply.as_mut().poll(&mut cx).is_ready()));
    });
}
