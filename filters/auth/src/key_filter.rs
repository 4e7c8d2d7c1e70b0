use std::fmt;

use sha2::{Digest as _, Sha256};
use xorf::{BinaryFuse16, Descriptor, Filter as _};

/// All API keys that work, in 18 bits a key.
///
/// A gateway asks it before it asks anyone else: a key that it does not contain
/// is nobody's, and one in 65,536 of those is taken for somebody's and looked
/// up. Made by the control plane, carried as bytes, read in every worker.
#[derive(Clone)]
pub struct KeyFilter {
    sequence: u64,
    /// Mixed into every fingerprint, or a caller could work out keys that pass.
    salt: u64,
    filter: BinaryFuse16,
}

/// The first 64 bits of a key's SHA-256. Of a key of 256 random bits it gives
/// nothing away.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyFingerprint(pub u64);

/// Why bytes are not a filter of API keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidKeyFilter {
    #[error("is not a filter of API keys: it does not begin as one")]
    Magic,
    #[error("is cut short: its head takes {HEAD_BYTES} bytes, and it has {bytes}")]
    Head { bytes: usize },
    #[error("has segments of {length}, which is not a power of two from 4 to {SEGMENT_MAX}")]
    SegmentLength { length: u32 },
    #[error(
        "has {total} first places, which is not a multiple of {length} up to {FIRST_PLACES_MAX}"
    )]
    FirstPlaces { total: u32, length: u32 },
    #[error("is {bytes} bytes long, and its head says {expected}")]
    Length { bytes: usize, expected: u64 },
}

/// The same set cannot be told apart from itself in a thousand tries, so the
/// filter cannot be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the filter of API keys cannot be built")]
pub struct UnbuildableKeyFilter;

struct Head {
    sequence: u64,
    salt: u64,
    descriptor: Descriptor,
}

/// Name and version of the form.
const MAGIC: &[u8; 8] = b"tgkeys1\0";
/// Magic, sequence, salt, seed, segment length, number of first places.
const HEAD_BYTES: usize = 40;
/// The builder makes none longer.
const SEGMENT_MAX: u32 = 1 << 18;
/// Enough for 200 million keys.
const FIRST_PLACES_MAX: u32 = 1 << 28;
/// A key has a place in each of three neighbouring segments.
const MORE_SEGMENTS: u64 = 2;

// === impl KeyFingerprint ===

impl KeyFingerprint {
    /// The fingerprint of a key as it is sent.
    pub fn of(key: &[u8]) -> Self {
        let hash = Sha256::digest(key);
        Self(u64::from_be_bytes(hash.first_chunk().copied().unwrap_or_default()))
    }
}

// === impl KeyFilter ===

impl KeyFilter {
    /// The filter of these keys, as the store knew them after change `sequence`.
    /// `salt` is random, so that nobody outside can tell which other keys pass.
    pub fn build(
        sequence: u64,
        salt: u64,
        mut fingerprints: Vec<KeyFingerprint>,
    ) -> Result<Self, UnbuildableKeyFilter> {
        fingerprints.sort_unstable();
        fingerprints.dedup();
        let distinct = fingerprints.iter().map(|fingerprint| fingerprint.0 ^ salt);
        let filter = BinaryFuse16::try_from_iterator(distinct).map_err(|_| UnbuildableKeyFilter)?;
        Ok(Self { sequence, salt, filter })
    }

    /// The number of the last change of the store that it knows of.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// False if the key is certainly none of those that the filter was built from.
    pub fn may_contain(&self, fingerprint: KeyFingerprint) -> bool {
        self.filter.contains(&(fingerprint.0 ^ self.salt))
    }

    /// The form in which it travels: little-endian, a head and the places.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Descriptor { seed, segment_length, segment_count_length, .. } = self.filter.descriptor;
        let mut bytes = Vec::from(MAGIC);
        bytes.extend(self.sequence.to_le_bytes());
        bytes.extend(self.salt.to_le_bytes());
        bytes.extend(seed.to_le_bytes());
        bytes.extend(segment_length.to_le_bytes());
        bytes.extend(segment_count_length.to_le_bytes());
        bytes.extend(self.filter.fingerprints.iter().flat_map(|place| place.to_le_bytes()));
        bytes
    }

    /// Reads what [`KeyFilter::to_bytes`] wrote. Whatever the bytes say, a
    /// question to the filter stays inside of it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidKeyFilter> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(InvalidKeyFilter::Magic)?;
        let (head, places) =
            Head::read(rest).ok_or(InvalidKeyFilter::Head { bytes: bytes.len() })?;
        let Head { sequence, salt, descriptor } = head;
        check(&descriptor, bytes.len())?;
        let fingerprints = places.as_chunks().0.iter().copied().map(u16::from_le_bytes).collect();
        Ok(Self { sequence, salt, filter: BinaryFuse16 { descriptor, fingerprints } })
    }
}

impl Head {
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (sequence, bytes) = bytes.split_first_chunk()?;
        let (salt, bytes) = bytes.split_first_chunk()?;
        let (seed, bytes) = bytes.split_first_chunk()?;
        let (segment_length, bytes) = bytes.split_first_chunk()?;
        let (segment_count_length, places) = bytes.split_first_chunk()?;
        let segment_length = u32::from_le_bytes(*segment_length);
        let descriptor = Descriptor {
            seed: u64::from_le_bytes(*seed),
            segment_length,
            segment_length_mask: segment_length.wrapping_sub(1),
            segment_count_length: u32::from_le_bytes(*segment_count_length),
        };
        let (sequence, salt) = (u64::from_le_bytes(*sequence), u64::from_le_bytes(*salt));
        Some((Self { sequence, salt, descriptor }, places))
    }
}

/// What keeps every place of every key inside of the filter: the first is below
/// `segment_count_length`, and the others at most in the two segments after it.
fn check(descriptor: &Descriptor, bytes: usize) -> Result<(), InvalidKeyFilter> {
    let length = descriptor.segment_length;
    let total = descriptor.segment_count_length;
    if !length.is_power_of_two() || !(4..=SEGMENT_MAX).contains(&length) {
        return Err(InvalidKeyFilter::SegmentLength { length });
    }
    if !(length..=FIRST_PLACES_MAX).contains(&total) || !total.is_multiple_of(length) {
        return Err(InvalidKeyFilter::FirstPlaces { total, length });
    }
    let places = u64::from(length).saturating_mul(MORE_SEGMENTS).saturating_add(total.into());
    let expected = places.saturating_mul(2).saturating_add(HEAD_BYTES as u64);
    if u64::try_from(bytes) != Ok(expected) {
        return Err(InvalidKeyFilter::Length { bytes, expected });
    }
    Ok(())
}

/// Without what is in it.
impl fmt::Debug for KeyFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFilter").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}
