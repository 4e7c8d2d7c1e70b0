use std::fmt;

use jwt_simple::prelude::{Edwards25519PublicKey, P256PublicKey, P384PublicKey};
use jwt_simple::reexports::ct_codecs;
use serde::{Deserialize, Serialize};
use superboring::pkey::{PKey, Public};
use superboring::rsa::Rsa;
use tollgate_core::Host;

use crate::material::{Material, Secret, Signed};

/// What a signature is verified with, and the one algorithm it is for.
///
/// A request has no say in the algorithm: a public key can thus never be taken
/// for a secret, nor a strong padding for a weak one.
pub struct Key {
    algorithm: KeyAlgorithm,
    material: Material,
    session_token: Option<String>,
}

/// A signature algorithm, by its name in the registry of RFC 9421, section 6.2.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum KeyAlgorithm {
    /// A shared secret; the only kind for HMAC and AWS signatures.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// An Ed25519 key.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// A key on P-256.
    #[serde(rename = "ecdsa-p256-sha256")]
    EcdsaP256Sha256,
    /// A key on P-384.
    #[serde(rename = "ecdsa-p384-sha384")]
    EcdsaP384Sha384,
    /// An RSA key, with PSS and a salt of 64 bytes.
    #[serde(rename = "rsa-pss-sha512")]
    RsaPssSha512,
    /// An RSA key, with PKCS#1 v1.5.
    #[serde(rename = "rsa-v1_5-sha256")]
    RsaV15Sha256,
}

/// Why a key was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidKey {
    #[error("{bytes} bytes are less than {SECRET_BYTES_MIN}; make a longer secret")]
    ShortSecret { bytes: usize },
    #[error("{bytes} bytes are more than {SECRET_BYTES_MAX}; make a shorter secret")]
    LongSecret { bytes: usize },
    #[error("{algorithm} has a secret and no public key; give the secret")]
    NoPublicKey { algorithm: KeyAlgorithm },
    #[error("is not the public key of an {algorithm} pair in PEM (`-----BEGIN PUBLIC KEY-----`)")]
    NotPem { algorithm: KeyAlgorithm },
    #[error("{bits} bits are not {RSA_BITS_MIN} to {RSA_BITS_MAX}; make another key")]
    RsaBits { bits: u32 },
    #[error("the public exponent is not 65537; make another key")]
    RsaExponent,
}

/// A secret must be as long as the hash, or it is the easier one to guess.
const SECRET_BYTES_MIN: usize = 32;
const SECRET_BYTES_MAX: usize = 1024;

const RSA_BITS_MIN: u32 = 2048;
const RSA_BITS_MAX: u32 = 4096;

// === impl Key ===

impl Key {
    /// A shared secret. It must be random: whoever has seen one request can
    /// try secrets against it.
    pub fn secret(secret: impl Into<Vec<u8>>) -> Result<Self, InvalidKey> {
        let secret = secret.into();
        match secret.len() {
            bytes if bytes < SECRET_BYTES_MIN => Err(InvalidKey::ShortSecret { bytes }),
            bytes if SECRET_BYTES_MAX < bytes => Err(InvalidKey::LongSecret { bytes }),
            bytes => {
                let secret = Secret::new(&secret).ok_or(InvalidKey::LongSecret { bytes })?;
                Ok(Self::new(KeyAlgorithm::HmacSha256, Material::Secret(secret.into())))
            }
        }
    }

    /// A public key in PEM, as `openssl pkey -pubout` writes it.
    pub fn public(algorithm: KeyAlgorithm, pem: &str) -> Result<Self, InvalidKey> {
        let not_pem = InvalidKey::NotPem { algorithm };
        let material = match algorithm {
            KeyAlgorithm::HmacSha256 => return Err(InvalidKey::NoPublicKey { algorithm }),
            KeyAlgorithm::Ed25519 => ed25519(pem).ok_or(not_pem)?,
            KeyAlgorithm::EcdsaP256Sha256 => p256(pem).ok_or(not_pem)?,
            KeyAlgorithm::EcdsaP384Sha384 => p384(pem).ok_or(not_pem)?,
            KeyAlgorithm::RsaPssSha512 | KeyAlgorithm::RsaV15Sha256 => {
                let key = Rsa::public_key_from_pem(pem.trim().as_bytes()).ok();
                rsa(key.ok_or(not_pem)?)?.ok_or(InvalidKey::NotPem { algorithm })?
            }
        };
        Ok(Self::new(algorithm, material))
    }

    /// Makes it a key of a session: AWS signatures with it must come with this
    /// token, and those with other keys must come without one.
    #[must_use]
    pub fn with_session_token(mut self, token: impl Into<String>) -> Self {
        self.session_token = Some(token.into());
        self
    }

    /// What it is for.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    fn new(algorithm: KeyAlgorithm, material: Material) -> Self {
        Self { algorithm, material, session_token: None }
    }

    pub(crate) fn verify(&self, signed: Signed<'_>, host: &mut dyn Host) -> bool {
        self.material.verify(self.algorithm, signed, host)
    }

    /// The secret, if there is one.
    pub(crate) fn as_secret(&self) -> Option<&Secret> {
        match &self.material {
            Material::Secret(secret) => Some(secret),
            _ => None,
        }
    }

    /// Whether a request comes with the token that it must come with.
    pub(crate) fn fits_session(&self, token: Option<&[u8]>) -> bool {
        match (&self.session_token, token) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => ct_codecs::verify(ours.as_bytes(), theirs),
            _ => false,
        }
    }
}

/// Without anything that may be secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

fn ed25519(pem: &str) -> Option<Material> {
    let key = Edwards25519PublicKey::from_pem(pem).ok()?;
    Some(Material::Ed25519(*key.as_ref()))
}

fn p256(pem: &str) -> Option<Material> {
    let key = P256PublicKey::from_pem(pem).ok()?;
    Some(Material::P256(*key.as_ref(), key.to_der().ok()?))
}

fn p384(pem: &str) -> Option<Material> {
    let key = P384PublicKey::from_pem(pem).ok()?;
    Some(Material::P384(*key.as_ref(), key.to_der().ok()?))
}

/// Nothing if it cannot be written for the host.
fn rsa(key: Rsa<Public>) -> Result<Option<Material>, InvalidKey> {
    let bits = key.bits();
    if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        return Err(InvalidKey::RsaBits { bits });
    }
    if key.e().to_vec() != [1, 0, 1] {
        return Err(InvalidKey::RsaExponent);
    }
    let spki = key.public_key_to_der();
    let material = |spki| Some(Material::Rsa(PKey::from_rsa(key).ok()?.into(), spki));
    Ok(spki.ok().and_then(material))
}

// === impl KeyAlgorithm ===

impl KeyAlgorithm {
    /// Its name in the registry.
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            Self::EcdsaP384Sha384 => "ecdsa-p384-sha384",
            Self::RsaPssSha512 => "rsa-pss-sha512",
            Self::RsaV15Sha256 => "rsa-v1_5-sha256",
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
