use std::rc::Rc;

use tollgate_core::Principal;
use tollgate_signatures::{InvalidKey, Key, KeyAlgorithm, Scheme};

use crate::SigningKeySpec;
use crate::name::{AN_ID, is_id, is_scope};
use crate::signatures::method;
use crate::tenants::Tenants;

/// A key that requests are signed with, and who has it.
#[derive(Clone)]
pub(crate) struct Holder {
    pub(crate) scheme: Scheme,
    pub(crate) key: Rc<Key>,
    pub(crate) principal: Rc<Principal>,
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

// === impl Holder ===

impl Holder {
    /// Checks a key, and that requests can be signed with it here.
    pub(crate) fn compile(
        id: &str,
        spec: SigningKeySpec,
        accepted: &[Scheme],
        tenants: &Tenants,
    ) -> Result<Self, InvalidSigningKey> {
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
        Ok(Self { scheme, key, principal: principal.into() })
    }
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
