use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tollgate_xds::Kind;
use tollgate_xds::delta::{Event, Named};

use crate::revision::Revision;

/// How long nothing may be said before a client is taken to have all of it:
/// Envoy asks for the routes of a listener a moment after it took the listener.
const QUIET: Duration = Duration::from_millis(50);

/// How far a client is with the newest revision.
pub(crate) struct Progress {
    revision: Arc<Revision>,
    since: Instant,
    last_word: Instant,
    unanswered: BTreeSet<String>,
    refused: BTreeSet<(Kind, String)>,
    arrived: bool,
}

/// A client has taken all that it will take of a revision.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Arrival {
    pub(crate) revision: u64,
    /// Since the revision was published, or since the client connected.
    pub(crate) after: Duration,
    /// How many resources it refused, now or before, and runs an older version of.
    pub(crate) refused: usize,
}

// === impl Progress ===

impl Progress {
    pub(crate) fn new(revision: Arc<Revision>, now: Instant) -> Self {
        let (unanswered, refused) = (BTreeSet::new(), BTreeSet::new());
        Self { revision, since: now, last_word: now, unanswered, refused, arrived: false }
    }

    /// From now on the newest revision is this one.
    pub(crate) fn renew(&mut self, revision: Arc<Revision>, now: Instant) {
        self.since = revision.published;
        self.last_word = now;
        self.refused.retain(|(kind, name)| revision.snapshot.get(*kind, name).is_some());
        self.revision = revision;
        self.arrived = false;
    }

    pub(crate) fn sent(&mut self, nonce: &str) {
        self.unanswered.insert(nonce.to_owned());
    }

    pub(crate) fn heard(&mut self, nonce: &str, event: Option<&Event>, now: Instant) {
        self.unanswered.remove(nonce);
        self.last_word = now;
        match event {
            Some(Event::Acked { kind, resources, removed }) => {
                let served = &self.revision.snapshot;
                // An older version that goes out in place of a refused one is not it.
                let is_newest = |one: &&Named| {
                    let newest = served.get(*kind, &one.name);
                    newest.is_none_or(|newest| newest.version == one.version)
                };
                let taken = resources.iter().filter(is_newest).map(|one| &one.name);
                for name in taken.chain(removed) {
                    self.refused.remove(&(*kind, name.clone()));
                }
            }
            Some(Event::Refused { kind, resource: Some(resource), .. }) => {
                self.refused.insert((*kind, resource.name.clone()));
            }
            _ => {}
        }
    }

    /// When [`Progress::arrive`] has something to say, unless more is heard before.
    pub(crate) fn quiet_at(&self) -> Option<Instant> {
        let quiet_at = self.last_word.checked_add(QUIET);
        quiet_at.filter(|_| !self.arrived && self.unanswered.is_empty())
    }

    /// Says, once for each revision, that the client has it.
    pub(crate) fn arrive(&mut self) -> Arrival {
        self.arrived = true;
        Arrival {
            revision: self.revision.number,
            after: self.last_word.saturating_duration_since(self.since),
            refused: self.refused.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_xds::Snapshot;

    use super::*;

    fn refused(name: &str) -> Event {
        let resource = Named {
            name: name.to_owned(),
            version: "1".to_owned(),
            origin: "backends.orders (tollgate.yaml:12)".to_owned(),
        };
        let message = "no".to_owned();
        Event::Refused { kind: Kind::Cluster, message, resource: Some(resource) }
    }

    fn after(progress: &Progress, milliseconds: u64) -> Instant {
        progress.since.checked_add(Duration::from_millis(milliseconds)).unwrap()
    }

    #[test]
    fn a_revision_has_arrived_when_every_response_is_answered_and_it_is_quiet() {
        let revision = Arc::new(Revision::new(7, Snapshot::default()));
        let mut progress = Progress::new(revision, Instant::now());
        progress.sent("1");
        progress.sent("2");
        progress.heard("2", None, after(&progress, 3));
        assert_eq!(progress.quiet_at(), None, "the first is not answered");
        progress.heard("1", None, after(&progress, 5));
        assert_eq!(progress.quiet_at(), Some(after(&progress, 55)));
        progress.heard("", None, after(&progress, 6));
        assert_eq!(progress.quiet_at(), Some(after(&progress, 56)), "there was more");
        let arrival = Arrival { revision: 7, after: Duration::from_millis(6), refused: 0 };
        assert_eq!(progress.arrive(), arrival);
        assert_eq!(progress.quiet_at(), None, "it is told once");
    }

    #[test]
    fn what_was_refused_is_counted_until_it_is_taken_or_gone() {
        let revision = |number| Arc::new(Revision::new(number, snapshot()));
        let mut progress = Progress::new(revision(1), Instant::now());
        progress.heard("1", Some(&refused("a")), after(&progress, 1));
        progress.heard("2", Some(&refused("a")), after(&progress, 1));
        progress.heard("3", Some(&refused("gone")), after(&progress, 1));
        assert_eq!(progress.arrive().refused, 2);
        progress.renew(revision(2), after(&progress, 2));
        assert_eq!(progress.arrive().refused, 1, "one is no longer served");
        let acked =
            Event::Acked { kind: Kind::Cluster, resources: vec![], removed: vec!["a".to_owned()] };
        progress.heard("4", Some(&acked), after(&progress, 3));
        assert_eq!(progress.arrive().refused, 0);
    }

    /// With a cluster `a`.
    fn snapshot() -> Snapshot {
        let resource =
            tollgate_xds::Resource { version: "1".to_owned(), ..tollgate_xds::Resource::default() };
        [(Kind::Cluster, "a".to_owned(), resource)].into_iter().collect()
    }
}
