//! Locking a device out: a question first.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::day_sheet::DeviceKind;
use model::device::RevokedFor;

use super::{find, kind_words, reason_words};
use crate::pages::fields::Posted;
use crate::pages::frame::{Frame, Part};
use crate::pages::html;
use crate::service::{Caller, Refused, devices};
use crate::web::Web;

#[derive(Template)]
#[template(path = "operations/devices/revoke.html")]
struct Page {
    f: Frame,
    slug: String,
    centre: String,
    device: String,
    kind: &'static str,
    is_edge: bool,
    reasons: Vec<(&'static str, &'static str)>,
}

/// `/operations/{slug}/devices/{device}/revoke`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, device)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let (_, centre) = find(&web, &caller, &slug).await?;
    let record = devices::get(&web.hub, &caller, &centre, &device).await?;
    let f = Frame::new(&caller, Part::Operations);
    let reasons = RevokedFor::ALL.map(|reason| (reason.as_str(), reason_words(&f, reason)));
    let page = Page {
        slug,
        centre: f.get(&centre.name).to_owned(),
        device,
        kind: kind_words(&f, record.kind),
        is_edge: record.kind == DeviceKind::Edge,
        reasons: reasons.to_vec(),
        f,
    };
    Ok(html(StatusCode::OK, &page))
}

/// Locks it out.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, device)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (_, centre) = find(&web, &caller, &slug).await?;
    let reason = fields.get("reason").parse().unwrap_or(RevokedFor::Lost);
    devices::revoke(&web.hub, &caller, &centre, &device, reason).await?;
    Ok(Redirect::to(&format!("/operations/{slug}/devices?done=revoked")).into_response())
}
