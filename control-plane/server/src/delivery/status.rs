use tollgate_core::Timestamp;
use tollgate_xds::Kind;

use crate::address::Address;
use crate::delivery::latency::Latency;

/// Who has what, at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    /// Each stream; an Envoy that reconnects may have two for a moment.
    pub(crate) envoys: Vec<EnvoyStatus>,
    /// What nobody is given, because it was refused and nobody took it.
    pub(crate) held: Vec<Held>,
    /// How long revisions took until the last Envoy had them.
    pub(crate) latency: Latency,
}

/// One Envoy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct EnvoyStatus {
    pub(crate) node: String,
    pub(crate) group: String,
    pub(crate) peer: Address,
    pub(crate) connected: Timestamp,
    /// The newest revision of which it has taken everything, but for what it refused.
    pub(crate) live: Option<u64>,
    /// The resources that it took on this stream, or came with.
    pub(crate) acked: usize,
    pub(crate) pending: Vec<Pending>,
    pub(crate) refused: Vec<Refused>,
}

/// What an Envoy was offered and has not answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pending {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) version: String,
    /// What it was made from, with its file and line.
    pub(crate) origin: String,
    pub(crate) since: Timestamp,
}

/// What an Envoy refused, and runs an older version of, if any.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refused {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) version: String,
    /// What it was made from, with its file and line.
    pub(crate) origin: String,
    /// In Envoy's words.
    pub(crate) reason: String,
    /// The version that it runs, if it took one on this stream.
    pub(crate) running: Option<String>,
    pub(crate) since: Timestamp,
}

/// A version that is not given to those who do not have it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Held {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) version: String,
    /// What it was made from, with its file and line.
    pub(crate) origin: String,
    /// Who refused it.
    pub(crate) nodes: Vec<String>,
    /// In the words of the first of them.
    pub(crate) reason: String,
    /// What is served in its place, if any version was ever taken.
    pub(crate) serving: Option<String>,
    pub(crate) since: Timestamp,
}
