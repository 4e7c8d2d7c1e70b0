//! What the Envoys of each group are told of what is published.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_xds::Snapshot;

/// The newest views, each made of the one before it at the cost of what has changed.
#[derive(Default)]
pub(super) struct Views(BTreeMap<String, View>);

struct View {
    all: Arc<Snapshot>,
    seen: Arc<Snapshot>,
}

/// Without certificates, clients say themselves in which group they are.
const VIEWS_MAX: usize = 256;

// === impl Views ===

impl Views {
    /// What a group is told of a snapshot.
    pub(super) fn of(&mut self, group: &str, all: &Arc<Snapshot>) -> Arc<Snapshot> {
        let before = self.0.remove(group);
        if let Some(view) = before.as_ref().filter(|view| Arc::ptr_eq(&view.all, all)) {
            let seen = Arc::clone(&view.seen);
            self.0.extend(before.map(|view| (group.to_owned(), view)));
            return seen;
        }
        let seen = all.seen_by(group, before.as_ref().map(|view| (&*view.all, &*view.seen)));
        let seen = Arc::new(seen);
        if VIEWS_MAX <= self.0.len() {
            self.0.clear();
        }
        let view = View { all: Arc::clone(all), seen: Arc::clone(&seen) };
        self.0.insert(group.to_owned(), view);
        seen
    }
}
