use std::borrow::Cow;
use std::rc::Rc;

use tollgate_core::{Edit, Headers, is_header_name, query_parameters, without_parameters};

use crate::ApiKeySourceSpec;

/// Places where API keys stand in a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// Headers, in lower case.
    headers: Vec<Rc<str>>,
    /// Parameters of the query, decoded.
    query: Vec<Box<str>>,
    cookies: Vec<Box<str>>,
}

/// Why a place for API keys was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidApiKeySource {
    #[error("api_key.from: is empty; name a header, or leave `api_key` out")]
    Nowhere,
    #[error("api_key.from[{index}].header: {header:?} is not a header name")]
    NotAHeader { index: usize, header: String },
    #[error(
        "api_key.from[{index}].header: {header:?} has a meaning of its own; choose another one, \
         for example x-api-key"
    )]
    Reserved { index: usize, header: String },
    #[error("api_key.from[{index}].query: is empty; write a parameter's name")]
    NoParameter { index: usize },
    #[error("api_key.from[{index}].cookie: {cookie:?} is not the name of a cookie")]
    NotACookie { index: usize, cookie: String },
    #[error("api_key.from[{index}].{kind}: {name:?} stands twice; remove one")]
    Twice { index: usize, kind: &'static str, name: String },
}

/// Headers that a request or the gateway needs. One that carries keys is taken
/// out of every request.
const NEEDED: [&str; 11] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

// === impl Places ===

impl Places {
    /// None of them may be among `others`.
    pub(crate) fn compile(
        from: Vec<ApiKeySourceSpec>,
        others: &Self,
    ) -> Result<Self, InvalidApiKeySource> {
        if from.is_empty() {
            return Err(InvalidApiKeySource::Nowhere);
        }
        let mut places = Self::default();
        for (index, source) in from.into_iter().enumerate() {
            if places.has(&source) || others.has(&source) {
                let (kind, name) = source.into_kind_and_name();
                return Err(InvalidApiKeySource::Twice { index, kind, name });
            }
            places.add(index, source)?;
        }
        Ok(places)
    }

    fn has(&self, source: &ApiKeySourceSpec) -> bool {
        match source {
            ApiKeySourceSpec::Header(name) => self.has_header(&name.to_ascii_lowercase()),
            ApiKeySourceSpec::Query(name) => self.has_parameter(name.as_bytes()),
            ApiKeySourceSpec::Cookie(name) => self.has_cookie(name.as_bytes()),
        }
    }

    fn add(&mut self, index: usize, source: ApiKeySourceSpec) -> Result<(), InvalidApiKeySource> {
        match source {
            ApiKeySourceSpec::Header(header) => self.headers.push(self::header(index, header)?),
            ApiKeySourceSpec::Query(name) if name.is_empty() => {
                return Err(InvalidApiKeySource::NoParameter { index });
            }
            ApiKeySourceSpec::Query(name) => self.query.push(name.into()),
            // RFC 6265, section 4.1.1: a token.
            ApiKeySourceSpec::Cookie(cookie) if !is_header_name(&cookie.to_ascii_lowercase()) => {
                return Err(InvalidApiKeySource::NotACookie { index, cookie });
            }
            ApiKeySourceSpec::Cookie(name) => self.cookies.push(name.into()),
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.query.is_empty() && self.cookies.is_empty()
    }

    /// How to name them in `WWW-Authenticate`, each with its kind.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let headers = self.headers.iter().map(|name| ("header", &**name));
        let query = self.query.iter().map(|name| ("query", &**name));
        headers.chain(query).chain(self.cookies.iter().map(|name| ("cookie", &**name)))
    }

    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|ours| **ours == *name)
    }

    pub(crate) fn has_parameter(&self, name: &[u8]) -> bool {
        self.query.iter().any(|ours| ours.as_bytes() == name)
    }

    fn has_cookie(&self, name: &[u8]) -> bool {
        self.cookies.iter().any(|ours| ours.as_bytes() == name)
    }

    /// The key in a cookie, if it is one of ours.
    fn in_cookie<'a>(&self, pair: &'a [u8]) -> Option<&'a [u8]> {
        let end = pair.iter().position(|&b| b == b'=')?;
        let (name, value) = pair.split_at_checked(end)?;
        let value = value.strip_prefix(b"=")?.trim_ascii();
        self.has_cookie(name.trim_ascii()).then_some(value)
    }

    /// Every key in a line of the request.
    pub(super) fn keys<'a>(
        &self,
        name: &[u8],
        value: &'a [u8],
        each: &mut dyn FnMut(Cow<'a, [u8]>),
    ) {
        match name {
            b":path" if !self.query.is_empty() => {
                let query = value.splitn(2, |&b| b == b'?').nth(1).unwrap_or_default();
                let ours = query_parameters(query).filter(|(name, _)| self.has_parameter(name));
                ours.for_each(|(_, key)| each(key));
            }
            b"cookie" if !self.cookies.is_empty() => {
                let ours = cookies(value).filter_map(|pair| self.in_cookie(pair));
                ours.for_each(|key| each(key.into()));
            }
            name if self.headers.iter().any(|ours| ours.as_bytes() == name) => each(value.into()),
            _ => {}
        }
    }

    /// Takes every key out of a request, and out of the page's address that it
    /// was sent from.
    pub(super) fn strip(&self, headers: &Headers, edits: &mut Vec<Edit>) {
        let there = self.headers.iter().filter(|name| headers.get(name).is_some());
        edits.extend(there.map(|name| Edit::remove(Rc::clone(name))));
        if !self.query.is_empty() {
            edits.extend([":path", "referer"].into_iter().filter_map(|name| {
                let left = self.without_keys(name, headers)?;
                Some(Edit::set(name, left))
            }));
        }
        if !self.cookies.is_empty() {
            self.strip_cookies(headers, edits);
        }
    }

    /// The first line of a header without keys, if any line has some. Both
    /// headers stand once in requests that are as they should be.
    fn without_keys(&self, name: &str, headers: &Headers) -> Option<Vec<u8>> {
        let lines = headers.iter().filter(|(other, _)| *other == name.as_bytes());
        let without = |line| without_parameters(line, |parameter| self.has_parameter(parameter));
        let mut lines = lines.map(|(_, line)| (line, without(line)));
        let (first, left) = lines.next()?;
        let has_keys = left.is_some() || lines.any(|(_, left)| left.is_some());
        has_keys.then(|| left.unwrap_or_else(|| first.to_vec()))
    }

    fn strip_cookies(&self, headers: &Headers, edits: &mut Vec<Edit>) {
        let lines = headers.iter().filter(|(name, _)| *name == b"cookie");
        let all = || lines.clone().flat_map(|(_, value)| cookies(value));
        if all().all(|pair| self.in_cookie(pair).is_none()) {
            return;
        }
        let left: Vec<&[u8]> = all().filter(|pair| self.in_cookie(pair).is_none()).collect();
        edits.push(if left.is_empty() {
            Edit::remove("cookie")
        } else {
            Edit::set("cookie", left.join(&b"; "[..]))
        });
    }
}

/// The cookies in a line of them (RFC 6265, section 5.4).
fn cookies(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&b| b == b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty())
}

fn header(index: usize, header: String) -> Result<Rc<str>, InvalidApiKeySource> {
    let name = header.to_ascii_lowercase();
    if !is_header_name(&name) {
        return Err(InvalidApiKeySource::NotAHeader { index, header });
    }
    if NEEDED.contains(&&*name) || tollgate_core::is_reserved(name.as_bytes()) {
        return Err(InvalidApiKeySource::Reserved { index, header });
    }
    Ok(name.into())
}
