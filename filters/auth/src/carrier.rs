mod places;

use std::borrow::Cow;
use std::rc::Rc;

use tollgate_core::{Duplicate, Edit, Headers};

pub use self::places::InvalidApiKeySource;
pub(crate) use self::places::Places;
use crate::ApiKeySpec;

/// Where credentials stand in a request.
pub(crate) struct Carriers {
    /// `authorization`, if bearer tokens are ours to judge.
    bearer: Option<Rc<str>>,
    /// Where API keys do, unless a route knows of further places.
    pub(crate) api_key: Rc<Places>,
}

/// What a caller shows to be recognised.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Credential<'a> {
    Bearer(&'a [u8]),
    ApiKey(Cow<'a, [u8]>),
}

/// What was found of credentials so far.
#[derive(Default)]
struct Search<'a> {
    authorizations: u32,
    first: Option<Credential<'a>>,
    is_duplicate: bool,
}

const AUTHORIZATION: &str = "authorization";

// === impl Carriers ===

impl Carriers {
    pub(crate) fn compile(
        bearer: bool,
        spec: Option<ApiKeySpec>,
    ) -> Result<Self, InvalidApiKeySource> {
        let none = Places::default();
        let api_key = spec.map(|spec| none.and(spec.from)).transpose()?;
        Ok(Self {
            bearer: bearer.then(|| AUTHORIZATION.into()),
            api_key: api_key.unwrap_or_default().into(),
        })
    }

    /// The one credential of a request, on a route where API keys may stand at
    /// `places`.
    ///
    /// More than one is no credential at all: whoever reads them after us
    /// could pick the other one.
    pub(crate) fn find<'a>(
        &self,
        places: &Places,
        headers: &'a Headers,
    ) -> Result<Option<Credential<'a>>, Duplicate> {
        let mut search = Search::default();
        for (name, value) in headers.iter() {
            if self.bearer.is_some() && name == AUTHORIZATION.as_bytes() {
                search.authorization(value);
            }
            places.keys(name, value, &mut |key| search.add(Credential::ApiKey(key)));
        }
        search.end()
    }

    /// Takes out what [`Carriers::find`] looks at. Other schemes of
    /// `authorization` are between the caller and the backend.
    pub(crate) fn strip(&self, places: &Places, headers: &Headers, edits: &mut Vec<Edit>) {
        let bears = |(name, value): (&[u8], &[u8])| {
            name == AUTHORIZATION.as_bytes() && bearer(value).is_some()
        };
        let bearer = self.bearer.iter().filter(|_| headers.iter().any(bears));
        edits.extend(bearer.map(|name| Edit::remove(Rc::clone(name))));
        places.strip(headers, edits);
    }

    /// Whether a header of this name, in lower case, carries credentials.
    pub(crate) fn carries(&self, name: &str) -> bool {
        [AUTHORIZATION, "proxy-authorization", "cookie"].contains(&name)
            || self.api_key.has_header(name)
    }
}

// === impl Search ===

impl<'a> Search<'a> {
    fn authorization(&mut self, value: &'a [u8]) {
        self.authorizations = self.authorizations.saturating_add(1);
        self.is_duplicate |= 1 < self.authorizations;
        if let Some(token) = bearer(value) {
            self.add(Credential::Bearer(token));
        }
    }

    fn add(&mut self, credential: Credential<'a>) {
        self.is_duplicate |= self.first.is_some();
        self.first.get_or_insert(credential);
    }

    fn end(self) -> Result<Option<Credential<'a>>, Duplicate> {
        if self.is_duplicate { Err(Duplicate) } else { Ok(self.first) }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use tollgate_core::Operation;

    use super::*;
    use crate::ApiKeySourceSpec;

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
            lines in prop::collection::vec(line(), 0..4),
        ) {
            let spec = |json| serde_json::from_value(json).unwrap();
            let from = json!({"from": [{"header": "X-Api-Key"}, {"query": "key"}]});
            let carriers = Carriers::compile(true, Some(spec(from))).unwrap();
            let further = ["Cookie", "Query"].map(|kind| {
                serde_json::from_value(json!({kind.to_ascii_lowercase(): "a"})).unwrap()
            });
            let further = vec![ApiKeySourceSpec::Cookie("key".into())].into_iter().chain(further);
            let places = carriers.api_key.and(further.collect()).unwrap();
            let headers: Headers = lines.iter().cloned().collect();
            let mut edits = Vec::new();
            carriers.strip(&places, &headers, &mut edits);
            let left = edited(&headers, &edits);
            prop_assert_eq!(carriers.find(&places, &left).unwrap_or(None), None);
            edits.clear();
            carriers.strip(&places, &left, &mut edits);
            prop_assert_eq!(edits, []);
        }
    }

    fn line() -> impl Strategy<Value = (String, String)> {
        prop_oneof![
            ("authorization|x-api-key|accept", "(?i:bearer)?[ \t]?[a-z]{0,3}"),
            (":path|referer", "/?[?]?([&=+a]|key|%6bey|key=){0,5}"),
            ("cookie", "([;= a]|key|KEY|key=){0,5}"),
        ]
    }

    fn edited(headers: &Headers, edits: &[Edit]) -> Headers {
        let kept = |name: &[u8]| edits.iter().all(|edit| edit.name.as_bytes() != name);
        let lines = headers.iter().filter(|(name, _)| kept(name));
        let set = edits.iter().filter_map(|edit| match &edit.operation {
            Operation::Set(value) => Some((edit.name.as_bytes(), &**value)),
            _ => None,
        });
        lines.chain(set).collect()
    }
}
