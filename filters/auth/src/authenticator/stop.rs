//! Why a request does not go on.

use tollgate_core::{CallId, Reply, Verdict};

use crate::InvalidToken;
use crate::ask::Unanswered;
use crate::challenge::{keys_unavailable, unanswered};
use crate::denials::Barred;
use crate::fetched::Unverifiable;
use crate::methods::Methods;

/// Why a request does not go on: not at all, or not yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Stop {
    /// It ends here, with this answer.
    Refused(Reply),
    /// Who is calling is told by the answer to this call; then ask again.
    Waits(CallId),
    /// Who is calling is told by the signature of the whole request; then ask
    /// again.
    AwaitsBody {
        /// A longer body is refused.
        bytes_max: usize,
    },
}

/// Why nobody was recognised.
pub(super) enum Refusal {
    Token(InvalidToken),
    KeysUnavailable,
    Barred(Barred),
    Unanswered(Unanswered),
    Waits(CallId),
}

// === impl Refusal ===

impl Refusal {
    /// What the caller is told; `refused` says that the credential is not accepted.
    pub(super) fn stop(
        self,
        methods: &Methods,
        refused: impl FnOnce(InvalidToken) -> Reply,
    ) -> Stop {
        Stop::Refused(match self {
            Self::Waits(call) => return Stop::Waits(call),
            Self::Token(fault) => refused(fault),
            Self::Barred(barred) => methods.challenges.barred(barred),
            Self::Unanswered(fault) => unanswered(fault),
            Self::KeysUnavailable => {
                keys_unavailable("the keys of the token's issuer have not arrived yet")
            }
        })
    }
}

impl From<Unverifiable> for Refusal {
    fn from(why: Unverifiable) -> Self {
        match why {
            Unverifiable::Waits(call) => Self::Waits(call),
            Unverifiable::NoKeys => Self::KeysUnavailable,
        }
    }
}

impl From<InvalidToken> for Refusal {
    fn from(fault: InvalidToken) -> Self {
        Self::Token(fault)
    }
}

// === impl Stop ===

impl From<Reply> for Stop {
    fn from(reply: Reply) -> Self {
        Self::Refused(reply)
    }
}

impl From<Stop> for Verdict {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(reply) => Self::Reply(reply),
            Stop::Waits(call) => Self::Wait(call),
            Stop::AwaitsBody { bytes_max } => Self::Body { bytes_max },
        }
    }
}
