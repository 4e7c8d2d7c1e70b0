//! The schema, and how older ones become it.

use sqlx::SqlSafeStr as _;
use sqlx::any::AnyConnectOptions;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _, Executor as _};

/// Each schema as a step from the one before. What was released is never edited.
const STEPS: [(i64, &str, &str); 2] = [
    (1, "tenants and keys", include_str!("../migrations/0001_tenants_and_keys.sql")),
    (2, "revocations", include_str!("../migrations/0002_revocations.sql")),
];

/// The schema that this version writes.
pub(crate) const SCHEMA: i64 = 2;

/// Readers and a writer do not wait for each other. The file remembers it.
const WRITE_AHEAD: &str = "PRAGMA journal_mode = WAL";

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
        connection.execute(WRITE_AHEAD).await?;
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

fn step((version, name, sql): (i64, &'static str, &'static str)) -> Migration {
    Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
}
