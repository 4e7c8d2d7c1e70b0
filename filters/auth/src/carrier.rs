use std::rc::Rc;

use tollgate_core::{Duplicate, Edit, Headers, is_header_name};

use crate::ApiKeySpec;

/// Where credentials stand in a request.
pub(crate) struct Carriers {
    /// `authorization`, if bearer tokens are ours to judge.
    bearer: Option<Rc<str>>,
    /// Headers with API keys, in lower case.
    pub(crate) api_key: Vec<Rc<str>>,
}

/// What a caller shows to be recognised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Credential<'a> {
    Bearer(&'a [u8]),
    ApiKey(&'a [u8]),
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
    #[error("api_key.from[{index}].header: {header:?} stands twice; remove one")]
    Twice { index: usize, header: String },
}

const AUTHORIZATION: &str = "authorization";

/// Headers that a request or the gateway needs. One that carries keys is taken
/// out of every request.
const NEEDED: [&str; 11] = [
    AUTHORIZATION,
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

// === impl Carriers ===

impl Carriers {
    pub(crate) fn compile(
        bearer: bool,
        spec: Option<ApiKeySpec>,
    ) -> Result<Self, InvalidApiKeySource> {
        let api_key = match spec {
            Some(ApiKeySpec { from, .. }) if from.is_empty() => {
                return Err(InvalidApiKeySource::Nowhere);
            }
            Some(ApiKeySpec { from, .. }) => from.into_iter().map(|source| source.header).collect(),
            None => Vec::new(),
        };
        Ok(Self { bearer: bearer.then(|| AUTHORIZATION.into()), api_key: headers(api_key)? })
    }

    /// The one credential of a request.
    ///
    /// More than one is no credential at all: whoever reads them after us
    /// could pick the other one.
    pub(crate) fn find<'a>(
        &self,
        headers: &'a Headers,
    ) -> Result<Option<Credential<'a>>, Duplicate> {
        let mut authorizations = 0_u32;
        let mut found = None;
        for (name, value) in headers.iter() {
            let credential = if self.bearer.is_some() && name == AUTHORIZATION.as_bytes() {
                authorizations = authorizations.saturating_add(1);
                bearer(value).map(Credential::Bearer)
            } else if self.carries_key(name) {
                Some(Credential::ApiKey(value))
            } else {
                None
            };
            if 1 < authorizations || (credential.is_some() && found.is_some()) {
                return Err(Duplicate);
            }
            found = found.or(credential);
        }
        Ok(found)
    }

    /// Takes out what [`Carriers::find`] looks at. Other schemes of
    /// `authorization` are between the caller and the backend.
    pub(crate) fn strip(&self, headers: &Headers, edits: &mut Vec<Edit>) {
        let bears = |(name, value): (&[u8], &[u8])| {
            name == AUTHORIZATION.as_bytes() && bearer(value).is_some()
        };
        let bearer = self.bearer.iter().filter(|_| headers.iter().any(bears));
        let keys = self.api_key.iter().filter(|name| headers.get(name).is_some());
        edits.extend(bearer.chain(keys).map(|name| Edit::remove(Rc::clone(name))));
    }

    /// Whether a header of this name, in lower case, carries credentials.
    pub(crate) fn carries(&self, name: &str) -> bool {
        [AUTHORIZATION, "proxy-authorization", "cookie"].contains(&name)
            || self.carries_key(name.as_bytes())
    }

    fn carries_key(&self, name: &[u8]) -> bool {
        self.api_key.iter().any(|carrier| carrier.as_bytes() == name)
    }
}

/// The token in a value of `authorization` (RFC 6750, section 2.1), if the
/// scheme is Bearer. A bare `Bearer` has an empty one.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let value = value.trim_ascii();
    let end = value.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(value.len());
    let (scheme, token) = value.split_at_checked(end)?;
    scheme.eq_ignore_ascii_case(b"bearer").then(|| token.trim_ascii_start())
}

fn headers(names: Vec<String>) -> Result<Vec<Rc<str>>, InvalidApiKeySource> {
    let mut headers: Vec<Rc<str>> = Vec::new();
    for (index, header) in names.into_iter().enumerate() {
        let name = header.to_ascii_lowercase();
        if !is_header_name(&name) {
            return Err(InvalidApiKeySource::NotAHeader { index, header });
        }
        if is_reserved(&name) {
            return Err(InvalidApiKeySource::Reserved { index, header });
        }
        if headers.iter().any(|other| **other == *name) {
            return Err(InvalidApiKeySource::Twice { index, header });
        }
        headers.push(name.into());
    }
    Ok(headers)
}

fn is_reserved(name: &str) -> bool {
    NEEDED.contains(&name) || tollgate_core::is_reserved(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_scheme_is_read_in_any_case() {
        for (value, token) in [
            ("Bearer abc", Some("abc")),
            ("bEARER   abc ", Some("abc")),
            ("Bearer\tabc", Some("abc")),
            (" Bearer a b", Some("a b")),
            ("Bearer", Some("")),
            ("Bearer ", Some("")),
            ("Bearerabc", None),
            ("Bearer=abc", None),
            ("Basic abc", None),
            ("", None),
        ] {
            assert_eq!(bearer(value.as_bytes()), token.map(str::as_bytes), "{value:?}");
        }
    }

    proptest! {
        /// What would be taken for a credential never reaches the backend.
        #[test]
        fn what_is_found_is_taken_out(
            lines in prop::collection::vec(
                ("authorization|x-api-key|accept", "(?i:bearer)?[ \t]?[a-z]{0,3}"), 0..4,
            ),
        ) {
            let from = vec![crate::ApiKeySourceSpec { header: "X-Api-Key".to_owned() }];
            let carriers = Carriers::compile(true, Some(ApiKeySpec { from, lookup: None })).unwrap();
            let headers: Headers = lines.iter().cloned().collect();
            let mut edits = Vec::new();
            carriers.strip(&headers, &mut edits);
            let left: Headers = headers
                .iter()
                .filter(|(name, _)| !edits.iter().any(|edit| edit.name.as_bytes() == *name))
                .collect();
            prop_assert_eq!(carriers.find(&left).unwrap_or(None), None);
        }
    }
}
