use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use crate::budget::Standing;
use crate::clock::after;
use crate::counts::{Counters, count};
use crate::flights::{Flight, Flights, Joined, Landing};
use crate::gate::Outcome;
use crate::in_process::{InProcess, Look};
use crate::negatives::{Negative, Negatives, Why};
use crate::permit::{Permit, SharedGate};
use crate::policy::{Finding, Policy};
use crate::provider::{Provider, ProviderFailed, Spoken};
use crate::{Answer, Cache, Clock, Entry, Name, report};

/// One identity provider, and what is remembered of its answers.
pub(crate) struct Source {
    pub(crate) name: String,
    /// What tells its answers from those of others.
    pub(crate) identity: Vec<u8>,
    pub(crate) policy: Policy,
    pub(crate) timeout: Duration,
    pub(crate) provider: Provider,
    pub(crate) gate: SharedGate,
    pub(crate) flights: Arc<Flights>,
    pub(crate) memory: Memory,
    pub(crate) counters: Counters,
    pub(crate) is_failing: AtomicBool,
}

/// Where answers are kept.
#[derive(Clone)]
pub(crate) struct Memory {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) positives: Arc<InProcess>,
    pub(crate) negatives: Arc<Negatives>,
    pub(crate) shared: Option<Arc<dyn Cache>>,
}

/// The longest token that is asked about.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// How long anyone waits while the provider is known not to answer.
const PATIENCE: Duration = Duration::from_millis(400);

/// How long one call may take that finds out whether the provider is back.
const PROBE_WITHIN: Duration = Duration::from_secs(2);

/// How long a failure is remembered, and when to ask again after one.
const FAILURE_TTL: Duration = Duration::from_secs(1);

// === impl Source ===

impl Source {
    pub(crate) async fn introspect(self: &Arc<Self>, token: &str) -> Answer {
        if !is_token(token) {
            let expires_at = after(self.memory.clock.now(), self.policy.negative_ttl);
            return Answer::Inactive { expires_at };
        }
        let name = Name::of([self.identity.as_slice(), token.as_bytes()]);
        if let Some(answer) = self.memory.answer(&name) {
            count(&self.counters.remembered);
            return answer;
        }
        match self.flights.join(name) {
            Joined::First(flight, landing) => {
                tokio::spawn(Arc::clone(self).fly(landing, token.to_owned()));
                self.wait(flight).await
            }
            Joined::Another(flight) => {
                count(&self.counters.joined);
                self.wait(flight).await
            }
            Joined::Full => self.refuse(FAILURE_TTL),
        }
    }

    /// Waits as long as a call takes; while the provider is known not to
    /// answer, not even that long.
    async fn wait(&self, flight: Flight) -> Answer {
        let answer = if self.gate.is_closed() {
            flight.answer().await
        } else {
            timeout(PATIENCE, flight.answer()).await.ok().flatten()
        };
        answer.unwrap_or(Answer::Unavailable { retry_after: FAILURE_TTL })
    }

    /// Finds out, in a task of its own: whoever asked first may be gone before
    /// the answer is there, and others wait for it.
    async fn fly(self: Arc<Self>, landing: Landing, token: String) {
        let name = *landing.name();
        // Another flight may have landed since the memory was looked at.
        let (answer, news) = match self.memory.answer(&name) {
            Some(answer) => (answer, None),
            None => self.find_out(&name, &token).await,
        };
        landing.land(answer);
        if let (Some(news), Some(shared)) = (news, &self.memory.shared) {
            shared.put(&name, news).await;
        }
    }

    /// The answer, and what others should know of it.
    async fn find_out(&self, name: &Name, token: &str) -> (Answer, Option<Entry>) {
        if let Some(answer) = self.told_by_others(name).await {
            count(&self.counters.shared);
            return (answer, None);
        }
        match self.gate.admit(self.memory.standing(name)) {
            Ok(permit) => self.call(name, token, permit).await,
            Err(retry_after) => (self.refuse(retry_after), None),
        }
    }

    async fn told_by_others(&self, name: &Name) -> Option<Answer> {
        let Entry { claims, lifetime } = self.memory.shared.as_ref()?.get(name).await?;
        // Whatever the others' clocks and settings are: ours is the bound.
        let lifetime = lifetime.min(self.policy.ttl);
        (!lifetime.is_zero()).then(|| self.memory.keep(*name, Entry { claims, lifetime }))
    }

    async fn call(&self, name: &Name, token: &str, permit: Permit) -> (Answer, Option<Entry>) {
        count(&self.counters.called);
        let within = if permit.is_probe() { self.timeout.min(PROBE_WITHIN) } else { self.timeout };
        match self.provider.ask(token, within).await {
            Ok(spoken) => {
                permit.settle(Outcome::Answered);
                self.recovered();
                self.believe(name, spoken)
            }
            Err(failure) => {
                count(&self.counters.failed);
                permit.settle(outcome(&failure));
                self.report(&failure);
                let expires_at = self.memory.negatives.keep(*name, Why::Failed, FAILURE_TTL);
                (self.memory.negative(Negative { why: Why::Failed, expires_at }), None)
            }
        }
    }

    fn believe(&self, name: &Name, spoken: Spoken) -> (Answer, Option<Entry>) {
        let Spoken { body, told } = spoken;
        match self.policy.judge(&told, self.memory.clock.since_1970(), name.spread()) {
            Finding::Active(lifetime) => {
                let entry = Entry { claims: body, lifetime };
                (self.memory.keep(*name, entry.clone()), Some(entry))
            }
            Finding::Inactive(lifetime) => {
                self.memory.positives.forget(name);
                let expires_at = self.memory.negatives.keep(*name, Why::Inactive, lifetime);
                (Answer::Inactive { expires_at }, None)
            }
        }
    }

    fn refuse(&self, retry_after: Duration) -> Answer {
        count(&self.counters.refused);
        Answer::Unavailable { retry_after }
    }

    fn report(&self, failure: &ProviderFailed) {
        if failure.is_about_the_token() {
            tracing::debug!(source = self.name, "a token was not answered: {failure}");
        } else if !self.is_failing.swap(true, Ordering::Relaxed) {
            report::no_answer(&self.name, failure);
        }
    }

    fn recovered(&self) {
        if self.is_failing.swap(false, Ordering::Relaxed) {
            report::answers_again(&self.name);
        }
    }
}

/// What no provider ever issued is not worth a call (RFC 6749, appendix A.12).
fn is_token(token: &str) -> bool {
    let length = token.len();
    let is_visible = token.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    0 < length && length <= TOKEN_BYTES_MAX && is_visible
}

fn outcome(failure: &ProviderFailed) -> Outcome {
    match failure {
        ProviderFailed::Limited(pause) => Outcome::Limited(*pause),
        failure if failure.is_about_the_token() => Outcome::Answered,
        _ => Outcome::Failed,
    }
}

// === impl Memory ===

impl Memory {
    /// What is remembered here and still holds.
    fn answer(&self, name: &Name) -> Option<Answer> {
        if let Look::Fresh(claims, expires_at) = self.positives.look(name) {
            return Some(Answer::Active { claims, expires_at });
        }
        self.negatives.get(name).map(|negative| self.negative(negative))
    }

    fn negative(&self, Negative { why, expires_at }: Negative) -> Answer {
        match why {
            Why::Inactive => Answer::Inactive { expires_at },
            Why::Failed => Answer::Unavailable {
                retry_after: expires_at.saturating_duration_since(self.clock.now()),
            },
        }
    }

    fn keep(&self, name: Name, entry: Entry) -> Answer {
        let claims = entry.claims.clone();
        let expires_at = self.positives.keep(name, entry);
        Answer::Active { claims, expires_at }
    }

    fn standing(&self, name: &Name) -> Standing {
        match self.positives.look(name) {
            Look::Absent => Standing::Unknown,
            Look::Fresh(..) | Look::Stale => Standing::Known,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_token_is_not_asked_about() {
        let longest = "a".repeat(TOKEN_BYTES_MAX);
        for (token, expected) in [
            ("a", true),
            ("a b~!", true),
            (longest.as_str(), true),
            ("", false),
            ("a\n", false),
            ("a\0", false),
            ("\x7f", false),
            ("ä", false),
            (&format!("{longest}a"), false),
        ] {
            assert_eq!(is_token(token), expected, "{} bytes: {token:.10}", token.len());
        }
    }
}
