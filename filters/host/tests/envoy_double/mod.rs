//! An Envoy that answers each call into it as a test says.

#![allow(dead_code, reason = "no test file needs all of it")]
#![expect(unsafe_code, reason = "it stands in for the other side of the ABI")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::slice;

/// What the host answers one call: a status, and bytes if the call returns any.
pub(crate) type Answer = (u32, Option<Vec<u8>>);

#[derive(Default)]
struct Double {
    script: VecDeque<Answer>,
    calls: Vec<Call>,
    contexts: u32,
    tokens: u32,
}

/// One call that was made, and how it was answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) status: u32,
    /// What was handed over: names, values, bodies.
    pub(crate) arguments: Vec<Vec<u8>>,
}

thread_local! {
    static DOUBLE: RefCell<Double> = RefCell::default();
}

/// Answers the coming calls by `script`, then all others with status 0 and nothing.
pub(crate) fn answer_with(script: impl IntoIterator<Item = Answer>) {
    DOUBLE.with_borrow_mut(|double| {
        double.script = script.into_iter().collect();
        double.calls.clear();
    });
}

/// The calls since the last look.
pub(crate) fn calls() -> Vec<Call> {
    DOUBLE.with_borrow_mut(|double| std::mem::take(&mut double.calls))
}

/// A number that no context of this thread has had.
pub(crate) fn next_context() -> u32 {
    DOUBLE.with_borrow_mut(|double| {
        double.contexts = double.contexts.saturating_add(1);
        double.contexts
    })
}

/// Numbers the calls to other servers from 1.
fn next_token() -> u32 {
    DOUBLE.with_borrow_mut(|double| {
        double.tokens = double.tokens.saturating_add(1);
        double.tokens
    })
}

fn answer(name: &'static str, arguments: &[(*const u8, usize)]) -> Answer {
    let read = |&(data, len): &(*const u8, usize)| {
        // SAFETY: the caller passes a slice as its two parts.
        unsafe { slice::from_raw_parts(data, len) }.to_vec()
    };
    DOUBLE.with_borrow_mut(|double| {
        let (status, bytes) = double.script.pop_front().unwrap_or_default();
        let arguments = arguments.iter().map(read).collect();
        double.calls.push(Call { name, status, arguments });
        (status, bytes)
    })
}

/// Hands bytes over as Envoy does, in memory that it asks the module for.
fn hand_over((status, bytes): Answer, data: *mut *mut u8, len: *mut usize) -> u32 {
    let Some(bytes) = bytes else { return status };
    let buffer = allocate(bytes.len());
    // SAFETY: the buffer has that many bytes, and the two targets are the caller's own.
    unsafe {
        buffer.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        data.write(buffer);
        len.write(bytes.len());
    }
    status
}

fn allocate(len: usize) -> *mut u8 {
    // SAFETY: declared as the module defines it.
    unsafe { module::proxy_on_memory_allocate(len) }
}

/// What the module offers to Envoy.
pub(crate) mod module {
    unsafe extern "C" {
        pub(crate) fn proxy_on_memory_allocate(len: usize) -> *mut u8;
        pub(crate) safe fn proxy_on_context_create(id: u32, root: u32);
        pub(crate) safe fn proxy_on_configure(id: u32, len: usize) -> bool;
        pub(crate) safe fn proxy_on_request_headers(id: u32, lines: usize, end: bool) -> u32;
        pub(crate) safe fn proxy_on_request_body(id: u32, len: usize, end: bool) -> u32;
        pub(crate) safe fn proxy_on_http_call_response(
            root: u32,
            call: u32,
            lines: usize,
            len: usize,
            trailers: usize,
        );
        pub(crate) safe fn proxy_on_tick(root: u32);
        pub(crate) safe fn proxy_on_grpc_receive(root: u32, call: u32, len: usize);
        pub(crate) safe fn proxy_on_grpc_close(root: u32, call: u32, status: u32);
        pub(crate) safe fn proxy_on_request_trailers(id: u32, lines: usize) -> u32;
        pub(crate) safe fn proxy_on_response_headers(id: u32, lines: usize, end: bool) -> u32;
        pub(crate) safe fn proxy_on_new_connection(id: u32) -> u32;
        pub(crate) safe fn proxy_on_delete(id: u32);
    }
}

/// What Envoy offers to the module.
mod import {
    use super::{answer, hand_over, next_token};

    type Bytes = *const u8;
    type Data = *mut *mut u8;
    type Len = *mut usize;

    #[unsafe(no_mangle)]
    extern "C" fn proxy_log(_: u32, text: Bytes, len: usize) -> u32 {
        answer("log", &[(text, len)]).0
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_get_current_time_nanoseconds(_: *mut u64) -> u32 {
        answer("time", &[]).0
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_close_stream(_: u32) -> u32 {
        answer("close", &[]).0
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_continue_stream(_: u32) -> u32 {
        answer("continue", &[]).0
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_set_effective_context(_: u32) -> u32 {
        answer("turn", &[]).0
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_http_call(
        cluster: Bytes,
        cluster_len: usize,
        headers: Bytes,
        headers_len: usize,
        body: Bytes,
        body_len: usize,
        _: Bytes,
        _: usize,
        _: u32,
        token: *mut u32,
    ) -> u32 {
        let parts = [(cluster, cluster_len), (headers, headers_len), (body, body_len)];
        let (status, _) = answer("call", &parts);
        // SAFETY: the caller's own number.
        unsafe { token.write(next_token()) };
        status
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_set_tick_period_milliseconds(_: u32) -> u32 {
        answer("tick", &[]).0
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_grpc_call(
        cluster: Bytes,
        cluster_len: usize,
        service: Bytes,
        service_len: usize,
        method: Bytes,
        method_len: usize,
        _: Bytes,
        _: usize,
        message: Bytes,
        message_len: usize,
        _: u32,
        token: *mut u32,
    ) -> u32 {
        let parts = [
            (cluster, cluster_len),
            (service, service_len),
            (method, method_len),
            (message, message_len),
        ];
        let (status, _) = answer("grpc call", &parts);
        // SAFETY: the caller's own number.
        unsafe { token.write(next_token()) };
        status
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_define_metric(_: u32, name: Bytes, len: usize, _: *mut u32) -> u32 {
        answer("gauge", &[(name, len)]).0
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_record_metric(_: u32, _: u64) -> u32 {
        answer("record", &[]).0
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_increment_metric(_: u32, _: i64) -> u32 {
        answer("increment", &[]).0
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_get_buffer_bytes(_: u32, _: usize, _: usize, data: Data, len: Len) -> u32 {
        hand_over(answer("buffer", &[]), data, len)
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_get_header_map_pairs(_: u32, data: Data, len: Len) -> u32 {
        hand_over(answer("pairs", &[]), data, len)
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_replace_header_map_value(
        _: u32,
        name: Bytes,
        name_len: usize,
        value: Bytes,
        value_len: usize,
    ) -> u32 {
        answer("set", &[(name, name_len), (value, value_len)]).0
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_add_header_map_value(
        _: u32,
        name: Bytes,
        name_len: usize,
        value: Bytes,
        value_len: usize,
    ) -> u32 {
        answer("add", &[(name, name_len), (value, value_len)]).0
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_remove_header_map_value(_: u32, name: Bytes, name_len: usize) -> u32 {
        answer("remove", &[(name, name_len)]).0
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_get_property(path: Bytes, path_len: usize, data: Data, len: Len) -> u32 {
        hand_over(answer("property", &[(path, path_len)]), data, len)
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_set_property(
        path: Bytes,
        path_len: usize,
        value: Bytes,
        value_len: usize,
    ) -> u32 {
        answer("set property", &[(path, path_len), (value, value_len)]).0
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_get_shared_data(
        key: Bytes,
        key_len: usize,
        data: Data,
        len: Len,
        _: *mut u32,
    ) -> u32 {
        hand_over(answer("load", &[(key, key_len)]), data, len)
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_set_shared_data(
        key: Bytes,
        key_len: usize,
        value: Bytes,
        value_len: usize,
        _: u32,
    ) -> u32 {
        answer("store", &[(key, key_len), (value, value_len)]).0
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_call_foreign_function(
        function: Bytes,
        function_len: usize,
        argument: Bytes,
        argument_len: usize,
        data: Data,
        len: Len,
    ) -> u32 {
        let arguments = [(function, function_len), (argument, argument_len)];
        hand_over(answer("foreign", &arguments), data, len)
    }

    #[unsafe(no_mangle)]
    extern "C" fn proxy_send_local_response(
        _: u32,
        details: Bytes,
        details_len: usize,
        body: Bytes,
        body_len: usize,
        headers: Bytes,
        headers_len: usize,
        _: i32,
    ) -> u32 {
        answer("respond", &[(details, details_len), (body, body_len), (headers, headers_len)]).0
    }
}
