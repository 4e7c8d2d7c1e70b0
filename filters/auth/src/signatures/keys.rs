use std::collections::BTreeMap;
use std::rc::Rc;

use tollgate_core::{Fingerprint, Seed};
use tollgate_signatures::{Key, Scheme};

use crate::SigningKeySpec;
use crate::signatures::holder::{Holder, InvalidSigningKey};
use crate::tenants::Tenants;

/// The keys that are written down, and who has them.
///
/// Time must not tell whether there is a key of some id. So no ids are compared byte
/// by byte, as many steps lead to every one of them, and an id that nobody has is
/// verified with the key of somebody: what comes of that is nobody's.
pub(crate) struct SigningKeys {
    /// By the fingerprints of their ids, in order, for each way of signing.
    holders: Vec<(Scheme, Vec<(Fingerprint, Holder)>)>,
    seed: Seed,
    /// What is verified with where there are no other keys: nobody's.
    decoy: Rc<Key>,
}

/// What there is for the id of a key.
pub(crate) struct Found<'a> {
    /// Who has it, if anybody.
    pub(crate) holder: Option<&'a Holder>,
    /// What a signature with it is verified with, in any case.
    pub(crate) key: &'a Rc<Key>,
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
        let mut found = Vec::with_capacity(specs.len());
        for (id, spec) in specs {
            let holder = Holder::compile(&id, spec, accepted, tenants)?;
            found.push((seed.fingerprint(&[id.as_bytes()]), holder));
        }
        found.sort_unstable_by_key(|(place, _)| *place);
        let of = |scheme: Scheme| {
            found.iter().filter(move |(_, one)| one.scheme == scheme).cloned().collect()
        };
        let holders = accepted.iter().map(|scheme| (*scheme, of(*scheme))).collect();
        let decoy = Key::secret([seed.0, seed.0].concat());
        let decoy = decoy.map_err(|source| InvalidSigningKey::Key {
            key: String::new(),
            field: "secret",
            source,
        })?;
        Ok(Self { holders, seed, decoy: decoy.into() })
    }

    /// What there is for an id. A key is for one way of signing: elsewhere it is not known.
    pub(crate) fn find(&self, scheme: Scheme, id: &str) -> Found<'_> {
        match self.nearest(scheme, id) {
            Some((is_of_id, nearest)) => {
                Found { holder: is_of_id.then_some(nearest), key: &nearest.key }
            }
            None => Found { holder: None, key: &self.decoy },
        }
    }

    /// Who has the key of an id, or of the one beside which it would stand.
    fn nearest(&self, scheme: Scheme, id: &str) -> Option<(bool, &Holder)> {
        let (_, holders) = self.holders.iter().find(|(known, _)| *known == scheme)?;
        let wanted = self.seed.fingerprint(&[id.as_bytes()]);
        let next = holders.partition_point(|(place, _)| *place < wanted);
        let last = holders.len().checked_sub(1)?;
        let (place, holder) = holders.get(next.min(last))?;
        Some((*place == wanted, holder))
    }
}
