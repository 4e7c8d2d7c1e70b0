use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::rc::Rc;

use sha2::{Digest as _, Sha256};
use tollgate_core::{Prehashed, Principal, Scopes};

use crate::name::{AN_ID, is_id, is_scope};
use crate::{KeySpec, TenantSpec};

/// The customers that are written down, and their keys.
#[derive(Default)]
pub(crate) struct Tenants {
    tiers: BTreeMap<Rc<str>, Rc<str>>,
    keys: HashMap<KeyHash, Rc<Principal>, BuildHasherDefault<Prehashed>>,
}

/// The SHA-256 of an API key.
///
/// Keys are found by their hash and never compared: how long a search takes
/// tells about hashes, which nobody can choose, and nothing about keys.
#[derive(Clone, Copy, Eq, PartialEq)]
struct KeyHash([u8; 32]);

/// Why a tenant was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidTenant {
    #[error("tenants: {tenant:?} is not an id; {AN_ID}")]
    Id { tenant: String },
    #[error("tenants.{tenant}.tier: {tier:?} is not an id; {AN_ID}")]
    Tier { tenant: String, tier: String },
    #[error("tenants.{tenant}.keys: {key:?} is not an id; {AN_ID}")]
    KeyId { tenant: String, key: String },
    // The value is not shown: whoever got this wrong may have written the key itself.
    #[error(
        "tenants.{tenant}.keys.{key}.sha256: is not 64 hexadecimal digits; write what \
         `printf %s KEY | sha256sum` prints"
    )]
    Hash { tenant: String, key: String },
    #[error("tenants.{tenant}.keys.{key}.sha256: is the hash of an empty key; make a random one")]
    EmptyKey { tenant: String, key: String },
    #[error("tenants.{tenant}.keys.{key}.sha256: is the key of tenants.{other}; make another one")]
    SameKey { tenant: String, key: String, other: String },
    #[error(
        "tenants.{tenant}.keys.{key}.scopes[{index}]: {scope:?} is not a scope; use printable \
         ASCII without blanks, quotes and backslashes"
    )]
    Scope { tenant: String, key: String, index: usize, scope: String },
}

/// How callers with an API key proved who they are.
pub(crate) const API_KEY: &str = "api_key";

/// Longer ones are not even hashed.
pub(crate) const KEY_BYTES_MAX: usize = 1024;

// === impl Tenants ===

impl Tenants {
    pub(crate) fn compile(specs: BTreeMap<String, TenantSpec>) -> Result<Self, InvalidTenant> {
        let method: Rc<str> = API_KEY.into();
        let mut tenants = Self::default();
        for (id, spec) in specs {
            tenants.add(&id, spec, &method)?;
        }
        Ok(tenants)
    }

    fn add(&mut self, id: &str, spec: TenantSpec, method: &Rc<str>) -> Result<(), InvalidTenant> {
        let TenantSpec { tier, keys } = spec;
        if !is_id(id) {
            return Err(InvalidTenant::Id { tenant: id.to_owned() });
        }
        let tenant: Rc<str> = id.into();
        if let Some(tier) = tier {
            if !is_id(&tier) {
                return Err(InvalidTenant::Tier { tenant: id.to_owned(), tier });
            }
            self.tiers.insert(Rc::clone(&tenant), tier.into());
        }
        for (key, spec) in keys {
            self.add_key(&tenant, &key, spec, method)?;
        }
        Ok(())
    }

    fn add_key(
        &mut self,
        tenant: &Rc<str>,
        key: &str,
        spec: KeySpec,
        method: &Rc<str>,
    ) -> Result<(), InvalidTenant> {
        let KeySpec { sha256, scopes } = spec;
        let place = || (tenant.as_ref().to_owned(), key.to_owned());
        if !is_id(key) {
            let (tenant, key) = place();
            return Err(InvalidTenant::KeyId { tenant, key });
        }
        let Some(hash) = KeyHash::parse(&sha256) else {
            let (tenant, key) = place();
            return Err(InvalidTenant::Hash { tenant, key });
        };
        if hash == KeyHash::of(b"") {
            let (tenant, key) = place();
            return Err(InvalidTenant::EmptyKey { tenant, key });
        }
        let principal = Principal {
            method: Rc::clone(method),
            subject: key.into(),
            tenant: Some(Rc::clone(tenant)),
            tier: self.tier(tenant),
            scopes: granted(scopes, place)?,
            ..Principal::default()
        };
        match self.keys.insert(hash, principal.into()) {
            None => Ok(()),
            Some(other) => {
                let (tenant, key) = place();
                Err(InvalidTenant::SameKey { tenant, key, other: path(&other) })
            }
        }
    }

    /// The tier of a tenant that is written down.
    pub(crate) fn tier(&self, tenant: &str) -> Option<Rc<str>> {
        self.tiers.get(tenant).cloned()
    }

    /// Whose key this is.
    pub(crate) fn holder(&self, key: &[u8]) -> Option<Rc<Principal>> {
        if key.is_empty() || KEY_BYTES_MAX < key.len() {
            return None;
        }
        self.keys.get(&KeyHash::of(key)).cloned()
    }
}

fn granted(
    mut scopes: Vec<String>,
    place: impl Fn() -> (String, String),
) -> Result<Scopes, InvalidTenant> {
    if let Some(index) = scopes.iter().position(|scope| !is_scope(scope)) {
        let (tenant, key) = place();
        return Err(InvalidTenant::Scope { tenant, key, index, scope: scopes.swap_remove(index) });
    }
    Ok(scopes.into_iter().collect())
}

fn path(holder: &Principal) -> String {
    let Principal { tenant, subject, .. } = holder;
    format!("{}.keys.{subject}", tenant.as_deref().unwrap_or_default())
}

// === impl KeyHash ===

impl KeyHash {
    fn of(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }

    fn parse(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            // By digit: `from_str_radix` would take a sign for one.
            let digit =
                |b: &u8| char::from(*b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let (high, low) = (digit(pair.first()?)?, digit(pair.last()?)?);
            *byte = (high << 4) | low;
        }
        Some(Self(hash))
    }
}

impl Hash for KeyHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}
