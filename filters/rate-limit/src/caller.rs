use std::iter;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tollgate_core::{
    Address, ClaimPath, Duplicate, Fingerprint, Fingerprinter, Headers, Host, Principal, Seed,
};

use crate::limit::{Key, Limit};

/// Who is calling what, as far as limits distinguish it.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The API's name.
    pub api: &'a str,
    /// The route's name in the API.
    pub route: &'a str,
    /// Who is calling, once that is proved.
    pub principal: Option<&'a Principal>,
    /// What the request says.
    pub headers: &'a Headers,
}

/// A caller, and what has to be looked up of it.
pub(crate) struct Known<'a> {
    pub(crate) caller: Caller<'a>,
    address: Option<Address>,
    claims: Map<String, Value>,
}

/// What a key is made of takes its parts one by one, each delimited.
trait Parts {
    fn add(&mut self, part: &[u8]);
}

/// The name of a key in the making.
struct Name(Sha256);

/// What a limit counts by is not known of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Unknown(pub(crate) &'static str);

// === impl Caller ===

impl<'a> Caller<'a> {
    /// Looks up what some limits count by, each once and only if they do.
    pub(crate) fn look_up<'l>(
        self,
        limits: impl Iterator<Item = &'l Limit>,
        host: &mut dyn Host,
    ) -> Known<'a> {
        let (mut by_address, mut by_claim) = (false, false);
        for key in limits.flat_map(|limit| &limit.by) {
            by_address |= self.is_counted_by_address(key);
            by_claim |= matches!(key, Key::Claim(_));
        }
        let address = if by_address { Address::of_caller(host) } else { None };
        let kept = self.principal.and_then(|principal| principal.claims.as_deref());
        let claims = kept.filter(|_| by_claim).and_then(|kept| serde_json::from_str(kept).ok());
        Known { caller: self, address, claims: claims.unwrap_or_default() }
    }

    fn is_counted_by_address(&self, key: &Key) -> bool {
        match key {
            Key::Ip => true,
            Key::Tenant | Key::ApiKey | Key::Subject => self.somebody().is_none(),
            Key::Route | Key::Api | Key::Header(_) | Key::Claim(_) => false,
        }
    }

    /// Whoever is calling, unless it is nobody in particular: of those, each
    /// address counts by itself.
    fn somebody(&self) -> Option<&'a Principal> {
        self.principal.filter(|principal| !principal.is_anonymous())
    }
}

// === impl Known ===

impl Known<'_> {
    /// What the caller's count of a limit is kept under.
    pub(crate) fn key(&self, limit: &Limit, seed: Seed) -> Result<Fingerprint, Unknown> {
        let mut key = seed.fingerprinter();
        self.spell(limit, &mut key)?;
        Ok(key.finish())
    }

    /// What all Envoys call it: no secret is needed, and yet nobody can make up
    /// two callers of the same name.
    pub(crate) fn name(&self, limit: &Limit) -> u128 {
        let mut name = Name(Sha256::new());
        // Of what is not known there is no count, and so no name.
        let _ = self.spell(limit, &mut name);
        let hash: [u8; 32] = name.0.finalize().into();
        hash.first_chunk().copied().map_or(0, u128::from_le_bytes)
    }

    fn spell(&self, limit: &Limit, key: &mut impl Parts) -> Result<(), Unknown> {
        let api = if limit.per_api { self.caller.api } else { "" };
        key.add(limit.identity.as_bytes());
        key.add(api.as_bytes());
        limit.by.iter().try_for_each(|part| self.add(part, key))
    }

    /// The first part says how the others are meant, so that a tenant and an
    /// address never look alike.
    fn add(&self, part: &Key, key: &mut impl Parts) -> Result<(), Unknown> {
        let Caller { api, route, principal: _, headers } = self.caller;
        match (part, self.caller.somebody()) {
            (Key::Route, _) if route.is_empty() => return Err(Unknown("the route")),
            (Key::Route, _) => add(key, [&b"route"[..], route.as_bytes()]),
            (Key::Api, _) => add(key, [&b"api"[..], api.as_bytes()]),
            (Key::Header(name), _) => match headers.only(name) {
                Ok(Some(value)) => add(key, [&b"header"[..], value]),
                // One count for all, not a way around: whoever sends none, or two
                // of which a backend might take either.
                Ok(None) | Err(Duplicate) => add(key, [&b"no header"[..]]),
            },
            (Key::Claim(path), _) => self.add_claim(path, key),
            (Key::Tenant, Some(Principal { tenant: Some(tenant), .. })) => {
                add(key, [&b"tenant"[..], tenant.as_bytes()]);
            }
            (Key::Tenant | Key::ApiKey | Key::Subject, Some(principal)) => {
                let Principal { method, subject, tenant, .. } = principal;
                let tenant = tenant.as_deref().unwrap_or_default();
                let parts = [&**method, tenant, subject].map(str::as_bytes);
                add(key, iter::once(&b"subject"[..]).chain(parts));
            }
            (Key::Ip, _) | (Key::Tenant | Key::ApiKey | Key::Subject, None) => {
                let address = self.address.as_ref().ok_or(Unknown("the caller's address"))?;
                add(key, [&b"address"[..], address.as_bytes()]);
            }
        }
        Ok(())
    }

    /// A claim in the form that it has in JSON, so that `1` and `"1"` differ.
    fn add_claim(&self, path: &ClaimPath, key: &mut impl Parts) {
        match path.find(&self.claims) {
            None | Some(Value::Null) => add(key, [&b"no claim"[..]]),
            Some(value) => add(key, [&b"claim"[..], value.to_string().as_bytes()]),
        }
    }
}

fn add<'a>(key: &mut impl Parts, parts: impl IntoIterator<Item = &'a [u8]>) {
    parts.into_iter().for_each(|part| key.add(part));
}

// === impl Parts ===

impl Parts for Fingerprinter {
    fn add(&mut self, part: &[u8]) {
        Self::add(self, part);
    }
}

impl Parts for Name {
    fn add(&mut self, part: &[u8]) {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        self.0.update(length.to_le_bytes());
        self.0.update(part);
    }
}
