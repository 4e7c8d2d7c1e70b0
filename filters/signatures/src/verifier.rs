use tollgate_core::Cx;

use crate::compile::InvalidSignatures;
use crate::credential::authorization;
use crate::hmac::{self, Hmac};
use crate::http_signature::HttpSignature;
use crate::request::{Message, has_parameter};
use crate::sigv4::{self, SigV4};
use crate::{Keys, Refused, Request, Scheme, SignatureSpec, Verified};

/// Judges whether requests are signed by somebody we know.
#[derive(Clone, Debug)]
pub struct Verifier {
    hmac: Option<Hmac>,
    sigv4: Option<SigV4>,
    http_signature: Option<HttpSignature>,
}

/// A signature that was found, with the policy that judges it.
enum Found<'a> {
    Hmac(&'a Hmac, &'a [u8]),
    SigV4(&'a SigV4, Option<&'a [u8]>),
    HttpSignature(&'a HttpSignature),
}

// === impl Verifier ===

impl Verifier {
    /// Checks what was written.
    pub fn compile(spec: SignatureSpec) -> Result<Self, InvalidSignatures> {
        let SignatureSpec { hmac, sigv4, http_signature } = spec;
        if hmac.is_none() && sigv4.is_none() && http_signature.is_none() {
            return Err(InvalidSignatures::Nothing);
        }
        Ok(Self {
            hmac: hmac.map(Hmac::compile).transpose()?,
            sigv4: sigv4.map(SigV4::compile).transpose()?,
            http_signature: http_signature.map(HttpSignature::compile).transpose()?,
        })
    }

    /// In which way a request is signed, if it is. More than one way is refused.
    pub fn carried(&self, request: &Request<'_>) -> Result<Option<Scheme>, Refused> {
        match self.find(request) {
            Ok(found) => Ok(Some(found.scheme())),
            Err(Refused::Missing) => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    /// Judges a request by its one signature.
    ///
    /// What can be refused without the key is refused before `keys` is asked.
    /// A pure function of its arguments: who lacks a key or the body
    /// ([`Refused::UnknownKey`], [`Refused::AwaitsBody`]) may get it and ask
    /// again. That a signature was seen before is for
    /// [`ReplayGuard`](crate::ReplayGuard) to know.
    pub fn verify(
        &self,
        request: &Request<'_>,
        keys: &Keys<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Verified, Refused> {
        let found = self.find(request)?;
        let message = Message::read(request)?;
        match found {
            Found::Hmac(hmac, credential) => hmac.verify(credential, &message, keys, cx),
            Found::SigV4(sigv4, credential) => sigv4.verify(credential, &message, keys, cx),
            Found::HttpSignature(policy) => policy.verify(&message, keys, cx),
        }
    }

    /// The one signature of a request. More than one is none at all: whoever
    /// reads them after us could go by the other one.
    fn find<'a>(&'a self, request: &Request<'a>) -> Result<Found<'a>, Refused> {
        let mut found = Vec::new();
        if let Some(hmac) = &self.hmac {
            let credential = authorization(request.headers, hmac::SCHEME)?;
            found.extend(credential.map(|credential| Found::Hmac(hmac, credential)));
        }
        if let Some(sigv4) = &self.sigv4 {
            let credential = authorization(request.headers, sigv4::SCHEME)?;
            found.extend(credential.map(|credential| Found::SigV4(sigv4, Some(credential))));
            if has_parameter(request.target, sigv4::SIGNATURE) {
                found.push(Found::SigV4(sigv4, None));
            }
        }
        if let Some(policy) = &self.http_signature
            && HttpSignature::is_carried(request.headers)?
        {
            found.push(Found::HttpSignature(policy));
        }
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(_), false) => Err(Refused::Ambiguous),
            (None, _) => Err(Refused::Missing),
        }
    }
}

// === impl Found ===

impl Found<'_> {
    fn scheme(&self) -> Scheme {
        match self {
            Self::Hmac(..) => Scheme::Hmac,
            Self::SigV4(..) => Scheme::SigV4,
            Self::HttpSignature(_) => Scheme::HttpSignature,
        }
    }
}
