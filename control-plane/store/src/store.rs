use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor as _, Transaction};

use crate::migrate::migrate;
use crate::{OpenFailed, StoreAddress, StoreUnavailable};

/// Tenants, API keys and revocations, open for reading and changing.
///
/// Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) address: StoreAddress,
    pub(crate) pool: AnyPool,
}

/// A change that is being made, alone: the next one begins when it has ended.
/// Dropped, it was never made.
pub(crate) struct Change {
    pub(crate) transaction: Transaction<'static, Any>,
}

/// As many queries at once as one control plane needs.
const CONNECTIONS_MAX: u32 = 8;
/// A database that takes longer to answer is as good as gone.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A commit is on the disk when it is answered, also after a power failure.
const DURABLE: &str = "PRAGMA synchronous = FULL";

// === impl Store ===

impl Store {
    /// Opens a store that is there, and brings its schema up to date.
    pub async fn open(address: &StoreAddress) -> Result<Self, OpenFailed> {
        Self::prepared(address, false).await
    }

    /// Likewise, and makes it if it is not there. A PostgreSQL database must be
    /// there all the same.
    pub async fn open_or_create(address: &StoreAddress) -> Result<Self, OpenFailed> {
        Self::prepared(address, true).await
    }

    async fn prepared(address: &StoreAddress, create: bool) -> Result<Self, OpenFailed> {
        if let Some(path) = address.path() {
            touch(path, create).map_err(|error| OpenFailed::from_file(path, &error))?;
        }
        install_default_drivers();
        let options =
            address.options().map_err(|error| OpenFailed::from_database(address, &error))?;
        let is_sqlite = address.path().is_some();
        migrate(&options, is_sqlite)
            .await
            .map_err(|error| OpenFailed::from_migration(address, &error))?;
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(PATIENCE)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if is_sqlite {
                        connection.execute(DURABLE).await?;
                    }
                    Ok(())
                })
            })
            .after_release(move |connection, _| {
                Box::pin(async move { Ok(!is_sqlite || is_at_rest(connection).await?) })
            })
            .connect_lazy_with(options);
        Ok(Self { address: address.clone(), pool })
    }

    /// What `work` comes to, if the store answers in time.
    pub async fn in_time<T>(
        work: impl Future<Output = Result<T, StoreUnavailable>>,
    ) -> Result<T, StoreUnavailable> {
        tokio::time::timeout(PATIENCE, work)
            .await
            .unwrap_or_else(|_| Err(StoreUnavailable::silent()))
    }

    /// Whether several control planes may use it at once.
    pub fn is_shared(&self) -> bool {
        self.address.path().is_none()
    }

    /// The number of the last change.
    pub async fn sequence(&self) -> Result<u64, StoreUnavailable> {
        let seq: i64 = sqlx::query_scalar("SELECT seq FROM store").fetch_one(&self.pool).await?;
        Ok(seq.cast_unsigned())
    }

    /// Ends what is under way and closes all connections.
    pub async fn close(self) {
        self.pool.close().await;
    }

    pub(crate) async fn change(&self) -> Result<Change, sqlx::Error> {
        let mut change = Change { transaction: self.pool.begin().await? };
        // The lock that keeps writers in order, taken before anything is read:
        // what is read after it stays true until the commit.
        sqlx::query("UPDATE store SET seq = seq").execute(&mut *change.transaction).await?;
        Ok(change)
    }
}

// === impl Change ===

impl Change {
    /// The number of the next row that is touched.
    pub(crate) async fn next(&mut self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("UPDATE store SET seq = seq + 1 RETURNING seq")
            .fetch_one(&mut *self.transaction)
            .await
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.transaction.commit().await
    }
}

/// Whether a connection that is given back has no transaction any more. Where SQLite ends
/// one by itself, because there is no room, sqlx still believes in it; and what such a
/// connection commits later can be a part of something that never is.
async fn is_at_rest(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    // Behind the rollback of what was dropped.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Sees that the file is there, or makes it if it may, for its owner only.
///
/// A file that is there is never opened: closing it again would take away the
/// locks that SQLite holds on it in this process (fcntl(2)).
fn touch(path: &Path, create: bool) -> io::Result<()> {
    static MAKING: Mutex<()> = Mutex::new(());
    let _alone = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    match fs::metadata(path) {
        Err(error) if create && error.kind() == io::ErrorKind::NotFound => {
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
                // By another process, just now.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                made => made.map(drop),
            }
        }
        found => found.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_connection_commits_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tollgate.db");
        let address = format!("sqlite:{}", path.display()).parse().unwrap();
        let store = Store::open_or_create(&address).await.unwrap();
        let mut connections = Vec::new();
        for _ in 0..2 {
            connections.push(store.pool.acquire().await.unwrap());
        }
        for connection in &mut connections {
            let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
                .fetch_one(&mut **connection)
                .await
                .unwrap();
            let journal: String = sqlx::query_scalar("PRAGMA journal_mode")
                .fetch_one(&mut **connection)
                .await
                .unwrap();
            assert_eq!((synchronous, journal.as_str()), (2, "wal"));
        }
    }

    /// SQLite itself ends a transaction for which there is no room, which sqlx does not
    /// notice: what the same connection did after another failure seemed to be done, was
    /// not, and kept others from doing anything.
    #[tokio::test]
    async fn what_is_answered_after_a_disk_was_full_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}", folder.path().join("tollgate.db").display());
        let address = address.parse().unwrap();
        let store = Store::open_or_create(&address).await.unwrap();
        let no_more = "PRAGMA max_page_count = 1";
        sqlx::query(no_more).execute(&store.pool).await.unwrap();
        given_back(&store).await;
        // Too long, of a number that there is, and good.
        for (number, length) in [(1, 1), (2, 1 << 20), (1, 2), (3, 3), (4, 1 << 20), (5, 5)] {
            let name = "x".repeat(length);
            let is_made = insert(&store, &name, number).await.is_ok();
            given_back(&store).await;
            let others = Store::open(&address).await.unwrap();
            let found: i64 = sqlx::query_scalar("SELECT count(*) FROM tenants WHERE id = $1")
                .bind(name.as_str())
                .fetch_one(&others.pool)
                .await
                .unwrap();
            assert_eq!(is_made, 0 < found, "{length}");
            others.change().await.unwrap().commit().await.unwrap();
        }
    }

    /// Waits until the next one uses the same connection.
    async fn given_back(store: &Store) {
        while store.pool.num_idle() < store.pool.size() as usize {
            tokio::task::yield_now().await;
        }
    }

    async fn insert(store: &Store, name: &str, number: i64) -> Result<(), sqlx::Error> {
        let mut change = store.change().await?;
        sqlx::query("INSERT INTO tenants (id, suspended, created_at, seq) VALUES ($1, 0, 0, $2)")
            .bind(name)
            .bind(number)
            .execute(&mut *change.transaction)
            .await?;
        change.commit().await
    }
}
