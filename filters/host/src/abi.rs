//! Envoy's side of the proxy-wasm ABI, version 0.2.1, as safe functions.

#![expect(unsafe_code, reason = "the host can only be reached through imports and raw buffers")]

mod import;

use std::ptr::{null_mut, slice_from_raw_parts_mut};

/// Why the host did not do what it was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Status {
    #[error("the proxy does not know it")]
    NotFound,
    #[error("it has changed since it was read")]
    CasMismatch,
    /// Any other, by its number: the list grows with Envoy.
    #[error("the proxy refused with status {0}")]
    Other(u32),
}

/// Headers or trailers, as the ABI numbers them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Map {
    RequestHeaders = 0,
    RequestTrailers = 1,
    ResponseHeaders = 2,
    /// Of the answer to a call, while that is being handed over.
    AnswerHeaders = 6,
}

/// What becomes of a stream after a callback, as the ABI numbers it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(crate) enum Action {
    Continue = 0,
    Pause = 1,
}

/// What kind of number it is, as the ABI numbers them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Metric {
    Counter = 0,
    Gauge = 1,
}

/// An answer that the host is to give in place of the backend.
pub(crate) struct LocalResponse<'a> {
    pub(crate) status: u16,
    pub(crate) details: &'a [u8],
    pub(crate) body: &'a [u8],
    /// In the encoding of [`crate::pairs`].
    pub(crate) headers: &'a [u8],
    pub(crate) grpc_status: i32,
}

const LOG_LEVEL_ERROR: u32 = 4;
const BUFFER_REQUEST_BODY: u32 = 0;
const BUFFER_ANSWER_BODY: u32 = 4;
const BUFFER_GRPC_MESSAGE: u32 = 5;
const BUFFER_PLUGIN_CONFIGURATION: u32 = 7;
const STREAM_HTTP_REQUEST: u32 = 0;
const STREAM_DOWNSTREAM: u32 = 2;

// SAFETY, for every `unsafe` below: a pointer handed to the host comes with the
// length of the slice it was made from, and the host keeps neither past the
// call. A pointer handed back is dealt with in `returned`.

/// Writes a line to Envoy's log.
pub(crate) fn log_error(text: &str) {
    // There is nobody to tell that the log cannot be written.
    let _ = unsafe { import::proxy_log(LOG_LEVEL_ERROR, text.as_ptr(), text.len()) };
}

/// Nanoseconds since the Unix epoch.
pub(crate) fn now() -> Result<u64, Status> {
    let mut nanos = 0;
    done(unsafe { import::proxy_get_current_time_nanoseconds(&raw mut nanos) })?;
    Ok(nanos)
}

/// What the operator wrote for this plugin.
pub(crate) fn configuration() -> Result<Vec<u8>, Status> {
    returned(|data, len| unsafe {
        import::proxy_get_buffer_bytes(BUFFER_PLUGIN_CONFIGURATION, 0, usize::MAX, data, len)
    })
}

/// The body of a request, as much of it as is held.
pub(crate) fn request_body(len_max: usize) -> Result<Vec<u8>, Status> {
    returned(|data, len| unsafe {
        import::proxy_get_buffer_bytes(BUFFER_REQUEST_BODY, 0, len_max, data, len)
    })
}

/// The body of the answer to a call, while that is being handed over.
pub(crate) fn answer_body(len_max: usize) -> Result<Vec<u8>, Status> {
    returned(|data, len| unsafe {
        import::proxy_get_buffer_bytes(BUFFER_ANSWER_BODY, 0, len_max, data, len)
    })
}

/// Every line of a map, in the encoding of [`tollgate_core::Headers::decode`].
pub(crate) fn header_pairs(map: Map) -> Result<Vec<u8>, Status> {
    returned(|data, len| unsafe { import::proxy_get_header_map_pairs(map as u32, data, len) })
}

/// Gives a header one value, in place of those it has.
pub(crate) fn set_header(map: Map, name: &[u8], value: &[u8]) -> Result<(), Status> {
    done(unsafe {
        import::proxy_replace_header_map_value(
            map as u32,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Gives a header a value besides those it has.
pub(crate) fn add_header(map: Map, name: &[u8], value: &[u8]) -> Result<(), Status> {
    done(unsafe {
        import::proxy_add_header_map_value(
            map as u32,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Removes every line of a header.
pub(crate) fn remove_header(map: Map, name: &[u8]) -> Result<(), Status> {
    done(unsafe { import::proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
}

/// A property, by its path with parts separated by zero bytes.
pub(crate) fn property(path: &[u8]) -> Result<Vec<u8>, Status> {
    returned(|data, len| unsafe {
        import::proxy_get_property(path.as_ptr(), path.len(), data, len)
    })
}

/// Leaves a property for later filters.
pub(crate) fn set_property(path: &[u8], value: &[u8]) -> Result<(), Status> {
    done(unsafe {
        import::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len())
    })
}

/// A value that all virtual machines with one `vm_id` share, and its version.
pub(crate) fn shared_data(key: &[u8]) -> Result<(Vec<u8>, u32), Status> {
    let mut cas = 0;
    let value = returned(|data, len| unsafe {
        import::proxy_get_shared_data(key.as_ptr(), key.len(), data, len, &raw mut cas)
    })?;
    Ok((value, cas))
}

/// Replaces a shared value if it still has version `cas`; 0 means whichever.
pub(crate) fn set_shared_data(key: &[u8], value: &[u8], cas: u32) -> Result<(), Status> {
    done(unsafe {
        import::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas)
    })
}

/// Calls a function that Envoy offers beside the ABI.
pub(crate) fn call_foreign(function: &[u8], argument: &[u8]) -> Result<Vec<u8>, Status> {
    returned(|data, len| unsafe {
        import::proxy_call_foreign_function(
            function.as_ptr(),
            function.len(),
            argument.as_ptr(),
            argument.len(),
            data,
            len,
        )
    })
}

/// Answers the request in place of the backend.
pub(crate) fn send_local_response(response: &LocalResponse<'_>) -> Result<(), Status> {
    let LocalResponse { status, details, body, headers, grpc_status } = *response;
    done(unsafe {
        import::proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status,
        )
    })
}

/// Ends the request without an answer.
pub(crate) fn reset_request() -> Result<(), Status> {
    done(unsafe { import::proxy_close_stream(STREAM_HTTP_REQUEST) })
}

/// Closes the connection that the calls are about, once what was written is sent.
pub(crate) fn close_connection() -> Result<(), Status> {
    done(unsafe { import::proxy_close_stream(STREAM_DOWNSTREAM) })
}

/// Lets a request go on that was held.
pub(crate) fn continue_request() -> Result<(), Status> {
    done(unsafe { import::proxy_continue_stream(STREAM_HTTP_REQUEST) })
}

/// Makes the coming calls about another stream than the one the host called for.
pub(crate) fn turn_to(stream: u32) -> Result<(), Status> {
    done(unsafe { import::proxy_set_effective_context(stream) })
}

/// A request to another server; both lists in the encoding of [`crate::pairs`].
pub(crate) struct HttpCall<'a> {
    pub(crate) cluster: &'a [u8],
    pub(crate) headers: &'a [u8],
    pub(crate) body: &'a [u8],
    pub(crate) trailers: &'a [u8],
    pub(crate) timeout_millis: u32,
}

/// Sends a request to another server; returns the host's number for it.
pub(crate) fn http_call(call: &HttpCall<'_>) -> Result<u32, Status> {
    let HttpCall { cluster, headers, body, trailers, timeout_millis } = *call;
    let mut token = 0;
    done(unsafe {
        import::proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            headers.as_ptr(),
            headers.len(),
            body.as_ptr(),
            body.len(),
            trailers.as_ptr(),
            trailers.len(),
            timeout_millis,
            &raw mut token,
        )
    })?;
    Ok(token)
}

/// A call of a gRPC method; the metadata in the encoding of [`crate::pairs`].
pub(crate) struct GrpcCall<'a> {
    pub(crate) cluster: &'a [u8],
    pub(crate) service: &'a [u8],
    pub(crate) method: &'a [u8],
    pub(crate) metadata: &'a [u8],
    pub(crate) message: &'a [u8],
    pub(crate) timeout_millis: u32,
}

/// Calls a gRPC method of another server; returns the host's number for it.
pub(crate) fn grpc_call(call: &GrpcCall<'_>) -> Result<u32, Status> {
    let GrpcCall { cluster, service, method, metadata, message, timeout_millis } = *call;
    let mut token = 0;
    done(unsafe {
        import::proxy_grpc_call(
            cluster.as_ptr(),
            cluster.len(),
            service.as_ptr(),
            service.len(),
            method.as_ptr(),
            method.len(),
            metadata.as_ptr(),
            metadata.len(),
            message.as_ptr(),
            message.len(),
            timeout_millis,
            &raw mut token,
        )
    })?;
    Ok(token)
}

/// The message that a gRPC call was answered with, while that is being handed over.
pub(crate) fn grpc_message(len_max: usize) -> Result<Vec<u8>, Status> {
    returned(|data, len| unsafe {
        import::proxy_get_buffer_bytes(BUFFER_GRPC_MESSAGE, 0, len_max, data, len)
    })
}

/// Has the plugin that is being called ticked from now on.
pub(crate) fn tick_every(millis: u32) -> Result<(), Status> {
    done(unsafe { import::proxy_set_tick_period_milliseconds(millis) })
}

/// Makes a metric, or finds the one of that name; returns the host's number for it.
pub(crate) fn metric(metric: Metric, name: &[u8]) -> Result<u32, Status> {
    let mut id = 0;
    let kind = metric as u32;
    done(unsafe { import::proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

/// Counts one more.
pub(crate) fn increment(counter: u32) -> Result<(), Status> {
    done(unsafe { import::proxy_increment_metric(counter, 1) })
}

/// Sets a gauge.
pub(crate) fn record(gauge: u32, value: u64) -> Result<(), Status> {
    done(unsafe { import::proxy_record_metric(gauge, value) })
}

fn done(status: u32) -> Result<(), Status> {
    match status {
        0 => Ok(()),
        1 => Err(Status::NotFound),
        8 => Err(Status::CasMismatch),
        other => Err(Status::Other(other)),
    }
}

/// Takes over the buffer that a call returns through two pointers.
fn returned(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, Status> {
    let mut data = null_mut();
    let mut len = 0;
    done(call(&raw mut data, &raw mut len))?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the host got the buffer from `proxy_on_memory_allocate`, which
    // leaks a boxed slice of exactly `len` bytes from this allocator, has filled
    // it, and hands it over to whoever made the call.
    let buffer = unsafe { Box::from_raw(slice_from_raw_parts_mut(data, len)) };
    Ok(buffer.into_vec())
}
