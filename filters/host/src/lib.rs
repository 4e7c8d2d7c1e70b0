//! Runs a filter inside Envoy.
//!
//! The only crate that knows proxy-wasm, and it decides nothing: it hands a
//! [`Filter`] what Envoy knows about a request and carries out the verdict.
//! Where Envoy refuses what a verdict needs, the request is refused too.
//!
//! Nothing here may panic, whatever the host answers: a panic ends the virtual
//! machine of a worker, and with it every request that the worker has in hand.
//! So it speaks the ABI itself instead of through the SDK, which panics at
//! statuses it does not expect, at bytes that are not UTF-8 and at contexts it
//! does not know, and exports every callback whether a filter needs it or not.

mod abi;
mod answer;
mod answered;
mod body;
mod clock;
mod configure;
mod connection;
mod edits;
mod envoy;
mod exports;
mod failure;
mod module;
mod pairs;
mod seed;
mod signature;
mod statistics;
mod stream;

pub use crate::exports::start;
#[doc(hidden)]
pub use tollgate_core::Filter;

/// Makes a wasm module of a filter, in a crate of type `cdylib`.
///
/// ```ignore
/// tollgate_host::serve!(tollgate_rate_limit::RateLimitFilter);
/// ```
#[macro_export]
macro_rules! serve {
    ($filter:ty) => {
        const _: () = {
            #[cfg(target_family = "wasm")]
            unsafe extern "C" {
                fn __wasm_call_ctors();
            }

            /// Called once, before anything else. That it runs the constructors
            /// keeps the linker from running them at every call.
            #[cfg(target_family = "wasm")]
            #[unsafe(no_mangle)]
            extern "C" fn _initialize() {
                // SAFETY: the linker makes this function for exactly this call.
                unsafe { __wasm_call_ctors() };
                $crate::start::<$filter>();
            }

            // Elsewhere there is no Envoy to link with; the type is still checked.
            #[cfg(not(target_family = "wasm"))]
            const _: fn() = $crate::is_served::<$filter>;
        };
    };
}

#[doc(hidden)]
pub fn is_served<F: Filter + 'static>() {}
