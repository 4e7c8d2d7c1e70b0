use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::escape::unescape;

/// What a caller was granted (RFC 6749, section 3.3), as a header carries it:
/// words with blanks between them.
///
/// One text rather than a list, because identities are cached by the hundred
/// thousand, and the backend is told by the same text.
///
/// Invariant: sorted, each once, a single blank between two.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scopes(Rc<str>);

/// The groups that a caller is in, as a header carries them: names with commas
/// between them, in which what is no visible ASCII or blank, `,` and `%` are
/// percent-escaped.
///
/// Invariant: sorted as they are escaped, each once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Groups(Rc<str>);

// === impl Scopes ===

impl Scopes {
    /// Whether this scope was granted.
    pub fn contains(&self, scope: &str) -> bool {
        self.iter().any(|granted| granted == scope)
    }

    /// Each scope.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|scope| !scope.is_empty())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a header carries them.
    pub fn text(&self) -> &Rc<str> {
        &self.0
    }

    /// The same scopes in a text that others share.
    #[must_use]
    pub fn shared(&self, share: impl FnOnce(&Rc<str>) -> Rc<str>) -> Self {
        Self(share(&self.0))
    }
}

impl<S: AsRef<str>> FromIterator<S> for Scopes {
    /// What has blanks in it is several scopes, as in the claim `scope`.
    fn from_iter<I: IntoIterator<Item = S>>(scopes: I) -> Self {
        let scopes: Vec<S> = scopes.into_iter().collect();
        let words = scopes.iter().flat_map(|scope| scope.as_ref().split(' '));
        Self(joined(words.map(Cow::Borrowed), " "))
    }
}

// === impl Groups ===

impl Groups {
    /// Whether the caller is in this group.
    pub fn contains(&self, group: &str) -> bool {
        self.iter().any(|one| one == group)
    }

    /// Each group's name, without escapes.
    pub fn iter(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.0.split(',').filter(|group| !group.is_empty()).map(unescaped)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a header carries them.
    pub fn text(&self) -> &Rc<str> {
        &self.0
    }

    /// The same groups in a text that others share.
    #[must_use]
    pub fn shared(&self, share: impl FnOnce(&Rc<str>) -> Rc<str>) -> Self {
        Self(share(&self.0))
    }
}

impl<S: AsRef<str>> FromIterator<S> for Groups {
    fn from_iter<I: IntoIterator<Item = S>>(groups: I) -> Self {
        let groups: Vec<S> = groups.into_iter().collect();
        Self(joined(groups.iter().map(|group| escaped(group.as_ref())), ","))
    }
}

fn joined<'a>(words: impl Iterator<Item = Cow<'a, str>>, separator: &str) -> Rc<str> {
    let words: BTreeSet<Cow<'a, str>> = words.filter(|word| !word.is_empty()).collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    words.join(separator).into()
}

fn escaped(group: &str) -> Cow<'_, str> {
    if group.bytes().all(is_plain) {
        return Cow::Borrowed(group);
    }
    let mut text = String::with_capacity(group.len());
    for byte in group.bytes() {
        if is_plain(byte) {
            text.push(byte.into());
        } else {
            let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
            text.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
    Cow::Owned(text)
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b',' && byte != b'%'
}

fn unescaped(group: &str) -> Cow<'_, str> {
    match unescape(group.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(group),
        // It was text before it was escaped.
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::is_header_value;

    #[test]
    fn scopes_are_sorted_and_each_once() {
        let scopes: Scopes = ["b", "a c", "b", "", " "].into_iter().collect();
        assert_eq!(&**scopes.text(), "a b c");
        assert_eq!(scopes.iter().collect::<Vec<_>>(), ["a", "b", "c"]);
        for (scope, expected) in [("a", true), ("c", true), ("a b", false), ("", false)] {
            assert_eq!(scopes.contains(scope), expected, "{scope:?}");
        }
        assert!(!scopes.is_empty());
        assert!(Scopes::default().is_empty());
    }

    #[test]
    fn groups_are_escaped_where_a_header_needs_it() {
        for (groups, expected) in [
            (&["b", "a", "b", ""][..], "a,b"),
            (&["a, b"], "a%2c b"),
            (&["50%2c", "é"], "%c3%a9,50%252c"),
            (&["CN=a,OU=b"], "CN=a%2cOU=b"),
            (&[], ""),
        ] {
            let groups: Groups = groups.iter().collect();
            assert_eq!(&**groups.text(), expected);
            assert_eq!(groups.is_empty(), expected.is_empty());
        }
    }

    proptest! {
        #[test]
        fn groups_are_read_as_they_were(names in prop::collection::btree_set(".{1,6}", 0..6)) {
            let groups: Groups = names.iter().collect();
            prop_assert!(is_header_value(groups.text().as_bytes()));
            let mut read: Vec<_> = groups.iter().map(Cow::into_owned).collect();
            read.sort();
            prop_assert_eq!(read, names.iter().cloned().collect::<Vec<_>>());
            for name in &names {
                prop_assert!(groups.contains(name));
                prop_assert_eq!(groups.contains(&format!("{name},")), names.contains(&format!("{name},")));
            }
        }
    }
}
