//! What becomes of callers who may call: backends are told who they are, and
//! their signatures are used up.

use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use tollgate_core::{CallId, Cx, Edit, Principal, Reply, Seed, Timestamp};
use tollgate_signatures::Verified;

use super::asking::Why;
use super::{Authenticator, Stop};
use crate::Access;
use crate::ask::{Minted, Question, Unanswered, Whom};
use crate::backend_token::question;
use crate::cache::{Recent, Remembered, Slot};
use crate::challenge::no_token;
use crate::claims::Validity;

/// Who is calling. Whoever may call is [admitted](Authenticator::admit) then.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Caller {
    /// Who it is.
    pub principal: Rc<Principal>,
    /// What it was recognised by, if that can be used once.
    pub(super) signature: Option<Verified>,
}

/// A token by which backends are told who is calling.
pub(super) struct Token {
    value: Rc<[u8]>,
    validity: Validity,
    /// From then on another is asked for, while this one is used.
    fresh_until: Timestamp,
}

const TOKENS_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);
const TOKENS_BYTES_MAX: usize = 16 << 20;

/// What a token takes in the module besides its text.
const TOKEN_BYTES: usize = 128;

/// A token that goes out reaches the backend while it holds, and a backend's
/// clock may be a little ahead.
const ARRIVAL: Duration = Duration::from_secs(5);

pub(super) fn memory() -> Recent<Token> {
    Recent::new(TOKENS_MAX, TOKENS_BYTES_MAX)
}

// === impl Authenticator ===

impl Authenticator {
    /// Lets a caller in who may call: with the header that tells the backend by
    /// a token who it is, where there is to be one. The request may have to wait
    /// for that; ask again then, as for [`Authenticator::recognise`]. Comes after
    /// everything else that could make it wait: a signature is used up here.
    pub fn admit(
        &mut self,
        access: &Access,
        caller: &Caller,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Edit>, Stop> {
        if access.methods.is_none() {
            return Ok(None);
        }
        let token = self.token(access, &caller.principal, cx)?;
        self.use_up(access, caller, cx)?;
        Ok(token)
    }

    /// As [`Authenticator::admit`], for what the gateway answers itself: there is
    /// no backend to tell, but a signature is good for one request here too.
    pub fn use_up(&self, access: &Access, caller: &Caller, cx: &mut Cx<'_>) -> Result<(), Reply> {
        let signed = (&access.methods, &caller.signature, &self.identity.signatures);
        let (Some(methods), Some(verified), Some(signatures)) = signed else { return Ok(()) };
        signatures.admit(verified, &methods.challenges, cx)
    }

    /// The token for a caller; none for nobody in particular.
    fn token(
        &mut self,
        access: &Access,
        principal: &Principal,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Edit>, Stop> {
        let (Some(audience), false) = (&access.token_audience, principal.is_anonymous()) else {
            return Ok(None);
        };
        let identity = Rc::clone(&self.identity);
        let Some(tokens) = &identity.backend_tokens else { return Ok(None) };
        let slot = slot(principal, audience, self.seed);
        let held = self.tokens.get(slot).filter(|token| token.validity.check(cx.now).is_ok());
        let held = held.map(|token| (Rc::clone(&token.value), cx.now < token.fresh_until));
        if let Some((value, true)) = held {
            return Ok(Some(tokens.edit(value)));
        }
        let another = self.ask_for_token(slot, principal, audience, cx);
        match (held, another) {
            // Whether another can be had matters when this one ends.
            (Some((value, _)), _) => Ok(Some(tokens.edit(value))),
            (None, Ok(call)) => Err(Stop::Waits(call)),
            (None, Err(unanswered)) => Err(no_token(unanswered).into()),
        }
    }

    fn ask_for_token(
        &mut self,
        slot: Slot,
        principal: &Principal,
        audience: &str,
        cx: &mut Cx<'_>,
    ) -> Result<CallId, Unanswered> {
        let failed = self.denied.get(slot).and_then(|denied| denied.holds(cx.now));
        if let Some(Why::Unanswered(unanswered)) = failed {
            return Err(unanswered);
        }
        // Whoever it is about has been recognised.
        let about = Question { whom: Whom::Mint, slot, is_known: true };
        self.ask(about, || question(principal, audience), cx)
    }

    /// Keeps a token. The last fifth of its life is for having another made.
    pub(super) fn keep_token(&mut self, slot: Slot, minted: &Minted, now: Timestamp) {
        let Some(tokens) = &self.identity.backend_tokens else { return };
        let Minted { token, lifetime } = minted;
        let lifetime = lifetime.saturating_sub(ARRIVAL);
        let fresh = lifetime.saturating_sub(lifetime.checked_div(5).unwrap_or_default());
        let token = Token {
            value: tokens.value(token),
            validity: Validity::new(now, now.plus(lifetime)),
            fresh_until: now.plus(fresh),
        };
        self.tokens.put(slot, token);
    }
}

/// Where the token is kept: all that it says of a caller, and for whom.
fn slot(principal: &Principal, audience: &str, seed: Seed) -> Slot {
    let Principal { method, subject, tenant, tier, scopes, groups, claims: _ } = principal;
    let optional = |text: &Option<Rc<str>>| [u8::from(text.is_some())];
    let (has_tenant, has_tier) = (optional(tenant), optional(tier));
    let fingerprint = seed.fingerprint(&[
        audience.as_bytes(),
        method.as_bytes(),
        subject.as_bytes(),
        &has_tenant,
        tenant.as_deref().unwrap_or_default().as_bytes(),
        &has_tier,
        tier.as_deref().unwrap_or_default().as_bytes(),
        scopes.text().as_bytes(),
        groups.text().as_bytes(),
    ]);
    Slot::new(fingerprint, Whom::Mint.place())
}

// === impl Token ===

impl Remembered for Token {
    fn bytes(&self) -> usize {
        self.value.len().saturating_add(TOKEN_BYTES)
    }
}
