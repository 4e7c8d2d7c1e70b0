use ed25519_compact::PublicKey as Ed25519Key;
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::signature::Verifier as _;
use sha2::Sha256;
use superboring::hash::MessageDigest;
use superboring::pkey::{PKey, Public};
use superboring::rsa::Padding;
use superboring::sign::Verifier;
use tollgate_core::{Hash, Host, SignatureCheck};

use crate::KeyAlgorithm;

/// The keys inside jwt-simple's own, whose checks of a key thus apply.
pub(crate) enum Material {
    /// With its `SubjectPublicKeyInfo`, for the host.
    Rsa(Box<PKey<Public>>, Vec<u8>),
    P256(p256::ecdsa::VerifyingKey, Vec<u8>),
    P384(p384::ecdsa::VerifyingKey, Vec<u8>),
    Ed25519(Ed25519Key),
    Secret(Box<Secret>),
}

/// A secret, ready to make codes with: all that depends on how long it is has been
/// done, so that no code takes longer than another one's.
pub(crate) struct Secret {
    codes: Hmac<Sha256>,
    /// Behind `AWS4`, as AWS signatures begin with it.
    aws: Hmac<Sha256>,
}

/// Something signed.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) message: &'a [u8],
    pub(crate) signature: &'a [u8],
}

// === impl Material ===

impl Material {
    /// Whether the signature is this key's. The host is asked first where it
    /// can help: in wasm, RSA and ECDSA cost ten to forty times as much.
    pub(crate) fn verify(
        &self,
        algorithm: KeyAlgorithm,
        signed: Signed<'_>,
        host: &mut dyn Host,
    ) -> bool {
        match self {
            Self::Rsa(key, _) if algorithm == KeyAlgorithm::RsaPssSha512 => {
                rsa(key, MessageDigest::sha512(), Padding::PKCS1_PSS, signed)
            }
            Self::Rsa(key, spki) => by_host(spki, Hash::Sha256, signed, host)
                .unwrap_or_else(|| rsa(key, MessageDigest::sha256(), Padding::PKCS1, signed)),
            Self::P256(key, spki) => {
                let Ok(pair) = p256::ecdsa::Signature::from_slice(signed.signature) else {
                    return false;
                };
                by_host(spki, Hash::Sha256, signed.with(pair.to_der().as_bytes()), host)
                    .unwrap_or_else(|| key.verify(signed.message, &pair).is_ok())
            }
            Self::P384(key, spki) => {
                let Ok(pair) = p384::ecdsa::Signature::from_slice(signed.signature) else {
                    return false;
                };
                by_host(spki, Hash::Sha384, signed.with(pair.to_der().as_bytes()), host)
                    .unwrap_or_else(|| key.verify(signed.message, &pair).is_ok())
            }
            Self::Ed25519(key) => ed25519_compact::Signature::from_slice(signed.signature)
                .is_ok_and(|signature| key.verify(signed.message, &signature).is_ok()),
            Self::Secret(secret) => is_mac(&secret.codes, signed),
        }
    }
}

impl<'a> Signed<'a> {
    /// The same signature in another encoding.
    fn with(self, signature: &'a [u8]) -> Self {
        Self { signature, ..self }
    }
}

/// What the host says; nothing if it verifies no signatures.
fn by_host(public_key: &[u8], hash: Hash, signed: Signed<'_>, host: &mut dyn Host) -> Option<bool> {
    let Signed { message, signature } = signed;
    host.verify_signature(&SignatureCheck { hash, public_key, signature, message }).ok()
}

fn rsa(key: &PKey<Public>, hash: MessageDigest, padding: Padding, signed: Signed<'_>) -> bool {
    let verify = || {
        let mut verifier = Verifier::new(hash, key)?;
        verifier.set_rsa_padding(padding)?;
        verifier.update(signed.message)?;
        verifier.verify(signed.signature)
    };
    verify().unwrap_or(false)
}

// === impl Secret ===

impl Secret {
    /// None if there is a length that HMAC does not take.
    pub(crate) fn new(secret: &[u8]) -> Option<Self> {
        Some(Self { codes: keyed(secret)?, aws: keyed(&[b"AWS4", secret].concat())? })
    }

    /// What AWS signatures are made with on one day, in one region and service.
    pub(crate) fn for_scope(&self, scope: &str) -> Option<Hmac<Sha256>> {
        let mut parts = scope.split('/');
        let first = mac(&self.aws, parts.next()?.as_bytes());
        let last = parts.try_fold(first, |key, part| Some(mac(&keyed(&key)?, part.as_bytes())))?;
        keyed(&last)
    }
}

/// Whether the signature is the HMAC-SHA256 of the message. In constant time:
/// the code is a secret until the caller has shown it.
pub(crate) fn is_mac(secret: &Hmac<Sha256>, signed: Signed<'_>) -> bool {
    let mac = secret.clone().chain_update(signed.message);
    mac.verify_slice(signed.signature).is_ok()
}

/// The HMAC-SHA256 of a message.
fn mac(secret: &Hmac<Sha256>, message: &[u8]) -> [u8; 32] {
    secret.clone().chain_update(message).finalize().into_bytes().into()
}

fn keyed(secret: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(secret).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_may_be_longer_than_a_block_of_the_hash() {
        // RFC 4231, section 4.7.
        let secret = Secret::new(&[0xaa; 131]).map(|secret| secret.codes);
        let message = b"Test Using Larger Than Block-Size Key - Hash Key First";
        let code = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        let made = secret.map(|secret| crate::request::hex(&mac(&secret, message)));
        assert_eq!(made.as_deref(), Some(code));
    }
}
