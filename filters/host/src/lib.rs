//! Runs a filter inside Envoy.
//!
//! The only crate that names `proxy_wasm`, and it decides nothing: it hands a
//! [`Filter`] what Envoy knows about a request and carries out the verdict.
//! Where Envoy refuses what a verdict needs, the request is refused too.
//!
//! Nothing here may panic, whatever the host answers: a panic ends the virtual
//! machine of a worker, and with it every request that the worker has in hand.
//! So the host is called directly, not through the SDK's wrappers, which panic
//! at statuses they do not expect and at bytes that are not UTF-8.

mod abi;
mod answer;
mod edits;
mod envoy;
mod failure;
mod pairs;
mod root;
mod seed;
mod signature;
mod stream;

#[doc(hidden)]
pub use proxy_wasm;
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
            $crate::proxy_wasm::main! {{
                $crate::start::<$filter>();
            }}

            // Elsewhere there is no Envoy to link with; the type is still checked.
            #[cfg(not(target_family = "wasm"))]
            const _: fn() = $crate::is_served::<$filter>;
        };
    };
}

#[doc(hidden)]
pub fn is_served<F: Filter + 'static>() {}

/// Makes `F` what answers Envoy's calls into this virtual machine.
pub fn start<F: Filter + 'static>() {
    proxy_wasm::set_root_context(|_| Box::new(root::Root::<F>::default()));
}
