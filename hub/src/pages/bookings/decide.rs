//! What waits for a decision, as the pages of a centre and of an employer show it, and the decision.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use model::booking::Booking;
use model::permission::{Action, Target, may};

use super::{child_names, desk_count, stretches};
use crate::hub::Hub;
use crate::pages::fields::Posted;
use crate::pages::frame::Frame;
use crate::pages::words;
use crate::service::approvals::{self, Decided};
use crate::service::atlas::Atlas;
use crate::service::{Caller, Refused};
use crate::web::Web;

/// So many are shown at once, the most urgent first.
const SHOWN: usize = 100;
/// What has to be decided within this time is marked.
const URGENT: TimeDelta = TimeDelta::hours(2);

/// A booking that waits.
pub(crate) struct Waiting {
    pub(crate) id: String,
    pub(crate) guest: String,
    pub(crate) centre: String,
    pub(crate) when: Vec<String>,
    pub(crate) what: Vec<String>,
    pub(crate) by: Option<String>,
    pub(crate) urgent: bool,
}

/// What waits, in the order it was given; `care` says whether the reader is told of children.
pub(crate) async fn shown(
    hub: &Hub,
    atlas: &Atlas,
    f: &Frame,
    asked: &[Booking],
    care: bool,
) -> Result<Vec<Waiting>, Refused> {
    let mut all = Vec::new();
    for booking in asked.iter().take(SHOWN) {
        let Some(centre) = atlas.centre(booking.centre) else { continue };
        let zone = centre.time_zone;
        let guest = hub.store.person(booking.person).await?;
        let picked = booking.desks.first().filter(|_| booking.needs.pinned);
        let picked = picked.and_then(|claim| atlas.space(claim.space));
        let desks = match picked {
            Some(space) => Some(space.label.clone()),
            None => desk_count(f, booking),
        };
        let children = child_names(f, booking, &[]).filter(|_| care);
        let children = children.map(|children| format!("{} {children}", f.say("保育", "Care:")));
        let at = |time| words::day_and_clock(f.language(), time, zone);
        all.push(Waiting {
            id: booking.id.to_string(),
            guest: guest.map(|guest| guest.name).unwrap_or_default(),
            centre: f.get(&centre.name).to_owned(),
            when: stretches(booking)
                .iter()
                .map(|slot| words::day_and_hours(f.language(), slot, zone))
                .collect(),
            what: desks.into_iter().chain(children).collect(),
            by: booking.lapses_at.map(at),
            urgent: booking.lapses_at.is_some_and(|by| by < hub.now() + URGENT),
        });
    }
    Ok(all)
}

/// What a decision that led here has to say, and whether it was done.
pub(crate) fn said(f: &Frame, done: &str) -> Option<(bool, &'static str)> {
    Some(match done {
        "approved" => (true, f.say("承認しました", "Approved")),
        "agreed" => (
            true,
            f.say(
                "承認しました。もう一方の承認があれば確定します",
                "Approved; it stands once the other side has approved it too",
            ),
        ),
        "declined" => {
            (true, f.say("承認しませんでした。席は空きました", "Declined; its desk is free again"))
        }
        "otherwise" => (
            false,
            f.say(
                "この予約はもう承認を待っていません",
                "That booking does not wait for an approval any more",
            ),
        ),
        _ => return None,
    })
}

/// `/bookings/{id}/approve`
pub async fn approve(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    decide(&web, &caller, &id, true).await
}

/// `/bookings/{id}/decline`
pub async fn decline(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    decide(&web, &caller, &id, false).await
}

async fn decide(web: &Web, caller: &Caller, id: &str, yes: bool) -> Result<Response, Refused> {
    caller.signed_in()?;
    let id = id.parse().map_err(|_| Refused::NotFound)?;
    let atlas = web.atlas().await?;
    let (booking, done) = match approvals::decide(&web.hub, &atlas, caller, id, yes).await? {
        Decided::Done(booking) => {
            let done = match (yes, booking.awaits.any()) {
                (true, false) => "approved",
                (true, true) => "agreed",
                (false, _) => "declined",
            };
            (booking, done)
        }
        Decided::Otherwise(booking) => (booking, "otherwise"),
    };
    // Back to the list that they could have come from.
    let runs = may(&caller.actor, Action::ApproveBooking, &Target::at(booking.centre));
    let to = match (runs, booking.on_account_of, atlas.centre(booking.centre)) {
        (false, Some(employer), _) => format!("/employers/{employer}?done={done}"),
        (_, _, Some(centre)) => format!("/operations/{}/approvals?done={done}", centre.slug),
        _ => return Err(Refused::NotFound),
    };
    Ok(Redirect::to(&to).into_response())
}
