//! What goes to the backend and what comes back.
//!
//! Headers are taken out, set and added, with values that may name the caller
//! and the parameters of the path. A value of which a part is not known, or
//! which would not be a valid header value, is never sent.

mod filter;
mod name;
mod spec;
mod template;
mod transform;

pub use crate::filter::{TransformFilter, TransformFilterSpec};
pub use crate::spec::{HeadersSpec, MessageSpec};
pub use crate::transform::{Facts, HeaderFault, InvalidTransform, Transform};
