use bytes::Bytes;

/// What is sent to Envoy: on the wire an
/// `envoy.service.discovery.v3.DeltaDiscoveryResponse`.
///
/// The bodies are shared with the snapshot, so a resource is encoded once,
/// however many streams send it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Response {
    /// What is added or changed.
    #[prost(message, repeated, tag = "2")]
    pub resources: Vec<Entry>,
    /// The type of everything in the response.
    #[prost(string, tag = "4")]
    pub type_url: String,
    /// Comes back with Envoy's verdict on this response.
    #[prost(string, tag = "5")]
    pub nonce: String,
    /// The names of what there is no longer.
    #[prost(string, repeated, tag = "6")]
    pub removed_resources: Vec<String>,
}

/// On the wire an `envoy.service.discovery.v3.Resource`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Entry {
    /// The version of the resource.
    #[prost(string, tag = "1")]
    pub version: String,
    /// The resource itself.
    #[prost(message, optional, tag = "2")]
    pub resource: Option<Body>,
    /// Its name.
    #[prost(string, tag = "3")]
    pub name: String,
}

/// On the wire a `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Body {
    /// The type of the value.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The encoded message.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}
