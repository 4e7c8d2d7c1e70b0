//! Tells Envoys who has been revoked, and which API keys there are.

mod follow;
mod keys;
mod page;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::watch;
use tollgate_store::Store;
use tollgate_sync::message::{self, Response};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use crate::sync::follow::{Followed, follow};

/// The service `tollgate.sync.v1.Sync`. Written by hand, as the other one is:
/// it has one method.
#[derive(Clone)]
pub(crate) struct Sync {
    store: Store,
    /// What stands in the store; none while it cannot be read.
    followed: watch::Receiver<Option<Arc<Followed>>>,
}

/// What an Envoy has to say fits into this many times over.
const REQUEST_BYTES_MAX: usize = 4096;

// === impl Sync ===

impl Sync {
    /// Follows a store from now on, until nobody asks any more.
    pub(crate) fn following(store: Store) -> Self {
        let (followed, receiver) = watch::channel(None);
        tokio::spawn(follow(store.clone(), followed));
        Self { store, followed: receiver }
    }

    /// What an Envoy does not have yet. An error when the store cannot be read:
    /// the Envoy must not take silence for news.
    async fn exchange(&self, request: message::Request) -> Result<Response, Status> {
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

fn unavailable() -> Status {
    Status::unavailable("the store cannot be read")
}

impl NamedService for Sync {
    const NAME: &'static str = message::SERVICE;
}

impl Service<http::Request<Body>> for Sync {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let sync = self.clone();
        Box::pin(async move {
            if !request.uri().path().ends_with("/Exchange") {
                return Ok(Status::unimplemented("only Exchange is served").into_http());
            }
            let mut grpc = Grpc::new(ProstCodec::default())
                .apply_max_message_size_config(Some(REQUEST_BYTES_MAX), None);
            Ok(grpc.unary(sync, request).await)
        })
    }
}

impl UnaryService<message::Request> for Sync {
    type Response = Response;
    type Future = BoxFuture<tonic::Response<Response>, Status>;

    fn call(&mut self, request: Request<message::Request>) -> Self::Future {
        let sync = self.clone();
        Box::pin(async move { sync.exchange(request.into_inner()).await.map(tonic::Response::new) })
    }
}
