//! A front and what is around it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tollgate_identity::{Answer, Cache, Clock, Counts, Front, FrontSpec, Secret, SourceSpec};

use crate::clock::TestClock;

/// The name of the source in all tests.
pub(crate) const SOURCE: &str = "acme";

/// A front with one source.
pub(crate) struct World {
    pub(crate) front: Arc<Front>,
    pub(crate) clock: Arc<TestClock>,
}

/// A source whose calls may take as long as a busy machine does.
pub(crate) fn source(url: &str) -> SourceSpec {
    let spec = SourceSpec::new(url, "gateway", Secret::new("secret"));
    SourceSpec { timeout: Duration::from_secs(20), ..spec }
}

pub(crate) fn compile(
    spec: SourceSpec,
    shared: Option<Arc<dyn Cache>>,
    clock: Arc<dyn Clock>,
) -> Arc<Front> {
    let sources = BTreeMap::from([(SOURCE.to_owned(), spec)]);
    Arc::new(Front::compile(FrontSpec::new(sources), shared, clock).unwrap())
}

impl World {
    pub(crate) fn new(spec: SourceSpec) -> Self {
        Self::sharing(spec, None)
    }

    pub(crate) fn sharing(spec: SourceSpec, shared: Option<Arc<dyn Cache>>) -> Self {
        let clock = Arc::new(TestClock::new());
        Self { front: compile(spec, shared, Arc::clone(&clock) as Arc<dyn Clock>), clock }
    }

    pub(crate) async fn ask(&self, token: &str) -> Answer {
        self.front.introspect(SOURCE, token).await.unwrap()
    }

    /// The answer in one word, with the time in seconds that it holds or that is
    /// to be waited, rounded up.
    pub(crate) async fn told(&self, token: &str) -> String {
        shown(&self.ask(token).await, self.clock.as_ref())
    }

    pub(crate) fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    pub(crate) fn counts(&self) -> Counts {
        counts(&self.front)
    }
}

pub(crate) fn counts(front: &Front) -> Counts {
    front.counts().find(|(name, _)| *name == SOURCE).unwrap().1
}

pub(crate) fn shown(answer: &Answer, clock: &dyn Clock) -> String {
    let left = |at: &std::time::Instant| at.saturating_duration_since(clock.now());
    let (word, time) = match answer {
        Answer::Active { expires_at, .. } => ("active", left(expires_at)),
        Answer::Inactive { expires_at } => ("inactive", left(expires_at)),
        Answer::Unavailable { retry_after } => ("unavailable", *retry_after),
    };
    format!("{word} {}", time.as_millis().div_ceil(1_000))
}

pub(crate) fn is_active(answer: &Answer) -> bool {
    matches!(answer, Answer::Active { .. })
}

pub(crate) fn is_unavailable(answer: &Answer) -> bool {
    matches!(answer, Answer::Unavailable { .. })
}
