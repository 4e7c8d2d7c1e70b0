use std::net::SocketAddr;

/// What the translation has to know of the machines that Envoy and the control
/// plane run on.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Deployment {
    /// The path of `gateway.wasm` as Envoy sees it. It should name the content
    /// (`gateway.0123456789abcdef.wasm`): Envoy takes a changed path for new
    /// code, and a changed file for nothing.
    pub module: String,

    /// Where the control plane says who has been revoked; none if nobody can be.
    pub sync: Option<SocketAddr>,
}
