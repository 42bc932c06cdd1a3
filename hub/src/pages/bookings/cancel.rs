//! Giving a booking up: asked once, then done.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::booking::Booking;
use model::id::BookingId;

use super::series::{ReachedRow, reach, reached, when};
use super::{child_names, stretches};
use crate::pages::fields::Posted;
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::atlas::Atlas;
use crate::service::series::{Reach, cancel_in_series};
use crate::service::{Caller, Refused, booking as service, children};
use crate::web::Web;

#[derive(Template)]
#[template(path = "bookings/cancel.html")]
struct Page {
    f: Frame,
    id: String,
    when: Vec<String>,
    centre: String,
    has_desks: bool,
    /// The guest sits there: nothing was cancelled.
    inside: bool,
    /// A child of it is in care: nothing was cancelled.
    in_care: bool,
    children: Option<String>,
    in_series: bool,
}

/// `/bookings/{id}/cancel`: asks once more.
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let booking =
        service::see(&web.hub, &caller, id.parse().map_err(|_| Refused::NotFound)?).await?;
    if !service::can_cancel(&caller, &booking, web.hub.now()) {
        return Ok(to(&booking));
    }
    let atlas = web.atlas().await?;
    page(&web, &atlas, &caller, &booking, None).await
}

/// Why a booking stands still.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// Its guest sits there.
    Inside,
    /// A child of it is in care.
    InCare,
}

async fn page(
    web: &Web,
    atlas: &Atlas,
    caller: &Caller,
    booking: &Booking,
    kept: Option<Kept>,
) -> Result<Response, Refused> {
    let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
    let own = children::list_if_any(&web.hub, caller).await?;
    let f = Frame::new(caller, Part::Bookings);
    let when = stretches(booking);
    let page = Page {
        id: booking.id.to_string(),
        when: when
            .iter()
            .map(|slot| words::day_and_hours(f.language(), slot, centre.time_zone))
            .collect(),
        centre: f.get(&centre.name).to_owned(),
        has_desks: !booking.desks.is_empty(),
        inside: kept == Some(Kept::Inside),
        in_care: kept == Some(Kept::InCare),
        in_series: booking.series.is_some(),
        children: child_names(&f, booking, &own),
        f,
    };
    Ok(html(if kept.is_some() { StatusCode::CONFLICT } else { StatusCode::OK }, &page))
}

/// Does it; doing it twice is the same as once.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let id = id.parse().map_err(|_| Refused::NotFound)?;
    let atlas = web.atlas().await?;
    let reach = reach(&fields);
    if reach != Reach::One {
        let done = cancel_in_series(&web.hub, &atlas, &caller, id, reach).await?;
        return many(&atlas, &caller, id, &done);
    }
    match service::cancel(&web.hub, &atlas, &caller, id).await? {
        service::Cancelled::Done(booking)
        | service::Cancelled::Before(booking)
        | service::Cancelled::Over(booking) => Ok(to(&booking)),
        service::Cancelled::TooLate(booking) => {
            Ok(Redirect::to(&format!("/bookings/{}?late=1", booking.id)).into_response())
        }
        service::Cancelled::Inside(booking) => {
            page(&web, &atlas, &caller, &booking, Some(Kept::Inside)).await
        }
        service::Cancelled::InCare(booking) => {
            page(&web, &atlas, &caller, &booking, Some(Kept::InCare)).await
        }
    }
}

/// Tells of each booking of a series whether it was cancelled.
fn many(
    atlas: &Atlas,
    caller: &Caller,
    id: BookingId,
    done: &[(BookingId, service::Cancelled)],
) -> Result<Response, Refused> {
    use service::Cancelled::{Before, Done, InCare, Inside, Over, TooLate};
    let f = Frame::new(caller, Part::Bookings);
    let (mut rows, mut place) = (Vec::with_capacity(done.len()), None);
    for (of, cancelled) in done {
        let (booking, words) = match cancelled {
            Done(booking) => (booking, f.say("取り消しました", "Cancelled")),
            Before(booking) => (booking, f.say("前に取り消し済みです", "Cancelled before")),
            Over(booking) => (booking, f.say("もう終わっています", "Over already")),
            Inside(booking) => (booking, f.say("いま利用中です", "You are checked in")),
            InCare(booking) => {
                (booking, f.say("お子さまをお預かりしています", "A child is in care"))
            }
            TooLate(booking) => {
                (booking, f.say("取り消せる時間を過ぎました", "Too late to cancel here"))
            }
        };
        let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
        place = Some(centre);
        rows.push(ReachedRow {
            id: of.to_string(),
            when: when(&f, centre, booking),
            done: matches!(cancelled, Done(_) | Before(_)),
            words: words.to_owned(),
        });
    }
    let count = rows.iter().filter(|row| row.done).count();
    let heading = if f.ja() {
        format!("{count}日分を取り消しました")
    } else {
        format!("{count} cancelled")
    };
    let centre = place.ok_or(Refused::NotFound)?;
    Ok(reached(f, id.to_string(), centre, heading, rows))
}

fn to(booking: &Booking) -> Response {
    Redirect::to(&format!("/bookings/{}", booking.id)).into_response()
}
