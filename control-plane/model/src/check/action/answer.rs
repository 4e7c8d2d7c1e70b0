//! Requests that go to no backend.

use super::{Judged, path};
use crate::at::At;
use crate::fault::Faults;
use crate::spec::{RedirectSpec, RespondSpec, SchemeSpec};
use crate::{Redirect, RedirectStatus, Respond};

/// Why an answer was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidAnswer {
    #[error(
        "leads back to where the caller was; write one of scheme, host, port, path, prefix and regex"
    )]
    Loop,
    #[error("{0} is not the status of a redirect; write 301, 302, 303, 307 or 308")]
    Redirect(u32),
    #[error("{bytes} bytes are more than {BODY_BYTES_MAX}; let a backend answer what is longer")]
    Body { bytes: usize },
    #[error("an answer with status {0} has no body; remove it")]
    NoBody(u32),
    #[error("{0:?} is not a media type; write one such as application/json")]
    ContentType(String),
}

/// What Envoy takes.
const BODY_BYTES_MAX: usize = 4096;

pub(super) fn redirect(route: &Judged<'_>, faults: &mut Faults) -> Option<Redirect> {
    let at = route.at.get("redirect")?;
    let RedirectSpec { scheme, host, port, path, prefix, regex, substitution, status, strip_query } =
        at.read(faults)?;
    let written = path::Written { path, prefix, regex, substitution };
    let leads = ["scheme", "host", "port", "path", "prefix", "regex"];
    if leads.into_iter().all(|field| at.node.get(field).is_none()) {
        at.fault(faults, InvalidAnswer::Loop.to_string());
    }
    let path = path::path(route, &at, written, faults);
    let host = path::host(&at, host, faults);
    let https = scheme.map(|scheme| scheme == SchemeSpec::Https);
    Some(Redirect {
        status: self::status(&at, status, faults)?,
        https,
        host,
        port,
        path,
        strip_query,
    })
}

fn status(at: &At<'_>, status: u32, faults: &mut Faults) -> Option<RedirectStatus> {
    Some(match status {
        301 => RedirectStatus::MovedPermanently,
        302 => RedirectStatus::Found,
        303 => RedirectStatus::SeeOther,
        307 => RedirectStatus::TemporaryRedirect,
        308 => RedirectStatus::PermanentRedirect,
        other => {
            at.get("status")?.fault(faults, InvalidAnswer::Redirect(other).to_string());
            return None;
        }
    })
}

pub(super) fn respond(at: &At<'_>, faults: &mut Faults) -> Option<Respond> {
    let at = at.get("respond")?;
    let RespondSpec { status, body, content_type } = at.read(faults)?;
    let status = status?;
    if let Some(at) = at.get("body") {
        // RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5.
        if matches!(status, 204 | 205 | 304) && !body.is_empty() {
            at.fault(faults, InvalidAnswer::NoBody(status).to_string());
        } else if BODY_BYTES_MAX < body.len() {
            at.fault(faults, InvalidAnswer::Body { bytes: body.len() }.to_string());
        }
    }
    if !is_media_type(&content_type) {
        let invalid = InvalidAnswer::ContentType(content_type.clone());
        at.get("content_type")?.fault(faults, invalid.to_string());
    }
    Some(Respond { status, body, content_type })
}

/// A percent sign would have a meaning to Envoy.
fn is_media_type(text: &str) -> bool {
    let fits = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && byte != b'%';
    text.contains('/') && text.bytes().all(fits)
}
