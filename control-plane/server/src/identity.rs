//! Who answers the gateways' questions about tokens and API keys.

mod api_keys;
mod follow;
mod in_store;
mod known;
mod signing_keys;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::watch;
use tollgate_identity::{
    Cache, Clock, Front, FrontSpec, IntrospectionService, InvalidRedis, InvalidService,
    InvalidSource, KeySetService, Redis, RedisSpec, Secret, SystemClock,
};
use tollgate_store::{
    InvalidAddress, InvalidSecretReference, KeyHasher, OpenFailed, SecretUnavailable, Store,
    StoreAddress, StoreUnavailable,
};
use tollgate_xds::IdentityFront;

pub(crate) use self::api_keys::ApiKeys;
pub(crate) use self::in_store::{InStore, Opened};
pub(crate) use self::signing_keys::SigningKeys;
use crate::cli::identity::IdentityArgs;
use crate::config::reason;
use crate::secret::{self, UnusableSecret};

/// Why nobody can answer for tokens and API keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum IdentityFailed {
    // The value may have a password in it.
    #[error("--store: {0}")]
    Address(InvalidAddress),
    #[error(transparent)]
    Open(#[from] OpenFailed),
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
    // The value may be the secret itself.
    #[error("--key-hash-secret: {0}")]
    KeyHashReference(InvalidSecretReference),
    #[error(transparent)]
    KeyHash(#[from] SecretUnavailable),
    #[error("--identity-secret: {0}")]
    Secret(UnusableSecret),
    #[error(
        "--cache needs a secret to seal entries with; give --cache-secret env:NAME or file:PATH, the \
         same for all control planes that share it"
    )]
    NoCacheSecret,
    #[error("--cache-secret: {0}")]
    CacheSecret(UnusableSecret),
    #[error("--cache-ca: {path}: cannot be read: {reason}")]
    CacheCa { path: String, reason: String },
    // The value may have a password in it.
    #[error("--cache: the {0}")]
    Cache(InvalidRedis),
    #[error(
        "--introspection: {0} is taken by another program; choose another address with --introspection"
    )]
    Taken(SocketAddr),
    #[error(
        "--introspection: cannot listen on {address}: {reason}; choose another address with --introspection"
    )]
    Bind { address: SocketAddr, reason: String },
    #[error("--jwks: {0} is taken by another program; choose another address with --jwks")]
    KeySetTaken(SocketAddr),
    #[error("--jwks: cannot listen on {address}: {reason}; choose another address with --jwks")]
    KeySetBind { address: SocketAddr, reason: String },
    #[error("the identity front refused its own secret: {0}; this is a fault in tollgate")]
    Service(#[from] InvalidService),
    #[error("the identity front cannot begin: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Front(Vec<InvalidSource>),
    #[error("the system has no random numbers")]
    Random(#[from] getrandom::Error),
    #[error("the system refused what the identity front needs: {0}")]
    System(#[from] io::Error),
}

/// The store that is used if none is named and this one is there.
const DEFAULT_STORE: &str = "sqlite:tollgate.db";

/// What answers for API keys is called in questions.
const API_KEYS: &str = "api-keys";

/// What answers for keys that requests are signed with is called in questions.
const SIGNING_KEYS: &str = "signing-keys";

/// All that is ready before the first gateway asks.
pub(crate) struct Identity {
    pub(crate) listener: TcpListener,
    pub(crate) service: IntrospectionService,
    /// Where backends learn the keys of tokens.
    pub(crate) key_set: Option<(TcpListener, KeySetService)>,
    pub(crate) keys: Option<KeyStore>,
    /// Where the newest front is told.
    pub(crate) fronts: watch::Sender<Arc<Front>>,
    /// What gateways are told of it.
    pub(crate) deployed: IdentityFront,
}

/// What the keys of a store are good for.
pub(crate) struct KeyStore {
    /// Where the store is.
    pub(crate) address: StoreAddress,
    opened: Arc<Opened>,
    api_keys: Arc<InStore<ApiKeys>>,
    signing_keys: Arc<InStore<SigningKeys>>,
    /// What API keys are hashed with.
    pub(crate) hasher: KeyHasher,
}

// === impl Identity ===

impl Identity {
    /// Opens the store, claims the port and reads the secrets. No provider is
    /// asked and no cache is connected yet.
    pub(crate) async fn open(args: IdentityArgs) -> Result<Self, IdentityFailed> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let secret = match &args.identity_secret {
            Some(reference) => secret::read(reference).map_err(IdentityFailed::Secret)?,
            None => URL_SAFE_NO_PAD.encode(entropy()?),
        };
        let shared = cache(&args, &clock)?;
        let keys = KeyStore::open(&args, &clock).await?;
        let listener = listen(args.introspection).map_err(introspection)?;
        let key_set = args.jwks.map(listen).transpose().map_err(key_set)?;
        let spec = FrontSpec::new([].into());
        let mut front = Front::compile(spec, shared, clock).map_err(IdentityFailed::Front)?;
        if let Some(keys) = &keys {
            front = front.with(API_KEYS, Arc::clone(&keys.api_keys) as _);
            front = front.with(SIGNING_KEYS, Arc::clone(&keys.signing_keys) as _);
        }
        let (fronts, receiver) = watch::channel(Arc::new(front));
        let key_set = key_set.map(|one| (one, KeySetService::following(receiver.clone())));
        let service = IntrospectionService::following(receiver, &Secret::new(secret.as_str()))?;
        let deployed = IdentityFront {
            address: listener.local_addr()?,
            authorization: tollgate_auth::Secret(format!("Bearer {secret}")),
            has_store: keys.is_some(),
        };
        Ok(Self { listener, service, key_set, keys, fronts, deployed })
    }
}

// === impl KeyStore ===

impl KeyStore {
    async fn open(
        args: &IdentityArgs,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Self>, IdentityFailed> {
        let Some(address) = store_address(args.store.as_deref())? else { return Ok(None) };
        let store = Store::open(&address).await?;
        let reference = args.key_hash.key_hash_secret.as_deref().map(str::parse).transpose();
        let reference = reference.map_err(IdentityFailed::KeyHashReference)?;
        let hasher = store.key_hasher(reference.as_ref(), entropy()?).await?;
        let seal = store.secret_seal(reference.as_ref(), entropy()?).await?;
        let opened = Arc::new(Opened::new(store, Arc::clone(clock)));
        Ok(Some(Self {
            api_keys: Arc::new(InStore::new(ApiKeys(hasher.clone()), Arc::clone(&opened))),
            hasher,
            signing_keys: Arc::new(InStore::new(SigningKeys(seal), Arc::clone(&opened))),
            opened,
            address,
        }))
    }

    /// Where they stand, with everything else that is followed.
    pub(crate) fn store(&self) -> &Store {
        &self.opened.store
    }

    /// Follows the changes of the store for as long as it is polled.
    pub(crate) async fn follow(&self) {
        tokio::join!(self.api_keys.follow(), self.signing_keys.follow());
    }
}

/// A store that is named has to be there; one that is not may be.
fn store_address(named: Option<&str>) -> Result<Option<StoreAddress>, IdentityFailed> {
    let parse = |text: &str| text.parse().map_err(IdentityFailed::Address);
    if let Some(text) = named {
        return parse(text).map(Some);
    }
    let path = DEFAULT_STORE.strip_prefix("sqlite:").unwrap_or_default();
    if Path::new(path).exists() { parse(DEFAULT_STORE).map(Some) } else { Ok(None) }
}

fn cache(
    args: &IdentityArgs,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<dyn Cache>>, IdentityFailed> {
    let Some(url) = &args.cache else { return Ok(None) };
    let reference = args.cache_secret.as_ref().ok_or(IdentityFailed::NoCacheSecret)?;
    let secret = secret::read(reference).map_err(IdentityFailed::CacheSecret)?;
    let ca = args.cache_ca.as_deref().map(read_ca).transpose()?;
    let spec = RedisSpec { url: Secret::new(url.as_str()), ca, secret: Secret::new(secret) };
    let redis = Redis::compile(spec, Arc::clone(clock)).map_err(IdentityFailed::Cache)?;
    Ok(Some(Arc::new(redis)))
}

fn read_ca(path: &Path) -> Result<Vec<u8>, IdentityFailed> {
    std::fs::read(path).map_err(|error| IdentityFailed::CacheCa {
        path: path.display().to_string(),
        reason: reason(&error),
    })
}

/// An address that cannot be listened on.
type NoAddress = (SocketAddr, io::Error);

fn listen(address: SocketAddr) -> Result<TcpListener, NoAddress> {
    let listen = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|error| (address, error))
}

fn introspection((address, error): NoAddress) -> IdentityFailed {
    match error.kind() {
        io::ErrorKind::AddrInUse => IdentityFailed::Taken(address),
        _ => IdentityFailed::Bind { address, reason: reason(&error) },
    }
}

fn key_set((address, error): NoAddress) -> IdentityFailed {
    match error.kind() {
        io::ErrorKind::AddrInUse => IdentityFailed::KeySetTaken(address),
        _ => IdentityFailed::KeySetBind { address, reason: reason(&error) },
    }
}

fn entropy() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
