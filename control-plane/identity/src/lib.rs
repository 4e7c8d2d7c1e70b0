//! What an opaque token says.
//!
//! A gateway's worker that meets a token it cannot read asks here, as it would
//! ask an identity provider (RFC 7662). A [`Front`] answers from memory, from a
//! [`Cache`] that several of its kind share, or asks the provider.
//!
//! It stands between many workers and one provider, and keeps each from the
//! faults of the other: the same question is asked once, made-up tokens neither
//! use up what the provider can bear nor push out what is known of good ones,
//! and a provider that does not answer is left alone until it does. Whatever
//! cannot be found out is said to be unknown, never to be good.

mod answer;
mod breaker;
mod budget;
mod cache;
mod clock;
mod compile;
mod connector;
mod counts;
mod endpoint;
mod exchange;
mod flights;
mod front;
mod gate;
mod in_house;
mod in_process;
mod introspection;
mod key_set;
mod mint;
mod name;
mod negatives;
mod permit;
mod policy;
mod provider;
mod question;
mod recent;
mod redis;
mod reply;
mod report;
mod seal;
mod secret;
mod serve;
mod service;
mod source;
mod spec;
#[cfg(test)]
mod testing;

pub use crate::answer::Answer;
pub use crate::cache::{Cache, Entry, Later};
pub use crate::clock::{Clock, SystemClock};
pub use crate::compile::InvalidSource;
pub use crate::counts::Counts;
pub use crate::front::{Front, Remembered};
pub use crate::in_house::InHouse;
pub use crate::in_process::InProcess;
pub use crate::introspection::Malformed;
pub use crate::key_set::{KEY_SET_PATH, KeySetService};
pub use crate::mint::{InvalidMint, Mint, MintSpec};
pub use crate::name::Name;
pub use crate::provider::ProviderFailed;
pub use crate::redis::{InvalidRedis, Redis};
pub use crate::secret::Secret;
pub use crate::serve::{Answers, INTROSPECTION_ADDRESS, serve};
pub use crate::service::{IntrospectionService, InvalidService};
pub use crate::spec::{FrontSpec, RedisSpec, SourceSpec};

/// Reads an answer, the questions and a sealed entry, for the fuzzer.
#[doc(hidden)]
pub fn fuzz_bytes(bytes: &[u8]) {
    let _ = exchange::Exchange::read(bytes);
    let _ = introspection::read(bytes);
    let _ = question::token(bytes);
    let _ = seal::Seal::new(&Secret::new("fuzz")).open(&Name::of([bytes]), bytes);
}
