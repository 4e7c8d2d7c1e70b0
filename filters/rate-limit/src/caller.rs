use std::iter;

use tollgate_core::{Address, Fingerprint, Fingerprinter, Principal, Seed};

use crate::limit::Limit;
use crate::spec::Dimension;

/// Who is calling what, as far as limits distinguish it.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The API's name.
    pub api: &'a str,
    /// The route's name in the API.
    pub route: &'a str,
    /// Who is calling, once that is proved.
    pub principal: Option<&'a Principal>,
}

/// What a limit counts by is not known of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Unknown(pub(crate) &'static str);

// === impl Caller ===

impl Caller<'_> {
    /// Whether a limit needs to know where the caller is.
    pub(crate) fn is_counted_by_address(&self, limit: &Limit) -> bool {
        limit.by.iter().any(|dimension| match dimension {
            Dimension::Ip => true,
            Dimension::Tenant | Dimension::ApiKey => self.somebody().is_none(),
            Dimension::Route => false,
        })
    }

    /// What the caller's count of a limit is kept under.
    pub(crate) fn key(
        &self,
        limit: &Limit,
        address: Option<&Address>,
        seed: Seed,
    ) -> Result<Fingerprint, Unknown> {
        let api = if limit.per_api { self.api } else { "" };
        let mut key = seed.fingerprinter();
        key.add(limit.identity.as_bytes());
        key.add(api.as_bytes());
        for dimension in &limit.by {
            self.add(*dimension, address, &mut key)?;
        }
        Ok(key.finish())
    }

    /// Whoever is calling, unless it is nobody in particular: of those, each
    /// address counts by itself.
    fn somebody(&self) -> Option<&Principal> {
        self.principal.filter(|principal| !principal.is_anonymous())
    }

    /// The first part says how the others are meant, so that a tenant and an
    /// address never look alike.
    fn add(
        &self,
        dimension: Dimension,
        address: Option<&Address>,
        key: &mut Fingerprinter,
    ) -> Result<(), Unknown> {
        match (dimension, self.somebody()) {
            (Dimension::Route, _) if self.route.is_empty() => return Err(Unknown("the route")),
            (Dimension::Route, _) => add(key, [&b"route"[..], self.route.as_bytes()]),
            (Dimension::Tenant, Some(Principal { tenant: Some(tenant), .. })) => {
                add(key, [&b"tenant"[..], tenant.as_bytes()]);
            }
            (Dimension::Tenant | Dimension::ApiKey, Some(principal)) => {
                let Principal { method, subject, tenant, .. } = principal;
                let tenant = tenant.as_deref().unwrap_or_default();
                let parts = [&**method, tenant, subject].map(str::as_bytes);
                add(key, iter::once(&b"subject"[..]).chain(parts));
            }
            (Dimension::Ip, _) | (Dimension::Tenant | Dimension::ApiKey, None) => {
                let address = address.ok_or(Unknown("the caller's address"))?;
                add(key, [&b"address"[..], address.as_bytes()]);
            }
        }
        Ok(())
    }
}

fn add<'a>(key: &mut Fingerprinter, parts: impl IntoIterator<Item = &'a [u8]>) {
    parts.into_iter().for_each(|part| key.add(part));
}
