use std::num::NonZeroU16;

use tollgate_core::{Cx, GrpcAnswer, GrpcCallId, Host, Principal, Seed, Timestamp};
use tollgate_sync::{Denylist, Mark, Member, Name, SyncSpec, WhenStale};

use crate::claims::Claims;
use crate::{KeyFilter, KeyFingerprint};

/// Whom the control plane has refused although the credential looks good, and
/// which API keys it knows.
pub(crate) struct Denials {
    seed: Seed,
    /// Those whom tokens name.
    issuers: Vec<Box<str>>,
    /// None without a control plane that says so: then nobody is refused.
    member: Option<Member>,
    /// The filter of API keys, with its number.
    keys: Option<(u64, KeyFilter)>,
}

/// Issuers that tokens name; there are as many again in the configuration at most.
const ISSUERS_MAX: usize = 1_000;

/// What a denial can name a credential by, besides its subject and its tenant.
/// All that is kept of `jti` is 64 bits: a hundred thousand of them would take
/// more memory than the identities. The default is that of a certificate.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Named {
    /// The token or key itself.
    pub(crate) credential: Option<Mark>,
    /// Who issued it; none if it is no token.
    pub(crate) issuer: Option<Issuer>,
    /// In seconds; 0 if it does not say.
    pub(crate) issued_at: u32,
}

/// One of the issuers that were met, by its number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Issuer(NonZeroU16);

/// Why a credential that looks good is not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Barred {
    /// It has been revoked.
    Revoked,
    /// It cannot be told whether it has.
    Unknown,
}

// === impl Denials ===

impl Denials {
    pub(crate) fn new(spec: Option<SyncSpec>, seed: Seed) -> Self {
        let member = spec.map(|spec| Member::new(spec, seed));
        Self { seed, issuers: Vec::new(), member, keys: None }
    }

    /// What there is to keep of a token. A provider that does not say who issued
    /// it goes by the name of its method, `introspection.NAME`.
    pub(crate) fn token(&mut self, claims: &Claims, principal: &Principal) -> Named {
        let issuer = claims.issuer().unwrap_or(&principal.method);
        let token = claims.token_id().map(|jti| Name::Token { issuer, jti });
        Named {
            credential: token.map(|token| token.mark(self.seed)),
            issuer: self.issuer(issuer, &principal.method),
            issued_at: claims.issued_at(),
        }
    }

    /// The number of an issuer. Should a provider name more than there is room
    /// for, those go by the name of its method.
    fn issuer(&mut self, name: &str, method: &str) -> Option<Issuer> {
        let place = self.issuers.iter().position(|issuer| **issuer == *name);
        if place.is_none() && ISSUERS_MAX <= self.issuers.len() && name != method {
            return self.issuer(method, method);
        }
        let place = place.unwrap_or(self.issuers.len());
        if place == self.issuers.len() {
            self.issuers.push(name.into());
        }
        NonZeroU16::new(u16::try_from(place).ok()?.checked_add(1)?).map(Issuer)
    }

    /// What there is to keep of an API key.
    pub(crate) fn api_key(&self, id: &str) -> Named {
        Named { credential: Some(Name::ApiKey(id).mark(self.seed)), ..Named::default() }
    }

    /// What there is to keep of a key that requests are signed with.
    pub(crate) fn signing_key(&self, id: &str) -> Named {
        Named { credential: Some(Name::SigningKey(id).mark(self.seed)), ..Named::default() }
    }

    /// Whether a credential is still good. Tokens of a tenant are refused by
    /// their age; whatever else it has, only while it is suspended. `when_stale`
    /// says what holds while that cannot be told; the same for all by default.
    pub(crate) fn check(
        &self,
        named: Named,
        principal: &Principal,
        when_stale: Option<WhenStale>,
        now: Timestamp,
    ) -> Result<(), Barred> {
        let Some(list) = self.list(when_stale, now)? else { return Ok(()) };
        let Named { credential, issuer, issued_at } = named;
        let issuer =
            issuer.and_then(|Issuer(n)| self.issuers.get(usize::from(n.get()).saturating_sub(1)));
        let subject = issuer.map(|issuer| Name::Subject { issuer, subject: &principal.subject });
        let tenant = principal.tenant.as_deref();
        let marks = [
            credential,
            subject.map(|subject| subject.mark(self.seed)),
            tenant.filter(|_| subject.is_some()).map(|id| Name::Tenant(id).mark(self.seed)),
            tenant.map(|id| Name::Suspended(id).mark(self.seed)),
        ];
        let mut marks = marks.iter().flatten();
        let is_revoked = list.is_in_doubt(issued_at)
            || marks.any(|mark| list.denies(*mark, issued_at, now.as_seconds()));
        if is_revoked { Err(Barred::Revoked) } else { Ok(()) }
    }

    /// Whether anybody says who is revoked: then what becomes of callers while
    /// nobody does is written as well, and [`Denials::check`] sees to it.
    pub(crate) fn are_told(&self) -> bool {
        self.member.is_some()
    }

    /// Whether an API key that is not written down can be one of the store's.
    /// False only if a filter is there that is not old and does not know it.
    pub(crate) fn may_be_a_key(&self, key: &[u8], now: Timestamp) -> bool {
        let (Some(member), Some((version, filter))) = (&self.member, &self.keys) else {
            return true;
        };
        let fingerprint = KeyFingerprint::of(key);
        member.is_behind(now)
            || member.filter() != *version
            || filter.may_contain(fingerprint)
            || member.may_be_newer(*version, fingerprint.0)
    }

    /// The list, if anybody stands on it.
    fn list(
        &self,
        when_stale: Option<WhenStale>,
        now: Timestamp,
    ) -> Result<Option<&Denylist>, Barred> {
        let Some(member) = &self.member else { return Ok(None) };
        if member.is_closed(when_stale, now) {
            return Err(Barred::Unknown);
        }
        Ok(Some(member.denylist()).filter(|list| !list.is_empty()))
    }
}

/// As the worker's part in the exchange with the control plane.
impl Denials {
    pub(crate) fn tick_period(&self) -> Option<std::time::Duration> {
        self.member.as_ref().map(Member::tick_period)
    }

    pub(crate) fn join(&mut self, host: &mut dyn Host) {
        self.with(|member| member.join(host));
    }

    pub(crate) fn on_tick(&mut self, cx: &mut Cx<'_>) {
        self.with(|member| member.on_tick(cx));
    }

    pub(crate) fn on_answer(&mut self, id: GrpcCallId, answer: &GrpcAnswer, cx: &mut Cx<'_>) {
        self.with(|member| member.on_answer(id, answer, cx));
    }

    /// A filter that cannot be read is none: it refuses nobody.
    fn with(&mut self, act: impl FnOnce(&mut Member)) {
        let Some(member) = &mut self.member else { return };
        act(member);
        if let Some((version, bytes)) = member.take_filter() {
            self.keys = KeyFilter::from_bytes(&bytes).ok().map(|filter| (version, filter));
        }
    }
}
