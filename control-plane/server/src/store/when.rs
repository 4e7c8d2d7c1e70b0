//! Times as people type and read them.

use std::time::{Duration, UNIX_EPOCH};

use tollgate_core::Timestamp;

use crate::clock::timestamp;

/// Why a text is no time.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidWhen {
    #[error("{option}: {text:?} is not a span of time; write 24h, 30m or 7d")]
    Span { option: &'static str, text: String },
    #[error(
        "{option}: {text:?} is not a time; write how long from now, as 90d or 12h, or the time, as \
         2030-01-31T00:00:00Z or in seconds since 1970"
    )]
    Time { option: &'static str, text: String },
}

/// Reads `24h`.
pub(crate) fn span(option: &'static str, text: &str) -> Result<Duration, InvalidWhen> {
    humantime::parse_duration(text).map_err(|_| InvalidWhen::Span { option, text: text.to_owned() })
}

/// Reads `90d`, `2030-01-31T00:00:00Z` or what stands in an `exp` claim.
pub(crate) fn time(
    option: &'static str,
    text: &str,
    now: Timestamp,
) -> Result<Timestamp, InvalidWhen> {
    if let Ok(seconds) = text.parse() {
        return Ok(Timestamp::from_seconds(seconds));
    }
    if let Ok(span) = humantime::parse_duration(text) {
        return Ok(now.plus(span));
    }
    humantime::parse_rfc3339(text)
        .map(timestamp)
        .map_err(|_| InvalidWhen::Time { option, text: text.to_owned() })
}

/// As RFC 3339 writes it, to the second.
pub(crate) fn shown(time: Timestamp) -> String {
    let since = Duration::from_secs(time.as_seconds());
    // All that a timestamp can hold ends in 2554, and this can be written until 9999.
    UNIX_EPOCH
        .checked_add(since)
        .map(|time| humantime::format_rfc3339_seconds(time).to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn times_are_read_in_three_ways_and_written_in_one() {
        for (text, expected) in [
            ("90d", "2027-04-15T08:00:00Z"),
            ("1h 30m", "2027-01-15T09:30:00Z"),
            ("0s", "2027-01-15T08:00:00Z"),
            ("2030-01-31T00:00:00Z", "2030-01-31T00:00:00Z"),
            ("1800000001", "2027-01-15T08:00:01Z"),
            ("99999999999999999999s", ""),
            ("18446744073709551615", "2554-07-21T23:34:33Z"),
        ] {
            let read = time("--until", text, NOW).map(shown).unwrap_or_default();
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "soon", "90", "-1d", "90 dayz"] {
            assert_eq!(
                span("--overlap", text).unwrap_err().to_string(),
                format!("--overlap: {text:?} is not a span of time; write 24h, 30m or 7d")
            );
        }
        for text in ["", "soon", "-1", "2030-01-31", "2030-02-30T00:00:00Z", "90x"] {
            assert_eq!(
                time("--expires", text, NOW).unwrap_err().to_string(),
                format!(
                    "--expires: {text:?} is not a time; write how long from now, as 90d or 12h, \
                     or the time, as 2030-01-31T00:00:00Z or in seconds since 1970"
                )
            );
        }
    }
}
