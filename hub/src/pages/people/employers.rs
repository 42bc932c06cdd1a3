//! Which e-mail domains each employer's own sign-in may speak for.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::pages::fields::{Asked, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::html;
use crate::service::{Caller, Refused, organisation};
use crate::web::Web;

#[derive(Template)]
#[template(path = "people/employers.html")]
struct Page {
    f: Frame,
    rows: Vec<Row>,
    done: bool,
    wrong: Option<String>,
}

struct Row {
    id: String,
    name: String,
    domains: String,
}

/// `/people/employers`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    page(&web, &caller, !asked.get("done").is_empty(), None).await
}

/// Replaces an employer's domains.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let domains = fields.get("domains");
    let known = organisation::domains(&web.hub, &caller).await?;
    let employer = known.iter().find(|(known, _)| known.id.to_string() == fields.get("employer"));
    let Some((employer, _)) = employer else {
        return page(&web, &caller, false, Some(domains.to_owned())).await;
    };
    match organisation::set_domains(&web.hub, &caller, employer.id, domains).await? {
        Ok(()) => Ok(Redirect::to("/people/employers?done=1").into_response()),
        Err(bad) => page(&web, &caller, false, Some(bad)).await,
    }
}

async fn page(
    web: &Web,
    caller: &Caller,
    done: bool,
    wrong: Option<String>,
) -> Result<Response, Refused> {
    let known = organisation::domains(&web.hub, caller).await?;
    let f = Frame::new(caller, Part::People);
    let row = |(employer, domains): (store::Employer, Vec<String>)| Row {
        id: employer.id.to_string(),
        name: f.get(&employer.name).to_owned(),
        domains: domains.join(" "),
    };
    let rows = known.into_iter().map(row).collect();
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(html(status, &Page { rows, done, wrong, f }))
}
