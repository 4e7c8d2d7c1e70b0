use tollgate_core::Reply;
use tollgate_signatures::{BodyMismatch, Refused, Replayed};

use crate::challenge::Challenges;
use crate::problem::{
    DUPLICATE_CREDENTIALS, INVALID_SIGNATURE, KEYS_UNAVAILABLE, REPLAYED_SIGNATURE,
    TOO_MANY_SIGNATURES,
};

/// By then many of the signatures that are remembered have expired.
const RETRY_SECONDS: &str = "30";

/// A signature that does not hold. That a key is not known, or is for something
/// else, is nobody's business who does not have it.
pub(crate) fn invalid(refused: &Refused, challenges: &Challenges) -> Reply {
    let told = match refused {
        Refused::UnknownKey | Refused::Algorithm | Refused::SessionToken => &Refused::Mismatch,
        told => told,
    };
    let is_two = match told {
        Refused::Ambiguous => true,
        Refused::Duplicate { name } => name == "authorization",
        _ => false,
    };
    let problem = if is_two { DUPLICATE_CREDENTIALS } else { INVALID_SIGNATURE };
    challenges.unsigned(Reply::new(problem, told.to_string()))
}

/// A body that is not the one that was signed.
pub(crate) fn other_body(mismatch: BodyMismatch, challenges: &Challenges) -> Reply {
    challenges.unsigned(Reply::new(INVALID_SIGNATURE, mismatch.to_string()))
}

/// A signature that holds, and is not accepted now.
pub(crate) fn replayed(replayed: Replayed, challenges: &Challenges) -> Reply {
    let detail = replayed.to_string();
    match replayed {
        Replayed::Seen => challenges.unsigned(Reply::new(REPLAYED_SIGNATURE, detail)),
        Replayed::Full => {
            Reply::new(TOO_MANY_SIGNATURES, detail).with("retry-after", RETRY_SECONDS)
        }
        _ => Reply::new(KEYS_UNAVAILABLE, detail).with("retry-after", RETRY_SECONDS),
    }
}
