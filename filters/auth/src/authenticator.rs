use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use tollgate_core::{
    Cx, Duplicate, Edit, Fingerprint, GrpcAnswer, GrpcCallId, Headers, Host, Principal, Reply,
    RequestHead, Seed, Timestamp,
};
use tollgate_sync::Mark;

use crate::cache::{Recent, Remembered, Slot};
use crate::carrier::{Credential, Places};
use crate::challenge::keys_unavailable;
use crate::claims::Validity;
use crate::denials::{Denials, Denied, Named};
use crate::identity::{Identity, InvalidIdentity};
use crate::issuer::{Issuer, Outcome};
use crate::methods::Methods;
use crate::pool::Pool;
use crate::token::Token;
use crate::{Access, IdentitySpec, InvalidToken};

/// Tells who is calling, and remembers it.
///
/// API keys are found by their hash. Tokens are verified once and remembered
/// with the span of time in which they hold, which is looked at every time.
/// What is remembered changes no answer, only its cost: it is a property of
/// (token, issuer) alone, and whether a route accepts the issuer and what it
/// allows is asked anew for every request, as is whether it has been revoked.
/// New keys or issuers mean a new
/// `Authenticator`, which remembers nothing.
pub struct Authenticator {
    identity: Rc<Identity>,
    seed: Seed,
    /// Tokens whose signature held.
    genuine: Recent<Known>,
    /// Tokens whose signature did not hold. Apart from the others, so that
    /// random tokens drive out nobody.
    forged: Recent<Forged>,
    /// What the genuine ones say, each once.
    pool: Pool,
    /// Who of them is refused all the same.
    denials: Denials,
}

struct Known {
    principal: Rc<Principal>,
    /// Bytes of texts that no other identity has.
    own_bytes: u32,
    validity: Validity,
    // What a denial would name, part by part: together they would take more room.
    token: Option<Mark>,
    issued_at: u32,
}

/// A caller who is recognised, and what a denial would name.
struct Recognised {
    principal: Rc<Principal>,
    named: Named,
    slot: Slot,
}

struct Forged {
    validity: Validity,
    since: Timestamp,
}

/// Why nobody was recognised.
enum Refusal {
    Token(InvalidToken),
    KeysUnavailable,
    Denied(Denied),
}

const GENUINE_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);
const FORGED_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

/// What a worker has for identities and for the texts in them: less than 30 MB,
/// whatever tokens say.
const GENUINE_BYTES_MAX: usize = 24 << 20;
const POOL_BYTES_MAX: usize = 4 << 20;

/// What an identity takes in the module, its texts aside.
const IDENTITY_BYTES: usize = 192;

/// Signatures do not change, but what a host says of one may have been an accident.
const FORGED_SPAN: Duration = Duration::from_secs(30);

// === impl Authenticator ===

impl Authenticator {
    /// Checks and prepares whom the gateway can recognise.
    pub fn compile(spec: IdentitySpec, seed: Seed) -> Result<Self, InvalidIdentity> {
        let denials = Denials::new(spec.sync.clone(), seed);
        Ok(Self {
            denials,
            identity: Identity::compile(spec)?.into(),
            seed,
            genuine: Recent::new(GENUINE_MAX, GENUINE_BYTES_MAX),
            forged: Recent::new(FORGED_MAX, usize::MAX),
            pool: Pool::new(POOL_BYTES_MAX, seed),
        })
    }

    /// Remembers at most so many tokens; by default 100,000, or as many as fit
    /// into 24 MiB.
    #[must_use]
    pub fn remembering(self, tokens: NonZeroUsize) -> Self {
        let genuine = Recent::new(tokens, GENUINE_BYTES_MAX);
        Self { genuine, forged: Recent::new(tokens.min(FORGED_MAX), usize::MAX), ..self }
    }

    /// How often [`Authenticator::on_tick`] is to run; never without a control
    /// plane that says who has been revoked.
    pub fn tick_period(&self) -> Option<Duration> {
        self.denials.tick_period()
    }

    /// Learns what other workers know: from the first request on, nobody is
    /// accepted whom they refuse.
    pub fn prepare(&mut self, host: &mut dyn Host) {
        self.denials.join(host);
    }

    /// Keeps up with the control plane.
    pub fn on_tick(&mut self, cx: &mut Cx<'_>) {
        self.denials.on_tick(cx);
    }

    /// Learns what became of a call that [`Authenticator::on_tick`] made.
    pub fn on_grpc_answer(&mut self, id: GrpcCallId, answer: &GrpcAnswer, cx: &mut Cx<'_>) {
        self.denials.on_answer(id, answer, cx);
    }

    /// Whether an API key that nobody here has may be one of the store's; false
    /// if that is certainly not so. Asking anybody else is worth it only then.
    pub fn may_be_a_key(&self, key: &[u8]) -> bool {
        self.denials.may_be_a_key(key)
    }

    pub(crate) fn identity(&self) -> &Rc<Identity> {
        &self.identity
    }

    /// Tells who is calling, if the operation asks for it; nobody otherwise.
    ///
    /// More than one credential is refused whenever the gateway knows both
    /// kinds. A single one of a kind that the operation does not accept is
    /// refused like none, and [`Authenticator::strip`] takes it out. Who shows
    /// none is nobody in particular where that may call.
    pub fn authenticate(
        &mut self,
        access: &Access,
        head: &RequestHead<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Rc<Principal>>, Reply> {
        let Some(methods) = &access.methods else { return Ok(None) };
        // Its issuers are places in another list: better nobody than the wrong one.
        if !Rc::ptr_eq(&self.identity, &access.identity) {
            return Err(keys_unavailable("the route belongs to another configuration"));
        }
        match self.identity.carriers.find(&access.places, head.headers) {
            Err(Duplicate) => Err(methods.challenges.duplicate_credentials()),
            Ok(Some(Credential::Bearer(token))) if !methods.issuers.is_empty() => {
                self.bearer(token, methods, cx).map(Some)
            }
            Ok(Some(Credential::ApiKey(key))) if methods.api_key => {
                self.api_key(&key, methods, cx.now).map(Some)
            }
            Ok(None) if methods.optional => Ok(Some(Rc::clone(&self.identity.anonymous))),
            Ok(_) => Err(methods.challenges.unauthenticated()),
        }
    }

    /// Takes every credential of a kind that the gateway knows out of the
    /// request, on public routes too: it is not the backend's business.
    pub fn strip(&self, access: &Access, head: &RequestHead<'_>, edits: &mut Vec<Edit>) {
        self.identity.carriers.strip(&access.places, head.headers, edits);
    }

    /// As [`Authenticator::strip`], for trailers, in which no route is known.
    pub fn strip_trailers(&self, trailers: &Headers, edits: &mut Vec<Edit>) {
        self.identity.carriers.strip(&Places::default(), trailers, edits);
    }

    fn bearer(
        &mut self,
        token: &[u8],
        methods: &Methods,
        cx: &mut Cx<'_>,
    ) -> Result<Rc<Principal>, Reply> {
        let fingerprint = self.seed.fingerprint(&[token]);
        let mut issuers = methods.issuers.iter();
        let remembered =
            issuers.find_map(|&issuer| self.remembered(Slot::new(fingerprint, issuer), cx.now));
        let verdict = match remembered {
            Some(verdict) => verdict.map_err(Refusal::Token),
            None => self.verify(token, fingerprint, methods, cx),
        };
        let verdict = verdict.and_then(|recognised| self.unless_denied(recognised, cx.now));
        verdict.map_err(|refusal| match refusal {
            Refusal::Token(fault) => methods.challenges.invalid_token(fault),
            Refusal::Denied(denied) => methods.challenges.revoked(denied),
            Refusal::KeysUnavailable => {
                keys_unavailable("the keys of the token's issuer have not arrived yet")
            }
        })
    }

    fn api_key(
        &self,
        key: &[u8],
        methods: &Methods,
        now: Timestamp,
    ) -> Result<Rc<Principal>, Reply> {
        let holder = self.identity.tenants.holder(key);
        let holder = holder.ok_or_else(|| methods.challenges.invalid_api_key())?;
        let checked = self.denials.check_key(&holder, now);
        checked.map(|()| holder).map_err(|denied| methods.challenges.revoked(denied))
    }

    /// A caller is asked for on the list at every request, however well it is known.
    fn unless_denied(
        &mut self,
        recognised: Recognised,
        now: Timestamp,
    ) -> Result<Rc<Principal>, Refusal> {
        let Recognised { principal, named, slot } = recognised;
        let issuer = self.identity.issuers.get(slot.issuer()).map_or("", |issuer| &issuer.iss);
        match self.denials.check_token(named, issuer, &principal, now) {
            Ok(()) => Ok(principal),
            Err(denied) => {
                if denied == Denied::Revoked {
                    self.genuine.forget(slot);
                }
                Err(Refusal::Denied(denied))
            }
        }
    }

    /// What is known about a token, as it holds now.
    fn remembered(
        &mut self,
        slot: Slot,
        now: Timestamp,
    ) -> Option<Result<Recognised, InvalidToken>> {
        if let Some(known) = self.genuine.get(slot) {
            let Known { token, issued_at, .. } = *known;
            let (principal, named) = (Rc::clone(&known.principal), Named { token, issued_at });
            return Some(known.validity.check(now).map(|()| Recognised { principal, named, slot }));
        }
        let forged = self.forged.get(slot)?;
        // A clock that went backwards must not make the span longer.
        if now < forged.since || forged.since.plus(FORGED_SPAN) <= now {
            self.forged.forget(slot);
            return None;
        }
        Some(Err(forged.validity.check(now).err().unwrap_or(InvalidToken::Signature)))
    }

    fn verify(
        &mut self,
        token: &[u8],
        fingerprint: Fingerprint,
        methods: &Methods,
        cx: &mut Cx<'_>,
    ) -> Result<Recognised, Refusal> {
        let token = Token::parse(token)?;
        let (place, issuer) = issuer_of(&token, methods, &self.identity)?;
        let (principal, validity) = issuer.read(&token, &self.identity.tenants, cx.now)?;
        let slot = Slot::new(fingerprint, place);
        match issuer.verify(&token, cx.host) {
            Outcome::Genuine => {
                let (principal, own_bytes) = self.pool.shared(principal);
                let principal = Rc::new(principal);
                let own_bytes = u32::try_from(own_bytes).unwrap_or(u32::MAX);
                let named = self.denials.named(&token.claims);
                let Named { token, issued_at } = named;
                let known = Rc::clone(&principal);
                let known = Known { principal: known, own_bytes, validity, token, issued_at };
                self.genuine.put(slot, known);
                Ok(Recognised { principal, named, slot })
            }
            Outcome::Refused(fault) => {
                if fault == InvalidToken::Signature {
                    self.forged.put(slot, Forged { validity, since: cx.now });
                }
                Err(fault.into())
            }
            Outcome::KeysUnavailable => Err(Refusal::KeysUnavailable),
        }
    }
}

/// The issuer that a token says it is of, among those that the operation accepts.
fn issuer_of<'a>(
    token: &Token<'_>,
    methods: &Methods,
    identity: &'a Identity,
) -> Result<(usize, &'a Issuer), InvalidToken> {
    let name = token.claims.issuer().ok_or(InvalidToken::Issuer)?;
    let mut accepted =
        methods.issuers.iter().filter_map(|&place| Some((place, identity.issuers.get(place)?)));
    accepted.find(|(_, issuer)| issuer.iss == name).ok_or(InvalidToken::Issuer)
}

// === impl Known ===

impl Remembered for Known {
    fn bytes(&self) -> usize {
        usize::try_from(self.own_bytes).unwrap_or(usize::MAX).saturating_add(IDENTITY_BYTES)
    }
}

// === impl Forged ===

impl Remembered for Forged {
    /// There are few.
    fn bytes(&self) -> usize {
        0
    }
}

// === impl Refusal ===

impl From<InvalidToken> for Refusal {
    fn from(fault: InvalidToken) -> Self {
        Self::Token(fault)
    }
}
