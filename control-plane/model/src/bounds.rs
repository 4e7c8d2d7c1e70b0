//! How exact a limit is, worked out of what is written.

use tollgate_rate_limit::{FIRST, LimitSpec, Period, WhenAlone, held_max};

/// The most that a limit admits, as `docs/limits.md` derives it. Numbers are of
/// requests that cost 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bounds {
    /// How long a period or a window is.
    pub per: Period,
    /// How many Envoys share it.
    pub envoys: u32,
    /// What becomes of it without the control plane.
    pub when_alone: WhenAlone,
    /// How many all admit in a period or a window.
    pub requests: u64,
    /// How many all admit at once of a caller that was quiet. Each Envoy has one,
    /// however small its share is.
    pub at_once: u64,
    /// How many each worker holds at most of those that it has taken and not spent.
    pub held: u64,
    /// How many an Envoy admits at once before the control plane has heard of it; of a
    /// window, before it was lent any.
    pub first: u64,
    /// How many each Envoy admits in a period or a window while the control plane
    /// is gone; those that it was lent none the less.
    pub alone: u64,
    /// How many are lost to callers at most when an Envoy dies.
    pub lost: u64,
}

/// The balance lends no more at once than this part of what is left.
const LEASE: u64 = 4;

// === impl Bounds ===

impl Bounds {
    /// Of a limit that so many Envoys share.
    pub fn of(limit: &LimitSpec, envoys: u32) -> Self {
        match limit.per {
            Period::Second | Period::Minute | Period::Hour => Self::of_rate(limit, envoys.max(1)),
            Period::Day | Period::Month | Period::Total => Self::of_window(limit, envoys.max(1)),
        }
    }

    fn of_rate(limit: &LimitSpec, envoys: u32) -> Self {
        let all = u64::from(envoys);
        let LimitSpec { requests, per, when_alone, .. } = *limit;
        let burst = limit.burst.unwrap_or(requests).saturating_add(limit.credit.unwrap_or(0));
        Self {
            per,
            envoys,
            when_alone,
            requests,
            at_once: burst.saturating_add(all.saturating_sub(1)),
            // One that is taken at a time is spent at once.
            held: if held_max(burst, false) == 1 { 0 } else { held_max(burst, false) },
            first: burst.div_ceil(all),
            alone: match when_alone {
                WhenAlone::Share => requests.div_ceil(all),
                WhenAlone::Open => requests,
                WhenAlone::Closed => 0,
            },
            lost: 0,
        }
    }

    fn of_window(limit: &LimitSpec, envoys: u32) -> Self {
        let all = u64::from(envoys);
        let LimitSpec { requests, per, when_alone, .. } = *limit;
        let first = requests.checked_div(FIRST).unwrap_or(0).max(1);
        Self {
            per,
            envoys,
            when_alone,
            requests,
            at_once: requests,
            held: 0,
            first: if when_alone == WhenAlone::Closed { 0 } else { first },
            alone: match when_alone {
                WhenAlone::Share => requests.checked_div(all).unwrap_or(0).max(1),
                WhenAlone::Open => requests,
                WhenAlone::Closed => 0,
            },
            lost: requests.div_ceil(LEASE),
        }
    }

    fn is_window(&self) -> bool {
        matches!(self.per, Period::Day | Period::Month | Period::Total)
    }

    /// In words: of all Envoys, and of the cases in which they may admit more.
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = vec![self.at_most()];
        if 1 < self.envoys {
            sentences.extend(self.of_several());
        } else if self.is_window() {
            sentences.push(self.of_a_store());
        }
        sentences
    }

    fn at_most(&self) -> String {
        let Self { requests, at_once, held, .. } = *self;
        let span = self.per.phrase();
        if self.is_window() {
            return format!("at most {requests} {span}");
        }
        let held = match held {
            0 => String::new(),
            held => format!(", and {held} that each worker may hold"),
        };
        format!("at most {at_once} at once and {requests} {span}{held}")
    }

    /// One Envoy counts by itself, unless the counts are to outlive it.
    fn of_a_store(&self) -> String {
        let Self { first, lost, .. } = *self;
        let first = match first {
            0 => "none".to_owned(),
            first => format!("at most {first}"),
        };
        format!(
            "with a store, the same: {first} for less than a second, until it has lent some, and \
             at most {lost} are lost to callers if the Envoy dies"
        )
    }

    fn of_several(&self) -> Vec<String> {
        let Self { envoys, first, alone, lost, .. } = *self;
        let span = self.per.phrase();
        let mut sentences =
            vec![format!("{envoys} Envoys: the same, all together, while they report")];
        if self.when_alone == WhenAlone::Closed && self.is_window() {
            sentences
                .push("before and without the control plane: only what it has lent".to_owned());
        } else {
            sentences.push(format!("an Envoy that begins: at most {first} more"));
            sentences
                .push(format!("without the control plane for 10 s: each Envoy {alone} {span}"));
        }
        if self.is_window() {
            sentences.push(format!("an Envoy that dies: at most {lost} are lost to callers"));
        }
        sentences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(limit: &str, envoys: u32) -> String {
        Bounds::of(&serde_json::from_str(limit).unwrap(), envoys).sentences().join("\n")
    }

    #[test]
    fn rates() {
        let limit = r#"{"requests": 6000, "per": "minute", "burst": 512}"#;
        assert_eq!(
            shown(limit, 1),
            "at most 512 at once and 6000 a minute, and 4 that each worker may hold"
        );
        assert_eq!(
            shown(limit, 3),
            "at most 514 at once and 6000 a minute, and 4 that each worker may hold\n\
             3 Envoys: the same, all together, while they report\n\
             an Envoy that begins: at most 171 more\n\
             without the control plane for 10 s: each Envoy 2000 a minute"
        );
    }

    #[test]
    fn windows() {
        let limit = r#"{"requests": 5000, "per": "month", "when_alone": "closed"}"#;
        assert_eq!(
            shown(limit, 1),
            "at most 5000 a month\n\
             with a store, the same: none for less than a second, until it has lent some, and at \
             most 1250 are lost to callers if the Envoy dies"
        );
        assert_eq!(
            shown(r#"{"requests": 5000, "per": "month"}"#, 1),
            "at most 5000 a month\n\
             with a store, the same: at most 5 for less than a second, until it has lent some, \
             and at most 1250 are lost to callers if the Envoy dies"
        );
        assert_eq!(
            shown(limit, 3),
            "at most 5000 a month\n\
             3 Envoys: the same, all together, while they report\n\
             before and without the control plane: only what it has lent\n\
             an Envoy that dies: at most 1250 are lost to callers"
        );
        assert_eq!(
            shown(r#"{"requests": 5000, "per": "total", "when_alone": "open"}"#, 2),
            "at most 5000 in all\n\
             2 Envoys: the same, all together, while they report\n\
             an Envoy that begins: at most 5 more\n\
             without the control plane for 10 s: each Envoy 5000 in all\n\
             an Envoy that dies: at most 1250 are lost to callers"
        );
    }

    #[test]
    fn no_number_is_too_large() {
        let limit =
            r#"{"requests": 18446744073709551615, "per": "second", "burst": 18446744073709551615}"#;
        let limit: LimitSpec = serde_json::from_str(limit).unwrap();
        let Bounds { at_once, alone, .. } = Bounds::of(&limit, 1_000);
        assert_eq!((at_once, alone), (u64::MAX, u64::MAX.div_ceil(1_000)));
    }
}
