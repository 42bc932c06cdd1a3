//! Waiting for what is full.

use chrono::{DateTime, Utc};
use model::booking::{Booking, Wish};
use model::id::WaitlistId;
use model::permission::{Action, Target};
use model::waitlist::{Entry, State, rank_of};
use store::{NoRoom, StoreError, Waited};

use super::atlas::Atlas;
use super::booking::actions;
use super::order::{For, NoOrder, draw_code, keyed, order};
use super::{Caller, Refused, allow, allow_or_hide, lease};
use crate::hub::Hub;

/// How asking to wait ended.
#[derive(Debug)]
pub enum Waiting {
    /// It waits.
    Waits(Entry),
    /// There was room: this is held.
    Held(Booking),
    /// The wish makes no order.
    Not(NoOrder),
    /// Waiting would not help.
    Never(NoRoom),
    /// They wait for enough already.
    TooMany,
    /// The key was used for something else.
    KeyReused,
}

/// A code is drawn anew when it is taken; so many times at most.
const CODE_TRIES: u32 = 8;

/// Waits for all of a wish of the caller's; where there is room, it is held at once. The same wish
/// waits once; `key` makes a repeated request that was held harmless.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn wait(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    wish: Wish,
    key: Option<String>,
) -> Result<Waiting, Refused> {
    let person = caller.signed_in()?;
    let actions = actions(&wish);
    let idempotency = keyed(key, &("wait", &wish));
    let on_account_of = person.employers_at(hub.now()).next();
    let asked = For { person: person.id, on_account_of, wish, hold: true, actions: &actions };
    let mut order = match order(hub, atlas, caller, asked).await? {
        Ok(order) => order,
        Err(not) => return Ok(Waiting::Not(not)),
    };
    order.idempotency = idempotency;
    let wish = order.wish();
    let entry = Entry {
        id: WaitlistId(hub.new_id()?),
        person: person.id,
        rank: rank_of(&atlas.waitlist_classes, &wish),
        wish,
        ages: order.ages.clone(),
        on_account_of,
        made_at: order.at,
        state: State::Waiting,
        booking: None,
    };
    for _ in 0..CODE_TRIES {
        match hub.store.wait(&entry, &order).await {
            Err(StoreError::Duplicate("booking code")) => order.code = draw_code(hub)?,
            Err(error) => return Err(error.into()),
            Ok(Waited::Waits(entry)) => {
                // What is kept for walk-ins comes back for who waits, where that is all they lack.
                lease::ask_back(hub, &order).await;
                return Ok(Waiting::Waits(entry));
            }
            Ok(Waited::Held(booking)) => {
                hub.live.plan_changed(booking.centre);
                return Ok(Waiting::Held(booking));
            }
            Ok(Waited::Never(no_room)) => return Ok(Waiting::Never(no_room)),
            Ok(Waited::TooMany) => return Ok(Waiting::TooMany),
            Ok(Waited::KeyReused) => return Ok(Waiting::KeyReused),
        }
    }
    Err(Refused::Inner("no booking code was free"))
}

/// What the caller waits or waited for that ends after `from`.
///
/// # Errors
/// [`Refused`] when they may not, or the store fails.
pub async fn list(hub: &Hub, caller: &Caller, from: DateTime<Utc>) -> Result<Vec<Entry>, Refused> {
    let person = caller.signed_in()?.id;
    allow(caller, Action::SeeBooking, &Target::of(person))?;
    Ok(hub.store.waiting_of(person, from).await?)
}

/// Stops waiting; what was offered meanwhile stays offered.
///
/// # Errors
/// [`Refused`] when there is no such entry of theirs, or the store fails.
pub async fn stop(hub: &Hub, caller: &Caller, id: WaitlistId) -> Result<Entry, Refused> {
    caller.signed_in()?;
    let entry = hub.store.waiting(id).await?.ok_or(Refused::NotFound)?;
    allow_or_hide(caller, Action::CancelBooking, &Target::of(entry.person))?;
    hub.store.stop_waiting(id).await?.ok_or(Refused::NotFound)
}

/// How many wait before an entry, at its centre and for a part of its time.
///
/// # Errors
/// [`Refused`] when the store fails.
pub async fn ahead(hub: &Hub, entry: &Entry) -> Result<usize, Refused> {
    let overlaps = |other: &Entry| {
        other.wish.slots.iter().any(|slot| entry.wish.slots.iter().any(|own| own.overlaps(slot)))
    };
    let waiting = hub.store.waiting_at(entry.wish.centre).await?;
    let before = waiting.iter().take_while(|other| other.id != entry.id);
    Ok(before.filter(|other| overlaps(other)).count())
}
