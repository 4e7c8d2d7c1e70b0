use sha2::{Digest as _, Sha256};

/// What a token is called wherever something about it is kept.
///
/// A hash of the token and of who was asked about it: what one provider says
/// about a token, or to one client, says nothing about what another would.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Name([u8; 32]);

// === impl Name ===

impl Name {
    /// Parts are delimited by their lengths, so `["ab", "c"]` and `["a", "bc"]` differ.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// As bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// One of its bytes: as good as random, and always the same.
    pub(crate) fn spread(&self) -> u8 {
        let Self([first, ..]) = self;
        *first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_apart() {
        let name = |parts: &[&str]| Name::of(parts.iter().map(|part| part.as_bytes()));
        assert_ne!(name(&["ab", "c"]), name(&["a", "bc"]));
        assert_ne!(name(&["ab"]), name(&["ab", ""]));
        assert_eq!(name(&["ab", "c"]), name(&["ab", "c"]));
    }
}
