use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, IntoConnectionInfo as _, Pipeline,
    RedisError, TlsCertificates,
};
use tokio::time::timeout;

use crate::breaker::{Breaker, Pass};
use crate::connector::roots;
use crate::seal::{self, Seal, Sealed};
use crate::spec::CLAIMS_BYTES_MAX;
use crate::{Cache, Clock, Entry, Later, Name, RedisSpec, report};

/// A cache in Redis or Valkey, which the replicas of a region share.
///
/// It is never waited for: an operation has 20 ms, and none is begun while
/// there is no connection, or while the server has failed to answer several
/// times. A connection is made, and made again, beside the requests. This is
/// why the client's own connection manager is not used: with it, whoever asks
/// first after a loss waits for the reconnection, and a server that is gone
/// without a word keeps its connection.
pub struct Redis(Arc<Shared>);

struct Shared {
    client: Client,
    seal: Seal,
    clock: Arc<dyn Clock>,
    line: Mutex<Line>,
    unreadable: AtomicU64,
}

/// The way to the server.
struct Line {
    breaker: Breaker,
    connection: Option<MultiplexedConnection>,
    was_reported_lost: bool,
}

/// Why a cache was refused. The address may hold a password and is not shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the texts are the documentation")]
pub enum InvalidRedis {
    #[error("url: is no address of a Redis; write redis://HOST:PORT, or rediss:// for TLS")]
    Url,
    #[error("ca: holds no certificate; write the path of a PEM file")]
    Ca,
    #[error("secret: {0} bytes are too few to derive keys from; use at least 32 random ones")]
    Secret(usize),
}

/// Longer than a region's network takes, shorter than anyone notices.
const OPERATION_WITHIN: Duration = Duration::from_millis(20);

/// A connection, with TLS and authentication, is made within this.
const CONNECTION_WITHIN: Duration = Duration::from_secs(1);

/// How long there are no attempts after a failed one.
const REST: Duration = Duration::from_secs(1);

const SECRET_BYTES_MIN: usize = 32;

/// More is not read, whatever stands there.
const VALUE_BYTES_MAX: usize = CLAIMS_BYTES_MAX + seal::OVERHEAD_BYTES;

// === impl Redis ===

impl Redis {
    /// Checks the spec. Nothing is connected yet.
    pub fn compile(spec: RedisSpec, clock: Arc<dyn Clock>) -> Result<Self, InvalidRedis> {
        let RedisSpec { url, ca, secret } = spec;
        if secret.expose().len() < SECRET_BYTES_MIN {
            return Err(InvalidRedis::Secret(secret.expose().len()));
        }
        let line = Line {
            breaker: Breaker::untried(REST, clock.now()),
            connection: None,
            was_reported_lost: false,
        };
        Ok(Self(Arc::new(Shared {
            client: client(url.expose(), ca)?,
            seal: Seal::new(&secret),
            clock,
            line: Mutex::new(line),
            unreadable: AtomicU64::new(0),
        })))
    }

    /// How many entries were found that did not open: somebody else's, or
    /// changed by somebody.
    pub fn unreadable(&self) -> u64 {
        self.0.unreadable.load(Ordering::Relaxed)
    }

    /// Whether it is there to be asked at the moment.
    pub fn is_connected(&self) -> bool {
        let line = self.0.line();
        line.breaker.is_closed() && line.connection.is_some()
    }
}

fn client(url: &str, ca: Option<Vec<u8>>) -> Result<Client, InvalidRedis> {
    // Some other part of the program may have brought a second provider along,
    // and then the client would not know which to take.
    rustls::crypto::ring::default_provider().install_default().ok();
    let info = url.into_connection_info().map_err(|_| InvalidRedis::Url)?;
    let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
    match ca {
        None => Client::open(info).map_err(|_| InvalidRedis::Url),
        // The client itself takes a file without any, and then trusts nobody.
        Some(ca) if roots(&ca).is_none() => Err(InvalidRedis::Ca),
        Some(ca) => {
            let certificates = TlsCertificates { client_tls: None, root_cert: Some(ca) };
            Client::build_with_tls(info, certificates).map_err(|_| InvalidRedis::Ca)
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("is_connected", &self.is_connected()).finish_non_exhaustive()
    }
}

impl Cache for Redis {
    fn get<'a>(&'a self, name: &'a Name) -> Later<'a, Option<Entry>> {
        Box::pin(self.0.fetch(name))
    }

    fn put<'a>(&'a self, name: &'a Name, entry: Entry) -> Later<'a, ()> {
        Box::pin(self.0.store(name, entry))
    }
}

// === impl Shared ===

impl Shared {
    async fn fetch(self: &Arc<Self>, name: &Name) -> Option<Entry> {
        let connection = self.connection()?;
        let key = self.seal.key(name);
        let mut pipeline = redis::pipe();
        pipeline.cmd("GETRANGE").arg(&key).arg(0).arg(VALUE_BYTES_MAX);
        pipeline.cmd("PTTL").arg(&key);
        let (value, millis): (Vec<u8>, i64) = self.run(&pipeline, connection).await?;
        if value.is_empty() {
            return None;
        }
        let Some(Sealed { claims, expires }) = self.seal.open(name, &value) else {
            report::unreadable(self.unreadable.fetch_add(1, Ordering::Relaxed).saturating_add(1));
            return None;
        };
        // Both clocks: the server's is the same for all, the time inside was sealed.
        let there = Duration::from_millis(u64::try_from(millis).ok()?);
        let lifetime = expires.saturating_sub(self.clock.since_1970()).min(there);
        (!lifetime.is_zero()).then_some(Entry { claims, lifetime })
    }

    async fn store(self: &Arc<Self>, name: &Name, entry: Entry) {
        let Entry { claims, lifetime } = entry;
        let millis = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        if millis == 0 {
            return;
        }
        let Some(connection) = self.connection() else { return };
        let expires = self.clock.since_1970().saturating_add(lifetime);
        let Ok(sealed) = self.seal.seal(name, &Sealed { claims, expires }) else { return };
        let mut pipeline = redis::pipe();
        pipeline.cmd("SET").arg(self.seal.key(name)).arg(sealed).arg("PX").arg(millis).ignore();
        // Whether there was room for it is the server's affair.
        let _: Option<()> = self.run(&pipeline, connection).await;
    }

    async fn run<T: FromRedisValue>(
        &self,
        pipeline: &Pipeline,
        mut connection: MultiplexedConnection,
    ) -> Option<T> {
        let answer = timeout(OPERATION_WITHIN, pipeline.query_async(&mut connection)).await;
        let now = self.clock.now();
        let mut line = self.line();
        match &answer {
            Err(_late) => line.breaker.failed(Pass::Call, now),
            Ok(Err(error)) if is_lost(error) => line.breaker.open(now),
            Ok(_) => line.breaker.succeeded(),
        }
        answer.ok()?.ok()
    }

    /// The connection, if there is one. If it is time to look for a new one,
    /// that begins now, and whoever asked does without.
    fn connection(self: &Arc<Self>) -> Option<MultiplexedConnection> {
        let mut line = self.line();
        match line.breaker.look(self.clock.now()) {
            Ok(Pass::Call) => line.connection.clone(),
            Ok(Pass::Probe) => {
                line.breaker.begin(Pass::Probe);
                tokio::spawn(Arc::clone(self).connect());
                None
            }
            Err(_resting) => None,
        }
    }

    async fn connect(self: Arc<Self>) {
        let connected = match timeout(CONNECTION_WITHIN, self.open()).await {
            Ok(connected) => connected.map_err(|error| reason(&error)),
            Err(_) => Err(format!("no answer came in {} ms", CONNECTION_WITHIN.as_millis())),
        };
        let now = self.clock.now();
        let mut line = self.line();
        match connected {
            Ok(connection) => {
                line.connection = Some(connection);
                line.breaker.succeeded();
                if std::mem::take(&mut line.was_reported_lost) {
                    report::cache_again();
                }
            }
            Err(reason) => {
                line.connection = None;
                line.breaker.failed(Pass::Probe, now);
                if !std::mem::replace(&mut line.was_reported_lost, true) {
                    report::no_cache(&reason);
                }
            }
        }
    }

    async fn open(&self) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTION_WITHIN))
            .set_response_timeout(Some(CONNECTION_WITHIN));
        let client = &self.client;
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        // The system accepts connections for a server that is stuck.
        redis::cmd("PING").exec_async(&mut connection).await?;
        Ok(connection)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the connection is of no more use. That the server refused an
/// operation, or that there was something else under the key, says nothing of
/// the kind.
fn is_lost(error: &RedisError) -> bool {
    error.is_unrecoverable_error() || matches!(error.kind(), ErrorKind::Io | ErrorKind::Parse)
}

fn reason(error: &RedisError) -> String {
    report::one_line(&error.to_string())
}
