//! PostgreSQL's own load generator with the bare statements of a booking: the anchor that owes us
//! nothing.

use std::fs;
use std::process::Command;

use chrono::{DateTime, Utc};
use sqlx::{Connection as _, PgConnection, query, raw_sql};
use uuid::Uuid;

use crate::postgres;

/// The statements of `Bare`, for as many places as desks have quarters of an hour.
const SCRIPT: &str = r"
\set n :n + 1
\set place :client_id + :clients * :n
\set desk :place % :desks
\set rest :place / :desks
\set day :rest % 50 + 50 * (:rest / 50 / 96)
\set minutes :rest / 50 % 96 * 15
BEGIN;
INSERT INTO centre_days (centre_id, day, rev) VALUES (:centre::uuid, (:first::timestamptz + :day::int * INTERVAL '1 day')::date, 1) ON CONFLICT (centre_id, day) DO UPDATE SET rev = centre_days.rev + 1;
SELECT space_id, starts_at, ends_at FROM desk_claims WHERE centre_id = :centre::uuid AND released_at IS NULL AND starts_at > :first::timestamptz + :day::int * INTERVAL '1 day' + (:minutes::int - 10080) * INTERVAL '1 minute' AND starts_at < :first::timestamptz + :day::int * INTERVAL '1 day' + (:minutes::int + 15) * INTERVAL '1 minute' AND ends_at > :first::timestamptz + :day::int * INTERVAL '1 day' + :minutes::int * INTERVAL '1 minute';
INSERT INTO bookings (id, person_id, centre_id, code, status, tariff_rev, rule_rev, made_at, version, starts_at, ends_at) SELECT md5(:run::text || 'b' || :place::text)::uuid, :person::uuid, :centre::uuid, :run::text || :place::text, 'confirmed', 1, 1, at, 1, at, at + INTERVAL '15 minutes' FROM (SELECT :first::timestamptz + :day::int * INTERVAL '1 day' + :minutes::int * INTERVAL '1 minute' AS at) AS then_at;
INSERT INTO desk_claims (id, booking_id, centre_id, space_id, starts_at, ends_at) SELECT md5(:run::text || 'c' || :place::text)::uuid, md5(:run::text || 'b' || :place::text)::uuid, :centre::uuid, space, at, at + INTERVAL '15 minutes' FROM bench_desks, (SELECT :first::timestamptz + :day::int * INTERVAL '1 day' + :minutes::int * INTERVAL '1 minute' AS at) AS then_at WHERE number = :desk::int;
COMMIT;
";

/// What is booked, where, for whom.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// The database.
    pub url: &'a str,
    /// The centre.
    pub centre: Uuid,
    /// Its desks.
    pub desks: &'a [Uuid],
    /// Whose.
    pub person: Uuid,
    /// From when on.
    pub first: DateTime<Utc>,
    /// Connections at once.
    pub clients: usize,
    /// How long.
    pub seconds: u64,
}

/// Transactions a second.
///
/// # Errors
/// When pgbench is not installed, or fails; with its words.
pub async fn transactions(load: &Load<'_>) -> Result<f64, String> {
    lay_out(load).await.map_err(|error| error.to_string())?;
    let program = postgres::program("pgbench").map_err(|error| format!("{error:#}"))?;
    let script = std::env::temp_dir().join(format!("kyoten-pgbench-{}", Uuid::new_v4().simple()));
    fs::write(&script, SCRIPT).map_err(|error| error.to_string())?;
    let define = |name: &str, value: &str| format!("--define={name}={value}");
    let done = Command::new(program)
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .arg(format!("--client={}", load.clients))
        .arg(format!("--time={}", load.seconds))
        .arg(format!("--file={}", script.display()))
        .arg(define("n", "0"))
        .arg(define("clients", &load.clients.to_string()))
        .arg(define("desks", &load.desks.len().to_string()))
        .arg(define("centre", &load.centre.to_string()))
        .arg(define("person", &load.person.to_string()))
        .arg(define("first", &load.first.to_rfc3339()))
        .arg(define("run", &format!("r{}x", load.clients)))
        .arg(load.url)
        .output()
        .map_err(|error| error.to_string());
    fs::remove_file(&script).ok();
    let done = done?;
    let (said, complained) =
        (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    said.lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
        .filter(|_| done.status.success() && !said.contains("aborted"))
        .ok_or_else(|| format!("{said}{complained}"))
}

/// The desks as the script finds them, by number.
async fn lay_out(load: &Load<'_>) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(load.url).await?;
    raw_sql("DROP TABLE IF EXISTS bench_desks; CREATE TABLE bench_desks (number INT, space UUID)")
        .execute(&mut connection)
        .await?;
    query(
        "INSERT INTO bench_desks
         SELECT n - 1, space FROM unnest($1::uuid[]) WITH ORDINALITY AS desk (space, n)",
    )
    .bind(load.desks)
    .execute(&mut connection)
    .await?;
    Ok(())
}
