//! Connections, where the module is among their filters.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_core::{Cx, Filter, Reply, property};

use crate::abi::{self, Map, Status};
use crate::clock::now;
use crate::envoy::Envoy;
use crate::stream::Shared;

/// Connections that are open, by their contexts, with Envoy's numbers for them.
pub(crate) struct Connections<F> {
    open: BTreeMap<u32, (Shared<F>, u64)>,
    /// Those that have had their last answer.
    ending: BTreeSet<u64>,
}

/// What an answer says after which its connection ends. Envoy takes `connection` out
/// of every answer but those that speak of an upgrade to a request that does; that
/// there is HTTP/1.1 here may stand in any answer (RFC 9110, section 7.8).
pub(crate) const LAST_ANSWER: [(&str, &[u8]); 2] =
    [("connection", b"upgrade, close"), ("upgrade", b"HTTP/1.1")];

/// Whether a connection ends with this answer.
pub(crate) fn ends_with(reply: &Reply) -> bool {
    reply.headers.iter().any(|(name, value)| *name == "connection" && value == "close")
}

/// The connection that an answer ends which is about to be sent. One of HTTP/2 goes
/// on: others may have requests on it.
pub(crate) fn ended_by(reply: &Reply) -> Option<u64> {
    if !ends_with(reply) || !abi::property(property::PROTOCOL).ok()?.starts_with(b"HTTP/1.") {
        return None;
    }
    // Else the caller is not told, and finds out.
    let _ = speak_of_an_upgrade();
    number()
}

/// Nobody will be sent the request any more.
fn speak_of_an_upgrade() -> Result<(), Status> {
    abi::set_header(Map::RequestHeaders, b"connection", b"upgrade")?;
    abi::set_header(Map::RequestHeaders, b"upgrade", b"HTTP/1.1")
}

/// Envoy's number for the connection that it has called for.
fn number() -> Option<u64> {
    let bytes = abi::property(property::CONNECTION).ok()?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}

// === impl Connections ===

impl<F> Default for Connections<F> {
    fn default() -> Self {
        let (open, ending) = <_>::default();
        Self { open, ending }
    }
}

impl<F: Filter> Connections<F> {
    /// One was made.
    pub(crate) fn open(&mut self, id: u32, filter: Shared<F>) {
        let Some(number) = number() else { return };
        if let Ok(mut filter) = filter.try_borrow_mut() {
            filter.on_connection(number);
        }
        self.open.insert(id, (filter, number));
    }

    /// One is closed; false if it is none.
    pub(crate) fn close(&mut self, id: u32) -> bool {
        let Some((filter, number)) = self.open.remove(&id) else { return false };
        self.ending.remove(&number);
        if let (Ok(mut filter), Ok(now)) = (filter.try_borrow_mut(), now()) {
            filter.on_disconnection(number, &mut Cx { now, host: &mut Envoy });
        }
        true
    }

    /// One is having its last answer.
    pub(crate) fn end_soon(&mut self, number: u64) {
        self.ending.insert(number);
    }

    /// Ends those of callers who did not do so themselves when they were told to. Not
    /// while an answer is sent: Envoy would not survive that.
    pub(crate) fn end(&mut self) {
        let ending = std::mem::take(&mut self.ending);
        if ending.is_empty() {
            return;
        }
        for (id, _) in self.open.iter().filter(|(_, (_, number))| ending.contains(number)) {
            if abi::turn_to(*id).is_ok() {
                // If it cannot be ended, its requests are refused like the last one.
                let _ = abi::close_connection();
            }
        }
    }
}
