//! Whether the time that a refusal takes tells that there is a key of some id, by
//! which requests could be signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dudect_bencher::rand::RngExt as _;
use dudect_bencher::{BenchRng, Class, CtRunner};
use tollgate_auth::AuthFilter;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{Answer, Filter as _, Headers, RequestHead, Timestamp, Verdict};

use crate::{NOW, SAMPLES, compiled, credential, head, head_with, once};

/// More than HMAC takes at once, so that what is done for a longer secret would show.
const SECRET: &str = "a secret that acme and the gateway share, and that is longer than one block of \
                      the hash is";

/// A key that there is, and one that there is not.
const CLASSES: [(Class, &str); 2] = [(Class::Left, "acme-1"), (Class::Right, "acme-2")];

pub(crate) fn hmac_key_id(runner: &mut CtRunner, rng: &mut BenchRng) {
    compare(written("hmac"), runner, rng, by_hmac);
}

/// A key that others keep. Here |t| came to lie between 5 and 27, to one side or the
/// other from run to run, which is some nanoseconds in two microseconds: what verifies
/// the one and the other lies in two places in memory.
pub(crate) fn kept_key_id(runner: &mut CtRunner, rng: &mut BenchRng) {
    let config = serde_json::json!({
        "identity": {
            "hmac": {},
            "signing_keys": {"lookup": {
                "cluster": "id", "path": "/", "authority": "id.example", "timeout_milliseconds": 500,
            }},
        },
        "access": {"auth": {"any_of": ["hmac"]}},
    });
    let (mut filter, mut host) = compiled(&config);
    let known = serde_json::json!({
        "active": true, "sub": "acme-1", "tenant": "acme", "scope": "", "scheme": "hmac",
        "algorithm": "hmac-sha256", "secret": SECRET,
    });
    let said = [known, serde_json::json!({"active": false})];
    for ((_, id), said) in CLASSES.into_iter().zip(said) {
        let headers = by_hmac(id, &[0; 32]);
        let cx = &mut host.at(Timestamp::from_seconds(NOW));
        let asked = filter.on_whole_request(&RequestHead { headers: &headers }, b"", cx);
        let Verdict::Wait(call) = asked else { panic!("nobody was asked: {asked:?}") };
        let headers = [(":status", "200")].into_iter().collect();
        let answer = Answer { headers, body: said.to_string().into_bytes() };
        filter.on_answer(call, &answer, cx);
    }
    compare((filter, host), runner, rng, by_hmac);
}

fn by_hmac(id: &str, mac: &[u8]) -> Headers {
    head("authorization", credential(id, mac).as_bytes())
}

pub(crate) fn sigv4_key_id(runner: &mut CtRunner, rng: &mut BenchRng) {
    compare(written("sigv4"), runner, rng, |id, mac| {
        let mac: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        let credential = format!(
            "AWS4-HMAC-SHA256 Credential={id}/20231114/here/api/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={mac}"
        );
        head_with(&[("x-amz-date", b"20231114T221320Z"), ("authorization", credential.as_bytes())])
    });
}

pub(crate) fn http_signature_key_id(runner: &mut CtRunner, rng: &mut BenchRng) {
    compare(written("http_signature"), runner, rng, |id, mac| {
        let covered = r#"("@method" "@authority" "@path" "@query")"#;
        let input = format!("a={covered};created={NOW};keyid=\"{id}\"");
        let signature = format!("a=:{}:", STANDARD.encode(mac));
        head_with(&[("signature-input", input.as_bytes()), ("signature", signature.as_bytes())])
    });
}

/// The filter with the key that there is.
fn written(scheme: &str) -> (AuthFilter, MemoryHost) {
    compiled(&serde_json::json!({
        "identity": {
            "hmac": {},
            "sigv4": {"region": "here", "service": "api"},
            "http_signature": {},
            "signing_keys": {"keys": {
                "acme-1": {"scheme": scheme, "tenant": "acme", "secret": SECRET},
            }, "body_bytes_max": 1000},
            "tenants": {"acme": {}},
        },
        "access": {"auth": {"any_of": [scheme]}},
    }))
}

/// Runs requests with either id in no order. No code is right.
fn compare(
    (mut filter, mut host): (AuthFilter, MemoryHost),
    runner: &mut CtRunner,
    rng: &mut BenchRng,
    signed: impl Fn(&str, &[u8]) -> Headers,
) {
    for _ in 0..SAMPLES {
        // Not by a jump, which the processor would remember.
        let (class, id) = CLASSES[usize::from(rng.random::<bool>())];
        let headers = signed(id, &rng.random::<[u8; 32]>());
        let (head, cx) =
            (RequestHead { headers: &headers }, &mut host.at(Timestamp::from_seconds(NOW)));
        once(runner, class, || filter.on_whole_request(&head, b"", cx));
    }
}
