//! The same again on other days.

use chrono::NaiveDate;
use model::booking::{Booking, Wish};
use model::id::{BookingId, SeriesId};
use model::interval::Interval;
use model::opening;
use model::series::{BadRule, Rule, Series};
use serde::Serialize;
use store::{BookResult, NoRoom, StoreError};

use super::atlas::Atlas;
use super::booking::{Cancelled, Rebooked, actions, cancel, change, see, wish_of};
use super::order::{For, NoOrder, draw_code, keyed, order};
use super::search::{Instead, way_out};
use super::{Caller, Refused};
use crate::hub::Hub;

/// How asking for a series ended.
#[derive(Debug)]
pub enum Repeated {
    /// A day each; `made` says whether anything was booked.
    Days {
        /// Whether what could be booked is booked.
        made: bool,
        /// The series, where anything was booked.
        series: Option<SeriesId>,
        /// Each day with its result.
        days: Vec<Day>,
    },
    /// The rule cannot be booked by.
    BadRule(BadRule),
    /// The first day's wish makes no order at any day.
    Not(NoOrder),
    /// The same request with the same key was answered before.
    Before(Booking),
    /// The key was used for something else.
    KeyReused,
}

/// What came of one day.
#[derive(Clone, Debug)]
pub struct Day {
    /// The local day.
    pub day: NaiveDate,
    /// When on it.
    pub slot: Interval,
    /// What came of it.
    pub came: Came,
}

/// What came of one day.
#[derive(Clone, Debug)]
pub enum Came {
    /// It is booked; or, where nothing was, it could have been.
    Booked(Booking),
    /// There is no room.
    NoRoom(NoRoom),
    /// The house does not take it.
    Not(NoOrder),
    /// It was not tried: all were asked for, and the house does not take another.
    Unasked,
}

/// Which bookings of a series a change is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The one alone.
    One,
    /// It and those after it.
    Following,
    /// All that have not begun.
    All,
}

/// So many days of a series are looked through for a way out.
pub const MOST_WAYS: usize = 20;

/// A code is drawn anew when one is taken; so many times at most.
const CODE_TRIES: u32 = 8;

/// Books the wish (of one stretch) on every day that `rule` names: all of them, or `each` that is
/// possible.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn repeat(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    wish: Wish,
    rule: Rule,
    each: bool,
    key: Option<String>,
) -> Result<Repeated, Refused> {
    repeat_from(hub, atlas, caller, Repeat { wish, rule, each, key, began: None }).await
}

/// What is repeated, and how.
struct Repeat {
    wish: Wish,
    rule: Rule,
    each: bool,
    key: Option<String>,
    /// The booking that it began with, which becomes one of the series.
    began: Option<BookingId>,
}

async fn repeat_from(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    Repeat { wish, rule, each, key, began }: Repeat,
) -> Result<Repeated, Refused> {
    #[derive(Serialize)]
    struct Asked<'a>(&'a Wish, &'a Rule, bool);

    let person = caller.signed_in()?;
    let Some(centre) = atlas.centre(wish.centre) else {
        return Ok(Repeated::Not(NoOrder::NoCentre));
    };
    let [first] = wish.slots.as_slice() else {
        return Ok(Repeated::Not(NoOrder::Bad(model::booking::BadWish::Nothing)));
    };
    let zone = centre.time_zone;
    let days = match rule.days(first.starts().with_timezone(&zone).date_naive()) {
        Ok(days) => days,
        Err(bad) => return Ok(Repeated::BadRule(bad)),
    };
    let idempotency = keyed(key, &Asked(&wish, &rule, each));
    if let Some(idempotency) = &idempotency {
        match hub.store.answered(person.id, idempotency).await? {
            Some(BookResult::Before(booking)) => return Ok(Repeated::Before(booking)),
            Some(_) => return Ok(Repeated::KeyReused),
            None => {}
        }
    }
    let on_account_of = person.employers_at(hub.now()).next();
    let actions = actions(&wish);
    let (mut orders, mut answers) = (Vec::new(), Vec::new());
    for day in days {
        let Some(slot) = on_day(first, day, zone) else { continue };
        let wish = Wish { slots: vec![slot], ..wish.clone() };
        let asked = For { person: person.id, on_account_of, wish, hold: false, actions: &actions };
        match order(hub, atlas, caller, asked).await? {
            Ok(order) => {
                answers.push((day, slot, None));
                orders.push(order);
            }
            Err(not @ NoOrder::Bad(_) | not @ NoOrder::Closed(..)) => {
                answers.push((day, slot, Some(not)));
            }
            Err(not) => return Ok(Repeated::Not(not)),
        }
    }
    let against = answers.iter().any(|(_, _, not)| not.is_some());
    let series = Series {
        id: SeriesId(hub.new_id()?),
        person: person.id,
        centre: centre.id,
        rule,
        made_at: hub.now(),
    };
    if let Some(first) = orders.first_mut() {
        first.idempotency = idempotency;
    }
    // Nothing at all where all was asked for and a rule of the house is in the way.
    let stop_short = against && !each;
    let mut results = Vec::new();
    for _ in 0..CODE_TRIES {
        if orders.is_empty() || stop_short {
            break;
        }
        match hub.store.book_series(&series, began, &orders, each).await {
            Err(StoreError::Duplicate("booking code")) => {
                for order in &mut orders {
                    order.code = draw_code(hub)?;
                }
            }
            Err(error) => return Err(error.into()),
            Ok(answers) => {
                results = answers;
                break;
            }
        }
    }
    match results.as_slice() {
        [BookResult::Before(booking)] => return Ok(Repeated::Before(booking.clone())),
        [BookResult::KeyReused] => return Ok(Repeated::KeyReused),
        _ => {}
    }
    let refused = results.iter().any(|result| matches!(result, BookResult::Refused(_)));
    let booked = results.iter().any(|result| matches!(result, BookResult::Made(_)));
    let made = booked && (each || !refused);
    if made {
        hub.live.booking_made(centre.id);
    }
    let mut results = results.into_iter();
    let days = answers
        .into_iter()
        .map(|(day, slot, not)| {
            let came = match not {
                Some(not) => Came::Not(not),
                None => match results.next() {
                    Some(BookResult::Made(booking)) => Came::Booked(booking),
                    Some(BookResult::Refused(no_room)) => Came::NoRoom(no_room),
                    _ => Came::Unasked,
                },
            };
            Day { day, slot, came }
        })
        .collect();
    Ok(Repeated::Days { made, series: made.then_some(series.id), days })
}

/// Books the same as `booking`, which has one stretch, on the days after its own that `rule` names,
/// and takes it into the series with them.
///
/// # Errors
/// [`Refused`] when they may not, or the store or the random source fails.
pub async fn repeat_booking(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    booking: &Booking,
    rule: Rule,
    each: bool,
    key: Option<String>,
) -> Result<Repeated, Refused> {
    let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
    let (zone, wish) = (centre.time_zone, wish_of(booking));
    let next = wish.slots.first().and_then(|slot| {
        let today = hub.now().with_timezone(&zone).date_naive();
        on_day(slot, day_of(slot, zone).succ_opt()?.max(today), zone)
    });
    let Some(next) = next else { return Ok(Repeated::BadRule(BadRule::NoDay)) };
    let care = booking.care.iter();
    let schemes = care.filter_map(|claim| Some((claim.child, claim.scheme.clone()?))).collect();
    let wish = Wish { slots: vec![next], schemes, ..wish };
    let began = Some(booking.id);
    repeat_from(hub, atlas, caller, Repeat { wish, rule, each, key, began }).await
}

/// The nearest change of `wish` that works at its centre on a day that it could not be booked for.
///
/// # Errors
/// [`Refused`] when the store fails.
pub async fn way_for(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    wish: &Wish,
    day: &Day,
) -> Result<Option<Instead>, Refused> {
    let why = match &day.came {
        Came::NoRoom(no_room) => Some(no_room),
        Came::Booked(_) | Came::Not(_) | Came::Unasked => None,
    };
    let that_day = Wish { slots: vec![day.slot], ..wish.clone() };
    way_out(hub, atlas, caller, &that_day, why).await
}

/// All bookings of the series that `one` is of, by first start.
///
/// # Errors
/// [`Refused`] when the store fails.
pub async fn all_of(hub: &Hub, one: &Booking) -> Result<Vec<Booking>, Refused> {
    Ok(match one.series {
        Some(series) => hub.store.bookings_in(series).await?,
        None => vec![one.clone()],
    })
}

/// The local day on which a stretch begins.
#[must_use]
pub fn day_of(slot: &Interval, zone: chrono_tz::Tz) -> NaiveDate {
    slot.starts().with_timezone(&zone).date_naive()
}

/// Gives bookings of a series the hours and needs of `wish`, each on its own day; answers each.
///
/// # Errors
/// [`Refused`] when there is none that they may change, or the store fails.
pub async fn change_in_series(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    id: BookingId,
    version: u32,
    wish: Wish,
    reach: Reach,
) -> Result<Vec<(BookingId, Rebooked)>, Refused> {
    let one = see(hub, caller, id).await?;
    let Some(centre) = atlas.centre(one.centre) else { return Err(Refused::NotFound) };
    let mut changed = Vec::new();
    for booking in meant(hub, &one, reach).await? {
        let (wish, version) = if booking.id == id {
            (wish.clone(), version)
        } else {
            let day = |slot: &Interval| slot.starts().with_timezone(&centre.time_zone).date_naive();
            let days = wish_of(&booking).slots.iter().map(day).collect::<Vec<_>>();
            let hours = wish.slots.first();
            let slots =
                days.into_iter().filter_map(|day| on_day(hours?, day, centre.time_zone)).collect();
            (Wish { slots, ..wish.clone() }, booking.version)
        };
        let rebooked = change(hub, atlas, caller, booking.id, version, wish).await?;
        changed.push((booking.id, rebooked));
    }
    Ok(changed)
}

/// Cancels bookings of a series; answers each.
///
/// # Errors
/// [`Refused`] when there is none that they may cancel, or the store fails.
pub async fn cancel_in_series(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    id: BookingId,
    reach: Reach,
) -> Result<Vec<(BookingId, Cancelled)>, Refused> {
    let one = see(hub, caller, id).await?;
    let mut cancelled = Vec::new();
    for booking in meant(hub, &one, reach).await? {
        cancelled.push((booking.id, cancel(hub, atlas, caller, booking.id).await?));
    }
    Ok(cancelled)
}

async fn meant(hub: &Hub, one: &Booking, reach: Reach) -> Result<Vec<Booking>, Refused> {
    let (Some(series), false) = (one.series, reach == Reach::One) else {
        return Ok(vec![one.clone()]);
    };
    let now = hub.now();
    let mut all = hub.store.bookings_in(series).await?;
    all.retain(|booking| {
        let starts = booking.span().map(|span| span.starts());
        let after = reach == Reach::All || starts >= one.span().map(|span| span.starts());
        booking.id == one.id
            || (booking.status.holds() && after && starts.is_some_and(|starts| starts > now))
    });
    Ok(all)
}

/// The hours of `slot` on another local day.
fn on_day(slot: &Interval, day: NaiveDate, zone: chrono_tz::Tz) -> Option<Interval> {
    use chrono::Timelike as _;
    let minutes = |time: chrono::DateTime<chrono::Utc>| {
        let local = time.with_timezone(&zone);
        local.hour() * 60 + local.minute()
    };
    let from = opening::local(day, minutes(slot.starts()), zone)?;
    let days = (slot.ends().with_timezone(&zone).date_naive()
        - slot.starts().with_timezone(&zone).date_naive())
    .num_days();
    let last = day.checked_add_signed(chrono::TimeDelta::days(days))?;
    Interval::new(from, opening::local(last, minutes(slot.ends()), zone)?).ok()
}
