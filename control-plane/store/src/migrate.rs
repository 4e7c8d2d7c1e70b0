//! The schema, and how older ones become it.

use std::time::Duration;

use sqlx::SqlSafeStr as _;
use sqlx::any::AnyConnectOptions;
use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _, Executor as _};
use tokio::time::sleep;

/// Each schema as a step from the one before. What was released is never edited.
const STEPS: [(i64, &str, &str); 7] = [
    (1, "tenants and keys", include_str!("../migrations/0001_tenants_and_keys.sql")),
    (2, "revocations", include_str!("../migrations/0002_revocations.sql")),
    (3, "signing keys", include_str!("../migrations/0003_signing_keys.sql")),
    (4, "quotas", include_str!("../migrations/0004_quotas.sql")),
    (5, "configuration", include_str!("../migrations/0005_configuration.sql")),
    (6, "sites", include_str!("../migrations/0006_sites.sql")),
    (7, "parts of revisions", include_str!("../migrations/0007_parts.sql")),
];

/// The schema that this version writes.
pub(crate) const SCHEMA: i64 = 7;

/// Readers and a writer do not wait for each other. The file remembers it.
const WRITE_AHEAD: &str = "PRAGMA journal_mode = WAL";

/// How often, and after what pause, that is tried again: for five seconds.
const SWITCH_TRIES: u32 = 250;
const SWITCH_PAUSE: Duration = Duration::from_millis(20);

/// Any number that nobody else takes; it keeps two from migrating at once.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7881704214190893)";

/// Brings the schema up to date, whole or not at all.
pub(crate) async fn migrate(
    options: &AnyConnectOptions,
    is_sqlite: bool,
) -> Result<(), MigrateError> {
    let mut connection = options.connect().await?;
    let migrated = run(&mut connection, is_sqlite).await;
    // An unused connection that does not close is no harm.
    connection.close().await.ok();
    migrated
}

async fn run(connection: &mut AnyConnection, is_sqlite: bool) -> Result<(), MigrateError> {
    if is_sqlite {
        write_ahead(connection).await?;
    }
    let begin = if is_sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" };
    let mut change = connection.begin_with(begin).await?;
    if !is_sqlite {
        change.execute(LOCK).await?;
    }
    let mut migrator = Migrator::with_migrations(STEPS.map(step).into());
    // Its own lock ends before the change is committed.
    migrator.set_locking(false);
    // `run` does the same, and its future cannot be sent to another thread.
    migrator.run_direct(None, &mut *change, false).await?;
    Ok(change.commit().await?)
}

/// Of two who switch at once SQLite refuses one without waiting.
async fn write_ahead(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let mut tries_left = SWITCH_TRIES;
    loop {
        match connection.execute(WRITE_AHEAD).await {
            Err(sqlx::Error::Database(error)) if 0 < tries_left && is_busy(error.as_ref()) => {
                tries_left = tries_left.saturating_sub(1);
                sleep(SWITCH_PAUSE).await;
            }
            other => return other.map(drop),
        }
    }
}

/// Whether it is `SQLITE_BUSY`.
fn is_busy(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| code == "5")
}

fn step((version, name, sql): (i64, &'static str, &'static str)) -> Migration {
    Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
}
