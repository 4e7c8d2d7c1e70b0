use std::hash::Hasher;

/// Takes keys as they are, because they are hashes already: SHA-256 of what
/// only the operator chooses, or fingerprints under a secret seed. Nobody
/// outside can make them collide.
#[derive(Clone, Debug, Default)]
pub struct Prehashed(u64);

impl Hasher for Prehashed {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
