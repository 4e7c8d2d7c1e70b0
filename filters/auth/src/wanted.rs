use std::rc::Rc;

use tollgate_core::{ClaimPath, InvalidClaimPath, Principal};

use crate::claims::Claims;
use crate::tenants::Tenants;
use crate::{ClaimsSpec, InvalidToken, kept};

/// Which claims are read once they are believed.
pub(crate) struct Wanted {
    /// The first one that is there.
    subject: Vec<ClaimPath>,
    tenant: Option<ClaimPath>,
    tier: Option<ClaimPath>,
    scopes: ClaimPath,
    groups: Option<ClaimPath>,
    keep: Box<[ClaimPath]>,
}

/// Why the path of a claim was refused. The texts begin with the member of
/// `claims` that names it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{member}: {source}")]
pub struct InvalidClaims {
    /// Which member.
    pub member: String,
    /// What is wrong with it.
    pub source: InvalidClaimPath,
}

// === impl Wanted ===

impl Wanted {
    /// What a token says whose subject is in `sub`.
    pub(crate) fn compile(spec: ClaimsSpec) -> Result<Self, InvalidClaims> {
        let ClaimsSpec { tenant, tier, scopes, groups, keep } = spec;
        let keep = keep.iter().enumerate();
        Ok(Self {
            subject: vec![ClaimPath::of(["sub"])],
            tenant: optional("tenant", tenant)?,
            tier: optional("tier", tier)?,
            scopes: optional("scopes", scopes)?.unwrap_or_else(|| ClaimPath::of(["scope"])),
            groups: optional("groups", groups)?,
            keep: keep
                .map(|(index, path)| claim(format!("keep[{index}]"), path))
                .collect::<Result<_, _>>()?,
        })
    }

    /// What our own store says of an API key.
    pub(crate) fn of_api_keys() -> Self {
        let claim = |name: &str| ClaimPath::of([name]);
        Self {
            subject: vec![claim("sub")],
            tenant: Some(claim("tenant")),
            tier: Some(claim("tier")),
            scopes: claim("scope"),
            groups: None,
            keep: Box::default(),
        }
    }

    /// Without a subject, the client itself is who calls (RFC 7662, section 2.2).
    pub(crate) fn or_client(mut self) -> Self {
        self.subject.push(ClaimPath::of(["client_id"]));
        self
    }

    /// Whom the claims name.
    pub(crate) fn principal(
        &self,
        method: &Rc<str>,
        claims: &Claims,
        tenants: &Tenants,
    ) -> Result<Principal, InvalidToken> {
        let Self { subject: _, tenant, tier, scopes, groups, keep } = self;
        let claimed = |path: &Option<ClaimPath>, invalid| match path {
            Some(path) => claims.id(path, invalid),
            None => Ok(None),
        };
        let tenant = claimed(tenant, InvalidToken::Tenant)?;
        let tier = claimed(tier, InvalidToken::Tier)?;
        let groups = groups.as_ref().map(|path| claims.groups(path)).transpose()?;
        Ok(Principal {
            method: Rc::clone(method),
            subject: self.subject(claims)?,
            tier: tenant.as_deref().and_then(|tenant| tenants.tier(tenant)).or(tier),
            tenant,
            scopes: claims.scopes(scopes)?,
            groups: groups.unwrap_or_default(),
            claims: kept::keep(keep, &claims.0)?,
        })
    }

    fn subject(&self, claims: &Claims) -> Result<Rc<str>, InvalidToken> {
        let named = self.subject.iter().find(|path| path.find(&claims.0).is_some());
        let subject = named.map(|path| claims.id(path, InvalidToken::Subject)).transpose()?;
        subject.flatten().ok_or(InvalidToken::Subject)
    }

    /// Whether a claim is kept.
    pub(crate) fn keeps(&self, claim: &ClaimPath) -> bool {
        self.keep.iter().any(|kept| claim.is_in(kept))
    }
}

fn optional(member: &str, path: Option<String>) -> Result<Option<ClaimPath>, InvalidClaims> {
    path.map(|path| claim(member.to_owned(), &path)).transpose()
}

fn claim(member: String, path: &str) -> Result<ClaimPath, InvalidClaims> {
    ClaimPath::parse(path).map_err(|source| InvalidClaims { member, source })
}
