//! What the database itself says, asked in SQL of its own: nothing here goes through the code under test.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use model::interval::Interval;
use sqlx::{AssertSqlSafe, FromRow, PgPool, SqlitePool};
use uuid::Uuid;

/// The database beneath, for looking and for damage.
pub enum Truth {
    /// A file.
    Sqlite(SqlitePool),
    /// A database on a server.
    Postgres(PgPool),
}

/// What a booking holds, as the database has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// `confirmed`, `held`, `asked` and so on.
    pub status: String,
    /// The spaces that it holds, with when; sorted.
    pub desks: Vec<(Uuid, Interval)>,
    /// The children that it holds places for, with when; sorted.
    pub care: Vec<(Uuid, Interval)>,
    /// The series that it is of.
    pub series: Option<Uuid>,
    /// Under which key it was asked for.
    pub key: Option<String>,
}

impl Truth {
    /// Looks into the database at `url`.
    ///
    /// # Panics
    /// When it cannot be reached.
    pub async fn open(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            Self::Sqlite(SqlitePool::connect(url).await.unwrap())
        } else {
            Self::Postgres(PgPool::connect(url).await.unwrap())
        }
    }

    /// Runs SQL that both databases understand.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn run(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        Ok(match self {
            Self::Sqlite(pool) => sqlx::raw_sql(sql).execute(pool).await?.rows_affected(),
            Self::Postgres(pool) => sqlx::raw_sql(sql).execute(pool).await?.rows_affected(),
        })
    }

    /// A number.
    ///
    /// # Panics
    /// When it is none.
    pub async fn count(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
            Self::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
        }
    }

    /// Whether this is SQLite, for the few things that are said differently.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// An id as it stands in SQL.
    #[must_use]
    pub fn id(&self, id: Uuid) -> String {
        if self.is_sqlite() { format!("x'{}'", id.simple()) } else { format!("'{id}'") }
    }

    /// A time as it stands in SQL.
    #[must_use]
    pub fn time(&self, time: DateTime<Utc>) -> String {
        format!("'{}'", time.to_rfc3339_opts(SecondsFormat::AutoSi, false))
    }

    /// How many pairs of live claims overlap that must not.
    pub async fn overlaps(&self) -> i64 {
        let mut pairs = 0;
        for (table, thing) in [("desk_claims", "space_id"), ("care_claims", "child_id")] {
            pairs += self
                .count(&format!(
                    "SELECT COUNT(*) FROM {table} a JOIN {table} b ON a.{thing} = b.{thing}
                         AND a.id < b.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
                     WHERE a.released_at IS NULL AND b.released_at IS NULL"
                ))
                .await;
        }
        pairs
    }

    /// How often a child comes to a nursery in which there are more children then than places.
    pub async fn crowded(&self) -> i64 {
        self.count(
            "SELECT COUNT(*) FROM (
                 SELECT a.id FROM care_claims a
                 JOIN nurseries n ON n.id = a.nursery_id
                 JOIN care_claims b ON b.nursery_id = a.nursery_id AND b.released_at IS NULL
                     AND b.starts_at <= a.starts_at AND b.ends_at > a.starts_at
                 WHERE a.released_at IS NULL
                 GROUP BY a.id, n.places HAVING COUNT(*) > n.places) AS crowded",
        )
        .await
    }

    /// How many pairs of visits at one desk ran at the same time.
    pub async fn sat_together(&self) -> i64 {
        self.count(
            "SELECT COUNT(*) FROM visits a JOIN visits b ON a.space_id = b.space_id AND a.id < b.id
             WHERE (b.checked_out_at IS NULL OR a.checked_in_at < b.checked_out_at)
                 AND (a.checked_out_at IS NULL OR b.checked_in_at < a.checked_out_at)",
        )
        .await
    }

    /// What is there by halves, of what is still to come at `now`.
    pub async fn halves(&self, now: DateTime<Utc>) -> Vec<&'static str> {
        let now = self.time(now);
        let kinds = [
            (
                "a booking that has no claim",
                "SELECT COUNT(*) FROM bookings b
                 WHERE NOT EXISTS (SELECT 1 FROM desk_claims c WHERE c.booking_id = b.id)
                     AND NOT EXISTS (SELECT 1 FROM care_claims c WHERE c.booking_id = b.id)"
                    .to_owned(),
            ),
            (
                "a booking that stands and holds nothing",
                "SELECT COUNT(*) FROM bookings b
                 WHERE b.status IN ('confirmed', 'held', 'asked')
                     AND NOT EXISTS (SELECT 1 FROM desk_claims c
                         WHERE c.booking_id = b.id AND c.released_at IS NULL)
                     AND NOT EXISTS (SELECT 1 FROM care_claims c
                         WHERE c.booking_id = b.id AND c.released_at IS NULL)"
                    .to_owned(),
            ),
            (
                "a claim that has no booking",
                "SELECT (SELECT COUNT(*) FROM desk_claims c
                         WHERE c.booking_id IS NOT NULL
                             AND NOT EXISTS (SELECT 1 FROM bookings b WHERE b.id = c.booking_id))
                     + (SELECT COUNT(*) FROM care_claims c
                         WHERE NOT EXISTS (SELECT 1 FROM bookings b WHERE b.id = c.booking_id))"
                    .to_owned(),
            ),
            (
                "a claim that is held for a booking that does not stand",
                format!(
                    "SELECT (SELECT COUNT(*) FROM desk_claims c JOIN bookings b ON b.id = c.booking_id
                         WHERE c.released_at IS NULL AND c.starts_at > {now}
                             AND b.status NOT IN ('confirmed', 'held', 'asked'))
                     + (SELECT COUNT(*) FROM care_claims c JOIN bookings b ON b.id = c.booking_id
                         WHERE c.released_at IS NULL AND c.starts_at > {now}
                             AND b.status NOT IN ('confirmed', 'held', 'asked'))"
                ),
            ),
            (
                "a notice that has no booking",
                "SELECT COUNT(*) FROM notices n
                 WHERE (n.booking_id IS NULL AND n.kind <> 'waitlisted')
                     OR (n.booking_id IS NOT NULL
                         AND NOT EXISTS (SELECT 1 FROM bookings b WHERE b.id = n.booking_id))"
                    .to_owned(),
            ),
            (
                "a booking that stands and that nobody was told of",
                format!(
                    "SELECT COUNT(*) FROM bookings b
                     WHERE b.status = 'confirmed' AND b.starts_at > {now}
                         AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.booking_id = b.id
                             AND n.kind IN ('made', 'approved'))"
                ),
            ),
            (
                "a booking that was given up and nobody was told",
                format!(
                    "SELECT COUNT(*) FROM bookings b
                     WHERE b.status IN ('cancelled', 'declined', 'lapsed') AND b.starts_at > {now}
                         AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.booking_id = b.id
                             AND n.kind IN ('cancelled', 'declined', 'hold_lapsed'))"
                ),
            ),
            (
                "a series that has no booking",
                "SELECT COUNT(*) FROM series s
                 WHERE NOT EXISTS (SELECT 1 FROM bookings b WHERE b.series_id = s.id)"
                    .to_owned(),
            ),
        ];
        let mut found = Vec::new();
        for (what, sql) in kinds {
            if self.count(&sql).await > 0 {
                found.push(what);
            }
        }
        found
    }

    /// Every booking with what it holds.
    ///
    /// # Panics
    /// When the database cannot be read.
    pub async fn bookings(&self) -> BTreeMap<Uuid, Held> {
        let mut bookings: BTreeMap<Uuid, Held> = self
            .rows::<(Uuid, String, Option<Uuid>, Option<String>)>(
                "SELECT id, status, series_id, idempotency_key FROM bookings",
            )
            .await
            .into_iter()
            .map(|(id, status, series, key)| (id, Held { status, series, key, ..Held::default() }))
            .collect();
        for (table, thing) in [("desk_claims", "space_id"), ("care_claims", "child_id")] {
            let claims = self
                .rows::<(Uuid, Uuid, DateTime<Utc>, DateTime<Utc>)>(&format!(
                    "SELECT booking_id, {thing}, starts_at, ends_at FROM {table}
                     WHERE released_at IS NULL AND booking_id IS NOT NULL
                     ORDER BY starts_at, {thing}"
                ))
                .await;
            for (booking, thing, starts, ends) in claims {
                let held = bookings.get_mut(&booking).unwrap();
                let claims = if table == "desk_claims" { &mut held.desks } else { &mut held.care };
                claims.push((thing, Interval::new(starts, ends).unwrap()));
            }
        }
        bookings
    }

    /// How many desks of a centre nobody holds for any part of `slot`.
    pub async fn free_desks(&self, centre: Uuid, slot: &Interval) -> i64 {
        let (centre, starts, ends) =
            (self.id(centre), self.time(slot.starts()), self.time(slot.ends()));
        self.count(&format!(
            "SELECT COUNT(*) FROM spaces s WHERE s.centre_id = {centre} AND s.kind = 'desk'
                 AND NOT EXISTS (SELECT 1 FROM desk_claims c WHERE c.space_id = s.id
                     AND c.released_at IS NULL AND c.starts_at < {ends} AND c.ends_at > {starts})"
        ))
        .await
    }

    /// The most desks of a centre that are held at one moment of `slot`.
    pub async fn busiest(&self, centre: Uuid, slot: &Interval) -> i64 {
        let claims = "desk_claims c JOIN spaces p ON p.id = c.space_id AND p.kind = 'desk'";
        self.most_at_once(claims, centre, slot).await
    }

    /// The most children who are in the nursery of a centre at one moment of `slot`.
    pub async fn children_in(&self, centre: Uuid, slot: &Interval) -> i64 {
        let claims = "care_claims c JOIN nurseries p ON p.id = c.nursery_id";
        self.most_at_once(claims, centre, slot).await
    }

    /// How many live claims of desks there are in a centre within `slot`.
    pub async fn desks_in(&self, centre: Uuid, slot: &Interval) -> i64 {
        let (centre, starts, ends) =
            (self.id(centre), self.time(slot.starts()), self.time(slot.ends()));
        self.count(&format!(
            "SELECT COUNT(*) FROM desk_claims c JOIN spaces p ON p.id = c.space_id
             WHERE p.centre_id = {centre} AND c.released_at IS NULL
                 AND c.starts_at < {ends} AND c.ends_at > {starts}"
        ))
        .await
    }

    async fn most_at_once(&self, claims: &str, centre: Uuid, slot: &Interval) -> i64 {
        let (centre, starts, ends) =
            (self.id(centre), self.time(slot.starts()), self.time(slot.ends()));
        self.count(&format!(
            "WITH held AS (
                 SELECT CASE WHEN c.starts_at < {starts} THEN {starts} ELSE c.starts_at END AS since,
                     c.ends_at AS until
                 FROM {claims}
                 WHERE p.centre_id = {centre} AND c.released_at IS NULL
                     AND c.starts_at < {ends} AND c.ends_at > {starts})
             SELECT COALESCE(MAX(many), 0) FROM (
                 SELECT (SELECT COUNT(*) FROM held h
                     WHERE h.since <= m.since AND h.until > m.since) AS many
                 FROM held m) AS moments"
        ))
        .await
    }

    /// Waits until no server process works on for a hub that is gone.
    pub async fn settled(&self) {
        if self.is_sqlite() {
            return;
        }
        crate::waiting::until("the server to be done with a hub that is gone", async || {
            let busy = self
                .count(
                    "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
                         AND application_name = 'kyoten-hub' AND state <> 'idle'",
                )
                .await;
            (busy == 0).then_some(())
        })
        .await;
    }

    /// Whether the file is whole, page by page and row by row; PostgreSQL has nothing that says so.
    pub async fn is_whole(&self) -> bool {
        let Self::Sqlite(pool) = self else { return true };
        let said: Vec<String> =
            sqlx::query_scalar("PRAGMA integrity_check").fetch_all(pool).await.unwrap();
        said == ["ok"] && self.count("SELECT COUNT(*) FROM pragma_foreign_key_check").await == 0
    }

    async fn rows<T>(&self, sql: &str) -> Vec<T>
    where
        T: for<'r> FromRow<'r, sqlx::sqlite::SqliteRow>
            + for<'r> FromRow<'r, sqlx::postgres::PgRow>
            + Send
            + Unpin,
    {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(pool) => sqlx::query_as(sql).fetch_all(pool).await.unwrap(),
            Self::Postgres(pool) => sqlx::query_as(sql).fetch_all(pool).await.unwrap(),
        }
    }
}
