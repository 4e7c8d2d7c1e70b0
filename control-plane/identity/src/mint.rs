use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ed25519_compact::{KeyPair, SecretKey};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::Secret;
use crate::exchange::Principal;

/// Makes short-lived tokens (RFC 7519) by which backends know who is calling,
/// whoever a gateway has found that to be. They are signed with Ed25519
/// (RFC 8037).
pub struct Mint {
    issuer: String,
    audiences: BTreeSet<String>,
    ttl: Duration,
    key: SecretKey,
    /// The header of every token, encoded.
    head: String,
    key_set: Bytes,
}

/// What tokens for backends are like.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MintSpec {
    /// The value of `iss`.
    pub issuer: String,

    /// The values that `aud` may have.
    pub audiences: BTreeSet<String>,

    /// How long a token holds, in whole seconds.
    pub ttl: Duration,

    /// Ed25519 private keys in PEM (PKCS #8). The first one signs; tokens of the
    /// others are verified too, for as long as they are here.
    pub keys: Vec<Secret>,
}

/// Why a mint was refused. No key is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidMint {
    #[error("keys: there is none; write one, as `openssl genpkey -algorithm ed25519` makes it")]
    NoKeys,
    #[error(
        "keys[{index}]: is not an Ed25519 private key in PEM; make one with `openssl genpkey \
         -algorithm ed25519`"
    )]
    Key { index: usize },
    #[error("keys[{index}]: is the key of keys[{other}] again; remove one")]
    SameKey { index: usize, other: usize },
}

/// A token, and for how long it holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Minted {
    pub(crate) token: String,
    pub(crate) ttl: Duration,
}

/// What a token says (RFC 7519, section 4.1; RFC 8693, section 4.2).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    jti: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<&'a str>,
    scope: String,
    groups: &'a [String],
    /// How the caller was recognised: subjects of two issuers may have one name.
    method: &'a str,
}

// === impl Mint ===

impl Mint {
    /// Checks the keys.
    pub fn compile(spec: MintSpec) -> Result<Self, InvalidMint> {
        let MintSpec { issuer, audiences, ttl, keys } = spec;
        let keys = pairs(&keys)?;
        let first = keys.first().ok_or(InvalidMint::NoKeys)?;
        let head = json!({"alg": "EdDSA", "typ": "JWT", "kid": key_id(first)}).to_string();
        let set: Vec<_> = keys.iter().map(jwk).collect();
        Ok(Self {
            issuer,
            audiences,
            ttl,
            key: first.sk.clone(),
            head: URL_SAFE_NO_PAD.encode(head),
            key_set: json!({"keys": set}).to_string().into(),
        })
    }

    /// The public keys (RFC 7517, section 5).
    pub fn key_set(&self) -> Bytes {
        self.key_set.clone()
    }

    /// Whether tokens are made for backends of this name.
    pub(crate) fn serves(&self, audience: &str) -> bool {
        self.audiences.contains(audience)
    }

    /// A token about a caller, at a time since 1970 and under a random name.
    pub(crate) fn mint(
        &self,
        subject: &Principal,
        audience: &str,
        (now, name): (Duration, [u8; 16]),
    ) -> Minted {
        let iat = now.as_secs();
        let claims = Claims {
            iss: &self.issuer,
            sub: &subject.subject,
            aud: audience,
            iat,
            exp: iat.saturating_add(self.ttl.as_secs()),
            jti: &URL_SAFE_NO_PAD.encode(name),
            tenant: subject.tenant.as_deref(),
            tier: subject.tier.as_deref(),
            scope: subject.scopes.join(" "),
            groups: &subject.groups,
            method: &subject.method,
        };
        // Strings, numbers and lists always have a form in JSON.
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        let signed = format!("{}.{}", self.head, URL_SAFE_NO_PAD.encode(claims));
        let signature = self.key.sign(&signed, None);
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
        Minted { token, ttl: self.ttl }
    }
}

fn pairs(keys: &[Secret]) -> Result<Vec<KeyPair>, InvalidMint> {
    let mut pairs: Vec<KeyPair> = Vec::with_capacity(keys.len());
    for (index, key) in keys.iter().enumerate() {
        let pair = KeyPair::from_pem(key.expose()).map_err(|_| InvalidMint::Key { index })?;
        if let Some(other) = pairs.iter().position(|other| other.pk == pair.pk) {
            return Err(InvalidMint::SameKey { index, other });
        }
        pairs.push(pair);
    }
    Ok(pairs)
}

fn jwk(key: &KeyPair) -> serde_json::Value {
    json!({
        "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.pk.as_ref()),
        "alg": "EdDSA", "use": "sig", "kid": key_id(key),
    })
}

/// The thumbprint of a key (RFC 7638, section 3.1; RFC 8037, appendix A.3): the
/// same on all replicas.
fn key_id(key: &KeyPair) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.pk.as_ref());
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
}

/// Without the key.
impl fmt::Debug for Mint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mint").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.1, as PKCS #8.
    const RFC: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";
    const OTHER: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIDtdzQhd1cAjzPFNjeQtph8EGSViYlOUXCdUm2+0Fyne
-----END PRIVATE KEY-----
";

    fn spec(keys: &[&str]) -> MintSpec {
        MintSpec {
            issuer: "https://gateway.example".to_owned(),
            audiences: ["orders".to_owned()].into(),
            ttl: Duration::from_mins(5),
            keys: keys.iter().map(|key| Secret::new(*key)).collect(),
        }
    }

    #[test]
    fn a_key_is_named_by_its_thumbprint() {
        let set = Mint::compile(spec(&[RFC])).unwrap().key_set();
        let expected = json!({"keys": [{
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        }]});
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&set).unwrap(), expected);
    }

    #[test]
    fn a_token_says_who_is_calling_and_is_signed_by_the_first_key() {
        let mint = Mint::compile(spec(&[OTHER, RFC])).unwrap();
        let subject = Principal {
            method: "jwt.acme".to_owned(),
            subject: "ann".to_owned(),
            tenant: Some("acme".to_owned()),
            tier: None,
            scopes: ["a", "b"].map(str::to_owned).into(),
            groups: vec!["ops".to_owned()],
        };
        let minted = mint.mint(&subject, "orders", (Duration::from_millis(1_000_999), [7; 16]));
        assert_eq!(minted.ttl, Duration::from_mins(5));
        let (signed, signature) = minted.token.rsplit_once('.').unwrap();
        let (head, claims) = signed.split_once('.').unwrap();
        let json = |part| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        let pair = KeyPair::from_pem(OTHER).unwrap();
        assert_eq!(json(head), json!({"alg": "EdDSA", "typ": "JWT", "kid": key_id(&pair)}));
        let expected = json!({
            "iss": "https://gateway.example", "sub": "ann", "aud": "orders", "iat": 1000,
            "exp": 1300, "jti": "BwcHBwcHBwcHBwcHBwcHBw", "tenant": "acme", "scope": "a b",
            "groups": ["ops"], "method": "jwt.acme",
        });
        assert_eq!(json(claims), expected);
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let signature = ed25519_compact::Signature::from_slice(&signature).unwrap();
        pair.pk.verify(signed, &signature).unwrap();
    }

    #[test]
    fn faults_of_keys_are_told_without_the_key() {
        let fault = |keys: &[&str]| Mint::compile(spec(keys)).err().map(|fault| fault.to_string());
        let key = "is not an Ed25519 private key in PEM; make one with `openssl genpkey -algorithm \
                   ed25519`";
        let none =
            "keys: there is none; write one, as `openssl genpkey -algorithm ed25519` makes it";
        assert_eq!(fault(&[]), Some(none.to_owned()));
        assert_eq!(fault(&[RFC, "canary"]), Some(format!("keys[1]: {key}")));
        let same = "keys[2]: is the key of keys[0] again; remove one".to_owned();
        assert_eq!(fault(&[RFC, OTHER, RFC]), Some(same));
        assert_eq!(fault(&[RFC, OTHER]), None);
    }
}
