use std::borrow::Cow;

/// Decodes the percent escapes of a URL's part (RFC 3986, section 2.1). A `%`
/// that no two hexadecimal digits follow stands for itself.
pub fn unescape(part: &[u8]) -> Cow<'_, [u8]> {
    if part.contains(&b'%') { Cow::Owned(decoded(part)) } else { Cow::Borrowed(part) }
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
