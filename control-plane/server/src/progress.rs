use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tollgate_xds::Kind;
use tollgate_xds::delta::Event;

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
                let names = resources.iter().map(|resource| &resource.name).chain(removed);
                for name in names {
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
