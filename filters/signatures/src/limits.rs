//! How much a caller may write before it is known who it is.
//!
//! Envoy bounds a request's head to 60 KiB and 100 lines; these bounds are
//! tighter where work grows faster than what is sent.

/// A longer one names no key of ours.
pub(crate) const KEY_ID_BYTES_MAX: usize = 256;

/// Enough for any random number in any spelling.
pub(crate) const NONCE_BYTES_MAX: usize = 128;

/// Of the fields that carry a signature, together.
pub(crate) const CREDENTIAL_BYTES_MAX: usize = 8 * 1024;

/// Headers, or components, that one signature covers.
pub(crate) const COVERED_MAX: usize = 64;

/// Parameters of a query; they are sorted, or searched once for each component.
pub(crate) const PARAMETERS_MAX: usize = 256;

/// Signatures of one request that are tried.
pub(crate) const SIGNATURES_MAX: usize = 4;

/// What is signed. A header can be covered more than once, in parts.
pub(crate) const SIGNED_BYTES_MAX: usize = 128 * 1024;
