//! Every filter in one wasm module.
