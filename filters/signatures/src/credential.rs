//! The value of `authorization`, as two of the schemes write it.

use tollgate_core::Headers;

use crate::Refused;
use crate::headers::{lines, only};
use crate::limits::{CREDENTIAL_BYTES_MAX, KEY_ID_BYTES_MAX, NONCE_BYTES_MAX};

/// What follows the scheme in `authorization`, if it is `scheme`.
pub(crate) fn authorization<'a>(
    headers: &'a Headers,
    scheme: &str,
) -> Result<Option<&'a [u8]>, Refused> {
    let credential = |value: &'a [u8]| {
        let (start, rest) = value.split_at_checked(scheme.len())?;
        let is_scheme = start.eq_ignore_ascii_case(scheme.as_bytes());
        rest.strip_prefix(b" ").filter(|_| is_scheme)
    };
    let lines = lines(headers, "authorization")?;
    if !lines.iter().any(|value| credential(value).is_some()) {
        return Ok(None);
    }
    // Whoever reads the header after us could take another line.
    let parameters = only("authorization", &lines)?.and_then(credential);
    match parameters {
        Some(value) if CREDENTIAL_BYTES_MAX < value.len() => Err(Refused::CredentialTooLong),
        parameters => Ok(parameters),
    }
}

/// The values of parameters (RFC 9110, section 11.2), in the order of `names`.
/// None if one stands twice, has another name, or is not `name=value` with a
/// value that is visible ASCII, between quotes or not.
pub(crate) fn parameters<'a, const N: usize>(
    list: &'a [u8],
    names: [&str; N],
) -> Option<[Option<&'a str>; N]> {
    let mut values = [None; N];
    for parameter in std::str::from_utf8(list).ok()?.split(',') {
        let (name, value) = parameter.trim_matches([' ', '\t']).split_once('=')?;
        let place = names.iter().position(|known| *known == name)?;
        let place = values.get_mut(place)?;
        if place.replace(unquoted(value)?).is_some() {
            return None;
        }
    }
    Some(values)
}

fn unquoted(value: &str) -> Option<&str> {
    let inner = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => value,
    };
    let plain = |b: u8| (b.is_ascii_graphic() || b == b' ') && b != b'"' && b != b'\\';
    inner.bytes().all(plain).then_some(inner)
}

/// Accepts the id of a key.
pub(crate) fn key_id(id: &str) -> Result<&str, Refused> {
    if is_word(id, KEY_ID_BYTES_MAX) { Ok(id) } else { Err(Refused::KeyId) }
}

/// Accepts a nonce, which may be missing unless it is required.
pub(crate) fn nonce(nonce: Option<&str>, required: bool) -> Result<Option<&str>, Refused> {
    match nonce {
        None if required => Err(Refused::NoNonce),
        Some(nonce) if !is_word(nonce, NONCE_BYTES_MAX) => Err(Refused::Nonce),
        nonce => Ok(nonce),
    }
}

/// What stands in a line, between quotes and in a list as it is.
fn is_word(word: &str, bytes_max: usize) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !b"\",\\".contains(&b);
    (1..=bytes_max).contains(&word.len()) && word.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_are_read_in_any_order_and_either_form() {
        for (list, expected) in [
            ("a=1", Some([Some("1"), None])),
            ("b=\"x y\",a=1", Some([Some("1"), Some("x y")])),
            ("a=1 ,\tb=2", Some([Some("1"), Some("2")])),
            ("a=abc==", Some([Some("abc=="), None])),
            ("a=", Some([Some(""), None])),
            ("a=\"\"", Some([Some(""), None])),
            ("", None),
            ("a", None),
            ("A=1", None),
            ("c=1", None),
            ("a=1,a=1", None),
            ("a=1,", None),
            ("a=1,,b=2", None),
            ("a = 1", None),
            ("a=\"1", None),
            ("a=1\"", None),
            ("a=\"", None),
            ("a=\"x\\\"y\"", None),
            ("a=\"x,b=2", None),
            ("a=\u{e9}", None),
            ("a=\u{1}", None),
        ] {
            assert_eq!(parameters(list.as_bytes(), ["a", "b"]), expected, "{list}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(bytes: Vec<u8>, list in "[ab=, \"\t\\\\]{0,20}") {
            let _ = parameters(&bytes, ["a", "b"]);
            let _ = parameters(list.as_bytes(), ["a", "b"]);
        }
    }
}
