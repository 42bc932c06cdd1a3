//! The caller's bookings in their own calendar program.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono_tz::Asia::Tokyo;

use crate::pages::fields::{Asked, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::{Caller, Refused, calendar as service};
use crate::web::Web;

#[derive(Template)]
#[template(path = "account/calendar.html")]
struct Page {
    f: Frame,
    /// Since when there is an address.
    since: Option<String>,
    /// The address, this once.
    made: Option<String>,
    /// The same, as programs open it by themselves.
    opens: String,
    stopped: bool,
}

/// `/account/calendar`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    page(&web, &caller, None, !asked.get("stopped").is_empty()).await
}

/// Gives the calendar a new address and shows it, this once.
pub async fn renew(
    State(web): State<Web>,
    caller: Caller,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    let made = service::renew(&web.hub, &caller).await?;
    page(&web, &caller, Some(made), false).await
}

/// Ends the address.
pub async fn stop(
    State(web): State<Web>,
    caller: Caller,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    service::stop(&web.hub, &caller).await?;
    Ok(Redirect::to("/account/calendar?stopped=1").into_response())
}

async fn page(
    web: &Web,
    caller: &Caller,
    made: Option<String>,
    stopped: bool,
) -> Result<Response, Refused> {
    let since = service::look(&web.hub, caller).await?;
    let f = Frame::new(caller, Part::Account);
    // `webcal` alone would ask in the open first.
    let opens = made.as_deref().map(|made| match made.strip_prefix("https://") {
        Some(rest) => format!("webcals://{rest}"),
        None => made.replacen("http", "webcal", 1),
    });
    let page = Page {
        since: since
            .map(|at| words::full_date(f.language(), at.with_timezone(&Tokyo).date_naive())),
        opens: opens.unwrap_or_default(),
        stopped: stopped && since.is_none(),
        made,
        f,
    };
    Ok(html(StatusCode::OK, &page))
}
