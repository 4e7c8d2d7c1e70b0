//! Callers who sign their requests, also with keys that others keep.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use tollgate_core::{Cx, RequestHead, Seed, Timestamp};
use tollgate_signatures::{Key, Refused, Scheme, Verified};

use super::asking::{Denied, Why};
use super::stop::{Refusal, Stop};
use super::{Authenticator, Caller, Recognised};
use crate::InvalidToken;
use crate::ask::{Asked, Question, Said, Unanswered, Whom};
use crate::cache::{Recent, Remembered, Slot};
use crate::challenge::unanswered;
use crate::claims::Validity;
use crate::denials::Named;
use crate::introspection::believed;
use crate::methods::Methods;
use crate::signatures::{Holder, InvalidSigningKey, Signatures, Told, invalid};

/// A key that was asked about, as long as what was said of it is believed.
pub(super) struct Signer {
    holder: Holder,
    /// What a denial would name.
    named: Named,
    validity: Validity,
    bytes: usize,
}

/// The keys that one request may have been signed with.
struct Ring<'a> {
    signatures: &'a Signatures,
    signers: &'a Recent<Signer>,
    denied: &'a Recent<Denied>,
    seed: Seed,
    scheme: Scheme,
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

/// How long a key is believed in at most. Whoever is revoked is on the list of
/// denials within seconds; this is for when that does not come.
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
        // A code made with the decoy is nobody's.
        let signer = self.signer_of(signatures, &verified, cx.now);
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
        let ring = Ring::new(self, signatures, scheme, cx.now);
        let verified = signatures.verify(request, &|id| ring.key(id), cx);
        match (verified, ring.missing.into_inner()) {
            (Ok(verified), _) => Ok(verified),
            (Err(Refused::AwaitsBody), _) => Err(signatures.awaits_body()),
            (Err(refused), None) => Err(invalid(&refused, &methods.challenges).into()),
            (Err(_), Some(Missing::Unanswered(why))) => Err(unanswered(why).into()),
            (Err(_), Some(Missing::Unasked(id))) => Err(self.ask_for(&id, methods, cx)),
        }
    }

    fn ask_for(&mut self, id: &str, methods: &Methods, cx: &mut Cx<'_>) -> Stop {
        let (whom, slot) = (Whom::SigningKeys, slot(id, self.seed));
        let is_known = self.signers.peek(slot).is_some();
        let form = || Asked::signing_key(id).map(|asked| asked.form(None)).unwrap_or_default();
        refused(self.ask(Question { whom, slot, is_known }, form, cx).into(), methods)
    }

    /// Who has the key that a signature was made with.
    fn signer_of(
        &mut self,
        signatures: &Signatures,
        verified: &Verified,
        now: Timestamp,
    ) -> Option<Recognised> {
        let Verified { key_id, scheme, .. } = verified;
        if let Some(holder) = signatures.keys.holder(*scheme, key_id) {
            let principal = Rc::clone(&holder.principal);
            return Some(Recognised { principal, named: Named::default() });
        }
        let signer = self.signers.get(slot(key_id, self.seed))?;
        let Holder { principal, .. } = signer.holder(*scheme, now)?;
        Some(Recognised { principal: Rc::clone(principal), named: signer.named })
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
        Ok(Signer { holder, named, validity, bytes })
    }
}

fn refused(refusal: Refusal, methods: &Methods) -> Stop {
    refusal.stop(methods, |_| invalid(&Refused::UnknownKey, &methods.challenges))
}

/// Where it is remembered what was said of a key.
fn slot(id: &str, seed: Seed) -> Slot {
    Slot::new(seed.fingerprint(&[id.as_bytes()]), Whom::SigningKeys.place())
}

// === impl Ring ===

impl<'a> Ring<'a> {
    fn new(
        authenticator: &'a Authenticator,
        signatures: &'a Signatures,
        scheme: Scheme,
        now: Timestamp,
    ) -> Self {
        let Authenticator { signers, denied, seed, .. } = authenticator;
        let missing = RefCell::default();
        Self { signatures, signers, denied, seed: *seed, scheme, now, missing }
    }

    /// The key to verify with: nobody's, if nobody has it. None as long as that
    /// is not known.
    fn key(&self, id: &str) -> Option<Rc<Key>> {
        let keys = &self.signatures.keys;
        if let Some(holder) = keys.holder(self.scheme, id) {
            return Some(Rc::clone(&holder.key));
        }
        if self.signatures.lookup.is_none() || Asked::signing_key(id).is_none() {
            return Some(keys.decoy());
        }
        match self.looked_up(id) {
            Ok(holder) => Some(holder.map_or_else(|| keys.decoy(), |one| Rc::clone(&one.key))),
            Err(missing) => {
                self.missing.borrow_mut().get_or_insert(missing);
                None
            }
        }
    }

    fn looked_up(&self, id: &str) -> Result<Option<&'a Holder>, Missing> {
        let slot = slot(id, self.seed);
        if let Some(signer) = self.signers.peek(slot).filter(|signer| signer.holds(self.now)) {
            return Ok(signer.holder(self.scheme, self.now));
        }
        match self.denied.peek(slot).and_then(|denied| denied.holds(self.now)) {
            Some(Why::Refused(_)) => Ok(None),
            Some(Why::Unanswered(why)) => Err(Missing::Unanswered(why)),
            None => Err(Missing::Unasked(id.to_owned())),
        }
    }
}

// === impl Signer ===

impl Signer {
    fn holds(&self, now: Timestamp) -> bool {
        self.validity.check(now).is_ok()
    }

    /// Who has it, for one way of signing.
    fn holder(&self, scheme: Scheme, now: Timestamp) -> Option<&Holder> {
        Some(&self.holder).filter(|holder| self.holds(now) && holder.scheme == scheme)
    }
}

impl Remembered for Signer {
    fn bytes(&self) -> usize {
        self.bytes
    }
}
