use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tollgate_core::Timestamp;

/// How time is cut into windows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Calendar {
    /// Days, which begin at midnight somewhere.
    Days(TimeZone),
    /// Months, which begin at midnight of their first day somewhere.
    Months(TimeZone),
    /// One window, for good.
    Total,
}

/// A span of time in which something is counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Window {
    pub(crate) starts_at: Timestamp,
    pub(crate) ends_at: Timestamp,
}

/// No moment of any clock lies behind it.
pub(crate) const NEVER: Timestamp = Timestamp::from_nanos(u64::MAX);

// === impl Calendar ===

impl Calendar {
    /// The window in which a moment lies.
    pub(crate) fn window(&self, now: Timestamp) -> Window {
        let found = match self {
            Self::Days(zone) => window(zone, now, |date| Some((date, date.tomorrow().ok()?))),
            Self::Months(zone) => window(zone, now, |date| {
                Some((date.first_of_month(), date.last_of_month().tomorrow().ok()?))
            }),
            Self::Total => Some(Window::ALWAYS),
        };
        // Only the end of the calendar has none, and there the last one goes on.
        found.unwrap_or(Window::ALWAYS)
    }
}

fn window(
    zone: &TimeZone,
    now: Timestamp,
    dates: impl Fn(Date) -> Option<(Date, Date)>,
) -> Option<Window> {
    let moment = jiff::Timestamp::from_second(i64::try_from(now.as_seconds()).ok()?).ok()?;
    let (first, next) = dates(zone.to_datetime(moment).date())?;
    Some(Window { starts_at: begin(first, zone)?, ends_at: begin(next, zone)? })
}

/// When a day begins: at the first moment of it that there is, since clocks
/// may be set forward at midnight.
fn begin(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    let seconds = zone.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_second();
    Some(Timestamp::from_seconds(seconds.try_into().unwrap_or(0)))
}

// === impl Window ===

impl Window {
    const ALWAYS: Self = Self { starts_at: Timestamp::EPOCH, ends_at: NEVER };

    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        self.starts_at <= now && now < self.ends_at
    }

    /// How long it is; none that has no end.
    pub(crate) fn length(&self) -> Option<Duration> {
        (self.ends_at < NEVER).then(|| self.ends_at.since(self.starts_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let moment: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_seconds(moment.as_second().try_into().unwrap())
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    #[test]
    fn days_and_months_are_those_of_a_place() {
        let (utc, berlin, samoa) = ("UTC", "Europe/Berlin", "Pacific/Apia");
        let [days, months] = [Calendar::Days, Calendar::Months as fn(TimeZone) -> Calendar];
        for (calendar, place, now, starts_at, ends_at) in [
            (days, utc, "2026-11-26T23:59:59Z", "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z"),
            (days, utc, "2026-11-27T00:00:00Z", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z"),
            (days, berlin, "2026-11-26T23:30:00Z", "2026-11-26T23:00:00Z", "2026-11-27T23:00:00Z"),
            // Clocks are set forward, and back.
            (days, berlin, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            (days, berlin, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            // A day that never was.
            (days, samoa, "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
            (days, samoa, "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
            (months, utc, "2026-02-28T12:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            (months, utc, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            (months, utc, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            (
                months,
                berlin,
                "2026-03-31T22:30:00Z",
                "2026-03-31T22:00:00Z",
                "2026-04-30T22:00:00Z",
            ),
        ] {
            let window = calendar(zone(place)).window(at(now));
            let expected = Window { starts_at: at(starts_at), ends_at: at(ends_at) };
            assert_eq!(window, expected, "{now} in {place}");
            assert!(window.holds(at(now)));
        }
    }

    #[test]
    fn one_window_has_no_end() {
        let window = Calendar::Total.window(at("2026-11-26T00:00:00Z"));
        assert_eq!((window.ends_at, window.length()), (NEVER, None));
    }

    #[test]
    fn there_is_a_window_for_every_moment_of_a_clock() {
        for calendar in [Calendar::Days(zone("UTC")), Calendar::Months(zone("Europe/Berlin"))] {
            for now in [0, 1, u64::MAX / 2, u64::MAX - 1].map(Timestamp::from_nanos) {
                assert!(calendar.window(now).holds(now), "{calendar:?} {now:?}");
            }
        }
    }
}
