use std::borrow::Cow;

use crate::escape::{first_escaped, is_unreserved, unescape};

/// A path in the one form that routing, policy and backend agree on.
///
/// Every spelling that one of them could read differently is refused rather
/// than rewritten, so what was judged is byte for byte what is forwarded. What
/// remains is compared decoded, segment by segment.
///
/// Envoy with `normalize_path` resolves dot segments and decodes the escapes of
/// letters, digits and `-._~` before a filter sees the path, and with
/// `merge_slashes` it merges slashes. A path that still holds one of these came
/// through an Envoy without those settings, which chose the route by another
/// spelling than its backend may: it is refused too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CanonicalPath<'a> {
    /// Invariant: begins with a slash; passed [`check_path`].
    path: &'a [u8],
    query: Option<&'a [u8]>,
}

/// Why a path has no canonical form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum AmbiguousPath {
    #[error("the path does not begin with a slash")]
    NoLeadingSlash,
    #[error("the path has two slashes in a row")]
    EmptySegment,
    #[error("a segment of the path is `.` or `..`")]
    DotSegment,
    #[error("the path has an escaped slash (`%2f`)")]
    EscapedSlash,
    #[error("the path has a backslash, as it is or escaped (`%5c`)")]
    Backslash,
    #[error("the path has an escaped zero byte (`%00`)")]
    EscapedZero,
    #[error("the path has a control character, as it is or escaped")]
    ControlCharacter,
    #[error("the path has a character that is escaped twice (`%252f`)")]
    EscapedTwice,
    #[error("the path has a `%` without two hexadecimal digits after it")]
    MalformedEscape,
    #[error("the path has an escape where none is needed (`%41` for `A`)")]
    NeedlessEscape,
    #[error("the path has a `#`")]
    Fragment,
    #[error("a segment of the path has parameters (`;`, as it is or escaped)")]
    Parameters,
    #[error("the path has escaped bytes that are not UTF-8")]
    NotUtf8,
    #[error("the path has a character that must be escaped")]
    Unescaped,
}

// === impl CanonicalPath ===

impl<'a> CanonicalPath<'a> {
    /// Reads `:path`.
    ///
    /// Other forms of a request target have no canonical path: `*` names no
    /// resource, and of `http://host/path` Envoy hands over `/path`.
    pub fn parse(target: &'a [u8]) -> Result<Self, AmbiguousPath> {
        let end = target.iter().position(|&b| b == b'?').unwrap_or(target.len());
        let (path, rest) = target.split_at_checked(end).unwrap_or_default();
        let query = rest.strip_prefix(b"?");
        check_path(path)?;
        query.map_or(Ok(()), check_query)?;
        Ok(Self { path, query })
    }

    /// The path as it was sent, without the query.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.path
    }

    /// What follows the first question mark.
    pub fn query(&self) -> Option<&'a [u8]> {
        self.query
    }

    /// The segments, decoded. A slash at the end makes no difference, so `/`
    /// has none, and none is ever empty.
    pub fn segments(&self) -> Segments<'a> {
        let path = self.path.strip_prefix(b"/").unwrap_or_default();
        Segments { rest: path.strip_suffix(b"/").unwrap_or(path) }
    }

    /// The whole path, decoded, without a slash at the end.
    pub fn decoded(&self) -> Cow<'a, [u8]> {
        match self.path.strip_suffix(b"/") {
            Some(b"") | None => unescape(self.path),
            Some(path) => unescape(path),
        }
    }
}

/// The decoded segments of a path.
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Segments<'a> {
    type Item = Cow<'a, [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(|&b| b == b'/').unwrap_or(self.rest.len());
        let (segment, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.strip_prefix(b"/").unwrap_or_default();
        Some(unescape(segment))
    }
}

// === what is refused ===

fn check_path(path: &[u8]) -> Result<(), AmbiguousPath> {
    let segments = path.strip_prefix(b"/").ok_or(AmbiguousPath::NoLeadingSlash)?;
    let mut segments = segments.split(|&b| b == b'/').peekable();
    while let Some(segment) = segments.next() {
        // Only the last one may be empty: the path ends with a slash.
        if segment.is_empty() && segments.peek().is_some() {
            return Err(AmbiguousPath::EmptySegment);
        }
        check_segment(segment)?;
    }
    Ok(())
}

fn check_segment(segment: &[u8]) -> Result<(), AmbiguousPath> {
    if is_dots(segment) {
        return Err(AmbiguousPath::DotSegment);
    }
    let mut rest = segment;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'%' => check_escape(rest)?,
            _ => check_byte(byte).map(|()| after)?,
        };
    }
    Ok(())
}

/// Whether a backend could take the segment for `.` or `..`: some decode it
/// first, some cut it at its parameters first, some do both.
fn is_dots(segment: &[u8]) -> bool {
    let mut rest = segment;
    let mut dots = 0_usize;
    while let Some(after) = without_first(rest, b'.') {
        (rest, dots) = (after, dots.saturating_add(1));
    }
    let ends_here = rest.is_empty() || without_first(rest, b';').is_some();
    ends_here && (1..=2).contains(&dots)
}

/// What follows `byte`, as it is or escaped, at the start of a segment.
fn without_first(segment: &[u8], byte: u8) -> Option<&[u8]> {
    let plain = segment.split_first().map(|(&first, rest)| (first, rest));
    let (first, rest) = first_escaped(segment).or(plain)?;
    (first == byte).then_some(rest)
}

fn check_byte(byte: u8) -> Result<(), AmbiguousPath> {
    match byte {
        b if is_plain(b) => Ok(()),
        b';' => Err(AmbiguousPath::Parameters),
        b'\\' => Err(AmbiguousPath::Backslash),
        b'#' => Err(AmbiguousPath::Fragment),
        b if b.is_ascii_control() => Err(AmbiguousPath::ControlCharacter),
        _ => Err(AmbiguousPath::Unescaped),
    }
}

/// What may stand in a segment as it is (RFC 3986, section 3.3), but for `;`.
/// Envoy and browsers leave brackets alone, too.
const fn is_plain(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b'='
                | b':'
                | b'@'
                | b'['
                | b']'
        )
}

/// Checks the escaped character at the start, and returns what follows it.
fn check_escape(segment: &[u8]) -> Result<&[u8], AmbiguousPath> {
    let (byte, rest) = first_escaped(segment).ok_or(AmbiguousPath::MalformedEscape)?;
    match byte {
        b'/' => Err(AmbiguousPath::EscapedSlash),
        b'\\' => Err(AmbiguousPath::Backslash),
        b';' => Err(AmbiguousPath::Parameters),
        0 => Err(AmbiguousPath::EscapedZero),
        b'%' if hides_another(rest) => Err(AmbiguousPath::EscapedTwice),
        0x80.. => check_character(segment),
        b if b.is_ascii_control() => Err(AmbiguousPath::ControlCharacter),
        b if is_unreserved(b) => Err(AmbiguousPath::NeedlessEscape),
        _ => Ok(rest),
    }
}

/// Whether an escaped percent sign becomes, decoded once or several times
/// more, a slash, a backslash, a dot, a semicolon or a zero byte.
fn hides_another(after_percent: &[u8]) -> bool {
    let mut rest = after_percent;
    while let Some(after) = rest.strip_prefix(b"25") {
        rest = after;
    }
    let digits = rest.first_chunk::<2>().map(|digits| digits.map(|d| d.to_ascii_lowercase()));
    matches!(digits.as_ref(), Some(b"2f" | b"5c" | b"2e" | b"3b" | b"00"))
}

/// Checks one character that is escaped byte by byte: no overlong form, no
/// surrogate, no control character.
fn check_character(segment: &[u8]) -> Result<&[u8], AmbiguousPath> {
    let mut character = Vec::with_capacity(4);
    let mut rest = segment;
    for _ in 0..character_len(segment) {
        let (byte, after) = first_escaped(rest).ok_or(AmbiguousPath::NotUtf8)?;
        character.push(byte);
        rest = after;
    }
    let text = std::str::from_utf8(&character).map_err(|_| AmbiguousPath::NotUtf8)?;
    match text.chars().next() {
        Some(char) if char.is_control() => Err(AmbiguousPath::ControlCharacter),
        Some(_) => Ok(rest),
        None => Err(AmbiguousPath::NotUtf8),
    }
}

/// How many bytes the UTF-8 character has that begins here; 0 if none can.
fn character_len(segment: &[u8]) -> usize {
    match first_escaped(segment) {
        Some((0xc2..=0xdf, _)) => 2,
        Some((0xe0..=0xef, _)) => 3,
        Some((0xf0..=0xf4, _)) => 4,
        _ => 0,
    }
}

fn check_query(query: &[u8]) -> Result<(), AmbiguousPath> {
    query.iter().try_for_each(|&byte| match byte {
        b'#' => Err(AmbiguousPath::Fragment),
        b if b.is_ascii_control() => Err(AmbiguousPath::ControlCharacter),
        b' ' | 0x80.. => Err(AmbiguousPath::Unescaped),
        _ => Ok(()),
    })
}
