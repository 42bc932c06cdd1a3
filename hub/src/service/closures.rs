//! When a centre or one of its spaces is closed, and what that meets.

use model::booking::Booking;
use model::card::one_line;
use model::closure::{Closure, ClosureKind, LONGEST_REASON};
use model::id::{CentreId, ClosureId, SpaceId};
use model::interval::Interval;
use model::language::LocalText;
use model::permission::{Action, Target};

use super::atlas::Atlas;
use super::booking::{Rebooked, wish_of};
use super::search::{Instead, Query, search};
use super::{Caller, Refused, allow};
use crate::hub::Hub;

/// The longest closure, in days.
const LONGEST: i64 = 366;

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
    allow(caller, Action::ManageHouse, &Target::at(centre))?;
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
    allow(caller, Action::ManageHouse, &Target::at(centre))?;
    let centre = atlas.centre(centre).ok_or(Refused::NotFound)?;
    if hub.store.reopen(centre, id).await? { Ok(()) } else { Err(Refused::NotFound) }
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
    allow(caller, Action::ManageHouse, &Target::at(centre))?;
    let mut closures = hub.store.closures(hub.now()).await?;
    closures.retain(|closure| closure.centre == centre);
    let mut all = Vec::with_capacity(closures.len());
    for closure in closures {
        let met = hub.store.met_by(&closure).await?;
        all.push((closure, met));
    }
    Ok(all)
}

/// The nearest other time at the same centre to which a booking could be moved, if there is one.
///
/// # Errors
/// [`Refused`] when the store fails.
pub async fn way_out(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    booking: &Booking,
) -> Result<Option<Vec<Interval>>, Refused> {
    let query = Query { only: Some(booking.centre), ..Query::of(&wish_of(booking)) };
    let found = search(hub, atlas, caller, &query).await?;
    let fits = found.takers.into_iter().next().map(|taker| taker.slots);
    let shifted = found.others.into_iter().find_map(|other| match other.instead {
        Some(Instead::Shifted(slots)) => Some(slots),
        _ => None,
    });
    Ok(fits.or(shifted))
}

/// Moves a booking that a closure meets to `slots`: it keeps its number, needs and children.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn move_away(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    booking: &Booking,
    slots: Vec<Interval>,
) -> Result<Rebooked, Refused> {
    let wish = model::booking::Wish { slots, ..wish_of(booking) };
    super::booking::change(hub, atlas, caller, booking.id, booking.version, wish).await
}
