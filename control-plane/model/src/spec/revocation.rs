//! What becomes of callers who may have been revoked.

use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_auth::WhenStale;

use super::DURATION;

/// How gateways learn who has been revoked: `tollgate serve --store STORE` tells
/// them several times a second what `tollgate tokens revoke` and its like have
/// written there. Without a store nobody is ever revoked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Revocation")]
pub(crate) struct RevocationFile {
    /// How old what a gateway knows may be: whole seconds, from 5s to 24h. It is
    /// older while the control plane is gone or cannot read its store.
    #[schemars(regex(pattern = DURATION), example = &"5m")]
    pub(crate) max_age: String,

    /// What becomes of callers then, where an API does not say otherwise.
    pub(crate) when_stale: WhenStaleFile,
}

/// What becomes of an API's callers when what gateways know of revocations is
/// older than `identity.revocation.max_age`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ApiRevocation")]
pub(crate) struct ApiRevocationFile {
    /// Whether they are served all the same.
    #[schemars(required)]
    pub(crate) when_stale: Option<WhenStaleFile>,
}

/// What becomes of callers when what is known of revocations is too old.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "WhenStale")]
pub(crate) enum WhenStaleFile {
    /// They are served by what was known last. With a key of the store that is for
    /// a day at most, and until the key ends by itself.
    #[default]
    Serve,
    /// Whoever shows a credential is answered 503, also before a gateway that
    /// starts has heard anything.
    Refuse,
}

impl Default for RevocationFile {
    fn default() -> Self {
        Self { max_age: "5m".to_owned(), when_stale: WhenStaleFile::Serve }
    }
}

// === impl WhenStaleFile ===

impl From<WhenStaleFile> for WhenStale {
    fn from(file: WhenStaleFile) -> Self {
        match file {
            WhenStaleFile::Serve => Self::Serve,
            WhenStaleFile::Refuse => Self::Closed,
        }
    }
}
