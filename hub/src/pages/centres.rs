//! A centre: where it is, when it is open, what it has.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::Days;
use model::centre::{CentreKind, SpaceKind};
use model::opening::OpeningRules;
use model::permission::{Action, Target};

use super::frame::{Frame, Part};
use super::{html, words};
use crate::service::{Caller, Refused, allow};
use crate::web::Web;

#[derive(Template)]
#[template(path = "centres/centre.html")]
struct Page {
    f: Frame,
    slug: String,
    name: String,
    kind: &'static str,
    address: String,
    town: Option<String>,
    days: Vec<Day>,
    desks: usize,
    others: Vec<String>,
    nursery: Option<Nursery>,
    grain: u32,
    early: u32,
    no_show: u32,
    source: String,
}

struct Day {
    name: String,
    hours: Vec<String>,
    holiday: bool,
    today: bool,
}

struct Nursery {
    name: String,
    places: u32,
    walking_minutes: u32,
    /// Minutes of hand-over before and after the desk, with the way on foot.
    handover: Option<(u32, u32)>,
    /// Its hours in the coming days, where it has some of its own.
    days: Vec<Day>,
    schemes: Vec<Scheme>,
}

/// A scheme that the nursery offers today.
struct Scheme {
    title: String,
    /// What it grants, in short sentences.
    grants: Vec<String>,
}

/// `/centres/{slug}`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
) -> Result<Response, Refused> {
    allow(&caller, Action::Search, &Target::default())?;
    let atlas = web.atlas().await?;
    let centre = atlas.named(&slug).ok_or(Refused::NotFound)?;
    let f = Frame::new(&caller, Part::Search);
    let zone = centre.time_zone;
    let today = web.hub.now().with_timezone(&zone).date_naive();
    let week = |opening: &OpeningRules| -> Vec<Day> {
        let dates = (0..7).filter_map(|ahead| today.checked_add_days(Days::new(ahead)));
        let hours = |date| {
            let open = opening.on(date, zone);
            open.iter().map(|open| words::hours(f.language(), open, zone)).collect()
        };
        dates
            .map(|date| Day {
                name: words::day(f.language(), date),
                hours: hours(date),
                holiday: opening.holidays.contains(&date),
                today: date == today,
            })
            .collect()
    };
    let days = week(&centre.opening);
    let nursery = atlas.nursery(centre.id).map(|nursery| {
        let hours = &nursery.terms.hours;
        let own = OpeningRules { hours: hours.clone(), ..centre.opening.clone() };
        let offered = nursery.terms.offered(&atlas.schemes, today, centre.municipality);
        Nursery {
            name: f.get(&nursery.name).to_owned(),
            places: nursery.places,
            walking_minutes: nursery.walking_minutes,
            handover: nursery.terms.minutes_around(nursery.walking_minutes, centre),
            days: if hours.is_empty() { Vec::new() } else { week(&own) },
            schemes: offered
                .into_iter()
                .map(|scheme| Scheme {
                    title: f.get(&scheme.title).to_owned(),
                    grants: words::grants(f.language(), scheme),
                })
                .collect(),
        }
    });
    let count = |kind| {
        atlas.spaces.iter().filter(|space| space.centre == centre.id && space.kind == kind).count()
    };
    let others = [
        (count(SpaceKind::Booth), f.say("ブース", "booths")),
        (count(SpaceKind::Room), f.say("会議室", "meeting rooms")),
    ];
    let page = Page {
        slug: centre.slug.to_string(),
        name: f.get(&centre.name).to_owned(),
        kind: match centre.kind {
            CentreKind::TeleworkCentre => f.say("テレワークセンター", "Telework centre"),
            CentreKind::SatelliteOffice => f.say("サテライトオフィス", "Satellite office"),
            CentreKind::RuralCentre => {
                f.say("長く滞在できるセンター", "Rural centre for long stays")
            }
        },
        address: f.get(&centre.address).to_owned(),
        town: atlas.municipality(centre.municipality).map(|name| f.get(name).to_owned()),
        days,
        desks: count(SpaceKind::Desk),
        others: others
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{name} {count}"))
            .collect(),
        nursery,
        grain: centre.settings.grain_minutes,
        early: centre.settings.early_minutes,
        no_show: centre.settings.no_show_minutes,
        source: f.get(&centre.source_note).to_owned(),
        f,
    };
    Ok(html(StatusCode::OK, &page))
}
