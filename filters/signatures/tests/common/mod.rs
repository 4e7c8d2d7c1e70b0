//! Requests that are signed elsewhere, and whoever judges them.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

pub(crate) mod http_signer;
pub(crate) mod mutants;

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;
use tollgate_core::testing::MemoryHost;
use tollgate_core::{Headers, Timestamp};
use tollgate_signatures::{Key, Request, SignatureSpec, Verified, Verifier};

/// A request with its body.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) scheme: String,
    pub(crate) authority: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Judges requests at a fixed moment.
pub(crate) struct Judge {
    pub(crate) verifier: Verifier,
    pub(crate) keys: BTreeMap<String, Rc<Key>>,
    pub(crate) host: MemoryHost,
    pub(crate) now: Timestamp,
    /// Whether the body is known before the signature is judged.
    pub(crate) body_first: bool,
}

// === impl Sent ===

impl Sent {
    pub(crate) fn new(method: &str, url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, target) = rest.split_at(rest.find('/').unwrap());
        Self {
            method: method.to_owned(),
            scheme: scheme.to_owned(),
            authority: authority.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub(crate) fn with_body(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self
    }

    /// Without any line of a header.
    #[must_use]
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// As the scripts beside these tests write it.
    pub(crate) fn from_json(json: &Value) -> Self {
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        let header = |pair: &Value| {
            let text = |at: usize| pair[at].as_str().unwrap();
            (text(0).to_lowercase(), text(1).to_owned())
        };
        Self {
            method: text("method"),
            scheme: text("scheme"),
            authority: text("authority"),
            target: text("target"),
            headers: json["headers"].as_array().unwrap().iter().map(header).collect(),
            body: text("body").into_bytes(),
        }
    }
}

// === impl Judge ===

impl Judge {
    pub(crate) fn new(spec: Value, now: u64) -> Self {
        let spec: SignatureSpec = serde_json::from_value(spec).unwrap();
        Self {
            verifier: Verifier::compile(spec).unwrap(),
            keys: BTreeMap::new(),
            host: MemoryHost::default(),
            now: Timestamp::from_seconds(now),
            body_first: true,
        }
    }

    #[must_use]
    pub(crate) fn with_key(mut self, id: &str, key: Key) -> Self {
        self.keys.insert(id.to_owned(), Rc::new(key));
        self
    }

    /// The head and then the body, as the gateway does it.
    pub(crate) fn judge(&mut self, sent: &Sent) -> Result<Verified, String> {
        let verified = self.judge_head(sent)?;
        verified.body.check(&sent.body).map_err(|mismatch| mismatch.to_string())?;
        Ok(verified)
    }

    pub(crate) fn judge_head(&mut self, sent: &Sent) -> Result<Verified, String> {
        let headers: Headers = sent.headers.iter().cloned().collect();
        let request = Request {
            method: sent.method.as_bytes(),
            scheme: sent.scheme.as_bytes(),
            authority: sent.authority.as_bytes(),
            target: sent.target.as_bytes(),
            headers: &headers,
            body_sha256: self.body_first.then(|| sha256(&sent.body)),
        };
        let keys = |id: &str| self.keys.get(id).cloned();
        let verified = self.verifier.verify(&request, &keys, &mut self.host.at(self.now));
        verified.map_err(|refused| refused.to_string())
    }

    /// Whose key it was, or why not.
    pub(crate) fn who(&mut self, sent: &Sent) -> String {
        match self.judge(sent) {
            Ok(verified) => verified.key_id,
            Err(refused) => refused,
        }
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}
