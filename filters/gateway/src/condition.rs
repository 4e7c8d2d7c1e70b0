use std::borrow::Cow;

use tollgate_core::{Headers, query_parameters};

use crate::expression::{Expression, InvalidRegex};
use crate::spec::ValueSpec;

/// What a header or a query parameter must be.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    name: Box<str>,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Exact(Box<[u8]>),
    Regex(Expression),
    Present,
    Absent,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Holds {
    Yes,
    No,
    /// The value stands several times, and backends differ in which one they
    /// take, so that no answer would be right for all of them.
    Unclear,
}

// === impl Condition ===

impl Condition {
    pub(crate) fn compile(name: &str, spec: ValueSpec) -> Result<Self, InvalidRegex> {
        let test = match spec {
            ValueSpec::Exact(value) => Test::Exact(value.into_bytes().into()),
            ValueSpec::Regex { regex } => Test::Regex(Expression::compile(&regex)?),
            ValueSpec::Present { present: true } => Test::Present,
            ValueSpec::Present { present: false } => Test::Absent,
        };
        Ok(Self { name: name.into(), test })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// For a condition on a header.
    pub(crate) fn holds_in_headers(&self, headers: &Headers) -> Holds {
        let lines = headers.iter().filter(|(name, _)| *name == self.name.as_bytes());
        self.test.holds(lines.map(|(_, value)| Cow::Borrowed(value)))
    }

    /// For a condition on a query parameter.
    pub(crate) fn holds_in_query(&self, query: &[u8]) -> Holds {
        let pairs = query_parameters(query);
        let named = pairs.filter(|(name, _)| **name == *self.name.as_bytes());
        self.test.holds(named.map(|(_, value)| value))
    }
}

impl Test {
    fn holds<'v>(&self, mut values: impl Iterator<Item = Cow<'v, [u8]>>) -> Holds {
        let (first, more) = (values.next(), values.next().is_some());
        match (self, first) {
            (Self::Present, first) => Holds::from(first.is_some()),
            (Self::Absent, first) => Holds::from(first.is_none()),
            (_, None) => Holds::No,
            (_, Some(_)) if more => Holds::Unclear,
            (Self::Exact(wanted), Some(value)) => Holds::from(**wanted == *value),
            (Self::Regex(wanted), Some(value)) => Holds::from(wanted.matches(&value)),
        }
    }
}

impl From<bool> for Holds {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}
