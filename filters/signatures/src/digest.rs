use sfv::{BareItem, Dictionary, Item, ListEntry};
use tollgate_core::Headers;

use crate::headers::{joined, lines};
use crate::{BodyCheck, Refused, fields};

/// What `content-digest` says about the body (RFC 9530, section 2).
pub(crate) struct ContentDigest(Dictionary);

// === impl ContentDigest ===

impl ContentDigest {
    /// The field, if the request has one.
    pub(crate) fn read(headers: &Headers) -> Result<Option<Self>, Refused> {
        let Some(value) = joined(&lines(headers, "content-digest")?) else { return Ok(None) };
        fields::dictionary(&value).map(|digests| Some(Self(digests))).ok_or(Refused::ContentDigest)
    }

    pub(crate) fn sha256(&self) -> Option<[u8; 32]> {
        self.bytes("sha-256")?.try_into().ok()
    }

    /// What the body has to be by the strongest digest of those that count.
    pub(crate) fn check(&self, counts: impl Fn(&str) -> bool) -> Option<BodyCheck> {
        if counts("sha-512")
            && let Some(digest) = self.bytes("sha-512")
        {
            return Some(BodyCheck::Sha512(digest.try_into().ok()?));
        }
        let sha256 = if counts("sha-256") { self.sha256() } else { None };
        sha256.map(BodyCheck::Sha256)
    }

    fn bytes(&self, algorithm: &str) -> Option<&[u8]> {
        match self.0.get(algorithm)? {
            ListEntry::Item(Item { bare_item: BareItem::ByteSequence(digest), .. }) => Some(digest),
            _ => None,
        }
    }
}
