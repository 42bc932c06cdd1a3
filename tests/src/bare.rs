//! The bare statements of a booking, without the hub around them: what the databases themselves can do.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Connection as _, PgConnection, SqliteConnection, query};
use uuid::Uuid;

/// Who books what, in the bare statements.
#[derive(Clone, Copy, Debug)]
pub struct BareOrder {
    /// Makes ids and the code one of their kind.
    pub number: u32,
    /// Whose.
    pub person: Uuid,
    /// Where.
    pub centre: Uuid,
    /// Which desk.
    pub space: Uuid,
    /// From when on, for a quarter of an hour.
    pub starts: DateTime<Utc>,
}

/// A connection that books with nothing but statements.
pub enum Bare {
    /// As the hub opens it: write-ahead log, every commit on the disk.
    Sqlite(SqliteConnection),
    /// As it is by default.
    Postgres(PgConnection),
}

macro_rules! book {
    ($connection:expr, $begin:literal, $order:expr) => {{
        let BareOrder { number, person, centre, space, starts } = $order;
        let ends = starts + TimeDelta::minutes(15);
        let booking = Uuid::from_u128(u128::from(number) << 32);
        let mut tx = $connection.begin_with($begin).await?;
        query(
            "INSERT INTO centre_days (centre_id, day, rev) VALUES ($1, $2, 1)
             ON CONFLICT (centre_id, day) DO UPDATE SET rev = centre_days.rev + 1",
        )
        .bind(centre)
        .bind(starts.date_naive())
        .execute(&mut *tx)
        .await?;
        query(
            "SELECT space_id, starts_at, ends_at FROM desk_claims
             WHERE centre_id = $1 AND released_at IS NULL
                 AND starts_at > $2 AND starts_at < $3 AND ends_at > $4",
        )
        .bind(centre)
        .bind(starts - TimeDelta::days(7))
        .bind(ends)
        .bind(starts)
        .fetch_all(&mut *tx)
        .await?;
        query(
            "INSERT INTO bookings (id, person_id, centre_id, code, status, tariff_rev, rule_rev,
                 made_at, version, starts_at, ends_at)
             VALUES ($1, $2, $3, $4, 'confirmed', 1, 1, $5, 1, $5, $6)",
        )
        .bind(booking)
        .bind(person)
        .bind(centre)
        .bind(format!("{:08}", 90_000_000 + number))
        .bind(starts)
        .bind(ends)
        .execute(&mut *tx)
        .await?;
        query(
            "INSERT INTO desk_claims (id, booking_id, centre_id, space_id, starts_at, ends_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(Uuid::from_u128(booking.as_u128() + 1))
        .bind(booking)
        .bind(centre)
        .bind(space)
        .bind(starts)
        .bind(ends)
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }};
}

impl Bare {
    /// Connects to the hub's database at `url`.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn connect(url: &str) -> sqlx::Result<Self> {
        if !url.starts_with("sqlite:") {
            return Ok(Self::Postgres(PgConnection::connect(url).await?));
        }
        let mut connection = SqliteConnection::connect(url).await?;
        query("PRAGMA synchronous = FULL").execute(&mut connection).await?;
        query("PRAGMA busy_timeout = 30000").execute(&mut connection).await?;
        Ok(Self::Sqlite(connection))
    }

    /// Books in one transaction: locks the day, looks what is taken, inserts booking and claim.
    ///
    /// # Errors
    /// When the desk is taken, or the database fails.
    pub async fn book(&mut self, order: BareOrder) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(connection) => book!(connection, "BEGIN IMMEDIATE", order),
            Self::Postgres(connection) => book!(connection, "BEGIN", order),
        }
    }
}
