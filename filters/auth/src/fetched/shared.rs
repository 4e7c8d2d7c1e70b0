//! How far the workers of an Envoy are with the keys of one endpoint: what they
//! share, so that one of them asks for all.

use std::time::Duration;

use tollgate_core::{Fingerprint, Host, SharedDataUnavailable, Timestamp, update};

/// The keys as they were published, and who asked when. One value, so that
/// nobody sees half of a change.
pub(super) struct Shared {
    key: Vec<u8>,
}

/// When was what, and which keys these are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Head {
    /// When the keys were asked for.
    pub(super) as_of: Timestamp,
    /// When somebody last asked.
    pub(super) asked_at: Timestamp,
    /// When asking last came to nothing.
    pub(super) failed_at: Timestamp,
    /// When somebody last asked because a token named a key that is not there.
    pub(super) searched_at: Timestamp,
    /// The fingerprint of the keys.
    pub(super) digest: Fingerprint,
}

/// What stands there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Record {
    pub(super) head: Head,
    /// Empty before the first.
    pub(super) keys: Vec<u8>,
}

/// Who failed so long ago may be well again.
const FAILING_FOR: Duration = Duration::from_secs(30);

const HEAD_BYTES: usize = 48;

// === impl Shared ===

impl Shared {
    pub(super) fn new(key: Vec<u8>) -> Self {
        Self { key }
    }

    /// Nothing while nobody has asked.
    pub(super) fn load(&self, host: &mut dyn Host) -> Option<Record> {
        host.load(&self.key).ok().and_then(|(bytes, _)| Record::read(bytes?))
    }

    /// Changes what stands there, and says whether `step` has; what stands there now.
    pub(super) fn change(
        &self,
        host: &mut dyn Host,
        step: impl Fn(&Record) -> Option<Record>,
    ) -> Result<(bool, Record), SharedDataUnavailable> {
        update(&self.key, host, |bytes| {
            let old = bytes.and_then(Record::read).unwrap_or_default();
            match step(&old) {
                Some(new) => {
                    let bytes = new.to_bytes();
                    ((true, new), Some(bytes))
                }
                None => ((false, old), None),
            }
        })
    }
}

// === impl Record ===

impl Record {
    fn to_bytes(&self) -> Vec<u8> {
        [&self.head.to_bytes()[..], &self.keys].concat()
    }

    fn read(mut bytes: Vec<u8>) -> Option<Self> {
        let head = Head::read(bytes.get(..HEAD_BYTES)?)?;
        bytes.drain(..HEAD_BYTES);
        Some(Self { head, keys: bytes })
    }
}

// === impl Head ===

impl Default for Head {
    fn default() -> Self {
        let never = Timestamp::EPOCH;
        Self {
            as_of: never,
            asked_at: never,
            failed_at: never,
            searched_at: never,
            digest: Fingerprint(0),
        }
    }
}

impl Head {
    /// Whether the endpoint did not answer when it was last asked.
    pub(super) fn is_failing(&self, now: Timestamp) -> bool {
        self.has_failed_within(FAILING_FOR, now)
    }

    /// Whether it did not, less than `span` ago.
    pub(super) fn has_failed_within(&self, span: Duration, now: Timestamp) -> bool {
        self.as_of < self.failed_at && is_within(span, self.failed_at, now)
    }

    /// Whether somebody waits for an answer that takes no longer than `patience`.
    pub(super) fn is_under_way(&self, patience: Duration, now: Timestamp) -> bool {
        self.as_of.max(self.failed_at) < self.asked_at && is_within(patience, self.asked_at, now)
    }

    fn to_bytes(self) -> Vec<u8> {
        let Self { as_of, asked_at, failed_at, searched_at, digest } = self;
        let moments = [as_of, asked_at, failed_at, searched_at].map(Timestamp::as_nanos);
        let mut bytes: Vec<u8> = moments.iter().flat_map(|moment| moment.to_le_bytes()).collect();
        bytes.extend(digest.0.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (moments, digest) = bytes.split_last_chunk()?;
        let ([as_of, asked_at, failed_at, searched_at], []) = moments.as_chunks() else {
            return None;
        };
        let moment = |bytes: &[u8; 8]| Timestamp::from_nanos(u64::from_le_bytes(*bytes));
        Some(Self {
            as_of: moment(as_of),
            asked_at: moment(asked_at),
            failed_at: moment(failed_at),
            searched_at: moment(searched_at),
            digest: Fingerprint(u128::from_le_bytes(*digest)),
        })
    }
}

/// Whether a moment was less than `span` ago. One that never was, or that a
/// clock has left ahead of us, was not.
pub(super) fn is_within(span: Duration, moment: Timestamp, now: Timestamp) -> bool {
    moment != Timestamp::EPOCH && moment <= now && now.since(moment) < span
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(moments: [u64; 4], digest: u128, keys: Vec<u8>) {
            let [as_of, asked_at, failed_at, searched_at] = moments.map(Timestamp::from_nanos);
            let digest = Fingerprint(digest);
            let head = Head { as_of, asked_at, failed_at, searched_at, digest };
            let record = Record { head, keys };
            prop_assert_eq!(Record::read(record.to_bytes()), Some(record));
        }

        #[test]
        fn no_bytes_cause_a_panic(bytes: Vec<u8>) {
            let is_long = HEAD_BYTES <= bytes.len();
            prop_assert_eq!(Record::read(bytes).is_some(), is_long);
        }
    }
}
