//! A centre's spaces and what holds them, as they are under the lock, and where an order goes.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use model::booking;
use model::capacity::greatest_overlap;
use model::centre::{Centre, SpaceKind};
use model::day_sheet;
use model::feature::Features;
use model::id::{BookingId, ClaimId, SpaceId};
use model::interval::Interval;
use model::language::LocalText;
use model::packing::{Asked, Limits, Packed, Place, Standing, Unpacked, pack};
use sqlx::{FromRow, Transaction, query, query_as, query_scalar};
use store::{BookingOrder, NoRoom, Result, SILENT, StoreError};
use uuid::Uuid;

use super::LONGEST_CLAIM;
use super::convert::{from_word, interval, number};
use crate::Db;

type Tx = Transaction<'static, Db>;

/// Nobody is moved who comes within this time.
const ABOUT_TO_COME: TimeDelta = TimeDelta::minutes(60);

/// A centre's spaces and what holds them for a while.
pub(super) struct Floor {
    spaces: Vec<(SpaceKind, Place)>,
    standing: Vec<Standing>,
    shut: Vec<(Option<SpaceId>, Interval, LocalText)>,
    /// Holds that nobody confirmed in time: they are to be ended before anything is placed.
    pub(super) lapsed: Vec<BookingId>,
}

impl Floor {
    /// Reads it, as far as it matters to stretches within `span`.
    pub(super) async fn read(
        tx: &mut Tx,
        centre: &Centre,
        span: &Interval,
        at: DateTime<Utc>,
    ) -> Result<Self> {
        // One round trip, whatever it is that stands in the way.
        let rows: Vec<Row> = query_as(
            "SELECT 'claim' AS what, space_id AS id, NULL AS word, NULL AS label, 0 AS features,
                 0 AS row_no, starts_at, ends_at
             FROM desk_claims
             WHERE centre_id = $1 AND released_at IS NULL
                 AND starts_at > $2 AND starts_at < $3 AND ends_at > $4
             UNION ALL
             SELECT 'space', id, kind, label, features, row_no, NULL, NULL FROM spaces
             WHERE centre_id = $1
             UNION ALL
             SELECT 'shut', COALESCE(space_id, centre_id), reason_ja, reason_en, 0, 0, starts_at,
                 ends_at
             FROM closures WHERE centre_id = $1 AND starts_at < $5 AND ends_at > $4
             UNION ALL
             SELECT 'lapsed', id, NULL, NULL, 0, 0, NULL, NULL FROM bookings
             WHERE lapses_at <= $6 AND centre_id = $1",
        )
        .bind(centre.id.0)
        .bind(span.starts() - LONGEST_CLAIM - TimeDelta::hours(4))
        .bind(span.ends() + TimeDelta::hours(4))
        .bind(span.starts() - TimeDelta::hours(4))
        .bind(span.ends())
        .bind(at)
        .fetch_all(&mut **tx)
        .await?;
        let mut spaces = Vec::new();
        let mut floor =
            Self { spaces: Vec::new(), standing: Vec::new(), shut: Vec::new(), lapsed: Vec::new() };
        for row in rows {
            match (row.what.as_str(), row.word, row.label, row.starts_at, row.ends_at) {
                ("space", Some(kind), Some(label), ..) => {
                    let (space, row_no) = (SpaceId(row.id), number(row.row_no)?);
                    let features = features(row.features)?;
                    let place = Place { space, features, row: row_no };
                    spaces.push((label, from_word::<SpaceKind>(&kind)?, place));
                }
                ("claim", .., Some(starts), Some(ends)) => floor.standing.push(Standing {
                    claim: ClaimId(Uuid::nil()),
                    space: SpaceId(row.id),
                    when: interval(starts, ends)?,
                    may_go: None,
                }),
                ("shut", Some(ja), Some(en), Some(starts), Some(ends)) => {
                    let space = (row.id != centre.id.0).then_some(SpaceId(row.id));
                    floor.shut.push((space, interval(starts, ends)?, LocalText { ja, en }));
                }
                ("lapsed", ..) => floor.lapsed.push(BookingId(row.id)),
                (what, ..) => return Err(StoreError::Corrupt(format!("half a {what}"))),
            }
        }
        spaces.sort_by(|one, other| (&one.0, one.2.space).cmp(&(&other.0, other.2.space)));
        floor.spaces = spaces.into_iter().map(|(_, kind, place)| (kind, place)).collect();
        Ok(floor)
    }

    /// Whether it is not plain that `order` has no room, whoever would be moved: at the busiest moment
    /// of each stretch there are spaces enough that are not held. Looks at what was read alone.
    pub(super) fn may_take(&self, order: &BookingOrder) -> bool {
        let fits = |(kind, place): &&(SpaceKind, Place)| match order.pinned {
            Some(pinned) => place.space == pinned,
            None => *kind == SpaceKind::Desk && place.features.covers(order.needs.required),
        };
        let shut = |space: Option<SpaceId>| {
            let mut shut = self.shut.iter();
            shut.any(|(one, when, _)| {
                *one == space && order.slots.iter().any(|slot| slot.overlaps(when))
            })
        };
        if shut(None) {
            return false;
        }
        let free = self.spaces.iter().filter(fits).map(|(_, place)| place.space);
        let mut places: Vec<SpaceId> = free.filter(|space| !shut(Some(*space))).collect();
        places.sort();
        let wanted = usize::try_from(order.desks).unwrap_or(usize::MAX);
        order.slots.iter().all(|slot| {
            let there = self.standing.iter().filter(|one| places.binary_search(&one.space).is_ok());
            let held = greatest_overlap(there.map(|one| one.when), slot);
            wanted == 0 || held.saturating_add(wanted) <= places.len()
        })
    }

    /// A desk that is free for an order of one stretch as things stand; nobody is moved.
    pub(super) fn as_it_stands(&self, order: &BookingOrder) -> Option<SpaceId> {
        let mut standing = self.standing.clone();
        for (space, when, _) in &self.shut {
            let claim = ClaimId(Uuid::nil());
            let spaces = self.spaces.iter().map(|(_, place)| place.space);
            let shut = spaces.filter(|one| space.is_none_or(|space| space == *one));
            standing.extend(shut.map(|space| Standing { claim, space, when: *when, may_go: None }));
        }
        let desks = self.spaces.iter().filter(|(kind, _)| *kind == SpaceKind::Desk);
        let places: Vec<Place> = desks.map(|(_, place)| *place).collect();
        let asked = Asked {
            slots: &order.slots,
            desks: 1,
            required: order.needs.required,
            wanted: order.needs.wanted,
            pinned: None,
            together: false,
        };
        let buffer = TimeDelta::minutes(order.centre.settings.buffer_minutes.into());
        let limits = Limits { buffer, ..Limits::default() };
        let packed = pack(&places, &standing, &asked, &limits).ok()?;
        packed.placed.first().map(|(space, _)| *space)
    }

    /// Where the desks of `order` go; the claims of others that have to go elsewhere for it are
    /// moved. `locked` are the days that are locked.
    pub(super) async fn place(
        mut self,
        tx: &mut Tx,
        order: &BookingOrder,
        locked: &[NaiveDate],
    ) -> Result<Result<Vec<(SpaceId, Interval)>, NoRoom>> {
        let closed = self.shut.iter().find_map(|(space, when, reason)| {
            let slot = order.slots.iter().find(|slot| space.is_none() && when.overlaps(slot))?;
            Some(NoRoom::Closed(*slot, reason.clone()))
        });
        if let Some(closed) = closed {
            return Ok(Err(closed));
        }
        if order.desks == 0 {
            return Ok(Ok(Vec::new()));
        }
        self.standing.extend(self.shut.iter().filter_map(|(space, when, _)| {
            let claim = ClaimId(Uuid::nil());
            Some(Standing { claim, space: (*space)?, when: *when, may_go: None })
        }));
        let places: Vec<Place> = self
            .spaces
            .iter()
            .filter(|(kind, place)| match order.pinned {
                Some(pinned) => place.space == pinned,
                None => *kind == SpaceKind::Desk,
            })
            .map(|(_, place)| *place)
            .collect();
        let asked = Asked {
            slots: &order.slots,
            desks: usize::try_from(order.desks).unwrap_or(usize::MAX),
            required: order.needs.required,
            wanted: order.needs.wanted,
            pinned: order.pinned,
            together: order.needs.together,
        };
        let buffer = TimeDelta::minutes(order.centre.settings.buffer_minutes.into());
        let limits = Limits { buffer, ..Limits::default() };
        // As things stand first: most orders move nobody, and need not know who might go.
        let refused = match pack(&places, &self.standing, &asked, &limits) {
            Ok(packed) => return Ok(Ok(packed.placed)),
            Err(refused) => refused,
        };
        let Some(movable) = movable(tx, order, locked).await? else {
            return Ok(Err(no_room(order, &refused)));
        };
        for standing in &mut self.standing {
            let known =
                movable.iter().find(|one| one.space == standing.space && one.when == standing.when);
            if let Some(known) = known {
                *standing = *known;
            }
        }
        match pack(&places, &self.standing, &asked, &limits) {
            Ok(packed) => {
                carry_out(tx, &packed).await?;
                Ok(Ok(packed.placed))
            }
            Err(refused) => Ok(Err(no_room(order, &refused))),
        }
    }
}

/// The claims that may go elsewhere; none where there is no such claim.
async fn movable(
    tx: &mut Tx,
    order: &BookingOrder,
    locked: &[NaiveDate],
) -> Result<Option<Vec<Standing>>> {
    if order.pinned.is_some() {
        return Ok(None);
    }
    let mut from = order.at + ABOUT_TO_COME;
    if !acknowledged(tx, order).await? {
        from = from.max(order.at + day_sheet::REACH);
    }
    let (Some(first), Some(last)) = (
        order.slots.iter().map(Interval::starts).min(),
        order.slots.iter().map(Interval::ends).max(),
    ) else {
        return Ok(None);
    };
    let day = TimeDelta::hours(36);
    let rows: Vec<MovableRow> = query_as(
        "SELECT c.id, c.space_id, c.starts_at, c.ends_at, b.required
         FROM desk_claims c JOIN bookings b ON b.id = c.booking_id
         WHERE c.centre_id = $1 AND c.released_at IS NULL
             AND c.starts_at > $2 AND c.starts_at > $3 AND c.starts_at < $4
             AND b.pinned = FALSE AND b.together = FALSE
             AND NOT EXISTS (SELECT 1 FROM visits v WHERE v.booking_id = b.id
                 AND v.checked_out_at IS NULL)",
    )
    .bind(order.centre.id.0)
    .bind(from)
    .bind(first - day)
    .bind(last + day)
    .fetch_all(&mut **tx)
    .await?;
    let mut movable = Vec::new();
    for row in rows {
        let when = interval(row.starts_at, row.ends_at)?;
        let days = booking::days_to_lock(&order.centre, &[when]);
        if days.iter().all(|day| locked.binary_search(day).is_ok()) {
            movable.push(Standing {
                claim: ClaimId(row.id),
                space: SpaceId(row.space_id),
                when,
                may_go: Some(features(row.required)?),
            });
        }
    }
    Ok((!movable.is_empty()).then_some(movable))
}

/// Whether the centre's site is there and runs on the newest sheet, or never had one.
async fn acknowledged(tx: &mut Tx, order: &BookingOrder) -> Result<bool> {
    let row: Option<SiteRow> = query_as(
        "SELECT sheet_in_force, heard_at,
             (SELECT MAX(version) FROM sheets WHERE centre_id = $1) AS newest
         FROM sites WHERE centre_id = $1",
    )
    .bind(order.centre.id.0)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(match row {
        None | Some(SiteRow { sheet_in_force: None, .. }) => true,
        Some(SiteRow { sheet_in_force, heard_at, newest }) => {
            sheet_in_force == newest && heard_at.is_some_and(|heard| order.at - heard < SILENT)
        }
    })
}

/// Moves claims at the same instant: all leave before any arrives.
async fn carry_out(tx: &mut Tx, packed: &Packed) -> Result<()> {
    for (claim, _) in &packed.moves {
        query("UPDATE desk_claims SET released_at = starts_at WHERE id = $1")
            .bind(claim.0)
            .execute(&mut **tx)
            .await?;
    }
    for (claim, space) in &packed.moves {
        let booking: Uuid = query_scalar(
            "UPDATE desk_claims SET released_at = NULL, space_id = $2 WHERE id = $1
             RETURNING booking_id",
        )
        .bind(claim.0)
        .bind(space.0)
        .fetch_one(&mut **tx)
        .await?;
        query("UPDATE bookings SET version = version + 1 WHERE id = $1")
            .bind(booking)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

fn no_room(order: &BookingOrder, refused: &Unpacked) -> NoRoom {
    match refused {
        Unpacked::Full { slot, proven, .. } => NoRoom::Desk { slot: *slot, proven: *proven },
        // The rules refuse slots that are out of order before anybody comes here.
        Unpacked::Unordered => NoRoom::Desk { slot: order.slots[0], proven: false },
    }
}

pub(super) fn features(bits: i64) -> Result<Features> {
    Features::from_bits(number(bits)?).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// A space, a claim, a closure, or a hold that has lapsed.
#[derive(FromRow)]
struct Row {
    what: String,
    id: Uuid,
    word: Option<String>,
    label: Option<String>,
    features: i64,
    row_no: i64,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
}

/// How far a site has come.
#[derive(FromRow)]
struct SiteRow {
    sheet_in_force: Option<i64>,
    heard_at: Option<DateTime<Utc>>,
    newest: Option<i64>,
}

#[derive(FromRow)]
struct MovableRow {
    id: Uuid,
    space_id: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    required: i64,
}
