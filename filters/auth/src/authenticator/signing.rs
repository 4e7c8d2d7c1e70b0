//! Callers who sign their requests, also with keys that others keep.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use tollgate_core::{CallId, Cx, RequestHead, Seed, Timestamp};
use tollgate_signatures::{Key, Refused, Scheme, Verified};

use super::asking::{Denied, Why};
use super::stop::{Refusal, Stop};
use super::term::{Phase, Term};
use super::{Authenticator, Caller, Recognised};
use crate::InvalidToken;
use crate::ask::{Asked, Question, Said, Unanswered, Whom};
use crate::cache::{Recent, Remembered, Slot};
use crate::challenge::unanswered;
use crate::denials::Named;
use crate::introspection::believed;
use crate::methods::Methods;
use crate::signatures::{Holder, InvalidSigningKey, Signatures, Told, invalid};

/// A key that was asked about, as long as what was said of it is believed.
pub(super) struct Signer {
    holder: Holder,
    /// What a denial would name.
    named: Named,
    term: Term,
    bytes: usize,
}

/// What counts as known.
#[derive(Clone, Copy)]
enum Trust {
    /// What was said a moment ago.
    Current,
    /// Also what was said last, since nobody can be asked for this reason.
    Kept(Unanswered),
}

/// Why a signature was not found good.
enum Unverified {
    Stop(Stop),
    /// Nobody says what it would have to be verified with.
    Unanswered(Unanswered),
}

/// The keys that one request may have been signed with.
struct Ring<'a> {
    signatures: &'a Signatures,
    signers: &'a Recent<Signer>,
    denied: &'a Recent<Denied>,
    seed: Seed,
    scheme: Scheme,
    trust: Trust,
    now: Timestamp,
    /// The first of them that is not there.
    missing: RefCell<Option<Missing>>,
}

/// Why a key is not there.
enum Missing {
    /// Nobody was asked about the key of this id.
    Unasked(String),
    /// Whoever was asked did not say.
    Unanswered(Unanswered),
}

const SIGNERS_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);
const SIGNERS_BYTES_MAX: usize = 8 << 20;

/// What a key takes in the module besides twice its texts, of which one copy is
/// its numbers.
const SIGNER_BYTES: usize = 1024;

/// How long a key is believed in at most without being asked for again. Whoever
/// is revoked is on the list of denials within seconds; this is for when that
/// does not come.
const TTL: Duration = Duration::from_secs(30);

pub(super) fn memory() -> Recent<Signer> {
    Recent::new(SIGNERS_MAX, SIGNERS_BYTES_MAX)
}

// === impl Authenticator ===

impl Authenticator {
    /// Who signed a request, if the signature holds for all of it. The body is
    /// nothing as long as it has not arrived.
    pub(super) fn signer(
        &mut self,
        signatures: &Signatures,
        scheme: Scheme,
        request: (RequestHead<'_>, Option<&[u8]>),
        methods: &Methods,
        cx: &mut Cx<'_>,
    ) -> Result<Caller, Stop> {
        let challenges = &methods.challenges;
        let verified = self.verified(signatures, scheme, request, methods, cx)?;
        signatures.check_body(&verified, request.1, challenges)?;
        // Verified it was with some key, in any case.
        let signer = self.signer_of(signatures, &verified, cx);
        let signer = signer.ok_or_else(|| invalid(&Refused::UnknownKey, challenges))?;
        let principal = self.unless_denied(signer, methods, cx.now);
        let principal = principal.map_err(|refusal| refused(refusal, methods))?;
        Ok(Caller { principal, signature: Some(verified) })
    }

    /// The signature of a request, once all keys are there that it may be made with.
    fn verified(
        &mut self,
        signatures: &Signatures,
        scheme: Scheme,
        request: (RequestHead<'_>, Option<&[u8]>),
        methods: &Methods,
        cx: &mut Cx<'_>,
    ) -> Result<Verified, Stop> {
        let current = (scheme, Trust::Current);
        let verified = match self.verify_signature(signatures, current, request, methods, cx) {
            Err(Unverified::Unanswered(why)) if self.denials.are_told() => {
                self.verify_signature(signatures, (scheme, Trust::Kept(why)), request, methods, cx)
            }
            verified => verified,
        };
        verified.map_err(|unverified| match unverified {
            Unverified::Stop(stop) => stop,
            Unverified::Unanswered(why) => unanswered(why).into(),
        })
    }

    fn verify_signature(
        &mut self,
        signatures: &Signatures,
        (scheme, trust): (Scheme, Trust),
        request: (RequestHead<'_>, Option<&[u8]>),
        methods: &Methods,
        cx: &mut Cx<'_>,
    ) -> Result<Verified, Unverified> {
        let ring = Ring::new(self, signatures, (scheme, trust), cx.now);
        let verified = signatures.verify(request, &|id| ring.key(id), cx);
        match (verified, ring.missing.into_inner()) {
            (Ok(verified), _) => Ok(verified),
            (Err(Refused::AwaitsBody), _) => Err(Unverified::Stop(signatures.awaits_body())),
            (Err(refused), None) => {
                Err(Unverified::Stop(invalid(&refused, &methods.challenges).into()))
            }
            (Err(_), Some(Missing::Unanswered(why))) => Err(Unverified::Unanswered(why)),
            (Err(_), Some(Missing::Unasked(id))) => Err(match trust {
                Trust::Current => self.ask_for(&id, cx).into(),
                Trust::Kept(why) => Unverified::Unanswered(why),
            }),
        }
    }

    fn ask_for(&mut self, id: &str, cx: &mut Cx<'_>) -> Result<CallId, Unanswered> {
        let (whom, slot) = (Whom::SigningKeys, slot(id, self.seed));
        let is_known = self.signers.peek(slot).is_some();
        let form = || Asked::signing_key(id).map(|asked| asked.form(None)).unwrap_or_default();
        self.ask(Question { whom, slot, is_known }, form, cx)
    }

    /// Who has the key that a signature was made with. One that ends soon is
    /// asked for again, before anybody has to wait for it.
    fn signer_of(
        &mut self,
        signatures: &Signatures,
        verified: &Verified,
        cx: &mut Cx<'_>,
    ) -> Option<Recognised> {
        let Verified { key_id, scheme, .. } = verified;
        if let Some(holder) = signatures.keys.find(*scheme, key_id).holder {
            let principal = Rc::clone(&holder.principal);
            return Some(Recognised { principal, named: Named::default() });
        }
        let slot = slot(key_id, self.seed);
        let signer = self.signers.get(slot)?;
        let Holder { principal, .. } = signer.holder(*scheme)?;
        let recognised = Recognised { principal: Rc::clone(principal), named: signer.named };
        match signer.term.phase(cx.now) {
            Phase::Over => return None,
            Phase::Ageing
                if self.denied.peek(slot).is_none_or(|one| one.holds(cx.now).is_none()) =>
            {
                // The answer is for those who come later.
                let _ = self.ask_for(key_id, cx);
            }
            Phase::Fresh | Phase::Ageing | Phase::Kept => {}
        }
        Some(recognised)
    }

    /// Remembers a key, if that is what was said.
    pub(super) fn learn_key(&mut self, slot: Slot, said: &Said, now: Timestamp) -> Result<(), Why> {
        match self.key_said(slot, said, now) {
            Ok(signer) => self.signers.put(slot, signer),
            Err(why) => {
                if let Why::Refused(_) = why {
                    self.signers.forget(slot);
                }
                return Err(why);
            }
        }
        Ok(())
    }

    fn key_said(&self, slot: Slot, said: &Said, now: Timestamp) -> Result<Signer, Why> {
        const UNREADABLE: Why = Why::Unanswered(Unanswered::Unreadable);
        let Said::Active { claims, max_age } = said else {
            return Err(Why::Refused(InvalidToken::Inactive));
        };
        let signatures = self.identity.signatures.as_ref().ok_or(UNREADABLE)?;
        let told = Told::read(claims).filter(|told| self::slot(told.id(), self.seed) == slot);
        let told = told.ok_or(UNREADABLE)?;
        let expiry = told.expiry();
        if expiry.is_some_and(|expiry| expiry <= now) {
            return Err(Why::Refused(InvalidToken::Expired));
        }
        let named = self.denials.signing_key(told.id());
        let bytes = told.bytes().saturating_mul(2).saturating_add(SIGNER_BYTES);
        let holder =
            signatures.holder(told, &self.identity.tenants).map_err(|fault| match fault {
                // It is good, and of no use here.
                InvalidSigningKey::Scheme { .. } => Why::Refused(InvalidToken::Inactive),
                _ => UNREADABLE,
            })?;
        let ttl = max_age.map_or(TTL, |age| age.min(TTL));
        let validity = believed(ttl, expiry, (now, slot.spread() ^ now.as_nanos()));
        Ok(Signer { holder, named, term: Term::kept(validity, expiry, now), bytes })
    }
}

fn refused(refusal: Refusal, methods: &Methods) -> Stop {
    refusal.stop(methods, |_| invalid(&Refused::UnknownKey, &methods.challenges))
}

/// Where it is remembered what was said of a key.
fn slot(id: &str, seed: Seed) -> Slot {
    Slot::new(seed.fingerprint(&[id.as_bytes()]), Whom::SigningKeys.place())
}

// === impl Unverified ===

impl From<Result<CallId, Unanswered>> for Unverified {
    fn from(asked: Result<CallId, Unanswered>) -> Self {
        match asked {
            Ok(call) => Self::Stop(Stop::Waits(call)),
            Err(why) => Self::Unanswered(why),
        }
    }
}

// === impl Ring ===

impl<'a> Ring<'a> {
    fn new(
        authenticator: &'a Authenticator,
        signatures: &'a Signatures,
        (scheme, trust): (Scheme, Trust),
        now: Timestamp,
    ) -> Self {
        let Authenticator { signers, denied, seed, .. } = authenticator;
        let missing = RefCell::default();
        Self { signatures, signers, denied, seed: *seed, scheme, trust, now, missing }
    }

    /// The key to verify with, also if nobody has the one of this id. None as long as
    /// that is not known. Whether somebody has it or not, as much is done.
    fn key(&self, id: &str) -> Option<Rc<Key>> {
        let found = self.signatures.keys.find(self.scheme, id);
        if self.signatures.lookup.is_none() || Asked::signing_key(id).is_none() {
            return Some(Rc::clone(found.key));
        }
        match (found.holder, self.looked_up(slot(id, self.seed))) {
            (None, Ok(Some(told))) => Some(Rc::clone(&told.key)),
            (Some(_), _) | (None, Ok(None)) => Some(Rc::clone(found.key)),
            (None, Err(why)) => {
                let unasked = || Missing::Unasked(id.to_owned());
                let missing = why.map_or_else(unasked, Missing::Unanswered);
                self.missing.borrow_mut().get_or_insert(missing);
                None
            }
        }
    }

    /// Who has a key, by what was said of it; otherwise why that was not said, if
    /// it was asked for.
    fn looked_up(&self, slot: Slot) -> Result<Option<&'a Holder>, Option<Unanswered>> {
        let (signer, denied) = (self.signers.peek(slot), self.denied.peek(slot));
        let denied = denied.and_then(|denied| denied.holds(self.now));
        match (signer.filter(|signer| signer.counts(self.trust, self.now)), denied) {
            (Some(signer), _) => Ok(signer.holder(self.scheme)),
            (None, Some(Why::Refused(_))) => Ok(None),
            (None, Some(Why::Unanswered(why))) => Err(Some(why)),
            (None, None) => Err(None),
        }
    }
}

// === impl Signer ===

impl Signer {
    fn counts(&self, trust: Trust, now: Timestamp) -> bool {
        match (self.term.phase(now), trust) {
            (Phase::Fresh | Phase::Ageing, _) | (Phase::Kept, Trust::Kept(_)) => true,
            (Phase::Kept, Trust::Current) | (Phase::Over, _) => false,
        }
    }

    /// Who has it, for one way of signing.
    fn holder(&self, scheme: Scheme) -> Option<&Holder> {
        Some(&self.holder).filter(|holder| holder.scheme == scheme)
    }
}

impl Remembered for Signer {
    fn bytes(&self) -> usize {
        self.bytes
    }
}
