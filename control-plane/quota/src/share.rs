/// A part of a limit, in millionths of what the limit is for all Envoys together.
/// That may be more or less than is configured, if an operator says so for one
/// tenant: every Envoy knows it, and parts are parts.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Share(pub u32);

impl Share {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// All of it.
    pub const WHOLE: Self = Self(1_000_000);

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// One of `parts` equal parts.
    #[must_use]
    pub fn part(self, parts: u32) -> Self {
        Self(self.0.checked_div(parts).unwrap_or(0))
    }
}

impl std::iter::Sum for Share {
    fn sum<I: Iterator<Item = Self>>(shares: I) -> Self {
        shares.fold(Self::NONE, Self::plus)
    }
}
