use std::borrow::Cow;
use std::time::Duration;

use tollgate_core::{Timestamp, unescape};

use crate::Refused;
use crate::credential::{key_id, parameters};
use crate::limits::{COVERED_MAX, CREDENTIAL_BYTES_MAX};
use crate::refused::shown;
use crate::request::Message;
use crate::time::{amz_date, number};

/// What a request says about its signature.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) key_id: String,
    /// Date, region, service and `aws4_request`, as they were sent.
    pub(crate) scope: String,
    /// The day of `time`.
    pub(crate) date: String,
    /// `x-amz-date`, as it was sent.
    pub(crate) written: Cow<'a, [u8]>,
    pub(crate) time: Timestamp,
    /// Invariant: sorted, none twice, each a header's name.
    pub(crate) headers: Vec<String>,
    pub(crate) signature: [u8; 32],
    pub(crate) session_token: Option<Cow<'a, [u8]>>,
    pub(crate) place: Place,
}

/// Where the signature stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    Header,
    Query { expires: Duration },
}

/// Names the scheme in `authorization` and `X-Amz-Algorithm`.
pub(crate) const SCHEME: &str = "AWS4-HMAC-SHA256";

/// The parameter that makes a URL a presigned one.
pub(crate) const SIGNATURE: &[u8] = b"X-Amz-Signature";

const HEADER: Refused = Refused::Malformed {
    field: "authorization",
    expected: "AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, \
               SignedHeaders=NAME;NAME, Signature=HEX",
};

const QUERY: Refused = Refused::Malformed {
    field: "the query",
    expected: "each of X-Amz-Algorithm=AWS4-HMAC-SHA256, X-Amz-Credential, X-Amz-Date, \
               X-Amz-Expires, X-Amz-SignedHeaders and X-Amz-Signature once",
};

/// The parts of a claim before they are read.
struct Parts<'p, 'a> {
    credential: &'p str,
    headers: &'p str,
    signature: &'p [u8],
    written: Cow<'a, [u8]>,
    session_token: Option<Cow<'a, [u8]>>,
    place: Place,
    malformed: Refused,
}

// === impl Claim ===

impl<'a> Claim<'a> {
    pub(crate) fn from_header(
        credential: &'a [u8],
        message: &Message<'a>,
    ) -> Result<Self, Refused> {
        let names = ["Credential", "SignedHeaders", "Signature"];
        let [Some(credential), Some(headers), Some(signature)] =
            parameters(credential, names).ok_or(HEADER)?
        else {
            return Err(HEADER);
        };
        Self::read(Parts {
            credential,
            headers,
            signature: signature.as_bytes(),
            written: message.only("x-amz-date")?.ok_or(Refused::AmzDate)?.into(),
            session_token: message.only("x-amz-security-token")?.map(Cow::Borrowed),
            place: Place::Header,
            malformed: HEADER,
        })
    }

    pub(crate) fn from_query(
        message: &Message<'a>,
        seconds_max: Option<u32>,
    ) -> Result<Self, Refused> {
        let seconds_max = seconds_max.ok_or(Refused::Presigned)?;
        let query = Query::read(message)?;
        if query.required(b"X-Amz-Algorithm")?.as_ref() != SCHEME.as_bytes() {
            return Err(QUERY);
        }
        let (credential, headers, signature) = (
            query.required(b"X-Amz-Credential")?,
            query.required(b"X-Amz-SignedHeaders")?,
            query.required(SIGNATURE)?,
        );
        let expires = number(&query.required(b"X-Amz-Expires")?);
        let expires = expires.filter(|seconds| (1..=u64::from(seconds_max)).contains(seconds));
        let expires = expires.ok_or(Refused::AmzExpires { seconds_max })?;
        Self::read(Parts {
            credential: std::str::from_utf8(&credential).map_err(|_| QUERY)?,
            headers: std::str::from_utf8(&headers).map_err(|_| QUERY)?,
            signature: &signature,
            written: query.required(b"X-Amz-Date")?,
            session_token: query.optional(b"X-Amz-Security-Token")?,
            place: Place::Query { expires: Duration::from_secs(expires) },
            malformed: QUERY,
        })
    }

    fn read(parts: Parts<'_, 'a>) -> Result<Self, Refused> {
        let Parts { credential, headers, signature, written, session_token, place, malformed } =
            parts;
        let (key, scope) = split_credential(credential).ok_or(malformed.clone())?;
        let time = amz_date(&written).ok_or(Refused::AmzDate)?;
        // The form was checked just now: the first eight bytes are the day.
        let date = written.first_chunk::<8>().and_then(|day| std::str::from_utf8(day).ok());
        let date = date.ok_or(Refused::AmzDate)?.to_owned();
        if !scope.starts_with(&date) {
            return Err(Refused::AmzDate);
        }
        let mut bytes = [0; 32];
        let decoded = base16ct::lower::decode(signature, &mut bytes).map(<[u8]>::len);
        if decoded != Ok(32) {
            return Err(malformed);
        }
        Ok(Self {
            key_id: key_id(key)?.to_owned(),
            scope: scope.to_owned(),
            date,
            written,
            time,
            headers: signed_headers(headers, &malformed)?,
            signature: bytes,
            session_token,
            place,
        })
    }
}

/// The key's id may have slashes in it; the scope has three.
fn split_credential(credential: &str) -> Option<(&str, &str)> {
    let (slash, _) = credential.rmatch_indices('/').nth(3)?;
    let (key, scope) = credential.split_at_checked(slash)?;
    Some((key, scope.strip_prefix('/')?))
}

/// Strict about order and case: it is signed, and there is one way to write it.
fn signed_headers(names: &str, malformed: &Refused) -> Result<Vec<String>, Refused> {
    let names: Vec<_> = names.split(';').take(COVERED_MAX.saturating_add(1)).collect();
    if COVERED_MAX < names.len() {
        return Err(Refused::CoversTooMany);
    }
    for (name, next) in names.iter().zip(names.iter().skip(1)) {
        if name == next {
            return Err(Refused::CoveredTwice { component: shown(name) });
        }
    }
    if !names.is_sorted() || !names.iter().all(|name| tollgate_core::is_header_name(name)) {
        return Err(malformed.clone());
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// The decoded parameters of a presigned URL.
struct Query<'a>(Vec<(&'a [u8], Cow<'a, [u8]>)>);

// === impl Query ===

impl<'a> Query<'a> {
    fn read(message: &Message<'a>) -> Result<Self, Refused> {
        let ours = |name: &[u8]| name.starts_with(b"X-Amz-");
        let parameters = message.parameters()?.into_iter().filter(|one| ours(one.name));
        let parameters: Vec<_> = parameters.map(|one| (one.name, unescape(one.value))).collect();
        let bytes = parameters.iter().map(|(_, value)| value.len());
        if CREDENTIAL_BYTES_MAX < bytes.fold(0, usize::saturating_add) {
            return Err(Refused::CredentialTooLong);
        }
        Ok(Self(parameters))
    }

    fn optional(&self, name: &[u8]) -> Result<Option<Cow<'a, [u8]>>, Refused> {
        let mut values = self.0.iter().filter(|(known, _)| *known == name);
        let first = values.next().map(|(_, value)| value.clone());
        if values.next().is_some() { Err(QUERY) } else { Ok(first) }
    }

    fn required(&self, name: &[u8]) -> Result<Cow<'a, [u8]>, Refused> {
        self.optional(name)?.ok_or(QUERY)
    }
}
