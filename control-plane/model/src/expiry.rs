use tollgate_core::Timestamp;

use crate::{Fault, Gateway};

/// Something that holds only until a moment.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Expiry {
    /// The moment.
    pub at: Timestamp,
    /// What is to be said from then on, and where it was written.
    pub fault: Fault,
}

impl Gateway {
    /// What no longer holds. It is no fault of the configuration, which was good
    /// once: to refuse it would keep every other change from being published.
    pub fn expired(&self, now: Timestamp) -> impl Iterator<Item = &Fault> {
        self.expiries.iter().filter(move |expiry| expiry.at <= now).map(|expiry| &expiry.fault)
    }
}
