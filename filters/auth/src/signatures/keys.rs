use std::collections::BTreeMap;
use std::rc::Rc;

use tollgate_core::{Principal, Seed};
use tollgate_signatures::{InvalidKey, Key, KeyAlgorithm, Scheme};

use crate::name::{AN_ID, is_id, is_scope};
use crate::signatures::method;
use crate::tenants::Tenants;
use crate::{SigningKeySpec, SigningKeysSpec};

/// The keys that requests are signed with, and who has them.
pub(crate) struct SigningKeys {
    holders: BTreeMap<String, Holder>,
    /// Nobody's. What is signed with a key that is not known is compared with a
    /// code of this one, so that it takes as long as with one that is.
    decoy: Rc<Key>,
}

struct Holder {
    scheme: Scheme,
    key: Rc<Key>,
    principal: Rc<Principal>,
}

/// Why the keys that requests are signed with were refused. The texts begin
/// with the path below `identity`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidSigningKey {
    #[error("signing_keys: {key:?} is not an id; {AN_ID}")]
    Id { key: String },
    #[error("signing_keys.{key}.{field}: {name:?} is not an id; {AN_ID}")]
    Name { key: String, field: &'static str, name: String },
    #[error(
        "signing_keys.{key}.scopes[{index}]: {scope:?} is not a scope; use printable ASCII \
         without blanks, quotes and backslashes"
    )]
    Scope { key: String, index: usize, scope: String },
    #[error("signing_keys.{key}: has both a secret and a public key; leave one out")]
    Both { key: String },
    #[error("signing_keys.{key}: has neither a secret nor a public key; add one")]
    Neither { key: String },
    #[error(
        "signing_keys.{key}.algorithm: {algorithm} has a public key and no secret; give the \
         public key"
    )]
    SecretFor { key: String, algorithm: KeyAlgorithm },
    #[error("signing_keys.{key}.public_key: {scheme} is signed with a secret; give one")]
    PublicFor { key: String, scheme: &'static str },
    #[error(
        "signing_keys.{key}.scheme: {scheme} is not accepted, for there is no `identity.{scheme}`"
    )]
    Scheme { key: String, scheme: &'static str },
    // Neither a secret nor a key is shown.
    #[error("signing_keys.{key}.{field}: {source}")]
    Key { key: String, field: &'static str, source: InvalidKey },
}

// === impl SigningKeys ===

impl SigningKeys {
    /// Checks the keys against the ways of signing that are accepted.
    pub(crate) fn compile(
        spec: SigningKeysSpec,
        accepted: &[Scheme],
        tenants: &Tenants,
        seed: Seed,
    ) -> Result<Self, InvalidSigningKey> {
        let mut holders = BTreeMap::new();
        for (id, spec) in spec.keys {
            let holder = holder(&id, spec, accepted, tenants)?;
            holders.insert(id, holder);
        }
        let decoy = Key::secret([seed.0, seed.0].concat());
        let decoy = decoy.map_err(|source| InvalidSigningKey::Key {
            key: String::new(),
            field: "secret",
            source,
        })?;
        Ok(Self { holders, decoy: decoy.into() })
    }

    /// The key to verify with.
    pub(crate) fn key(&self, scheme: Scheme, id: &str) -> Rc<Key> {
        Rc::clone(self.holder(scheme, id).map_or(&self.decoy, |holder| &holder.key))
    }

    /// Who signs with a key.
    pub(crate) fn principal(&self, scheme: Scheme, id: &str) -> Option<Rc<Principal>> {
        self.holder(scheme, id).map(|holder| Rc::clone(&holder.principal))
    }

    /// A key is for one way of signing: elsewhere it is not known.
    fn holder(&self, scheme: Scheme, id: &str) -> Option<&Holder> {
        self.holders.get(id).filter(|holder| holder.scheme == scheme)
    }
}

fn holder(
    id: &str,
    spec: SigningKeySpec,
    accepted: &[Scheme],
    tenants: &Tenants,
) -> Result<Holder, InvalidSigningKey> {
    let SigningKeySpec { scheme, tenant, tier, scopes, algorithm, secret, public_key } = spec;
    let key = || id.to_owned();
    if !is_id(id) {
        return Err(InvalidSigningKey::Id { key: key() });
    }
    let scheme = Scheme::from(scheme);
    if !accepted.contains(&scheme) {
        return Err(InvalidSigningKey::Scheme { key: key(), scheme: method(scheme) });
    }
    for (field, name) in [("tenant", Some(&tenant)), ("tier", tier.as_ref())] {
        if let Some(name) = name.filter(|name| !is_id(name)) {
            return Err(InvalidSigningKey::Name { key: key(), field, name: name.clone() });
        }
    }
    if let Some(index) = scopes.iter().position(|scope| !is_scope(scope)) {
        let scope = scopes.get(index).cloned().unwrap_or_default();
        return Err(InvalidSigningKey::Scope { key: key(), index, scope });
    }
    let principal = Principal {
        method: method(scheme).into(),
        subject: id.into(),
        tier: tier.map(Rc::from).or_else(|| tenants.tier(&tenant)),
        tenant: Some(tenant.into()),
        scopes: scopes.into_iter().collect(),
        ..Principal::default()
    };
    let key = material(id, scheme, algorithm, secret, public_key)?.into();
    Ok(Holder { scheme, key, principal: principal.into() })
}

fn material(
    id: &str,
    scheme: Scheme,
    algorithm: KeyAlgorithm,
    secret: Option<String>,
    public_key: Option<String>,
) -> Result<Key, InvalidSigningKey> {
    let key = || id.to_owned();
    let (field, made) = match (secret, public_key) {
        (Some(_), Some(_)) => return Err(InvalidSigningKey::Both { key: key() }),
        (None, None) => return Err(InvalidSigningKey::Neither { key: key() }),
        (Some(_), None) if algorithm != KeyAlgorithm::HmacSha256 => {
            return Err(InvalidSigningKey::SecretFor { key: key(), algorithm });
        }
        (Some(secret), None) => ("secret", Key::secret(secret)),
        (None, Some(_)) if scheme != Scheme::HttpSignature => {
            return Err(InvalidSigningKey::PublicFor { key: key(), scheme: method(scheme) });
        }
        (None, Some(pem)) => ("public_key", Key::public(algorithm, &pem)),
    };
    made.map_err(|source| InvalidSigningKey::Key { key: key(), field, source })
}
