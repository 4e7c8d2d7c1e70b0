//! Callers whom others know.

use std::num::NonZeroUsize;
use std::time::Duration;

use tollgate_core::{Answer, CallId, Cx, Fingerprint, Principal, Timestamp};

use super::stop::Refusal;
use super::term::{Phase, Term};
use super::{Authenticator, Recognised};
use crate::InvalidToken;
use crate::ask::{Asked, Minted, Question, Said, Unanswered, Whom};
use crate::cache::{Remembered, Slot};
use crate::claims::Validity;
use crate::denials::Named;
use crate::introspection::Found;
use crate::methods::Methods;

/// A credential that was asked about and is nobody's, as far as is known.
///
/// Apart from those that are somebody's, so that random ones drive out nobody.
pub(super) struct Denied {
    why: Why,
    since: Timestamp,
    span: Duration,
}

#[derive(Clone, Copy)]
pub(super) enum Why {
    Refused(InvalidToken),
    Unanswered(Unanswered),
}

/// As many as a worker may ask about while one is remembered.
pub(super) const DENIED_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(2047);

/// A token may be shown before its provider knows it everywhere. Whoever was
/// asked may say that it should be asked again sooner.
const REFUSED_SPAN: Duration = Duration::from_secs(10);

/// Long enough for all who waited to be told.
const UNANSWERED_SPAN: Duration = Duration::from_secs(1);

/// What the question is about (RFC 7662, section 2.1).
const HINT: Option<&str> = Some("access_token");

// === impl Authenticator ===

impl Authenticator {
    /// Learns what a call was answered that a request waits for. Calls that are
    /// not its own are passed over.
    pub fn on_answer(&mut self, id: CallId, answer: &Answer, cx: &mut Cx<'_>) {
        let Some(question) = self.asker.answered(id) else {
            return self.fetched.on_answer(id, answer, cx);
        };
        let now = cx.now;
        match self.take_in(question, answer, now) {
            Ok(()) => self.denied.forget(question.slot),
            Err((why, span)) => self.denied.put(question.slot, Denied { why, since: now, span }),
        }
    }

    /// Remembers what an answer tells; if nothing, says why and for how long.
    fn take_in(
        &mut self,
        question: Question,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), (Why, Duration)> {
        let unanswered = |why| (Why::Unanswered(why), UNANSWERED_SPAN);
        let Question { whom, slot, .. } = question;
        if whom == Whom::Mint {
            let minted = self.asker.read(whom, Minted::read(answer), now).map_err(unanswered)?;
            self.keep_token(slot, &minted, now);
            return Ok(());
        }
        let said = self.asker.read(whom, Said::read(answer), now).map_err(unanswered)?;
        self.learn(question, &said, now).map_err(|why| match why {
            Why::Refused(_) => (why, said.refused_for()),
            Why::Unanswered(_) => (why, UNANSWERED_SPAN),
        })
    }

    /// Remembers whose a credential is, if that is what was said.
    fn learn(&mut self, question: Question, said: &Said, now: Timestamp) -> Result<(), Why> {
        if question.whom == Whom::SigningKeys {
            return self.learn_key(question.slot, said, now);
        }
        match self.found(question, said, now) {
            Found::Caller(principal, validity) => {
                let named = self.named(question.whom, said, &principal);
                let term = term(question.whom, said, validity, now);
                self.remember(question.slot, principal, named, term);
                Ok(())
            }
            Found::Refused(fault) => {
                self.genuine.forget(question.slot);
                Err(Why::Refused(fault))
            }
            Found::Unreadable => Err(Why::Unanswered(Unanswered::Unreadable)),
        }
    }

    fn found(&self, Question { slot, whom, .. }: Question, said: &Said, now: Timestamp) -> Found {
        let Said::Active { claims, max_age } = said else {
            return Found::Refused(InvalidToken::Inactive);
        };
        let Some(asked) = self.identity.asked(whom) else { return Found::Unreadable };
        let spread = slot.spread() ^ now.as_nanos();
        asked.read(claims, *max_age, &self.identity.tenants, (now, spread))
    }

    /// What a denial would name.
    fn named(&mut self, whom: Whom, said: &Said, principal: &Principal) -> Named {
        match (whom, said) {
            (Whom::Provider(_), Said::Active { claims, .. }) => {
                self.denials.token(claims, principal)
            }
            _ => self.denials.api_key(&principal.subject),
        }
    }

    /// Whose key it is, by what is written down or by whoever else knows.
    pub(super) fn api_key(&mut self, key: &[u8], cx: &mut Cx<'_>) -> Result<Recognised, Refusal> {
        if let Some(principal) = self.identity.tenants.holder(key) {
            let named = self.denials.api_key(&principal.subject);
            return Ok(Recognised { principal, named });
        }
        let asked = Asked::api_key(key)
            .filter(|_| self.identity.lookup.is_some() && self.denials.may_be_a_key(key, cx.now));
        let asked = asked.ok_or(InvalidToken::Inactive)?;
        let fingerprint = self.seed.fingerprint(&[key]);
        self.consult(Whom::Lookup, fingerprint, || asked.form(None), cx)
    }

    /// Whose token it is by the first provider that says so. A provider that
    /// does not answer may be the one that knows it.
    pub(super) fn introspect(
        &mut self,
        token: &[u8],
        fingerprint: Fingerprint,
        methods: &Methods,
        cx: &mut Cx<'_>,
    ) -> Result<Recognised, Refusal> {
        let places = || methods.introspection.iter().copied();
        let mut slots = places().map(|place| Slot::new(fingerprint, Whom::Provider(place).place()));
        if let Some(holder) = slots.find_map(|slot| self.holder(slot, cx.now)) {
            return Ok(holder);
        }
        let asked = Asked::token(token)?;
        let mut refusal = Refusal::Token(InvalidToken::Inactive);
        for whom in places().map(Whom::Provider) {
            match self.consult(whom, fingerprint, || asked.form(HINT), cx) {
                Err(Refusal::Token(fault)) if matches!(refusal, Refusal::Token(_)) => {
                    refusal = Refusal::Token(fault);
                }
                Err(Refusal::Token(_)) => {}
                Err(Refusal::Unanswered(fault)) => refusal = Refusal::Unanswered(fault),
                verdict => return verdict,
            }
        }
        Err(refusal)
    }

    /// Whose credential it is, as far as is remembered.
    fn holder(&mut self, slot: Slot, now: Timestamp) -> Option<Recognised> {
        let known = self.genuine.get(slot)?;
        known.validity.check(now).ok().map(|()| known.recognised())
    }

    /// What is known about a credential from one who was asked, or the call
    /// that will tell.
    fn consult(
        &mut self,
        whom: Whom,
        fingerprint: Fingerprint,
        form: impl FnOnce() -> String,
        cx: &mut Cx<'_>,
    ) -> Result<Recognised, Refusal> {
        let slot = Slot::new(fingerprint, whom.place());
        let known = self.genuine.get(slot);
        let known = known.map(|known| (known.recognised(), known.term().phase(cx.now)));
        if let Some((holder, Phase::Fresh)) = known {
            return Ok(holder);
        }
        let refusal = self.unknown(Question { whom, slot, is_known: known.is_some() }, form, cx);
        match (known, refusal) {
            // The answer is for those who come later.
            (Some((holder, Phase::Ageing)), Refusal::Waits(_) | Refusal::Unanswered(_)) => {
                Ok(holder)
            }
            (Some((holder, Phase::Kept)), Refusal::Unanswered(_)) if self.denials.are_told() => {
                Ok(holder)
            }
            (_, refusal) => Err(refusal),
        }
    }

    /// Why a credential that was asked about is not accepted, or the call that
    /// will tell whose it is.
    fn unknown(
        &mut self,
        question: Question,
        form: impl FnOnce() -> String,
        cx: &mut Cx<'_>,
    ) -> Refusal {
        if let Some(denied) = self.denied.get(question.slot) {
            if let Some(why) = denied.holds(cx.now) {
                return why.into();
            }
            self.denied.forget(question.slot);
        }
        self.ask(question, form, cx).into()
    }

    /// The call that will tell, or why there is none.
    pub(super) fn ask(
        &mut self,
        question: Question,
        form: impl FnOnce() -> String,
        cx: &mut Cx<'_>,
    ) -> Result<CallId, Unanswered> {
        let endpoint = self.identity.endpoint(question.whom).ok_or(Unanswered::NoCluster)?;
        self.asker.ask(question, endpoint, form, cx)
    }
}

/// For how long a caller counts of whom this was said. Keys are kept by the
/// control plane, which also says who is revoked; tokens are their provider's.
fn term(whom: Whom, said: &Said, validity: Validity, now: Timestamp) -> Term {
    match (whom, said) {
        (Whom::Lookup, Said::Active { claims, .. }) => {
            Term::kept(validity, claims.moment("exp").ok().flatten(), now)
        }
        _ => Term::of(validity),
    }
}

// === impl Said ===

impl Said {
    /// How long a refusal is remembered.
    fn refused_for(&self) -> Duration {
        let (Self::Active { max_age, .. } | Self::Inactive { max_age }) = self;
        max_age.unwrap_or(REFUSED_SPAN).clamp(UNANSWERED_SPAN, REFUSED_SPAN)
    }
}

// === impl Denied ===

impl Denied {
    /// Why, as long as that is remembered. A clock that went backwards must not
    /// make the span longer.
    pub(super) fn holds(&self, now: Timestamp) -> Option<Why> {
        let validity = Validity::new(self.since, self.since.plus(self.span));
        validity.check(now).ok().map(|()| self.why)
    }
}

impl Remembered for Denied {
    /// There are few.
    fn bytes(&self) -> usize {
        0
    }
}

// === impl Refusal ===

impl From<Result<CallId, Unanswered>> for Refusal {
    fn from(asked: Result<CallId, Unanswered>) -> Self {
        match asked {
            Ok(call) => Self::Waits(call),
            Err(unanswered) => Self::Unanswered(unanswered),
        }
    }
}

impl From<Why> for Refusal {
    fn from(why: Why) -> Self {
        match why {
            Why::Refused(fault) => Self::Token(fault),
            Why::Unanswered(unanswered) => Self::Unanswered(unanswered),
        }
    }
}
