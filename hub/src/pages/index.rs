//! The front page: what is wanted, proposed for now.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::TimeDelta;
use model::permission::Action;

use super::fields::Asked;
use super::frame::{Frame, Part};
use super::html;
use super::wish::{self, WishForm};
use crate::service::{Caller, Refused, booking, children, search};
use crate::web::Web;

/// The search form by itself.
#[derive(Template)]
#[template(path = "index.html")]
pub(super) struct Page {
    pub f: Frame,
    pub form: WishForm,
}

/// `/`, or `/?near=<centre>`.
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let hub = &web.hub;
    let (atlas, now) = (web.atlas().await?, hub.now());
    // Whoever was somewhere lately most likely wants to go there again.
    let usual = if caller.may_own(Action::SeeBooking) {
        booking::list(hub, &caller, now - TimeDelta::days(60)).await?.pop()
    } else {
        None
    };
    let usual = usual.and_then(|booking| atlas.centre(booking.centre));
    let usual = atlas.named(asked.get("near")).or(usual);
    let fields = search::proposal(&atlas, usual.map(|centre| centre.id), now).map(|slot| {
        wish::proposed(&slot, wish::zone(&atlas), usual.map(|centre| centre.slug.as_str()))
    });
    let f = Frame::new(&caller, Part::Search);
    let children = children::list_if_any(hub, &caller).await?;
    let (form, _) = wish::read(&f, &fields.unwrap_or_default(), &atlas, &children, now);
    Ok(html(StatusCode::OK, &Page { f, form }))
}
