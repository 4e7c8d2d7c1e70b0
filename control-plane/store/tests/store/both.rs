//! One store of each kind, empty.

use std::fmt::Debug;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tollgate_auth::ApiKey;
use tollgate_core::Timestamp;
use tollgate_store::{KeyHasher, KeyRecord, NewKey, SecretReference, Store, StoreAddress};
use tollgate_support::Postgres;

/// A place for a store, which goes with it.
pub(crate) struct Place {
    /// What would be given as `--store`.
    pub(crate) address: String,
    /// A folder of its own.
    pub(crate) folder: tempfile::TempDir,
    pub(crate) postgres: Option<Arc<Postgres>>,
}

/// Python has a SQLite of its own, and building needs Python anyway.
const SQLITE: &str = "import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db: db.executescript(sys.argv[2])";

const SQLITE_COUNT: &str = "import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db: print(db.execute(sys.argv[2]).fetchone()[0])";

/// Runs each test once for each kind of store.
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($place:ident: &Place) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "not every test needs all")]
            use super::*;

            async fn check($place: &crate::both::Place) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                check(&crate::both::Place::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                check(&crate::both::Place::postgres()).await;
            }
        }
    )*};
}
pub(crate) use both;

/// A moment, in seconds after a fixed one.
pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

pub(crate) fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}

/// The text of an error.
pub(crate) fn error<T: Debug, E: ToString>(result: Result<T, E>) -> String {
    result.unwrap_err().to_string()
}

/// A key that differs from those of other numbers.
pub(crate) fn key(number: u8) -> ApiKey {
    ApiKey::generate([number; 32])
}

/// A key as most tests need it.
pub(crate) fn new(id: &str, tenant: &str) -> NewKey {
    NewKey { id: Some(id.to_owned()), tenant: tenant.to_owned(), ..NewKey::default() }
}

/// The record of a key that was presented.
pub(crate) async fn found(store: &Store, hasher: &KeyHasher, key: &ApiKey) -> Option<KeyRecord> {
    store.find_key(&hasher.hash(key.as_str().as_bytes())).await.unwrap()
}

// === impl Place ===

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tollgate.db");
        Self { address: format!("sqlite:{}", path.display()), folder, postgres: None }
    }

    pub(crate) fn postgres() -> Self {
        let postgres = Postgres::shared().unwrap();
        let address = postgres.database().unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { address, folder, postgres: Some(postgres) }
    }

    pub(crate) fn parsed(&self) -> StoreAddress {
        self.address.parse().unwrap()
    }

    /// The store, made if it is not there.
    pub(crate) async fn open(&self) -> Store {
        Store::open_or_create(&self.parsed()).await.unwrap()
    }

    /// Fills it as the first version of the schema would have.
    pub(crate) fn fill_as_schema_1(&self) {
        self.sql(if self.postgres.is_some() {
            include_str!("../data/schema-1.postgres.sql")
        } else {
            include_str!("../data/schema-1.sqlite.sql")
        });
    }

    /// Runs SQL in the database, as another program would.
    pub(crate) fn sql(&self, sql: &str) {
        self.run(SQLITE, sql);
    }

    /// How many rows there are in a table, or some of one.
    pub(crate) fn count(&self, rows: &str) -> u64 {
        self.run(SQLITE_COUNT, &format!("SELECT COUNT(*) FROM {rows}")).trim().parse().unwrap()
    }

    fn run(&self, python: &str, sql: &str) -> String {
        let Some(postgres) = &self.postgres else {
            let output = Command::new("python3")
                .args(["-c", python, &self.address["sqlite:".len()..], sql])
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            return String::from_utf8(output.stdout).unwrap();
        };
        postgres.sql(self.address.rsplit('/').next().unwrap(), sql).unwrap()
    }

    /// A hasher of the store's keys.
    pub(crate) async fn hasher(&self, store: &Store) -> KeyHasher {
        let path = self.folder.path().join("secret");
        std::fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
        store.key_hasher(Some(&SecretReference::File(path)), [0; 32]).await.unwrap()
    }
}
