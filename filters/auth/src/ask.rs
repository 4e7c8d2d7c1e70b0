//! Asks other servers about credentials that the gateway cannot judge by itself.
//!
//! Everything is asked in the one form of RFC 7662: a form with the credential
//! goes to an [`Endpoint`], and a JSON object comes back that is read as
//! [`Said`]. The [`Asker`] knows nothing of what is asked. It makes the calls,
//! bounds them, spares an endpoint that fails, and tells which question an
//! answer belongs to. Its user remembers what was found out, because requests
//! are judged again from the start once the answer is there.
//!
//! Another kind of question needs a variant of [`Whom`], so that its answers are
//! apart from those of others; an endpoint, found by [`Whom`] in `Identity`; a
//! check in `credential` that costs no call; and a reading of the members that
//! an answer has. The user looks into its memory first, then calls
//! [`Asker::ask`], lets the request wait for the call, and in `on_answer` puts
//! into its memory what [`Asker::read`] returns, failures too.

mod breaker;
mod credential;
mod endpoint;
mod minted;
mod pace;
mod said;

use std::collections::BTreeMap;
use std::time::Duration;

use tollgate_core::{Address, Answer, Call, CallId, Cx, Timestamp};

use self::breaker::{Breaker, WAIT_SECONDS_MAX};
pub(crate) use self::credential::Asked;
pub(crate) use self::endpoint::Endpoint;
pub use self::endpoint::InvalidEndpoint;
pub(crate) use self::minted::Minted;
use self::pace::{Pace, TooFast};
pub(crate) use self::said::Said;
use crate::cache::Slot;
use crate::signatures::Told;

/// Makes calls about credentials: one about each at a time, and a few in all.
#[derive(Default)]
pub(crate) struct Asker {
    under_way: BTreeMap<CallId, UnderWay>,
    pace: Pace,
    breakers: BTreeMap<Whom, Breaker>,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Whom {
    /// The provider at this place in `Identity`, about a token.
    Provider(usize),
    /// Whoever knows API keys.
    Lookup,
    /// Whoever keeps the keys that requests are signed with.
    SigningKeys,
    /// Whoever makes tokens for backends.
    Mint,
}

/// What is asked, and about which credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Question {
    pub(crate) whom: Whom,
    /// Where what is found out is remembered.
    pub(crate) slot: Slot,
    /// The credential was found good before, so it is not made up.
    pub(crate) is_known: bool,
}

struct UnderWay {
    question: Question,
    /// No answer comes any more after this.
    until: Timestamp,
}

/// Why there is no answer. The texts are what callers read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error("too many callers have to be looked up at the moment")]
    Busy,
    #[error("too many callers at this address have to be looked up at the moment")]
    BusyAddress,
    #[error("whoever knows the credential has failed, and is asked again later")]
    Paused { seconds: u64 },
    #[error("whoever knows the credential cannot be reached")]
    NoCluster,
    #[error("the answer of whoever knows the credential broke off")]
    Broken,
    #[error("whoever knows the credential does not know the gateway")]
    Unwelcome,
    #[error("whoever knows the credential answered with status {status}")]
    Status { status: u16, wait: u64 },
    #[error("whoever knows the credential gave an answer that cannot be read")]
    Unreadable,
}

/// Calls under way: more would be a queue, and callers rather hear at once that
/// they have to come again.
const UNDER_WAY_MAX: usize = 64;

/// As many of them as credentials may take that were never seen before, so that
/// made-up ones hold up nobody who is known.
const UNSEEN_MAX: usize = 48;

/// The host ends a call within its timeout; an answer that it could not hand
/// over is given up a little later.
const GRACE: Duration = Duration::from_secs(1);

// === impl Asker ===

impl Asker {
    /// Asks, or joins whoever asks already. The form is made only if it is needed.
    pub(crate) fn ask(
        &mut self,
        question: Question,
        endpoint: &Endpoint,
        form: impl FnOnce() -> String,
        cx: &mut Cx<'_>,
    ) -> Result<CallId, Unanswered> {
        self.under_way.retain(|_, call| cx.now < call.until);
        let mut calls = self.under_way.iter();
        if let Some((id, _)) = calls.find(|(_, call)| call.question.slot == question.slot) {
            return Ok(*id);
        }
        self.admit(question, endpoint.timeout, cx)?;
        let form = form();
        let call = Call {
            cluster: &endpoint.cluster,
            headers: &endpoint.question(),
            body: form.as_bytes(),
            timeout: endpoint.timeout,
        };
        let Ok(id) = cx.host.call(&call) else {
            self.breaker(question.whom).failed(cx.now, Duration::ZERO);
            return Err(Unanswered::NoCluster);
        };
        let until = cx.now.plus(endpoint.timeout).plus(GRACE);
        self.under_way.insert(id, UnderWay { question, until });
        Ok(id)
    }

    /// What a call was about that has been answered; nothing if it is not one of ours.
    pub(crate) fn answered(&mut self, id: CallId) -> Option<Question> {
        self.under_way.remove(&id).map(|call| call.question)
    }

    /// What an answer says, or that whoever gave it has failed.
    pub(crate) fn read<T>(
        &mut self,
        whom: Whom,
        said: Result<T, Unanswered>,
        now: Timestamp,
    ) -> Result<T, Unanswered> {
        let breaker = self.breaker(whom);
        match &said {
            Ok(_) => breaker.answered(),
            Err(unanswered) => breaker.failed(now, unanswered.wait()),
        }
        said
    }

    fn admit(
        &mut self,
        question: Question,
        timeout: Duration,
        cx: &mut Cx<'_>,
    ) -> Result<(), Unanswered> {
        let calls_max = if question.is_known { UNDER_WAY_MAX } else { UNSEEN_MAX };
        if calls_max <= self.under_way.len() {
            return Err(Unanswered::Busy);
        }
        if !question.is_known {
            self.pace.admit(Address::of_caller(cx.host), cx.now)?;
        }
        let paused = |wait: Duration| Unanswered::Paused { seconds: wait.as_secs().max(1) };
        self.breaker(question.whom).admit(cx.now, timeout).map_err(paused)
    }

    fn breaker(&mut self, whom: Whom) -> &mut Breaker {
        self.breakers.entry(whom).or_default()
    }
}

// === impl Whom ===

impl Whom {
    /// The part of a [`Slot`] that keeps what different ones say apart.
    pub(crate) fn place(self) -> usize {
        const PROVIDERS: usize = 1 << 30;
        const LOOKUP: usize = 1 << 31;
        const SIGNING_KEYS: usize = LOOKUP | 1;
        const MINT: usize = LOOKUP | 2;
        match self {
            Self::Provider(place) => PROVIDERS | place,
            Self::Lookup => LOOKUP,
            Self::SigningKeys => SIGNING_KEYS,
            Self::Mint => MINT,
        }
    }
}

// === impl Unanswered ===

impl Unanswered {
    /// When callers may come again, in seconds.
    pub(crate) fn retry_seconds(self) -> u64 {
        match self {
            Self::Paused { seconds } => seconds,
            _ => self.wait().as_secs().clamp(1, WAIT_SECONDS_MAX),
        }
    }

    /// How long we were asked to wait.
    fn wait(self) -> Duration {
        match self {
            Self::Status { wait, .. } => Duration::from_secs(wait),
            _ => Duration::ZERO,
        }
    }
}

impl From<TooFast> for Unanswered {
    fn from(too_fast: TooFast) -> Self {
        match too_fast {
            TooFast::Caller => Self::BusyAddress,
            TooFast::All => Self::Busy,
        }
    }
}

/// Whether an answer says that the credential is active. Whatever it says is
/// also read as a signing key and as a token.
pub(crate) fn fuzz(answer: &Answer) -> bool {
    let _ = Minted::read(answer);
    match Said::read(answer) {
        Ok(Said::Active { claims, .. }) => {
            let _ = Told::read(&claims);
            true
        }
        _ => false,
    }
}
