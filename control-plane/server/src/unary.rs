//! gRPC methods that have one request and one response. Written by hand, as the
//! streaming one is.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// The one method of a service.
pub(crate) trait Method: Send + Sync + 'static {
    /// The service.
    const SERVICE: &'static str;
    /// The method.
    const NAME: &'static str;
    /// A longer request is refused.
    const REQUEST_BYTES_MAX: usize;
    /// What is asked.
    type Request: prost::Message + Default + 'static;
    /// What is answered.
    type Response: prost::Message + Default + 'static;

    /// Answers one request.
    fn answer(
        self: Arc<Self>,
        request: Self::Request,
    ) -> impl Future<Output = Result<Self::Response, Status>> + Send;
}

/// A service with one method.
pub(crate) struct Unary<M>(Arc<M>);

// === impl Unary ===

impl<M> Unary<M> {
    pub(crate) fn new(method: Arc<M>) -> Self {
        Self(method)
    }
}

impl<M> Clone for Unary<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Method> NamedService for Unary<M> {
    const NAME: &'static str = M::SERVICE;
}

impl<M: Method> Service<http::Request<Body>> for Unary<M> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let method = request.uri().path().rsplit('/').next();
            if method != Some(M::NAME) {
                let text = format!("only {} is served", M::NAME);
                return Ok(Status::unimplemented(text).into_http());
            }
            let mut grpc = Grpc::new(ProstCodec::<M::Response, M::Request>::default())
                .apply_max_message_size_config(Some(M::REQUEST_BYTES_MAX), None);
            Ok(grpc.unary(this, request).await)
        })
    }
}

impl<M: Method> UnaryService<M::Request> for Unary<M> {
    type Response = M::Response;
    type Future = BoxFuture<Response<M::Response>, Status>;

    fn call(&mut self, request: Request<M::Request>) -> Self::Future {
        let method = Arc::clone(&self.0);
        Box::pin(async move { method.answer(request.into_inner()).await.map(Response::new) })
    }
}
