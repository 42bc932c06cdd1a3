//! Waiting for what is full, from a page's button.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::bookings::{read_wish, taken};
use super::fields::Posted;
use crate::service::booking::{Booked, LONGEST_KEY};
use crate::service::waitlist::{Waiting, stop as stop_waiting, wait};
use crate::service::{Caller, Refused};
use crate::web::Web;

/// Waits for all of what a page had asked for.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let atlas = web.atlas().await?;
    caller.signed_in()?;
    let unreadable = || Refused::Unreadable("the form does not say what to wait for".to_owned());
    let centre = atlas.named(fields.get("centre")).ok_or(Refused::NotFound)?.id;
    let wish = read_wish(&fields, centre).ok_or_else(unreadable)?;
    let key = Some(fields.get("key")).filter(|key| !key.is_empty() && key.len() <= LONGEST_KEY);
    match wait(&web.hub, &atlas, &caller, wish.clone(), key.map(str::to_owned)).await? {
        Waiting::Waits(_) => Ok(Redirect::to("/bookings?waits=1").into_response()),
        Waiting::Held(booking) => {
            Ok(Redirect::to(&format!("/bookings/{}", booking.id)).into_response())
        }
        Waiting::TooMany => Ok(Redirect::to("/bookings?waits=many").into_response()),
        Waiting::KeyReused => taken(&web, &atlas, &caller, &wish, &Booked::KeyReused).await,
        Waiting::Not(not) => taken(&web, &atlas, &caller, &wish, &Booked::Not(not)).await,
        Waiting::Never(no_room) => {
            taken(&web, &atlas, &caller, &wish, &Booked::NoRoom(no_room)).await
        }
    }
}

/// `/waitlist/{id}/stop`; doing it twice is the same as once.
pub async fn stop(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let id = id.parse().map_err(|_| Refused::NotFound)?;
    stop_waiting(&web.hub, &caller, id).await?;
    Ok(Redirect::to("/bookings").into_response())
}
