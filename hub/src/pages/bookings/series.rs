//! All bookings of a series, and what came of changing or cancelling several of them.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::booking::Booking;
use model::centre::Centre;

use super::{Status, status, stretches};
use crate::pages::fields::Fields;
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::booking::see;
use crate::service::series::{Reach, all_of};
use crate::service::{Caller, Refused};
use crate::web::Web;

#[derive(Template)]
#[template(path = "bookings/series.html")]
struct Page {
    f: Frame,
    id: String,
    centre: String,
    rows: Vec<Row>,
    can_change: bool,
}

struct Row {
    id: String,
    when: String,
    status: Status,
    here: bool,
}

/// `/bookings/{id}/series`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let id = id.parse().map_err(|_| Refused::NotFound)?;
    let one = see(&web.hub, &caller, id).await?;
    if one.series.is_none() {
        return Ok(Redirect::to(&format!("/bookings/{}", one.id)).into_response());
    }
    let atlas = web.atlas().await?;
    let centre = atlas.centre(one.centre).ok_or(Refused::NotFound)?;
    let f = Frame::new(&caller, Part::Bookings);
    let now = web.hub.now();
    let all = all_of(&web.hub, &one).await?;
    let rows = all.iter().map(|booking| Row {
        id: booking.id.to_string(),
        when: when(&f, centre, booking),
        status: status(&f, booking, now),
        here: booking.id == one.id,
    });
    let page = Page {
        id: one.id.to_string(),
        centre: f.get(&centre.name).to_owned(),
        rows: rows.collect(),
        can_change: crate::service::booking::can_cancel(&caller, &one, now),
        f,
    };
    Ok(html(StatusCode::OK, &page))
}

/// How far a form wants a change to reach.
pub(super) fn reach(fields: &Fields) -> Reach {
    match fields.get("reach") {
        "following" => Reach::Following,
        "all" => Reach::All,
        _ => Reach::One,
    }
}

/// When a booking is, in one line.
pub(super) fn when(f: &Frame, centre: &Centre, booking: &Booking) -> String {
    words::stretches(f.language(), &stretches(booking), centre.time_zone)
}

#[derive(Template)]
#[template(path = "bookings/reached.html")]
struct Reached {
    f: Frame,
    id: String,
    heading: String,
    centre: String,
    rows: Vec<ReachedRow>,
}

/// One booking with what became of it.
pub(super) struct ReachedRow {
    pub(super) id: String,
    pub(super) when: String,
    /// Whether it was done.
    pub(super) done: bool,
    /// What became of it.
    pub(super) words: String,
}

/// Tells what became of each.
pub(super) fn reached(
    f: Frame,
    id: String,
    centre: &Centre,
    heading: String,
    rows: Vec<ReachedRow>,
) -> Response {
    let all = rows.iter().all(|row| row.done);
    let centre = f.get(&centre.name).to_owned();
    let status = if all { StatusCode::OK } else { StatusCode::CONFLICT };
    html(status, &Reached { f, id, heading, centre, rows })
}
