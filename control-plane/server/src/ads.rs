mod frames;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tollgate_xds::sotw;
use tonic::body::Body;
use tonic::codec::Codec as _;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::metadata::GRPC_CONTENT_TYPE;
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use self::frames::Frames;
use crate::client::{Following, attend};
use crate::connection::Peer;
use crate::world;

/// The largest message that a client may send. One that reconnects names
/// everything that it has: several MB with 100,000 resources.
const REQUEST_BYTES_MAX: usize = 64 << 20;

/// Envoy's aggregated discovery service: the delta variant for Envoys, and for
/// others the one of the state of the world.
///
/// Written by hand rather than generated, because the generated one would copy
/// every resource for every client.
#[derive(Clone)]
pub(crate) struct Ads(Following);

// === impl Ads ===

impl Ads {
    pub(crate) fn new(following: Following) -> Self {
        Self(following)
    }

    /// Hands the stream to a task of its own, which owns all there is to know
    /// about this client and ends with it.
    fn deltas(self, request: http::Request<Body>) -> http::Response<Body> {
        let Some(peer) = request.extensions().get::<Peer>().cloned() else {
            return Status::internal("the connection is unknown").into_http();
        };
        let decoder = ProstCodec::<(), DeltaDiscoveryRequest>::default().decoder();
        let body = request.into_body();
        let requests = Streaming::new_request(decoder, body, None, Some(REQUEST_BYTES_MAX));
        // One response waits here and one in the connection; the rest is made
        // when the client has read them.
        let (responses, queue) = mpsc::channel(1);
        tokio::spawn(attend(peer, requests, responses, self.0));
        let mut response = http::Response::new(Body::new(Frames::new(ReceiverStream::new(queue))));
        response.headers_mut().insert(http::header::CONTENT_TYPE, GRPC_CONTENT_TYPE);
        response
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
                return Ok(ads.deltas(request));
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
