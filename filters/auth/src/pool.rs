use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use tollgate_core::{Fingerprint, Prehashed, Principal, Seed};

/// Texts that many identities have in common, each kept once: tenants, tiers,
/// lists of scopes and groups, and kept claims.
pub(crate) struct Pool {
    seed: Seed,
    texts: HashMap<Fingerprint, Rc<str>, BuildHasherDefault<Prehashed>>,
    bytes: usize,
    bytes_max: usize,
    /// How many texts found no room since it was last looked for.
    turned_away: usize,
}

/// What a text takes besides itself, in the pool or beside it.
const TEXT_BYTES: usize = 64;

// === impl Pool ===

impl Pool {
    pub(crate) fn new(bytes_max: usize, seed: Seed) -> Self {
        Self { seed, texts: HashMap::default(), bytes: 0, bytes_max, turned_away: 0 }
    }

    /// The same principal, with the texts that others have too, and how many
    /// bytes its other texts take.
    pub(crate) fn shared(&mut self, principal: Principal) -> (Principal, usize) {
        let Principal { method, subject, tenant, tier, scopes, groups, claims } = principal;
        let mut own = subject.len();
        let mut share = |text: &Rc<str>| self.share(text, &mut own);
        let principal = Principal {
            method,
            subject,
            tenant: tenant.as_ref().map(&mut share),
            tier: tier.as_ref().map(&mut share),
            scopes: scopes.shared(&mut share),
            groups: groups.shared(&mut share),
            claims: claims.as_ref().map(share),
        };
        (principal, own)
    }

    fn share(&mut self, text: &Rc<str>, own: &mut usize) -> Rc<str> {
        let key = self.seed.fingerprint(&[text.as_bytes()]);
        if let Some(known) = self.texts.get(&key).filter(|known| *known == text) {
            return Rc::clone(known);
        }
        let bytes = text.len().saturating_add(TEXT_BYTES);
        if self.has_room(bytes) {
            self.bytes = self.bytes.saturating_add(bytes);
            self.texts.insert(key, Rc::clone(text));
        } else {
            *own = own.saturating_add(bytes);
        }
        Rc::clone(text)
    }

    /// Looking for texts that nobody has any more takes as long as there are
    /// texts, so it is done once for every few that find no room.
    fn has_room(&mut self, bytes: usize) -> bool {
        let fits = |taken: usize| taken.saturating_add(bytes) <= self.bytes_max;
        if fits(self.bytes) {
            return true;
        }
        self.turned_away = self.turned_away.saturating_add(1);
        if self.turned_away < self.texts.len().wrapping_div(4) {
            return false;
        }
        self.turned_away = 0;
        self.texts.retain(|_, text| 1 < Rc::strong_count(text));
        let left = self.texts.values().map(|text| text.len().saturating_add(TEXT_BYTES));
        self.bytes = left.sum();
        self.bytes.saturating_add(bytes) <= self.bytes_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tenant: &str) -> Principal {
        Principal { subject: "ann".into(), tenant: Some(tenant.into()), ..Principal::default() }
    }

    fn tenant(principal: &Principal) -> *const u8 {
        principal.tenant.as_ref().unwrap().as_ptr()
    }

    #[test]
    fn texts_that_are_the_same_are_one() {
        let mut pool = Pool::new(1024, Seed([1; 16]));
        let [(acme, own), (again, _), (other, _)] =
            ["acme", "acme", "other"].map(|name| pool.shared(of(name)));
        assert_eq!(tenant(&acme), tenant(&again));
        assert_ne!(tenant(&acme), tenant(&other));
        assert_eq!((acme, own), (of("acme"), 3), "nothing but the subject is its own");
    }

    #[test]
    fn what_finds_no_room_is_its_own_until_others_leave() {
        // For the text of no scopes and groups, and one more.
        let mut pool = Pool::new(64 + 68, Seed([1; 16]));
        let (acme, own) = pool.shared(of("acme"));
        assert_eq!(own, 3);
        let (first, own) = pool.shared(of("othr"));
        assert_eq!((&first, own), (&of("othr"), 3 + 68));
        let (second, _) = pool.shared(of("othr"));
        assert_ne!(tenant(&first), tenant(&second));
        drop(acme);
        let (third, own) = pool.shared(of("othr"));
        assert_eq!((&third, own), (&of("othr"), 3));
        assert_eq!(tenant(&third), tenant(&pool.shared(of("othr")).0));
    }
}
