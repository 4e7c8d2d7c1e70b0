use std::time::Duration;

/// What one chain did, round by round.
#[derive(Clone, Debug)]
pub(crate) struct Samples {
    pub(crate) name: &'static str,
    /// Requests a second while latencies were taken.
    pub(crate) rate: u32,
    pub(crate) cpu_us: Vec<f64>,
    pub(crate) rps: Vec<f64>,
    pub(crate) p50_ms: Vec<f64>,
    pub(crate) p99_ms: Vec<f64>,
    pub(crate) rss_mb: Vec<f64>,
}

/// A measurement with all connections busy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlatOut {
    pub(crate) rps: f64,
    /// Processor time of Envoy a request, in microseconds.
    pub(crate) cpu_us: f64,
    pub(crate) rss_mb: f64,
}

impl Samples {
    pub(crate) fn new(name: &'static str) -> Self {
        let none = Vec::new;
        Self {
            name,
            rate: 0,
            cpu_us: none(),
            rps: none(),
            p50_ms: none(),
            p99_ms: none(),
            rss_mb: none(),
        }
    }

    pub(crate) fn add(&mut self, flat_out: FlatOut, mut latencies: Vec<Duration>, rate: u32) {
        latencies.sort_unstable();
        self.rate = rate;
        self.cpu_us.push(flat_out.cpu_us);
        self.rps.push(flat_out.rps);
        self.rss_mb.push(flat_out.rss_mb);
        self.p50_ms.push(quantile_ms(&latencies, 50));
        self.p99_ms.push(quantile_ms(&latencies, 99));
    }
}

/// The latency that `percent` of a sorted list do not exceed.
fn quantile_ms(sorted: &[Duration], percent: usize) -> f64 {
    let rank = sorted.len().saturating_mul(percent).div_ceil(100);
    let value = sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default();
    value.as_secs_f64() * 1000.0
}

/// The middle of what was measured; the mean of both when there are two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or_default();
    f64::midpoint(lower, upper)
}

pub(crate) fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

pub(crate) fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the values are exact")]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, expected) in
            [(&[3.0, 1.0, 2.0][..], 2.0), (&[4.0, 1.0, 2.0, 3.0], 2.5), (&[7.0], 7.0)]
        {
            assert_eq!(median(values), expected, "{values:?}");
        }
    }

    #[test]
    fn a_quantile_is_the_value_that_so_many_do_not_exceed() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(quantile_ms(&sorted, 50), 100.0);
        assert_eq!(quantile_ms(&sorted, 99), 198.0);
        assert_eq!(quantile_ms(&sorted[..1], 99), 1.0);
    }
}
