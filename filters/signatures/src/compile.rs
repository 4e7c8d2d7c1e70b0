use std::time::Duration;

use tollgate_core::is_header_name;

/// Why a configuration of signatures was refused. The texts begin with the
/// path below it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidSignatures {
    #[error(": names no scheme; add `hmac`, `sigv4` or `http_signature`")]
    Nothing,
    #[error(
        "{scheme}.clock_skew_seconds: {seconds} is more than {CLOCK_SKEW_SECONDS_MAX}; set the clocks right"
    )]
    ClockSkew { scheme: &'static str, seconds: u32 },
    #[error("{scheme}.headers[{index}]: {name:?} is not a header name")]
    Header { scheme: &'static str, index: usize, name: String },
    #[error("{scheme}.headers[{index}]: {name:?} stands twice; remove one")]
    HeaderTwice { scheme: &'static str, index: usize, name: String },
    #[error("sigv4.{field}: {name:?} is not one or more letters, digits, `-` and `_`")]
    ScopePart { field: &'static str, name: String },
    #[error("sigv4.presigned_seconds_max: {seconds} is not between 1 and 604800")]
    PresignedSeconds { seconds: u32 },
    #[error("http_signature.max_age_seconds: {seconds} is not between 1 and 3600")]
    MaxAge { seconds: u32 },
    #[error(
        "http_signature.components[{index}]: {name:?} is neither a derived component of requests \
         nor a header name in lower case"
    )]
    Component { index: usize, name: String },
    #[error("http_signature.components[{index}]: {name:?} stands twice; remove one")]
    ComponentTwice { index: usize, name: String },
    #[error(
        "http_signature.label: {label:?} is not a label; begin with a lower-case letter and go on \
         with such letters, digits, `-`, `_`, `.` and `*`"
    )]
    Label { label: String },
    #[error("http_signature.tag: {tag:?} is not one or more printable ASCII characters")]
    Tag { tag: String },
}

const CLOCK_SKEW_SECONDS_MAX: u32 = 900;

pub(crate) fn clock_skew(
    scheme: &'static str,
    seconds: u32,
) -> Result<Duration, InvalidSignatures> {
    if CLOCK_SKEW_SECONDS_MAX < seconds {
        return Err(InvalidSignatures::ClockSkew { scheme, seconds });
    }
    Ok(Duration::from_secs(seconds.into()))
}

/// Names of headers in lower case.
pub(crate) fn header_names(
    scheme: &'static str,
    headers: Vec<String>,
) -> Result<Vec<String>, InvalidSignatures> {
    let mut names = Vec::with_capacity(headers.len());
    for (index, header) in headers.into_iter().enumerate() {
        let name = header.to_ascii_lowercase();
        if !is_header_name(&name) {
            return Err(InvalidSignatures::Header { scheme, index, name: header });
        }
        if names.contains(&name) {
            return Err(InvalidSignatures::HeaderTwice { scheme, index, name: header });
        }
        names.push(name);
    }
    Ok(names)
}
