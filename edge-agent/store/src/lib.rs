//! What a site must not forget: its sheet, its outbox, its orders, its state and the time.
//!
//! One SQLite file. Whatever a function has answered `Ok` to is on disk (`synchronous=FULL`).

mod chain;
mod offer;
mod orders;
mod outbox;
mod pin_tries;
mod room;
mod salvage;
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
    /// The file can be opened, and is not whole.
    #[error("the site's file is damaged: {0}")]
    Damaged(String),
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
        const DISK_FULL: u32 = 13;
        const NO_SHARED_MEMORY: u32 = 4874;
        matches!(self, Self::Full)
            || self.code().is_some_and(|code| code == DISK_FULL || code == NO_SHARED_MEMORY)
    }

    /// Whether the disk took nothing: it is full, lets nobody write, or fails.
    #[must_use]
    pub fn takes_nothing(&self) -> bool {
        const READ_ONLY: u32 = 8;
        const FAILS: u32 = 10;
        self.is_full() || self.code().map(kind).is_some_and(|of| of == READ_ONLY || of == FAILS)
    }

    /// What SQLite calls it, where it comes from there.
    fn code(&self) -> Option<u32> {
        use sqlx::migrate::MigrateError::{Execute, ExecuteMigration};
        let source = match self {
            Self::Open { source, .. } | Self::Sql(source) => source,
            Self::Migrate(Execute(source) | ExecuteMigration(source, _)) => source,
            _ => return None,
        };
        source.as_database_error()?.code()?.parse().ok()
    }

    /// Whether the file cannot go on as it is, and another one in its place could.
    fn is_damage(&self) -> bool {
        const CORRUPT: u32 = 11;
        const NO_DATABASE: u32 = 26;
        let by_code = |code| [CORRUPT, NO_DATABASE].contains(&kind(code));
        matches!(self, Self::Damaged(_)) || self.is_unreadable() || self.code().is_some_and(by_code)
    }

    /// Whether the disk could not read a part of the file: for good, or this once.
    fn is_unreadable(&self) -> bool {
        const UNREADABLE: [u32; 3] = [266, 8202, 8458];
        self.code().is_some_and(|code| UNREADABLE.contains(&code))
    }
}

/// What kind of error one of SQLite's codes is: the rest of its bits say where it happened.
fn kind(code: u32) -> u32 {
    code & 0xff
}

impl EdgeStore {
    /// Opens the file at `path`, and makes it where there is none. A file that is damaged is set aside as
    /// `<path>.damaged` (the next ones as `<path>.damaged-2` and so on), and what can be read of it goes on in a new
    /// one; where that is nothing, the site begins anew: one without a sheet lets nobody in, but says so, fetches a
    /// sheet and works.
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
        salvage::end_what_was_begun(path)?;
        let mut opened = Self::open_as_it_is(path, limits).await;
        // A card with a loose contact reads the next time what it did not this time.
        if opened.as_ref().is_err_and(StoreError::is_unreadable) {
            opened = Self::open_as_it_is(path, limits).await;
        }
        match opened {
            Ok(store) => {
                salvage::forget_what_was_begun(path);
                Ok(store)
            }
            Err(error) if error.is_damage() => {
                let aside = salvage::aside(path);
                tracing::error!(%error, path = %aside.display(), "the site's file is damaged and is set aside");
                salvage::begin_anew(path, &aside, limits).await?;
                Self::open_as_it_is(path, limits).await
            }
            Err(error) => Err(error),
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
        let budget = Arc::new(AtomicU64::new(limits.budget));
        let store = Self { pool, limits, budget, offered: Arc::default() };
        match store.make_ready().await {
            Ok(()) => Ok(store),
            Err(error) => {
                // Whoever lets go of a file later would take the log of the next one of its name with it.
                store.close().await;
                Err(error)
            }
        }
    }

    /// Brings the file's form up to date, and looks whether all of it can be read.
    async fn make_ready(&self) -> Result<(), StoreError> {
        let mut steps = sqlx::migrate!("../../migrations/edge");
        // A program that was rolled back opens what the newer one has left: each step only adds.
        steps.set_ignore_missing(true).run(&self.pool).await?;
        // A page that is damaged would otherwise show only once it is read: at this start, at the next sheet, or never.
        // This reads the file once, as restoring the site does with most of it: a few milliseconds for a file of some
        // megabytes, some seconds for 200 MB on a memory card.
        let found: String =
            sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&self.pool).await?;
        if found != "ok" {
            return Err(StoreError::Damaged(found));
        }
        let mut transaction = self.begin().await?;
        chain::begin(&mut transaction).await?;
        transaction.commit().await?;
        if !self.outlives_power_cuts().await? {
            tracing::error!("the disk of the site's file does not let it be kept over a power cut");
        }
        Ok(())
    }

    /// Whether what a function has answered `Ok` to outlives a power cut: some file systems cannot have the log that
    /// this needs, and SQLite then goes on without.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn outlives_power_cuts(&self) -> Result<bool, StoreError> {
        const FULL: i64 = 2;
        let log: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&self.pool).await?;
        let synchronous: i64 =
            sqlx::query_scalar("PRAGMA synchronous").fetch_one(&self.pool).await?;
        Ok(log == "wal" && synchronous == FULL)
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

fn number(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::TooLarge(value))
}

/// A number that the file keeps with a sign and is never below nought.
fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}
