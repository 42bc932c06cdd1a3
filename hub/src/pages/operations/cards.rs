//! The cards of a centre's guests: found by e-mail, confirmed, blocked, replaced.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{Days, TimeZone as _};
use model::card::{CardState, LONGEST_LABEL, LONGEST_REASON};
use model::centre::Centre;

use super::find;
use crate::pages::account::cards::{Card, add, named};
use crate::pages::fields::{Asked, Fields, Posted};
use crate::pages::frame::{Frame, Part, encode};
use crate::pages::html;
use crate::service::cards::{self, NewCard};
use crate::service::{Caller, Refused};
use crate::typed;
use crate::web::Web;

#[derive(Template)]
#[template(path = "operations/cards.html")]
struct Page {
    f: Frame,
    slug: String,
    centre: String,
    email: String,
    guest: Option<Guest>,
    done: Option<&'static str>,
    problem: Option<String>,
    typed: Fields,
    today: String,
    longest_label: usize,
    longest_reason: usize,
}

struct Guest {
    name: String,
    email: String,
    cards: Vec<Card>,
}

/// `/operations/{slug}/cards`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let (_, centre) = find(&web, &caller, &slug).await?;
    page(&web, &caller, &centre, &asked, StatusCode::OK, None).await
}

/// Makes the card behind a code a guest's.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (_, centre) = find(&web, &caller, &slug).await?;
    // Somebody unknown is told on the page, not by another page.
    if cards::guest(&web.hub, &caller, centre.id, fields.get("email")).await?.is_none() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return page(&web, &caller, &centre, &fields, status, None).await;
    }
    let f = Frame::new(&caller, Part::Operations);
    let refuse = |text: &str| Some((StatusCode::UNPROCESSABLE_ENTITY, text.to_owned()));
    let until = match fields.get("until") {
        "" => Ok(None),
        text => typed::date(text)
            .and_then(|day| day.checked_add_days(Days::new(1)))
            .and_then(|after| centre.time_zone.from_local_datetime(&after.into()).earliest())
            .map(|end| Some(end.to_utc()))
            .ok_or(()),
    };
    let problem = if fields.get("checked").is_empty() {
        refuse(f.say(
            "本人を確かめてから、しるしを付けてください。",
            "Please check who they are first, and tick that you did.",
        ))
    } else if let Ok(valid_until) = until {
        let replaces = match fields.get("replaces") {
            "" => None,
            id => Some(named(id)?),
        };
        let (code, label) = (fields.get("code"), fields.get("label"));
        let new = NewCard { code, label, valid_until, replaces };
        let (throttle, email) = (&web.throttle, fields.get("email"));
        let added = cards::add_for_guest(&web.hub, throttle, &caller, &centre, email, &new).await?;
        add::problem(&f, &added, centre.time_zone)
    } else {
        refuse(
            f.say("期限は 2026-12-31 のように入れてください。", "Give the end as in 2026-12-31."),
        )
    };
    match problem {
        None => Ok(back(&centre, fields.get("email"), "added")),
        Some((status, text)) => page(&web, &caller, &centre, &fields, status, Some(text)).await,
    }
}

/// Stops one.
pub async fn block(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, id)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (_, centre) = find(&web, &caller, &slug).await?;
    let card = cards::block(&web.hub, &caller, centre.id, named(&id)?, fields.get("why")).await?;
    if card.is_some() {
        return Ok(back(&centre, fields.get("email"), "blocked"));
    }
    no_reason(&web, &caller, &centre, &fields).await
}

/// Lets one work again.
pub async fn unblock(
    State(web): State<Web>,
    caller: Caller,
    Path((slug, id)): Path<(String, String)>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (_, centre) = find(&web, &caller, &slug).await?;
    let card = cards::unblock(&web.hub, &caller, centre.id, named(&id)?, fields.get("why")).await?;
    if card.is_some() {
        return Ok(back(&centre, fields.get("email"), "unblocked"));
    }
    no_reason(&web, &caller, &centre, &fields).await
}

async fn no_reason(
    web: &Web,
    caller: &Caller,
    centre: &Centre,
    fields: &Fields,
) -> Result<Response, Refused> {
    let f = Frame::new(caller, Part::Operations);
    let text = f.say("理由を1〜200文字で入れてください。", "Give a reason of 1 to 200 characters.");
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    page(web, caller, centre, fields, status, Some(text.to_owned())).await
}

fn back(centre: &Centre, email: &str, done: &str) -> Response {
    let address =
        format!("/operations/{}/cards?email={}&done={done}", centre.slug, encode(email.trim()));
    Redirect::to(&address).into_response()
}

async fn page(
    web: &Web,
    caller: &Caller,
    centre: &Centre,
    fields: &Fields,
    status: StatusCode,
    problem: Option<String>,
) -> Result<Response, Refused> {
    let email = fields.get("email").trim().to_owned();
    let f = Frame::new(caller, Part::Operations);
    // Asked even without an address: it is what asks for the right to be here.
    let found = cards::guest(&web.hub, caller, centre.id, &email).await?;
    let now = web.hub.now();
    let guest = found.map(|guest| Guest {
        name: guest.person.name,
        email: guest.person.email,
        cards: guest
            .cards
            .into_iter()
            .map(|card| Card::new(&f, card, now, centre.time_zone))
            .collect(),
    });
    let done = match fields.get("done") {
        "added" => Some(f.say("カードを登録しました", "The card is registered")),
        "blocked" => Some(f.say(
            "カードを止めました。つながっているセンターでは、すぐに使えなくなります。",
            "The card is blocked. Connected sites refuse it within seconds.",
        )),
        "unblocked" => Some(f.say("カードをまた使えるようにしました", "The card works again")),
        _ => None,
    };
    let page = Page {
        slug: centre.slug.to_string(),
        centre: f.get(&centre.name).to_owned(),
        email,
        guest,
        done,
        problem,
        typed: fields.clone(),
        today: now.with_timezone(&centre.time_zone).date_naive().to_string(),
        longest_label: LONGEST_LABEL,
        longest_reason: LONGEST_REASON,
        f,
    };
    Ok(html(status, &page))
}
