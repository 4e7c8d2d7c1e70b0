use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use tollgate_core::unescape;

use crate::refused::shown;
use crate::request::{Message, hex};
use crate::sigv4::claim::{Claim, SCHEME, SIGNATURE};
use crate::sigv4::payload::Payload;
use crate::text::Text;
use crate::{Refused, SigV4Style};

/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// The canonical request, which is hashed.
pub(crate) fn canonical(
    claim: &Claim<'_>,
    message: &Message<'_>,
    style: SigV4Style,
    payload: &Payload,
) -> Result<Text, Refused> {
    let mut text = Text::default();
    text.line(&[message.method])?;
    text.line(&[path(message.path.as_bytes(), style).as_bytes()])?;
    text.line(&[query(message)?.as_bytes()])?;
    for name in &claim.headers {
        let value = header(message, name)?;
        text.line(&[name.as_bytes(), b":", &value])?;
    }
    text.line(&[])?;
    text.line(&[claim.headers.join(";").as_bytes()])?;
    text.add(&[&payload.line()])?;
    Ok(text)
}

/// What is signed in the end.
pub(crate) fn string_to_sign(claim: &Claim<'_>, request: [u8; 32]) -> Result<Text, Refused> {
    let mut text = Text::default();
    text.line(&[SCHEME.as_bytes()])?;
    text.line(&[&claim.written])?;
    text.line(&[claim.scope.as_bytes()])?;
    text.add(&[hex(&request).as_bytes()])?;
    Ok(text)
}

/// The path has no dot segments and no empty ones, so nothing is left to
/// normalise, and no escaped slash, so it can be decoded as a whole.
fn path(path: &[u8], style: SigV4Style) -> String {
    match style {
        SigV4Style::Generic => percent_encode(path, RESERVED_IN_PATH).to_string(),
        SigV4Style::S3 => percent_encode(&unescape(path), RESERVED_IN_PATH).to_string(),
    }
}

/// Every parameter but the signature, escaped and sorted by name and value.
fn query(message: &Message<'_>) -> Result<String, Refused> {
    let encoded = |part: &[u8]| percent_encode(&unescape(part), RESERVED).to_string();
    let parameters = message.parameters()?.into_iter().filter(|one| one.name != SIGNATURE);
    let mut pairs: Vec<_> = parameters.map(|one| (encoded(one.name), encoded(one.value))).collect();
    pairs.sort();
    let parts: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok(parts.join("&"))
}

/// The lines of a header with commas between them, each with single blanks.
fn header(message: &Message<'_>, name: &str) -> Result<Vec<u8>, Refused> {
    let lines = message.lines(name)?;
    if lines.is_empty() {
        return Err(Refused::Absent { component: shown(name) });
    }
    let lines: Vec<_> = lines.into_iter().map(single_blanks).collect();
    Ok(lines.join(&b","[..]))
}

fn single_blanks(value: &[u8]) -> Vec<u8> {
    let words = value.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b" "[..])
}
