//! Callers who sign their requests.

mod carried;
mod holder;
mod keys;
mod refusal;
mod spec;
mod told;

use sha2::{Digest as _, Sha256};
use tollgate_core::{Cx, Edit, Host, Reply, RequestHead, Seed};

use crate::Stop;
use tollgate_signatures::{
    BodyCheck, InvalidSignatures, Keys, Refused, ReplayGuard, Request, Scheme, SignatureSpec,
    Verified, Verifier,
};

use crate::ask::{Endpoint, InvalidEndpoint};
use crate::challenge::Challenges;
pub(crate) use crate::signatures::holder::Holder;
pub use crate::signatures::holder::InvalidSigningKey;
use crate::signatures::keys::SigningKeys;
pub(crate) use crate::signatures::refusal::invalid;
pub use crate::signatures::spec::{SchemeSpec, SigningKeySpec, SigningKeysSpec};
pub(crate) use crate::signatures::told::Told;
use crate::tenants::Tenants;

/// Which signatures are accepted, and from whom.
pub(crate) struct Signatures {
    verifier: Verifier,
    schemes: Vec<Scheme>,
    pub(crate) keys: SigningKeys,
    /// Who is asked about other keys.
    pub(crate) lookup: Option<Endpoint>,
    body_bytes_max: usize,
    replay_guard: ReplayGuard,
}

/// Why the configuration of signatures was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSigning {
    /// How requests are signed.
    #[error(transparent)]
    Scheme(#[from] InvalidSignatures),
    /// What they are signed with.
    #[error(transparent)]
    Key(#[from] InvalidSigningKey),
    /// Who is asked about keys.
    #[error("signing_keys.lookup.{0}")]
    Lookup(InvalidEndpoint),
    /// There are keys for nothing.
    #[error("signing_keys: nothing is signed with them; add `hmac`, `sigv4` or `http_signature`")]
    KeysAlone,
    /// No body at all could be signed.
    #[error("signing_keys.body_bytes_max: 0 is not between 1 and {BODY_BYTES_MAX}")]
    NoBody,
    /// A worker holds one for each request that is under way.
    #[error("signing_keys.body_bytes_max: {0} is not between 1 and {BODY_BYTES_MAX}")]
    LongBody(u32),
}

const BODY_BYTES_MAX: u32 = 16 << 20;

/// Every way of signing, and how configuration names it.
const METHODS: [(Scheme, &str); 3] =
    [(Scheme::Hmac, "hmac"), (Scheme::SigV4, "sigv4"), (Scheme::HttpSignature, "http_signature")];

/// How configuration names a way of signing.
pub(crate) fn method(scheme: Scheme) -> &'static str {
    METHODS.iter().find(|(known, _)| *known == scheme).map_or("", |(_, name)| name)
}

/// How a way of signing is named to callers (RFC 9110, section 11.6.1). None is
/// registered for RFC 9421.
pub(crate) fn challenge(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Hmac => "HMAC-SHA256",
        Scheme::SigV4 => "AWS4-HMAC-SHA256",
        Scheme::HttpSignature => "Signature",
    }
}

/// The way of signing that configuration names so.
pub(crate) fn scheme(name: &str) -> Option<Scheme> {
    METHODS.iter().find(|(_, known)| *known == name).map(|(scheme, _)| *scheme)
}

// === impl Signatures ===

impl Signatures {
    /// None if requests are not signed at all.
    pub(crate) fn compile(
        spec: SignatureSpec,
        keys: SigningKeysSpec,
        tenants: &Tenants,
        seed: Seed,
    ) -> Result<Option<Self>, InvalidSigning> {
        let schemes = schemes(&spec);
        if schemes.is_empty() {
            return if keys.is_default() { Ok(None) } else { Err(InvalidSigning::KeysAlone) };
        }
        let SigningKeysSpec { keys, body_bytes_max, lookup } = keys;
        match body_bytes_max {
            0 => return Err(InvalidSigning::NoBody),
            bytes if BODY_BYTES_MAX < bytes => return Err(InvalidSigning::LongBody(bytes)),
            _ => {}
        }
        Ok(Some(Self {
            verifier: Verifier::compile(spec)?,
            keys: SigningKeys::compile(keys, &schemes, tenants, seed)?,
            lookup: lookup.map(Endpoint::compile).transpose().map_err(InvalidSigning::Lookup)?,
            schemes,
            body_bytes_max: usize::try_from(body_bytes_max).unwrap_or(usize::MAX),
            replay_guard: ReplayGuard::new(seed),
        }))
    }

    /// Whether this way of signing is accepted on any route.
    pub(crate) fn accepts(&self, scheme: Scheme) -> bool {
        self.schemes.contains(&scheme)
    }

    pub(crate) fn schemes(&self) -> impl Iterator<Item = &'static str> {
        self.schemes.iter().map(|scheme| method(*scheme))
    }

    /// Makes room for the signatures that were seen.
    pub(crate) fn prepare(&self, host: &mut dyn Host) {
        self.replay_guard.prepare(host);
    }

    /// How a request is signed, if it is. More than one signature is refused.
    pub(crate) fn carried(&self, head: RequestHead<'_>) -> Result<Option<Scheme>, Refused> {
        self.verifier.carried(&request(head, None))
    }

    /// With which key a request was signed, if the signature holds for its head
    /// and for its body as far as that is there: nothing as long as it is not.
    pub(crate) fn verify(
        &self,
        (head, body): (RequestHead<'_>, Option<&[u8]>),
        keys: &Keys<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Verified, Refused> {
        let body_sha256 = body.map(|body| Sha256::digest(body).into());
        self.verifier.verify(&request(head, body_sha256), keys, cx)
    }

    /// Whether the body is the one that was signed.
    pub(crate) fn check_body(
        &self,
        verified: &Verified,
        body: Option<&[u8]>,
        challenges: &Challenges,
    ) -> Result<(), Stop> {
        match body {
            None if verified.body != BodyCheck::Unsigned => Err(self.awaits_body()),
            _ => verified
                .body
                .check(body.unwrap_or_default())
                .map_err(|mismatch| refusal::other_body(mismatch, challenges).into()),
        }
    }

    /// Admits a signature once.
    pub(crate) fn admit(
        &self,
        verified: &Verified,
        challenges: &Challenges,
        cx: &mut Cx<'_>,
    ) -> Result<(), Reply> {
        let admitted = self.replay_guard.admit(verified, cx);
        admitted.map_err(|replayed| refusal::replayed(replayed, challenges))
    }

    /// Who signs with a key that others keep.
    pub(crate) fn holder(
        &self,
        told: Told,
        tenants: &Tenants,
    ) -> Result<Holder, InvalidSigningKey> {
        let (id, spec) = told.into_spec(tenants);
        Holder::compile(&id, spec, &self.schemes, tenants)
    }

    pub(crate) fn awaits_body(&self) -> Stop {
        Stop::AwaitsBody { bytes_max: self.body_bytes_max }
    }

    /// Takes out what carries signatures. Works for trailers as well.
    pub(crate) fn strip(&self, head: RequestHead<'_>, edits: &mut Vec<Edit>) {
        for scheme in &self.schemes {
            carried::strip(*scheme, head, edits);
        }
    }
}

fn schemes(spec: &SignatureSpec) -> Vec<Scheme> {
    let SignatureSpec { hmac, sigv4, http_signature } = spec;
    let there = [hmac.is_some(), sigv4.is_some(), http_signature.is_some()];
    METHODS.iter().zip(there).filter(|(_, there)| *there).map(|((scheme, _), _)| *scheme).collect()
}

fn request(head: RequestHead<'_>, body_sha256: Option<[u8; 32]>) -> Request<'_> {
    Request {
        method: head.method(),
        scheme: head.headers.get(":scheme").unwrap_or_default(),
        authority: head.headers.get(":authority").unwrap_or_default(),
        target: head.target(),
        headers: head.headers,
        body_sha256,
    }
}
