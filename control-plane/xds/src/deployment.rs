use std::net::SocketAddr;

use tollgate_auth::Secret;

/// What the translation has to know of the machines that Envoy and the control
/// plane run on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deployment {
    /// The path of `gateway.wasm` as Envoy sees it. It should name the content
    /// (`gateway.0123456789abcdef.wasm`): Envoy takes a changed path for new
    /// code, and a changed file for nothing.
    pub module: String,

    /// Who is asked about opaque tokens and keys.
    pub identity: Option<IdentityFront>,

    /// Where the control plane says who has been revoked; none if nobody can be.
    pub sync: Option<SyncAt>,

    /// Where it deals limits among Envoys; none if it does not.
    pub limits: Option<SyncAt>,
}

/// Where the control plane listens for what Envoys ask beside their configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SyncAt {
    /// At this address, in clear.
    Address(SocketAddr),

    /// In a cluster that Envoy's bootstrap has, with the certificates that it takes.
    Bootstrap,
}

/// The control plane's identity front, as Envoy reaches it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdentityFront {
    /// Where it listens.
    pub address: SocketAddr,

    /// How the gateway proves who it is: `Bearer …`.
    pub authorization: Secret,

    /// Whether it knows the keys of a store too.
    pub has_store: bool,
}
