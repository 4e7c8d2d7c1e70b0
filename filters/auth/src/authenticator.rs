mod admission;
mod asking;
mod bearer;
mod revocation;
mod signing;
mod stop;
mod term;

use std::num::NonZeroUsize;
use std::rc::Rc;

use tollgate_core::{
    Cx, Duplicate, Edit, Headers, Host, Principal, Reply, RequestHead, Seed, Timestamp,
};
use tollgate_sync::Mark;

pub use self::admission::Caller;
use self::asking::{DENIED_MAX, Denied};
use self::signing::Signer;
pub use self::stop::Stop;
use self::term::Term;
use crate::ask::Asker;
use crate::cache::{Recent, Remembered};
use crate::carrier::Credential;
use crate::challenge::keys_unavailable;
use crate::claims::Validity;
use crate::denials::{self, Denials, Named};
use crate::fetched::Fetched;
use crate::identity::{Identity, InvalidIdentity};
use crate::methods::Methods;
use crate::pool::Pool;
use crate::signatures;
use crate::{Access, IdentitySpec};

/// Tells who is calling, and remembers it.
///
/// API keys are found by their hash. Tokens are verified once and remembered
/// with the span of time in which they hold, which is looked at every time.
/// What is remembered changes no answer, only its cost: it is a property of
/// (token, issuer) alone, and whether a route accepts the issuer and what it
/// allows is asked anew for every request, as is whether it has been revoked.
/// New keys or issuers mean a new `Authenticator`, which remembers nothing.
pub struct Authenticator {
    identity: Rc<Identity>,
    seed: Seed,
    /// Tokens whose signature held.
    genuine: Recent<Known>,
    /// Tokens whose signature did not hold. Apart from the others, so that
    /// random tokens drive out nobody.
    forged: Recent<Forged>,
    /// What was asked about, and is nobody's.
    denied: Recent<Denied>,
    /// Keys that requests were signed with, and that others keep.
    signers: Recent<Signer>,
    /// What backends are told of callers by.
    tokens: Recent<admission::Token>,
    /// What the genuine ones say, each once.
    pool: Pool,
    asker: Asker,
    /// The keys of issuers.
    fetched: Fetched,
    /// Who of them is refused all the same.
    denials: Denials,
}

struct Known {
    principal: Rc<Principal>,
    /// Bytes of texts that no other identity has, in units of [`OWN_UNIT`].
    own: u16,
    validity: Validity,
    // What a denial would name, part by part: together they would take more room.
    credential: Option<Mark>,
    issuer: Option<denials::Issuer>,
    /// When a token was issued; of a key, which nobody issues, until when it is
    /// kept, as a [`Term`] says.
    issued_at_or_kept_until: u32,
}

/// A caller who is recognised, and what a denial would name.
struct Recognised {
    principal: Rc<Principal>,
    named: Named,
}

struct Forged {
    validity: Validity,
    since: Timestamp,
}

const GENUINE_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);
const FORGED_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

/// What a worker has for identities and for the texts in them: less than 30 MB,
/// whatever tokens say.
const GENUINE_BYTES_MAX: usize = 24 << 20;
const POOL_BYTES_MAX: usize = 4 << 20;

/// What an identity takes in the module, its texts aside.
const IDENTITY_BYTES: usize = 192;

/// Tokens and answers are far below 65,535 of these.
const OWN_UNIT: usize = 16;

// === impl Authenticator ===

impl Authenticator {
    /// Checks and prepares whom the gateway can recognise.
    pub fn compile(spec: IdentitySpec, seed: Seed) -> Result<Self, InvalidIdentity> {
        let denials = Denials::new(spec.sync.clone(), seed);
        let identity = Identity::compile(spec, seed)?;
        Ok(Self {
            denials,
            fetched: Fetched::new(&identity.issuers, seed),
            identity: identity.into(),
            seed,
            genuine: Recent::new(GENUINE_MAX, GENUINE_BYTES_MAX),
            forged: Recent::new(FORGED_MAX, usize::MAX),
            denied: Recent::new(DENIED_MAX, usize::MAX),
            signers: signing::memory(),
            tokens: admission::memory(),
            asker: Asker::default(),
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

    /// Tells who is calling, if the operation asks for it; nobody otherwise. The
    /// request may have to wait for somebody else to tell: ask again once
    /// [`Authenticator::on_answer`] has learned what that was.
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
    ) -> Result<Option<Rc<Principal>>, Stop> {
        let Some(methods) = &access.methods else { return Ok(None) };
        // Its issuers are places in another list: better nobody than the wrong one.
        if !Rc::ptr_eq(&self.identity, &access.identity) {
            return Err(keys_unavailable("the route belongs to another configuration").into());
        }
        match self.identity.carriers.find(&access.places, head.headers) {
            Err(Duplicate) => Err(methods.challenges.duplicate_credentials().into()),
            Ok(Some(Credential::Bearer(token))) if methods.bearer() => {
                let found = self.bearer(token, methods, cx);
                self.good(found, methods, cx.now, |fault| methods.challenges.invalid_token(fault))
            }
            Ok(Some(Credential::ApiKey(key))) if methods.api_key => {
                let found = self.api_key(&key, cx);
                self.good(found, methods, cx.now, |_| methods.challenges.invalid_api_key())
            }
            Ok(other) => match self.certified(methods, cx)? {
                Some(caller) => Ok(Some(caller)),
                None if methods.optional && other.is_none() => {
                    Ok(Some(Rc::clone(&self.identity.anonymous)))
                }
                None => Err(methods.challenges.unauthenticated().into()),
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
        let Some(mtls) = mtls.as_ref().filter(|_| methods.mtls) else { return Ok(None) };
        let caller = mtls.caller(tenants, &methods.challenges, cx.host)?;
        let checked = caller.map(|caller| {
            self.denials
                .check(Named::default(), &caller, methods.when_stale, cx.now)
                .map(|()| caller)
        });
        checked.transpose().map_err(|barred| methods.challenges.barred(barred))
    }

    /// Whose connection this is by the certificate that it began with, whatever its
    /// requests show besides.
    pub fn owner(&self, host: &mut dyn Host) -> Option<Rc<Principal>> {
        let Identity { mtls, tenants, .. } = &*self.identity;
        mtls.as_ref()?.owner(tenants, host)
    }

    /// Tells who is calling, as [`Authenticator::authenticate`] does, also by
    /// the signature of the request, which may be settled only once the whole
    /// `body` is there. A signature is a credential like the others: one beside
    /// another is refused.
    pub fn recognise(
        &mut self,
        access: &Access,
        head: &RequestHead<'_>,
        body: Option<&[u8]>,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Caller>, Stop> {
        let identity = Rc::clone(&self.identity);
        let signed = match (&access.methods, &identity.signatures) {
            (Some(methods), Some(signatures)) => signatures
                .carried(*head)
                .map_err(|refused| signatures::invalid(&refused, &methods.challenges))?
                .map(|scheme| (scheme, methods, signatures)),
            _ => None,
        };
        match signed {
            None => {
                let caller = self.authenticate(access, head, cx)?;
                Ok(caller.map(|principal| Caller { principal, signature: None }))
            }
            Some((_, methods, _))
                if identity.carriers.find(&access.places, head.headers) != Ok(None) =>
            {
                Err(methods.challenges.duplicate_credentials().into())
            }
            Some((scheme, methods, signatures)) if methods.schemes.contains(&scheme) => {
                self.signer(signatures, scheme, (*head, body), methods, cx).map(Some)
            }
            Some((_, methods, _)) => Err(methods.challenges.unauthenticated().into()),
        }
    }

    /// Takes every credential of a kind that the gateway knows out of the
    /// request, on public routes too: it is not the backend's business. So with
    /// whatever stands where the backend looks for the gateway's own token.
    pub fn strip(&self, access: &Access, head: &RequestHead<'_>, edits: &mut Vec<Edit>) {
        self.identity.carriers.strip(&access.places, head.headers, edits);
        if let Some(tokens) = &self.identity.backend_tokens {
            tokens.strip(head.headers, edits);
        }
        if let Some(signatures) = &self.identity.signatures {
            signatures.strip(*head, edits);
        }
    }

    /// As [`Authenticator::strip`], for trailers, in which no route is known.
    pub fn strip_trailers(&self, trailers: &Headers, edits: &mut Vec<Edit>) {
        let carriers = &self.identity.carriers;
        carriers.strip(&carriers.api_key, trailers, edits);
        if let Some(tokens) = &self.identity.backend_tokens {
            tokens.strip(trailers, edits);
        }
        if let Some(signatures) = &self.identity.signatures {
            signatures.strip(RequestHead { headers: trailers }, edits);
        }
    }
}

// === impl Known ===

impl Known {
    fn recognised(&self) -> Recognised {
        let Self { credential, issuer, issued_at_or_kept_until, .. } = *self;
        let issued_at = if issuer.is_some() { issued_at_or_kept_until } else { 0 };
        let named = Named { credential, issuer, issued_at };
        Recognised { principal: Rc::clone(&self.principal), named }
    }

    fn term(&self) -> Term {
        let Self { validity, issuer, issued_at_or_kept_until, .. } = *self;
        Term { validity, kept_until: if issuer.is_none() { issued_at_or_kept_until } else { 0 } }
    }
}

impl Remembered for Known {
    fn bytes(&self) -> usize {
        usize::from(self.own).saturating_mul(OWN_UNIT).saturating_add(IDENTITY_BYTES)
    }
}

// === impl Forged ===

impl Remembered for Forged {
    /// There are few.
    fn bytes(&self) -> usize {
        0
    }
}
