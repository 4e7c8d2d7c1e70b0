//! What a configuration means for those who call.
//!
//! [`explain`] tells what becomes of one request, stage by stage, by running the
//! filters' own code: nothing is sent, and nothing is told that the gateway would
//! not do. [`diff`] tells what a change of the configuration changes for callers,
//! in their words: which calls are new or gone, what they need now, how often
//! they may be made.

mod diff;
mod explain;
mod explanation;
mod request;
mod routing;
mod words;
mod world;

pub use crate::diff::{Difference, Differences, diff};
pub use crate::explain::explain;
pub use crate::explanation::{Explanation, Stage, Verdict};
pub use crate::request::{InvalidRequest, Request};
