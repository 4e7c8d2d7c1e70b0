//! The filter of all API keys that work.

#![expect(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use tollgate_auth::{InvalidKeyFilter, KeyFilter, KeyFingerprint};

const SALT: u64 = 0x0123_4567_89ab_cdef;

/// The fingerprint of a key that nobody else has.
fn nth(n: u64) -> KeyFingerprint {
    KeyFingerprint::of(&n.to_le_bytes())
}

fn filter(keys: impl Iterator<Item = u64>) -> KeyFilter {
    KeyFilter::build(1, SALT, keys.map(nth).collect()).unwrap()
}

fn decoded(bytes: &[u8]) -> Result<KeyFilter, InvalidKeyFilter> {
    KeyFilter::from_bytes(bytes)
}

#[test]
fn the_fingerprint_is_the_beginning_of_the_sha256() {
    let hash = Sha256::digest(b"sesame");
    assert_eq!(KeyFingerprint::of(b"sesame").0.to_be_bytes(), hash[..8]);
}

#[test]
fn sets_of_every_small_size_can_be_built() {
    for size in 0..300 {
        let filter = filter(0..size);
        assert!((0..size).all(|n| filter.may_contain(nth(n))), "{size}");
        let wrong = (1_000..2_000).filter(|n| filter.may_contain(nth(*n))).count();
        assert!(wrong <= 3, "{size}: {wrong} of 1000 strangers pass");
    }
}

#[test]
fn a_key_that_is_there_twice_is_there_once() {
    let twice = KeyFilter::build(1, SALT, [1, 2, 1, 2, 3, 3].map(nth).into()).unwrap();
    assert_eq!(twice.to_bytes(), filter(1..4).to_bytes());
}

/// Who knew the salt could work out keys that pass.
#[test]
fn which_strangers_pass_depends_on_the_salt() {
    let build = |salt| KeyFilter::build(1, salt, vec![nth(0)]).unwrap();
    let passing = |filter: &KeyFilter| {
        (1..1_000_000).filter(|n| filter.may_contain(nth(*n))).collect::<Vec<_>>()
    };
    let (one, other) = (passing(&build(SALT)), passing(&build(!SALT)));
    assert!(!one.is_empty() && !other.is_empty());
    assert_eq!(one.iter().filter(|n| other.contains(n)).count(), 0);
}

#[test]
fn a_million_keys_take_little_and_few_strangers_pass() {
    const KEYS: u64 = 1_000_000;
    let bytes = filter(0..KEYS).to_bytes();
    assert!(bytes.len() < 2_400_000, "{} bytes", bytes.len());
    let filter = decoded(&bytes).unwrap();
    assert!((0..KEYS).all(|n| filter.may_contain(nth(n))));
    // 15.3 in a million are expected: more than 40 would be six deviations off.
    let passing = (KEYS..2 * KEYS).filter(|n| filter.may_contain(nth(*n))).count();
    assert!((1..40).contains(&passing), "{passing} of a million strangers pass");
}

#[test]
fn what_is_no_filter_is_refused() {
    let good = filter(0..10).to_bytes();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let longer = [&good[..], &[0]].concat();
    for (bytes, expected) in [
        (vec![], "is not a filter of API keys: it does not begin as one"),
        (with(6, b"2"), "is not a filter of API keys: it does not begin as one"),
        (good[..39].to_vec(), "is cut short: its head takes 40 bytes, and it has 39"),
        (
            with(32, &0_u32.to_le_bytes()),
            "has segments of 0, which is not a power of two from 4 to 262144",
        ),
        (
            with(32, &12_u32.to_le_bytes()),
            "has segments of 12, which is not a power of two from 4 to 262144",
        ),
        (
            with(32, &524_288_u32.to_le_bytes()),
            "has segments of 524288, which is not a power of two from 4 to 262144",
        ),
        (
            with(36, &0_u32.to_le_bytes()),
            "has 0 first places, which is not a multiple of 16 up to 268435456",
        ),
        (
            with(36, &17_u32.to_le_bytes()),
            "has 17 first places, which is not a multiple of 16 up to 268435456",
        ),
        (
            with(36, &u32::MAX.to_le_bytes()),
            "has 4294967295 first places, which is not a multiple of 16 up to 268435456",
        ),
        (longer, "is 137 bytes long, and its head says 136"),
        (good[..135].to_vec(), "is 135 bytes long, and its head says 136"),
    ] {
        assert_eq!(decoded(&bytes).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_filter_is_not_printed() {
    assert_eq!(format!("{:?}", filter(0..10)), "KeyFilter { sequence: 1, .. }");
}

proptest! {
    #[test]
    fn a_filter_reads_back_as_it_was(
        keys in prop::collection::vec(any::<u64>(), 0..500),
        sequence: u64,
        salt: u64,
    ) {
        let keys: Vec<_> = keys.into_iter().map(KeyFingerprint).collect();
        let filter = KeyFilter::build(sequence, salt, keys.clone()).unwrap();
        let read = decoded(&filter.to_bytes()).unwrap();
        prop_assert_eq!(read.sequence(), sequence);
        prop_assert_eq!(read.to_bytes(), filter.to_bytes());
        prop_assert!(keys.iter().all(|key| read.may_contain(*key)));
    }

    /// Whatever the head says, every question is answered.
    #[test]
    fn no_head_leads_outside(
        numbers: [u64; 3],
        length in 0_u32..10,
        segments in 0_u32..20,
        extra in 0_usize..3,
        questions: Vec<u64>,
    ) {
        let length = 1 << length;
        let first = length * segments;
        let mut bytes = b"tgkeys1\0".to_vec();
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(length.to_le_bytes());
        bytes.extend(first.to_le_bytes());
        bytes.resize(40 + 2 * (first as usize + 2 * length as usize) + extra, 0);
        let read = decoded(&bytes);
        prop_assert_eq!(read.is_ok(), extra == 0 && 4 <= length && 0 < segments);
        for question in read.iter().flat_map(|filter| questions.iter().map(move |q| (filter, q))) {
            question.0.may_contain(KeyFingerprint(*question.1));
        }
    }

    #[test]
    fn other_bytes_are_no_filter(tail: Vec<u8>) {
        prop_assert!(decoded(&tail).is_err());
        prop_assert!(decoded(&[b"tgkeys1\0", &tail[..]].concat()).is_err());
    }
}
