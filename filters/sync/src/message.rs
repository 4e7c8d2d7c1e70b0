//! What an Envoy and the control plane say to each other: the gRPC method
//! `tollgate.sync.v1.Sync/Exchange`. Fields may be added; numbers are not used
//! for anything else.

use prost::{Enumeration, Message};

/// The service.
pub const SERVICE: &str = "tollgate.sync.v1.Sync";

/// Its one method: one request, one response.
pub const METHOD: &str = "Exchange";

/// How many denials one response brings at most; then it says that there are more.
pub const PAGE: usize = 512;

/// How many bytes of the filter of API keys one response brings at most.
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;

/// What an Envoy has.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Request {
    /// Who asks: random bytes, new for each virtual machine.
    #[prost(bytes = "vec", tag = "1")]
    pub instance: Vec<u8>,
    /// The how-manieth request this is.
    #[prost(uint64, tag = "2")]
    pub number: u64,
    /// The last change of the store that it knows of; 0 at the beginning.
    #[prost(uint64, tag = "3")]
    pub sequence: u64,
    /// The filter of API keys that it has; 0 for none.
    #[prost(uint64, tag = "4")]
    pub filter: u64,
    /// The filter that it is being sent.
    #[prost(message, optional, tag = "5")]
    pub filling: Option<Filling>,
}

/// A filter that has come in part.
#[derive(Clone, Copy, Eq, Message, PartialEq)]
pub struct Filling {
    /// Which one.
    #[prost(uint64, tag = "1")]
    pub version: u64,
    /// How many bytes of it have come.
    #[prost(uint32, tag = "2")]
    pub bytes: u32,
}

/// What it does not have yet.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Response {
    /// The last change of the store that the Envoy knows of with this.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// The store is another one than before: what was known is void.
    #[prost(bool, tag = "2")]
    pub reset: bool,
    /// There is more to be had at once.
    #[prost(bool, tag = "3")]
    pub more: bool,
    /// Who is refused from now on, in the order of the changes.
    #[prost(message, repeated, tag = "4")]
    pub denials: Vec<Denial>,
    /// A part of the filter of API keys.
    #[prost(message, optional, tag = "5")]
    pub chunk: Option<Chunk>,
    /// Fingerprints of the API keys that are newer than the filter named by
    /// `newer_than`; absent when nothing has changed.
    #[prost(message, optional, tag = "6")]
    pub newer: Option<NewerKeys>,
    /// The time of the control plane, in seconds since the epoch.
    #[prost(uint64, tag = "7")]
    pub now: u64,
}

/// One thing that is refused, or is no longer.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Denial {
    /// What is meant.
    #[prost(enumeration = "Kind", tag = "1")]
    pub kind: i32,
    /// The issuer of a token or of a subject's tokens.
    #[prost(string, tag = "2")]
    pub issuer: String,
    /// The token's `jti`, the subject, the id of the key or of the tenant.
    #[prost(string, tag = "3")]
    pub name: String,
    /// When it was revoked, in seconds since the epoch.
    #[prost(uint64, tag = "4")]
    pub at: u64,
    /// Until when it counts, in seconds since the epoch; absent for ever.
    #[prost(uint64, optional, tag = "5")]
    pub until: Option<u64>,
    /// It is refused no longer.
    #[prost(bool, tag = "6")]
    pub lifted: bool,
}

/// What a denial can name.
#[derive(Clone, Copy, Debug, Enumeration, Eq, PartialEq)]
#[repr(i32)]
pub enum Kind {
    /// Nothing that is known here.
    Unknown = 0,
    /// One token.
    Token = 1,
    /// The tokens of a subject that were issued until then.
    Subject = 2,
    /// One API key.
    ApiKey = 3,
    /// The tokens of a tenant that were issued until then.
    Tenant = 4,
    /// A tenant and all that it has.
    Suspended = 5,
    /// One key that requests are signed with.
    SigningKey = 6,
}

/// A part of the filter of API keys.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Chunk {
    /// Which filter; never 0.
    #[prost(uint64, tag = "1")]
    pub version: u64,
    /// How many bytes the whole filter has.
    #[prost(uint32, tag = "2")]
    pub total: u32,
    /// Where the part begins.
    #[prost(uint32, tag = "3")]
    pub offset: u32,
    /// The part.
    #[prost(bytes = "vec", tag = "4")]
    pub bytes: Vec<u8>,
}

/// The API keys that a filter does not know of yet.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct NewerKeys {
    /// Which filter.
    #[prost(uint64, tag = "1")]
    pub filter: u64,
    /// The first 64 bits of each key's SHA-256.
    #[prost(fixed64, repeated, tag = "2")]
    pub fingerprints: Vec<u64>,
    /// There are more than can be told: the filter must not refuse anybody.
    #[prost(bool, tag = "3")]
    pub too_many: bool,
}
