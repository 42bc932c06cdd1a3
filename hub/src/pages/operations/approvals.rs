//! What waits for a centre's decision.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::pages::bookings::decide::{self, Waiting};
use crate::pages::fields::Asked;
use crate::pages::frame::{Frame, Part};
use crate::pages::html;
use crate::service::{Caller, Refused, approvals};
use crate::web::Web;

#[derive(Template)]
#[template(path = "operations/approvals.html")]
struct Page {
    f: Frame,
    slug: String,
    centre: String,
    waiting: Vec<Waiting>,
    /// How many wait beside those that are shown.
    more: usize,
    said: Option<(bool, &'static str)>,
}

/// `/operations/{slug}/approvals`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let (atlas, centre) = super::find(&web, &caller, &slug).await?;
    let waiting = approvals::at_centre(&web.hub, &caller, centre.id).await?;
    let f = Frame::new(&caller, Part::Operations);
    let shown = decide::shown(&web.hub, &atlas, &f, &waiting, true).await?;
    let page = Page {
        slug: centre.slug.to_string(),
        centre: f.get(&centre.name).to_owned(),
        more: waiting.len() - shown.len(),
        waiting: shown,
        said: decide::said(&f, asked.get("done")),
        f,
    };
    Ok(html(StatusCode::OK, &page))
}
