use std::cell::RefCell;
use std::mem;
use std::rc::Rc;

use tollgate_core::{
    CallId, Content, Cx, Edit, Edits, Filter, Headers, Reply, RequestHead, Ticket, Verdict,
};

use crate::abi::{self, Action, Map};
use crate::answer::{self, Asked};
use crate::body::Body;
use crate::clock::now;
use crate::connection;
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
    /// By what the filter follows it, once it has passed.
    ticket: Option<Ticket>,
    hears_response: bool,
    /// The connection that ends with the answer.
    ending: Option<u64>,
    held: Held,
    /// How often it has waited for an answer.
    waits: u32,
    body: Body,
}

/// Why nothing of a request may pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Held {
    /// It may.
    No,
    /// It waits for the answer to a call.
    ForAnswer(CallId),
    /// It waits for its own end.
    ForBody,
    /// It has not been admitted, and will not be unless it is judged again.
    ForGood,
}

/// What becomes of a request.
enum Outcome {
    Passes,
    Waits,
    Answered(Content),
}

/// More answers than any filter needs for one request.
const WAITS_MAX: u32 = 8;

// === impl Stream ===

impl<F> Stream<F> {
    pub(crate) fn new(filter: Option<Shared<F>>) -> Self {
        let (held, body) = (Held::ForGood, Body::default());
        let (response, ticket, hears_response, ending) = <_>::default();
        Self { filter, response, ticket, hears_response, ending, held, waits: 0, body }
    }
}

impl<F> Stream<F> {
    /// Whose it is.
    pub(crate) fn into_filter(self) -> Option<Shared<F>> {
        self.filter
    }
}

impl<F: Filter> Stream<F> {
    pub(crate) fn on_request_headers(&mut self, end: bool) -> Action {
        self.body.note(0, end);
        self.judge()
    }

    /// A body must not carry along a head that has not been judged.
    pub(crate) fn on_request_body(&mut self, bytes: usize, end: bool) -> Action {
        self.body.note(bytes, end);
        match self.held {
            Held::No => Action::Continue,
            Held::ForBody if self.body.is_decided() => self.judge(),
            Held::ForBody | Held::ForAnswer(_) | Held::ForGood => Action::Pause,
        }
    }

    pub(crate) fn on_request_trailers(&mut self) -> Action {
        self.body.note_end();
        match self.amend_trailers() {
            Ok(()) if self.held == Held::ForBody => self.judge(),
            Ok(()) => act(Ok(self.outcome()), &Asked::UNKNOWN),
            Err(failure) => {
                self.held = Held::ForGood;
                act(Err(failure.reply()), &Asked::UNKNOWN)
            }
        }
    }

    /// Runs for answers of the backend and for those Envoy gives in its place.
    pub(crate) fn on_response_headers(&mut self) -> Action {
        if let Some(ticket) = self.ticket
            && self.hears_response
            && let Ok(headers) = read(Map::ResponseHeaders)
        {
            self.tell(|filter, cx| filter.on_response(ticket, &headers, cx));
        }
        let edits = mem::take(&mut self.response);
        let done = edits::apply(Map::ResponseHeaders, &edits);
        act(done.map(|()| Outcome::Passes).map_err(Failure::reply), &Asked::UNKNOWN)
    }

    /// Runs when nothing more comes of the stream.
    pub(crate) fn on_end(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.tell(|filter, cx| filter.on_end(ticket, cx));
        }
    }

    /// Judges the request again, now that the answer is there that it waited for.
    pub(crate) fn on_answer(&mut self) {
        if self.judge() == Action::Continue && abi::continue_request().is_err() {
            // It has been judged and cannot go on; better it ends than it hangs.
            let _ = abi::reset_request();
        }
    }

    /// Whether it is followed by a filter under one of some tickets.
    pub(crate) fn is_one_of(&self, tickets: &[Ticket], filter: &Shared<F>) -> bool {
        let same = self.filter.as_ref().is_some_and(|own| Rc::ptr_eq(own, filter));
        same && self.ticket.is_some_and(|ticket| tickets.contains(&ticket))
    }

    pub(crate) fn waits_for(&self) -> Option<CallId> {
        match self.held {
            Held::ForAnswer(call) => Some(call),
            Held::No | Held::ForBody | Held::ForGood => None,
        }
    }

    /// Nothing, but once.
    pub(crate) fn take_ending(&mut self) -> Option<u64> {
        self.ending.take()
    }

    fn judge(&mut self) -> Action {
        self.held = Held::ForGood;
        match read(Map::RequestHeaders) {
            Ok(headers) => {
                let outcome = self.admit(&headers);
                self.ending = outcome.as_ref().err().and_then(connection::ended_by);
                act(outcome, &Asked::by(&headers))
            }
            Err(failure) => act(Err(failure.reply()), &Asked::UNKNOWN),
        }
    }

    /// Lets the request pass, changed as the filter wants it, has it wait, or
    /// says what to answer instead.
    fn admit(&mut self, headers: &Headers) -> Result<Outcome, Reply> {
        match self.verdict(headers)? {
            Verdict::Continue(Edits { request, response, ticket, hears_response }) => {
                (self.ticket, self.hears_response) = (ticket, hears_response);
                edits::apply(Map::RequestHeaders, &request).map_err(Failure::reply)?;
                self.response = response;
                self.held = Held::No;
            }
            Verdict::Wait(_) if WAITS_MAX <= self.waits => return Err(Failure::Calls.reply()),
            Verdict::Wait(id) => {
                self.waits = self.waits.saturating_add(1);
                self.held = Held::ForAnswer(id);
            }
            Verdict::Body { .. } => self.held = Held::ForBody,
            Verdict::Reply(reply) => return Err(reply),
            Verdict::Answer(content) => return Ok(Outcome::Answered(content)),
        }
        Ok(self.outcome())
    }

    fn outcome(&self) -> Outcome {
        if self.held == Held::No { Outcome::Passes } else { Outcome::Waits }
    }

    /// What the filter says, with the body if it wants it and it is there.
    fn verdict(&mut self, headers: &Headers) -> Result<Verdict, Reply> {
        let whole = self.body.whole().map_err(Failure::reply)?;
        let verdict = self.ask(headers, whole.as_deref())?;
        let Verdict::Body { bytes_max } = verdict else { return Ok(verdict) };
        self.body.want(bytes_max, headers).map_err(Failure::reply)?;
        match self.body.whole().map_err(Failure::reply)? {
            None => Ok(verdict),
            Some(body) => match self.ask(headers, Some(&body))? {
                Verdict::Body { .. } => Err(Failure::Body.reply()),
                verdict => Ok(verdict),
            },
        }
    }

    fn ask(&self, headers: &Headers, body: Option<&[u8]>) -> Result<Verdict, Reply> {
        let now = now().map_err(Failure::reply)?;
        let filter = self.filter.as_ref().and_then(|filter| filter.try_borrow_mut().ok());
        let mut filter = filter.ok_or_else(|| Failure::Filter.reply())?;
        let (head, mut cx) = (RequestHead { headers }, Cx { now, host: &mut Envoy });
        Ok(match body {
            None => filter.on_request(&head, &mut cx),
            Some(body) => filter.on_whole_request(&head, body, &mut cx),
        })
    }

    /// Without a clock or a filter there is nobody to tell.
    fn tell(&self, tell: impl FnOnce(&mut F, &mut Cx<'_>)) {
        let filter = self.filter.as_ref().and_then(|filter| filter.try_borrow_mut().ok());
        if let (Some(mut filter), Ok(now)) = (filter, now()) {
            tell(&mut filter, &mut Cx { now, host: &mut Envoy });
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
fn act(outcome: Result<Outcome, Reply>, asked: &Asked<'_>) -> Action {
    match outcome {
        Ok(Outcome::Passes) => Action::Continue,
        Ok(Outcome::Waits) => Action::Pause,
        Ok(Outcome::Answered(content)) => {
            answer::give(&content);
            Action::Pause
        }
        Err(reply) => {
            answer::send(&reply, asked);
            Action::Pause
        }
    }
}
