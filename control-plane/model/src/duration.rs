use std::time::Duration;

/// `250ms`, `30s`, `5m`, `1h`: nine digits at most, and one unit.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 9)?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.saturating_mul(60))),
        "h" => Some(Duration::from_secs(number.saturating_mul(3600))),
        _ => None,
    }
}

/// In the largest unit that it is a whole number of.
pub(crate) fn shown(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, name) in [(3_600_000, "h"), (60_000, "m"), (1_000, "s")] {
        if unit <= millis && millis.is_multiple_of(unit) {
            return format!("{}{name}", millis.checked_div(unit).unwrap_or_default());
        }
    }
    if millis == 0 { "0s".to_owned() } else { format!("{millis}ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_digits_and_a_unit() {
        for (text, expected) in [
            ("250ms", Some(250)),
            ("30s", Some(30_000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("0s", Some(0)),
            ("999999999h", Some(3_599_999_996_400_000)),
            ("1000000000h", None),
            ("30", None),
            ("s", None),
            ("", None),
            ("1.5s", None),
            ("-1s", None),
            ("30 s", None),
            ("30S", None),
            ("1h30m", None),
            ("٣s", None),
        ] {
            let expected = expected.map(Duration::from_millis);
            assert_eq!(parse(text), expected, "text: {text:?}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for text in ["0s", "1ms", "1500ms", "2s", "90s", "5m", "1h", "25h"] {
            assert_eq!(shown(parse(text).unwrap()), text);
        }
    }
}
