use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Hashes API keys under the secret of one store.
///
/// Whoever steals the store without the secret cannot even try keys against it.
#[derive(Clone)]
pub struct KeyHasher(Hmac<Sha256>);

/// The keyed hash of an API key, by which it is found.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct KeyHash(pub(crate) String);

/// What nobody's key is, hashed to recognise the secret by.
const CHECK: &[u8] = b"tollgate: is this the secret?";

// === impl KeyHasher ===

impl KeyHasher {
    pub(crate) fn new(secret: &[u8]) -> Result<Self, InvalidLength> {
        Hmac::new_from_slice(secret).map(Self)
    }

    /// The hash of a key as it was sent.
    pub fn hash(&self, key: &[u8]) -> KeyHash {
        let hash = self.0.clone().chain_update(key).finalize().into_bytes();
        KeyHash(URL_SAFE_NO_PAD.encode(hash))
    }

    /// By which it is seen that two hashers have the same secret.
    pub(crate) fn check(&self) -> KeyHash {
        self.hash(CHECK)
    }
}

/// Without the secret.
impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHasher([redacted])")
    }
}
