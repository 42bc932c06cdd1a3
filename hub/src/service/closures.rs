//! When a centre or one of its spaces is closed, and what that meets.

use chrono::TimeDelta;
use model::audit::AuditAction;
use model::booking::{Booking, Wish};
use model::card::one_line;
use model::centre::SpaceKind;
use model::closure::{Closure, ClosureKind, LONGEST_REASON};
use model::id::{CentreId, ClosureId, SpaceId};
use model::interval::Interval;
use model::language::LocalText;
use model::permission::{Action, Target};
use store::NoRoom;

use super::atlas::Atlas;
use super::audit::{self, Entry};
use super::booking::{Rebooked, change, wish_to_come};
use super::search::{Instead, Near, Query, When, search};
use super::{Caller, Refused, allow};
use crate::hub::Hub;

/// The longest closure, in days.
const LONGEST: i64 = 366;

/// For so many of the bookings that a closure meets it is looked what would work instead.
pub const MOST_WAYS: usize = 20;

/// So many days on it is looked for the same hours.
const OTHER_DAYS: i64 = 7;

/// What is to be closed.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The one space; none is the whole centre.
    pub space: Option<SpaceId>,
    /// What it means for what is booked.
    pub kind: ClosureKind,
    /// When.
    pub when: Interval,
    /// What guests are told.
    pub reason: LocalText,
}

/// How closing ended.
#[derive(Debug)]
pub enum Closed {
    /// It is closed; these bookings stand in the way and want to be moved or given up.
    Done(Closure, Vec<Booking>),
    /// There is no such space.
    NoSpace,
    /// A reason in both languages is wanted, of a line each.
    NoReason,
    /// It lies in the past, or is too long.
    BadTime,
}

/// Whether the caller decides when a centre is closed.
///
/// # Errors
/// [`Refused`] when they do not.
pub fn allowed(caller: &Caller, centre: CentreId) -> Result<(), Refused> {
    allow(caller, Action::ManageHouse, &Target::at(centre))
}

/// Closes a centre or one of its spaces for a while.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn close(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    centre: CentreId,
    closing: Closing,
) -> Result<Closed, Refused> {
    allowed(caller, centre)?;
    let centre = atlas.centre(centre).ok_or(Refused::NotFound)?;
    if let Some(space) = closing.space
        && atlas.space(space).is_none_or(|space| space.centre != centre.id)
    {
        return Ok(Closed::NoSpace);
    }
    let (ja, en) = (
        one_line(&closing.reason.ja, LONGEST_REASON),
        one_line(&closing.reason.en, LONGEST_REASON),
    );
    let (Some(ja), Some(en)) = (ja, en) else { return Ok(Closed::NoReason) };
    if closing.when.ends() <= hub.now() || closing.when.length().num_days() > LONGEST {
        return Ok(Closed::BadTime);
    }
    let closure = Closure {
        id: ClosureId(hub.new_id()?),
        centre: centre.id,
        space: closing.space,
        kind: closing.kind,
        when: closing.when,
        reason: LocalText { ja, en },
        made_by: Some(caller.signed_in()?.id),
        made_at: hub.now(),
    };
    let met = hub.store.close(centre, &closure).await?;
    hub.live.plan_changed(centre.id);
    audit::record(hub, caller, entry(AuditAction::CentreClosed, atlas, &closure)).await?;
    Ok(Closed::Done(closure, met))
}

/// Takes a closure back.
///
/// # Errors
/// [`Refused`] when they may not, there is none, or the store fails.
pub async fn reopen(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    centre: CentreId,
    id: ClosureId,
) -> Result<(), Refused> {
    allowed(caller, centre)?;
    let centre = atlas.centre(centre).ok_or(Refused::NotFound)?;
    let closure = get(hub, caller, centre.id, id).await?.0;
    if !hub.store.reopen(centre, id).await? {
        return Err(Refused::NotFound);
    }
    hub.live.plan_changed(centre.id);
    audit::record(hub, caller, entry(AuditAction::CentreReopened, atlas, &closure)).await
}

fn entry(action: AuditAction, atlas: &Atlas, closure: &Closure) -> Entry {
    let space = closure.space.and_then(|space| atlas.space(space));
    Entry::new(action)
        .at(closure.centre)
        .note("closure", closure.id.to_string())
        .note("space", space.map_or_else(|| "-".to_owned(), |space| space.label.clone()))
        .note("from", closure.when.starts().to_rfc3339())
        .note("until", closure.when.ends().to_rfc3339())
        .note("reason", &closure.reason.ja)
}

/// One closure of a centre with the bookings that it meets.
///
/// # Errors
/// [`Refused`] when they may not, there is none there, or the store fails.
pub async fn get(
    hub: &Hub,
    caller: &Caller,
    centre: CentreId,
    id: ClosureId,
) -> Result<(Closure, Vec<Booking>), Refused> {
    allowed(caller, centre)?;
    let mut closures = hub.store.closures(hub.now()).await?.into_iter();
    let closure = closures.find(|closure| closure.id == id && closure.centre == centre);
    let closure = closure.ok_or(Refused::NotFound)?;
    let met = hub.store.met_by(&closure).await?;
    Ok((closure, met))
}

/// The closures of a centre from now on, each with the bookings that it meets.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn list(
    hub: &Hub,
    caller: &Caller,
    centre: CentreId,
) -> Result<Vec<(Closure, Vec<Booking>)>, Refused> {
    allowed(caller, centre)?;
    let mut closures = hub.store.closures(hub.now()).await?;
    closures.retain(|closure| closure.centre == centre);
    let mut all = Vec::with_capacity(closures.len());
    for closure in closures {
        let met = hub.store.met_by(&closure).await?;
        all.push((closure, met));
    }
    Ok(all)
}

/// What could be had instead of a booking that closures meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// All that is to come of it, where the closures no longer meet it at the same centre: each stretch
    /// that they meet at its own time, where another space of its kind is free then, at another of the
    /// same day, or at the same hours of one of the next days.
    pub here: Option<Vec<Interval>>,
    /// The nearest other centre that has room at the times that they meet.
    pub elsewhere: Option<CentreId>,
}

/// What could be had instead of a booking: a desk, or the room or booth that was picked, or another.
///
/// # Errors
/// [`Refused`] when the store fails.
pub async fn ways_out(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    booking: &Booking,
) -> Result<Ways, Refused> {
    let wish = wish_to_come(booking, hub.now());
    let closures = || atlas.closures_of(booking.centre);
    let is_met = |slot: &Interval| closures().any(|one| one.met_slots(booking).any(|s| s == *slot));
    let (met, kept): (Vec<Interval>, Vec<Interval>) = wish.slots.iter().copied().partition(is_met);
    if met.is_empty() {
        return Ok(Ways::default());
    }
    let kind = wish.pinned.and_then(|space| atlas.space(space));
    let kind = kind.map_or(SpaceKind::Desk, |space| space.kind);
    let there = Some(Near::Centre(booking.centre));
    let query = Query { near: there, kind, pinned: None, stays: true, ..Query::of(&wish) };
    let mut slots = kept;
    let mut here = true;
    for slot in &met {
        let way = way_for(hub, atlas, caller, booking.centre, &query, *slot, &slots).await?;
        here &= way.is_some();
        slots.extend(way);
    }
    slots.sort();
    let elsewhere = Query { when: When::Slots(met), ..query };
    let takers = search(hub, atlas, caller, &elsewhere).await?.takers;
    Ok(Ways {
        here: here.then_some(slots),
        elsewhere: takers.iter().map(|one| one.centre).find(|id| *id != booking.centre),
    })
}

/// The nearest time at a centre for what stands in `slot`, beside what is `taken` by the same booking.
async fn way_for(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    centre: CentreId,
    query: &Query,
    slot: Interval,
    taken: &[Interval],
) -> Result<Option<Interval>, Refused> {
    let is_free = |slot: &Interval| !taken.iter().any(|taken| taken.overlaps(slot));
    for ahead in 0..=OTHER_DAYS {
        let on = TimeDelta::days(ahead);
        let Ok(that_day) = Interval::new(slot.starts() + on, slot.ends() + on) else { break };
        let when = When::Slots(vec![that_day]);
        let query = Query { when, only: Some(centre), ..query.clone() };
        let mut found = search(hub, atlas, caller, &query).await?;
        let fits = found.takers.pop().map(|taker| taker.slots);
        let shifted = found.others.pop().and_then(|other| match other.instead {
            // Of the next days the same hours are asked for.
            Some(Instead::Shifted(slots)) if ahead == 0 => Some(slots),
            _ => None,
        });
        let way = fits.or(shifted).and_then(|slots| slots.first().copied());
        if way.as_ref().is_some_and(is_free) {
            return Ok(way);
        }
    }
    Ok(None)
}

/// Moves a booking that a closure meets to `slots`: it keeps its number, needs and children, and
/// gives up the space that was picked for it where that is closed then, a desk for any desk, a room or
/// a booth for the first other that is free.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn move_away(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    booking: &Booking,
    version: u32,
    slots: Vec<Interval>,
) -> Result<Rebooked, Refused> {
    let wish = Wish { slots, ..wish_to_come(booking, hub.now()) };
    let is_shut = |space| {
        let mut closures = atlas.closures_of(booking.centre);
        closures.any(|one| wish.slots.iter().any(|slot| one.shuts(Some(space), slot)))
    };
    let picked = wish.pinned.and_then(|space| atlas.space(space));
    let ways: Vec<Option<SpaceId>> = match picked {
        Some(space) if space.kind == SpaceKind::Desk && is_shut(space.id) => vec![None],
        Some(space) if space.kind != SpaceKind::Desk => {
            let others = atlas.spaces_of(booking.centre).iter().filter(|other| *other != space);
            let of_its_kind = others.filter(|other| other.kind == space.kind);
            let all = std::iter::once(space).chain(of_its_kind).map(|space| space.id);
            all.filter(|space| !is_shut(*space)).map(Some).collect()
        }
        _ => vec![wish.pinned],
    };
    let mut came = None;
    for pinned in ways {
        let wish = Wish { pinned, ..wish.clone() };
        let changed = change(hub, atlas, caller, booking.id, version, wish).await?;
        let taken = matches!(changed, Rebooked::NoRoom(NoRoom::Desk { .. }));
        came = Some(changed);
        if !taken {
            break;
        }
    }
    let slot = wish.slots.first().copied();
    let none = || slot.map(|slot| Rebooked::NoRoom(NoRoom::Desk { slot, proven: true }));
    came.or_else(none).ok_or(Refused::NotFound)
}
