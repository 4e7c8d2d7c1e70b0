//! HTTP Message Signatures (RFC 9421) of requests.

mod claim;
mod component;
mod input;
mod value;

use std::time::Duration;

use tollgate_core::{Cx, Headers};

use crate::compile::{InvalidSignatures, clock_skew};
use crate::credential::nonce;
use crate::digest::ContentDigest;
use crate::headers::lines;
use crate::http_signature::claim::Claim;
use crate::http_signature::component::Component;
use crate::http_signature::input::{Input, inputs};
use crate::material::Signed;
use crate::refused::shown;
use crate::request::Message;
use crate::time::Window;
use crate::{BodyCheck, HttpSignatureSpec, Key, Keys, Refused, Scheme, Verified};

/// How HTTP Message Signatures are judged.
#[derive(Clone, Debug)]
pub(crate) struct HttpSignature {
    /// What a signature must cover, each with its name in texts.
    components: Vec<(String, Component)>,
    window: Window,
    require_nonce: bool,
    label: Option<String>,
    tag: Option<String>,
}

const MAX_AGE_SECONDS_MAX: u32 = 3600;

// === impl HttpSignature ===

impl HttpSignature {
    pub(crate) fn compile(spec: HttpSignatureSpec) -> Result<Self, InvalidSignatures> {
        let HttpSignatureSpec {
            components,
            max_age_seconds,
            clock_skew_seconds,
            require_nonce,
            label,
            tag,
        } = spec;
        if !(1..=MAX_AGE_SECONDS_MAX).contains(&max_age_seconds) {
            return Err(InvalidSignatures::MaxAge { seconds: max_age_seconds });
        }
        let age_max = Duration::from_secs(max_age_seconds.into());
        let ahead_max = clock_skew("http_signature", clock_skew_seconds)?;
        let components = compile_components(components)?;
        check_label(label.as_deref())?;
        check_tag(tag.as_deref())?;
        let window = Window { age_max, ahead_max };
        Ok(Self { components, window, require_nonce, label, tag })
    }

    /// Whether there is anything to judge.
    pub(crate) fn is_carried(headers: &Headers) -> Result<bool, Refused> {
        Ok(!lines(headers, "signature-input")?.is_empty())
    }

    /// Judges a request by the first of its signatures that holds. Where none
    /// does, says why of the first that was made with a key that is known.
    pub(crate) fn verify(
        &self,
        message: &Message<'_>,
        keys: &Keys<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Verified, Refused> {
        let mut fault = Refused::NoSuchSignature;
        for input in inputs(message.headers, self.label.as_deref(), self.tag.as_deref())? {
            match self.verify_one(&input, message, keys, cx) {
                Ok(verified) => return Ok(verified),
                Err(other) if fault == Refused::NoSuchSignature || fault == Refused::UnknownKey => {
                    fault = other;
                }
                Err(_) => {}
            }
        }
        Err(fault)
    }

    fn verify_one(
        &self,
        input: &Input,
        message: &Message<'_>,
        keys: &Keys<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Verified, Refused> {
        let claim = Claim::read(input)?;
        let nonce = nonce(claim.nonce, self.require_nonce)?;
        let expires = self.window.check(claim.created, cx.now)?;
        if claim.expires.is_some_and(|expires| expires < cx.now) {
            return Err(Refused::Expired);
        }
        self.check_coverage(&claim, message)?;
        let body = body(&claim, message)?;
        let base = claim.base(message)?;
        let key = keys(claim.key_id).ok_or(Refused::UnknownKey)?;
        check_algorithm(&key, claim.algorithm)?;
        if !key.verify(Signed { message: base.as_bytes(), signature: &input.signature }, cx.host) {
            return Err(Refused::Mismatch);
        }
        Ok(Verified {
            key_id: claim.key_id.to_owned(),
            scheme: Scheme::HttpSignature,
            body,
            nonce: nonce.map(str::to_owned),
            signed_sha256: base.sha256(),
            expires: claim.expires.map_or(expires, |earlier| earlier.min(expires)),
        })
    }

    fn check_coverage(&self, claim: &Claim<'_>, message: &Message<'_>) -> Result<(), Refused> {
        for (name, wanted) in &self.components {
            let covered = claim.components.iter().any(|(_, one)| one.covers(wanted));
            if !covered && wanted.is_in(message)? {
                return Err(Refused::NotCovered { component: name.clone() });
            }
        }
        Ok(())
    }
}

/// What the body has to be: a digest that nobody signed says nothing, so
/// without one that is covered the body has to be empty.
fn body(claim: &Claim<'_>, message: &Message<'_>) -> Result<BodyCheck, Refused> {
    let counts =
        |algorithm: &str| claim.components.iter().any(|(_, one)| one.covers_digest(algorithm));
    let Some(digests) = ContentDigest::read(message.headers)? else { return Ok(BodyCheck::Empty) };
    if !claim.components.iter().any(|(_, one)| one.is_of_field("content-digest")) {
        return Ok(BodyCheck::Empty);
    }
    digests.check(counts).ok_or(Refused::ContentDigest)
}

/// The signature may say which algorithm it was made with, but not choose it
/// (RFC 9421, section 3.2).
fn check_algorithm(key: &Key, named: Option<&str>) -> Result<(), Refused> {
    let fits = named.is_none_or(|named| named == key.algorithm().name());
    if fits { Ok(()) } else { Err(Refused::Algorithm) }
}

fn compile_components(names: Vec<String>) -> Result<Vec<(String, Component)>, InvalidSignatures> {
    let mut components: Vec<(String, Component)> = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        let Some(component) = Component::named(&name) else {
            return Err(InvalidSignatures::Component { index, name });
        };
        if components.iter().any(|(_, other)| *other == component) {
            return Err(InvalidSignatures::ComponentTwice { index, name });
        }
        components.push((shown(name), component));
    }
    Ok(components)
}

fn check_label(label: Option<&str>) -> Result<(), InvalidSignatures> {
    match label {
        Some(label) if sfv::KeyRef::from_str(label).is_err() => {
            Err(InvalidSignatures::Label { label: label.to_owned() })
        }
        _ => Ok(()),
    }
}

fn check_tag(tag: Option<&str>) -> Result<(), InvalidSignatures> {
    match tag {
        Some(tag) if tag.is_empty() || sfv::StringRef::from_str(tag).is_err() => {
            Err(InvalidSignatures::Tag { tag: tag.to_owned() })
        }
        _ => Ok(()),
    }
}
