//! A device's one-time code: shown once, in the answer that made it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::day_sheet::DeviceKind;

use super::{find, kind_words, moment};
use crate::pages::fields::Posted;
use crate::pages::frame::{Frame, Part};
use crate::pages::html;
use crate::service::devices::{self, CODE_LASTS};
use crate::service::{Caller, Refused};
use crate::web::Web;

#[derive(Template)]
#[template(path = "operations/devices/enrol-code.html")]
struct Page {
    f: Frame,
    slug: String,
    centre: String,
    device: String,
    kind: &'static str,
    program: &'static str,
    made: Result<(String, String), String>,
}

/// Makes one.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, device)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (_, centre) = find(&web, &caller, &slug).await?;
    let record = devices::get(&web.hub, &caller, &centre, &device).await?;
    let made =
        devices::enrol_code(&web.hub, &caller, &centre, &device, fields.get("names")).await?;
    let f = Frame::new(&caller, Part::Operations);
    let until = moment(&f, &centre, web.hub.now() + CODE_LASTS);
    let status = if made.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Page {
        slug,
        centre: f.get(&centre.name).to_owned(),
        device,
        kind: kind_words(&f, record.kind),
        program: program_of(record.kind).as_str(),
        made: made.map(|code| (code.reveal(), until)),
        f,
    };
    // A code that lies in a cache is no code that is shown once.
    Ok(([(header::CACHE_CONTROL, "no-store")], html(status, &page)).into_response())
}

/// A nursery's screen is run by the lobby's program. What others have made has none of ours: the
/// edge's enrols it.
fn program_of(kind: DeviceKind) -> DeviceKind {
    match kind {
        DeviceKind::Staff => DeviceKind::Kiosk,
        DeviceKind::Thing | DeviceKind::Viewer => DeviceKind::Edge,
        own => own,
    }
}
