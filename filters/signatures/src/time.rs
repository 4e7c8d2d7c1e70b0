use std::time::Duration;

use tollgate_core::Timestamp;

use crate::Refused;

/// How long after it was made a signature is accepted, and how far the
/// caller's clock may be ahead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) age_max: Duration,
    pub(crate) ahead_max: Duration,
}

// === impl Window ===

impl Window {
    /// As far into the past as into the future.
    pub(crate) fn around(skew: Duration) -> Self {
        Self { age_max: skew, ahead_max: skew }
    }

    /// The last moment at which a signature made at `made` is accepted, unless
    /// it has passed.
    pub(crate) fn check(self, made: Timestamp, now: Timestamp) -> Result<Timestamp, Refused> {
        let expires = made.plus(self.age_max);
        if now.plus(self.ahead_max) < made {
            Err(Refused::TooEarly)
        } else if expires < now {
            Err(Refused::Expired)
        } else {
            Ok(expires)
        }
    }
}

/// Reads a time as AWS writes it: `20150830T123600Z`.
pub(crate) fn amz_date(text: &[u8]) -> Option<Timestamp> {
    let (date, time) = text.split_first_chunk::<8>()?;
    let [b'T', time @ .., b'Z'] = time else { return None };
    let [year, month, day] =
        [number(date.get(..4)?)?, number(date.get(4..6)?)?, number(date.get(6..)?)?];
    let &[h1, h2, m1, m2, s1, s2] = time else { return None };
    let [hour, minute, second] = [number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?];
    let in_range = (1970..).contains(&year) && hour < 24 && minute < 60 && second < 60;
    let days = days_since_epoch(year, month, day).filter(|_| in_range)?;
    let hours = days.checked_mul(24)?.checked_add(hour)?;
    let minutes = hours.checked_mul(60)?.checked_add(minute)?;
    Some(Timestamp::from_seconds(minutes.checked_mul(60)?.checked_add(second)?))
}

/// Decimal digits and nothing else.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Days since the first of January 1970 in the Gregorian calendar.
fn days_since_epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let february = if leap { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month.checked_sub(1)?).ok()?;
    if day == 0 || *months.get(before)? < day {
        return None;
    }
    let last = year.checked_sub(1)?;
    let leaps = last.checked_div(4)?.checked_sub(last.checked_div(100)?)?;
    // Leap days of 1 to 1969: 477.
    let leaps = leaps.checked_add(last.checked_div(400)?)?.checked_sub(477)?;
    let years = year.checked_sub(1970)?.checked_mul(365)?.checked_add(leaps)?;
    let days: u64 = months.get(..before)?.iter().sum();
    years.checked_add(days)?.checked_add(day)?.checked_sub(1)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test, as it should")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_of_aws_are_read() {
        for (text, seconds) in [
            ("19700101T000000Z", 0),
            ("20000229T235959Z", 951_868_799),
            ("20150830T123600Z", 1_440_938_160),
            ("20240229T000000Z", 1_709_164_800),
            ("20240301T000000Z", 1_709_251_200),
            ("21000228T000000Z", 4_107_456_000),
            ("21000301T000000Z", 4_107_542_400),
        ] {
            assert_eq!(amz_date(text.as_bytes()), Some(Timestamp::from_seconds(seconds)), "{text}");
        }
    }

    #[test]
    fn other_spellings_of_a_time_are_none() {
        for text in [
            "",
            "20150830T123600",
            "20150830t123600Z",
            "2015-08-30T12:36:00Z",
            "20150830T123600ZZ",
            "20150830T12360Z",
            "20151301T000000Z",
            "20150001T000000Z",
            "20150100T000000Z",
            "20150229T000000Z",
            "21000229T000000Z",
            "20150830T240000Z",
            "20150830T006000Z",
            "20150830T000060Z",
            "19691231T235959Z",
            "+0150830T123600Z",
            "20150830T+23600Z",
            "Sun, 30 Aug 2015 12:36:00 GMT",
        ] {
            assert_eq!(amz_date(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_window_is_open_at_both_ends() {
        let window = Window { age_max: Duration::from_mins(5), ahead_max: Duration::from_mins(1) };
        let made = Timestamp::from_seconds(1_000);
        let check = |now| window.check(made, Timestamp::from_seconds(now));
        assert_eq!(check(939), Err(Refused::TooEarly));
        assert_eq!(check(940), Ok(Timestamp::from_seconds(1_300)));
        assert_eq!(check(1_300), Ok(Timestamp::from_seconds(1_300)));
        assert_eq!(check(1_301), Err(Refused::Expired));
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(bytes: Vec<u8>) {
            let _ = amz_date(&bytes);
            let _ = number(&bytes);
        }

        /// Days follow each other, over months, years and centuries.
        #[test]
        fn the_next_day_is_a_day_later(year in 1970u64..9999, month in 1u64..13, day in 1u64..32) {
            if let Some(today) = days_since_epoch(year, month, day) {
                let (first, of_next) = ((year, month + 1, 1), (year + 1, 1, 1));
                let tomorrow = [(year, month, day + 1), first, of_next]
                    .into_iter()
                    .find_map(|(year, month, day)| days_since_epoch(year, month, day));
                prop_assert_eq!(tomorrow, Some(today + 1));
            }
        }
    }
}
