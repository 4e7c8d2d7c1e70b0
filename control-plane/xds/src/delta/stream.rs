use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;

use crate::Snapshot;
use crate::delta::{Event, Response};

/// The server's side of one stream.
#[derive(Debug)]
pub struct Stream {
    snapshot: Arc<Snapshot>,
}

impl Stream {
    /// A stream on which nothing was said yet.
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot }
    }

    /// Takes what Envoy says: subscriptions, and its verdict on a response.
    pub fn on_request(&mut self, request: DeltaDiscoveryRequest, now: Duration) -> Option<Event> {
        let _ = (request, now);
        None
    }

    /// Takes a new configuration; what was not sent of the one before is left out.
    pub fn on_snapshot(&mut self, snapshot: Arc<Snapshot>) {
        self.snapshot = snapshot;
    }

    /// The next message to send, if there is one that need not wait.
    pub fn next(&mut self, now: Duration) -> Option<Response> {
        let _ = now;
        None
    }

    /// When [`Stream::next`] has to be called even if nothing happened until then.
    pub fn deadline(&self) -> Option<Duration> {
        None
    }
}
