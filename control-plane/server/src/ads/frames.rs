//! Delta responses as the body of an HTTP/2 stream (gRPC over HTTP/2, "Responses").
//!
//! tonic's own encoder copies each message into a buffer that stays as large as the
//! largest: two mebibytes for every Envoy.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body::Frame;
use tokio_stream::Stream as _;
use tokio_stream::wrappers::ReceiverStream;
use tollgate_xds::delta;
use tonic::Status;
use tonic::codegen::http::HeaderMap;

/// What is sent until there is nothing more, and how that ended.
pub(super) struct Frames {
    responses: ReceiverStream<Result<delta::Response, Status>>,
    ready: VecDeque<Bytes>,
    is_over: bool,
}

// === impl Frames ===

impl Frames {
    pub(super) fn new(responses: ReceiverStream<Result<delta::Response, Status>>) -> Self {
        Self { responses, ready: VecDeque::new(), is_over: false }
    }

    fn end(&mut self, status: &Status) -> Frame<Bytes> {
        self.is_over = true;
        let mut trailers = HeaderMap::new();
        // Texts of ours, which always fit.
        status.add_header(&mut trailers).ok();
        Frame::trailers(trailers)
    }
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if let Some(part) = self.ready.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(part))));
        }
        let frame = match ready!(Pin::new(&mut self.responses).poll_next(cx)) {
            Some(Ok(response)) => {
                self.ready = response.into_parts().into();
                Frame::data(head(&self.ready))
            }
            Some(Err(status)) => self.end(&status),
            None => self.end(&Status::ok("")),
        };
        Poll::Ready(Some(Ok(frame)))
    }
}

/// What stands before a message: that it is not compressed, and its length.
fn head(parts: &VecDeque<Bytes>) -> Bytes {
    let bytes: usize = parts.iter().map(Bytes::len).sum();
    let mut head = BytesMut::with_capacity(5);
    head.put_u8(0);
    head.put_u32(u32::try_from(bytes).unwrap_or(u32::MAX));
    head.freeze()
}
