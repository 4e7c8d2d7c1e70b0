use sha2::{Digest as _, Sha256};
use tollgate_core::{CanonicalPath, Headers};

use crate::Refused;
use crate::headers::{lines, only};
use crate::limits::PARAMETERS_MAX;

/// A request as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, for example `GET`.
    pub method: &'a [u8],

    /// `http` or `https`, as the caller sees it.
    pub scheme: &'a [u8],

    /// The host and port that the caller named: `:authority` or `host`.
    pub authority: &'a [u8],

    /// The path and query. Only the one spelling that [`CanonicalPath`] accepts
    /// can be signed: another one could be read differently behind the gateway.
    pub target: &'a [u8],

    /// The header lines, names in lower case. Pseudo-headers are passed over.
    pub headers: &'a Headers,

    /// The SHA-256 of the whole body, where it is known already: [`NO_BODY`] of
    /// a request without one, nothing while the body has not arrived. Only AWS
    /// signatures without `x-amz-content-sha256` ask for it.
    pub body_sha256: Option<[u8; 32]>,
}

/// The SHA-256 of no bytes.
pub const NO_BODY: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// A request each part of which may stand in a line of its own.
pub(crate) struct Message<'a> {
    /// Invariant: a token.
    pub(crate) method: &'a [u8],
    pub(crate) scheme: WebScheme,
    /// As it was sent. Invariant: visible ASCII.
    pub(crate) host: &'a [u8],
    pub(crate) path: CanonicalPath<'a>,
    pub(crate) headers: &'a Headers,
    pub(crate) body_sha256: Option<[u8; 32]>,
}

/// One part of a query, escaped as it was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
    /// Both, with the sign between them if there was one.
    pub(crate) part: &'a [u8],
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WebScheme {
    Http,
    Https,
}

// === impl Message ===

impl<'a> Message<'a> {
    pub(crate) fn read(request: &Request<'a>) -> Result<Self, Refused> {
        let Request { method, scheme, authority, target, headers, body_sha256 } = *request;
        if !is_token(method) {
            return Err(Refused::Method);
        }
        if !is_authority(authority) {
            return Err(Refused::Authority);
        }
        let scheme = WebScheme::read(scheme).ok_or(Refused::WebScheme)?;
        let path = CanonicalPath::parse(target)?;
        Ok(Self { method, scheme, host: authority, path, headers, body_sha256 })
    }

    /// The host in lower case, without the port that the scheme implies
    /// (RFC 9421, section 2.2.3).
    pub(crate) fn authority(&self) -> Vec<u8> {
        let host = self.host.strip_suffix(self.scheme.port()).unwrap_or(self.host);
        host.to_ascii_lowercase()
    }

    /// What follows the first question mark; empty also where there is none.
    pub(crate) fn query(&self) -> &'a [u8] {
        self.path.query().unwrap_or_default()
    }

    /// The parameters of the query, in order.
    pub(crate) fn parameters(&self) -> Result<Vec<Parameter<'a>>, Refused> {
        let query = self.query();
        if query.is_empty() {
            return Ok(Vec::new());
        }
        let parts = query.split(|&b| b == b'&').take(PARAMETERS_MAX.saturating_add(1));
        let parameters: Vec<_> = parts.map(Parameter::read).collect();
        if PARAMETERS_MAX < parameters.len() {
            return Err(Refused::TooManyParameters);
        }
        Ok(parameters)
    }

    /// The lines of a header. `host` is the authority, which stands in no line
    /// since HTTP/2.
    pub(crate) fn lines(&self, name: &str) -> Result<Vec<&'a [u8]>, Refused> {
        if name == "host" { Ok(vec![self.host]) } else { lines(self.headers, name) }
    }

    /// A header that must stand in one line.
    pub(crate) fn only(&self, name: &str) -> Result<Option<&'a [u8]>, Refused> {
        only(name, &self.lines(name)?)
    }
}

fn is_token(method: &[u8]) -> bool {
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    !method.is_empty() && method.iter().all(token)
}

/// What RFC 3986, section 3.2, allows in a host and a port, and nothing that
/// would end the authority or begin it with a user's name.
fn is_authority(authority: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]%".contains(b);
    !authority.is_empty() && authority.iter().all(plain)
}

// === impl Parameter ===

impl<'a> Parameter<'a> {
    fn read(part: &'a [u8]) -> Self {
        let end = part.iter().position(|&b| b == b'=').unwrap_or(part.len());
        let (name, rest) = part.split_at_checked(end).unwrap_or_default();
        Self { name, value: rest.strip_prefix(b"=").unwrap_or_default(), part }
    }
}

// === impl WebScheme ===

impl WebScheme {
    fn read(scheme: &[u8]) -> Option<Self> {
        [Self::Http, Self::Https]
            .into_iter()
            .find(|known| scheme.eq_ignore_ascii_case(known.name()))
    }

    pub(crate) fn name(self) -> &'static [u8] {
        match self {
            Self::Http => b"http",
            Self::Https => b"https",
        }
    }

    fn port(self) -> &'static [u8] {
        match self {
            Self::Http => b":80",
            Self::Https => b":443",
        }
    }
}

/// Whether a query has a parameter of this name, in exactly this spelling.
pub(crate) fn has_parameter(target: &[u8], name: &[u8]) -> bool {
    let query = target.splitn(2, |&b| b == b'?').nth(1).unwrap_or_default();
    query.split(|&b| b == b'&').any(|part| Parameter::read(part).name == name)
}

/// The SHA-256 of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Bytes in lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}
