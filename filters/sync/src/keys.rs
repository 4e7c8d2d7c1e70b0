//! The filter of API keys in shared data. It comes in parts and is written to
//! one of two places while the other one counts.

use tollgate_core::Host;

use crate::head::Head;
use crate::message::{CHUNK_BYTES_MAX, Chunk, Filling, NewerKeys};

/// How long a filter may be: enough for seven million keys. A longer one is not
/// taken, and then nobody is refused by it.
pub const FILTER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How many keys may be newer than the filter; with more it refuses nobody.
pub const NEWER_KEYS_MAX: usize = 8_192;

/// A filter that is being written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Draft {
    version: u64,
    total: u32,
    bytes: u32,
    place: u64,
}

/// What is newer than a filter.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Newer {
    /// Which filter; 0 for none.
    pub(crate) filter: u64,
    /// Sorted; none when there are too many.
    pub(crate) fingerprints: Option<Vec<u64>>,
}

const NEWER_KEY: &[u8] = b"tollgate.sync.newer";

/// Before each part, the version of the filter that it is of.
const VERSION_BYTES: usize = 8;

// === impl Draft ===

impl Draft {
    /// What the control plane is told of it.
    pub(crate) fn filling(self) -> Filling {
        Filling { version: self.version, bytes: self.bytes }
    }

    /// Adds a part. None if it does not fit to what there is.
    pub(crate) fn with(
        this: Option<Self>,
        chunk: &Chunk,
        head: &Head,
        host: &mut dyn Host,
    ) -> Option<Self> {
        let Chunk { version, total, offset, ref bytes } = *chunk;
        let begun = Self { version, total, bytes: 0, place: head.filter_place ^ 1 };
        let draft = this.filter(|_| offset != 0).unwrap_or(begun);
        let length = u32::try_from(bytes.len()).ok()?;
        let end = offset.checked_add(length)?;
        let whole = usize::try_from(total).ok().filter(|total| *total <= FILTER_BYTES_MAX)?;
        let is_next = (draft.version, draft.total, draft.bytes) == (version, total, offset);
        let is_full = bytes.len() == CHUNK_BYTES_MAX || end == total;
        if version == 0 || !is_next || !is_full || bytes.is_empty() || total < end || whole == 0 {
            return None;
        }
        let key = key(draft.place, part(offset)?);
        let value = [&version.to_le_bytes()[..], bytes].concat();
        let (_, at) = host.load(&key).ok()?;
        host.store(&key, &value, at).ok()?.then_some(Self { bytes: end, ..draft })
    }

    /// The head that names it, once it is complete.
    pub(crate) fn published(self, head: Head) -> Option<Head> {
        (self.bytes == self.total).then_some(Head {
            filter: self.version,
            filter_bytes: self.total.into(),
            filter_place: self.place,
            ..head
        })
    }
}

/// The filter that counts; none if it cannot be had whole.
pub(crate) fn filter(head: &Head, host: &mut dyn Host) -> Option<Vec<u8>> {
    let total = usize::try_from(head.filter_bytes).ok().filter(|n| *n <= FILTER_BYTES_MAX)?;
    let mut bytes = Vec::with_capacity(total);
    let mut part = 0_u32;
    while bytes.len() < total {
        let value = host.load(&key(head.filter_place, part)).ok()?.0?;
        let (version, chunk) = value.split_first_chunk::<VERSION_BYTES>()?;
        if u64::from_le_bytes(*version) != head.filter || chunk.is_empty() {
            return None;
        }
        bytes.extend_from_slice(chunk);
        part = part.saturating_add(1);
    }
    (bytes.len() == total).then_some(bytes)
}

fn part(offset: u32) -> Option<u32> {
    let size = u32::try_from(CHUNK_BYTES_MAX).ok()?;
    offset.is_multiple_of(size).then(|| offset.checked_div(size))?
}

fn key(place: u64, part: u32) -> Vec<u8> {
    format!("tollgate.sync.filter.{place}.{part}").into_bytes()
}

// === impl Newer ===

impl Newer {
    pub(crate) fn of(told: &NewerKeys) -> Self {
        let few = !told.too_many && told.fingerprints.len() <= NEWER_KEYS_MAX;
        let mut fingerprints = told.fingerprints.clone();
        fingerprints.sort_unstable();
        Self { filter: told.filter, fingerprints: few.then_some(fingerprints) }
    }

    pub(crate) fn store(&self, host: &mut dyn Host) -> Option<()> {
        let count = self.fingerprints.as_ref().map_or(u64::MAX, |list| list.len() as u64);
        let numbers = [self.filter, count].into_iter();
        let numbers = numbers.chain(self.fingerprints.iter().flatten().copied());
        let bytes: Vec<u8> = numbers.flat_map(u64::to_le_bytes).collect();
        let (_, version) = host.load(NEWER_KEY).ok()?;
        host.store(NEWER_KEY, &bytes, version).ok()?.then_some(())
    }

    pub(crate) fn load(host: &mut dyn Host) -> Option<Self> {
        let bytes = host.load(NEWER_KEY).ok()?.0?;
        let mut numbers = bytes.as_chunks().0.iter().map(|number| u64::from_le_bytes(*number));
        let (filter, count) = (numbers.next()?, numbers.next()?);
        let fingerprints: Vec<u64> = numbers.collect();
        let few = count == fingerprints.len() as u64;
        Some(Self { filter, fingerprints: few.then_some(fingerprints) })
    }
}
