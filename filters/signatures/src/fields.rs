//! Structured fields (RFC 9651), read more strictly: a key that stands twice
//! in a dictionary is a fault rather than an invitation to read either.

use sfv::visitor::{DictionaryVisitor, EntryVisitor};
use sfv::{Dictionary, FieldType as _, KeyRef, ListEntry, Parser};

/// Collects a dictionary.
struct Unique(Dictionary);

#[derive(Debug, thiserror::Error)]
#[error("a key stands twice")]
struct Twice;

impl<'de> DictionaryVisitor<'de> for Unique {
    type Out = Dictionary;
    type Error = Twice;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Twice> {
        if self.0.contains_key(key) {
            return Err(Twice);
        }
        DictionaryVisitor::entry(&mut self.0, key).map_err(|never| match never {})
    }

    fn finish(self) -> Result<Dictionary, Twice> {
        Ok(self.0)
    }
}

/// Reads a dictionary; none if it is malformed or a key stands twice.
pub(crate) fn dictionary(value: &[u8]) -> Option<Dictionary> {
    Parser::new(value).parse_dictionary_with_visitor(Unique(Dictionary::new())).ok()
}

/// A member of a dictionary or list, as it is written strictly.
pub(crate) fn serialized(member: &ListEntry) -> Option<String> {
    vec![member.clone()].serialize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dictionaries_are_read_once_and_whole() {
        for (value, expected) in [
            ("a=1, b=(\"x\" y;z);c", Some("a=1, b=(\"x\" y;z);c")),
            ("  a=:AQ==:\t,\tb", Some("a=:AQ==:, b")),
            ("", None),
            ("a=1, a=1", None),
            ("a=1, b=2, a=3", None),
            ("a=1,", None),
            ("A=1", None),
            ("a=(1", None),
            ("a=1 b=2", None),
        ] {
            let read = dictionary(value.as_bytes()).and_then(|read| read.serialize());
            assert_eq!(read.as_deref(), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(
            bytes: Vec<u8>,
            text in "[ab=(),;:\"\\\\@?%.* \t01-]{0,40}",
        ) {
            let _ = dictionary(&bytes);
            if let Some(read) = dictionary(text.as_bytes()).and_then(|read| read.serialize()) {
                let again = dictionary(read.as_bytes()).and_then(|read| read.serialize());
                prop_assert_eq!(again, Some(read));
            }
        }
    }
}
