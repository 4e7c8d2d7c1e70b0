//! How Envoys share limits, and what callers are told about them.

use std::ops::RangeInclusive;
use std::time::Duration;

use tollgate_core::CanonicalPath;
use tollgate_rate_limit::TellingSpec;

use super::span::seconds;
use crate::at::At;
use crate::fault::Faults;
use crate::spec::RateLimitsFile;

/// Why a setting was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidSetting {
    #[error("{0:?} is neither a path nor `off`; write one such as /.tollgate/limits")]
    NoPath(String),
    #[error("{0} is not between 1 and {max}; write how many Envoys there are at most", max = ENVOYS.end())]
    Envoys(u32),
}

/// What is written of limits as a whole.
pub(super) struct Limiting {
    /// What is told with responses.
    pub(super) telling: TellingSpec,
    /// Where it is told to whoever asks.
    pub(super) path: Option<String>,
    /// How many Envoys share them.
    pub(super) envoys: u32,
}

const JITTER: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(1);

/// With more, the part of one would be too small to begin with.
const ENVOYS: RangeInclusive<u32> = 1..=1_000;

const OFF: &str = "off";

pub(super) fn limiting(root: &At<'_>, faults: &mut Faults) -> Limiting {
    let Some(at) = root.get("rate_limits") else { return of(RateLimitsFile::default(), 0) };
    let Some(file) = at.read::<RateLimitsFile>(faults) else {
        return of(RateLimitsFile::default(), 0);
    };
    if !ENVOYS.contains(&file.envoys) {
        fault(&at, "envoys", &InvalidSetting::Envoys(file.envoys), faults);
    }
    if file.path != OFF && !is_path(&file.path) {
        fault(&at, "path", &InvalidSetting::NoPath(file.path.clone()), faults);
    }
    let jitter = seconds(&at, "retry_after_jitter", &file.retry_after_jitter, &JITTER, faults);
    of(file, jitter.unwrap_or_default())
}

fn of(file: RateLimitsFile, retry_after_jitter_seconds: u32) -> Limiting {
    let RateLimitsFile { envoys, fields, retry_after_jitter: _, path } = file;
    let telling = TellingSpec { fields, retry_after_jitter_seconds };
    let envoys = envoys.clamp(*ENVOYS.start(), *ENVOYS.end());
    Limiting { telling, path: (path != OFF).then_some(path), envoys }
}

fn fault(at: &At<'_>, name: &str, fault: &InvalidSetting, faults: &mut Faults) {
    let place = at.get(name);
    place.as_ref().unwrap_or(at).fault(faults, fault.to_string());
}

/// Whether requests can ask for it, as they are normalised, without a query.
fn is_path(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    text.len() <= 256
        && 1 < text.len()
        && text.starts_with('/')
        && text.bytes().all(plain)
        && CanonicalPath::parse(text.as_bytes()).is_ok()
}
