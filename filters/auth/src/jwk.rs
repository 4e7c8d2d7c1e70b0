use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jwt_simple::prelude::{Edwards25519PublicKey, P256PublicKey, P384PublicKey, RSAPublicKey};
use serde_json::{Map, Value};
use superboring::pkey::PKey;

use crate::Algorithm;
use crate::signature::Material;

/// One key of an issuer (RFC 7517, section 4).
pub(crate) struct Key {
    /// A token that names another one is not verified with this key.
    pub(crate) id: Option<String>,
    /// What it may verify. The token has no say in it.
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) material: Material,
}

/// Why a key was refused. The texts go on from the key's path, for example
/// from `jwt.acme.jwks.keys[0]`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidKey {
    #[error(": is not an object; give a key as RFC 7517 writes it")]
    NotAnObject,
    #[error(".{member}: is missing or not a string")]
    NotText { member: &'static str },
    #[error(".{member}: is not base64url without padding")]
    Base64 { member: &'static str },
    #[error(".kid: {bytes} bytes are more than {KEY_ID_BYTES_MAX}; choose a shorter id")]
    KeyId { bytes: usize },
    #[error(".d: is the private part of the key; give the public part alone")]
    Private,
    #[error(".alg: {algorithm} does not fit {kind} keys")]
    Algorithm { algorithm: Algorithm, kind: &'static str },
    #[error(".n: {bits} bits are less than {RSA_BITS_MIN}; make a longer key")]
    ShortRsa { bits: usize },
    #[error(".n: {bits} bits are more than {RSA_BITS_MAX}; make a shorter key")]
    LongRsa { bits: usize },
    #[error(".e: is not 65537 (\"AQAB\"); make a key with this exponent")]
    RsaExponent,
    #[error(".n: is not the modulus of an RSA key")]
    RsaModulus,
    #[error(".{member}: {bytes} bytes are not the {expected} of a coordinate on {curve}")]
    Coordinate { member: &'static str, bytes: usize, expected: usize, curve: &'static str },
    #[error(": x and y are not a point on {curve}")]
    NotOnCurve { curve: &'static str },
    #[error(".x: is not the public key of an Ed25519 pair")]
    Ed25519,
    #[error(".k: {bits} bits are less than the {expected} of {algorithm}; make a longer secret")]
    ShortSecret { bits: usize, expected: usize, algorithm: Algorithm },
}

/// A longer `kid` names no key of ours.
pub(crate) const KEY_ID_BYTES_MAX: usize = 256;

const RSA_BITS_MIN: usize = 2048;
const RSA_BITS_MAX: usize = 4096;

/// The members of one key.
struct Members<'a>(&'a Map<String, Value>);

// === impl Key ===

impl Key {
    /// Reads a key; nothing if it is not for verifying signatures, or of a
    /// kind that we do not know: sets may hold such beside ours (RFC 7517, section 5).
    pub(crate) fn compile(jwk: &Value) -> Result<Option<Self>, InvalidKey> {
        let members = Members(jwk.as_object().ok_or(InvalidKey::NotAnObject)?);
        let kind = members.text("kty")?;
        let id = members.key_id()?;
        let named = members.optional("alg")?;
        let stated = named.and_then(Algorithm::named);
        if !members.is_for_verifying() || named.is_some() != stated.is_some() {
            return Ok(None);
        }
        let read = match kind {
            "RSA" => members.rsa().map(Some)?,
            "EC" => members.ec()?,
            "OKP" => members.okp()?,
            "oct" => members.secret(stated).map(Some)?,
            _ => None,
        };
        let Some((material, fitting)) = read else { return Ok(None) };
        let algorithms = narrow(fitting, stated, members.kind())?;
        Ok(Some(Self { id, algorithms, material }))
    }

    /// Whether those who can verify with this key can also sign with it.
    pub(crate) fn is_symmetric(&self) -> bool {
        matches!(self.material, Material::Secret(_))
    }

    /// Whether a token with this `kid` may be verified with this key.
    pub(crate) fn answers_to(&self, id: Option<&str>) -> bool {
        match (self.id.as_deref(), id) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        }
    }
}

/// A key that names its algorithm is good for no other.
fn narrow(
    fitting: Vec<Algorithm>,
    stated: Option<Algorithm>,
    kind: &'static str,
) -> Result<Vec<Algorithm>, InvalidKey> {
    match stated {
        None => Ok(fitting),
        Some(algorithm) if fitting.contains(&algorithm) => Ok(vec![algorithm]),
        Some(algorithm) => Err(InvalidKey::Algorithm { algorithm, kind }),
    }
}

// === impl Members ===

type Read = (Material, Vec<Algorithm>);

impl Members<'_> {
    fn text(&self, member: &'static str) -> Result<&str, InvalidKey> {
        self.0.get(member).and_then(Value::as_str).ok_or(InvalidKey::NotText { member })
    }

    fn bytes(&self, member: &'static str) -> Result<Vec<u8>, InvalidKey> {
        let text = self.text(member)?;
        BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidKey::Base64 { member })
    }

    fn optional(&self, member: &'static str) -> Result<Option<&str>, InvalidKey> {
        self.0.contains_key(member).then(|| self.text(member)).transpose()
    }

    fn key_id(&self) -> Result<Option<String>, InvalidKey> {
        match self.optional("kid")? {
            Some(id) if KEY_ID_BYTES_MAX < id.len() => Err(InvalidKey::KeyId { bytes: id.len() }),
            id => Ok(id.map(str::to_owned)),
        }
    }

    /// `use` and `key_ops` (RFC 7517, sections 4.2 and 4.3).
    fn is_for_verifying(&self) -> bool {
        let operations = self.0.get("key_ops").map(Value::as_array);
        let for_signatures = self.0.get("use").is_none_or(|purpose| purpose == "sig");
        let verifies = |list: &Vec<Value>| list.iter().any(|operation| operation == "verify");
        for_signatures && operations.is_none_or(|list| list.is_some_and(verifies))
    }

    fn kind(&self) -> &'static str {
        match (self.text("kty"), self.text("crv")) {
            (Ok("RSA"), _) => "RSA",
            (Ok("EC"), Ok("P-256")) => "P-256",
            (Ok("EC"), _) => "P-384",
            (Ok("OKP"), _) => "Ed25519",
            _ => "oct",
        }
    }

    /// A private key in a set for the public has been lost: whoever has seen
    /// the set can sign.
    fn refuse_private(&self) -> Result<(), InvalidKey> {
        if self.0.contains_key("d") { Err(InvalidKey::Private) } else { Ok(()) }
    }

    fn rsa(&self) -> Result<Read, InvalidKey> {
        self.refuse_private()?;
        let (modulus, exponent) = (self.bytes("n")?, self.bytes("e")?);
        match bits(&modulus) {
            bits if bits < RSA_BITS_MIN => return Err(InvalidKey::ShortRsa { bits }),
            bits if RSA_BITS_MAX < bits => return Err(InvalidKey::LongRsa { bits }),
            _ => {}
        }
        if exponent != [1, 0, 1] {
            return Err(InvalidKey::RsaExponent);
        }
        let key = RSAPublicKey::from_components(&modulus, &exponent)
            .map_err(|_| InvalidKey::RsaModulus)?;
        let spki = key.to_der().map_err(|_| InvalidKey::RsaModulus)?;
        let key = PKey::from_rsa(key.as_ref().clone()).map_err(|_| InvalidKey::RsaModulus)?;
        let algorithms = [
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ];
        Ok((Material::Rsa(key.into(), spki), algorithms.to_vec()))
    }

    fn ec(&self) -> Result<Option<Read>, InvalidKey> {
        match self.text("crv")? {
            "P-256" => {
                let invalid = |_| InvalidKey::NotOnCurve { curve: "P-256" };
                let key = P256PublicKey::from_bytes(&self.point(32, "P-256")?).map_err(invalid)?;
                let spki = key.to_der().map_err(invalid)?;
                Ok(Some((Material::P256(*key.as_ref(), spki), vec![Algorithm::ES256])))
            }
            "P-384" => {
                let invalid = |_| InvalidKey::NotOnCurve { curve: "P-384" };
                let key = P384PublicKey::from_bytes(&self.point(48, "P-384")?).map_err(invalid)?;
                let spki = key.to_der().map_err(invalid)?;
                Ok(Some((Material::P384(*key.as_ref(), spki), vec![Algorithm::ES384])))
            }
            _ => Ok(None),
        }
    }

    /// The point in SEC 1, uncompressed form.
    fn point(&self, expected: usize, curve: &'static str) -> Result<Vec<u8>, InvalidKey> {
        self.refuse_private()?;
        let (x, y) = (self.bytes("x")?, self.bytes("y")?);
        for (member, bytes) in [("x", x.len()), ("y", y.len())] {
            if bytes != expected {
                return Err(InvalidKey::Coordinate { member, bytes, expected, curve });
            }
        }
        Ok([&[4], &x[..], &y[..]].concat())
    }

    fn okp(&self) -> Result<Option<Read>, InvalidKey> {
        if self.text("crv")? != "Ed25519" {
            return Ok(None);
        }
        self.refuse_private()?;
        let key = Edwards25519PublicKey::from_bytes(&self.bytes("x")?)
            .map_err(|_| InvalidKey::Ed25519)?;
        Ok(Some((Material::Ed25519(*key.as_ref()), vec![Algorithm::EdDsa])))
    }

    /// A secret must be as long as the hash (RFC 7518, section 3.2), or it is
    /// the easier one to guess.
    fn secret(&self, stated: Option<Algorithm>) -> Result<Read, InvalidKey> {
        let secret = self.bytes("k")?;
        let bits = secret.len().saturating_mul(8);
        let needs = [(Algorithm::HS256, 256), (Algorithm::HS384, 384), (Algorithm::HS512, 512)];
        let wanted = stated.unwrap_or(Algorithm::HS256);
        for (algorithm, expected) in needs {
            if algorithm == wanted && bits < expected {
                return Err(InvalidKey::ShortSecret { bits, expected, algorithm });
            }
        }
        let fitting = needs.into_iter().filter(|(_, least)| *least <= bits);
        Ok((Material::Secret(secret), fitting.map(|(algorithm, _)| algorithm).collect()))
    }
}

/// The bits of a number, without leading zeros.
fn bits(number: &[u8]) -> usize {
    let significant = number.iter().position(|&b| b != 0).unwrap_or(number.len());
    let digits = number.get(significant..).unwrap_or_default();
    let zeros = digits.first().map_or(0, |first| first.leading_zeros() as usize);
    digits.len().saturating_mul(8).saturating_sub(zeros)
}
