//! The caller's bookings, and making one.

pub mod booking;
pub mod cancel;
pub mod change;
pub mod confirm;
pub mod decide;
pub mod repeat;
pub mod series;

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use model::booking::{Booking, BookingStatus, Wish, slots_of};
use model::centre::Centre;
use model::child::Child;
use model::closure::Closure;
use model::id::{CentreId, ChildId};
use model::interval::Interval;
use store::NoRoom;

use super::fields::{Asked, Fields, Posted};
use super::frame::{Frame, Part};
use super::like::Like;
use super::{html, search, wish, words};
use crate::service::atlas::Atlas;
use crate::service::booking::{self as service, Booked};
use crate::service::order::NoOrder;
use crate::service::search::{Instead, way_out};
use crate::service::{Caller, Refused, children, secret, waitlist};
use crate::typed;
use crate::web::Web;

#[derive(Template)]
#[template(path = "bookings.html")]
struct Page {
    f: Frame,
    coming: Vec<Row>,
    past: Vec<Row>,
    waiting: Vec<WaitingRow>,
    /// What a page that led here has to say.
    said: Option<&'static str>,
}

/// One wish that waits.
struct WaitingRow {
    id: String,
    when: String,
    centre: String,
    /// How many come before.
    ahead: usize,
}

/// One booking in the list.
struct Row {
    id: String,
    month: String,
    day: u32,
    weekday: &'static str,
    hours: String,
    more_days: usize,
    centre: String,
    status: Status,
    desks: Option<String>,
    children: Option<String>,
    code: String,
}

/// A booking's state in words and sign.
struct Status {
    badge: &'static str,
    icon: &'static str,
    words: &'static str,
}

/// `/bookings`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(fields): Asked,
) -> Result<Response, Refused> {
    let hub = &web.hub;
    let now = hub.now();
    let atlas = web.atlas().await?;
    let bookings = service::list(hub, &caller, now - TimeDelta::days(60)).await?;
    let children = children::list_if_any(hub, &caller).await?;
    let f = Frame::new(&caller, Part::Bookings);
    let (coming, mut past): (Vec<_>, Vec<_>) = bookings.iter().partition(|booking| {
        booking.status.holds() && booking.span().is_some_and(|span| now < span.ends())
    });
    past.reverse();
    let row = |booking: &&Booking| row(&f, &atlas, &children, booking, now);
    let coming = coming.iter().filter_map(row).collect();
    let past = past.iter().take(20).filter_map(row).collect();
    let mut waiting = Vec::new();
    for entry in waitlist::list(hub, &caller, now).await? {
        let Some(centre) = atlas.centre(entry.wish.centre) else { continue };
        if entry.state == model::waitlist::State::Waiting {
            waiting.push(WaitingRow {
                id: entry.id.to_string(),
                when: words::stretches(f.language(), &entry.wish.slots, centre.time_zone),
                centre: f.get(&centre.name).to_owned(),
                ahead: waitlist::ahead(hub, &entry).await?,
            });
        }
    }
    let said = match fields.get("waits") {
        "1" => Some(f.say(
            "空き待ちに入りました。空きが出たら、しばらくのあいだ取っておきます。",
            "You are on the waitlist. When it comes free, it is held for you for a while.",
        )),
        "many" => Some(f.say(
            "空き待ちはもういっぱいです。どれかをやめてからお試しください。",
            "You wait for enough already; stop one first.",
        )),
        _ => None,
    };
    Ok(html(StatusCode::OK, &Page { f, coming, past, waiting, said }))
}

/// Makes a booking from a page's button.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let hub = &web.hub;
    let atlas = web.atlas().await?;
    caller.signed_in()?;
    let unreadable = || Refused::Unreadable("the form does not say what to book".to_owned());
    let centre = atlas.named(fields.get("centre")).ok_or(Refused::NotFound)?.id;
    let wish = read_wish(&fields, centre).ok_or_else(unreadable)?;
    let key =
        Some(fields.get("key")).filter(|key| !key.is_empty() && key.len() <= service::LONGEST_KEY);
    let booked =
        service::book(hub, &atlas, &caller, wish.clone(), false, key.map(str::to_owned)).await?;
    let no = match booked {
        Booked::Made(booking) | Booked::Before(booking) => {
            return Ok(Redirect::to(&format!("/bookings/{}?new=1", booking.id)).into_response());
        }
        Booked::Not(NoOrder::NoConsent(child)) => {
            return Ok(Redirect::to(&format!("/children/{child}?care=1")).into_response());
        }
        Booked::NoRoom(NoRoom::NeedsInterview { child, nursery, .. }) => {
            let to = format!("/children/{child}?interview={nursery}");
            return Ok(Redirect::to(&to).into_response());
        }
        Booked::NoRoom(NoRoom::NotTheirs(_)) => return Err(Refused::NotFound),
        Booked::Not(NoOrder::NoCentre | NoOrder::NoSpace | NoOrder::NoChild) => {
            return Err(Refused::NotFound);
        }
        no => no,
    };
    taken(&web, &atlas, &caller, &wish, &no).await
}

pub(super) fn read_wish(fields: &Fields, centre: CentreId) -> Option<Wish> {
    let slots: Option<Vec<Interval>> = fields.all("slot").map(search::read_slot).collect();
    let children: Option<Vec<ChildId>> = fields.all("child").map(|id| id.parse().ok()).collect();
    let slots = slots.filter(|slots| !slots.is_empty())?;
    let desks = typed::number(fields.get("desks"))?;
    let like = Like::read(fields)?;
    let (children, scheme) = (children?, fields.get("scheme"));
    let named = children.iter().filter(|_| !scheme.is_empty());
    let schemes = named.map(|child| (*child, scheme.to_owned())).collect();
    Some(like.put_on(Wish { children, schemes, ..Wish::of_desks(centre, slots, desks) }))
}

/// What the buttons that book a wish otherwise carry along.
fn carried(wish: &Wish) -> Vec<(&'static str, String)> {
    let mut carried = Like::of(wish).fields();
    carried.extend(wish.schemes.values().next().map(|scheme| ("scheme", scheme.clone())));
    carried
}

#[derive(Template)]
#[template(path = "bookings/taken.html")]
struct Taken {
    f: Frame,
    title: String,
    lead: String,
    centre: String,
    slug: String,
    offer: Option<Offer>,
    same_time: String,
    /// What the buttons carry along.
    like: Vec<(&'static str, String)>,
    /// What to wait for, where waiting may help.
    wait: Option<Waitable>,
}

/// All of a wish, for the waitlist.
struct Waitable {
    slots: Vec<String>,
    desks: u32,
    children: Vec<ChildId>,
    key: String,
}

/// The nearest change that works, ready to be booked.
struct Offer {
    label: String,
    slots: Vec<String>,
    desks: u32,
    children: Vec<ChildId>,
    key: String,
}

/// Says why it could not be booked, and what would work.
pub(super) async fn taken(
    web: &Web,
    atlas: &Atlas,
    caller: &Caller,
    wish: &Wish,
    no: &Booked,
) -> Result<Response, Refused> {
    let hub = &web.hub;
    let f = Frame::new(caller, Part::Bookings);
    let centre = atlas.centre(wish.centre).ok_or(Refused::NotFound)?;
    let zone = centre.time_zone;
    let why = match no {
        Booked::NoRoom(no_room) => Some(no_room),
        _ => None,
    };
    let instead = way_out(hub, atlas, caller, wish, why).await?;
    let key = secret::token(hub.random.as_ref())?;
    let offer = instead.map(|instead| {
        let (slots, children, label) = match instead {
            Instead::Shifted(slots) => {
                let when = words::stretches(f.language(), &slots, zone);
                let label =
                    if f.ja() { format!("{when}で予約する") } else { format!("Book {when}") };
                (slots, wish.children.clone(), label)
            }
            Instead::DesksOnly(slots) => (
                slots,
                Vec::new(),
                f.say("席だけ予約する（保育なし）", "Book the desk only, without care").to_owned(),
            ),
            Instead::AnotherDesk(slots) => (
                slots,
                wish.children.clone(),
                f.say("同じ時間の別の席を予約する", "Book another desk, same time").to_owned(),
            ),
        };
        let slots = slots.iter().map(search::slot_value).collect();
        Offer { label, slots, desks: wish.desks, children, key: key.clone() }
    });
    let (status, title, lead) = why_not(&f, centre, no);
    let same_time = wish::href_of(&wish.slots, zone, wish.desks, Like::of(wish), &wish.children);
    let page = Taken {
        title: title.to_owned(),
        lead,
        centre: f.get(&centre.name).to_owned(),
        slug: centre.slug.to_string(),
        offer,
        same_time,
        like: carried(wish),
        wait: matches!(
            no,
            Booked::NoRoom(NoRoom::Desk { .. } | NoRoom::Care(_) | NoRoom::CareShort(_))
        )
        .then(|| Waitable {
            slots: wish.slots.iter().map(search::slot_value).collect(),
            desks: wish.desks,
            children: wish.children.clone(),
            key: format!("{key}.wait"),
        }),
        f,
    };
    Ok(html(status, &page))
}

/// Why it could not be booked, in a line and another.
fn why_not(f: &Frame, centre: &Centre, no: &Booked) -> (StatusCode, &'static str, String) {
    let zone = centre.time_zone;
    match no {
        Booked::NoRoom(NoRoom::ChildElsewhere(_, slot)) => (
            StatusCode::CONFLICT,
            f.say(
                "その子の保育は、同じ時間にもう予約があります",
                "That child is already booked then",
            ),
            words::day_and_hours(f.language(), slot, zone),
        ),
        Booked::NoRoom(NoRoom::Care(slot)) => (
            StatusCode::CONFLICT,
            f.say("その時間の保育は、先に予約されました", "The care places were just taken"),
            words::day_and_hours(f.language(), slot, zone),
        ),
        Booked::NoRoom(NoRoom::CareShort(lacks)) => (
            StatusCode::CONFLICT,
            f.say("その時間は保育の体制が足りません", "The nursery is short then"),
            words::lacks(f.language(), lacks, zone),
        ),
        Booked::NoRoom(NoRoom::NoRoomForAge(_)) => (
            StatusCode::CONFLICT,
            f.say(
                "この保育室では、その年齢のお子さまを預かれません",
                "The nursery takes no child of that age",
            ),
            String::new(),
        ),
        Booked::NoRoom(NoRoom::NurseryShut(slot, open)) => (
            StatusCode::CONFLICT,
            f.say("その時間、保育室は開いていません", "The nursery is not open then"),
            words::nursery_open(f.language(), slot, open, zone),
        ),
        Booked::NoRoom(NoRoom::NotUnder(_, when, why)) => (
            StatusCode::CONFLICT,
            f.say("保育の制度の決まりで予約できません", "The childcare scheme does not allow it"),
            words::not_under(f.language(), when, why.as_ref(), zone),
        ),
        Booked::NoRoom(NoRoom::NeedsInterview { fixed, .. }) => (
            StatusCode::CONFLICT,
            words::needs_interview(f.language()),
            words::interview_fixed(f.language(), *fixed, zone),
        ),
        Booked::NoRoom(NoRoom::SiteSilent(_)) => (
            StatusCode::CONFLICT,
            f.say("今日の保育は予約できません", "Care for today cannot be booked"),
            words::site_silent(f.language()).to_owned(),
        ),
        Booked::NoRoom(NoRoom::NoNursery) => (
            StatusCode::CONFLICT,
            f.say("このセンターには保育室がありません", "This centre has no nursery"),
            String::new(),
        ),
        Booked::NoRoom(NoRoom::Desk { slot, .. }) => (
            StatusCode::CONFLICT,
            f.say("その時間の席は、先に予約されました", "The desk was just taken"),
            words::day_and_hours(f.language(), slot, zone),
        ),
        Booked::NoRoom(NoRoom::Closed(slot, reason))
        | Booked::Not(NoOrder::Closed(slot, reason)) => (
            StatusCode::CONFLICT,
            f.say("その時間は休館です", "The centre is closed then"),
            format!("{} {}", words::day_and_hours(f.language(), slot, zone), f.get(reason)),
        ),
        Booked::NoRoom(NoRoom::Quota(over)) => (
            StatusCode::CONFLICT,
            f.say("予約できる量の上限を超えます", "That is more than may be booked"),
            words::over(f.language(), over),
        ),
        Booked::Not(NoOrder::Bad(bad)) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            f.say("その時間では予約できません", "That time cannot be booked"),
            words::bad_wish(f.language(), bad, centre),
        ),
        _ => (
            StatusCode::CONFLICT,
            f.say("このボタンは、もう使われています", "This button has been used already"),
            f.say("もう一度さがしてください。", "Please search once more.").to_owned(),
        ),
    }
}

/// The stretches of a booking, by start; those of desk and care together.
fn stretches(booking: &Booking) -> Vec<Interval> {
    slots_of(
        booking.desks.iter().map(|claim| claim.when),
        booking.care.iter().map(|claim| claim.when),
    )
}

fn row(
    f: &Frame,
    atlas: &Atlas,
    children: &[Child],
    booking: &Booking,
    now: DateTime<Utc>,
) -> Option<Row> {
    let centre = atlas.centre(booking.centre)?;
    let slots = stretches(booking);
    let next = slots.iter().find(|slot| now < slot.ends()).or(slots.first())?;
    let date = next.starts().with_timezone(&centre.time_zone).date_naive();
    let today = now.with_timezone(&centre.time_zone).date_naive();
    Some(Row {
        id: booking.id.to_string(),
        month: if f.ja() { format!("{}月", date.month()) } else { date.format("%b").to_string() },
        day: date.day(),
        weekday: if date == today {
            f.say("今日", "today")
        } else {
            words::weekday(f.language(), date.weekday())
        },
        hours: words::hours(f.language(), next, centre.time_zone),
        more_days: slots.len() - 1,
        centre: f.get(&centre.name).to_owned(),
        status: shut_then(f, atlas, booking).unwrap_or_else(|| status(f, booking, now)),
        desks: desk_count(f, booking),
        children: child_names(f, booking, children),
        code: booking.code.to_string(),
    })
}

fn status(f: &Frame, booking: &Booking, now: DateTime<Utc>) -> Status {
    let span = booking.span();
    match booking.status {
        BookingStatus::Cancelled => {
            Status { badge: "", icon: "cross", words: f.say("取り消し済み", "Cancelled") }
        }
        BookingStatus::NoShow => {
            Status {
                badge: "badge--warn", icon: "warn", words: f.say("入館なし", "Nobody came")
            }
        }
        BookingStatus::Lapsed => {
            Status { badge: "", icon: "cross", words: f.say("期限切れ", "Lapsed") }
        }
        BookingStatus::Declined => Status {
            badge: "badge--warn",
            icon: "cross",
            words: f.say("承認されませんでした", "Not approved"),
        },
        BookingStatus::Held => Status {
            badge: "badge--warn",
            icon: "warn",
            words: f.say("仮押さえ中", "Held for you"),
        },
        BookingStatus::Asked => Status {
            badge: "badge--info",
            icon: "warn",
            words: f.say("承認待ち", "Waits for approval"),
        },
        BookingStatus::Confirmed if span.is_some_and(|span| span.ends() <= now) => {
            Status { badge: "", icon: "out", words: f.say("終わりました", "Over") }
        }
        BookingStatus::Confirmed if span.is_some_and(|span| span.starts() <= now) => {
            Status { badge: "badge--info", icon: "in", words: f.say("いまの予約", "Now") }
        }
        BookingStatus::Confirmed => {
            Status { badge: "badge--ok", icon: "check", words: f.say("確定", "Confirmed") }
        }
    }
}

/// That closures stand in the way of a confirmed booking, if they do; not that its guest is to have another
/// desk than one that they never knew of.
fn shut_then(f: &Frame, atlas: &Atlas, booking: &Booking) -> Option<Status> {
    let met: BTreeSet<Interval> = met(atlas, booking).map(|(_, slot)| slot).collect();
    if booking.status != BookingStatus::Confirmed || met.is_empty() {
        return None;
    }
    let words = if stretches(booking).iter().all(|slot| met.contains(slot)) {
        f.say("使えなくなりました", "Closed then")
    } else {
        f.say("使えない日があります", "Closed on some days")
    };
    Some(Status { badge: "badge--warn", icon: "warn", words })
}

/// The stretches of a booking that closures stand in the way of which its guest knows of: a desk that
/// they did not pick is no matter of theirs.
fn met<'a>(
    atlas: &'a Atlas,
    booking: &'a Booking,
) -> impl Iterator<Item = (&'a Closure, Interval)> {
    let known = |closure: &&Closure| closure.space.is_none() || booking.needs.pinned;
    let closures = atlas.closures_of(booking.centre).filter(known);
    closures.flat_map(|closure| closure.met_slots(booking).map(move |slot| (closure, slot)))
}

/// Those of them that nobody can begin.
fn barred(atlas: &Atlas, booking: &Booking) -> BTreeSet<Interval> {
    let begins = |(closure, slot): &(&Closure, Interval)| closure.when.contains(slot.starts());
    met(atlas, booking).filter(begins).map(|(_, slot)| slot).collect()
}

/// Desks side by side.
pub(super) fn desk_count(f: &Frame, booking: &Booking) -> Option<String> {
    let first = booking.desks.first()?.when;
    let desks = booking.desks.iter().filter(|claim| claim.when == first).count();
    Some(match (desks, f.ja()) {
        (desks, true) => format!("{desks}席"),
        (1, false) => "1 desk".to_owned(),
        (desks, false) => format!("{desks} desks"),
    })
}

/// The names of those that are the caller's, a number for others'.
pub(super) fn child_names(f: &Frame, booking: &Booking, own: &[Child]) -> Option<String> {
    let mut ids: Vec<ChildId> = booking.care.iter().map(|claim| claim.child).collect();
    ids.sort();
    ids.dedup();
    if ids.is_empty() {
        return None;
    }
    let names: Vec<&str> = own
        .iter()
        .filter(|child| ids.contains(&child.id))
        .map(|child| child.particulars.name.as_str())
        .collect();
    Some(match (names.len() == ids.len(), f.ja(), ids.len()) {
        (true, ..) => names.join(f.say("、", ", ")),
        (false, true, n) => format!("{n}人"),
        (false, false, 1) => "1 child".to_owned(),
        (false, false, n) => format!("{n} children"),
    })
}
