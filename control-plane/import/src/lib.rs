//! Descriptions of APIs by others, as an operator would write them.
//!
//! [`import`] makes a configuration out of an OpenAPI document, 3.0 or 3.1. What
//! it makes is good, because it is checked; and it lets in nobody whom the
//! document keeps out: an operation whose callers the gateway could not judge as
//! the document asks is left out, and told.

mod document;
mod import;
mod naming;
mod operation;
mod security;
mod server;
mod text;

pub use crate::import::{ImportFailed, Imported, Options, import};
