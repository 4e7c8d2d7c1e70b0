//! Numbers among Envoy's statistics.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::abi;

thread_local! {
    /// Envoy makes a new number for a gauge each time it is asked for one.
    static IDS: RefCell<BTreeMap<&'static str, u32>> = const { RefCell::new(BTreeMap::new()) };
}

/// Shows a number. One that cannot be shown is no reason to do anything else.
pub(crate) fn set(name: &'static str, value: u64) {
    if let Some(id) = id(name) {
        let _ = abi::record(id, value);
    }
}

fn id(name: &'static str) -> Option<u32> {
    if let Some(id) = IDS.with_borrow(|ids| ids.get(name).copied()) {
        return Some(id);
    }
    let id = abi::gauge(name.as_bytes()).ok()?;
    IDS.with_borrow_mut(|ids| ids.insert(name, id));
    Some(id)
}
