//! What an API key looks like.
//!
//! `tg_`, 256 random bits as 43 digits of base 62, and their CRC-32 as 6 more.
//! The checksum lets a mistyped key be refused without a look-up, and lets
//! scanners of repositories and logs report leaked keys without false alarms.
//! Their rule is the regular expression [`API_KEY_REGEX`].

use std::fmt;

use sha2::{Digest as _, Sha256};

/// An API key, as its owner sends it. Shown once and never stored, and not to be
/// compared: how long that takes would tell where two differ.
#[derive(Clone)]
pub struct ApiKey(String);

/// Finds API keys in any text; what it finds and [`ApiKey::is_well_formed`]
/// confirms is one.
pub const API_KEY_REGEX: &str = r"\btg_[0-9A-Za-z]{49}\b";

const PREFIX: &str = "tg_";
const BASE: u32 = 62;
const DIGITS: &[u8; BASE as usize] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// As many digits as 256, 32 and 64 bits take.
const SECRET_DIGITS: usize = 43;
const CHECKSUM_DIGITS: usize = 6;
const ID_DIGITS: usize = 11;

/// As much of a key as lists show: enough to tell keys apart, and 24 bits of 256.
const HINT_CHARS: usize = 7;

// === impl ApiKey ===

impl ApiKey {
    /// The key that these random bits make. Different bits make different keys.
    pub fn generate(entropy: [u8; 32]) -> Self {
        let secret = base62(entropy, SECRET_DIGITS);
        let checksum = checksum(secret.as_bytes());
        Self(format!("{PREFIX}{secret}{checksum}"))
    }

    /// Whether `key` can be one of ours: anything else need not be looked up.
    pub fn is_well_formed(key: &[u8]) -> bool {
        let Some((secret, sum)) = key
            .strip_prefix(PREFIX.as_bytes())
            .and_then(|digits| digits.split_at_checked(SECRET_DIGITS))
        else {
            return false;
        };
        secret.iter().all(u8::is_ascii_alphanumeric) && sum == checksum(secret).as_bytes()
    }

    /// The key itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The beginning, by which its owner recognises it.
    pub fn hint(&self) -> &str {
        self.0.get(..HINT_CHARS).unwrap_or_default()
    }

    /// A public name for it that nobody has to think of. It tells nothing about
    /// the key, which has four times as many bits and is hashed.
    pub fn id(&self) -> String {
        let hash = Sha256::new().chain_update(b"id of ").chain_update(&self.0).finalize();
        let bits = hash.first_chunk::<8>().copied().unwrap_or_default();
        format!("key_{}", base62(bits, ID_DIGITS))
    }
}

/// Without the key.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([redacted])")
    }
}

fn checksum(secret: &[u8]) -> String {
    base62(crc32fast::hash(secret).to_be_bytes(), CHECKSUM_DIGITS)
}

/// A big-endian number in as many digits, the least significant last.
fn base62<const BYTES: usize>(mut number: [u8; BYTES], digits: usize) -> String {
    let mut text: Vec<u8> = (0..digits).filter_map(|_| divide(&mut number)).collect();
    text.reverse();
    text.into_iter().map(char::from).collect()
}

/// Takes the last digit off a number.
fn divide(number: &mut [u8]) -> Option<u8> {
    let mut rest = 0_u32;
    for byte in number {
        let high = (rest << 8) | u32::from(*byte);
        *byte = u8::try_from(high / BASE).ok()?;
        rest = high % BASE;
    }
    DIGITS.get(usize::try_from(rest).ok()?).copied()
}
