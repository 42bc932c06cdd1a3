//! What a site must not forget: its sheet, its outbox, its orders, its state and the time.
//!
//! One SQLite file. Whatever a function has answered `Ok` to is on disk (`synchronous=FULL`).

mod chain;
mod offer;
mod orders;
mod outbox;
mod pin_tries;
mod room;
mod sheets;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use chrono::{DateTime, Utc};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};

pub use offer::Offer;
pub use outbox::{Appended, Progress};
pub use room::Limits;
pub use sheets::KeptSheet;

/// The site's file. Clones share it.
#[derive(Clone, Debug)]
pub struct EdgeStore {
    pool: SqlitePool,
    limits: Limits,
    /// The budget by now.
    budget: Arc<AtomicU64>,
    /// The last place that the hub may have seen, also where the disk did not take note of it.
    offered: Arc<AtomicU64>,
}

/// Why something could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or file cannot be used.
    #[error("cannot use the site's file {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The library's answer.
        source: sqlx::Error,
    },
    /// The file's form cannot be brought up to date.
    #[error("cannot bring the site's file up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A damaged file could not be moved out of the way.
    #[error("the site's file is damaged and cannot be set aside: {0}")]
    SetAside(#[from] std::io::Error),
    /// The library refused.
    #[error("the site's file: {0}")]
    Sql(#[from] sqlx::Error),
    /// A place or version is beyond what the file can hold.
    #[error("the number {0} is too large to keep")]
    TooLarge(u64),
    /// What was to be kept cannot be written as JSON.
    #[error("cannot write it as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// There is no room for more.
    #[error("the site's file may take no more room")]
    Full,
    /// The file holds something else where the chain's hashes are.
    #[error("the site's file holds no hash where one should be")]
    NoHash,
    /// Events are appended without a gap.
    #[error("the next event has place {expected}, not {given}")]
    OutOfOrder {
        /// The place that follows.
        expected: u64,
        /// The place that was given.
        given: u64,
    },
}

impl StoreError {
    /// Whether there was no room: on the disk, or in the file's budget.
    #[must_use]
    pub fn is_full(&self) -> bool {
        // A file that is opened anew wants room for its shared memory, too.
        const DISK_FULL: [&str; 2] = ["13", "4874"];
        match self {
            Self::Full => true,
            Self::Sql(error) => error
                .as_database_error()
                .and_then(|error| error.code())
                .is_some_and(|code| DISK_FULL.contains(&&*code)),
            _ => false,
        }
    }
}

impl EdgeStore {
    /// Opens the file at `path`, and makes it where there is none. A file that is damaged beyond
    /// reading is set aside as `<path>.damaged` and a new one begun: a site without a sheet lets
    /// nobody in, but says so, fetches a sheet and works.
    ///
    /// # Errors
    /// When the file can neither be used nor replaced.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_within(path, Limits::default()).await
    }

    /// The same, with a file that may take so much room.
    ///
    /// # Errors
    /// As [`EdgeStore::open`].
    pub async fn open_within(path: &Path, limits: Limits) -> Result<Self, StoreError> {
        match Self::open_as_it_is(path, limits).await {
            Err(error) if damaged(&error) => {
                let aside = path.with_added_extension("damaged");
                tracing::error!(%error, path = %aside.display(), "the site's file is damaged and was set aside");
                std::fs::rename(path, aside)?;
                for extension in ["-wal", "-shm"] {
                    let mut name = path.as_os_str().to_owned();
                    name.push(extension);
                    match std::fs::remove_file(name) {
                        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                            return Err(error.into());
                        }
                        _ => {}
                    }
                }
                Self::open_as_it_is(path, limits).await
            }
            other => other,
        }
    }

    async fn open_as_it_is(path: &Path, limits: Limits) -> Result<Self, StoreError> {
        let mut options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        if let Some(pages) = limits.most_pages {
            options = options.pragma("max_page_count", pages.to_string());
        }
        // One connection: the site has one writer, and a reader waits for it a millisecond. It is kept, for a full disk
        // has no room for the next one's shared memory.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_with(options)
            .await
            .map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        sqlx::migrate!("../../migrations/edge").run(&pool).await?;
        let budget = Arc::new(AtomicU64::new(limits.budget));
        let store = Self { pool, limits, budget, offered: Arc::default() };
        let mut transaction = store.begin().await?;
        chain::begin(&mut transaction).await?;
        transaction.commit().await?;
        Ok(store)
    }

    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        const BEGIN: &str = "BEGIN IMMEDIATE";
        match self.pool.begin_with(BEGIN).await {
            // SQLite itself takes back what it had no room for. The library does not hear of that, and takes the
            // connection to be in a transaction for ever.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                self.pool.acquire().await?.close().await?;
                Ok(self.pool.begin_with(BEGIN).await?)
            }
            other => Ok(other?),
        }
    }

    /// The latest time that the site has known, 1970 before the first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn clock_floor(&self) -> Result<DateTime<Utc>, StoreError> {
        let micros: i64 =
            sqlx::query_scalar("SELECT clock_floor FROM progress").fetch_one(&self.pool).await?;
        Ok(DateTime::from_timestamp_micros(micros).unwrap_or_default())
    }

    /// Remembers that it is `now`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn keep_clock_floor(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("UPDATE progress SET clock_floor = ?")
            .bind(now.timestamp_micros())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Lets go of the file once all that was begun is done.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn damaged(error: &StoreError) -> bool {
    const CORRUPT: &str = "11";
    const NO_DATABASE: &str = "26";
    let sql = match error {
        StoreError::Open { source, .. } | StoreError::Sql(source) => source,
        StoreError::Migrate(sqlx::migrate::MigrateError::Execute(source)) => source,
        _ => return false,
    };
    sql.as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| code == CORRUPT || code == NO_DATABASE)
}

fn number(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::TooLarge(value))
}

/// A number that the file keeps with a sign and is never below nought.
fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}
