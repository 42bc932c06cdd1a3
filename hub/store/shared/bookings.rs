//! Bookings as they stand, and how they are given up.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use model::booking::{
    self, Approvals, Booking, BookingStatus, CareClaim, DeskClaim, DeskNeeds, Stretches,
};
use model::centre::Centre;
use model::id::{
    BookingId, CentreId, ChildId, ClaimId, EmployerId, NurseryId, PersonId, RoomId, SeriesId,
    SpaceId,
};
use model::interval::Interval;
use model::series::Series;
use sqlx::{Executor, FromRow, Transaction, query, query_as, query_scalar};
use store::{
    Approver, BookResult, BookingOrder, Bookings, Changed, Idempotency, Result, Settled, Settling,
    Spare, status_text,
};
use uuid::Uuid;

use super::care::ages;
use super::convert::{from_word, interval, number, parsed};
use super::floor::features;
use super::{LONGEST_CLAIM, book, change, ending};
use crate::{Db, Here};

/// Bookings with all their claims, a row for each claim, in one statement and so of one moment.
macro_rules! bookings_where {
    ($($condition:tt)+) => {
        concat!(
            "SELECT b.id, b.person_id, b.centre_id, b.code, b.status, b.on_account_of,
                 b.tariff_rev, b.rule_rev, b.made_at, b.version, b.required, b.wanted, b.pinned,
                 b.together, b.lapses_at, b.awaits_centre, b.awaits_employer, b.series_id,
                 b.desk_stretches, b.care_stretches, c.id AS claim_id,
                 c.space_id AS place_id, NULL AS child_id, NULL AS room_id, NULL AS age,
                 NULL AS school_age, NULL AS scheme, c.starts_at, c.ends_at, c.released_at,
                 c.refunded_at
             FROM bookings b JOIN desk_claims c ON c.booking_id = b.id
             WHERE ",
            $($condition)+,
            " UNION ALL
             SELECT b.id, b.person_id, b.centre_id, b.code, b.status, b.on_account_of,
                 b.tariff_rev, b.rule_rev, b.made_at, b.version, b.required, b.wanted, b.pinned,
                 b.together, b.lapses_at, b.awaits_centre, b.awaits_employer, b.series_id,
                 b.desk_stretches, b.care_stretches, c.id,
                 c.nursery_id, c.child_id, c.room_id, c.age, c.school_age, c.scheme, c.starts_at, c.ends_at,
                 c.released_at, c.recalled_at
             FROM bookings b JOIN care_claims c ON c.booking_id = b.id
             WHERE ",
            $($condition)+,
        )
    };
}

#[async_trait]
impl Bookings for Here {
    async fn book(&self, order: &BookingOrder) -> Result<BookResult> {
        book::book(self, order).await
    }

    async fn book_series(
        &self,
        series: &Series,
        began: Option<BookingId>,
        orders: &[BookingOrder],
        each: bool,
    ) -> Result<Vec<BookResult>> {
        book::book_series(self, series, began, orders, each).await
    }

    async fn answered(
        &self,
        person: PersonId,
        idempotency: &Idempotency,
    ) -> Result<Option<BookResult>> {
        let mut line = self.reader().acquire().await?;
        book::answered_before(&mut line, person, idempotency).await
    }

    async fn change(
        &self,
        id: BookingId,
        version: u32,
        order: &BookingOrder,
        spare: &[Spare],
    ) -> Result<Changed> {
        change::change(self, id, version, order, spare).await
    }

    async fn settle(&self, settling: &Settling<'_>) -> Result<Option<Settled>> {
        ending::settle(self, settling).await
    }

    async fn cancel(
        &self,
        id: BookingId,
        centre: &Centre,
        at: DateTime<Utc>,
        spare: &[Spare],
    ) -> Result<Option<(Booking, bool)>> {
        ending::cancel(self, id, centre, at, spare).await
    }

    async fn lapse(
        &self,
        centre: &Centre,
        at: DateTime<Utc>,
        spare: &[Spare],
    ) -> Result<Vec<Booking>> {
        ending::lapse(self, centre, at, spare).await
    }

    async fn lapsing(&self, at: DateTime<Utc>) -> Result<Vec<CentreId>> {
        let centres: Vec<Uuid> =
            query_scalar("SELECT DISTINCT centre_id FROM bookings WHERE lapses_at <= $1")
                .bind(at)
                .fetch_all(self.reader())
                .await?;
        Ok(centres.into_iter().map(CentreId).collect())
    }

    async fn booking(&self, id: BookingId) -> Result<Option<Booking>> {
        booking_by_id(self.reader(), id).await
    }

    async fn bookings_of(&self, person: PersonId, from: DateTime<Utc>) -> Result<Vec<Booking>> {
        let rows: Vec<ClaimRow> = query_as(bookings_where!(
            "b.id IN (SELECT id FROM bookings WHERE person_id = $1 AND ends_at > $2
                 ORDER BY starts_at, id LIMIT 200)"
        ))
        .bind(person.0)
        .bind(from)
        .fetch_all(self.reader())
        .await?;
        let mut bookings = gather(rows)?;
        bookings.sort_by_key(|booking| (booking.span(), booking.id));
        Ok(bookings)
    }

    async fn bookings_named(&self, ids: &[BookingId]) -> Result<Vec<Booking>> {
        let rows: Vec<ClaimRow> = query_as(bookings_where!(concat!("b.id ", in_list!("$1"))))
            .bind(crate::id_list(ids.iter().map(|id| id.0)))
            .fetch_all(self.reader())
            .await?;
        gather(rows)
    }

    async fn calendar_of(&self, person: PersonId, from: DateTime<Utc>) -> Result<Vec<Booking>> {
        let rows: Vec<ClaimRow> = query_as(bookings_where!(
            "b.id IN (SELECT id FROM bookings WHERE person_id = $1 AND ends_at > $2
                 ORDER BY starts_at DESC, id LIMIT 1000)"
        ))
        .bind(person.0)
        .bind(from)
        .fetch_all(self.reader())
        .await?;
        let mut bookings = gather(rows)?;
        bookings.sort_by_key(|booking| (booking.span(), booking.id));
        Ok(bookings)
    }

    async fn bookings_at(&self, centre: CentreId, window: &Interval) -> Result<Vec<Booking>> {
        bookings_there(self.reader(), centre, window).await
    }

    async fn bookings_in(&self, series: SeriesId) -> Result<Vec<Booking>> {
        let rows: Vec<ClaimRow> = query_as(bookings_where!("b.series_id = $1"))
            .bind(series.0)
            .fetch_all(self.reader())
            .await?;
        let mut bookings = gather(rows)?;
        bookings.sort_by_key(|booking| (booking.span(), booking.id));
        Ok(bookings)
    }

    async fn given_free_at(&self, centre: CentreId, window: &Interval) -> Result<Vec<Booking>> {
        let rows: Vec<ClaimRow> = query_as(bookings_where!(
            "b.status IN ('confirmed', 'no_show')
             AND b.id IN (SELECT booking_id FROM desk_claims
                 WHERE centre_id = $1 AND released_at IS NOT NULL
                     AND starts_at > $2 AND starts_at < $3 AND ends_at > $4)"
        ))
        .bind(centre.0)
        .bind(window.starts() - LONGEST_CLAIM)
        .bind(window.ends())
        .bind(window.starts())
        .fetch_all(self.reader())
        .await?;
        gather(rows)
    }

    async fn series(&self, id: SeriesId) -> Result<Option<Series>> {
        let row: Option<(Uuid, Uuid, String, DateTime<Utc>)> =
            query_as("SELECT person_id, centre_id, rule, made_at FROM series WHERE id = $1")
                .bind(id.0)
                .fetch_optional(self.reader())
                .await?;
        row.map(|(person, centre, rule, made_at)| {
            let (person, centre) = (PersonId(person), CentreId(centre));
            Ok(Series { id, person, centre, rule: parsed(&rule)?, made_at })
        })
        .transpose()
    }

    async fn asked_for(&self, of: Approver) -> Result<Vec<Booking>> {
        let (centre, employer) = match of {
            Approver::Centre(centre) => (Some(centre.0), None),
            Approver::Employer(employer) => (None, Some(employer.0)),
        };
        let rows: Vec<ClaimRow> = query_as(bookings_where!(
            "b.status = 'asked' AND b.lapses_at IS NOT NULL AND ((b.centre_id = $1 AND b.awaits_centre)
                 OR (b.on_account_of = $2 AND b.awaits_employer))"
        ))
        .bind(centre)
        .bind(employer)
        .fetch_all(self.reader())
        .await?;
        let mut bookings = gather(rows)?;
        bookings.sort_by_key(|booking| (booking.lapses_at, booking.id));
        Ok(bookings)
    }
}

/// A booking with all its claims.
pub(super) async fn booking_by_id<'c>(
    from: impl Executor<'c, Database = Db>,
    id: BookingId,
) -> Result<Option<Booking>> {
    let rows: Vec<ClaimRow> =
        query_as(bookings_where!("b.id = $1")).bind(id.0).fetch_all(from).await?;
    Ok(gather(rows)?.pop())
}

/// The bookings that hold something at a centre in a stretch of time, by id.
pub(super) async fn bookings_there<'c>(
    from: impl Executor<'c, Database = Db>,
    centre: CentreId,
    window: &Interval,
) -> Result<Vec<Booking>> {
    let rows: Vec<ClaimRow> = query_as(bookings_where!(
        "b.id IN (
             SELECT booking_id FROM desk_claims
             WHERE centre_id = $1 AND released_at IS NULL
                 AND starts_at > $2 AND starts_at < $3 AND ends_at > $4
             UNION
             SELECT booking_id FROM care_claims
             WHERE nursery_id IN (SELECT id FROM nurseries WHERE centre_id = $1)
                 AND released_at IS NULL
                 AND starts_at > $2 AND starts_at < $3 AND ends_at > $4)"
    ))
    .bind(centre.0)
    .bind(window.starts() - LONGEST_CLAIM)
    .bind(window.ends())
    .bind(window.starts())
    .fetch_all(from)
    .await?;
    gather(rows)
}

/// From the first start to the last end.
pub(super) fn span_of(slots: &[Interval]) -> Option<Interval> {
    let starts = slots.iter().map(Interval::starts).min()?;
    let ends = slots.iter().map(Interval::ends).max()?;
    Interval::new(starts, ends).ok()
}

/// Notes from when to when a booking goes after its claims have changed, and how many stretches it has
/// had.
pub(super) async fn note_stretches(
    tx: &mut Transaction<'static, Db>,
    after: &Booking,
) -> Result<()> {
    let Some(span) = after.span() else { return Ok(()) };
    let most = after.most.max(Stretches::of(&after.desks, &after.care));
    query(
        "UPDATE bookings SET starts_at = $2, ends_at = $3, desk_stretches = $4,
             care_stretches = $5
         WHERE id = $1",
    )
    .bind(after.id.0)
    .bind(span.starts())
    .bind(span.ends())
    .bind(i64::from(most.desks))
    .bind(i64::from(most.care))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The local days of all claims of a booking, sorted.
pub(super) fn days_of(booking: &Booking, centre: &Centre) -> Vec<NaiveDate> {
    let slots: Vec<Interval> = booking
        .desks
        .iter()
        .map(|claim| claim.when)
        .chain(booking.care.iter().map(|claim| claim.when))
        .collect();
    booking::days_to_lock(centre, &slots)
}

/// Makes a booking that holds nothing any more a no-show.
pub(super) async fn mark_if_empty(tx: &mut Transaction<'static, Db>, id: BookingId) -> Result<()> {
    query(
        "UPDATE bookings SET status = $2 WHERE id = $1 AND status = 'confirmed'
             AND NOT EXISTS (SELECT 1 FROM desk_claims WHERE booking_id = $1 AND released_at IS NULL)
             AND NOT EXISTS (SELECT 1 FROM care_claims WHERE booking_id = $1 AND released_at IS NULL)",
    )
    .bind(id.0)
    .bind(status_text(BookingStatus::NoShow))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A booking with one of its claims.
#[derive(FromRow)]
struct ClaimRow {
    id: Uuid,
    person_id: Uuid,
    centre_id: Uuid,
    code: String,
    status: String,
    on_account_of: Option<Uuid>,
    tariff_rev: i64,
    rule_rev: i64,
    made_at: DateTime<Utc>,
    version: i64,
    required: i64,
    wanted: i64,
    pinned: bool,
    together: bool,
    lapses_at: Option<DateTime<Utc>>,
    awaits_centre: bool,
    awaits_employer: bool,
    series_id: Option<Uuid>,
    desk_stretches: i64,
    care_stretches: i64,
    claim_id: Uuid,
    /// The space, or the nursery where there is a child.
    place_id: Uuid,
    child_id: Option<Uuid>,
    room_id: Option<Uuid>,
    age: Option<i64>,
    school_age: Option<i64>,
    scheme: Option<String>,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    released_at: Option<DateTime<Utc>>,
    refunded_at: Option<DateTime<Utc>>,
}

impl ClaimRow {
    fn booking(&self) -> Result<Booking> {
        Ok(Booking {
            id: BookingId(self.id),
            person: PersonId(self.person_id),
            centre: CentreId(self.centre_id),
            code: parsed(&self.code)?,
            status: from_word(&self.status)?,
            desks: Vec::new(),
            care: Vec::new(),
            needs: DeskNeeds {
                required: features(self.required)?,
                wanted: features(self.wanted)?,
                pinned: self.pinned,
                together: self.together,
            },
            lapses_at: self.lapses_at,
            awaits: Approvals { centre: self.awaits_centre, employer: self.awaits_employer },
            series: self.series_id.map(SeriesId),
            on_account_of: self.on_account_of.map(EmployerId),
            tariff_rev: number(self.tariff_rev)?,
            rule_rev: number(self.rule_rev)?,
            made_at: self.made_at,
            most: Stretches {
                desks: number(self.desk_stretches)?,
                care: number(self.care_stretches)?,
            },
            version: number(self.version)?,
        })
    }

    fn put_into(&self, booking: &mut Booking) -> Result<()> {
        let id = ClaimId(self.claim_id);
        let when = interval(self.starts_at, self.ends_at)?;
        let (released_at, refunded_at) = (self.released_at, self.refunded_at);
        match self.child_id {
            None => {
                let space = SpaceId(self.place_id);
                booking.desks.push(DeskClaim { id, space, when, released_at, refunded_at });
            }
            Some(child) => {
                let (nursery, child) = (NurseryId(self.place_id), ChildId(child));
                let room = self.room_id.map(RoomId);
                let ages = ages(self.age, self.school_age)?;
                let scheme = self.scheme.clone();
                booking.care.push(CareClaim {
                    id,
                    nursery,
                    child,
                    room,
                    ages,
                    scheme,
                    when,
                    released_at,
                    refunded_at,
                });
            }
        }
        Ok(())
    }
}

/// Puts claims into their bookings, in the order of ids; a booking's claims by start.
fn gather(rows: Vec<ClaimRow>) -> Result<Vec<Booking>> {
    let mut bookings: BTreeMap<Uuid, Booking> = BTreeMap::new();
    for row in rows {
        let booking = match bookings.entry(row.id) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => new.insert(row.booking()?),
        };
        row.put_into(booking)?;
    }
    let mut bookings: Vec<Booking> = bookings.into_values().collect();
    for booking in &mut bookings {
        booking.desks.sort_by_key(|claim| (claim.when.starts(), claim.id));
        booking.care.sort_by_key(|claim| (claim.when.starts(), claim.id));
    }
    Ok(bookings)
}
