use anyhow::{Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::*;
use serde_json::{Value, json};

/// A key that signs tokens, with the public half as a JWKS shows it.
pub struct Key {
    jwk: Value,
    sign: Box<dyn Fn(JWTClaims<Value>) -> Result<String> + Send + Sync>,
}

/// RSA keys take minutes to make without optimisation, so there is one for
/// tests. It is published here: it protects nothing.
const RSA_PEM: &str = include_str!("../testdata/rsa-2048.pem");

macro_rules! asymmetric {
    ($key:expr, $id:expr) => {{
        let key = $key.with_key_id($id);
        let jwk = serde_json::from_str(&key.public_key().to_jwk())?;
        Self { jwk, sign: Box::new(move |claims| key.sign(claims)) }
    }};
}

macro_rules! rsa {
    ($pair:ident, $id:expr) => {
        asymmetric!($pair::from_pem(without_remarks(RSA_PEM))?, $id)
    };
}

macro_rules! symmetric {
    ($key:expr, $algorithm:expr, $id:expr) => {{
        let key = $key.with_key_id($id);
        let secret = URL_SAFE_NO_PAD.encode(key.to_bytes());
        let jwk = json!({"kty": "oct", "alg": $algorithm, "kid": $id, "k": secret});
        Self { jwk, sign: Box::new(move |claims| key.authenticate(claims)) }
    }};
}

impl Key {
    /// A key for one algorithm, as RFC 7518 names it. RSA keys are always the
    /// same one, all others are new.
    pub fn new(algorithm: &str, id: &str) -> Result<Self> {
        Ok(match algorithm {
            "RS256" => rsa!(RS256KeyPair, id),
            "RS384" => rsa!(RS384KeyPair, id),
            "RS512" => rsa!(RS512KeyPair, id),
            "PS256" => rsa!(PS256KeyPair, id),
            "ES256" => asymmetric!(ES256KeyPair::generate(), id),
            "ES384" => asymmetric!(ES384KeyPair::generate(), id),
            "EdDSA" => asymmetric!(Ed25519KeyPair::generate(), id),
            "HS256" => symmetric!(HS256Key::from_bytes(&secret()), algorithm, id),
            "HS384" => symmetric!(HS384Key::from_bytes(&secret()), algorithm, id),
            "HS512" => symmetric!(HS512Key::from_bytes(&secret()), algorithm, id),
            other => bail!("no test key for {other}"),
        })
    }

    /// An ES256 key from a PEM file, which may begin with remarks.
    pub fn es256_from_pem(pem: &str, id: &str) -> Result<Self> {
        Ok(asymmetric!(ES256KeyPair::from_pem(without_remarks(pem))?, id))
    }

    /// A token with exactly these claims.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        (self.sign)(JWTClaims {
            issued_at: None,
            expires_at: None,
            invalid_before: None,
            issuer: None,
            subject: None,
            audiences: None,
            jwt_id: None,
            nonce: None,
            custom: claims.clone(),
        })
    }

    /// The key as a JWKS shows it: without what signs, unless it is symmetric.
    pub fn jwk(&self) -> Value {
        self.jwk.clone()
    }

    /// A JWKS of this key alone.
    pub fn jwks(&self) -> Value {
        json!({"keys": [self.jwk]})
    }
}

/// As long as the longest hash (RFC 7518, section 3.2), and random.
fn secret() -> Vec<u8> {
    [HS256Key::generate().to_bytes(), HS256Key::generate().to_bytes()].concat()
}

/// A PEM file may say what it is for before it begins.
fn without_remarks(pem: &str) -> &str {
    pem.find("-----BEGIN").and_then(|start| pem.get(start..)).unwrap_or(pem)
}

/// Seconds since 1970, for `exp` and `nbf`.
pub fn now_seconds() -> u64 {
    Clock::now_since_epoch().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_carry_the_claims_as_given_and_the_key_id() {
        for algorithm in ["RS256", "ES256", "EdDSA", "HS512"] {
            let key = Key::new(algorithm, "k1").unwrap();
            let claims = json!({"exp": 1.5, "aud": ["a", "b"], "sub": "me"});
            let token = key.sign(&claims).unwrap();
            let part = |at: usize| -> Value {
                let part = token.split('.').nth(at).unwrap();
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
            };
            assert_eq!((&part(0)["alg"], &part(0)["kid"]), (&json!(algorithm), &json!("k1")));
            assert_eq!(part(1), claims);
            assert_eq!(key.jwk()["kid"], "k1", "{}", key.jwk());
        }
    }

    #[test]
    fn public_keys_carry_no_secret() {
        for algorithm in ["RS256", "ES256", "EdDSA"] {
            assert_eq!(Key::new(algorithm, "k1").unwrap().jwk().get("d"), None);
        }
    }
}
