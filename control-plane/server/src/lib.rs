//! The control plane.
//!
//! Reads what an operator wrote, and tells it to every Envoy that asks, now and
//! at every change. A change is published only if all of it is good; until
//! then the last good one is served.
//!
//! `publish` has a thread of its own and makes revisions out of files; `client`
//! is a task for each Envoy and brings it the newest; between them is one
//! channel that holds one revision.

pub mod cli;
pub mod commands;
pub mod store;

mod accept;
mod address;
mod admin;
mod ads;
mod cache;
mod client;
mod clock;
mod config;
mod connection;
mod delivery;
mod dial;
mod digest;
mod edit;
mod event;
mod fetch;
mod guard;
mod health;
mod identity;
mod input;
mod keeper;
mod keys;
mod ledger;
mod limits;
mod listener;
mod load;
mod logging;
mod module;
mod news;
mod node;
mod objects;
mod precheck;
mod progress;
mod publish;
mod relay;
mod render;
mod report;
mod revision;
mod secret;
mod serve;
mod sources;
mod status;
mod sync;
mod table;
mod tls;
mod touches;
mod unary;
mod watch;
mod world;

pub use crate::address::{Address, InvalidAddress};
pub use crate::admin::AdminFailed;
pub use crate::cache::CacheFailed;
pub use crate::config::UnreadableFile;
pub use crate::fetch::FetchFailed;
pub use crate::health::{Unhealthy, health};
pub use crate::identity::IdentityFailed;
pub use crate::load::Fault;
pub use crate::logging::{LogFormat, start_logging};
pub use crate::module::{InvalidModule, Module};
pub use crate::precheck::PrecheckFailed;
pub use crate::relay::{RelayFailed, Relayed, UpstreamName, relay};
pub use crate::secret::UnusableSecret;
pub use crate::serve::{ServeFailed, Serving, XdsPort, serve};
pub use crate::status::{StatusFailed, status};
pub use crate::tls::{ShownFiles, TlsFiles, UnusableTls};
