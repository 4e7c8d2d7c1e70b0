use tollgate_core::{
    Answer, CallId, Cx, Filter, GrpcAnswer, GrpcCallId, GrpcFailed, Headers, Ticket,
};

use crate::abi::{self, Map};
use crate::clock::now;
use crate::envoy::Envoy;
use crate::stream::Shared;

/// Nothing that a filter asks for is longer: a set of keys, at most.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Tells a filter what its call was answered. An answer that cannot be read is
/// told as none: the requests that wait for it have to end either way.
pub(crate) fn learn<F: Filter>(filter: &Shared<F>, id: CallId) {
    if let (Ok(mut filter), Ok(now)) = (filter.try_borrow_mut(), now()) {
        filter.on_answer(id, &read(), &mut Cx { now, host: &mut Envoy });
    }
}

fn read() -> Answer {
    let headers = abi::header_pairs(Map::AnswerHeaders).ok();
    let headers = headers.and_then(|bytes| Headers::decode(bytes).ok());
    Answer {
        headers: headers.unwrap_or_default(),
        body: abi::answer_body(BODY_BYTES_MAX).unwrap_or_default(),
    }
}

/// Longer messages count as none. Nothing that a filter asks for is as long.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Tells a filter what became of its gRPC call.
pub(crate) fn learn_grpc<F: Filter>(filter: &Shared<F>, id: GrpcCallId, answer: &GrpcAnswer) {
    if let (Ok(mut filter), Ok(now)) = (filter.try_borrow_mut(), now()) {
        filter.on_grpc_answer(id, answer, &mut Cx { now, host: &mut Envoy });
    }
}

/// The message that a gRPC call was answered with.
pub(crate) fn message(bytes: usize) -> GrpcAnswer {
    if MESSAGE_BYTES_MAX < bytes {
        return Err(GrpcFailed::RESOURCE_EXHAUSTED);
    }
    abi::grpc_message(bytes).map_err(|_| GrpcFailed::RESOURCE_EXHAUSTED)
}

/// Has a filter do what it does whether requests come or not.
pub(crate) fn tick<F: Filter>(filter: &Shared<F>) {
    if let (Ok(mut filter), Ok(now)) = (filter.try_borrow_mut(), now()) {
        filter.on_tick(&mut Cx { now, host: &mut Envoy });
    }
}

/// Which of the exchanges that a filter follows are to end.
pub(crate) fn overdue<F: Filter>(filter: &Shared<F>) -> Vec<Ticket> {
    filter.try_borrow_mut().map(|mut filter| filter.overdue()).unwrap_or_default()
}

/// Tells a filter that no more requests will come.
pub(crate) fn close<F: Filter>(filter: &Shared<F>) {
    if let (Ok(mut filter), Ok(now)) = (filter.try_borrow_mut(), now()) {
        filter.on_close(&mut Cx { now, host: &mut Envoy });
    }
}
