//! The filter alone, as a wasm module.

tollgate_host::serve!(tollgate_transform::TransformFilter);
