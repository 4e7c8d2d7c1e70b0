//! The filter alone, as a wasm module.
