use std::fmt;

/// Which value is meant: `apis.orders.routes.get-order.limits[0].requests`.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Path(String);

impl Path {
    /// The value of a field.
    pub(crate) fn key(&self, key: &str) -> Self {
        if self.0.is_empty() { Self(key.to_owned()) } else { Self(format!("{self}.{key}")) }
    }

    /// An entry of a list.
    pub(crate) fn index(&self, index: usize) -> Self {
        Self(format!("{self}[{index}]"))
    }

    /// What a text names below this value: `.requests`, `[2]`, `requests` or nothing.
    pub(crate) fn then(&self, beyond: &str) -> Self {
        let beyond = beyond.strip_prefix('.').unwrap_or(beyond);
        match beyond {
            "" => self.clone(),
            index if index.starts_with('[') => Self(format!("{self}{index}")),
            _ if self.0.is_empty() => Self(beyond.to_owned()),
            _ => Self(format!("{self}.{beyond}")),
        }
    }

    /// How the paths of all parts of this value begin.
    pub(crate) fn openings(&self) -> [Self; 2] {
        if self.0.is_empty() {
            return [Self::default(), Self::default()];
        }
        [Self(format!("{self}.")), Self(format!("{self}["))]
    }

    pub(crate) fn starts_with(&self, first: &Self) -> bool {
        self.0.starts_with(&first.0)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
