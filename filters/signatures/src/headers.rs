use tollgate_core::{Headers, is_header_value};

use crate::Refused;
use crate::refused::shown;

/// The values of a header's lines, each without blanks at its ends.
pub(crate) fn lines<'a>(headers: &'a Headers, name: &str) -> Result<Vec<&'a [u8]>, Refused> {
    let lines = headers.iter().filter(|(line, _)| *line == name.as_bytes());
    let lines: Vec<_> = lines.map(|(_, value)| trimmed(value)).collect();
    // A line break would make two lines of one in what is signed.
    if lines.iter().all(|value| is_header_value(value)) {
        Ok(lines)
    } else {
        Err(Refused::ControlCharacter { name: shown(name) })
    }
}

/// The one line of a header that must not stand twice.
pub(crate) fn only<'a>(name: &str, lines: &[&'a [u8]]) -> Result<Option<&'a [u8]>, Refused> {
    match lines {
        [] => Ok(None),
        [value] => Ok(Some(value)),
        _ => Err(Refused::Duplicate { name: shown(name) }),
    }
}

/// A header's lines as the one that they mean (RFC 9110, section 5.3).
pub(crate) fn joined(lines: &[&[u8]]) -> Option<Vec<u8>> {
    (!lines.is_empty()).then(|| lines.join(&b", "[..]))
}

fn trimmed(value: &[u8]) -> &[u8] {
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let start = value.iter().position(|b| !blank(b)).unwrap_or(value.len());
    let value = value.get(start..).unwrap_or_default();
    let end = value.iter().rposition(|b| !blank(b)).map_or(0, |last| last.saturating_add(1));
    value.get(..end).unwrap_or_default()
}
