use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chacha20poly1305::aead::{Aead as _, Generate as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::{Name, Secret};

/// Seals what is kept where others can read and write.
///
/// An entry is encrypted, because claims are personal data, and authenticated
/// together with its name, because whoever can write into the cache must not
/// be able to say who is calling: what was changed, cut or moved does not open.
pub(crate) struct Seal {
    naming: Hmac<Sha256>,
    cipher: XChaCha20Poly1305,
}

/// What was sealed.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Sealed {
    pub(crate) claims: Bytes,
    /// Since 1970.
    pub(crate) expires: Duration,
}

/// How an entry begins. Another layout gets another number.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const TIME_BYTES: usize = 8;
const TAG_BYTES: usize = 16;

/// What sealing adds to the claims.
pub(crate) const OVERHEAD_BYTES: usize = 1 + NONCE_BYTES + TIME_BYTES + TAG_BYTES;

/// A random nonce could not be had.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub(crate) struct NoRandomBytes;

// === impl Seal ===

impl Seal {
    /// The keys are derived from a secret, one for each use (RFC 5869).
    pub(crate) fn new(secret: &Secret) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, secret.expose().as_bytes());
        let naming: [u8; 64] = derived(&hkdf, b"tollgate identity cache: name");
        let cipher: [u8; 32] = derived(&hkdf, b"tollgate identity cache: entry");
        Self { naming: Hmac::new(&naming.into()), cipher: XChaCha20Poly1305::new(&cipher.into()) }
    }

    /// Under which key an entry is kept. Without the secret nobody can tell
    /// whether a token that he has is among them.
    pub(crate) fn key(&self, name: &Name) -> String {
        let hash = self.naming.clone().chain_update(name.as_bytes()).finalize().into_bytes();
        format!("tollgate:identity:{}", URL_SAFE_NO_PAD.encode(hash))
    }

    pub(crate) fn seal(&self, name: &Name, entry: &Sealed) -> Result<Vec<u8>, NoRandomBytes> {
        let nonce = XNonce::try_generate().map_err(|_| NoRandomBytes)?;
        let millis = u64::try_from(entry.expires.as_millis()).unwrap_or(u64::MAX);
        let plain = [&millis.to_be_bytes()[..], &entry.claims].concat();
        let payload = Payload { msg: &plain, aad: name.as_bytes() };
        // Fails beyond 256 GiB only.
        let sealed = self.cipher.encrypt(&nonce, payload).map_err(|_| NoRandomBytes)?;
        Ok([&[VERSION][..], &nonce, &sealed].concat())
    }

    /// Opens what was sealed under the same secret and the same name.
    pub(crate) fn open(&self, name: &Name, sealed: &[u8]) -> Option<Sealed> {
        let sealed = sealed.strip_prefix(&[VERSION])?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: name.as_bytes() };
        let plain = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        let (millis, _) = plain.split_first_chunk::<TIME_BYTES>()?;
        let expires = Duration::from_millis(u64::from_be_bytes(*millis));
        Some(Sealed { claims: Bytes::from(plain).slice(TIME_BYTES..), expires })
    }
}

fn derived<const BYTES: usize>(hkdf: &Hkdf<Sha256>, info: &[u8]) -> [u8; BYTES] {
    let mut key = [0; BYTES];
    // Fails for more than 255 hashes only (RFC 5869, section 2.3), and these are one or two.
    hkdf.expand(info, &mut key).ok();
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Name {
        Name::of([text.as_bytes()])
    }

    fn entry() -> Sealed {
        Sealed {
            claims: Bytes::from_static(br#"{"active":true,"sub":"canary"}"#),
            expires: Duration::from_secs(1_700_000_000),
        }
    }

    #[test]
    fn what_was_sealed_opens_again() {
        let seal = Seal::new(&Secret::new("s"));
        let sealed = seal.seal(&name("a"), &entry()).unwrap();
        assert_eq!(sealed.len(), entry().claims.len() + OVERHEAD_BYTES);
        assert!(!sealed.windows(6).any(|window| window == b"canary"));
        assert_eq!(Seal::new(&Secret::new("s")).open(&name("a"), &sealed), Some(entry()));
        assert_ne!(sealed, seal.seal(&name("a"), &entry()).unwrap(), "a nonce was used twice");
    }

    #[test]
    fn neither_another_secret_nor_another_name_opens_it() {
        let seal = Seal::new(&Secret::new("s"));
        let sealed = seal.seal(&name("a"), &entry()).unwrap();
        assert_eq!(seal.open(&name("b"), &sealed), None);
        assert_eq!(Seal::new(&Secret::new("t")).open(&name("a"), &sealed), None);
    }

    #[test]
    fn nothing_that_was_changed_or_cut_opens() {
        let seal = Seal::new(&Secret::new("s"));
        let sealed = seal.seal(&name("a"), &entry()).unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(seal.open(&name("a"), &changed), None, "bit {bit} of byte {at}");
            }
            assert_eq!(seal.open(&name("a"), &sealed[..at]), None, "cut at {at}");
        }
        let longer = [&sealed[..], b"x"].concat();
        assert_eq!(seal.open(&name("a"), &longer), None);
    }

    #[test]
    fn keys_depend_on_name_and_secret_and_show_neither() {
        let seal = Seal::new(&Secret::new("s"));
        let key = seal.key(&name("a"));
        assert_eq!(key, Seal::new(&Secret::new("s")).key(&name("a")));
        assert_ne!(key, seal.key(&name("b")));
        assert_ne!(key, Seal::new(&Secret::new("t")).key(&name("a")));
        assert!(!key.contains(&URL_SAFE_NO_PAD.encode(name("a").as_bytes())));
    }

    proptest! {
        #[test]
        fn any_bytes_are_opened_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Seal::new(&Secret::new("s")).open(&name("a"), &bytes), None);
        }
    }
}
