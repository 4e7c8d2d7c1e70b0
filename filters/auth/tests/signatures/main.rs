//! Callers who sign their requests. That signatures of others hold, and no
//! mutant of them does, is tested where they are verified.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "helpers of tests"
)]

#[path = "../common/mod.rs"]
mod common;
mod kept;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common::{NOW, SEED, any_of, caller, refusal};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tollgate_auth::{Access, Authenticator, Stop};
use tollgate_core::testing::MemoryHost;
use tollgate_core::{CallId, Edit, Headers, RequestHead, Timestamp};

const SECRET: &str = "the secret that acme and the gateway share";

/// A gate for requests that are signed.
struct Gate {
    authenticator: Authenticator,
    access: Access,
    host: MemoryHost,
    now: u64,
}

/// A request that can be signed.
#[derive(Clone)]
struct Sent {
    key: String,
    secret: String,
    nonce: String,
    created: u64,
    body: String,
    more: Vec<(String, String)>,
}

fn identity() -> Value {
    json!({
        "hmac": {},
        "sigv4": {"region": "eu-central-1", "service": "execute-api"},
        "api_key": {"from": [{"header": "x-api-key"}]},
        "signing_keys": {"keys": {
            "acme-1": {"scheme": "hmac", "tenant": "acme", "secret": SECRET, "scopes": ["b", "a"]},
            "acme-2": {"scheme": "hmac", "tenant": "acme", "tier": "pro", "secret": SECRET},
            "AKID": {"scheme": "sigv4", "tenant": "acme", "secret": SECRET},
        }, "body_bytes_max": 1000},
        "tenants": {"acme": {"tier": "basic"}},
    })
}

impl Gate {
    fn new(access: Value) -> Self {
        Self::of(identity(), access)
    }

    fn of(identity: Value, access: Value) -> Self {
        let identity = serde_json::from_value(identity).unwrap();
        let mut authenticator = Authenticator::compile(identity, SEED).unwrap();
        let access = serde_json::from_value(access).unwrap();
        let access = Access::compile(access, &[], &authenticator).unwrap();
        let mut host = MemoryHost::default();
        authenticator.prepare(&mut host);
        Self { authenticator, access, host, now: NOW }
    }

    fn ask(&mut self, headers: &Headers, body: Option<&[u8]>) -> String {
        let head = RequestHead { headers };
        let cx = &mut self.host.at(Timestamp::from_seconds(self.now));
        let Self { authenticator, access, .. } = self;
        let found = authenticator.recognise(access, &head, body, cx);
        let admitted = found.and_then(|found| match found {
            Some(caller) => authenticator.admit(access, &caller, cx).map(|_| Some(caller)),
            None => Ok(None),
        });
        match admitted {
            Ok(found) => found.map_or_else(|| "nobody".to_owned(), |one| caller(&one.principal)),
            Err(Stop::Refused(reply)) => refusal(&reply),
            Err(Stop::AwaitsBody { bytes_max }) => format!("awaits {bytes_max}"),
            Err(Stop::Waits(CallId(call))) => format!("waits {call}"),
        }
    }

    /// What becomes of a request that is there as a whole.
    fn whole(&mut self, sent: &Sent) -> String {
        self.ask(&sent.headers(), Some(sent.body.as_bytes()))
    }
}

impl Sent {
    fn by(key: &str) -> Self {
        let (key, secret, nonce) = (key.to_owned(), SECRET.to_owned(), "1".to_owned());
        Self { key, secret, nonce, created: NOW, body: String::new(), more: Vec::new() }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.more.push((name.to_owned(), value.to_owned()));
        self
    }

    fn digest(&self) -> String {
        format!("sha-256=:{}:", BASE64_STANDARD.encode(Sha256::digest(&self.body)))
    }

    fn headers(&self) -> Headers {
        let Self { key, secret, nonce, created, .. } = self;
        let text = format!(
            "HMAC-SHA256\n{key}\n{created}\n{nonce}\nPOST\na.example\n/x\n\n\n{}\n",
            self.digest()
        );
        let mac = BASE64_STANDARD.encode(mac(secret.as_bytes(), text.as_bytes()));
        let authorization = format!(
            "HMAC-SHA256 keyId=\"{key}\",created={created},nonce=\"{nonce}\",signature=\"{mac}\""
        );
        let mut lines = vec![
            (":method".to_owned(), "POST".to_owned()),
            (":scheme".to_owned(), "http".to_owned()),
            (":authority".to_owned(), "a.example".to_owned()),
            (":path".to_owned(), "/x".to_owned()),
            ("authorization".to_owned(), authorization),
        ];
        if !self.body.is_empty() {
            lines.push(("content-digest".to_owned(), self.digest()));
        }
        lines.into_iter().chain(self.more.clone()).collect()
    }
}

/// RFC 2104, by its definition, for keys that are no longer than a block.
fn mac(secret: &[u8], text: &[u8]) -> [u8; 32] {
    let mut key = [0_u8; 64];
    key[..secret.len()].copy_from_slice(secret);
    let inner = Sha256::new().chain_update(key.map(|b| b ^ 0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(key.map(|b| b ^ 0x5c)).chain_update(inner).finalize().into()
}

#[test]
fn a_signer_is_who_has_the_key() {
    let mut gate = Gate::new(any_of(&["hmac"]));
    assert_eq!(gate.whole(&Sent::by("acme-1")), "hmac acme-1 acme basic [a b]");
    assert_eq!(gate.whole(&Sent::by("acme-2")), "hmac acme-2 acme pro []");
}

#[test]
fn a_body_is_waited_for_once_the_head_is_known_to_be_signed_and_compared() {
    let mut gate = Gate::new(any_of(&["hmac"]));
    let sent = Sent { body: "a body".to_owned(), ..Sent::by("acme-1") };
    assert_eq!(gate.ask(&sent.headers(), None), "awaits 1000");
    // Nothing is settled, so nothing was remembered.
    assert_eq!(gate.ask(&sent.headers(), None), "awaits 1000");
    let other = "401 invalid-signature: the body is not the one that was signed";
    for body in [&b"another body"[..], b"", b"a bod"] {
        assert_eq!(gate.ask(&sent.headers(), Some(body)), other);
    }
    assert_eq!(gate.whole(&sent), "hmac acme-1 acme basic [a b]");
    let forged = Sent { secret: "no secret of anybody's".to_owned(), ..sent };
    let fails = "401 invalid-signature: the signature does not hold";
    assert_eq!(gate.ask(&forged.headers(), None), fails);
    // A signature that covers no body is none for one.
    let unsigned = Sent { nonce: "2".to_owned(), ..Sent::by("acme-1") };
    assert_eq!(gate.ask(&unsigned.headers(), Some(b"x")), other);
}

#[test]
fn whether_a_key_is_not_known_or_is_not_shown_cannot_be_told() {
    let mut gate = Gate::new(any_of(&["hmac"]));
    let fails = "401 invalid-signature: the signature does not hold";
    let wrong = Sent { secret: "another secret".to_owned(), ..Sent::by("acme-1") };
    assert_eq!(gate.whole(&wrong), fails);
    // A key of another scheme.
    assert_eq!(gate.whole(&Sent::by("AKID")), fails);
}

#[test]
fn what_stands_in_for_a_key_that_is_not_known_lets_nobody_in() {
    let fails = "401 invalid-signature: the signature does not hold";
    // Somebody's key, and where there is none, one made of the seed.
    let mut gate = Gate::new(any_of(&["hmac"]));
    for id in 0..20 {
        assert_eq!(gate.whole(&Sent::by(&format!("nobody-{id}"))), fails);
    }
    let mut empty = identity();
    empty["signing_keys"] = json!({});
    let mut gate = Gate::of(empty, any_of(&["hmac"]));
    let decoy = String::from_utf8([3; 32].to_vec()).unwrap();
    assert_eq!(gate.whole(&Sent { secret: decoy, ..Sent::by("nobody") }), fails);
}

#[test]
fn a_signature_is_accepted_once_and_only_in_its_time() {
    let mut gate = Gate::new(any_of(&["hmac"]));
    let sent = Sent::by("acme-1");
    assert_eq!(gate.whole(&sent), "hmac acme-1 acme basic [a b]");
    let used = "401 replayed-signature: the signature was used before; sign again, with a new \
                nonce or at another second";
    assert_eq!(gate.whole(&sent), used);
    gate.now = NOW + 300;
    assert_eq!(gate.whole(&sent), used);
    let at = |created, nonce: &str| Sent { created, nonce: nonce.to_owned(), ..Sent::by("acme-1") };
    assert_eq!(gate.whole(&at(NOW, "2")), "hmac acme-1 acme basic [a b]");
    assert_eq!(
        gate.whole(&at(NOW - 1, "3")),
        "401 invalid-signature: the signature has expired; set the clock right, or sign again"
    );
    assert_eq!(gate.whole(&at(NOW + 600, "4")), "hmac acme-1 acme basic [a b]");
    assert_eq!(
        gate.whole(&at(NOW + 601, "5")),
        "401 invalid-signature: the signature was made in the future; set the clock right"
    );
}

/// Also by what the gateway answers itself, of which no backend is told.
#[test]
fn a_signature_can_be_used_up_without_a_backend() {
    let mut gate = Gate::new(any_of(&["hmac"]));
    let sent = Sent::by("acme-1");
    let headers = sent.headers();
    let Gate { authenticator, access, host, .. } = &mut gate;
    let cx = &mut host.at(Timestamp::from_seconds(NOW));
    let found = authenticator.recognise(access, &RequestHead { headers: &headers }, Some(b""), cx);
    let found = found.unwrap().unwrap();
    assert_eq!(authenticator.use_up(access, &found, cx), Ok(()));
    assert!(authenticator.use_up(access, &found, cx).is_err());
    assert!(gate.whole(&sent).starts_with("401 replayed-signature: "));
}

#[test]
fn without_the_memory_of_what_was_used_nobody_is_admitted() {
    let mut gate = Gate::new(any_of(&["hmac"]));
    gate.host.down = true;
    assert_eq!(
        gate.whole(&Sent::by("acme-1")),
        "503 keys-unavailable: the signatures that were used before cannot be looked up"
    );
}

#[test]
fn a_signature_beside_another_credential_or_of_another_kind_is_refused() {
    let two = "400 duplicate-credentials: a credential stands more than once, or beside one of \
               another kind";
    let none = "401 unauthenticated: the request carries no credential of a kind that is \
                accepted here";
    let mut gate = Gate::new(any_of(&["hmac", "api_key"]));
    assert_eq!(gate.whole(&Sent::by("acme-1").with("x-api-key", "k")), two);
    let twice = Sent::by("acme-1").with("authorization", "HMAC-SHA256 x");
    let more = "400 duplicate-credentials: the header authorization stands more than once";
    assert_eq!(gate.whole(&twice), more);
    assert_eq!(Gate::new(any_of(&["sigv4"])).whole(&Sent::by("acme-1")), none);
    assert_eq!(Gate::new(any_of(&["api_key"])).whole(&Sent::by("acme-1")), none);
    let mut optional = Gate::new(json!({"auth": {"optional": ["sigv4"]}}));
    assert_eq!(optional.whole(&Sent::by("acme-1")), none);
    assert_eq!(Gate::new(json!({"auth": "none"})).whole(&Sent::by("acme-1")), "nobody");
}

#[test]
fn the_ways_to_sign_are_named_to_whoever_did_not() {
    let mut gate = Gate::new(any_of(&["hmac", "sigv4"]));
    let headers: Headers = [(":path", "/x")].into_iter().collect();
    let head = RequestHead { headers: &headers };
    let cx = &mut gate.host.at(Timestamp::from_seconds(NOW));
    let asked = gate.authenticator.recognise(&gate.access, &head, None, cx);
    let Err(Stop::Refused(reply)) = asked else { panic!("{asked:?}") };
    let schemes = ["HMAC-SHA256", "AWS4-HMAC-SHA256"];
    let expected = schemes.map(|name| ("www-authenticate", format!("{name} realm=\"tollgate\"")));
    assert_eq!(reply.headers, expected);
}

#[test]
fn what_carries_a_signature_ends_at_the_gateway() {
    let gate = Gate::new(json!({"auth": "none"}));
    let stripped = |lines: &[(&str, &str)]| {
        let headers: Headers = lines.iter().copied().collect();
        let mut edits = Vec::new();
        gate.authenticator.strip(&gate.access, &RequestHead { headers: &headers }, &mut edits);
        edits
    };
    let authorization = vec![Edit::remove("authorization")];
    assert_eq!(stripped(&[("authorization", "hmac-sha256 keyId=\"a\"")]), authorization);
    assert_eq!(stripped(&[("authorization", "AWS4-HMAC-SHA256 x")]), authorization);
    assert_eq!(stripped(&[("authorization", "Basic eA==")]), vec![]);
    assert_eq!(stripped(&[("authorization", "HMAC-SHA256x")]), vec![]);
    // Not configured here, so the backend's.
    assert_eq!(stripped(&[("signature", "a=:eA==:")]), vec![]);
    assert_eq!(
        stripped(&[("x-amz-security-token", "t"), (":path", "/x?a=1&X-Amz-Signature=f")]),
        vec![Edit::remove("x-amz-security-token"), Edit::set(":path", "/x?a=1")]
    );
}

#[test]
fn faults_of_signatures() {
    let fault = |change: &dyn Fn(&mut Value)| {
        let mut spec = identity();
        change(&mut spec);
        let spec = serde_json::from_value(spec).unwrap();
        Authenticator::compile(spec, SEED).err().map(|fault| fault.to_string()).unwrap_or_default()
    };
    let key = |field: &'static str, value: Value| {
        fault(&move |spec| {
            spec["signing_keys"]["keys"]["acme-1"][field] = value.clone();
        })
    };
    assert_eq!(
        fault(&|spec| spec["hmac"] = json!({"clock_skew_seconds": 901})),
        "hmac.clock_skew_seconds: 901 is more than 900; set the clocks right"
    );
    assert_eq!(
        fault(&|spec| spec["signing_keys"]["body_bytes_max"] = json!(0)),
        "signing_keys.body_bytes_max: 0 is not between 1 and 16777216"
    );
    assert_eq!(
        fault(&|spec| spec["signing_keys"]["body_bytes_max"] = json!(16_777_217)),
        "signing_keys.body_bytes_max: 16777217 is not between 1 and 16777216"
    );
    assert_eq!(
        fault(&|spec| {
            let lookup = json!({"cluster": "", "path": "/x", "authority": "a"});
            spec["signing_keys"]["lookup"] = lookup;
        }),
        "signing_keys.lookup.cluster: is empty; name the cluster of Envoy that leads to the endpoint"
    );
    assert_eq!(
        fault(&|spec| {
            spec["hmac"] = Value::Null;
            spec["sigv4"] = Value::Null;
        }),
        "signing_keys: nothing is signed with them; add `hmac`, `sigv4` or `http_signature`"
    );
    assert_eq!(
        fault(&|spec| spec["hmac"] = Value::Null),
        "signing_keys.acme-1.scheme: hmac is not accepted, for there is no `identity.hmac`"
    );
    assert_eq!(
        key("secret", json!("short")),
        "signing_keys.acme-1.secret: 5 bytes are less than 32; make a longer secret"
    );
    assert_eq!(
        key("secret", Value::Null),
        "signing_keys.acme-1: has neither a secret nor a public key; add one"
    );
    assert_eq!(
        key("public_key", json!("x")),
        "signing_keys.acme-1: has both a secret and a public key; leave one out"
    );
    assert_eq!(
        key("algorithm", json!("ed25519")),
        "signing_keys.acme-1.algorithm: ed25519 has a public key and no secret; give the public key"
    );
    assert_eq!(
        key("scopes", json!(["a b"])),
        "signing_keys.acme-1.scopes[0]: \"a b\" is not a scope; use printable ASCII without \
         blanks, quotes and backslashes"
    );
    assert!(
        key("tenant", json!("")).starts_with("signing_keys.acme-1.tenant: \"\" is not an id; ")
    );
    let no_way = Access::compile(
        serde_json::from_value(any_of(&["http_signature"])).unwrap(),
        &[],
        &Gate::new(any_of(&["hmac"])).authenticator,
    );
    assert_eq!(
        no_way.err().unwrap().to_string(),
        "auth.any_of[0]: nothing says how http_signature signatures are judged; write \
         `identity.http_signature`, or write api_key or hmac or sigv4"
    );
}

#[test]
fn no_secret_is_shown() {
    let spec: tollgate_auth::IdentitySpec = serde_json::from_value(identity()).unwrap();
    assert!(!format!("{spec:?}").contains(SECRET));
}
