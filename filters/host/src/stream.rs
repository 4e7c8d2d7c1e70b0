use std::cell::RefCell;
use std::mem;
use std::rc::Rc;

use tollgate_core::{Cx, Edit, Edits, Filter, Headers, Reply, RequestHead, Timestamp, Verdict};

use crate::abi::{self, Action, Map};
use crate::answer::{self, Asked};
use crate::edits;
use crate::envoy::Envoy;
use crate::failure::Failure;

/// A filter as its requests share it: one worker, so one request at a time.
pub(crate) type Shared<F> = Rc<RefCell<F>>;

/// One request and its response.
pub(crate) struct Stream<F> {
    filter: Option<Shared<F>>,
    /// What the filter wants done to the response. Empty once it is done, and
    /// for a request that was refused: its answer is complete as it is.
    response: Vec<Edit>,
}

// === impl Stream ===

impl<F> Stream<F> {
    pub(crate) fn new(filter: Option<Shared<F>>) -> Self {
        Self { filter, response: Vec::new() }
    }
}

impl<F: Filter> Stream<F> {
    pub(crate) fn on_request_headers(&mut self) -> Action {
        match read(Map::RequestHeaders) {
            Ok(headers) => act(self.admit(&headers), &Asked::by(&headers)),
            Err(failure) => act(Err(failure.reply()), &Asked::UNKNOWN),
        }
    }

    pub(crate) fn on_request_trailers(&mut self) -> Action {
        act(self.amend_trailers().map_err(Failure::reply), &Asked::UNKNOWN)
    }

    /// Runs for answers of the backend and for those Envoy gives in its place.
    pub(crate) fn on_response_headers(&mut self) -> Action {
        let edits = mem::take(&mut self.response);
        let done = edits::apply(Map::ResponseHeaders, &edits);
        act(done.map_err(Failure::reply), &Asked::UNKNOWN)
    }

    /// Lets the request pass, changed as the filter wants it, or says what to
    /// answer instead.
    fn admit(&mut self, headers: &Headers) -> Result<(), Reply> {
        let Edits { request, response } = self.judge(headers)?;
        edits::apply(Map::RequestHeaders, &request).map_err(Failure::reply)?;
        self.response = response;
        Ok(())
    }

    fn judge(&self, headers: &Headers) -> Result<Edits, Reply> {
        let now = abi::now().map_err(|_| Failure::Clock.reply())?;
        let mut cx = Cx { now: Timestamp::from_nanos(now), host: &mut Envoy };
        let filter = self.filter.as_ref().and_then(|filter| filter.try_borrow_mut().ok());
        let mut filter = filter.ok_or_else(|| Failure::Filter.reply())?;
        match filter.on_request(&RequestHead { headers }, &mut cx) {
            Verdict::Continue(edits) => Ok(edits),
            Verdict::Reply(reply) => Err(reply),
        }
    }

    fn amend_trailers(&self) -> Result<(), Failure> {
        let trailers = read(Map::RequestTrailers)?;
        let filter = self.filter.as_ref().and_then(|filter| filter.try_borrow().ok());
        let edits = filter.ok_or(Failure::Filter)?.on_request_trailers(&trailers);
        edits::apply(Map::RequestTrailers, &edits)
    }
}

/// One call for all lines: each call that returns something costs 0.5 µs.
fn read(map: Map) -> Result<Headers, Failure> {
    let bytes = abi::header_pairs(map).map_err(|_| Failure::Headers)?;
    Headers::decode(bytes).map_err(|_| Failure::Headers)
}

/// A refused message is held: Envoy drops it when it sends the answer.
fn act(outcome: Result<(), Reply>, asked: &Asked<'_>) -> Action {
    match outcome {
        Ok(()) => Action::Continue,
        Err(reply) => {
            answer::send(&reply, asked);
            Action::Pause
        }
    }
}
