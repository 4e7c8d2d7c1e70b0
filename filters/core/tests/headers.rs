//! The host's list of headers, read without trusting it.
#![allow(clippy::unwrap_used, reason = "a test")]

use proptest::prelude::*;
use tollgate_core::{Duplicate, Headers, MalformedPairs};

/// The host's encoding of a list of headers.
fn encode(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let mut bytes = number(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend([number(name.len()), number(value.len())].concat());
    }
    for (name, value) in pairs {
        bytes.extend([name, &b"\0"[..], value, b"\0"].concat());
    }
    bytes
}

fn pair(name: &str, value: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (name.as_bytes().to_vec(), value.to_vec())
}

#[test]
fn lines_are_found_by_name() {
    let pairs = [pair("a", b"1"), pair("b", b"\xff"), pair("a", b"2"), pair("c", b"")];
    let headers = Headers::decode(encode(&pairs)).unwrap();
    assert_eq!(headers.get("a"), Some(&b"1"[..]));
    assert_eq!(headers.get("b"), Some(&b"\xff"[..]));
    assert_eq!(headers.get("c"), Some(&b""[..]));
    assert_eq!(headers.get("d"), None);
    assert_eq!(headers.only("a"), Err(Duplicate));
    assert_eq!(headers.only("b"), Ok(Some(&b"\xff"[..])));
    assert_eq!(headers.only("d"), Ok(None));
}

#[test]
fn malformed_lists_are_refused() {
    let whole = encode(&[pair("a", b"1")]);
    for len in 0..whole.len() {
        assert_eq!(Headers::decode(whole[..len].to_vec()), Err(MalformedPairs), "{len} bytes");
    }
    for bytes in [&b"\xff\xff\xff\xff"[..], b"\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"] {
        assert_eq!(Headers::decode(bytes.to_vec()), Err(MalformedPairs), "{bytes:?}");
    }
    assert_eq!(Headers::decode(encode(&vec![pair("a", b""); 1025])), Err(MalformedPairs));
    assert!(Headers::decode(encode(&vec![pair("a", b""); 1024])).is_ok());
}

fn bytes(max: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..max)
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(pairs in prop::collection::vec((bytes(12), bytes(40)), 0..20)) {
        let headers = Headers::decode(encode(&pairs)).unwrap();
        let read: Vec<_> = headers.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
        prop_assert_eq!(&read, &pairs);
        let collected: Headers = pairs.iter().map(|(n, v)| (n, v)).collect();
        prop_assert!(collected.iter().eq(headers.iter()));
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes in bytes(200)) {
        if let Ok(headers) = Headers::decode(bytes) {
            headers.iter().for_each(drop);
        }
    }

    /// As above, but near enough to a valid list to come further.
    #[test]
    fn no_flipped_byte_causes_a_panic(at in 0..60_usize, byte in any::<u8>()) {
        let mut bytes = encode(&[pair("name", b"value"), pair("other", b"x")]);
        if let Some(flipped) = bytes.get_mut(at) {
            *flipped = byte;
        }
        if let Ok(headers) = Headers::decode(bytes) {
            headers.iter().for_each(drop);
        }
    }
}
