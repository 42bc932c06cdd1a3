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

/// Guests of one centre, each with a card, and a desk for an hour of one of the three days from `$FIRST$` on: as many
/// desks more as that needs.
const GUESTS: &str = "
    INSERT INTO spaces (id, centre_id, kind, label, zone_ja, zone_en)
    SELECT gen_random_uuid(), c.id, 'desk', 'Z-' || n, '', ''
    FROM centres c, generate_series(1, ($GUESTS$ + 29) / 30) AS n WHERE c.slug = 'yokohama';
    CREATE TEMPORARY TABLE guests AS
    SELECT gen_random_uuid() AS person_id, gen_random_uuid() AS card_id, gen_random_uuid() AS id,
        c.id AS centre_id, s.id AS space_id, g.n,
        $FIRST$::timestamptz + (g.n % 3) * INTERVAL '1 day' + (g.n / 3 % 10) * INTERVAL '1 hour' AS starts_at
    FROM generate_series(0, $GUESTS$ - 1) AS g (n) JOIN centres c ON c.slug = 'yokohama'
    JOIN spaces s ON s.centre_id = c.id AND s.label = 'Z-' || (1 + g.n / 30);
    INSERT INTO persons (id, email, name, language)
    SELECT person_id, 'guest-' || n || '@example.jp', '', 'ja' FROM guests;
    INSERT INTO credentials (id, person_id, label, state, state_at, state_why, added_at)
    SELECT card_id, person_id, 'card', 'active', now(), '', now() FROM guests;
    INSERT INTO credential_references (reference, credential_id, generation)
    SELECT sha256(int4send(n)), card_id, 1 FROM guests;
    INSERT INTO bookings (id, person_id, centre_id, code, status, tariff_rev, rule_rev, made_at,
        version, starts_at, ends_at)
    SELECT id, person_id, centre_id, '9000-' || lpad(n::text, 4, '0'), 'confirmed', 1, 1, now(), 1,
        starts_at, starts_at + INTERVAL '1 hour'
    FROM guests;
    INSERT INTO desk_claims (id, booking_id, centre_id, space_id, starts_at, ends_at)
    SELECT gen_random_uuid(), id, centre_id, space_id, starts_at, starts_at + INTERVAL '1 hour'
    FROM guests;
    ANALYZE;";

/// One guest goes, so that the plan of every day has changed.
const ONE_GOES: &str = "
    WITH gone AS (
        UPDATE bookings SET status = 'cancelled' WHERE id =
            (SELECT id FROM bookings WHERE code LIKE '9000-%' AND status = 'confirmed' LIMIT 1)
        RETURNING id)
    UPDATE desk_claims SET released_at = now() WHERE booking_id IN (SELECT id FROM gone);
    INSERT INTO centre_days (centre_id, day, rev)
    SELECT c.id, d::date, 1 FROM centres c,
        generate_series(now() - INTERVAL '2 days', now() + INTERVAL '5 days', INTERVAL '1 day') AS d
    WHERE c.slug = 'yokohama'
    ON CONFLICT (centre_id, day) DO UPDATE SET rev = centre_days.rev + 1;";

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

    /// Adds guests of Yokohama, at most 10,000, with cards, booked within three days from `first` on; nothing tells a
    /// running hub of them.
    ///
    /// # Errors
    /// When the database cannot be reached, or fails.
    pub async fn of_guests(url: &str, guests: u32, first: DateTime<Utc>) -> sqlx::Result<Self> {
        let mut connection = PgConnection::connect(url).await?;
        let sql = GUESTS
            .replace("$FIRST$", &format!("'{}'", first.to_rfc3339()))
            .replace("$GUESTS$", &guests.to_string());
        raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        Ok(Self(connection))
    }

    /// Cancels the booking of one of the guests, as another hub would.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn one_guest_goes(&mut self) -> sqlx::Result<()> {
        raw_sql(ONE_GOES).execute(&mut self.0).await.map(drop)
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
