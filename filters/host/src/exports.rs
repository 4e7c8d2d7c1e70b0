//! What Envoy finds in the module: the callbacks of the proxy-wasm ABI, version
//! 0.2.1, that a filter needs, and no others. Each one that is exported is
//! called for every stream, at half a microsecond or more.

#![expect(unsafe_code, reason = "the host finds functions by their unmangled names")]

use std::cell::RefCell;
use std::mem::MaybeUninit;

use tollgate_core::{CallId, Filter, GrpcCallId};

use crate::abi::{self, Action};
use crate::module::{Contexts, Module};

thread_local! {
    static MODULE: RefCell<Option<Box<dyn Module>>> = const { RefCell::new(None) };
}

/// Makes `F` what answers Envoy's calls into this virtual machine.
pub fn start<F: Filter + 'static>() {
    MODULE.set(Some(Box::new(Contexts::<F>::default())));
}

/// None before [`start`], and inside another callback: Envoy makes no such call.
fn with<T>(call: impl FnOnce(&mut dyn Module) -> T) -> Option<T> {
    MODULE.with(|module| {
        let mut module = module.try_borrow_mut().ok()?;
        let module = module.as_mut()?;
        Some(call(module.as_mut()))
    })
}

/// A request that nobody has judged must not pass.
fn judge(call: impl FnOnce(&mut dyn Module) -> Action) -> Action {
    with(call).unwrap_or_else(|| {
        let _ = abi::reset_request();
        Action::Pause
    })
}

/// Tells Envoy which version of the ABI this is.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Gives Envoy room for what it returns; [`abi`] takes it over.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(len: usize) -> *mut u8 {
    let room: Box<[MaybeUninit<u8>]> = Box::new_uninit_slice(len);
    Box::into_raw(room).cast()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(id: u32, parent: u32) {
    with(|module| module.on_create(id, parent));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(id: u32, _bytes: usize) -> bool {
    with(|module| module.on_configure(id)).unwrap_or(false)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(id: u32, _lines: usize, end: bool) -> Action {
    judge(|module| module.on_request_headers(id, end))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(id: u32, bytes: usize, end: bool) -> Action {
    judge(|module| module.on_request_body(id, bytes, end))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(id: u32, _lines: usize) -> Action {
    judge(|module| module.on_request_trailers(id))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(id: u32, _lines: usize, _end: bool) -> Action {
    judge(|module| module.on_response_headers(id))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(
    plugin: u32,
    call: u32,
    _lines: usize,
    _bytes: usize,
    _trailers: usize,
) {
    with(|module| module.on_answer(plugin, CallId(call)));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(plugin: u32) {
    with(|module| module.on_tick(plugin));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive(plugin: u32, call: u32, bytes: usize) {
    with(|module| module.on_grpc_message(plugin, GrpcCallId(call), bytes));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_close(plugin: u32, call: u32, status: u32) {
    with(|module| module.on_grpc_failure(plugin, GrpcCallId(call), status));
}

/// Only of connections, where the module is among their filters.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_new_connection(id: u32) -> Action {
    with(|module| module.on_connection(id));
    Action::Continue
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(id: u32) {
    with(|module| module.on_delete(id));
}
