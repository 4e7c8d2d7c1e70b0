use std::collections::BTreeMap;

use bytes::Bytes;

/// A kind of resource, in the order in which additions are pushed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Clusters (CDS).
    Cluster,
    /// The endpoints of clusters (EDS).
    Endpoints,
    /// Certificates, keys and authorities (SDS).
    Secret,
    /// Filter configurations (ECDS).
    Extension,
    /// Listeners (LDS).
    Listener,
    /// Route configurations (RDS).
    Routes,
}

impl Kind {
    /// Every kind, in the order in which additions are pushed.
    pub const ALL: [Self; 6] = [
        Self::Cluster,
        Self::Endpoints,
        Self::Secret,
        Self::Extension,
        Self::Listener,
        Self::Routes,
    ];

    /// The type URL that stands in discovery requests and responses.
    pub const fn type_url(self) -> &'static str {
        match self {
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Endpoints => "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            Self::Extension => "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Routes => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        }
    }

    /// The kind that a type URL names, if it is one that is served here.
    pub fn from_type_url(url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.type_url() == url)
    }
}

/// One thing that Envoy is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resource {
    /// A hash of the model that the resource says, never of its bytes: equal
    /// models have equal versions on every replica.
    pub version: String,

    /// The message, encoded; every stream that sends it shares the bytes.
    pub body: Bytes,

    /// Clusters that must be warm before this makes sense.
    pub needs: Vec<String>,

    /// What it was made from, with its place, for whoever has to mend it:
    /// `backends.orders (tollgate.yaml:12)`.
    pub origin: String,
}

/// Everything one Envoy is to be told, by kind and by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Snapshot {
    /// Kinds without resources may be absent.
    pub resources: BTreeMap<Kind, BTreeMap<String, Resource>>,
}

impl Snapshot {
    /// A resource, if there is one of that kind and name.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Resource> {
        self.resources.get(&kind)?.get(name)
    }

    /// Every resource of a kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = (&String, &Resource)> {
        self.resources.get(&kind).into_iter().flatten()
    }
}
