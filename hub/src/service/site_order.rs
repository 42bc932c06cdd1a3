//! Orders to a site: a door opened once, the house locked or emptied, a visit ended.
//!
//! An order is kept and recorded, then told over the site's event stream, by whichever hub the site
//! is connected to. It is good for seconds; nobody sends it again.

use chrono::{DateTime, TimeDelta, Utc};
use model::audit::{AuditAction, AuditActor};
use model::centre::Centre;
use model::id::{CentreId, DeviceId, OrderId, PersonId};
use model::permission::{Action, Target};
use model::site_order::{GOOD_FOR, OrderAnswer, Ordered, OrderedFrom, SiteOrder};
use store::{OrderAdded, SiteOrderRecord};
use wire::order::SentOrder;

use super::audit::{self, Entry};
use super::order::keyed;
use super::{Caller, Refused, allow};
use crate::hub::Hub;

/// So long after an order has ended its answer may still be on its way.
const ANSWER_TRAVELS: TimeDelta = TimeDelta::seconds(5);
/// The same person's same order within so long is a second click: whoever means it twice waits to see what the first did.
pub const DOUBLE_CLICK: TimeDelta = TimeDelta::seconds(3);
/// So many orders of a centre are looked through for the first click; nobody gives more in so short a time.
const CLICKS: u32 = 100;
/// The most orders of one centre that may be on their way at once.
const MOST_IN_HAND: usize = 20;
/// How long an order is shown after it was given.
const SHOWN_FOR: TimeDelta = TimeDelta::minutes(30);
/// How many orders are shown.
const SHOWN: u32 = 6;

/// How an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was given, and the site may still act on it.
    OnItsWay,
    /// The site has said what became of it.
    Answered(OrderAnswer),
    /// Nothing was heard of it in time: it has no effect any more.
    NotDelivered,
}

/// How an order ended at the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// It is on its way.
    Done(SiteOrderRecord),
    /// It was given before: with the same key, or by the first of two clicks.
    Before(SiteOrderRecord),
    /// The centre's plan has no such door.
    UnknownDoor,
    /// The key was used for something else.
    KeyReused,
}

/// How `order` stands at `now`.
#[must_use]
pub fn standing(order: &SiteOrderRecord, now: DateTime<Utc>) -> Standing {
    match order.answer {
        Some((answer, _)) => Standing::Answered(answer),
        None if now < order.not_after + ANSWER_TRAVELS => Standing::OnItsWay,
        None => Standing::NotDelivered,
    }
}

/// Orders something of a centre's site. With `key` the same request again orders nothing new, and neither does the same
/// person's same wish within [`DOUBLE_CLICK`], whatever its key.
///
/// # Errors
/// [`Refused`] when they may not, when too many orders are on their way, or the store fails.
pub async fn order_site(
    hub: &Hub,
    caller: &Caller,
    centre: &Centre,
    what: SiteOrder,
    key: Option<String>,
) -> Result<Given, Refused> {
    allow(caller, Action::OrderSite, &Target::at(centre.id))?;
    let by = caller.signed_in()?.id;
    let idempotency = keyed(key, &("site order", centre.id, &what));
    if let Some(idempotency) = &idempotency
        && let Some(before) = hub.store.site_order_before(by, idempotency).await?
    {
        return given_before(before);
    }
    let now = hub.now();
    if let Some(first) = first_click(hub, centre.id, by, &what, now).await? {
        return Ok(Given::Before(first));
    }
    if let SiteOrder::Unlock { door } = &what
        && !has_door(hub, centre.id, door).await?
    {
        return Ok(Given::UnknownDoor);
    }
    // What makes the house safer waits behind no heap of other orders.
    if !what.makes_safer()
        && hub.store.site_orders_in_hand(centre.id, now).await?.len() >= MOST_IN_HAND
    {
        return Err(Refused::TooMany { seconds: GOOD_FOR.num_seconds().unsigned_abs() });
    }
    let order = SiteOrderRecord {
        id: OrderId(hub.new_id()?),
        centre: centre.id,
        what,
        by,
        asked_at: now,
        not_after: now + GOOD_FOR,
        answer: None,
    };
    // In the record first: what leaves no trace must not reach the site.
    audit::record(hub, caller, entry(AuditAction::SiteOrdered, &order)).await?;
    match hub.store.add_site_order(&order, idempotency.as_ref()).await? {
        OrderAdded::Kept => {
            hub.live.order_given(centre.id);
            Ok(Given::Done(order))
        }
        before => given_before(before),
    }
}

/// One order of a centre's.
///
/// # Errors
/// [`Refused::NotFound`] where it is another centre's; otherwise as [`order_site`].
pub async fn get(
    hub: &Hub,
    caller: &Caller,
    centre: &Centre,
    order: OrderId,
) -> Result<SiteOrderRecord, Refused> {
    allow(caller, Action::OrderSite, &Target::at(centre.id))?;
    let order = hub.store.site_order(order).await?.ok_or(Refused::NotFound)?;
    if order.centre == centre.id { Ok(order) } else { Err(Refused::NotFound) }
}

/// The last orders of a centre, the newest in front, and how they stand.
///
/// # Errors
/// When the store fails.
pub async fn recent(
    hub: &Hub,
    centre: CentreId,
) -> store::Result<Vec<(SiteOrderRecord, Standing)>> {
    let now = hub.now();
    let orders = hub.store.site_orders_since(centre, now - SHOWN_FOR, SHOWN).await?;
    Ok(orders.into_iter().map(|order| (order.clone(), standing(&order, now))).collect())
}

/// What an order's site is told of it.
#[must_use]
pub fn sent(order: SiteOrderRecord) -> SentOrder {
    let SiteOrderRecord { id, centre, what, by, asked_at, not_after, answer: _ } = order;
    let order = Ordered { id, what, by, from: OrderedFrom::Hub };
    SentOrder { centre, given_at: asked_at, not_after, order }
}

/// Keeps what a site says of an order; answers what stands of it, which is the first that was said,
/// or nothing where the centre has no such order.
///
/// # Errors
/// When the store fails.
pub async fn answered(
    hub: &Hub,
    edge: &DeviceId,
    centre: CentreId,
    order: OrderId,
    answer: OrderAnswer,
) -> Result<Option<OrderAnswer>, Refused> {
    let Some(known) = hub.store.site_order(order).await?.filter(|one| one.centre == centre) else {
        return Ok(None);
    };
    if known.answer.is_none() {
        let entry = entry(AuditAction::SiteOrderAnswered, &known).note("answer", answer.as_str());
        audit::record_as(hub, AuditActor::Device(edge.clone()), entry).await?;
    }
    let stands = hub.store.answer_site_order(centre, order, answer, hub.now()).await?;
    hub.live.order_given(centre);
    Ok(stands)
}

/// The order of which this wish is the second click.
async fn first_click(
    hub: &Hub,
    centre: CentreId,
    by: PersonId,
    what: &SiteOrder,
    now: DateTime<Utc>,
) -> Result<Option<SiteOrderRecord>, Refused> {
    let newest_first = hub.store.site_orders_since(centre, now - DOUBLE_CLICK, CLICKS).await?;
    // What was ordered otherwise since then makes it a wish of its own: a lockdown that was lifted is begun anew.
    let mut stands = newest_first.into_iter().take_while(|one| !is_otherwise(&one.what, what));
    Ok(stands.find(|one| one.by == by && one.what == *what))
}

/// Whether one of two orders begins what the other lifts.
fn is_otherwise(one: &SiteOrder, other: &SiteOrder) -> bool {
    match (one, other) {
        (SiteOrder::Lockdown { on: one }, SiteOrder::Lockdown { on: other })
        | (SiteOrder::Evacuate { on: one }, SiteOrder::Evacuate { on: other }) => one != other,
        _ => false,
    }
}

fn given_before(before: OrderAdded) -> Result<Given, Refused> {
    match before {
        OrderAdded::Before(order) => Ok(Given::Before(*order)),
        OrderAdded::KeyReused => Ok(Given::KeyReused),
        OrderAdded::Kept => Err(Refused::Inner("an order that was kept is none from before")),
    }
}

async fn has_door(hub: &Hub, centre: CentreId, door: &DeviceId) -> Result<bool, Refused> {
    let newest = hub.live.sheets.current(hub, centre).await?;
    Ok(newest.is_some_and(|now| now.sheet.site.doors.iter().any(|known| known.device == *door)))
}

fn entry(action: AuditAction, order: &SiteOrderRecord) -> Entry {
    let entry = Entry::new(action).at(order.centre).note("order", order.id.to_string());
    let entry = entry.note("what", order.what.as_str());
    let switch = |on| if on { "begin" } else { "lift" };
    match &order.what {
        SiteOrder::Unlock { door } => entry.note("door", door.as_str()),
        SiteOrder::Lockdown { on } | SiteOrder::Evacuate { on } => {
            entry.note("switch", switch(*on))
        }
        SiteOrder::EndVisit { visit } => entry.note("visit", visit.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use model::id::PersonId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_order_without_an_answer_is_not_delivered_once_its_time_is_over() {
        let at = DateTime::UNIX_EPOCH;
        let order = SiteOrderRecord {
            id: OrderId(Uuid::nil()),
            centre: CentreId(Uuid::nil()),
            what: SiteOrder::Lockdown { on: true },
            by: PersonId(Uuid::nil()),
            asked_at: at,
            not_after: at + GOOD_FOR,
            answer: None,
        };
        let after = |seconds| standing(&order, at + TimeDelta::seconds(seconds));
        assert_eq!([0, 9, 14].map(after), [Standing::OnItsWay; 3]);
        assert_eq!([15, 86_400].map(after), [Standing::NotDelivered; 2]);
        // An answer that comes late is still what happened.
        let heard = at + TimeDelta::hours(1);
        let late = SiteOrderRecord { answer: Some((OrderAnswer::Done, heard)), ..order };
        assert_eq!(standing(&late, heard), Standing::Answered(OrderAnswer::Done));
    }
}
