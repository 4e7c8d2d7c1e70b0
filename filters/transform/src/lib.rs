//! What goes to the backend and what comes back.

mod spec;

pub use crate::spec::{HeadersSpec, MessageSpec};
