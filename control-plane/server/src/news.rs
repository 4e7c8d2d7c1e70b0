use std::collections::{BTreeMap, BTreeSet};

use tollgate_store::ObjectChange;

/// What has changed since a large configuration was followed last.
#[derive(Clone, Debug, Default)]
pub(crate) struct News {
    pub(crate) files: BTreeSet<String>,
    /// What objects became; nothing is deleted.
    pub(crate) objects: BTreeMap<(String, String), Option<String>>,
    /// The number of the last change of these.
    pub(crate) sequence: u64,
}

// === impl News ===

impl News {
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.objects.is_empty()
    }

    /// What the admin API wrote.
    pub(crate) fn take(&mut self, changes: Vec<ObjectChange>) {
        for ObjectChange { key, body, sequence } in changes {
            self.objects.insert(key, body);
            self.sequence = self.sequence.max(sequence);
        }
    }
}
