use std::io;
use std::path::Path;

use sqlx::migrate::MigrateError;
use tollgate_auth::UnbuildableKeyFilter;
use tollgate_signatures::{InvalidKey, KeyAlgorithm};

use crate::migrate::SCHEMA;
use crate::store::PATIENCE;
use crate::{NoRandomBytes, SigningKind, StoreAddress};

/// Why a store cannot be opened.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum OpenFailed {
    #[error(
        "{path}: there is no store in this place; check --store, or make one with `tollgate \
         tenants create`"
    )]
    Missing { path: String },
    #[error("{path}: cannot be opened: {reason}")]
    File { path: String, reason: String },
    #[error("{store}: cannot be opened: {reason}")]
    Database { store: String, reason: String },
    #[error(
        "{store}: has schema {schema}, and this version of tollgate knows those up to {SCHEMA}; \
         use the version that wrote it, or a newer one"
    )]
    Newer { store: String, schema: i64 },
    #[error(
        "{store}: has a schema {schema} that is not tollgate's; use the version that wrote it, or \
         another database"
    )]
    Foreign { store: String, schema: i64 },
}

/// The store could not be asked: it is out of reach, locked, full or broken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the store cannot be used: {0}")]
pub struct StoreUnavailable(String);

/// Why a change was not made. Nothing of it was.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum ChangeFailed {
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
    #[error(
        "{what} {id:?} is not an id; use 1 to 256 bytes without control characters, and no blanks \
         at the ends"
    )]
    InvalidId { what: &'static str, id: String },
    #[error(
        "scope {0:?} is not a scope; use printable ASCII without blanks, quotes and backslashes"
    )]
    InvalidScope(String),
    #[error(
        "issuer {0:?} is not one; give the exact value of the `iss` claim, 1 to 1024 bytes \
         without control characters"
    )]
    InvalidIssuer(String),
    #[error("tenant {0:?} is not in the store; `tollgate tenants list` shows those that are")]
    UnknownTenant(String),
    #[error("tenant {0:?} is in the store already; choose another id")]
    TenantExists(String),
    #[error("API key {0:?} is not in the store; `tollgate keys list` shows those that are")]
    UnknownKey(String),
    #[error("API key {0:?} is in the store already, or was; choose another id")]
    KeyExists(String),
    #[error("API key {0:?} is revoked already")]
    KeyRevoked(String),
    #[error("API key {0:?} has expired; create a new one")]
    KeyExpired(String),
    #[error("API key {id:?} is replaced by {by:?} already; rotate that one")]
    KeyReplaced { id: String, by: String },
    #[error(
        "signing key {0:?} is not in the store; `tollgate signing-keys list` shows those that are"
    )]
    UnknownSigningKey(String),
    #[error("signing key {0:?} is in the store already, or was; choose another id")]
    SigningKeyExists(String),
    #[error("signing key {0:?} is revoked already")]
    SigningKeyRevoked(String),
    #[error("{kind} is signed with a secret; leave out --public-key")]
    NeedsSecret { kind: SigningKind },
    #[error("{algorithm} is signed with a private key; give the public one with --public-key")]
    NeedsPublicKey { algorithm: KeyAlgorithm },
    #[error("the {what} of the signing key: {why}")]
    InvalidSigningKey { what: &'static str, why: InvalidKey },
    #[error("revision {0} is not kept; `tollgate history` shows those that are")]
    UnknownRevision(u64),
    #[error("{kind} {name:?} has changed meanwhile; read it again")]
    ObjectChanged { kind: String, name: String },
    #[error("the configuration has changed meanwhile; try again")]
    Overtaken,
    #[error(
        "{kind}.{name}: this operator has {most} {kind}, as many as it may; remove one, or let another \
         operator write it"
    )]
    TooManyObjects { kind: String, name: String, most: u32 },
    #[error("operator {0:?} is there already, or was; choose another id")]
    OperatorExists(String),
    #[error("operator {0:?} is not there, or is revoked already")]
    UnknownOperator(String),
    #[error(transparent)]
    NoRandomBytes(#[from] NoRandomBytes),
    #[error(
        "{most} tenants have limits of their own already; take some back, or move tenants to another \
         tier"
    )]
    TooManyOverrides { most: usize },
    #[error("the end of {what} is not in the future; give a later one")]
    Past { what: &'static str },
}

// === impl OpenFailed ===

impl OpenFailed {
    pub(crate) fn from_file(path: &Path, error: &io::Error) -> Self {
        let path = path.display().to_string();
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            _ => Self::File { path, reason: error.to_string() },
        }
    }

    pub(crate) fn from_migration(address: &StoreAddress, error: &MigrateError) -> Self {
        let store = address.to_string();
        match error {
            MigrateError::VersionMissing(schema) => Self::Newer { store, schema: *schema },
            MigrateError::VersionMismatch(schema) => Self::Foreign { store, schema: *schema },
            MigrateError::Execute(error) => Self::from_database(address, error),
            other => Self::Database { store, reason: other.to_string() },
        }
    }

    pub(crate) fn from_database(address: &StoreAddress, error: &sqlx::Error) -> Self {
        Self::Database { store: address.to_string(), reason: reason(error) }
    }
}

// === impl StoreUnavailable ===

impl StoreUnavailable {
    /// It was asked, and does not answer: a lost network says nothing.
    pub fn silent() -> Self {
        Self(format!("it did not answer within {PATIENCE:?}"))
    }
}

impl From<sqlx::Error> for StoreUnavailable {
    fn from(error: sqlx::Error) -> Self {
        Self(reason(&error))
    }
}

impl From<UnbuildableKeyFilter> for StoreUnavailable {
    fn from(error: UnbuildableKeyFilter) -> Self {
        Self(error.to_string())
    }
}

// === impl ChangeFailed ===

impl From<sqlx::Error> for ChangeFailed {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

/// What the database says, without the words that the library puts before it.
fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::PoolTimedOut => format!("no connection could be had within {PATIENCE:?}"),
        other => other.to_string(),
    }
}
