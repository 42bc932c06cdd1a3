//! The caller's children.

pub mod child;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::care::age;
use model::child::BadParticulars;

use crate::pages::fields::{Asked, Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, wish, words};
use crate::service::children::{self, Added};
use crate::service::{Caller, Refused};
use crate::typed;
use crate::web::Web;

#[derive(Template)]
#[template(path = "children.html")]
struct Page {
    f: Frame,
    kids: Vec<Kid>,
    added: bool,
    name: String,
    born: String,
    today: String,
    name_error: Option<&'static str>,
    born_error: Option<&'static str>,
    /// A code for the other guardian, just made.
    code: Option<String>,
    joined: bool,
    code_error: bool,
}

struct Kid {
    id: String,
    name: String,
    born: String,
    age: u32,
}

/// `/children`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let told = Told {
        added: !asked.get("added").is_empty(),
        joined: !asked.get("joined").is_empty(),
        ..Told::default()
    };
    page(&web, &caller, &Fields::default(), told).await
}

/// Adds one.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let atlas = web.atlas().await?;
    let zone = wish::zone(&atlas);
    let today = web.hub.now().with_timezone(&zone).date_naive();
    let bad = match typed::date(fields.get("born")) {
        None => BadParticulars::Born,
        Some(born) => {
            match children::add(&web.hub, &caller, fields.get("name"), born, today).await? {
                Added::Done(_) => return Ok(Redirect::to("/children?added=1").into_response()),
                Added::Bad(bad) => bad,
            }
        }
    };
    page(&web, &caller, &fields, Told { bad: Some(bad), ..Told::default() }).await
}

/// Makes a code with which the other guardian joins, and shows it once.
pub async fn invite(
    State(web): State<Web>,
    caller: Caller,
    Posted(_): Posted,
) -> Result<Response, Refused> {
    let code = children::invite(&web.hub, &caller).await?;
    page(&web, &caller, &Fields::default(), Told { code, ..Told::default() }).await
}

/// Joins the other guardian's household.
pub async fn join(
    State(web): State<Web>,
    caller: Caller,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    if children::join(&web.hub, &caller, fields.get("code")).await? {
        return Ok(Redirect::to("/children?joined=1").into_response());
    }
    let told = Told { code_error: true, ..Told::default() };
    page(&web, &caller, &Fields::default(), told).await
}

/// What the page tells beside the list.
#[derive(Default)]
struct Told {
    added: bool,
    joined: bool,
    bad: Option<BadParticulars>,
    code: Option<String>,
    code_error: bool,
}

async fn page(web: &Web, caller: &Caller, typed: &Fields, told: Told) -> Result<Response, Refused> {
    let Told { added, joined, bad, code, code_error } = told;
    let own = children::list(&web.hub, caller).await?;
    let atlas = web.atlas().await?;
    let zone = wish::zone(&atlas);
    let today = web.hub.now().with_timezone(&zone).date_naive();
    let f = Frame::new(caller, Part::Children);
    let kids = own.iter().map(|child| Kid {
        id: child.id.to_string(),
        name: child.particulars.name.clone(),
        born: words::full_date(f.language(), child.particulars.born),
        age: age::years(child.particulars.born, today),
    });
    let page = Page {
        kids: kids.collect(),
        added,
        joined,
        code,
        code_error,
        name: typed.get("name").to_owned(),
        born: typed.get("born").to_owned(),
        today: today.to_string(),
        name_error: match bad {
            Some(BadParticulars::Name) => Some(
                f.say("呼び名は1〜60文字で入れてください", "Give a name of 1 to 60 characters"),
            ),
            Some(BadParticulars::Twice) => Some(f.say(
                "同じ呼び名のお子さんがいます。見分けられる呼び名にしてください（例：はな（姉））",
                "Another child has that name: add what tells them apart, such as Hana (elder)",
            )),
            Some(BadParticulars::Born) | None => None,
        },
        born_error: (bad == Some(BadParticulars::Born)).then(|| {
            f.say(
                "生まれた日を、今日までの 2023-05-10 のような日付で入れてください（12歳まで）",
                "Give a birth date of the last 12 years, such as 2023-05-10",
            )
        }),
        f,
    };
    let status =
        if bad.is_some() || code_error { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(html(status, &page))
}
