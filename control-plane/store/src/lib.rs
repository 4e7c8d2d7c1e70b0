//! Tenants, API keys, signing keys and revocations, what tenants get instead of
//! what is configured, and what is spent of their quotas; revisions of the
//! configuration, what the admin API wrote of it, and who may.
//!
//! A [`Store`] is a SQLite file or a PostgreSQL database, and both behave the
//! same. Whoever gets an answer to a change can rely on it: it is on the disk.
//!
//! Changes have one order. Each row that a change touches gets the next number
//! of one sequence, and a change with a greater number is never visible before
//! one with a smaller, so that a reader who has seen everything up to a number
//! asks for what came after it and misses nothing.
//!
//! Of an API key only a keyed hash is kept, and 64 bits of a plain one for the
//! [filter](tollgate_auth::KeyFilter) that gateways ask first. Secrets that
//! requests are signed with must be known to whoever verifies, so they are kept,
//! [sealed](SecretSeal).

mod address;
mod error;
mod hasher;
mod key;
mod keys;
mod lending;
mod migrate;
mod objects;
mod operators;
mod overrides;
mod parts;
mod revision;
mod revisions;
mod revocation;
mod revocations;
mod seal;
mod secret;
mod signing_key;
mod signing_keys;
mod store;
mod tenant;
mod tenants;
mod time;

pub use crate::address::{InvalidAddress, StoreAddress};
pub use crate::error::{ChangeFailed, OpenFailed, StoreUnavailable};
pub use crate::hasher::{KeyHash, KeyHasher};
pub use crate::key::{KeyRecord, KeyState, NewKey};
pub use crate::keys::Rotation;
pub use crate::lending::{LeaseAsk, Window};
pub use crate::objects::{Edit, Object, ObjectChange};
pub use crate::operators::{Deed, NewOperator, Operator, OperatorToken, Role, UnknownRole};
pub use crate::overrides::{FACTOR_MAX, Factor, InvalidFactor, OVERRIDES_MAX, Override};
pub use crate::parts::{FILE, PartChanges};
pub use crate::revision::{Content, NewContent, NewRevision, Objects, Pin, Revision, Rollback};
pub use crate::revocation::{Revocation, Revoked};
pub use crate::seal::{NoRandomBytes, SecretSeal};
pub use crate::secret::{InvalidSecretReference, SecretReference, SecretUnavailable};
pub use crate::signing_key::{
    NewSigningKey, SigningAlgorithm, SigningKeyRecord, SigningKind, SigningMaterial,
    UnknownSigningAlgorithm, UnknownSigningKind,
};
pub use crate::signing_keys::SigningKeyUnavailable;
pub use crate::store::Store;
pub use crate::tenant::Tenant;
pub use tollgate_auth::ApiKey;
