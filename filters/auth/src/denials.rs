use tollgate_core::{Cx, GrpcAnswer, GrpcCallId, Host, Principal, Seed, Timestamp};
use tollgate_sync::{Denylist, Mark, Member, Name, SyncSpec};

use crate::claims::Claims;
use crate::{KeyFilter, KeyFingerprint};

/// Whom the control plane has refused although the credential looks good, and
/// which API keys it knows.
pub(crate) struct Denials {
    seed: Seed,
    /// None without a control plane that says so: then nobody is refused.
    member: Option<Member>,
    /// The filter of API keys, with its number.
    keys: Option<(u64, KeyFilter)>,
}

/// What a denial can name a token by, besides its issuer, its subject and its
/// tenant. All that is kept of `jti` is 64 bits: a hundred thousand of them
/// would take more memory than the identities.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Named {
    pub(crate) token: Option<Mark>,
    pub(crate) issued_at: u32,
}

/// Why a credential that looks good is not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Denied {
    /// It has been revoked.
    Revoked,
    /// It cannot be told whether it has.
    Unknown,
}

// === impl Denials ===

impl Denials {
    pub(crate) fn new(spec: Option<SyncSpec>, seed: Seed) -> Self {
        Self { seed, member: spec.map(|spec| Member::new(spec, seed)), keys: None }
    }

    /// What there is to keep of a token.
    pub(crate) fn named(&self, claims: &Claims) -> Named {
        let (issuer, jti) = (claims.issuer().unwrap_or_default(), claims.token_id());
        let token = jti.map(|jti| Name::Token { issuer, jti }.mark(self.seed));
        Named { token, issued_at: claims.issued_at() }
    }

    /// Whether a token of `issuer` is still good.
    pub(crate) fn check_token(
        &self,
        named: Named,
        issuer: &str,
        principal: &Principal,
        now: Timestamp,
    ) -> Result<(), Denied> {
        let Some(list) = self.list(now)? else { return Ok(()) };
        let Named { token, issued_at } = named;
        let subject = Name::Subject { issuer, subject: &principal.subject };
        let tenant = principal.tenant.as_deref();
        let marks = [
            token,
            Some(subject.mark(self.seed)),
            tenant.map(|tenant| Name::Tenant(tenant).mark(self.seed)),
            tenant.map(|tenant| Name::Suspended(tenant).mark(self.seed)),
        ];
        check(list, &marks, issued_at, now)
    }

    /// Whether an API key is still good, whose id is the principal's subject.
    pub(crate) fn check_key(&self, principal: &Principal, now: Timestamp) -> Result<(), Denied> {
        let Some(list) = self.list(now)? else { return Ok(()) };
        let tenant = principal.tenant.as_deref();
        let marks = [
            Some(Name::ApiKey(&principal.subject).mark(self.seed)),
            tenant.map(|tenant| Name::Suspended(tenant).mark(self.seed)),
        ];
        check(list, &marks, 0, now)
    }

    /// Whether an API key that is not written down can be one of the store's.
    /// False only if a filter is there and does not know it.
    pub(crate) fn may_be_a_key(&self, key: &[u8]) -> bool {
        let (Some(member), Some((version, filter))) = (&self.member, &self.keys) else {
            return true;
        };
        let fingerprint = KeyFingerprint::of(key);
        member.filter() != *version
            || filter.may_contain(fingerprint)
            || member.may_be_newer(*version, fingerprint.0)
    }

    /// The list, if anybody stands on it.
    fn list(&self, now: Timestamp) -> Result<Option<&Denylist>, Denied> {
        let Some(member) = &self.member else { return Ok(None) };
        if member.is_closed(now) {
            return Err(Denied::Unknown);
        }
        Ok(Some(member.denylist()).filter(|list| !list.is_empty()))
    }
}

fn check(
    list: &Denylist,
    marks: &[Option<Mark>],
    issued_at: u32,
    now: Timestamp,
) -> Result<(), Denied> {
    let mut marks = marks.iter().flatten();
    let denied = list.is_in_doubt(issued_at)
        || marks.any(|mark| list.denies(*mark, issued_at, now.as_seconds()));
    if denied { Err(Denied::Revoked) } else { Ok(()) }
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
