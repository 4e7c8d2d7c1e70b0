use std::fmt;

/// What kind of value a part of a condition gives, as far as that can be told
/// before there is a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    Truth,
    Number,
    Text,
    Texts,
    List,
    Null,
    /// A claim, or something in one.
    Anything,
}

// === impl Kind ===

impl Kind {
    /// Whether a value can be of both kinds.
    pub(super) fn may_be(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Anything, _)
                | (_, Self::Anything)
                | (Self::Texts, Self::List)
                | (Self::List, Self::Texts)
        ) || self == other
    }

    /// What a value is that may be of either kind.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            _ if self == other => self,
            (Self::Texts, Self::List) | (Self::List, Self::Texts) => Self::List,
            _ => Self::Anything,
        }
    }

    /// What stands in a list, if it is one.
    pub(super) fn entries(self) -> Option<Self> {
        match self {
            Self::Texts => Some(Self::Text),
            Self::List | Self::Anything => Some(Self::Anything),
            Self::Truth | Self::Number | Self::Text | Self::Null => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truth => "true or false",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Texts => "a list of texts",
            Self::List => "a list",
            Self::Null => "null",
            Self::Anything => "anything",
        })
    }
}
