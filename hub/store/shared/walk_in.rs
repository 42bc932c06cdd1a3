//! What it means that a site has given a space to somebody who walked in: a booking like any other, made of the lease.
//!
//! Nothing is refused here. Where the hub has the space for somebody else, what the site did stands, and the other is moved;
//! where that cannot be, it is noted for those who run the centre.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use model::booking::{
    self, Approvals, Booking, BookingCode, BookingStatus, DeskClaim, DeskNeeds, Stretches,
};
use model::centre::{Centre, SpaceKind};
use model::id::{BookingId, ClaimId, PersonId, SpaceId};
use model::interval::Interval;
use model::lease::{LeasedSpace, held};
use sqlx::{FromRow, Transaction, query, query_as, query_scalar};
use store::{BookingOrder, Result};
use uuid::Uuid;

use super::book::{self, order_again};
use super::bookings::booking_by_id;
use super::convert::{from_word, interval, signed, storable};
use super::floor::Floor;
use super::lease::{self, ClaimIds, Listed};
use super::notices;
use crate::Db;

type Tx = Transaction<'static, Db>;

/// Somebody who was given a space.
pub(super) struct WalkIn<'a> {
    pub(super) centre: &'a Centre,
    /// The event's place.
    pub(super) place: u64,
    pub(super) person: PersonId,
    pub(super) booking: BookingId,
    pub(super) space: SpaceId,
    /// When they came, no later than now.
    pub(super) at: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    /// Now, by the hub's clock.
    pub(super) now: DateTime<Utc>,
    /// The revisions of prices and rules in force.
    pub(super) revisions: (u32, u32),
}

/// What a walk-in holds, whatever a site says: no more than the house gives anybody, in whole steps.
pub(super) fn stretch(
    centre: &Centre,
    at: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Option<Interval> {
    let longest = TimeDelta::minutes(centre.settings.longest_minutes.into());
    let most = at.checked_add_signed(longest)?;
    held(storable(at), storable(until).min(most), &centre.settings)
}

/// The bookings that hold a space in a stretch of time, whose days are to be locked too.
pub(super) async fn who_holds(
    tx: &mut Tx,
    space: SpaceId,
    when: &Interval,
) -> Result<Vec<BookingId>> {
    let ids: Vec<Uuid> = query_scalar(
        "SELECT DISTINCT booking_id FROM desk_claims
         WHERE space_id = $1 AND booking_id IS NOT NULL AND released_at IS NULL
             AND starts_at < $2 AND ends_at > $3",
    )
    .bind(space.0)
    .bind(when.ends())
    .bind(when.starts())
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids.into_iter().map(BookingId).collect())
}

/// Makes the booking. `locked` are the days that are locked. One of somebody or something unknown means nothing, nor does
/// one whose id another booking has.
pub(super) async fn make(tx: &mut Tx, walk_in: &WalkIn<'_>, locked: &[NaiveDate]) -> Result<()> {
    let Some(when) = stretch(walk_in.centre, walk_in.at, walk_in.until) else { return Ok(()) };
    let Some(kind) = kind_of_space(tx, walk_in).await? else { return Ok(()) };
    let mut ids = ClaimIds::from(walk_in.booking.0);
    let leased = carve(tx, &mut ids, walk_in, &when).await?;
    let others = others(tx, walk_in, &when, kind, locked).await?;
    // Whoever may not be moved keeps what is theirs, and the walk-in has what lies before.
    let theirs = others.iter().filter(|other| !other.may_go).map(|other| other.when.starts());
    let limit = theirs.min().unwrap_or(when.ends()).min(when.ends());
    let mut moved = Vec::new();
    if let Ok(mine) = Interval::new(when.starts(), limit) {
        moved = settle(tx, &mut ids, walk_in, mine, leased, &others).await?;
    }
    note(tx, walk_in, &when, &others, &moved).await
}

/// Claims `mine` for the walk-in, and moves whoever is in the way; answers which claims went where. Where one finds no other
/// desk, it stays, and the walk-in ends where it begins.
async fn settle(
    tx: &mut Tx,
    ids: &mut ClaimIds,
    walk_in: &WalkIn<'_>,
    mine: Interval,
    leased: Option<Listed>,
    others: &[Other],
) -> Result<Vec<(ClaimId, SpaceId)>> {
    let in_the_way: Vec<&Other> =
        others.iter().filter(|other| other.when.overlaps(&mine)).collect();
    for other in &in_the_way {
        query("UPDATE desk_claims SET released_at = starts_at WHERE id = $1")
            .bind(other.claim.0)
            .execute(&mut **tx)
            .await?;
    }
    let claim = ClaimId(ids.fresh(tx).await?);
    insert(tx, walk_in, claim, mine, leased).await?;
    let mut ends = mine.ends();
    let mut moved = Vec::new();
    // By their beginning: once one has to stay, those after it stay too.
    for other in in_the_way {
        let to =
            if other.when.starts() < ends { elsewhere(tx, walk_in, other).await? } else { None };
        if to.is_none() && other.when.starts() < ends {
            ends = other.when.starts();
            query("UPDATE desk_claims SET ends_at = $2 WHERE id = $1")
                .bind(claim.0)
                .bind(ends)
                .execute(&mut **tx)
                .await?;
            query("UPDATE bookings SET ends_at = $2 WHERE id = $1")
                .bind(walk_in.booking.0)
                .bind(ends)
                .execute(&mut **tx)
                .await?;
        }
        query("UPDATE desk_claims SET released_at = NULL, space_id = $2 WHERE id = $1")
            .bind(other.claim.0)
            .bind(to.unwrap_or(walk_in.space).0)
            .execute(&mut **tx)
            .await?;
        if let Some(to) = to {
            moved.push((other.claim, to));
            query("UPDATE bookings SET version = version + 1 WHERE id = $1")
                .bind(other.booking.0)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(moved)
}

/// What sort of space it is, where the person, the space and the booking's id are of use.
async fn kind_of_space(tx: &mut Tx, walk_in: &WalkIn<'_>) -> Result<Option<SpaceKind>> {
    let kind: Option<String> = query_scalar(
        "SELECT kind FROM spaces WHERE id = $1 AND centre_id = $2
             AND EXISTS (SELECT 1 FROM persons WHERE id = $3)
             AND NOT EXISTS (SELECT 1 FROM bookings WHERE id = $4)",
    )
    .bind(walk_in.space.0)
    .bind(walk_in.centre.id.0)
    .bind(walk_in.person.0)
    .bind(walk_in.booking.0)
    .fetch_optional(&mut **tx)
    .await?;
    kind.as_deref().map(from_word).transpose()
}

/// Takes a stretch out of the lease; what lies before and after stays the site's. Answers how far the site knows of it, where
/// all of the stretch was leased.
async fn carve(
    tx: &mut Tx,
    ids: &mut ClaimIds,
    walk_in: &WalkIn<'_>,
    when: &Interval,
) -> Result<Option<Listed>> {
    let centre = walk_in.centre.id;
    let rows = lease::at_space(tx, centre, walk_in.space, when).await?;
    let (mut reached, mut known) = (when.starts(), Listed::default());
    for row in &rows {
        let claim = row.claim()?;
        if claim.when.starts() <= reached {
            reached = reached.max(claim.when.ends());
        }
        known.on = known.on.max(row.listed().on);
        query("DELETE FROM desk_claims WHERE id = $1").bind(row.id).execute(&mut **tx).await?;
        let before = Interval::new(claim.when.starts(), when.starts());
        let after = Interval::new(when.ends(), claim.when.ends());
        for rest in [before, after].into_iter().flatten() {
            let rest = LeasedSpace { space: walk_in.space, when: rest };
            lease::insert(tx, ids, centre, &rest, &row.listed()).await?;
        }
    }
    Ok((reached >= when.ends()).then_some(known))
}

/// A claim of somebody else's at the same space and time.
struct Other {
    claim: ClaimId,
    booking: BookingId,
    when: Interval,
    /// Whether it may go elsewhere: not where its guest picked it, is inside or was to be there by now. Who comes soon may:
    /// somebody sits at their desk.
    may_go: bool,
}

async fn others(
    tx: &mut Tx,
    walk_in: &WalkIn<'_>,
    when: &Interval,
    kind: SpaceKind,
    locked: &[NaiveDate],
) -> Result<Vec<Other>> {
    let rows: Vec<OtherRow> = query_as(
        "SELECT c.id, c.booking_id, c.starts_at, c.ends_at,
             b.pinned = FALSE AND b.together = FALSE AND NOT EXISTS (
                 SELECT 1 FROM visits v WHERE v.booking_id = b.id AND v.checked_out_at IS NULL)
                 AS loose
         FROM desk_claims c JOIN bookings b ON b.id = c.booking_id
         WHERE c.space_id = $1 AND c.released_at IS NULL AND c.starts_at < $2 AND c.ends_at > $3
         ORDER BY c.starts_at, c.id",
    )
    .bind(walk_in.space.0)
    .bind(when.ends())
    .bind(when.starts())
    .fetch_all(&mut **tx)
    .await?;
    let other = |row: OtherRow| {
        let when = interval(row.starts_at, row.ends_at)?;
        let days = booking::days_to_lock(walk_in.centre, &[when]);
        let may_go = row.loose
            && kind == SpaceKind::Desk
            && walk_in.now < when.starts()
            && days.iter().all(|day| locked.binary_search(day).is_ok());
        Ok(Other { claim: ClaimId(row.id), booking: BookingId(row.booking_id), when, may_go })
    };
    rows.into_iter().map(other).collect()
}

/// A desk that is free as things stand, and as good as a claim's own was to be.
async fn elsewhere(tx: &mut Tx, walk_in: &WalkIn<'_>, other: &Other) -> Result<Option<SpaceId>> {
    let Some(theirs) = booking_by_id(&mut **tx, other.booking).await? else { return Ok(None) };
    let needs = DeskNeeds { required: theirs.needs.required, ..DeskNeeds::default() };
    let order = BookingOrder {
        slots: vec![other.when],
        needs,
        ..order_again(&theirs, walk_in.centre, walk_in.now)
    };
    let floor = Floor::read(tx, walk_in.centre, &other.when, walk_in.now).await?;
    Ok(floor.as_it_stands(&order))
}

/// Inserts the booking with its claim, which goes back to the lease when its guest leaves, where it came from there.
async fn insert(
    tx: &mut Tx,
    walk_in: &WalkIn<'_>,
    claim: ClaimId,
    when: Interval,
    leased: Option<Listed>,
) -> Result<()> {
    let code = free_code(tx, walk_in.booking).await?;
    // Nobody else's wish moves somebody who sits there.
    let needs = DeskNeeds { pinned: true, ..DeskNeeds::default() };
    let made = (walk_in.booking, code);
    let (person, centre, slots) = (walk_in.person, walk_in.centre, vec![when]);
    let order = BookingOrder {
        pinned: Some(walk_in.space),
        needs,
        ..BookingOrder::of_desk(made, person, centre, slots, walk_in.revisions, walk_in.at)
    };
    let (space, released_at, refunded_at) = (walk_in.space, None, None);
    let desks = vec![DeskClaim { id: claim, space, when, released_at, refunded_at }];
    let booking = Booking {
        id: order.id,
        person: order.person,
        centre: walk_in.centre.id,
        code,
        status: BookingStatus::Confirmed,
        most: Stretches::of(&desks, &[]),
        desks,
        care: Vec::new(),
        needs,
        lapses_at: None,
        awaits: Approvals::default(),
        series: None,
        on_account_of: None,
        tariff_rev: order.tariff_rev,
        rule_rev: order.rule_rev,
        made_at: walk_in.at,
        version: 1,
    };
    let told = notices::of_new(tx, &booking, walk_in.now).await?;
    book::insert(tx, &order, &booking, &told).await?;
    if let Some(Listed { on, .. }) = leased {
        query("UPDATE desk_claims SET leased = TRUE, listed_on = $2 WHERE id = $1")
            .bind(claim.0)
            .bind(on)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// A code that no booking has: the site draws none, since it knows not all of them.
async fn free_code(tx: &mut Tx, booking: BookingId) -> Result<BookingCode> {
    let (high, low) = booking.0.as_u64_pair();
    let mut number = high ^ low;
    loop {
        let code = BookingCode::from_random(number);
        let taken: Option<Uuid> = query_scalar("SELECT id FROM bookings WHERE code = $1")
            .bind(code.to_string())
            .fetch_optional(&mut **tx)
            .await?;
        if taken.is_none() {
            return Ok(code);
        }
        number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
    }
}

/// Notes what the walk-in has met, for those who run the centre.
async fn note(
    tx: &mut Tx,
    walk_in: &WalkIn<'_>,
    when: &Interval,
    others: &[Other],
    moved: &[(ClaimId, SpaceId)],
) -> Result<()> {
    for other in others {
        let Some(both) = other.when.common(when) else { continue };
        let to = moved.iter().find(|(claim, _)| *claim == other.claim).map(|(_, to)| to.0);
        query(
            "INSERT INTO walk_in_conflicts (centre_id, place, space_id, starts_at, ends_at,
                 walk_in_id, booking_id, moved_to)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(walk_in.centre.id.0)
        .bind(signed(walk_in.place)?)
        .bind(walk_in.space.0)
        .bind(both.starts())
        .bind(both.ends())
        .bind(walk_in.booking.0)
        .bind(other.booking.0)
        .bind(to)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Gives the rest of a claim back to the lease, where it came from there; the claim has ended before.
pub(super) async fn give_back(
    tx: &mut Tx,
    centre: &Centre,
    claim: &DeskClaim,
    from: DateTime<Utc>,
) -> Result<()> {
    let known: Option<Option<i64>> =
        query_scalar("SELECT listed_on FROM desk_claims WHERE id = $1 AND leased = TRUE")
            .bind(claim.id.0)
            .fetch_optional(&mut **tx)
            .await?;
    let (Some(on), Ok(when)) = (known, Interval::new(from, claim.when.ends())) else {
        return Ok(());
    };
    let rest = LeasedSpace { space: claim.space, when };
    let mut ids = ClaimIds::from(claim.id.0);
    lease::insert(tx, &mut ids, centre.id, &rest, &Listed { on, asked_back: None }).await
}

#[derive(FromRow)]
struct OtherRow {
    id: Uuid,
    booking_id: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    loose: bool,
}
