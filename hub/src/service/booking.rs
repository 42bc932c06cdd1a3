//! Making, seeing, changing and cancelling bookings.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use model::audit::AuditAction;
use model::booking::{Approvals, Booking, BookingStatus, CareClaim, DeskClaim, Wish, slots_of};
use model::care::scheme::NotUnder;
use model::centre::Centre;
use model::id::{BookingId, ChildId};
use model::interval::Interval;
use model::language::LocalText;
use model::permission::{Action, Target, may};
use model::quota::Over;
use store::{
    BookResult, BookingOrder, Changed, NoRoom, Settled, Settling, Stands, Stood, StoreError,
};

use super::atlas::Atlas;
use super::audit::{self, Entry};
use super::order::{For, NoOrder, draw_code, keyed, order, quotas, spares, stands};
use super::{Caller, Refused, allow, allow_or_hide, lease};
use crate::hub::Hub;

/// How making a booking ended.
#[derive(Debug)]
pub enum Booked {
    /// It is made now.
    Made(Booking),
    /// The same request with the same key made it before.
    Before(Booking),
    /// The wish makes no order.
    Not(NoOrder),
    /// There is no room.
    NoRoom(NoRoom),
    /// The key was used for something else.
    KeyReused,
}

/// How changing a booking ended.
#[derive(Debug)]
pub enum Rebooked {
    /// As it stands now.
    Done(Booking),
    /// The wish makes no order.
    Not(NoOrder),
    /// There is no room; it is as it was.
    NoRoom(NoRoom),
    /// Somebody changed it meanwhile.
    Newer(Booking),
    /// It holds nothing any more, or its guest is inside.
    Fixed(Booking),
    /// A child of it is in care: it is collected first.
    InCare(Booking),
    /// It is too late for its guest to change it.
    TooLate(Booking),
}

/// How cancelling ended.
#[derive(Debug)]
pub enum Cancelled {
    /// It is given up now.
    Done(Booking),
    /// It was given up or released before.
    Before(Booking),
    /// It is over.
    Over(Booking),
    /// Its guest is inside: they leave first.
    Inside(Booking),
    /// A child of it is in care: it is collected first.
    InCare(Booking),
    /// It is too late for its guest to cancel it.
    TooLate(Booking),
}

/// How confirming ended.
#[derive(Debug)]
pub enum Confirmed {
    /// It stands, or waits for an approval.
    Done(Booking),
    /// It was not held (any more).
    Otherwise(Booking),
    /// It goes over a quota; it stays held.
    Over(Booking, Over),
    /// The care of a child goes over what there may be under this scheme; it stays held.
    NotUnder(Booking, ChildId, Interval, (LocalText, NotUnder)),
}

/// A booking that changes while it is confirmed is looked at anew so often at most.
const CONFIRM_TRIES: u32 = 4;
/// A code is drawn anew when it is taken; so many times at most.
const CODE_TRIES: u32 = 8;
/// The longest key of a repeated request.
pub const LONGEST_KEY: usize = 200;

/// Makes a booking for the caller: all of the wish or nothing; `hold` only holds it for a while.
///
/// `key` makes a repeated request harmless.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn book(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    mut wish: Wish,
    hold: bool,
    key: Option<String>,
) -> Result<Booked, Refused> {
    let person = caller.signed_in()?;
    let actions = actions(&wish);
    wish.slots.sort();
    wish.children.sort();
    let idempotency = keyed(key, &(&wish, hold));
    let on_account_of = person.employers_at(hub.now()).next();
    let asked = For { person: person.id, on_account_of, wish, hold, actions: &actions };
    let mut order = match order(hub, atlas, caller, asked).await? {
        Ok(order) => order,
        Err(not) => {
            // A repeated request is answered as before, also when its time has passed meanwhile.
            let before = match &idempotency {
                Some(idempotency) => hub.store.answered(person.id, idempotency).await?,
                None => None,
            };
            return Ok(match before {
                Some(BookResult::Before(booking)) => Booked::Before(booking),
                Some(BookResult::KeyReused) => Booked::KeyReused,
                _ => Booked::Not(not),
            });
        }
    };
    order.idempotency = idempotency;
    for _ in 0..CODE_TRIES {
        match hub.store.book(&order).await {
            Err(StoreError::Duplicate("booking code")) => order.code = draw_code(hub)?,
            Err(error) => return Err(error.into()),
            Ok(BookResult::Made(booking)) => {
                hub.live.booking_made(booking.centre);
                return Ok(Booked::Made(booking));
            }
            Ok(BookResult::Before(booking)) => return Ok(Booked::Before(booking)),
            Ok(BookResult::Refused(no_room)) => {
                if matches!(no_room, NoRoom::Desk { .. }) {
                    lease::ask_back(hub, &order).await;
                }
                return Ok(Booked::NoRoom(no_room));
            }
            Ok(BookResult::KeyReused) => return Ok(Booked::KeyReused),
        }
    }
    Err(Refused::Inner("no booking code was free"))
}

/// What somebody needs to be allowed to book a wish.
pub(super) fn actions(wish: &Wish) -> Vec<Action> {
    let desks = (wish.desks > 0 || wish.children.is_empty()).then_some(Action::BookDesk);
    let care = (!wish.children.is_empty()).then_some(Action::BookCare);
    desks.into_iter().chain(care).collect()
}

/// Gives a booking another time, place or number. What has begun stays as it is, unless a new stretch
/// overlaps it or there is nothing else.
/// `version` is the one that the caller has seen.
///
/// # Errors
/// [`Refused`] when there is none that they may change, or the store fails.
pub async fn change(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    id: BookingId,
    version: u32,
    wish: Wish,
) -> Result<Rebooked, Refused> {
    let booking = find(hub, caller, id, Action::ChangeBooking).await?;
    let wish = Wish { centre: booking.centre, ..wish };
    if booking.version != version {
        return Ok(Rebooked::Newer(booking));
    }
    if !booking.status.holds() {
        return Ok(Rebooked::Fixed(booking));
    }
    if too_late(atlas, caller, &booking, hub.now()) {
        return Ok(Rebooked::TooLate(booking));
    }
    let asked = For {
        person: booking.person,
        on_account_of: booking.on_account_of,
        wish,
        hold: booking.status == BookingStatus::Held,
        actions: &[Action::ChangeBooking],
    };
    let order = match order(hub, atlas, caller, asked).await? {
        Ok(order) => order,
        Err(not) => return Ok(Rebooked::Not(not)),
    };
    let by_guest = caller.signed_in()?.id == booking.person;
    let stands = stands_after(&booking, &order, by_guest);
    // Its id is where the ids of its claims come from.
    let order = BookingOrder { id, code: booking.code, stands, ..order };
    Ok(match hub.store.change(id, version, &order, &spares(hub)?).await? {
        Changed::Done(booking) => {
            hub.live.plan_changed(booking.centre);
            record_for_guest(hub, caller, AuditAction::BookingChangedForGuest, &booking).await?;
            Rebooked::Done(booking)
        }
        Changed::Refused(no_room) => Rebooked::NoRoom(no_room),
        Changed::Newer(booking) => Rebooked::Newer(booking),
        Changed::Fixed(booking) if hub.store.is_in_care(id).await? => Rebooked::InCare(booking),
        Changed::Fixed(booking) => Rebooked::Fixed(booking),
        Changed::Absent => return Err(Refused::NotFound),
    })
}

/// How a booking stands once it holds what `order` asks for: a guest has it approved anew, unless it
/// only becomes smaller; a hold is not held longer for it.
fn stands_after(before: &Booking, order: &BookingOrder, by_guest: bool) -> Stands {
    let wish = order.wish();
    let smaller = || is_within(&wish, &wish_of(before));
    let longer = || desk_time(&wish) > desk_time(&wish_of(before));
    match (before.status, order.stands) {
        (BookingStatus::Held, Stands::HeldUntil(until)) => {
            Stands::HeldUntil(before.lapses_at.map_or(until, |lapses| lapses.min(until)))
        }
        (BookingStatus::Confirmed, Stands::AskedUntil(..)) if smaller() => Stands::Confirmed,
        // The centre's own operators need not ask it; who pays is asked where it is to pay more.
        (BookingStatus::Confirmed, Stands::AskedUntil(until, awaits)) if !by_guest => {
            if awaits.employer && longer() {
                Stands::AskedUntil(until, Approvals { centre: false, employer: true })
            } else {
                Stands::Confirmed
            }
        }
        (BookingStatus::Asked, Stands::AskedUntil(until, awaits)) if smaller() => {
            let (until, left) = (before.lapses_at.unwrap_or(until), awaits.of(before.awaits));
            if left.any() { Stands::AskedUntil(until, left) } else { Stands::Confirmed }
        }
        (_, stands) => stands,
    }
}

/// For how long a wish holds desks, each counted.
fn desk_time(wish: &Wish) -> TimeDelta {
    let desks = i32::try_from(wish.desks).unwrap_or(i32::MAX);
    wish.slots.iter().map(Interval::length).sum::<TimeDelta>() * desks
}

/// Whether a wish asks for nothing that is not in another.
fn is_within(smaller: &Wish, larger: &Wish) -> bool {
    let covered = |slot: &Interval| larger.slots.iter().any(|one| one.covers(slot));
    smaller.slots.iter().all(covered)
        && smaller.desks <= larger.desks
        && (smaller.pinned.is_none() || smaller.pinned == larger.pinned)
        && smaller.children.iter().all(|child| larger.children.contains(child))
}

/// Confirms what is held; where somebody has to approve it, it is asked for now.
///
/// # Errors
/// [`Refused`] when there is none that they may confirm, or the store fails.
pub async fn confirm(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    id: BookingId,
) -> Result<Confirmed, Refused> {
    let mut booking = find(hub, caller, id, Action::ChangeBooking).await?;
    let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
    // Whoever changes it meanwhile has it looked at once more: who has to approve depends on what it holds.
    for _ in 0..CONFIRM_TRIES {
        match confirm_as(hub, atlas, centre, &booking).await? {
            Some(Settled::Done(booking)) => {
                hub.live.plan_changed(booking.centre);
                return Ok(Confirmed::Done(booking));
            }
            Some(Settled::Otherwise(now)) if now.version == booking.version => {
                return Ok(Confirmed::Otherwise(now));
            }
            Some(Settled::Otherwise(now)) => booking = now,
            Some(Settled::Over(over)) => return Ok(Confirmed::Over(booking, over)),
            Some(Settled::NotUnder(child, when, why)) => {
                return Ok(Confirmed::NotUnder(booking, child, when, why));
            }
            None => return Err(Refused::NotFound),
        }
    }
    Ok(Confirmed::Otherwise(booking))
}

/// Confirms a booking as it was read, if it is still as it was read.
async fn confirm_as(
    hub: &Hub,
    atlas: &Atlas,
    centre: &Centre,
    booking: &Booking,
) -> Result<Option<Settled>, Refused> {
    let (now, spare) = (hub.now(), spares(hub)?);
    let wish = wish_of(booking);
    let to = match stands(atlas, centre, &wish, booking.on_account_of, false, now) {
        Stands::AskedUntil(until, awaits) => Stood::AskedUntil(until, awaits),
        Stands::Confirmed | Stands::HeldUntil(_) => Stood::Confirmed,
    };
    let (id, version) = (booking.id, Some(booking.version));
    let quotas = quotas(hub, atlas, centre, booking.person, booking.on_account_of, &wish).await?;
    let settling = Settling { id, version, centre, to, at: now, spare: &spare, quotas: &quotas };
    Ok(hub.store.settle(&settling).await?)
}

/// What a booking holds, as a wish that would hold the same; what it held, where that is nothing more.
#[must_use]
pub fn wish_of(booking: &Booking) -> Wish {
    let live = booking.desks.iter().any(|claim| claim.released_at.is_none())
        || booking.care.iter().any(|claim| claim.released_at.is_none());
    wish_for(booking, |_, released| !live || released.is_none())
}

/// What a booking holds that has not begun, as a wish that would hold the same.
#[must_use]
pub fn wish_to_come(booking: &Booking, now: DateTime<Utc>) -> Wish {
    wish_for(booking, |when, released| released.is_none() && now < when.starts())
}

fn wish_for(booking: &Booking, meant: impl Fn(&Interval, Option<DateTime<Utc>>) -> bool) -> Wish {
    let desks: Vec<&DeskClaim> =
        booking.desks.iter().filter(|claim| meant(&claim.when, claim.released_at)).collect();
    // Care goes with its desk: a hand-over that has begun is no care that has.
    let goes_with = |care: &CareClaim| {
        booking.desks.iter().map(|desk| desk.when).find(|desk| desk.overlaps(&care.when))
    };
    let is_meant =
        |care: &&CareClaim| meant(&goes_with(care).unwrap_or(care.when), care.released_at);
    let care: Vec<&CareClaim> = booking.care.iter().filter(is_meant).collect();
    let slots = slots_of(desks.iter().map(|claim| claim.when), care.iter().map(|claim| claim.when));
    let picked = desks.first().filter(|_| booking.needs.pinned).map(|claim| claim.space);
    let side_by_side = |slot: &Interval| desks.iter().filter(|claim| claim.when == *slot).count();
    let desks = slots.iter().map(side_by_side).max().unwrap_or_default();
    let mut children: Vec<_> = care.iter().map(|claim| claim.child).collect();
    children.sort();
    children.dedup();
    Wish {
        centre: booking.centre,
        slots,
        desks: u32::try_from(desks).unwrap_or(u32::MAX),
        pinned: picked,
        required: booking.needs.required,
        wanted: booking.needs.wanted,
        together: booking.needs.together,
        children,
        // The booking's own are liked by the store; nobody has named them anew.
        schemes: BTreeMap::new(),
    }
}

/// Whether the house's own time for changes by guests is over; its operators have more.
fn too_late(atlas: &Atlas, caller: &Caller, booking: &Booking, now: DateTime<Utc>) -> bool {
    let Some(centre) = atlas.centre(booking.centre) else { return false };
    let minutes = centre.settings.cancel_minutes;
    let operator =
        may(&caller.actor, Action::CancelBooking, &Target { owner: None, ..target(booking) });
    // Of several days the one that runs or comes next counts: those that are over concern nobody any more.
    let to_come = booking.to_come(now).into_iter().map(|when| when.starts());
    minutes > 0
        && !operator
        && booking.status == BookingStatus::Confirmed
        && to_come.min().is_some_and(|starts| starts - TimeDelta::minutes(minutes.into()) <= now)
}

/// A booking that the caller may see; others' are not found.
///
/// # Errors
/// [`Refused`] when there is none for them, or the store fails.
pub async fn see(hub: &Hub, caller: &Caller, id: BookingId) -> Result<Booking, Refused> {
    find(hub, caller, id, Action::SeeBooking).await
}

/// A booking whose voucher the caller may carry.
///
/// # Errors
/// [`Refused`] when there is none of theirs, or the store fails.
pub async fn carry(hub: &Hub, caller: &Caller, id: BookingId) -> Result<Booking, Refused> {
    find(hub, caller, id, Action::CarryVoucher).await
}

/// The caller's own bookings that end after `from`, by first start.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn list(
    hub: &Hub,
    caller: &Caller,
    from: DateTime<Utc>,
) -> Result<Vec<Booking>, Refused> {
    let person = caller.signed_in()?.id;
    allow(caller, Action::SeeBooking, &Target::of(person))?;
    Ok(hub.store.bookings_of(person, from).await?)
}

/// Whether the caller could cancel this booking now.
#[must_use]
pub fn can_cancel(caller: &Caller, booking: &Booking, now: DateTime<Utc>) -> bool {
    booking.status.holds()
        && !is_over(booking, now)
        && may(&caller.actor, Action::CancelBooking, &target(booking))
}

/// Gives a booking up, desks and care together.
///
/// # Errors
/// [`Refused`] when there is none that they may cancel, or the store fails.
pub async fn cancel(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    id: BookingId,
) -> Result<Cancelled, Refused> {
    let booking = find(hub, caller, id, Action::CancelBooking).await?;
    if !booking.status.holds() {
        return Ok(Cancelled::Before(booking));
    }
    if is_over(&booking, hub.now()) {
        return Ok(Cancelled::Over(booking));
    }
    if too_late(atlas, caller, &booking, hub.now()) {
        return Ok(Cancelled::TooLate(booking));
    }
    let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
    match hub.store.cancel(id, centre, hub.now(), &spares(hub)?).await? {
        Some((booking, true)) => {
            hub.live.plan_changed(booking.centre);
            record_for_guest(hub, caller, AuditAction::BookingCancelledForGuest, &booking).await?;
            Ok(Cancelled::Done(booking))
        }
        Some((booking, false)) if booking.status.holds() => {
            let in_care = hub.store.is_in_care(id).await?;
            Ok(if in_care { Cancelled::InCare(booking) } else { Cancelled::Inside(booking) })
        }
        Some((booking, false)) => Ok(Cancelled::Before(booking)),
        None => Err(Refused::NotFound),
    }
}

/// What somebody else did to a guest's booking leaves a trace.
pub(super) async fn record_for_guest(
    hub: &Hub,
    caller: &Caller,
    action: AuditAction,
    booking: &Booking,
) -> Result<(), Refused> {
    if caller.person.as_ref().is_some_and(|person| person.id == booking.person) {
        return Ok(());
    }
    let entry = Entry::new(action).about(booking.person).at(booking.centre);
    audit::record(hub, caller, entry.note("booking", booking.id.to_string())).await
}

async fn find(
    hub: &Hub,
    caller: &Caller,
    id: BookingId,
    action: Action,
) -> Result<Booking, Refused> {
    caller.signed_in()?;
    let booking = hub.store.booking(id).await?.ok_or(Refused::NotFound)?;
    allow_or_hide(caller, action, &target(&booking))?;
    Ok(booking)
}

fn target(booking: &Booking) -> Target {
    Target { owner: Some(booking.person), ..Target::at(booking.centre) }
}

fn is_over(booking: &Booking, now: DateTime<Utc>) -> bool {
    booking.span().is_none_or(|span| span.ends() <= now)
}
