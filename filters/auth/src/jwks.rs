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
