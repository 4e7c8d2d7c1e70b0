use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use tollgate_core::{
    Cx, Duplicate, Edit, Fingerprint, Headers, Principal, Reply, RequestHead, Seed, Timestamp,
};

use crate::cache::{Recent, Remembered, Slot};
use crate::carrier::{Credential, Places};
use crate::challenge::keys_unavailable;
use crate::claims::Validity;
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
/// allows is asked anew for every request. New keys or issuers mean a new
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
}

struct Known {
    principal: Rc<Principal>,
    /// Bytes of texts that no other identity has.
    own_bytes: u32,
    validity: Validity,
}

struct Forged {
    validity: Validity,
    since: Timestamp,
}

/// Why nobody was recognised.
enum Refusal {
    Token(InvalidToken),
    KeysUnavailable,
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
        Ok(Self {
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

    pub(crate) fn identity(&self) -> &Rc<Identity> {
        &self.identity
    }

    /// Tells who is calling, if the operation asks for it; nobody otherwise.
    ///
    /// More than one credential is refused whenever the gateway knows both
    /// kinds. A single one of a kind that the operation does not accept is
    /// refused like none, and [`Authenticator::strip`] takes it out. Who shows
    /// none is nobody in particular where that may call. A certificate counts
    /// only beside no credential that the operation accepts: it is of the
    /// connection, the others are of the request.
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
                let holder = self.identity.tenants.holder(&key);
                holder.map(Some).ok_or_else(|| methods.challenges.invalid_api_key())
            }
            Ok(other) => match self.certified(methods, cx)? {
                Some(caller) => Ok(Some(caller)),
                None if methods.optional && other.is_none() => {
                    Ok(Some(Rc::clone(&self.identity.anonymous)))
                }
                None => Err(methods.challenges.unauthenticated()),
            },
        }
    }

    /// Who is known by the certificate of the connection, where that is asked for.
    fn certified(
        &self,
        methods: &Methods,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Rc<Principal>>, Reply> {
        let Identity { mtls, tenants, .. } = &*self.identity;
        match mtls.as_ref().filter(|_| methods.mtls) {
            Some(mtls) => mtls.caller(tenants, &methods.challenges, cx.host),
            None => Ok(None),
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
        verdict.map_err(|refusal| match refusal {
            Refusal::Token(fault) => methods.challenges.invalid_token(fault),
            Refusal::KeysUnavailable => {
                keys_unavailable("the keys of the token's issuer have not arrived yet")
            }
        })
    }

    /// What is known about a token, as it holds now.
    fn remembered(
        &mut self,
        slot: Slot,
        now: Timestamp,
    ) -> Option<Result<Rc<Principal>, InvalidToken>> {
        if let Some(known) = self.genuine.get(slot) {
            return Some(known.validity.check(now).map(|()| Rc::clone(&known.principal)));
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
    ) -> Result<Rc<Principal>, Refusal> {
        let token = Token::parse(token)?;
        let (place, issuer) = issuer_of(&token, methods, &self.identity)?;
        let (principal, validity) = issuer.read(&token, &self.identity.tenants, cx.now)?;
        let slot = Slot::new(fingerprint, place);
        match issuer.verify(&token, cx.host) {
            Outcome::Genuine => {
                let (principal, own_bytes) = self.pool.shared(principal);
                let principal = Rc::new(principal);
                let own_bytes = u32::try_from(own_bytes).unwrap_or(u32::MAX);
                let known = Known { principal: Rc::clone(&principal), own_bytes, validity };
                self.genuine.put(slot, known);
                Ok(principal)
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
