use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// Random bytes of one VM or of one Envoy, drawn by the host.
///
/// Everything that an attacker could otherwise make collide is hashed under it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Seed(pub [u8; 16]);

/// A keyed 128-bit hash: two inputs share one by accident never, and on
/// purpose only for someone who knows the seed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint(pub u128);

impl Seed {
    /// The fingerprint of a list of parts. Parts are delimited by their
    /// lengths, so `["ab", "c"]` and `["a", "bc"]` differ.
    pub fn fingerprint(&self, parts: &[&[u8]]) -> Fingerprint {
        let mut fingerprint = self.fingerprinter();
        for part in parts {
            fingerprint.add(part);
        }
        fingerprint.finish()
    }

    /// For parts that come one by one.
    pub fn fingerprinter(&self) -> Fingerprinter {
        Fingerprinter(SipHasher13::new_with_key(&self.0))
    }
}

/// A fingerprint in the making.
#[derive(Clone, Debug)]
pub struct Fingerprinter(SipHasher13);

impl Fingerprinter {
    /// Adds a part.
    pub fn add(&mut self, part: &[u8]) {
        self.0.write(&part.len().to_le_bytes());
        self.0.write(part);
    }

    /// The fingerprint of the parts so far.
    pub fn finish(&self) -> Fingerprint {
        Fingerprint(self.0.finish128().as_u128())
    }
}
