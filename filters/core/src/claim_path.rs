use std::fmt;

use serde_json::{Map, Value};

/// Which claim is meant: names from the outside in, with dots between them.
/// `\.` stands for a dot in a name, `\\` for a backslash.
///
/// Invariant: at least one name, none of them empty.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ClaimPath(Box<[Box<str>]>);

/// Why a path was refused. The texts go on from the path of what names it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidClaimPath {
    #[error("is empty; name a claim, or leave it out")]
    Empty,
    #[error(
        "{0:?} has an empty name in it; write names with dots between them, and `\\.` for a dot \
         in a name"
    )]
    EmptyName(String),
    #[error("{0:?} has a backslash before something else than a dot or a backslash; write `\\\\`")]
    Backslash(String),
    #[error("{0:?} is a URL cut at its dots; write `\\.` for a dot in a name")]
    Url(String),
}

// === impl ClaimPath ===

impl ClaimPath {
    /// Reads a path as it is written.
    pub fn parse(text: &str) -> Result<Self, InvalidClaimPath> {
        if text.is_empty() {
            return Err(InvalidClaimPath::Empty);
        }
        let names = names(text).ok_or_else(|| InvalidClaimPath::Backslash(text.to_owned()))?;
        if names.iter().any(String::is_empty) {
            return Err(InvalidClaimPath::EmptyName(text.to_owned()));
        }
        let is_cut = |name: &String| name.contains("://") && !name.contains('.');
        if 1 < names.len() && names.iter().any(is_cut) {
            return Err(InvalidClaimPath::Url(text.to_owned()));
        }
        Ok(Self::of(names))
    }

    /// The path of these names.
    pub fn of<N: Into<Box<str>>>(names: impl IntoIterator<Item = N>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// The names, from the outside in.
    pub fn names(&self) -> &[Box<str>] {
        &self.0
    }

    /// What stands at the path in these claims.
    pub fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter().try_fold(claims.get(&**first)?, |value, name| value.get(&**name))
    }

    /// Whether this is the claim `other`, or one in it.
    pub fn is_in(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

/// As it is written.
impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            write!(f, "{dot}{}", name.replace('\\', r"\\").replace('.', r"\."))?;
        }
        Ok(())
    }
}

fn names(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '.' => names.push(std::mem::take(&mut name)),
            '\\' => name.push(chars.next().filter(|next| matches!(next, '.' | '\\'))?),
            _ => name.push(char),
        }
    }
    names.push(name);
    Some(names)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn dots_lead_inside_unless_they_are_escaped() {
        for (text, names) in [
            ("tenant", &["tenant"][..]),
            ("realm_access.roles", &["realm_access", "roles"]),
            (r"https://acme\.example/tenant", &["https://acme.example/tenant"]),
            (r"https://acme\.example/app.roles", &["https://acme.example/app", "roles"]),
            ("http://localhost/tenant", &["http://localhost/tenant"]),
            (r"a\\b.c", &[r"a\b", "c"]),
            (" . ", &[" ", " "]),
        ] {
            let path = ClaimPath::parse(text).unwrap();
            assert_eq!(path, ClaimPath::of(names.iter().copied()), "{text}");
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn values_are_found_in_objects_only() {
        let claims = json!({"a": {"b": {"c": 1}, "b.c": 2}, "x": [{"y": 1}], "a.b": 3});
        let claims = claims.as_object().unwrap();
        for (text, expected) in [
            ("a.b.c", Some(json!(1))),
            (r"a.b\.c", Some(json!(2))),
            (r"a\.b", Some(json!(3))),
            ("a.b.d", None),
            ("a.b.c.d", None),
            ("x.y", None),
            ("x.0", None),
            ("b", None),
        ] {
            let path = ClaimPath::parse(text).unwrap();
            assert_eq!(path.find(claims), expected.as_ref(), "{text}");
        }
    }

    #[test]
    fn paths_are_in_each_other_by_whole_names() {
        let path = |text| ClaimPath::parse(text).unwrap();
        for (one, other, expected) in [
            ("a", "a", true),
            ("a.b", "a", true),
            ("a.b.c", "a.b", true),
            ("a", "a.b", false),
            ("a.b", "a.c", false),
            ("ab", "a", false),
        ] {
            assert_eq!(path(one).is_in(&path(other)), expected, "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn paths_are_read_as_they_are_written(names in prop::collection::vec(r"[a.\\]{1,4}", 1..4)) {
            let path = ClaimPath::of(names.iter().map(String::as_str));
            prop_assert_eq!(ClaimPath::parse(&path.to_string()), Ok(path));
        }
    }
}
