//! What an operator writes, checked.
//!
//! A pure step from the bytes of `tollgate.yaml` to a [`Gateway`]. Every fault
//! is reported with its place, because a person is reading.
//!
//! [`read`] makes a [`Draft`], which says what else has to be loaded;
//! [`Draft::compile`] takes that and tells every fault, or gives the gateway.

mod action;
mod at;
mod backend;
mod bounds;
mod check;
mod draft;
mod duration;
mod envoys;
mod expiry;
mod fault;
mod gateway;
mod merge;
mod nearest;
mod path;
mod piece;
mod place;
mod reference;
mod schema;
mod shape;
mod side_by_side;
mod sift;
mod site;
mod source;
mod spec;
mod tls;
mod workspace;
mod yaml;

pub use crate::action::{
    Action, Forward, HashKey, Lasting, Mirror, PathRewrite, Piece, Redirect, RedirectStatus,
    Respond, Retries, RetryOn,
};
pub use crate::backend::{
    AdaptiveConcurrency, AdmissionControl, Backend, BackendTls, Balancing, Caps, ClientCertificate,
    Dns, Endpoint, Health, OutlierDetection, Probe, Protocol,
};
pub use crate::bounds::Bounds;
pub use crate::check::EXPRESSION_STEPS_MAX;
pub use crate::draft::{Draft, document, read};
pub use crate::envoys::Envoys;
pub use crate::expiry::Expiry;
pub use crate::fault::Fault;
pub use crate::gateway::{
    BackendToken, Gateway, HostRoute, IDENTITY_CLUSTER, Introspection, Listener, SYNC_CLUSTER,
    Shards,
};
pub use crate::piece::{RoutePiece, first_segment, is_plain, names_of_host};
pub use crate::place::Place;
pub use crate::reference::reference;
pub use crate::schema::schema;
pub use crate::side_by_side::side_by_side;
pub use crate::site::{InvalidSite, Site};
pub use crate::source::{Loaded, Reference, Source, key_set};
pub use crate::tls::{ClientCertificates, ClientTls, Http3, PrivateKey, Tls, TlsVersion};
pub use crate::workspace::{Change, Part, Read, Workspace};
pub use crate::yaml::FILE_BYTES_MAX;
