//! Connections, where the module is among their filters.

use tollgate_core::{Cx, Filter, property};

use crate::abi;
use crate::clock::now;
use crate::envoy::Envoy;
use crate::stream::Shared;

/// Envoy's number for the connection that it has called for.
pub(crate) fn number() -> Option<u64> {
    let bytes = abi::property(property::CONNECTION).ok()?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}

/// Tells a filter that a connection was made.
pub(crate) fn opened<F: Filter>(filter: &Shared<F>, number: u64) {
    if let Ok(mut filter) = filter.try_borrow_mut() {
        filter.on_connection(number);
    }
}

/// Tells a filter that it is closed.
pub(crate) fn closed<F: Filter>(filter: &Shared<F>, number: u64) {
    if let (Ok(mut filter), Ok(now)) = (filter.try_borrow_mut(), now()) {
        filter.on_disconnection(number, &mut Cx { now, host: &mut Envoy });
    }
}
