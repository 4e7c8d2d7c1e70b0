//! The commands about the store.

mod history;
mod keys;
mod operators;
mod show;
mod signing_keys;
mod tenants;
mod tokens;
pub(crate) mod when;

use std::io::{self, Write};

use tokio::runtime::Builder;
use tollgate_core::Timestamp;
use tollgate_store::{
    ChangeFailed, InvalidAddress, InvalidFactor, InvalidSecretReference, OpenFailed,
    SecretUnavailable, Store, StoreAddress, StoreUnavailable, UnknownRole, UnknownSigningAlgorithm,
    UnknownSigningKind,
};

use crate::cli::admin::{HistoryArgs, OperatorsArgs, OperatorsCommand, RollbackArgs};
use crate::cli::signing_keys::SigningKeysArgs;
use crate::cli::store::{
    KeysArgs, StoreArgs, TenantsArgs, TenantsCommand, TokensArgs, TokensCommand,
};
use crate::clock::now;
use crate::load::Fault;
use crate::store::when::InvalidWhen;

/// Why a command about the store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum StoreCommandFailed {
    // The value may have a password in it.
    #[error("--store: {0}")]
    Address(InvalidAddress),
    // The value may be the secret itself.
    #[error("--key-hash-secret: {0}")]
    SecretReference(InvalidSecretReference),
    #[error("--kind: {0}")]
    SigningKind(UnknownSigningKind),
    #[error("--algorithm: {0}")]
    SigningAlgorithm(UnknownSigningAlgorithm),
    #[error("--public-key: {path}: cannot be read: {reason}")]
    PublicKey { path: String, reason: String },
    #[error("--factor: {0}")]
    Factor(#[from] InvalidFactor),
    #[error(transparent)]
    When(#[from] InvalidWhen),
    #[error(transparent)]
    Open(#[from] OpenFailed),
    #[error(transparent)]
    Secret(#[from] SecretUnavailable),
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
    #[error(transparent)]
    Change(#[from] ChangeFailed),
    // What is wrong with it follows as its source, by which a closed pipe is known.
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
    #[error("the API key cannot be shown, so it is revoked: {0}")]
    KeyUnshown(String),
    #[error("the secret cannot be shown, so the key is revoked: {0}")]
    SigningKeyUnshown(String),
    #[error("--role: {0}")]
    Role(UnknownRole),
    #[error("it cannot be published:\n{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    NotGood(Vec<Fault>),
    #[error("the system has no random numbers")]
    Random(#[from] getrandom::Error),
}

/// A store that is open, the moment of the command, and where it prints.
struct Session<'a, W> {
    store: &'a Store,
    now: Timestamp,
    /// For programs: what was asked for.
    out: &'a mut W,
    /// For people: what was done.
    notes: &'a mut dyn Write,
}

/// Carries out a command about tenants.
pub fn tenants(
    args: TenantsArgs,
    out: &mut impl Write,
    notes: &mut dyn Write,
) -> Result<(), StoreCommandFailed> {
    let TenantsArgs { store, command } = args;
    let create = matches!(
        command,
        TenantsCommand::Create { .. }
            | TenantsCommand::Uplift { end: false, .. }
            | TenantsCommand::Override { .. }
    );
    run(async {
        let store = open(&store, create).await?;
        let done = Session { store: &store, now: now(), out, notes }.tenants(command).await;
        store.close().await;
        done
    })
}

/// Carries out a command about API keys.
pub fn keys(
    args: KeysArgs,
    out: &mut impl Write,
    notes: &mut dyn Write,
) -> Result<(), StoreCommandFailed> {
    let KeysArgs { store, command } = args;
    run(async {
        let store = open(&store, false).await?;
        let done = Session { store: &store, now: now(), out, notes }.keys(command).await;
        store.close().await;
        done
    })
}

/// Carries out a command about signing keys.
pub fn signing_keys(
    args: SigningKeysArgs,
    out: &mut impl Write,
    notes: &mut dyn Write,
) -> Result<(), StoreCommandFailed> {
    let SigningKeysArgs { store, command } = args;
    run(async {
        let store = open(&store, false).await?;
        let done = Session { store: &store, now: now(), out, notes }.signing_keys(command).await;
        store.close().await;
        done
    })
}

/// Carries out a command about tokens.
pub fn tokens(
    args: TokensArgs,
    out: &mut impl Write,
    notes: &mut dyn Write,
) -> Result<(), StoreCommandFailed> {
    let TokensArgs { store, command } = args;
    let create = matches!(command, TokensCommand::Revoke(_));
    run(async {
        let store = open(&store, create).await?;
        let done = Session { store: &store, now: now(), out, notes }.tokens(command).await;
        store.close().await;
        done
    })
}

/// Prints what was published.
pub fn history(
    args: HistoryArgs,
    out: &mut impl Write,
    notes: &mut dyn Write,
) -> Result<(), StoreCommandFailed> {
    let HistoryArgs { store, limit, list } = args;
    run(async {
        let store = open(&store, false).await?;
        let done = Session { store: &store, now: now(), out, notes }.history(limit, list).await;
        store.close().await;
        done
    })
}

/// Publishes a revision again.
pub fn rollback(
    args: RollbackArgs,
    out: &mut impl Write,
    notes: &mut dyn Write,
) -> Result<(), StoreCommandFailed> {
    let RollbackArgs { store, revision, author } = args;
    run(async {
        let store = open(&store, false).await?;
        let session = Session { store: &store, now: now(), out, notes };
        let done = session.roll_back(revision, &author).await;
        store.close().await;
        done
    })
}

/// Carries out a command about operators.
pub fn operators(
    args: OperatorsArgs,
    out: &mut impl Write,
    notes: &mut dyn Write,
) -> Result<(), StoreCommandFailed> {
    let OperatorsArgs { store, command } = args;
    let create = matches!(command, OperatorsCommand::Create { .. });
    run(async {
        let store = open(&store, create).await?;
        let done = Session { store: &store, now: now(), out, notes }.operators(command).await;
        store.close().await;
        done
    })
}

fn run(
    command: impl Future<Output = Result<(), StoreCommandFailed>>,
) -> Result<(), StoreCommandFailed> {
    Builder::new_current_thread().enable_all().build()?.block_on(command)
}

/// Whoever is the first to change something makes the store; whoever only asks
/// has probably misspelt its name.
async fn open(args: &StoreArgs, create: bool) -> Result<Store, StoreCommandFailed> {
    let address: StoreAddress = args.store.parse().map_err(StoreCommandFailed::Address)?;
    let opened =
        if create { Store::open_or_create(&address).await } else { Store::open(&address).await };
    Ok(opened?)
}

pub(crate) fn entropy() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
