use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Generate as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;

/// Seals the secrets that requests are signed with, under the secret of one store.
///
/// A secret is sealed together with the id of its key, so that whoever can
/// write into the store cannot give one caller's secret to another.
#[derive(Clone)]
pub struct SecretSeal(XChaCha20Poly1305);

/// A random nonce could not be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomBytes;

/// How what is sealed begins. Another layout gets another number.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Another use of the store's secret than hashing (RFC 5869, section 3.2).
const USE: &[u8] = b"tollgate store: secrets of signing keys";

// === impl SecretSeal ===

impl SecretSeal {
    pub(crate) fn new(secret: &[u8]) -> Self {
        let mut key = [0; 32];
        // Fails for more than 255 hashes only (RFC 5869, section 2.3), and this is one.
        Hkdf::<Sha256>::new(None, secret).expand(USE, &mut key).ok();
        Self(XChaCha20Poly1305::new(&key.into()))
    }

    /// Seals the secret of a key.
    pub(crate) fn seal(&self, id: &str, secret: &str) -> Result<String, NoRandomBytes> {
        let nonce = XNonce::try_generate().map_err(|_| NoRandomBytes)?;
        let payload = Payload { msg: secret.as_bytes(), aad: id.as_bytes() };
        // Fails beyond 256 GiB only.
        let sealed = self.0.encrypt(&nonce, payload).map_err(|_| NoRandomBytes)?;
        Ok(URL_SAFE_NO_PAD.encode([&[VERSION][..], &nonce, &sealed].concat()))
    }

    /// Opens what was sealed under the same secret for a key of the same id.
    pub(crate) fn open(&self, id: &str, sealed: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.strip_prefix(&[VERSION])?.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: id.as_bytes() };
        String::from_utf8(self.0.decrypt(&XNonce::from(*nonce), payload).ok()?).ok()
    }
}

/// Without the secret.
impl fmt::Debug for SecretSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretSeal([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_under_its_own_id_and_the_same_secret_alone() {
        let seal = SecretSeal::new(b"s");
        let sealed = seal.seal("a", "canary").unwrap();
        assert_eq!(SecretSeal::new(b"s").open("a", &sealed).as_deref(), Some("canary"));
        assert_eq!(seal.open("b", &sealed), None);
        assert_eq!(SecretSeal::new(b"t").open("a", &sealed), None);
        assert_ne!(seal.seal("a", "canary").unwrap(), sealed, "a nonce was used twice");
        assert!(!sealed.contains("canary"));
    }

    #[test]
    fn nothing_that_was_changed_or_cut_opens() {
        let seal = SecretSeal::new(b"s");
        let sealed = URL_SAFE_NO_PAD.decode(seal.seal("a", "canary").unwrap()).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(seal.open("a", &URL_SAFE_NO_PAD.encode(&changed)), None, "byte {at}");
            assert_eq!(seal.open("a", &URL_SAFE_NO_PAD.encode(&sealed[..at])), None, "cut at {at}");
        }
        assert_eq!(seal.open("a", "not base64!"), None);
    }
}
