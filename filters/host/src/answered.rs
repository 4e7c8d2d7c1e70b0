use tollgate_core::{Answer, CallId, Cx, Filter, Headers};

use crate::abi::{self, Map};
use crate::clock::now;
use crate::envoy::Envoy;
use crate::stream::Shared;

/// Nothing that a filter asks for is nearly as long.
const BODY_BYTES_MAX: usize = 64 * 1024;

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
