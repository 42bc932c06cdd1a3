//! An employer as its admin keeps it: its people, the visits it pays for, its directory's tokens.

pub mod sign_in;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Asia::Tokyo;
use model::id::EmployerId;
use model::interval::Interval;
use model::permission::Action;
use model::{opening, permission::TokenScope};
use store::{PaidVisit, TokenHolder};

use super::account::tokens::{self, TokenShown};
use super::bookings::decide::{self, Waiting};
use super::fields::{Asked, Fields, Posted};
use super::frame::{Frame, Part};
use super::reports::unformulaic;
use super::{html, words};
use crate::service::api_tokens::{self, Wish};
use crate::service::members::{self, BadMember};
use crate::service::{Caller, Refused, approvals};
use crate::typed;
use crate::web::Web;

/// Visits are shown of so many days where nobody says.
const USUAL_DAYS: u64 = 30;
/// And of no more than so many.
const MOST_DAYS: i64 = 400;

#[derive(Template)]
#[template(path = "employers/employer.html")]
struct Page {
    f: Frame,
    id: EmployerId,
    name: String,
    members: Vec<MemberShown>,
    visits: Vec<VisitShown>,
    from: NaiveDate,
    until: NaiveDate,
    minutes: String,
    tokens: Vec<TokenShown>,
    revoke: String,
    made: Option<String>,
    done: Option<&'static str>,
    wrong: Option<&'static str>,
    email: String,
    typed_name: String,
    /// Whether their bookings wait for this employer's admins, and those that do now.
    approves: bool,
    waiting: Vec<Waiting>,
    decided: Option<(bool, &'static str)>,
}

struct MemberShown {
    id: String,
    name: String,
    email: String,
}

struct VisitShown {
    day: String,
    name: String,
    centre: String,
    minutes: Option<i64>,
}

/// `/employers/{id}`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    page(&web, &caller, named(&id)?, &asked, &Fields::default(), None, None).await
}

/// Says whether what the employer pays for has to be approved from now on.
pub async fn approves(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = named(&id)?;
    approvals::set_approves(&web.hub, &caller, id, fields.get("approves") == "yes").await?;
    Ok(Redirect::to(&format!("/employers/{id}?done=approves")).into_response())
}

/// Adds somebody.
pub async fn add(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = named(&id)?;
    let (email, name) = (fields.get("email"), fields.get("name"));
    match members::add(&web.hub, &caller, id, email, name).await? {
        Ok(_) => Ok(Redirect::to(&format!("/employers/{id}?done=added")).into_response()),
        Err(bad) => {
            let f = Frame::new(&caller, Part::Employer);
            let wrong = match bad {
                BadMember::Email => {
                    f.say("メールアドレスを確かめてください", "Please check the e-mail address")
                }
                BadMember::Name => {
                    f.say("名前は1〜100文字で入れてください", "Give a name of 1 to 100 characters")
                }
            };
            page(&web, &caller, id, &Fields::default(), &fields, Some(wrong), None).await
        }
    }
}

/// Ends somebody's membership.
pub async fn end(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = named(&id)?;
    // Who may ask comes before whether there is such a person.
    members::employer(&web.hub, &caller, Action::ManageMembers, id).await?;
    let person = fields.get("person").parse().map_err(|_| Refused::NotFound)?;
    members::end(&web.hub, &caller, id, person).await?;
    Ok(Redirect::to(&format!("/employers/{id}?done=ended")).into_response())
}

/// Makes a token for the employer's directory and shows it, this once.
pub async fn make_token(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = named(&id)?;
    let wish = Wish { scopes: vec![TokenScope::Members], ..tokens::wish(&fields) };
    let nothing = Fields::default();
    members::employer(&web.hub, &caller, Action::ManageMembers, id).await?;
    match api_tokens::make(&web.hub, &caller, TokenHolder::Employer(id), wish).await? {
        Ok(made) => page(&web, &caller, id, &nothing, &nothing, None, Some(made.text)).await,
        Err(bad) => {
            let wrong = tokens::wrong(&Frame::new(&caller, Part::Employer), bad);
            page(&web, &caller, id, &nothing, &nothing, Some(wrong), None).await
        }
    }
}

/// Takes a token back.
pub async fn revoke_token(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let id = named(&id)?;
    members::employer(&web.hub, &caller, Action::ManageMembers, id).await?;
    let token = fields.get("id").parse().map_err(|_| Refused::NotFound)?;
    api_tokens::revoke(&web.hub, &caller, TokenHolder::Employer(id), token).await?;
    Ok(Redirect::to(&format!("/employers/{id}?done=token")).into_response())
}

/// The visits as a table for spreadsheets.
pub async fn csv(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let id = named(&id)?;
    let employer = members::employer(&web.hub, &caller, Action::SeePaidVisits, id).await?;
    let (_, _, window) = window(&asked, web.hub.now())?;
    let visits = members::visits(&web.hub, &caller, employer.id, &window).await?;
    let f = Frame::new(&caller, Part::Employer);
    let shown = shown(&web, &f, visits).await?;
    let table = table(&f, &shown).map_err(|_| Refused::Inner("a table could not be written"))?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"visits.csv\""),
    ];
    Ok((headers, table).into_response())
}

/// The days asked for, and the stretch that they are; the last thirty where nothing is asked.
pub(crate) fn window(
    asked: &Fields,
    now: DateTime<Utc>,
) -> Result<(NaiveDate, NaiveDate, Interval), Refused> {
    let unreadable = || Refused::Unreadable("from and until are days, in their order".to_owned());
    let today = now.with_timezone(&Tokyo).date_naive();
    let day = |name: &str, usual: NaiveDate| match asked.get(name) {
        "" => Ok(usual),
        text => typed::date(text).ok_or_else(unreadable),
    };
    let until = day("until", today)?;
    let usual = until.checked_sub_days(Days::new(USUAL_DAYS)).unwrap_or(until);
    let from = day("from", usual)?;
    let midnight = |day: NaiveDate| opening::local(day, 0, Tokyo);
    let ends = until.checked_add_days(Days::new(1)).and_then(midnight);
    let (Some(starts), Some(ends)) = (midnight(from), ends) else { return Err(unreadable()) };
    let window = Interval::new(starts, ends).map_err(|_| unreadable())?;
    if ends - starts > TimeDelta::days(MOST_DAYS) {
        return Err(unreadable());
    }
    Ok((from, until, window))
}

/// How long a visit took, in whole minutes; none while it lasts.
pub(crate) fn minutes(visit: &PaidVisit) -> Option<i64> {
    visit.checked_out_at.map(|end| (end - visit.checked_in_at).num_minutes())
}

pub(crate) fn named(id: &str) -> Result<EmployerId, Refused> {
    id.parse().map_err(|_| Refused::NotFound)
}

async fn page(
    web: &Web,
    caller: &Caller,
    id: EmployerId,
    asked: &Fields,
    typed: &Fields,
    wrong: Option<&'static str>,
    made: Option<String>,
) -> Result<Response, Refused> {
    let employer = members::employer(&web.hub, caller, Action::ManageMembers, id).await?;
    let f = Frame::new(caller, Part::Employer);
    let (from, until, window) = window(asked, web.hub.now())?;
    let visits = members::visits(&web.hub, caller, id, &window).await?;
    let total = visits.iter().filter_map(minutes).sum();
    let members = members::list(&web.hub, caller, id).await?;
    let tokens = api_tokens::list(&web.hub, caller, TokenHolder::Employer(id)).await?;
    let waiting = approvals::of_employer(&web.hub, caller, id).await?;
    let atlas = web.atlas().await?;
    let page = Page {
        approves: employer.approves,
        // Children are not their business.
        waiting: decide::shown(&web.hub, &atlas, &f, &waiting, false).await?,
        decided: decide::said(&f, asked.get("done")),
        id,
        name: f.get(&employer.name).to_owned(),
        members: members
            .into_iter()
            .map(|person| MemberShown {
                id: person.id.to_string(),
                name: person.name,
                email: person.email,
            })
            .collect(),
        visits: shown(web, &f, visits).await?,
        from,
        until,
        minutes: words::length(f.language(), total),
        tokens: tokens::shown(&f, tokens, web.hub.now()),
        revoke: format!("/employers/{id}/tokens/revoke"),
        made,
        done: match asked.get("done") {
            "added" => Some(f.say("追加しました", "Added")),
            "ended" => Some(f.say("利用を終わりにしました", "Their membership has ended")),
            "approves" => Some(f.say("変更しました", "Changed")),
            "token" => Some(f.say("トークンを無効にしました", "The token is taken back")),
            _ => None,
        },
        wrong,
        email: typed.get("email").to_owned(),
        typed_name: typed.get("name").to_owned(),
        f,
    };
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(html(status, &page))
}

async fn shown(web: &Web, f: &Frame, visits: Vec<PaidVisit>) -> Result<Vec<VisitShown>, Refused> {
    let atlas = web.atlas().await?;
    let shown = |visit: PaidVisit| {
        let centre = atlas.centre(visit.centre);
        let zone = centre.map_or(Tokyo, |centre| centre.time_zone);
        VisitShown {
            day: visit.checked_in_at.with_timezone(&zone).date_naive().to_string(),
            minutes: minutes(&visit),
            name: visit.name,
            centre: centre.map(|centre| f.get(&centre.name).to_owned()).unwrap_or_default(),
        }
    };
    Ok(visits.into_iter().map(shown).collect())
}

fn table(f: &Frame, visits: &[VisitShown]) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::Writer::from_writer("\u{FEFF}".as_bytes().to_vec());
    out.write_record([
        f.say("日", "Day"),
        f.say("名前", "Name"),
        f.say("センター", "Centre"),
        f.say("分", "Minutes"),
    ])?;
    for visit in visits {
        out.write_record([
            visit.day.clone(),
            unformulaic(&visit.name),
            unformulaic(&visit.centre),
            visit.minutes.map(|minutes| minutes.to_string()).unwrap_or_default(),
        ])?;
    }
    out.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}
