//! What every filter agrees on: a request head, a principal, a verdict, a clock reading.
//!
//! Nothing here, and nothing in a filter crate, performs I/O, reads a clock or
//! draws a random number. `filters/host` does, and passes the results in, so
//! every decision is a function of its arguments and is tested natively.

mod address;
mod call;
mod claim_path;
mod config;
mod edit;
mod escape;
mod filter;
mod fingerprint;
mod hasher;
mod headers;
mod path;
mod principal;
mod reply;
mod reserved;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod time;
mod words;

pub use crate::address::Address;
pub use crate::call::{
    Answer, Call, CallId, CallRefused, GrpcAnswer, GrpcCall, GrpcCallId, GrpcFailed,
};
pub use crate::claim_path::{ClaimPath, InvalidClaimPath};
pub use crate::config::{ConfigError, parse};
pub use crate::edit::{Edit, Edits, Operation, Ticket, is_header_name, is_header_value};
pub use crate::escape::{query_parameters, unescape, without_parameters};
pub use crate::filter::{
    Cx, Filter, Hash, Host, RequestHead, SharedDataUnavailable, SignatureCheck,
    SignatureUnsupported, Verdict, Version, property, update,
};
pub use crate::fingerprint::{Fingerprint, Fingerprinter, Seed};
pub use crate::hasher::Prehashed;
pub use crate::headers::{Duplicate, Headers, MalformedPairs};
pub use crate::path::{AmbiguousPath, CanonicalPath, Segments};
pub use crate::principal::{MalformedPrincipal, Principal};
pub use crate::reply::{Content, Problem, Reply};
pub use crate::reserved::{is_envoys_own, is_of_shards, is_reserved, is_spelling};
pub use crate::time::Timestamp;
pub use crate::words::{Groups, Scopes};
