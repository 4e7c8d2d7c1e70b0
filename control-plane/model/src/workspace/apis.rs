use std::collections::btree_map;
use std::collections::{BTreeMap, BTreeSet};

use super::entry::Entry;
use crate::piece::Division;

/// All APIs by name, and what they come to together: so a change of one costs no look at
/// the others.
#[derive(Debug, Default)]
pub(super) struct Apis {
    entries: BTreeMap<String, Entry>,
    by_file: BTreeMap<String, BTreeSet<String>>,
    hosts: BTreeMap<String, Division>,
    /// The backends of critical routes, each with how many APIs have them.
    critical: BTreeMap<String, usize>,
    /// How many come on demand.
    on_demand: usize,
}

impl Apis {
    pub(super) fn get(&self, api: &str) -> Option<&Entry> {
        self.entries.get(api)
    }

    pub(super) fn has(&self, api: &str) -> bool {
        self.entries.contains_key(api)
    }

    pub(super) fn iter(&self) -> btree_map::Iter<'_, String, Entry> {
        self.entries.iter()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.entries.keys()
    }

    /// Those that are written in a file.
    pub(super) fn in_file(&self, file: &str) -> impl Iterator<Item = &String> {
        self.by_file.get(file).into_iter().flatten()
    }

    pub(super) fn hosts(&self) -> &BTreeMap<String, Division> {
        &self.hosts
    }

    /// The backends of critical routes, whichever APIs have them.
    pub(super) fn critical(&self) -> impl Iterator<Item = &str> {
        self.critical.keys().map(String::as_str)
    }

    pub(super) fn has_on_demand(&self) -> bool {
        0 < self.on_demand
    }

    /// Puts an entry, or nothing, in the place of what there was; returns that.
    pub(super) fn put(&mut self, api: &str, entry: Option<Entry>) -> Option<Entry> {
        let old = self.entries.remove(api);
        if let Some(old) = &old {
            self.leave(api, old);
        }
        if let Some(entry) = entry {
            self.enter(api, &entry);
            self.entries.insert(api.to_owned(), entry);
        }
        old
    }

    fn enter(&mut self, api: &str, entry: &Entry) {
        self.by_file.entry(entry.file.clone()).or_default().insert(api.to_owned());
        self.on_demand = self.on_demand.saturating_add(usize::from(entry.on_demand));
        for backend in &entry.critical {
            let count = self.critical.entry(backend.clone()).or_default();
            *count = count.saturating_add(1);
        }
        for host in &entry.hosts {
            let division = self.hosts.entry(host.clone()).or_default();
            for (segment, routes) in &entry.segments {
                division.add(segment.clone(), api, *routes);
            }
        }
    }

    fn leave(&mut self, api: &str, entry: &Entry) {
        reduce(&mut self.by_file, &entry.file, |all| {
            all.remove(api);
            all.is_empty()
        });
        self.on_demand = self.on_demand.saturating_sub(usize::from(entry.on_demand));
        for backend in &entry.critical {
            reduce(&mut self.critical, backend, |count| {
                *count = count.saturating_sub(1);
                *count == 0
            });
        }
        for host in &entry.hosts {
            reduce(&mut self.hosts, host, |division| {
                let segments = entry.segments.keys();
                segments.for_each(|segment| division.remove(segment.as_deref(), api));
                division.is_empty()
            });
        }
    }
}

/// Makes one of them less, and takes it out if nothing is left of it.
fn reduce<V>(all: &mut BTreeMap<String, V>, key: &str, less: impl FnOnce(&mut V) -> bool) {
    if all.get_mut(key).is_some_and(less) {
        all.remove(key);
    }
}
