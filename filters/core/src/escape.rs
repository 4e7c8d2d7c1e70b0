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
