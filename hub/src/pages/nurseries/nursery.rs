//! A nursery's day: who comes, who works, what is too little.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{Days, NaiveDate};
use model::booking::BookingStatus;
use model::care::file::Interview;
use model::permission::{Action, may};

use super::{Short, Works, incidents, live, nursery_id};
use crate::pages::fields::Asked;
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::children::CARE_NEAR;
use crate::service::nursery::target;
use crate::service::nursery_day::{Allergies, Day};
use crate::service::{Caller, Refused, diary, nursery_day};
use crate::typed;
use crate::web::Web;

#[derive(Template)]
#[template(path = "nurseries/nursery.html")]
struct Page {
    f: Frame,
    id: String,
    name: String,
    centre: String,
    day: String,
    before: Option<String>,
    after: Option<String>,
    is_today: bool,
    children: usize,
    expected: Vec<Comes>,
    talks: Vec<(String, String, String)>,
    shifts: Vec<Works>,
    short: Vec<Short>,
    staffed: bool,
    live: Option<Live>,
    incidents: Vec<incidents::Shown>,
}

/// The part that is about this minute, and from where it is kept so.
struct Live {
    href: String,
    zone: String,
    block: String,
}

struct Comes {
    child: String,
    name: String,
    years: Option<u32>,
    hours: String,
    room: Option<String>,
    allergies: Allergies,
    missing: usize,
    sure: bool,
}

/// `/nurseries/{id}`; `day` says which, today where nothing is said.
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let id = nursery_id(&id)?;
    let atlas = web.atlas().await?;
    let (centre, _) = nursery_day::find(&atlas, &caller, id, Action::SeeNurseryDay)?;
    let zone = centre.time_zone;
    let today = web.hub.now().with_timezone(&zone).date_naive();
    // A nursery sees a child about the time of its care, and so its days.
    let near = |day: &NaiveDate| (*day - today).abs() <= CARE_NEAR;
    let on = typed::date(asked.get("day")).filter(near).unwrap_or(today);
    let day = nursery_day::see(&web.hub, &atlas, &caller, id, on).await?;
    let f = Frame::new(&caller, Part::Nursery);
    let beside = |day: Option<NaiveDate>| day.filter(near).map(|day| day.to_string());
    let gone = || f.say("消去済み", "erased").to_owned();
    let staffing = day.nursery.staffing.as_ref();
    let room = |id| staffing?.rooms.iter().find(|room| Some(room.id) == id);
    let expected = day.expected.iter().map(|one| Comes {
        child: one.care.child.to_string(),
        name: one.name.clone().unwrap_or_else(gone),
        years: one.years,
        hours: words::hours(f.language(), &one.care.when, zone),
        room: room(one.care.room).map(|room| f.get(&room.name).to_owned()),
        allergies: one.allergies,
        missing: one.missing,
        sure: one.care.status == BookingStatus::Confirmed,
    });
    let talks = day.talks.iter().map(|(child, name, interview)| {
        let state = match interview.fixed_for() {
            Some(on) => words::day_and_clock(f.language(), on, zone),
            None => match interview {
                Interview::Asked { at } => {
                    let on = words::day(f.language(), at.with_timezone(&zone).date_naive());
                    if f.ja() { format!("{on}に申し込み") } else { format!("asked on {on}") }
                }
                _ => String::new(),
            },
        };
        (child.to_string(), name.clone().unwrap_or_else(gone), state)
    });
    let shifts = day.shifts.iter().map(|one| Works::of(&f, one, zone));
    let live = if on == today {
        let (block, seen) = live::block(&web, &caller, &f, &day).await?;
        let href = live::address(&web.hub, &caller, (id, on), seen).await?;
        let zone = zone.name().to_owned();
        Some(Live { href, zone, block })
    } else {
        None
    };
    let incidents = incidents_of(&web, &caller, &f, &day, today).await?;
    let page = Page {
        live,
        incidents,
        id: id.to_string(),
        name: f.get(&day.nursery.name).to_owned(),
        centre: f.get(&day.centre.name).to_owned(),
        day: words::day(f.language(), on),
        before: beside(on.checked_sub_days(Days::new(1))),
        after: beside(on.checked_add_days(Days::new(1))),
        is_today: on == today,
        children: day.expected.iter().map(|one| one.care.child).collect::<BTreeSet<_>>().len(),
        expected: expected.collect(),
        talks: talks.collect(),
        shifts: shifts.collect(),
        short: Short::all(&f, &day.lacks, zone),
        staffed: staffing.is_some(),
        f,
    };
    Ok(html(StatusCode::OK, &page))
}

/// The incidents that are reported, for those who keep the files.
async fn incidents_of(
    web: &Web,
    caller: &Caller,
    f: &Frame,
    day: &Day,
    today: NaiveDate,
) -> Result<Vec<incidents::Shown>, Refused> {
    let (centre, nursery) = (&day.centre, day.nursery.id);
    if !may(&caller.actor, Action::KeepCareFiles, &target(centre, nursery)) {
        return Ok(Vec::new());
    }
    let expected = day.expected.iter().map(|one| one.care.child);
    let recorded = expected.chain(day.talks.iter().map(|one| one.0)).collect();
    let atlas = web.atlas().await?;
    let found = diary::incidents(&web.hub, &atlas, caller, nursery, &recorded).await?;
    let zone = centre.time_zone;
    Ok(found.iter().map(|one| incidents::Shown::of(f, one, today, zone)).collect())
}
