use crate::delta::Body;

/// What is sent to a client: on the wire an
/// `envoy.service.discovery.v3.DiscoveryResponse`, whose resources are shared with
/// the snapshot.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Response {
    /// Stands for all of it.
    #[prost(string, tag = "1")]
    pub version_info: String,
    /// Everything that is asked for and there is.
    #[prost(message, repeated, tag = "2")]
    pub resources: Vec<Body>,
    /// The type of the resources.
    #[prost(string, tag = "4")]
    pub type_url: String,
    /// Comes back with the client's verdict on this response.
    #[prost(string, tag = "5")]
    pub nonce: String,
}
