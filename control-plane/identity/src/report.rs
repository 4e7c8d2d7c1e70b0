//! What is logged, and in which words. Never a token, a secret or a claim.

use tracing::{info, warn};

use crate::ProviderFailed;

pub(crate) fn no_answer(source: &str, why: &ProviderFailed) {
    warn!(
        source,
        "the identity provider gives no answer: {why}; tokens that are not remembered are \
         answered 503"
    );
}

pub(crate) fn answers_again(source: &str) {
    info!(source, "the identity provider answers again");
}

pub(crate) fn no_cache(reason: &str) {
    warn!("the shared cache cannot be used: {reason}; this process remembers alone");
}

pub(crate) fn cache_again() {
    info!("the shared cache can be used again");
}

/// Told of the first one, and each time when there are twice as many.
pub(crate) fn unreadable(count: u64) {
    if count.is_power_of_two() {
        warn!(
            count,
            "an entry of the shared cache does not open and counts as none: somebody has changed it"
        );
    }
}

/// As much of a text from outside as is logged.
const CHARS_MAX: usize = 256;

/// Text from outside must not look like a line of ours.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().take(CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
