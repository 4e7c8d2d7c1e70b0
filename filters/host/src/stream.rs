use std::cell::RefCell;
use std::mem;
use std::rc::Rc;

use tollgate_core::{CallId, Cx, Edit, Edits, Filter, Headers, Reply, RequestHead, Verdict};

use crate::abi::{self, Action, Map};
use crate::answer::{self, Asked};
use crate::clock::now;
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
    /// The call whose answer the request waits for.
    waits_for: Option<CallId>,
    /// How often it has waited.
    waits: u32,
}

/// What becomes of a request.
enum Outcome {
    Passes,
    Waits,
}

/// More answers than any filter needs for one request.
const WAITS_MAX: u32 = 8;

// === impl Stream ===

impl<F> Stream<F> {
    pub(crate) fn new(filter: Option<Shared<F>>) -> Self {
        Self { filter, response: Vec::new(), waits_for: None, waits: 0 }
    }
}

impl<F: Filter> Stream<F> {
    pub(crate) fn on_request_headers(&mut self) -> Action {
        match read(Map::RequestHeaders) {
            Ok(headers) => act(self.admit(&headers), &Asked::by(&headers)),
            Err(failure) => act(Err(failure.reply()), &Asked::UNKNOWN),
        }
    }

    /// A body must not carry along a head that has not been judged.
    pub(crate) fn on_request_body(&self) -> Action {
        if self.waits_for.is_some() { Action::Pause } else { Action::Continue }
    }

    pub(crate) fn on_request_trailers(&mut self) -> Action {
        let amended = self.amend_trailers().map(|()| self.outcome());
        act(amended.map_err(Failure::reply), &Asked::UNKNOWN)
    }

    /// Runs for answers of the backend and for those Envoy gives in its place.
    pub(crate) fn on_response_headers(&mut self) -> Action {
        let edits = mem::take(&mut self.response);
        let done = edits::apply(Map::ResponseHeaders, &edits);
        act(done.map(|()| Outcome::Passes).map_err(Failure::reply), &Asked::UNKNOWN)
    }

    /// Judges the request again, now that the answer is there that it waited for.
    pub(crate) fn on_answer(&mut self) {
        if self.on_request_headers() == Action::Continue && abi::continue_request().is_err() {
            // It has been judged and cannot go on; better it ends than it hangs.
            let _ = abi::reset_request();
        }
    }

    pub(crate) fn waits_for(&self) -> Option<CallId> {
        self.waits_for
    }

    /// Lets the request pass, changed as the filter wants it, has it wait, or
    /// says what to answer instead.
    fn admit(&mut self, headers: &Headers) -> Result<Outcome, Reply> {
        self.waits_for = None;
        match self.judge(headers)? {
            Verdict::Continue(Edits { request, response }) => {
                edits::apply(Map::RequestHeaders, &request).map_err(Failure::reply)?;
                self.response = response;
            }
            Verdict::Wait(_) if WAITS_MAX <= self.waits => return Err(Failure::Calls.reply()),
            Verdict::Wait(id) => {
                self.waits = self.waits.saturating_add(1);
                self.waits_for = Some(id);
            }
            Verdict::Reply(reply) => return Err(reply),
        }
        Ok(self.outcome())
    }

    fn outcome(&self) -> Outcome {
        if self.waits_for.is_some() { Outcome::Waits } else { Outcome::Passes }
    }

    fn judge(&self, headers: &Headers) -> Result<Verdict, Reply> {
        let now = now().map_err(Failure::reply)?;
        let filter = self.filter.as_ref().and_then(|filter| filter.try_borrow_mut().ok());
        let mut filter = filter.ok_or_else(|| Failure::Filter.reply())?;
        Ok(filter.on_request(&RequestHead { headers }, &mut Cx { now, host: &mut Envoy }))
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
fn act(outcome: Result<Outcome, Reply>, asked: &Asked<'_>) -> Action {
    match outcome {
        Ok(Outcome::Passes) => Action::Continue,
        Ok(Outcome::Waits) => Action::Pause,
        Err(reply) => {
            answer::send(&reply, asked);
            Action::Pause
        }
    }
}
