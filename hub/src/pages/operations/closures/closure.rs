//! One closure: what it meets, what could be had instead, and the way back.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use model::booking::Booking;
use model::centre::{Centre, SpaceKind};
use model::id::{BookingId, ClosureId};
use model::interval::Interval;

use super::Row;
use crate::pages::bookings::{child_names, desk_count};
use crate::pages::fields::{Asked, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, search, words};
use crate::service::atlas::Atlas;
use crate::service::booking::{Rebooked, wish_to_come};
use crate::service::closures::{self, MOST_WAYS, Ways};
use crate::service::{Caller, Refused};
use crate::typed;
use crate::web::Web;

/// So many of the bookings are shown at once.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "operations/closures/closure.html")]
struct Page {
    f: Frame,
    slug: String,
    centre: String,
    row: Row,
    met: Vec<Met>,
    /// How many are met beside those that are shown.
    more: usize,
    /// What was done, or why it was not.
    said: Option<(bool, &'static str)>,
}

/// A booking that the closure meets.
struct Met {
    id: String,
    version: u32,
    guest: String,
    when: Vec<String>,
    what: Vec<String>,
    offer: Option<Offer>,
    elsewhere: Option<String>,
    /// Whether it was looked for something else.
    looked: bool,
}

/// Where it could be moved to.
struct Offer {
    slots: Vec<String>,
    words: String,
}

/// `/operations/{slug}/closures/{id}`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, id)): Path<(String, String)>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let (atlas, centre) = super::super::find(&web, &caller, &slug).await?;
    let (closure, met) = closures::get(&web.hub, &caller, centre.id, named(&id)).await?;
    let f = Frame::new(&caller, Part::Operations);
    let mut shown = Vec::new();
    for booking in met.iter().take(SHOWN) {
        let ways = if shown.len() < MOST_WAYS {
            Some(closures::ways_out(&web.hub, &atlas, &caller, booking).await?)
        } else {
            None
        };
        let guest = web.hub.store.person(booking.person).await?;
        let guest = guest.map(|guest| guest.name).unwrap_or_default();
        shown.push(one(&f, &atlas, &centre, booking, guest, ways, web.hub.now()));
    }
    let page = Page {
        slug: centre.slug.to_string(),
        centre: f.get(&centre.name).to_owned(),
        row: super::row(&web, &atlas, &f, &centre, &closure, met.len()),
        more: met.len() - shown.len(),
        met: shown,
        said: said(&f, asked.get("done")),
        f,
    };
    Ok(html(StatusCode::OK, &page))
}

/// Moves one of the bookings that it meets.
pub async fn move_one(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, id)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (atlas, centre) = super::super::find(&web, &caller, &slug).await?;
    let (closure, met) = closures::get(&web.hub, &caller, centre.id, named(&id)).await?;
    let booking: Option<BookingId> = fields.get("booking").parse().ok();
    let booking = met.iter().find(|met| Some(met.id) == booking);
    let slots: Option<Vec<Interval>> = fields.all("slot").map(search::read_slot).collect();
    let version = typed::number(fields.get("version"));
    let done = match (booking, slots, version) {
        (Some(booking), Some(slots), Some(version)) => {
            match closures::move_away(&web.hub, &atlas, &caller, booking, version, slots).await? {
                Rebooked::Done(_) => "moved",
                Rebooked::NoRoom(_) | Rebooked::Not(_) => "full",
                Rebooked::Fixed(_) | Rebooked::InCare(_) | Rebooked::TooLate(_) => "fixed",
                Rebooked::Newer(_) => "newer",
            }
        }
        (Some(_), ..) => "full",
        (None, ..) => "newer",
    };
    let to = format!("/operations/{}/closures/{}?done={done}", centre.slug, closure.id);
    Ok(Redirect::to(&to).into_response())
}

/// Takes it back.
pub async fn reopen(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, id)): Path<(String, String)>,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    let (atlas, centre) = super::super::find(&web, &caller, &slug).await?;
    closures::reopen(&web.hub, &atlas, &caller, centre.id, named(&id)).await?;
    Ok(Redirect::to(&format!("/operations/{}/closures?done=reopened", centre.slug)).into_response())
}

/// What is no id names nothing.
fn named(id: &str) -> ClosureId {
    id.parse().unwrap_or(ClosureId(uuid::Uuid::nil()))
}

fn one(
    f: &Frame,
    atlas: &Atlas,
    centre: &Centre,
    booking: &Booking,
    guest: String,
    ways: Option<Ways>,
    now: DateTime<Utc>,
) -> Met {
    let (language, zone) = (f.language(), centre.time_zone);
    let wish = wish_to_come(booking, now);
    let own = wish.slots;
    let looked = ways.is_some();
    let ways = ways.unwrap_or_default();
    let offer = ways.here.map(|slots| {
        let words = if slots == own {
            let picked = wish.pinned.and_then(|space| atlas.space(space));
            match picked.map_or(SpaceKind::Desk, |space| space.kind) {
                SpaceKind::Desk => {
                    f.say("同じ時間の別の席に移す", "Move to another desk, same time")
                }
                SpaceKind::Booth => {
                    f.say("同じ時間の別のブースに移す", "Move to another booth, same time")
                }
                SpaceKind::Room => {
                    f.say("同じ時間の別の部屋に移す", "Move to another room, same time")
                }
            }
            .to_owned()
        } else {
            let moved: Vec<Interval> =
                slots.iter().filter(|slot| !own.contains(slot)).copied().collect();
            let to = words::stretches(language, &moved, zone);
            if f.ja() { format!("{to} に移す") } else { format!("Move to {to}") }
        };
        let written = |slot: &Interval| {
            format!("{}/{}", slot.starts().to_rfc3339(), slot.ends().to_rfc3339())
        };
        Offer { slots: slots.iter().map(written).collect(), words }
    });
    let labels = booking.desks.iter().filter_map(|claim| atlas.space(claim.space));
    let mut labels: Vec<&str> = labels.map(|space| space.label.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    let desks = desk_count(f, booking).map(|count| format!("{count} ({})", labels.join(", ")));
    let children = child_names(f, booking, &[]);
    let children = children.map(|children| format!("{} {children}", f.say("保育", "Care:")));
    let elsewhere = ways.elsewhere.and_then(|id| atlas.centre(id));
    Met {
        id: booking.id.to_string(),
        version: booking.version,
        guest,
        when: own.iter().map(|slot| words::day_and_hours(language, slot, zone)).collect(),
        what: desks.into_iter().chain(children).collect(),
        offer,
        elsewhere: elsewhere.map(|centre| f.get(&centre.name).to_owned()),
        looked,
    }
}

fn said(f: &Frame, done: &str) -> Option<(bool, &'static str)> {
    Some(match done {
        "made" => (true, f.say("休館にしました", "It is closed")),
        "moved" => (
            true,
            f.say("移しました。本人にメールで知らせます", "Moved; the guest is told by mail"),
        ),
        "full" => (
            false,
            f.say(
                "そこには空きがなくなりました。もう一度選んでください",
                "There is no room any more; please pick again",
            ),
        ),
        "fixed" => (
            false,
            f.say(
                "この予約はもう動かせません。本人が館内にいないか確かめてください",
                "That booking cannot be moved any more; its guest may be inside",
            ),
        ),
        "newer" => (
            false,
            f.say(
                "その予約は変わりました。いまの状態を見てください",
                "That booking has changed; please look at it as it is now",
            ),
        ),
        _ => return None,
    })
}
