use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tollgate_xds::{delta, sotw};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::client::{Following, attend};
use crate::connection::Peer;
use crate::world;

/// The largest message that a client may send. One that reconnects names
/// everything that it has: several MB with 100,000 resources.
const REQUEST_BYTES_MAX: usize = 64 << 20;

/// Envoy's aggregated discovery service: the delta variant for Envoys, and for
/// others the one of the state of the world.
///
/// Written by hand rather than generated, because the generated one has an
/// answer type that would copy every resource for every client.
#[derive(Clone)]
pub(crate) struct Ads(Following);

// === impl Ads ===

impl Ads {
    pub(crate) fn new(following: Following) -> Self {
        Self(following)
    }
}

impl NamedService for Ads {
    const NAME: &'static str = "envoy.service.discovery.v3.AggregatedDiscoveryService";
}

impl Service<http::Request<Body>> for Ads {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let ads = self.clone();
        Box::pin(async move {
            let path = request.uri().path();
            if path.ends_with("/DeltaAggregatedResources") {
                let mut grpc = Grpc::new(ProstCodec::default())
                    .apply_max_message_size_config(Some(REQUEST_BYTES_MAX), None);
                return Ok(grpc.streaming(ads, request).await);
            }
            if path.ends_with("/StreamAggregatedResources") {
                let mut grpc = Grpc::new(ProstCodec::default())
                    .apply_max_message_size_config(Some(REQUEST_BYTES_MAX), None);
                return Ok(grpc.streaming(World(ads), request).await);
            }
            Ok(Status::unimplemented("there is no such method").into_http())
        })
    }
}

impl StreamingService<DeltaDiscoveryRequest> for Ads {
    type Response = delta::Response;
    type ResponseStream = ReceiverStream<Result<delta::Response, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    /// Hands the stream to a task of its own, which owns all there is to know
    /// about this client and ends with it.
    fn call(&mut self, request: Request<Streaming<DeltaDiscoveryRequest>>) -> Self::Future {
        let Some(peer) = request.extensions().get::<Peer>().cloned() else {
            return ready(Err(Status::internal("the connection is unknown")));
        };
        // One response waits here and one in the connection; the rest is made
        // when the client has read them.
        let (responses, queue) = mpsc::channel(1);
        tokio::spawn(attend(peer, request.into_inner(), responses, self.0.clone()));
        ready(Ok(Response::new(ReceiverStream::new(queue))))
    }
}

/// The variant that clients of gRPC speak.
struct World(Ads);

impl StreamingService<DiscoveryRequest> for World {
    type Response = sotw::Response;
    type ResponseStream = ReceiverStream<Result<sotw::Response, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<DiscoveryRequest>>) -> Self::Future {
        let Some(peer) = request.extensions().get::<Peer>().cloned() else {
            return ready(Err(Status::internal("the connection is unknown")));
        };
        let (responses, queue) = mpsc::channel(1);
        let Self(Ads(following)) = self;
        tokio::spawn(world::attend(peer, request.into_inner(), responses, following.clone()));
        ready(Ok(Response::new(ReceiverStream::new(queue))))
    }
}

#[cfg(test)]
mod tests;
