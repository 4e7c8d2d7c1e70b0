//! What an endpoint publishes.

use serde_json::Value;
use tollgate_core::Answer;

use crate::Algorithm;
use crate::json;
use crate::jwks::KeySet;

/// Keys as they were published.
pub(super) struct Found {
    pub(super) keys: KeySet,
    /// The same for the same keys, in whatever order they stand.
    pub(super) canonical: Vec<u8>,
}

/// The largest set that is looked at.
const SET_BYTES_MAX: usize = 1 << 20;

// === impl Found ===

impl Found {
    /// Reads an answer. A redirect is none: whom to trust is for the operator
    /// to say, not for whoever answers.
    pub(super) fn answered(answer: &Answer, algorithms: &[Algorithm]) -> Option<Self> {
        if answer.status() == 200 { Self::read(&answer.body, algorithms) } else { None }
    }

    /// Reads a set of public keys, one of which at least is for us.
    pub(super) fn read(bytes: &[u8], algorithms: &[Algorithm]) -> Option<Self> {
        if SET_BYTES_MAX < bytes.len() {
            return None;
        }
        let set = Value::Object(json::object(bytes)?);
        let keys = KeySet::compile(&set, algorithms).ok().filter(|keys| !keys.is_secret())?;
        let mut listed: Vec<String> =
            set.get("keys")?.as_array()?.iter().map(Value::to_string).collect();
        listed.sort_unstable();
        let canonical = format!("{{\"keys\":[{}]}}", listed.join(",")).into_bytes();
        Some(Self { keys, canonical })
    }
}
