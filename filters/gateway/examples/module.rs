//! Every filter in one wasm module.

tollgate_host::serve!(tollgate_gateway::Gateway);
