use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Which Envoys something is for: those of some groups (`node.cluster`), or all.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Envoys(Option<Arc<BTreeSet<String>>>);

// === impl Envoys ===

impl Envoys {
    /// Those of these groups; all if none is named.
    pub fn of(groups: impl IntoIterator<Item = String>) -> Self {
        let groups: BTreeSet<_> = groups.into_iter().collect();
        Self((!groups.is_empty()).then(|| Arc::new(groups)))
    }

    /// Whether no group is left out.
    pub fn are_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether those of a group are among them.
    pub fn have(&self, group: &str) -> bool {
        self.0.as_ref().is_none_or(|groups| groups.contains(group))
    }

    /// Whether every one of them is among others.
    pub fn are_among(&self, others: &Self) -> bool {
        match (&self.0, &others.0) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(others)) => own.is_subset(others),
        }
    }

    /// The groups, if there are any that are left out.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|groups| groups.iter()).map(String::as_str)
    }
}

impl fmt::Display for Envoys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("all Envoys"),
            Some(groups) => {
                let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
                write!(f, "Envoys of {}", groups.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(groups: &[&str]) -> Envoys {
        Envoys::of(groups.iter().copied().map(str::to_owned))
    }

    #[test]
    fn no_group_is_every_group() {
        assert!(of(&[]).are_all() && of(&[]).have("edge"));
        assert!(of(&["edge"]).have("edge") && !of(&["edge"]).have("inner"));
    }

    #[test]
    fn some_are_among_all_and_all_are_not_among_some() {
        for (own, others, expected) in [
            (of(&[]), of(&[]), true),
            (of(&["edge"]), of(&[]), true),
            (of(&[]), of(&["edge"]), false),
            (of(&["edge"]), of(&["edge", "inner"]), true),
            (of(&["edge", "inner"]), of(&["edge"]), false),
        ] {
            assert_eq!(own.are_among(&others), expected, "{own} among {others}");
        }
    }
}
