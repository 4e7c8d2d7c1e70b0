use std::borrow::Cow;

/// A path in the one form that routing, policy and backend agree on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CanonicalPath<'a> {
    path: Cow<'a, [u8]>,
    query: Option<&'a [u8]>,
}

/// Why a path has no canonical form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("ambiguous")]
pub struct AmbiguousPath;

impl<'a> CanonicalPath<'a> {
    /// Reads `:path`.
    pub fn parse(target: &'a [u8]) -> Result<Self, AmbiguousPath> {
        Ok(Self { path: Cow::Borrowed(target), query: None })
    }
}
