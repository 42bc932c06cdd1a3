//! Making, seeing and cancelling bookings.

use chrono::{DateTime, Utc};
use model::booking::{BadWish, Booking, BookingCode, BookingStatus, Wish, check};
use model::consent::Purpose;
use model::id::{BookingId, ChildId};
use model::permission::{Action, Target, may};
use serde::Serialize;
use store::{BookResult, BookingOrder, Idempotency, NoRoom, StoreError};

use super::atlas::Atlas;
use super::{Caller, Refused, allow, allow_or_hide, children, rules, secret};
use crate::hub::Hub;

/// How making a booking ended.
#[derive(Debug)]
pub enum Booked {
    /// It is made now.
    Made(Booking),
    /// The same request with the same key made it before.
    Before(Booking),
    /// The wish goes against the house rules.
    Bad(BadWish),
    /// There is no room.
    NoRoom(NoRoom),
    /// The key was used for something else.
    KeyReused,
    /// No such centre.
    NoCentre,
    /// No such space at the centre.
    NoSpace,
    /// A child that is not among the caller's own.
    NoChild,
    /// A child whose guardians have not agreed to care.
    NoConsent(ChildId),
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
}

/// A code is drawn anew when it is taken; so many times at most.
const CODE_TRIES: u32 = 8;
/// The longest key of a repeated request.
pub const LONGEST_KEY: usize = 200;

/// Makes a booking for the caller: all of the wish or nothing.
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
    key: Option<String>,
) -> Result<Booked, Refused> {
    let person = caller.signed_in()?;
    let Some(centre) = atlas.centre(wish.centre) else { return Ok(Booked::NoCentre) };
    let own = Target { municipality: Some(centre.municipality), ..Target::of(person.id) };
    if wish.desks > 0 || wish.children.is_empty() {
        allow(caller, Action::BookDesk, &own)?;
    }
    if !wish.children.is_empty() {
        allow(caller, Action::BookCare, &own)?;
    }
    if let Some(space) = wish.pinned
        && atlas.space(space).is_none_or(|space| space.centre != centre.id)
    {
        return Ok(Booked::NoSpace);
    }
    if !own_children(hub, caller, &wish.children).await? {
        return Ok(Booked::NoChild);
    }
    for child in &wish.children {
        if !children::consented(hub, *child, Purpose::Care).await? {
            return Ok(Booked::NoConsent(*child));
        }
    }
    wish.slots.sort();
    let now = hub.now();
    let idempotency = key.map(|key| Idempotency { digest: digest(&wish), key });
    if let Err(bad) = check(&wish, centre, now) {
        // A repeated request is answered as before, also when its time has passed meanwhile.
        let before = match &idempotency {
            Some(idempotency) => hub.store.answered(person.id, idempotency).await?,
            None => None,
        };
        return Ok(match before {
            Some(BookResult::Before(booking)) => Booked::Before(booking),
            Some(BookResult::KeyReused) => Booked::KeyReused,
            _ => Booked::Bad(bad),
        });
    }
    let mut order = BookingOrder {
        id: BookingId(hub.new_id()?),
        person: person.id,
        centre: centre.clone(),
        slots: wish.slots,
        desks: wish.desks,
        pinned: wish.pinned,
        children: wish.children,
        on_account_of: person.employers_at(now).next(),
        code: draw_code(hub)?,
        tariff_rev: rules::TARIFF_REV,
        rule_rev: rules::RULE_REV,
        at: now,
        idempotency,
    };
    for _ in 0..CODE_TRIES {
        match hub.store.book(&order).await {
            Err(StoreError::Duplicate("booking code")) => order.code = draw_code(hub)?,
            Err(error) => return Err(error.into()),
            Ok(BookResult::Made(booking)) => {
                hub.live.booking_made(booking.centre);
                return Ok(Booked::Made(booking));
            }
            Ok(BookResult::Before(booking)) => return Ok(Booked::Before(booking)),
            Ok(BookResult::Refused(no_room)) => return Ok(Booked::NoRoom(no_room)),
            Ok(BookResult::KeyReused) => return Ok(Booked::KeyReused),
        }
    }
    Err(Refused::Inner("no booking code was free"))
}

/// A booking that the caller may see; others' are not found.
///
/// # Errors
/// [`Refused`] when there is none for them, or the store fails.
pub async fn see(hub: &Hub, caller: &Caller, id: BookingId) -> Result<Booking, Refused> {
    find(hub, caller, id, Action::SeeBooking).await
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
    booking.status == BookingStatus::Confirmed
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
    if booking.status != BookingStatus::Confirmed {
        return Ok(Cancelled::Before(booking));
    }
    if is_over(&booking, hub.now()) {
        return Ok(Cancelled::Over(booking));
    }
    let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
    match hub.store.cancel(id, centre, hub.now()).await? {
        Some((booking, true)) => {
            hub.live.plan_changed(booking.centre);
            Ok(Cancelled::Done(booking))
        }
        Some((booking, false)) if booking.status == BookingStatus::Confirmed => {
            Ok(Cancelled::Inside(booking))
        }
        Some((booking, false)) => Ok(Cancelled::Before(booking)),
        None => Err(Refused::NotFound),
    }
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

async fn own_children(hub: &Hub, caller: &Caller, children: &[ChildId]) -> Result<bool, Refused> {
    if children.is_empty() {
        return Ok(true);
    }
    let own = hub.store.children_of(caller.signed_in()?.id).await?;
    Ok(children.iter().all(|child| own.iter().any(|sealed| sealed.id == *child)))
}

fn draw_code(hub: &Hub) -> Result<BookingCode, Refused> {
    Ok(BookingCode::from_random(u64::from_be_bytes(hub.random_bytes()?)))
}

/// What was asked, so that one key never answers for two requests.
fn digest(wish: &Wish) -> [u8; 32] {
    #[derive(Serialize)]
    struct Asked<'a> {
        centre: model::id::CentreId,
        slots: &'a [model::interval::Interval],
        desks: u32,
        pinned: Option<model::id::SpaceId>,
        children: Vec<ChildId>,
    }
    let mut children = wish.children.clone();
    children.sort();
    let asked = Asked {
        centre: wish.centre,
        slots: &wish.slots,
        desks: wish.desks,
        pinned: wish.pinned,
        children,
    };
    // Plain data with text keys: writing it as JSON cannot fail.
    secret::sha256(&serde_json::to_vec(&asked).unwrap_or_default())
}
