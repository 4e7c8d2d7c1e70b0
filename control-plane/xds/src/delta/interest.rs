use std::collections::BTreeSet;

/// Subscribes to everything of a kind.
const WILDCARD: &str = "*";

/// What Envoy asks for, of one kind.
#[derive(Debug, Default)]
pub(super) struct Interest {
    everything: bool,
    named: BTreeSet<String>,
}

/// What one line of a request did.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Change {
    /// Everything is asked for, perhaps again.
    Everything { again: bool },
    /// Only what is named is asked for.
    OnlyNamed,
    /// This is asked for, perhaps again.
    Named(String),
    /// This was asked for by name, and still is as a part of everything.
    StillWanted(String),
    /// This is no longer asked for.
    Unwanted(String),
}

impl Interest {
    /// Before there was a wildcard, a first request without any name meant
    /// everything, and Envoy still says it so.
    pub(super) fn of_first_request(subscribe: &[String], unsubscribe: &[String]) -> Self {
        let everything = subscribe.is_empty() && unsubscribe.is_empty();
        Self { everything, named: BTreeSet::new() }
    }

    pub(super) fn subscribe(&mut self, name: String) -> Change {
        if name == WILDCARD {
            let again = std::mem::replace(&mut self.everything, true);
            return Change::Everything { again };
        }
        self.named.insert(name.clone());
        Change::Named(name)
    }

    pub(super) fn unsubscribe(&mut self, name: String) -> Option<Change> {
        if name == WILDCARD {
            self.everything = false;
            return Some(Change::OnlyNamed);
        }
        match (self.named.remove(&name), self.everything) {
            (true, true) => Some(Change::StillWanted(name)),
            (true, false) => Some(Change::Unwanted(name)),
            (false, _) => None,
        }
    }

    pub(super) fn is_everything(&self) -> bool {
        self.everything
    }

    pub(super) fn names(&self, name: &str) -> bool {
        self.named.contains(name)
    }

    pub(super) fn named(&self) -> &BTreeSet<String> {
        &self.named
    }
}
