//! A region far larger than the demo's, made with statements; and the question that a search would
//! be, asked of the database itself.

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, query_as, raw_sql};
use uuid::Uuid;

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

/// A connection to the hub's database in PostgreSQL, beside the hub.
pub struct Crowd(PgConnection);

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Centres.
    pub centres: i64,
    /// Spaces.
    pub spaces: i64,
    /// Desk claims.
    pub desk_claims: i64,
    /// Care claims.
    pub care_claims: i64,
}

impl Crowd {
    /// Adds 1,000 centres with 50 desks each, and three days of bookings from `first` on; nothing
    /// tells a running hub of them.
    ///
    /// # Errors
    /// When the database cannot be reached, or fails.
    pub async fn gather(url: &str, first: DateTime<Utc>) -> sqlx::Result<(Self, Sizes)> {
        let mut connection = PgConnection::connect(url).await?;
        let towns = TOWNS.replace("$FIRST$", &format!("'{}'", first.to_rfc3339()));
        raw_sql(AssertSqlSafe(towns)).execute(&mut connection).await?;
        let (centres, spaces, desk_claims, care_claims) = query_as(
            "SELECT (SELECT COUNT(*) FROM centres), (SELECT COUNT(*) FROM spaces),
                 (SELECT COUNT(*) FROM desk_claims), (SELECT COUNT(*) FROM care_claims)",
        )
        .fetch_one(&mut connection)
        .await?;
        Ok((Self(connection), Sizes { centres, spaces, desk_claims, care_claims }))
    }

    /// How many centres have a free desk and a place for one child more from `from` to `to`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn anti_join(
        &mut self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> sqlx::Result<usize> {
        let found: Vec<(Uuid, i64)> =
            query_as(ANTI_JOIN).bind(from).bind(to).fetch_all(&mut self.0).await?;
        Ok(found.len())
    }
}
