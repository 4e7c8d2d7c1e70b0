//! What callers are told about their limits.

use std::ops::RangeInclusive;
use std::time::Duration;

use tollgate_core::CanonicalPath;
use tollgate_rate_limit::TellingSpec;

use super::span::seconds;
use crate::at::At;
use crate::fault::Faults;
use crate::spec::RateLimitsFile;

/// Why the path was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidPath {
    #[error("{0:?} is neither a path nor `off`; write one such as /.tollgate/limits")]
    NoPath(String),
}

const JITTER: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(1);

/// What is told with responses, and where it is told to whoever asks.
pub(super) fn telling(root: &At<'_>, faults: &mut Faults) -> (TellingSpec, Option<String>) {
    let at = root.get("rate_limits");
    let file = at.as_ref().and_then(|at| at.read::<RateLimitsFile>(faults));
    let RateLimitsFile { fields, retry_after_jitter, path } = file.unwrap_or_default();
    let jitter = at
        .as_ref()
        .and_then(|at| seconds(at, "retry_after_jitter", &retry_after_jitter, &JITTER, faults));
    let telling = TellingSpec { fields, retry_after_jitter_seconds: jitter.unwrap_or_default() };
    if path == OFF {
        return (telling, None);
    }
    if !is_path(&path)
        && let Some(at) = at.and_then(|at| at.get("path"))
    {
        at.fault(faults, InvalidPath::NoPath(path.clone()).to_string());
    }
    (telling, Some(path))
}

const OFF: &str = "off";

/// Whether requests can ask for it, as they are normalised, without a query.
fn is_path(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    text.len() <= 256
        && 1 < text.len()
        && text.starts_with('/')
        && text.bytes().all(plain)
        && CanonicalPath::parse(text.as_bytes()).is_ok()
}
