//! Asks other servers about credentials that the gateway cannot judge by itself.

mod endpoint;

pub(crate) use self::endpoint::Endpoint;
pub use self::endpoint::InvalidEndpoint;
