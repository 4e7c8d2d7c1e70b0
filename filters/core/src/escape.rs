use std::borrow::Cow;

/// Decodes the percent escapes of a URL's part (RFC 3986, section 2.1). A `%`
/// that no two hexadecimal digits follow stands for itself.
pub fn unescape(part: &[u8]) -> Cow<'_, [u8]> {
    if part.contains(&b'%') { Cow::Owned(decoded(part)) } else { Cow::Borrowed(part) }
}

/// The names and values of a query, decoded as forms are: a `+` is a blank.
pub fn query_parameters(query: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    query.split(|&b| b == b'&').filter(|pair| !pair.is_empty()).map(parameter)
}

/// A path and query without the parameters of some names, decoded as
/// [`query_parameters`] does; the others stay byte for byte. None if it has none
/// of them.
pub fn without_parameters(target: &[u8], is_gone: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let start = target.iter().position(|&b| b == b'?')?;
    let (path, query) = target.split_at_checked(start)?;
    let pairs = || query.strip_prefix(b"?").unwrap_or_default().split(|&b| b == b'&');
    let is_gone = |pair: &&[u8]| !pair.is_empty() && is_gone(&parameter(pair).0);
    if !pairs().any(|pair| is_gone(&pair)) {
        return None;
    }
    let left: Vec<&[u8]> = pairs().filter(|pair| !is_gone(pair)).collect();
    let question_mark = if left.is_empty() { &b""[..] } else { b"?" };
    Some([path, question_mark, &left.join(&b'&')].concat())
}

fn parameter(pair: &[u8]) -> (Cow<'_, [u8]>, Cow<'_, [u8]>) {
    let end = pair.iter().position(|&b| b == b'=').unwrap_or(pair.len());
    let (name, rest) = pair.split_at_checked(end).unwrap_or_default();
    (form_decode(name), form_decode(rest.strip_prefix(b"=").unwrap_or_default()))
}

fn form_decode(part: &[u8]) -> Cow<'_, [u8]> {
    if !part.contains(&b'+') {
        return unescape(part);
    }
    let blanks: Vec<u8> = part.iter().map(|&b| if b == b'+' { b' ' } else { b }).collect();
    Cow::Owned(unescape(&blanks).into_owned())
}

fn decoded(part: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(part.len());
    let mut rest = part;
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = first_escaped(rest).unwrap_or((byte, after));
        out.push(byte);
        rest = after;
    }
    out
}

/// The byte that an escape at the start stands for, and what follows the escape.
pub(crate) fn first_escaped(part: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, rest @ ..] = part else { return None };
    Some(((digit(*high)? << 4) | digit(*low)?, rest))
}

fn digit(hex: u8) -> Option<u8> {
    char::from(hex).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// What never needs an escape (RFC 3986, section 2.3).
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_out_and_others_stay_as_they_are() {
        let without = |target: &str| {
            let target = without_parameters(target.as_bytes(), |name| name == b"key")?;
            Some(String::from_utf8(target).unwrap())
        };
        for (target, left) in [
            ("/a?key=1", Some("/a")),
            ("/a?key", Some("/a")),
            ("/a?b=%41&key=1&&c+", Some("/a?b=%41&&c+")),
            ("/a?k%65y=1&key=2&b", Some("/a?b")),
            ("/a?Key=1&keys=2", None),
            ("/a?b=key", None),
            ("/key", None),
            ("/a?", None),
            ("", None),
        ] {
            assert_eq!(without(target).as_deref(), left, "{target}");
        }
    }
}
