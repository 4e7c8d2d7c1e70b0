//! Tells Envoys who has been revoked, and which API keys there are.

mod follow;
mod keys;
mod page;

use std::sync::Arc;

use tokio::sync::watch;
use tollgate_store::Store;
use tollgate_sync::message::{self, Response};
use tonic::Status;

use crate::sync::follow::{Followed, follow};
use crate::unary::Method;

/// The service `tollgate.sync.v1.Sync`.
pub(crate) struct Sync {
    store: Store,
    /// What stands in the store; none while it cannot be read.
    followed: watch::Receiver<Option<Arc<Followed>>>,
}

// === impl Sync ===

impl Sync {
    /// Follows a store from now on, until nobody asks any more.
    pub(crate) fn following(store: Store) -> Self {
        let (followed, receiver) = watch::channel(None);
        tokio::spawn(follow(store.clone(), followed));
        Self { store, followed: receiver }
    }
}

fn unavailable() -> Status {
    Status::unavailable("the store cannot be read")
}

impl Method for Sync {
    const SERVICE: &'static str = message::SERVICE;
    const NAME: &'static str = message::METHOD;
    /// What an Envoy has to say fits into this many times over.
    const REQUEST_BYTES_MAX: usize = 4096;
    type Request = message::Request;
    type Response = Response;

    /// What an Envoy does not have yet. An error when the store cannot be read:
    /// the Envoy must not take silence for news.
    async fn answer(self: Arc<Self>, request: message::Request) -> Result<Response, Status> {
        let followed = self.followed.borrow().clone();
        let followed = followed.ok_or_else(unavailable)?;
        let mut response = page::denials(&request, followed.sequence, &self.store)
            .await
            .map_err(|_| unavailable())?;
        if !response.more {
            keys::add(&mut response, &request, &followed);
        }
        Ok(response)
    }
}
