//! What an API key looks like.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "keys are ASCII, and helpers of tests may fail"
)]

use proptest::prelude::*;
use regex::{Regex, RegexBuilder};
use tollgate_auth::{API_KEY_REGEX, ApiKey};

/// Worked out by another program.
const ZERO: &str = "tg_00000000000000000000000000000000000000000002CZclj";
const MOST: &str = "tg_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp13sRzl1";

fn key(entropy: [u8; 32]) -> String {
    ApiKey::generate(entropy).as_str().to_owned()
}

/// As scanners read it: `\b` is about ASCII.
fn scanner() -> Regex {
    RegexBuilder::new(API_KEY_REGEX).unicode(false).build().unwrap()
}

#[test]
fn keys_are_a_prefix_43_digits_and_a_checksum() {
    assert_eq!(key([0; 32]), ZERO);
    assert_eq!(key([0xff; 32]), MOST);
    let mut one = [0; 32];
    one[31] = 62;
    assert_eq!(&key(one)[..46], "tg_0000000000000000000000000000000000000000010");
}

#[test]
fn anything_else_is_no_key() {
    assert!(ApiKey::is_well_formed(ZERO.as_bytes()));
    for wrong in [
        String::new(),
        "tg_".to_owned(),
        ZERO[3..].to_owned(),
        format!("{ZERO}0"),
        ZERO[..51].to_owned(),
        format!(" {ZERO}"),
        format!("{ZERO}\n"),
        ZERO.replace("tg_", "TG_"),
        ZERO.replace("tg_", "tg-"),
        ZERO.replace("CZclj", "CZclJ"),
        ZERO.replace("tg_0", "tg_+"),
        ZERO.replace("tg_0", "tg_é"),
    ] {
        assert!(!ApiKey::is_well_formed(wrong.as_bytes()), "{wrong:?}");
    }
}

#[test]
fn scanners_find_keys_in_any_text() {
    let regex = scanner();
    let found = |text: &str| -> Vec<String> {
        regex.find_iter(text).map(|found| found.as_str().to_owned()).collect()
    };
    let texts = [
        format!("x-api-key: {ZERO}"),
        format!("KEY=\"{ZERO}\"\n"),
        format!("https://example.com/?key={ZERO}&x=1"),
    ];
    for text in texts {
        assert_eq!(found(&text), vec![ZERO.to_owned()], "{text}");
    }
    for text in [format!("{ZERO}0"), format!("a{ZERO}"), ZERO[..51].to_owned()] {
        assert_eq!(found(&text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_manual_tells_scanners_the_same() {
    let manual = include_str!("../../../docs/keys.md");
    assert!(manual.contains(&format!("\n{API_KEY_REGEX}\n")));
}

#[test]
fn a_key_is_never_printed_whole() {
    let key = ApiKey::generate([7; 32]);
    assert_eq!(format!("{key:?}"), "ApiKey([redacted])");
    assert_eq!(key.hint(), &key.as_str()[..7]);
}

#[test]
fn a_key_has_a_public_name() {
    assert_eq!(ApiKey::generate([0; 32]).id(), "key_EsFsVm0PHrx");
}

proptest! {
    #[test]
    fn every_key_is_well_formed_and_found(entropy: [u8; 32]) {
        let key = key(entropy);
        prop_assert!(ApiKey::is_well_formed(key.as_bytes()), "{}", key);
        prop_assert!(scanner().is_match(&key), "{}", key);
    }

    #[test]
    fn different_bits_make_different_keys_and_names(a: [u8; 32], at in 0_usize..256) {
        let mut b = a;
        b[at / 8] ^= 1 << (at % 8);
        let (a, b) = (ApiKey::generate(a), ApiKey::generate(b));
        prop_assert!(a.as_str() != b.as_str() && a.id() != b.id());
    }

    #[test]
    fn one_wrong_character_is_always_noticed(entropy: [u8; 32], at in 0_usize..52, byte: u8) {
        let mut key = key(entropy).into_bytes();
        prop_assume!(key[at] != byte);
        key[at] = byte;
        prop_assert!(!ApiKey::is_well_formed(&key));
    }

    #[test]
    fn two_swapped_characters_are_always_noticed(entropy: [u8; 32], at in 0_usize..51) {
        let mut key = key(entropy).into_bytes();
        prop_assume!(key[at] != key[at + 1]);
        key.swap(at, at + 1);
        prop_assert!(!ApiKey::is_well_formed(&key));
    }

    #[test]
    fn no_bytes_are_a_key_by_accident(bytes: Vec<u8>) {
        prop_assert!(!ApiKey::is_well_formed(&bytes));
    }
}
