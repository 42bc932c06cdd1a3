//! Search over HTTP in a region of 1,000 centres and 50,000 desks, with a child, on PostgreSQL;
//! beside it, in the same run on the same database, the anti-join that asks for the same.
#![expect(clippy::unwrap_used, reason = "a measurement stops at the first surprise")]

use std::time::{Duration, Instant};

use bench::{percentile, rate};
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use model::clock::{Clock as _, SystemClock};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection, query_as, raw_sql};
use tests::process::program;
use tests::region::{Database, Region};
use uuid::Uuid;

const SEARCHES: u32 = 1_000;
const ANTI_JOINS: u32 = 60;

/// Centres, each with 50 desks and a nursery of 12; three days on each of which three desks in five
/// are taken for some hours, and as many children are cared for.
const TOWNS: &str = "
    INSERT INTO centres (id, slug, name_ja, name_en, municipality_id, kind, address_ja, address_en,
        latitude, longitude, source_note_ja, source_note_en, time_zone, grain_minutes,
        no_show_minutes, early_minutes, horizon_days, longest_minutes)
    SELECT gen_random_uuid(), 'many-' || n, '拠点' || n, 'Centre ' || n,
        (SELECT id FROM municipalities LIMIT 1), 'telework_centre', '', '',
        34 + (n % 40) * 0.05, 135 + (n / 40) * 0.2, '', '', 'Asia/Tokyo', 15, 30, 15, 60, 720
    FROM generate_series(1, 1000) AS n;
    INSERT INTO sites (centre_id) SELECT id FROM centres WHERE slug LIKE 'many-%';
    INSERT INTO opening_hours (centre_id, position, day, opens, closes)
    SELECT id, place, day, 420, 1320 FROM centres,
        unnest(ARRAY['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun', 'holiday'])
            WITH ORDINALITY AS days (day, place)
    WHERE slug LIKE 'many-%';
    INSERT INTO spaces (id, centre_id, kind, label, zone_ja, zone_en)
    SELECT gen_random_uuid(), id, 'desk', 'A-' || n, '', ''
    FROM centres, generate_series(1, 50) AS n WHERE slug LIKE 'many-%';
    INSERT INTO nurseries (id, centre_id, name_ja, name_en, places, walking_minutes)
    SELECT gen_random_uuid(), id, '保育室', 'Nursery', 12, 3 FROM centres WHERE slug LIKE 'many-%';
    CREATE TEMPORARY TABLE stays AS
    SELECT gen_random_uuid() AS id, s.centre_id, s.id AS space_id, row_number() OVER () AS n,
        $FIRST$::timestamptz + day * INTERVAL '1 day'
            + floor(random() * 36) * INTERVAL '15 minutes' AS starts_at,
        (2 + floor(random() * 12)) * INTERVAL '15 minutes' AS length
    FROM spaces s JOIN centres c ON c.id = s.centre_id, generate_series(0, 2) AS day
    WHERE c.slug LIKE 'many-%' AND random() < 0.6;
    INSERT INTO bookings (id, person_id, centre_id, code, status, tariff_rev, rule_rev, made_at,
        version, starts_at, ends_at)
    SELECT id, (SELECT id FROM persons LIMIT 1), centre_id, 'x' || n, 'confirmed', 1, 1, now(), 1,
        starts_at, starts_at + length
    FROM stays;
    INSERT INTO desk_claims (id, booking_id, centre_id, space_id, starts_at, ends_at)
    SELECT gen_random_uuid(), id, centre_id, space_id, starts_at, starts_at + length FROM stays;
    INSERT INTO centre_days (centre_id, day, rev)
    SELECT DISTINCT centre_id, (starts_at AT TIME ZONE 'Asia/Tokyo')::date, 1 FROM stays;
    CREATE TEMPORARY TABLE babies AS
    SELECT gen_random_uuid() AS id, st.id AS booking_id, n.id AS nursery_id, st.starts_at,
        st.starts_at + st.length AS ends_at
    FROM stays st JOIN nurseries n ON n.centre_id = st.centre_id WHERE random() < 0.5;
    INSERT INTO children (id, household_id, position, sealed)
    SELECT id, (SELECT id FROM households LIMIT 1), 1000 + row_number() OVER (), ''::bytea
    FROM babies;
    INSERT INTO care_claims (id, booking_id, nursery_id, child_id, starts_at, ends_at)
    SELECT gen_random_uuid(), booking_id, nursery_id, id, starts_at, ends_at FROM babies;
    ANALYZE;";

/// Every centre with its desks that nobody has in a stretch, where one child more has a place.
const ANTI_JOIN: &str = "
    SELECT c.id, COUNT(*) FROM centres c
        JOIN nurseries n ON n.centre_id = c.id
        JOIN spaces s ON s.centre_id = c.id AND s.kind = 'desk'
    WHERE NOT EXISTS (SELECT 1 FROM desk_claims d
            WHERE d.space_id = s.id AND d.released_at IS NULL
                AND tstzrange(d.starts_at, d.ends_at) && tstzrange($1, $2))
        AND (SELECT COUNT(*) FROM care_claims k
            WHERE k.nursery_id = n.id AND k.released_at IS NULL
                AND k.starts_at > $1 - INTERVAL '1 day' AND k.starts_at < $2 AND k.ends_at > $1)
            < n.places
    GROUP BY c.id";

#[tokio::main]
async fn main() {
    let mut region = Region::start_program(Database::Postgres, program("kyoten-hub")).await;
    region.stop_hub();
    let day = TimeDelta::days(1);
    // 07:00 in Tokyo, the day after tomorrow.
    let first = SystemClock.now().duration_trunc(day).unwrap() + day * 2 - TimeDelta::hours(2);
    let mut connection = PgConnection::connect(&region.database_url).await.unwrap();
    let towns = TOWNS.replace("$FIRST$", &format!("'{}'", first.to_rfc3339()));
    raw_sql(sqlx::AssertSqlSafe(towns)).execute(&mut connection).await.unwrap();
    let sizes: (i64, i64, i64, i64) = query_as(
        "SELECT (SELECT COUNT(*) FROM centres), (SELECT COUNT(*) FROM spaces),
             (SELECT COUNT(*) FROM desk_claims), (SELECT COUNT(*) FROM care_claims)",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    println!(
        "search among {} centres, {} spaces, {} + {} claims",
        sizes.0, sizes.1, sizes.2, sizes.3
    );
    region.start_hub().await;
    let url = |nth: u32| {
        let (from, to) = stretch(first, nth);
        let text = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        format!(
            "{}/api/v1/availability?from={}&to={}&children=1&near=many-{}",
            region.url,
            text(from),
            text(to),
            1 + nth * 37 % 1000
        )
    };
    // The first search of a day reads it.
    for nth in 0..20 {
        region.http.get(url(nth)).send().await.unwrap();
    }
    println!("  clients   searches a second   p50        p99        slowest");
    for clients in [1, 4] {
        let begun = Instant::now();
        let each = SEARCHES / clients;
        let clients_run = (0..clients).map(|client| {
            let (http, url) = (region.http.clone(), &url);
            async move {
                let mut times = Vec::new();
                for nth in 0..each {
                    let begun = Instant::now();
                    let answer = http.get(url(client * each + nth)).send().await.unwrap();
                    let found: Value = answer.json().await.unwrap();
                    times.push(begun.elapsed());
                    assert!(found["available_in_all"].as_u64().unwrap() > 0, "{found}");
                }
                times
            }
        });
        let mut times = futures::future::join_all(clients_run).await.concat();
        let a_second = rate(times.len(), begun.elapsed());
        println!(
            "  {clients:>7}   {a_second:>17.0}   {:<9.1?}  {:<9.1?}  {:<9.1?}",
            percentile(&mut times, 50.0),
            percentile(&mut times, 99.0),
            percentile(&mut times, 100.0),
        );
    }
    let mut times = Vec::new();
    for nth in 0..ANTI_JOINS {
        let (from, to) = stretch(first, nth);
        let begun = Instant::now();
        let found: Vec<(Uuid, i64)> =
            query_as(ANTI_JOIN).bind(from).bind(to).fetch_all(&mut connection).await.unwrap();
        times.push(begun.elapsed());
        assert!(!found.is_empty());
    }
    println!(
        "  anti-join in the database, one connection: p50 {:.1?}, p99 {:.1?}",
        percentile(&mut times, 50.0),
        percentile(&mut times, 99.0),
    );
}

/// Some hours of one of the three days.
fn stretch(first: DateTime<Utc>, nth: u32) -> (DateTime<Utc>, DateTime<Utc>) {
    let from = first
        + TimeDelta::days((nth % 3).into())
        + TimeDelta::minutes(15 * i64::from(nth * 7 % 40));
    (from, from + TimeDelta::hours(1 + i64::from(nth % 3)))
}
