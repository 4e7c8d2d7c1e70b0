use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use tollgate_core::unescape;

use crate::headers::joined;
use crate::http_signature::component::{Component, Part};
use crate::request::{Message, Parameter};
use crate::{Refused, fields};

/// The `application/x-www-form-urlencoded` percent-encode set of the URL
/// Standard (RFC 9421, section 2.2.8).
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

// === impl Component ===

impl Component {
    /// The component's value as it is signed; none if the request has none.
    pub(crate) fn value(&self, message: &Message<'_>) -> Result<Option<Vec<u8>>, Refused> {
        let value = match self {
            Self::Method => message.method.to_vec(),
            Self::Authority => message.authority(),
            Self::Scheme => message.scheme.name().to_vec(),
            Self::Path => message.path.as_bytes().to_vec(),
            // Also where there is none (RFC 9421, section 2.2.7).
            Self::Query => [b"?", message.query()].concat(),
            Self::RequestTarget => request_target(message),
            Self::TargetUri => target_uri(message),
            Self::QueryParam(name) => return query_param(message, name),
            Self::Field { name, part } => return field(message, name, part),
        };
        Ok(Some(value))
    }

    /// Whether the request has it.
    pub(crate) fn is_in(&self, message: &Message<'_>) -> Result<bool, Refused> {
        match self {
            Self::QueryParam(name) => Ok(named(message, name)?.next().is_some()),
            Self::Field { name, .. } => Ok(!message.lines(name)?.is_empty()),
            _ => Ok(true),
        }
    }
}

fn request_target(message: &Message<'_>) -> Vec<u8> {
    let mark: &[u8] = if message.path.query().is_some() { b"?" } else { b"" };
    [message.path.as_bytes(), mark, message.query()].concat()
}

/// Put together as RFC 9110, section 7.1, does it: the host as it was sent.
fn target_uri(message: &Message<'_>) -> Vec<u8> {
    [message.scheme.name(), b"://", message.host, &request_target(message)].concat()
}

/// A parameter that stands twice must not be covered by its name (RFC 9421,
/// section 2.2.8): it would not be clear which one is.
fn query_param(message: &Message<'_>, name: &str) -> Result<Option<Vec<u8>>, Refused> {
    let mut found = named(message, name)?;
    let first = found.next().map(|parameter| escaped(parameter.value).into_bytes());
    Ok(if found.next().is_some() { None } else { first })
}

fn named<'a>(
    message: &Message<'a>,
    name: &str,
) -> Result<impl Iterator<Item = Parameter<'a>>, Refused> {
    let parameters = message.parameters()?.into_iter();
    Ok(parameters.filter(move |parameter| escaped(parameter.name) == name))
}

/// Read as a form is, and written in the one way to write it.
fn escaped(part: &[u8]) -> String {
    let blanks: Vec<u8> = part.iter().map(|&b| if b == b'+' { b' ' } else { b }).collect();
    percent_encode(&unescape(&blanks), FORM).to_string()
}

fn field(message: &Message<'_>, name: &str, part: &Part) -> Result<Option<Vec<u8>>, Refused> {
    let lines = message.lines(name)?;
    Ok(match part {
        Part::Whole => joined(&lines),
        Part::Bytes => {
            let wrapped: Vec<_> = lines.iter().map(|line| wrapped(line)).collect();
            (!wrapped.is_empty()).then(|| wrapped.join(", ").into_bytes())
        }
        Part::Key(key) => joined(&lines).and_then(|value| member(&value, key)),
    })
}

/// A byte sequence (RFC 9651, section 3.3.5).
fn wrapped(line: &[u8]) -> String {
    format!(":{}:", BASE64_STANDARD.encode(line))
}

fn member(value: &[u8], key: &str) -> Option<Vec<u8>> {
    let dictionary = fields::dictionary(value)?;
    fields::serialized(dictionary.get(key)?).map(String::into_bytes)
}
