use ed25519_compact::PublicKey as Ed25519Key;
use jwt_simple::prelude::{HS256Key, HS384Key, HS512Key, MACLike as _};
use jwt_simple::reexports::ct_codecs;
use p256::ecdsa::signature::Verifier as _;
use superboring::hash::MessageDigest;
use superboring::pkey::{PKey, Public};
use superboring::rsa::Padding;
use superboring::sign::Verifier;
use tollgate_core::{Hash, Host, SignatureCheck};

use crate::Algorithm;
use crate::algorithm::Family;

/// What a signature is verified with.
///
/// These are the keys inside jwt-simple's own: its checks of a key apply, its
/// rules about claims (a token may lack `exp`, clocks may differ by 900 s) are
/// out of reach.
pub(crate) enum Material {
    /// With its `SubjectPublicKeyInfo`, for the host.
    Rsa(Box<PKey<Public>>, Vec<u8>),
    P256(p256::ecdsa::VerifyingKey, Vec<u8>),
    P384(p384::ecdsa::VerifyingKey, Vec<u8>),
    Ed25519(Ed25519Key),
    Secret(Vec<u8>),
}

/// Something signed, by an algorithm that fits the key.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) message: &'a [u8],
    pub(crate) signature: &'a [u8],
}

// === impl Material ===

impl Material {
    /// Whether the signature is this key's. The host is asked first where it
    /// can help: in wasm, RSA and ECDSA cost ten to forty times as much.
    pub(crate) fn verify(&self, signed: Signed<'_>, host: &mut dyn Host) -> bool {
        let Signed { algorithm, message, signature } = signed;
        match self {
            Self::Rsa(key, spki) if algorithm.family() == Family::Rsa => {
                by_host(spki, signature, signed, host)
                    .unwrap_or_else(|| rsa(key, Padding::PKCS1, signed))
            }
            Self::Rsa(key, _) => rsa(key, Padding::PKCS1_PSS, signed),
            Self::P256(key, spki) => ecdsa(spki, 64, signed, host).unwrap_or_else(|| {
                p256::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }),
            Self::P384(key, spki) => ecdsa(spki, 96, signed, host).unwrap_or_else(|| {
                p384::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }),
            Self::Ed25519(key) => ed25519_compact::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Self::Secret(secret) => hmac(secret, signed),
        }
    }
}

/// What the host says; nothing if it verifies no signatures.
fn by_host(spki: &[u8], signature: &[u8], signed: Signed<'_>, host: &mut dyn Host) -> Option<bool> {
    let hash = signed.algorithm.hash();
    let message = signed.message;
    host.verify_signature(&SignatureCheck { hash, public_key: spki, signature, message }).ok()
}

/// Like [`by_host`], for a signature of `len` bytes as JOSE writes it.
fn ecdsa(spki: &[u8], len: usize, signed: Signed<'_>, host: &mut dyn Host) -> Option<bool> {
    if signed.signature.len() != len {
        return Some(false);
    }
    match der(signed.signature) {
        Some(signature) => by_host(spki, &signature, signed, host),
        None => Some(false),
    }
}

fn rsa(key: &PKey<Public>, padding: Padding, signed: Signed<'_>) -> bool {
    let digest = match signed.algorithm.hash() {
        Hash::Sha256 => MessageDigest::sha256(),
        Hash::Sha384 => MessageDigest::sha384(),
        Hash::Sha512 => MessageDigest::sha512(),
    };
    let verify = || {
        let mut verifier = Verifier::new(digest, key)?;
        verifier.set_rsa_padding(padding)?;
        verifier.update(signed.message)?;
        verifier.verify(signed.signature)
    };
    verify().unwrap_or(false)
}

fn hmac(secret: &[u8], signed: Signed<'_>) -> bool {
    let tag = match signed.algorithm.hash() {
        Hash::Sha256 => HS256Key::from_bytes(secret).authentication_tag(signed.message),
        Hash::Sha384 => HS384Key::from_bytes(secret).authentication_tag(signed.message),
        Hash::Sha512 => HS512Key::from_bytes(secret).authentication_tag(signed.message),
    };
    // In constant time: the tag is a secret until the caller has shown it.
    ct_codecs::verify(&tag, signed.signature)
}

/// An ECDSA signature as a DER sequence of two integers (RFC 3279, section
/// 2.2.3), from their plain halves (RFC 7518, section 3.4). None if one is zero.
fn der(signature: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at_checked(signature.len().checked_div(2)?)?;
    let body = [integer(r)?, integer(s)?].concat();
    let len = u8::try_from(body.len()).ok().filter(|len| *len < 128)?;
    Some([&[0x30, len][..], &body].concat())
}

fn integer(bytes: &[u8]) -> Option<Vec<u8>> {
    let significant = bytes.iter().position(|&b| b != 0)?;
    let digits = bytes.get(significant..)?;
    // The highest bit would make it negative.
    let sign: &[u8] = if digits.first()? & 0x80 == 0 { &[] } else { &[0] };
    let len = u8::try_from(digits.len().checked_add(sign.len())?).ok()?;
    Some([&[0x02, len], sign, digits].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn der_integers_are_minimal_and_positive() {
        let half = |bytes: &[u8]| [vec![0; 32 - bytes.len()], bytes.to_vec()].concat();
        let signature = [half(&[0x7f]), half(&[0x80, 0x00])].concat();
        let expected = [0x30, 8, 2, 1, 0x7f, 2, 3, 0, 0x80, 0];
        assert_eq!(der(&signature), Some(expected.to_vec()));
    }

    #[test]
    fn zero_is_no_half_of_a_signature() {
        assert_eq!(der(&[0; 64]), None);
        assert_eq!(der(&[[0; 32], [1; 32]].concat()), None);
        assert_eq!(der(&[]), None);
    }

    proptest! {
        /// The other way round by the code that would verify it.
        #[test]
        fn der_means_the_same_to_others(bytes in prop::collection::vec(1u8..255, 64)) {
            let plain = p256::ecdsa::Signature::from_slice(&bytes).unwrap();
            let read = p256::ecdsa::Signature::from_der(&der(&bytes).unwrap()).unwrap();
            prop_assert_eq!(read, plain);
        }

        #[test]
        fn no_bytes_cause_a_panic(bytes: Vec<u8>) {
            let _ = der(&bytes);
        }
    }
}
