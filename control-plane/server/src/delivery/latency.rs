use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::progress::Arrival;

/// How long revisions took from the moment they were published until the last
/// Envoy that was connected then had taken them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latency {
    revision: u64,
    published: Option<Instant>,
    waiting: BTreeSet<u64>,
    slowest: Duration,
    /// How many took at most as long as each of [`Latency::BOUNDS`], and more.
    pub(crate) counts: [u64; Latency::BOUNDS.len() + 1],
    /// All of them together.
    pub(crate) sum: Duration,
    /// The newest of them.
    pub(crate) last: Option<Everywhere>,
}

/// A revision is live on every Envoy that was connected when it was published.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Everywhere {
    pub(crate) revision: u64,
    pub(crate) after: Duration,
}

// === impl Latency ===

impl Latency {
    /// From what nobody notices to what somebody waits for.
    pub(crate) const BOUNDS: [Duration; 9] = [
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_secs(1),
        Duration::from_secs(5),
        Duration::from_secs(30),
    ];

    /// Begins to count. Who has not taken the revision before needs it no longer.
    pub(super) fn published(&mut self, revision: u64, at: Instant, connected: BTreeSet<u64>) {
        self.revision = revision;
        self.published = Some(at);
        self.waiting = connected;
        self.slowest = Duration::ZERO;
    }

    pub(super) fn arrived(&mut self, connection: u64, arrival: &Arrival) -> Option<Everywhere> {
        if arrival.revision != self.revision || !self.waiting.remove(&connection) {
            return None;
        }
        self.slowest = self.slowest.max(arrival.after);
        self.complete()
    }

    pub(super) fn gone(&mut self, connection: u64) {
        if self.waiting.remove(&connection) {
            self.complete();
        }
    }

    fn complete(&mut self) -> Option<Everywhere> {
        if !self.waiting.is_empty() {
            return None;
        }
        let (revision, after) = (self.revision, self.slowest);
        let index = Self::BOUNDS.iter().take_while(|bound| **bound < after).count();
        if let Some(count) = self.counts.get_mut(index) {
            *count = count.saturating_add(1);
        }
        self.sum = self.sum.saturating_add(after);
        self.last = Some(Everywhere { revision, after });
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(revision: u64, milliseconds: u64) -> Arrival {
        Arrival { revision, after: Duration::from_millis(milliseconds), refused: 0 }
    }

    #[test]
    fn the_last_envoy_counts_and_those_that_went_or_came_later_do_not() {
        let mut latency = Latency::default();
        latency.published(2, Instant::now(), [1, 2, 3].into());
        assert_eq!(latency.arrived(1, &arrival(2, 4)), None);
        assert_eq!(latency.arrived(9, &arrival(2, 900)), None, "it was not there yet");
        assert_eq!(latency.arrived(2, &arrival(1, 900)), None, "that is another revision");
        latency.gone(3);
        let everywhere = Everywhere { revision: 2, after: Duration::from_millis(12) };
        assert_eq!(latency.arrived(2, &arrival(2, 12)), Some(everywhere));
        assert_eq!(latency.counts, [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(latency.arrived(2, &arrival(2, 12)), None, "it is told once");
    }

    #[test]
    fn a_bound_belongs_to_what_is_at_most_as_long() {
        let mut latency = Latency::default();
        for milliseconds in [5, 6, 30_000, 30_001] {
            latency.published(1, Instant::now(), [1].into());
            latency.arrived(1, &arrival(1, milliseconds));
        }
        assert_eq!(latency.counts, [1, 1, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(latency.sum, Duration::from_millis(60_012));
    }
}
