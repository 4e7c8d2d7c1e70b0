//! Numbers among Envoy's statistics.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::abi::{self, Metric};

thread_local! {
    /// Envoy makes a new number for a name each time it is asked for one.
    static IDS: RefCell<BTreeMap<String, u32>> = const { RefCell::new(BTreeMap::new()) };
}

/// Shows a number. One that cannot be shown is no reason to do anything else.
pub(crate) fn set(name: &str, value: u64) {
    if let Some(id) = id(Metric::Gauge, name) {
        let _ = abi::record(id, value);
    }
}

/// Counts one more.
pub(crate) fn count(name: &str) {
    if let Some(id) = id(Metric::Counter, name) {
        let _ = abi::increment(id);
    }
}

fn id(metric: Metric, name: &str) -> Option<u32> {
    if let Some(id) = IDS.with_borrow(|ids| ids.get(name).copied()) {
        return Some(id);
    }
    let id = abi::metric(metric, name.as_bytes()).ok()?;
    IDS.with_borrow_mut(|ids| ids.insert(name.to_owned(), id));
    Some(id)
}
