use std::collections::BTreeMap;
use std::rc::Rc;

use tollgate_core::Seed;
use tollgate_signatures::{Key, Scheme};

use crate::SigningKeySpec;
use crate::signatures::holder::{Holder, InvalidSigningKey};
use crate::tenants::Tenants;

/// The keys that are written down, and who has them.
pub(crate) struct SigningKeys {
    holders: BTreeMap<String, Holder>,
    /// Nobody's. What is signed with a key that is not known is compared with a
    /// code of this one, so that it takes as long as with one that is.
    decoy: Rc<Key>,
}

// === impl SigningKeys ===

impl SigningKeys {
    /// Checks the keys against the ways of signing that are accepted.
    pub(crate) fn compile(
        specs: BTreeMap<String, SigningKeySpec>,
        accepted: &[Scheme],
        tenants: &Tenants,
        seed: Seed,
    ) -> Result<Self, InvalidSigningKey> {
        let mut holders = BTreeMap::new();
        for (id, spec) in specs {
            let holder = Holder::compile(&id, spec, accepted, tenants)?;
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

    /// Who signs with a key. It is for one way of signing: elsewhere it is not known.
    pub(crate) fn holder(&self, scheme: Scheme, id: &str) -> Option<&Holder> {
        self.holders.get(id).filter(|holder| holder.scheme == scheme)
    }

    /// What stands in for the key of nobody.
    pub(crate) fn decoy(&self) -> Rc<Key> {
        Rc::clone(&self.decoy)
    }
}
