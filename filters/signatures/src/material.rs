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
    Secret(Vec<u8>),
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
            Self::Secret(secret) => is_mac(secret, signed),
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

/// Whether the signature is the HMAC-SHA256 of the message. In constant time:
/// the code is a secret until the caller has shown it.
pub(crate) fn is_mac(secret: &[u8], signed: Signed<'_>) -> bool {
    hmac(secret, signed.message).is_some_and(|mac| mac.verify_slice(signed.signature).is_ok())
}

/// The HMAC-SHA256 of a message.
pub(crate) fn mac(secret: &[u8], message: &[u8]) -> Option<[u8; 32]> {
    Some(hmac(secret, message)?.finalize().into_bytes().into())
}

fn hmac(secret: &[u8], message: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(message);
    Some(mac)
}
