use std::collections::BTreeMap;

/// What Envoy has, as far as it was told on this stream or said itself.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<String, State>);

/// What Envoy knows of one name.
#[derive(Debug, Eq, PartialEq)]
enum State {
    /// It was offered this version; a refused one is not offered twice.
    Offered(String),
    /// It may have some version, and has to be told again.
    Doubtful,
    /// It was told that there is no such resource.
    Absent,
}

impl Known {
    pub(super) fn offer(&mut self, name: String, version: String) {
        self.0.insert(name, State::Offered(version));
    }

    pub(super) fn deny(&mut self, name: String) {
        self.0.insert(name, State::Absent);
    }

    /// Has the name told again: answered with the resource or its removal.
    pub(super) fn doubt(&mut self, name: String) {
        self.0.insert(name, State::Doubtful);
    }

    /// Has it told again if it was offered.
    pub(super) fn doubt_offered(&mut self, name: &str) {
        if let Some(state @ State::Offered(_)) = self.0.get_mut(name) {
            *state = State::Doubtful;
        }
    }

    /// Has it offered again if it was offered. Envoy did not ask for that, so
    /// it need not hear of it if there is nothing to offer by then.
    pub(super) fn outdate(&mut self, name: &str) {
        if let Some(State::Offered(version)) = self.0.get_mut(name) {
            version.clear();
        }
    }

    pub(super) fn doubt_all_offered(&mut self) {
        for state in self.0.values_mut().filter(|state| **state != State::Absent) {
            *state = State::Doubtful;
        }
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(super) fn forget_unless(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    pub(super) fn has(&self, name: &str, version: &str) -> bool {
        matches!(self.0.get(name), Some(State::Offered(offered)) if offered == version)
    }

    pub(super) fn may_have(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|state| *state != State::Absent)
    }

    pub(super) fn is_new(&self, name: &str) -> bool {
        !self.0.contains_key(name)
    }

    pub(super) fn is_doubtful(&self, name: &str) -> bool {
        self.0.get(name) == Some(&State::Doubtful)
    }

    /// The names that Envoy may have, each with whether it is doubtful.
    pub(super) fn present(&self) -> impl Iterator<Item = (&String, bool)> {
        self.0
            .iter()
            .filter(|(_, state)| **state != State::Absent)
            .map(|(name, state)| (name, *state == State::Doubtful))
    }
}
