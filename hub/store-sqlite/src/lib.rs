//! The hub's store in one SQLite file.
//!
//! One connection writes, and every transaction begins with `BEGIN IMMEDIATE`: writers queue in the
//! pool instead of failing on each other's locks. A few connections read beside it (WAL). A commit
//! is on the disk when it is answered.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};
use store::Result;
use uuid::Uuid;

/// A list of ids that was bound as one parameter: a JSON array of hexadecimal texts.
macro_rules! in_list {
    ($parameter:literal) => {
        concat!("IN (SELECT unhex(value) FROM json_each(", $parameter, "))")
    };
}

mod group;
#[path = "../../store/shared/mod.rs"]
mod shared;
mod writes;

use group::Group;
use shared::{Broken, News, Outcome};

pub(crate) type Db = Sqlite;
pub(crate) type Here = SqliteStore;

/// What `migrate` applies.
static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// How many connections read.
const READERS: u32 = 4;

/// How long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// The hub's store in one SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    group: Group,
    news: News,
}

impl SqliteStore {
    /// Opens the file of `url` (`sqlite:path`), and makes it and its folder where they are missing.
    ///
    /// # Errors
    /// A URL that names no file, or a file that cannot be opened.
    pub async fn open(url: &str) -> Result<Self> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // What is deleted is overwritten: a destroyed key must not lie on in a free page.
            .pragma("secure_delete", "ON")
            .busy_timeout(BUSY);
        if let Some(folder) = options.get_filename().parent()
            && folder != Path::new("")
        {
            tokio::fs::create_dir_all(folder).await.map_err(sqlx::Error::Io)?;
        }
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.pragma("query_only", "ON"))
            .await?;
        let news = News::new();
        let group = Group::start(writer.clone(), news.clone());
        Ok(Self { writer, readers, group, news })
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// A migration that fails, or a database that knows migrations that this program does not.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        MIGRATIONS.run(&self.writer).await
    }

    /// Waits until what is under way is done, and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    pub(crate) fn reader(&self) -> &SqlitePool {
        &self.readers
    }

    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>> {
        begin(&self.writer).await
    }

    /// One hub holds the file.
    #[expect(clippy::unused_async, reason = "as the other database has it")]
    pub(crate) async fn others(&self) -> Result<()> {
        Ok(())
    }

    /// Does a piece of work in a transaction that it may share with others that came meanwhile.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a mut Transaction<'static, Sqlite>) -> BoxFuture<'a, Result<Outcome<T>>>
            + Send
            + Sync
            + 'static,
    {
        self.group.write(work, false).await
    }

    /// The same for work that often takes itself back, so that it is not the others' trouble.
    pub(crate) async fn write_tentatively<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> Fn(&'a mut Transaction<'static, Sqlite>) -> BoxFuture<'a, Result<Outcome<T>>>
            + Send
            + Sync
            + 'static,
    {
        self.group.write(work, true).await
    }
}

async fn begin(writer: &SqlitePool) -> Result<Transaction<'static, Sqlite>> {
    Ok(writer.begin_with("BEGIN IMMEDIATE").await?)
}

/// Ids as `in_list!` reads them.
pub(crate) fn id_list(ids: impl Iterator<Item = Uuid>) -> String {
    let quoted: Vec<String> = ids.map(|id| format!("\"{}\"", id.simple())).collect();
    format!("[{}]", quoted.join(","))
}

/// The net beneath that caught a statement, if one did.
pub(crate) fn broken(error: &sqlx::Error) -> Option<Broken> {
    let error = error.as_database_error()?;
    let message = error.message();
    match error.code().as_deref() {
        // SQLITE_CONSTRAINT_TRIGGER carries the text of its RAISE.
        Some("1811") if message.contains("desk_claims_no_overlap") => Some(Broken::DeskOverlap),
        Some("1811") if message.contains("care_claims_no_overlap") => Some(Broken::CareOverlap),
        // SQLITE_CONSTRAINT_UNIQUE and _PRIMARYKEY name the columns.
        Some("2067" | "1555") if message.contains("bookings.code") => Some(Broken::BookingCode),
        Some("2067" | "1555") if message.contains("bookings.idempotency_key") => {
            Some(Broken::IdempotencyKey)
        }
        Some("2067" | "1555") => Some(Broken::Unique),
        // SQLITE_BUSY_RECOVERY, SQLITE_BUSY_SNAPSHOT: another process is in the way, for an instant.
        Some("261" | "517") => Some(Broken::Rivals),
        _ => None,
    }
}
