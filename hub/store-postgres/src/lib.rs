//! The hub's store in PostgreSQL; any number of hubs may share it.

use std::str::FromStr;
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, Postgres, Transaction};
use store::Result;
use uuid::Uuid;

/// A list of ids that was bound as one parameter: an array.
macro_rules! in_list {
    ($parameter:literal) => {
        concat!("= ANY(", $parameter, ")")
    };
}

mod others;
#[path = "../../store/shared/mod.rs"]
mod shared;
mod writes;

use shared::{Broken, News, Outcome, noting};

pub(crate) type Db = Postgres;
pub(crate) type Here = PostgresStore;

/// What `migrate` applies.
static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// How many connections a hub holds.
const CONNECTIONS: u32 = 16;

/// A connection that lay idle for longer is asked whether it still lives before it is used.
const FRESH: Duration = Duration::from_secs(5);

/// How many statements a connection keeps prepared: all that there are.
const STATEMENTS: usize = 512;

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// The hub's store in a PostgreSQL database.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    news: News,
    /// Tells this one's word from others'.
    hub: Uuid,
}

impl PostgresStore {
    /// Connects to the database of `url` (`postgres://user@host/database`).
    ///
    /// # Errors
    /// A URL that cannot be read, or a server that cannot be reached.
    pub async fn open(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("kyoten-hub")
            .statement_cache_capacity(STATEMENTS);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > FRESH {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { pool, news: News::new(), hub: Uuid::new_v4() })
    }

    /// Brings the schema up to date; of hubs that start together, one does it.
    ///
    /// # Errors
    /// A migration that fails, or a database that knows migrations that this program does not.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        MIGRATIONS.run(&self.pool).await
    }

    /// Waits until what is under way is done, and closes the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn reader(&self) -> &PgPool {
        &self.pool
    }

    pub(crate) fn writer(&self) -> &PgPool {
        &self.pool
    }

    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Postgres>> {
        Ok(self.pool.begin().await?)
    }

    /// Does a piece of work in a transaction of its own. Its statements look for little each, and are
    /// planned once: to plan them anew with every use takes longer than to carry them out.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        F: for<'a> Fn(&'a mut Transaction<'static, Postgres>) -> BoxFuture<'a, Result<Outcome<T>>>,
    {
        let begin = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan";
        let mut tx = self.pool.begin_with(begin).await?;
        let (done, noted) = noting(work(&mut tx)).await;
        match done? {
            Outcome::Kept(answer) => {
                tx.commit().await?;
                self.news.tell(noted);
                Ok(answer)
            }
            Outcome::Clean(answer) | Outcome::Undo(answer) => {
                tx.rollback().await?;
                Ok(answer)
            }
        }
    }

    /// The same for work that often takes itself back: here it has its transaction to itself anyway.
    pub(crate) async fn write_tentatively<T, F>(&self, work: F) -> Result<T>
    where
        F: for<'a> Fn(&'a mut Transaction<'static, Postgres>) -> BoxFuture<'a, Result<Outcome<T>>>,
    {
        self.write(work).await
    }
}

/// Ids as `in_list!` reads them.
pub(crate) fn id_list(ids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    ids.collect()
}

/// The net beneath that caught a statement, if one did.
pub(crate) fn broken(error: &sqlx::Error) -> Option<Broken> {
    let error = error.as_database_error()?;
    match (error.code().as_deref(), error.constraint()) {
        (Some("23P01"), Some("desk_claims_no_overlap")) => Some(Broken::DeskOverlap),
        (Some("23P01"), Some("care_claims_no_overlap")) => Some(Broken::CareOverlap),
        (Some("23505"), Some("bookings_code_key")) => Some(Broken::BookingCode),
        (Some("23505"), Some("bookings_person_id_idempotency_key_key")) => {
            Some(Broken::IdempotencyKey)
        }
        (Some("23505"), _) => Some(Broken::Unique),
        // serialization_failure, deadlock_detected
        (Some("40001" | "40P01"), _) => Some(Broken::Rivals),
        _ => None,
    }
}
