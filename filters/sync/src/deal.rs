//! What an Envoy and the control plane say to each other about limits: the gRPC
//! method `tollgate.sync.v1.Limits/Deal`. Fields may be added; numbers are not
//! used for anything else.

use prost::Message;

/// The service.
pub const SERVICE: &str = "tollgate.sync.v1.Limits";

/// Its one method: one request, one response.
pub const METHOD: &str = "Deal";

/// How many demands, and how many asks, one request brings at most.
pub const PAGE: usize = 1_024;

/// How many tenants one response tells of at most.
pub const OVERRIDES_MAX: usize = 1_024;

/// What an Envoy needs.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Request {
    /// Which Envoy: 16 random bytes, new at each start.
    #[prost(bytes = "vec", tag = "1")]
    pub instance: Vec<u8>,
    /// The how-manieth exchange this is.
    #[prost(uint64, tag = "2")]
    pub number: u64,
    /// The last exchange whose grants it has taken over.
    #[prost(uint64, tag = "3")]
    pub applied: u64,
    /// How often it has done without the control plane for so long that it has
    /// forgotten what it was granted.
    #[prost(uint32, tag = "4")]
    pub turn: u32,
    /// The dealer that it was answered by; 0 for none.
    #[prost(fixed64, tag = "5")]
    pub dealer: u64,
    /// That dealer has been told everything.
    #[prost(bool, tag = "6")]
    pub complete: bool,
    /// What it enforces of every key that nothing was dealt of, in millionths.
    #[prost(uint32, tag = "7")]
    pub share: u32,
    /// What has changed of rates.
    #[prost(message, repeated, tag = "8")]
    pub demands: Vec<Demand>,
    /// What is to be lent of counts, or comes back.
    #[prost(message, repeated, tag = "9")]
    pub asks: Vec<Ask>,
    /// The list of overrides that it has; 0 for none.
    #[prost(uint64, tag = "10")]
    pub overrides: u64,
}

/// What it needs of one rate.
#[derive(Clone, Copy, Eq, Message, PartialEq)]
pub struct Demand {
    /// The upper half of the key.
    #[prost(fixed64, tag = "1")]
    pub high: u64,
    /// The lower half.
    #[prost(fixed64, tag = "2")]
    pub low: u64,
    /// What callers ask for, in millionths of the limit.
    #[prost(uint32, tag = "3")]
    pub wants: u32,
    /// What is enforced at the moment.
    #[prost(uint32, tag = "4")]
    pub holds: u32,
}

/// What it has and needs of one counted window.
#[derive(Clone, Copy, Eq, Message, PartialEq)]
pub struct Ask {
    /// The upper half of the key.
    #[prost(fixed64, tag = "1")]
    pub high: u64,
    /// The lower half.
    #[prost(fixed64, tag = "2")]
    pub low: u64,
    /// When the window begins, in seconds since the epoch.
    #[prost(uint64, tag = "3")]
    pub begins: u64,
    /// When it ends; 0 for never.
    #[prost(uint64, tag = "4")]
    pub ends: u64,
    /// How much all may count in it.
    #[prost(uint64, tag = "5")]
    pub limit: u64,
    /// Up to where this Envoy has counted.
    #[prost(uint64, tag = "6")]
    pub spent: u64,
    /// Up to where it may.
    #[prost(uint64, tag = "7")]
    pub cap: u64,
    /// How much more it would like to have.
    #[prost(uint64, tag = "8")]
    pub wants: u64,
}

/// What it gets.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Response {
    /// Who deals: a number that is another after each start.
    #[prost(fixed64, tag = "1")]
    pub dealer: u64,
    /// What changes of rates.
    #[prost(message, repeated, tag = "2")]
    pub grants: Vec<Grant>,
    /// There is more to be had at once.
    #[prost(bool, tag = "3")]
    pub more: bool,
    /// What is lent of counts.
    #[prost(message, repeated, tag = "4")]
    pub lent: Vec<Lent>,
    /// All overrides; absent when they have not changed.
    #[prost(message, optional, tag = "5")]
    pub overrides: Option<Overrides>,
}

/// What is enforced of one rate from now on.
#[derive(Clone, Copy, Eq, Message, PartialEq)]
pub struct Grant {
    /// The upper half of the key.
    #[prost(fixed64, tag = "1")]
    pub high: u64,
    /// The lower half.
    #[prost(fixed64, tag = "2")]
    pub low: u64,
    /// How much, in millionths of the limit; absent for what is configured.
    #[prost(uint32, optional, tag = "3")]
    pub share: Option<u32>,
}

/// What is lent of one counted window.
#[derive(Clone, Copy, Eq, Message, PartialEq)]
pub struct Lent {
    /// The upper half of the key.
    #[prost(fixed64, tag = "1")]
    pub high: u64,
    /// The lower half.
    #[prost(fixed64, tag = "2")]
    pub low: u64,
    /// When the window begins, in seconds since the epoch.
    #[prost(uint64, tag = "3")]
    pub begins: u64,
    /// Up to where this Envoy may count.
    #[prost(uint64, tag = "4")]
    pub cap: u64,
}

/// What tenants get instead of what is configured.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Overrides {
    /// Which list; never 0.
    #[prost(uint64, tag = "1")]
    pub version: u64,
    /// The tenants.
    #[prost(message, repeated, tag = "2")]
    pub list: Vec<Override>,
}

/// What one tenant gets.
#[derive(Clone, Eq, Message, PartialEq)]
pub struct Override {
    /// Its id.
    #[prost(string, tag = "1")]
    pub tenant: String,
    /// Its tier; empty for the one that its callers have.
    #[prost(string, tag = "2")]
    pub tier: String,
    /// How many times what is configured, in millionths; 0 for once.
    #[prost(uint32, tag = "3")]
    pub factor: u32,
    /// How many times until then; 0 for no uplift.
    #[prost(uint32, tag = "4")]
    pub uplift: u32,
    /// Until when, in seconds since the epoch.
    #[prost(uint64, tag = "5")]
    pub uplift_until: u64,
}

/// The halves of a key.
pub fn halves(key: u128) -> (u64, u64) {
    let [high, low] = [key >> 64, key & u128::from(u64::MAX)];
    let half = |number| u64::try_from(number).unwrap_or_default();
    (half(high), half(low))
}

/// A key of its halves.
pub fn key(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}
