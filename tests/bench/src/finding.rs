use crate::samples::median;

/// One promise, and what was measured of it.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// Its name in the report for programs.
    pub(crate) name: &'static str,
    /// What was promised, for people.
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) bar: Bar,
    /// Round by round.
    pub(crate) values: Vec<f64>,
}

/// What was promised.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    AtMost(f64),
    AtLeast(f64),
    /// Nothing: others are compared with it.
    Nothing,
}

impl Finding {
    /// Whether the median keeps the promise.
    pub(crate) fn holds(&self) -> bool {
        let measured = median(&self.values);
        match self.bar {
            Bar::AtMost(bar) => measured <= bar,
            Bar::AtLeast(bar) => bar <= measured,
            Bar::Nothing => true,
        }
    }
}

/// A refusal, which is to cost no more than a third of what is let pass.
pub(crate) fn of_a_proxied_request(
    name: &'static str,
    what: &'static str,
    values: Vec<f64>,
) -> Finding {
    Finding { name, what, unit: "% of a proxied request", bar: Bar::AtMost(100.0 / 3.0), values }
}

/// Rounds of two things, one by one.
pub(crate) fn pairwise(
    some: &[f64],
    others: &[f64],
    combine: impl Fn(f64, f64) -> f64,
) -> Vec<f64> {
    some.iter().zip(others).map(|(one, other)| combine(*one, *other)).collect()
}

/// In per cent.
pub(crate) fn share(part: f64, whole: f64) -> f64 {
    100.0 * part / whole
}
