//! One's own data: who looked at it, a copy to take away, and the end of the account.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::pages::audit::Row;
use crate::pages::fields::Posted;
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, wish};
use crate::service::audit::read;
use crate::service::personal::{self, Erased};
use crate::service::{Caller, Refused};
use crate::web::{Web, cookies};

#[derive(Template)]
#[template(path = "account/audit.html")]
struct AuditPage {
    f: Frame,
    rows: Vec<Row>,
}

/// `/account/audit`: who did what with the caller's data, or their children's.
pub async fn audit(State(web): State<Web>, caller: Caller) -> Result<Response, Refused> {
    let listed = read::about_me(&web.hub, &caller, read::MOST).await?;
    let atlas = web.atlas().await?;
    let f = Frame::new(&caller, Part::Account);
    let zone = wish::zone(&atlas);
    let rows = listed.into_iter().map(|entry| Row::of(&f, &atlas, zone, entry)).collect();
    Ok(html(StatusCode::OK, &AuditPage { f, rows }))
}

#[derive(Template)]
#[template(path = "account/export.html")]
struct ExportPage {
    f: Frame,
    stale: bool,
}

/// `/account/export`: asks.
pub async fn export(State(web): State<Web>, caller: Caller) -> Result<Response, Refused> {
    personal::contact(&web.hub, &caller).await?;
    let stale = !personal::is_fresh(&web.hub, &caller);
    Ok(html(StatusCode::OK, &ExportPage { f: Frame::new(&caller, Part::Account), stale }))
}

/// Hands out everything that is kept of the caller, as JSON.
pub async fn take(
    State(web): State<Web>,
    caller: Caller,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    let Some(copy) = personal::copy(&web.hub, &caller).await? else {
        let f = Frame::new(&caller, Part::Account);
        return Ok(html(StatusCode::CONFLICT, &ExportPage { f, stale: true }));
    };
    let body = serde_json::to_vec_pretty(&copy)
        .map_err(|_| Refused::Inner("a copy cannot be written as JSON"))?;
    let headers = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"kyoten-my-data.json\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body).into_response())
}

#[derive(Template)]
#[template(path = "account/delete.html")]
struct DeletePage {
    f: Frame,
    stale: bool,
    inside: bool,
    in_care: bool,
    unsure: bool,
}

/// `/account/delete`: asks.
pub async fn delete(State(web): State<Web>, caller: Caller) -> Result<Response, Refused> {
    personal::contact(&web.hub, &caller).await?;
    let stale = !personal::is_fresh(&web.hub, &caller);
    let f = Frame::new(&caller, Part::Account);
    Ok(html(StatusCode::OK, &DeletePage { f, stale, inside: false, in_care: false, unsure: false }))
}

/// Makes the caller nobody.
pub async fn erase(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    personal::contact(&web.hub, &caller).await?;
    let f = Frame::new(&caller, Part::Account);
    if fields.get("sure") != "yes" {
        let page = DeletePage { f, stale: false, inside: false, in_care: false, unsure: true };
        return Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    let atlas = web.atlas().await?;
    match personal::erase(&web.hub, &atlas, &caller).await? {
        Erased::Done => {
            let cookie = cookies::no_session(web.settings.secure_cookies);
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
        }
        no => {
            let page = DeletePage {
                f,
                stale: no == Erased::Stale,
                inside: no == Erased::Inside,
                in_care: no == Erased::InCare,
                unsure: false,
            };
            Ok(html(StatusCode::CONFLICT, &page))
        }
    }
}

/// Keeps or forgets the caller's telephone number.
pub async fn telephone(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let good = personal::set_telephone(&web.hub, &caller, fields.get("telephone")).await?;
    let to = if good { "/account?done=telephone" } else { "/account?bad=telephone#telephone" };
    Ok(Redirect::to(to).into_response())
}
