//! AWS Signature Version 4, in `authorization` and in presigned URLs.

mod canonical;
mod claim;
mod payload;

use std::time::Duration;

use tollgate_core::Cx;

use crate::compile::{InvalidSignatures, clock_skew, header_names};
use crate::material::{Signed, is_mac};
use crate::refused::shown;
use crate::request::Message;
use crate::sigv4::canonical::{canonical, string_to_sign};
use crate::sigv4::claim::{Claim, Place};
pub(crate) use crate::sigv4::claim::{SCHEME, SIGNATURE};
use crate::sigv4::payload::Payload;
use crate::time::Window;
use crate::{Key, Keys, Refused, Scheme, SigV4Spec, SigV4Style, Verified};

/// How AWS signatures are judged.
#[derive(Clone, Debug)]
pub(crate) struct SigV4 {
    region: String,
    service: String,
    style: SigV4Style,
    skew: Duration,
    /// None: presigned URLs are not accepted.
    presigned_seconds_max: Option<u32>,
    unsigned_payload: bool,
    /// In lower case.
    headers: Vec<String>,
}

/// Seven days, as AWS itself.
const PRESIGNED_SECONDS_MAX: u32 = 604_800;

// === impl SigV4 ===

impl SigV4 {
    pub(crate) fn compile(spec: SigV4Spec) -> Result<Self, InvalidSignatures> {
        let SigV4Spec {
            region,
            service,
            style,
            clock_skew_seconds,
            presigned,
            presigned_seconds_max,
            unsigned_payload,
            headers,
        } = spec;
        for (field, name) in [("region", &region), ("service", &service)] {
            if !is_scope_part(name) {
                return Err(InvalidSignatures::ScopePart { field, name: name.clone() });
            }
        }
        if !(1..=PRESIGNED_SECONDS_MAX).contains(&presigned_seconds_max) {
            return Err(InvalidSignatures::PresignedSeconds { seconds: presigned_seconds_max });
        }
        let skew = clock_skew("sigv4", clock_skew_seconds)?;
        let headers = header_names("sigv4", headers)?;
        let presigned_seconds_max = presigned.then_some(presigned_seconds_max);
        Ok(Self { region, service, style, skew, presigned_seconds_max, unsigned_payload, headers })
    }

    /// Judges a request by what follows the scheme in `authorization`, or by
    /// its query.
    pub(crate) fn verify(
        &self,
        credential: Option<&[u8]>,
        message: &Message<'_>,
        keys: &Keys<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Verified, Refused> {
        let claim = match credential {
            Some(credential) => Claim::from_header(credential, message)?,
            None => Claim::from_query(message, self.presigned_seconds_max)?,
        };
        self.check_scope(&claim)?;
        let expires = self.window(&claim).check(claim.time, cx.now)?;
        self.check_coverage(&claim, message)?;
        let payload = self.payload(&claim, message)?;
        let request = canonical(&claim, message, self.style, &payload)?;
        let text = string_to_sign(&claim, request.sha256())?;
        let key = keys(&claim.key_id).ok_or(Refused::UnknownKey)?;
        check_key(&key, &claim, text.as_bytes())?;
        Ok(Verified {
            key_id: claim.key_id,
            scheme: Scheme::SigV4,
            body: payload.check(),
            nonce: None,
            signed_sha256: text.sha256(),
            expires,
        })
    }

    fn check_scope(&self, claim: &Claim<'_>) -> Result<(), Refused> {
        let Self { region, service, .. } = self;
        let expected = format!("{}/{region}/{service}/aws4_request", claim.date);
        if claim.scope == expected {
            return Ok(());
        }
        Err(Refused::Scope { region: region.clone(), service: service.clone() })
    }

    fn window(&self, claim: &Claim<'_>) -> Window {
        let age_max = match claim.place {
            Place::Header => self.skew,
            Place::Query { expires } => expires,
        };
        Window { age_max, ahead_max: self.skew }
    }

    /// What says who calls, when and with which body must be signed, or it
    /// could be exchanged.
    fn check_coverage(&self, claim: &Claim<'_>, message: &Message<'_>) -> Result<(), Refused> {
        let covers = |name: &[u8]| claim.headers.iter().any(|known| known.as_bytes() == name);
        let mut wanted = vec![&b"host"[..]];
        for (name, _) in message.headers.iter() {
            if name.starts_with(b"x-amz-") || self.headers.iter().any(|n| n.as_bytes() == name) {
                wanted.push(name);
            }
        }
        match wanted.into_iter().find(|name| !covers(name)) {
            Some(name) => Err(Refused::NotCovered { component: shown(name) }),
            None => Ok(()),
        }
    }

    fn payload(&self, claim: &Claim<'_>, message: &Message<'_>) -> Result<Payload, Refused> {
        let payload = Payload::read(claim, message, self.style)?;
        match payload {
            Payload::Unsigned if !self.unsigned_payload => Err(Refused::UnsignedPayload),
            payload => Ok(payload),
        }
    }
}

/// What stands between two slashes of a scope.
fn is_scope_part(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn check_key(key: &Key, claim: &Claim<'_>, text: &[u8]) -> Result<(), Refused> {
    let secret = key.as_secret().ok_or(Refused::Algorithm)?;
    let signing_key = secret.for_scope(&claim.scope).ok_or(Refused::Mismatch)?;
    if !is_mac(&signing_key, Signed { message: text, signature: &claim.signature }) {
        return Err(Refused::Mismatch);
    }
    if !key.fits_session(claim.session_token.as_deref()) {
        return Err(Refused::SessionToken);
    }
    Ok(())
}
