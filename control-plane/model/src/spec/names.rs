//! What names and durations look like, and what is meant where none is written.

use tollgate_auth::SigningKeysSpec;

/// Names stand in paths such as `jwt.NAME` and are Envoy's names of resources.
pub(crate) const NAME: &str = "^[A-Za-z0-9_-]{1,64}$";

/// Ids of tenants are the claims that tokens carry, and the values of a header.
pub(crate) const ID: &str = "^[!-~]{1,128}$";

/// What [`crate::duration::parse`] reads.
pub(crate) const DURATION: &str = "^[0-9]{1,9}(ms|s|m|h)$";

pub(crate) fn names() -> serde_json::Value {
    serde_json::json!({ "pattern": NAME })
}

pub(crate) fn ids() -> serde_json::Value {
    serde_json::json!({ "pattern": ID })
}

pub(crate) fn list(entries: &str) -> Vec<&str> {
    entries.split(' ').collect()
}

pub(crate) fn clock_skew() -> String {
    "30s".to_owned()
}

pub(crate) fn signed_body_bytes_max() -> u32 {
    SigningKeysSpec::default().body_bytes_max
}
