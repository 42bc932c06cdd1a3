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
use super::search::{Found, Instead, Near, Query, When, search};
use super::{Caller, Refused, allow};
use crate::hub::Hub;

/// The longest closure, in days.
const LONGEST: i64 = 366;

/// For so many of the bookings that a closure meets it is looked what would work instead.
pub const MOST_WAYS: usize = 20;

/// So many rooms or booths of a kind are looked at in the place of one.
const MOST_SPACES: usize = 8;

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
    let there = Some(Near::Centre(booking.centre));
    let whose = Some(booking.person);
    let query = Query { near: there, stays: true, whose, ..Query::of(&wish) };
    let mut spaces = spaces_to_move_to(atlas, booking, &wish);
    if spaces.contains(&None) {
        // Any desk may be the one that was picked.
        spaces = vec![None];
    }
    let mut here: Option<(TimeDelta, Vec<Interval>)> = None;
    for space in spaces {
        let query = Query { pinned: space, ..query.clone() };
        let looking = Looking { hub, atlas, caller, centre: booking.centre, query };
        let its_own = space.is_none() || space == wish.pinned;
        let found = looking.all(&met, &kept, its_own).await?;
        here = here.into_iter().chain(found).min_by_key(|(far, _)| *far);
        if here.as_ref().is_some_and(|(far, _)| far.is_zero()) {
            break;
        }
    }
    let here = here.map(|(_, slots)| slots);
    let elsewhere = Query { when: When::Slots(met), ..query };
    let takers = search(hub, atlas, caller, &elsewhere).await?.takers;
    Ok(Ways {
        here,
        elsewhere: takers.iter().map(|one| one.centre).find(|id| *id != booking.centre),
    })
}

/// Where a booking could go, the likeliest first: who picked a desk gets that one or else any; who picked a
/// room or a booth that one or another of its kind.
fn spaces_to_move_to(atlas: &Atlas, booking: &Booking, wish: &Wish) -> Vec<Option<SpaceId>> {
    let Some(picked) = wish.pinned.and_then(|space| atlas.space(space)) else { return vec![None] };
    if picked.kind == SpaceKind::Desk {
        return vec![Some(picked.id), None];
    }
    let others = atlas.spaces_of(booking.centre).iter().filter(|other| *other != picked);
    let of_its_kind = others.filter(|other| other.kind == picked.kind);
    let all = std::iter::once(picked).chain(of_its_kind).map(|space| Some(space.id));
    all.take(MOST_SPACES).collect()
}

/// One way of moving a booking, looked at stretch by stretch.
struct Looking<'a> {
    hub: &'a Hub,
    atlas: &'a Atlas,
    caller: &'a Caller,
    centre: CentreId,
    query: Query,
}

impl Looking<'_> {
    /// All stretches as they could stand, and how far those that are met would be moved; nothing where one
    /// of them cannot. What is `kept` is there already where the space is `its_own`.
    async fn all(
        &self,
        met: &[Interval],
        kept: &[Interval],
        its_own: bool,
    ) -> Result<Option<(TimeDelta, Vec<Interval>)>, Refused> {
        if !its_own && !kept.is_empty() && self.at(kept.to_vec(), 0).await?.takers.is_empty() {
            return Ok(None);
        }
        let (mut far, mut slots) = (TimeDelta::zero(), kept.to_vec());
        for slot in met {
            let Some(way) = self.one(*slot, &slots).await? else { return Ok(None) };
            far += (way.starts() - slot.starts()).abs();
            slots.push(way);
        }
        slots.sort();
        Ok(Some((far, slots)))
    }

    /// The nearest time for what stands in `slot`, beside what is `taken` by the same booking.
    async fn one(&self, slot: Interval, taken: &[Interval]) -> Result<Option<Interval>, Refused> {
        // The care goes on at its own time, and is in nobody's way but its own.
        if !self.at(vec![slot], 0).await?.takers.is_empty() {
            return Ok(Some(slot));
        }
        let is_free = |slot: &Interval| !taken.iter().any(|taken| taken.overlaps(slot));
        let shifted = self.at(vec![slot], self.query.children).await?.others.pop();
        if let Some(Instead::Shifted(slots)) = shifted.and_then(|other| other.instead)
            && let Some(way) = slots.first().filter(|slot| is_free(slot))
        {
            return Ok(Some(*way));
        }
        for ahead in 1..=OTHER_DAYS {
            let on = TimeDelta::days(ahead);
            let Ok(that_day) = Interval::new(slot.starts() + on, slot.ends() + on) else { break };
            if !is_free(&that_day) {
                continue;
            }
            if !self.at(vec![that_day], self.query.children).await?.takers.is_empty() {
                return Ok(Some(that_day));
            }
        }
        Ok(None)
    }

    async fn at(&self, slots: Vec<Interval>, children: u32) -> Result<Found, Refused> {
        let only = Some(self.centre);
        let query = Query { when: When::Slots(slots), children, only, ..self.query.clone() };
        search(self.hub, self.atlas, self.caller, &query).await
    }
}

/// Moves a booking that a closure meets to `slots`: it keeps its number, needs and children, and the space
/// that was picked for it where that can be; else a desk gives way to any desk, a room or a booth to the
/// first other that is free.
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
    let is_shut = |space: &Option<SpaceId>| {
        let mut closures = atlas.closures_of(booking.centre);
        space.is_some() && closures.any(|one| wish.slots.iter().any(|slot| one.shuts(*space, slot)))
    };
    let mut ways = spaces_to_move_to(atlas, booking, &wish);
    ways.retain(|space| !is_shut(space));
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
