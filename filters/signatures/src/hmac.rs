//! Tollgate's own HMAC scheme; what it signs is described at the crate's root.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tollgate_core::{Cx, Timestamp};

use crate::compile::{InvalidSignatures, clock_skew, header_names};
use crate::credential::{key_id, nonce, parameters};
use crate::digest::ContentDigest;
use crate::limits::COVERED_MAX;
use crate::material::Signed;
use crate::refused::shown;
use crate::request::{Message, NO_BODY};
use crate::text::Text;
use crate::time::{Window, number};
use crate::{BodyCheck, HmacSpec, KeyAlgorithm, Keys, Refused, Scheme, Verified};

/// How HMAC signatures are judged.
#[derive(Clone, Debug)]
pub(crate) struct Hmac {
    window: Window,
    require_nonce: bool,
    /// In lower case.
    headers: Vec<String>,
}

/// What `authorization` says.
#[derive(Debug)]
struct Claim<'a> {
    key_id: &'a str,
    created: u64,
    nonce: Option<&'a str>,
    headers: Vec<&'a str>,
    signature: Vec<u8>,
}

/// Names the scheme in `authorization`, and begins what is signed: a code made
/// for this scheme is then no code of another one.
pub(crate) const SCHEME: &str = "HMAC-SHA256";

const FIELD: Refused = Refused::Malformed {
    field: "authorization",
    expected: "HMAC-SHA256 keyId=\"…\",created=SECONDS,nonce=\"…\",headers=\"NAME NAME\",\
               signature=\"BASE64\"",
};

// === impl Hmac ===

impl Hmac {
    pub(crate) fn compile(spec: HmacSpec) -> Result<Self, InvalidSignatures> {
        let HmacSpec { clock_skew_seconds, require_nonce, headers } = spec;
        let skew = clock_skew("hmac", clock_skew_seconds)?;
        let headers = header_names("hmac", headers)?;
        Ok(Self { window: Window::around(skew), require_nonce, headers })
    }

    /// Judges a request by what follows the scheme in `authorization`.
    pub(crate) fn verify(
        &self,
        credential: &[u8],
        message: &Message<'_>,
        keys: &Keys<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<Verified, Refused> {
        let claim = Claim::read(credential)?;
        let nonce = nonce(claim.nonce, self.require_nonce)?;
        let expires = self.window.check(Timestamp::from_seconds(claim.created), cx.now)?;
        self.check_coverage(&claim, message)?;
        let (body, digest) = body(message)?;
        let signed = canonical(&claim, message, &digest)?;
        let key = keys(claim.key_id).ok_or(Refused::UnknownKey)?;
        if key.algorithm() != KeyAlgorithm::HmacSha256 {
            return Err(Refused::Algorithm);
        }
        if !key.verify(Signed { message: signed.as_bytes(), signature: &claim.signature }, cx.host)
        {
            return Err(Refused::Mismatch);
        }
        Ok(Verified {
            key_id: claim.key_id.to_owned(),
            scheme: Scheme::Hmac,
            body,
            nonce: nonce.map(str::to_owned),
            signed_sha256: signed.sha256(),
            expires,
        })
    }

    fn check_coverage(&self, claim: &Claim<'_>, message: &Message<'_>) -> Result<(), Refused> {
        for name in &self.headers {
            if !claim.headers.contains(&name.as_str()) && !message.lines(name)?.is_empty() {
                return Err(Refused::NotCovered { component: shown(name) });
            }
        }
        Ok(())
    }
}

// === impl Claim ===

impl<'a> Claim<'a> {
    fn read(credential: &'a [u8]) -> Result<Self, Refused> {
        let names = ["keyId", "created", "nonce", "headers", "signature"];
        let values = parameters(credential, names).ok_or(FIELD)?;
        let [Some(id), Some(created), nonce, headers, Some(signature)] = values else {
            return Err(FIELD);
        };
        Ok(Self {
            key_id: key_id(id)?,
            created: seconds(created).ok_or(FIELD)?,
            nonce,
            headers: covered(headers.unwrap_or_default())?,
            signature: BASE64_STANDARD.decode(signature).map_err(|_| FIELD)?,
        })
    }
}

/// Seconds since the epoch, in the one way to write them: they are signed.
fn seconds(digits: &str) -> Option<u64> {
    number(digits.as_bytes()).filter(|seconds| seconds.to_string() == digits)
}

/// Names of headers with blanks between them.
fn covered(names: &str) -> Result<Vec<&str>, Refused> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<_> = names.split(' ').take(COVERED_MAX.saturating_add(1)).collect();
    if COVERED_MAX < names.len() {
        return Err(Refused::CoversTooMany);
    }
    for (place, name) in names.iter().enumerate() {
        if !tollgate_core::is_header_name(name) {
            return Err(FIELD);
        }
        if names.iter().take(place).any(|earlier| earlier == name) {
            return Err(Refused::CoveredTwice { component: shown(name) });
        }
    }
    Ok(names)
}

/// What the body has to be, and the line that says so.
fn body(message: &Message<'_>) -> Result<(BodyCheck, String), Refused> {
    let (check, digest) = match ContentDigest::read(message.headers)? {
        None => (BodyCheck::Empty, NO_BODY),
        Some(digests) => {
            let digest = digests.sha256().ok_or(Refused::ContentDigest)?;
            (BodyCheck::Sha256(digest), digest)
        }
    };
    Ok((check, format!("sha-256=:{}:", BASE64_STANDARD.encode(digest))))
}

fn canonical(claim: &Claim<'_>, message: &Message<'_>, digest: &str) -> Result<Text, Refused> {
    let mut text = Text::default();
    text.line(&[SCHEME.as_bytes()])?;
    text.line(&[claim.key_id.as_bytes()])?;
    text.line(&[claim.created.to_string().as_bytes()])?;
    text.line(&[claim.nonce.unwrap_or_default().as_bytes()])?;
    text.line(&[message.method])?;
    text.line(&[&message.authority()])?;
    text.line(&[message.path.as_bytes()])?;
    text.line(&[&sorted_query(message)?])?;
    for name in &claim.headers {
        let value = message.only(name)?;
        let value = value.ok_or_else(|| Refused::Absent { component: shown(name) })?;
        text.line(&[name.as_bytes(), b":", value])?;
    }
    text.line(&[])?;
    text.line(&[digest.as_bytes()])?;
    Ok(text)
}

/// The parts of the query as they were sent, sorted by their names. Parts of
/// one name stay in order: the last one often counts.
fn sorted_query(message: &Message<'_>) -> Result<Vec<u8>, Refused> {
    let mut parameters = message.parameters()?;
    parameters.sort_by_key(|parameter| parameter.name);
    let parts: Vec<_> = parameters.iter().map(|parameter| parameter.part).collect();
    Ok(parts.join(&b"&"[..]))
}
