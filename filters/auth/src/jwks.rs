use serde_json::Value;
use tollgate_core::Host;

use crate::Algorithm;
use crate::jwk::{InvalidKey, Key};
use crate::signature::Signed;

/// The keys of one issuer (RFC 7517, section 5).
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

/// Why a set of keys was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidKeySet {
    #[error("jwks.keys: is missing or not a list; give a key set as RFC 7517 writes it")]
    NotASet,
    #[error("jwks.keys: {keys} keys are more than {KEYS_MAX}; remove those that nobody signs with")]
    TooMany { keys: usize },
    #[error("jwks.keys[{index}]{source}")]
    Key { index: usize, source: InvalidKey },
    #[error(
        "jwks.keys[{index}]: is secret, but keys[{other}] is public; a token signed with a \
         public key as the secret would pass, so give each kind an issuer of its own"
    )]
    Mixed { index: usize, other: usize },
    #[error(
        "jwks.keys: none of {keys} keys verifies {algorithms}; add one that does, or change \
         `algorithms`"
    )]
    NoUsableKey { keys: usize, algorithms: String },
}

/// More than any issuer rotates through.
const KEYS_MAX: usize = 100;

/// How many keys one token may cost: without `kid`, each that fits is tried.
const TRIES_MAX: usize = 8;

/// What became of a signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verification {
    /// By one of the keys.
    Holds,
    /// None of the keys that fit the token made it.
    Fails,
    /// There is no such key.
    NoKey,
}

// === impl KeySet ===

impl KeySet {
    /// Reads a set of keys, and keeps those that verify one of `algorithms`;
    /// an empty list stands for all.
    pub(crate) fn compile(jwks: &Value, algorithms: &[Algorithm]) -> Result<Self, InvalidKeySet> {
        let listed = jwks.get("keys").and_then(Value::as_array).ok_or(InvalidKeySet::NotASet)?;
        if KEYS_MAX < listed.len() {
            return Err(InvalidKeySet::TooMany { keys: listed.len() });
        }
        let mut keys = read(listed)?;
        refuse_mixed(&keys)?;
        for (_, key) in &mut keys {
            key.algorithms.retain(|one| algorithms.is_empty() || algorithms.contains(one));
        }
        keys.retain(|(_, key)| !key.algorithms.is_empty());
        if keys.is_empty() {
            let algorithms = names(algorithms);
            return Err(InvalidKeySet::NoUsableKey { keys: listed.len(), algorithms });
        }
        Ok(Self { keys: keys.into_iter().map(|(_, key)| key).collect() })
    }

    /// Whether some key is called so.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id.as_deref() == Some(id))
    }

    /// Whether those who have these keys can also sign with them.
    pub(crate) fn is_secret(&self) -> bool {
        self.keys.iter().any(Key::is_symmetric)
    }

    /// Verifies a signature. `id` only chooses among the keys of this set.
    pub(crate) fn verify(
        &self,
        id: Option<&str>,
        signed: Signed<'_>,
        host: &mut dyn Host,
    ) -> Verification {
        let fits = |key: &&Key| key.algorithms.contains(&signed.algorithm) && key.answers_to(id);
        let mut tried = Verification::NoKey;
        for key in self.keys.iter().filter(fits).take(TRIES_MAX) {
            if key.material.verify(signed, host) {
                return Verification::Holds;
            }
            tried = Verification::Fails;
        }
        tried
    }
}

/// The keys that are for us, with their places in the list.
fn read(listed: &[Value]) -> Result<Vec<(usize, Key)>, InvalidKeySet> {
    let mut keys = Vec::new();
    for (index, jwk) in listed.iter().enumerate() {
        let key = Key::compile(jwk).map_err(|source| InvalidKeySet::Key { index, source })?;
        keys.extend(key.map(|key| (index, key)));
    }
    Ok(keys)
}

fn refuse_mixed(keys: &[(usize, Key)]) -> Result<(), InvalidKeySet> {
    let first = |symmetric| keys.iter().find(|(_, key)| key.is_symmetric() == symmetric);
    match (first(true), first(false)) {
        (Some((index, _)), Some((other, _))) => {
            Err(InvalidKeySet::Mixed { index: *index, other: *other })
        }
        _ => Ok(()),
    }
}

fn names(algorithms: &[Algorithm]) -> String {
    if algorithms.is_empty() {
        return "signatures in a way that we know".to_owned();
    }
    algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde_json::json;
    use tollgate_core::testing::MemoryHost;

    use super::*;

    /// `{"iss":"joe", "exp":1300819380, "http://example.com/is_root":true}`, as the
    /// examples of RFC 7515 lay it out.
    const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                       cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    #[test]
    fn examples_of_the_standards_hold() {
        for (source, jwk, algorithm, message, signature) in [
            (
                "RFC 7515, A.1",
                json!({
                    "kty": "oct",
                    "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
                }),
                Algorithm::HS256,
                format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}"),
                "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            ),
            (
                "RFC 7515, A.2",
                json!({
                    "kty": "RSA",
                    "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
                    "e": "AQAB",
                }),
                Algorithm::RS256,
                format!("eyJhbGciOiJSUzI1NiJ9.{JOE}"),
                "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
            ),
            (
                "RFC 7515, A.3",
                json!({
                    "kty": "EC",
                    "crv": "P-256",
                    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                }),
                Algorithm::ES256,
                format!("eyJhbGciOiJFUzI1NiJ9.{JOE}"),
                "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            ),
            (
                "RFC 8037, A.4",
                json!({
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                }),
                Algorithm::EdDsa,
                "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".to_owned(),
                "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
            ),
        ] {
            let keys = KeySet::compile(&json!({"keys": [jwk]}), &[]).unwrap();
            let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
            let mut host = MemoryHost::default();
            let mut verify = |message: &[u8]| {
                let signed = Signed { algorithm, message, signature: &signature };
                keys.verify(None, signed, &mut host)
            };
            assert_eq!(verify(message.as_bytes()), Verification::Holds, "{source}");
            assert_eq!(verify(&message.as_bytes()[1..]), Verification::Fails, "{source}");
        }
    }
}
