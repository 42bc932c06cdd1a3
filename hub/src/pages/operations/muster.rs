//! Who is in, for the place where everybody gathers. Operators read a number of children, not a name.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use model::care::day::CaregiverState;
use model::centre::Centre;
use model::id::{NurseryId, PersonId};
use model::muster::{Evidence, Muster, PersonIn};
use model::permission::{Action, Target, may};
use store::SILENT;

use super::find_for;
use crate::hub::Hub;
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::{Caller, Refused};
use crate::web::Web;

#[derive(Template)]
#[template(path = "operations/muster.html")]
struct Page {
    f: Frame,
    slug: String,
    centre: String,
    /// As of when this is: now, or when the site was last heard of.
    at: String,
    /// Whether nothing has been heard of the site for a while.
    stale: bool,
    heard: Option<String>,
    caregivers: usize,
    children: usize,
    people: Vec<PersonShown>,
    /// The staff whose cards were seen; some of them may be among the caregivers, so nothing is added up.
    staff: Vec<PersonShown>,
    away: Vec<PersonShown>,
    nurseries: Vec<NurseryShown>,
    may_order: bool,
}

/// A grown-up.
struct PersonShown {
    name: String,
    space: String,
    last: String,
    /// How many children they answer for are in care.
    children: usize,
    visit: Option<String>,
}

/// A nursery: its caregivers by name, its children by number.
struct NurseryShown {
    name: String,
    caregivers: Vec<(String, String)>,
    children: usize,
    /// How many of the children have a guardian in the building.
    with_guardian: usize,
}

/// `/operations/{slug}/muster`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
) -> Result<Response, Refused> {
    let (atlas, centre) = find_for(&web, &caller, &slug, Action::SeeLiveCentre).await?;
    let f = Frame::new(&caller, Part::Operations);
    let muster = look(&web.hub, &centre).await?;
    let heard = web.hub.store.site_status(centre.id).await?.heard_at;
    let zone = centre.time_zone;
    let stale = heard.is_none_or(|heard| muster.at - heard > SILENT);
    let moment = |time| words::moment(f.language(), time, muster.at, zone);
    let ids: Vec<PersonId> = muster.people.iter().map(|one| one.person).collect();
    let known = web.hub.store.persons(&ids).await?.into_iter();
    let names: BTreeMap<PersonId, String> = known.map(|one| (one.id, one.name)).collect();
    let named = |person: PersonId| {
        let unknown = f.say("名前のわからない人", "Somebody whose name is not known");
        names.get(&person).map_or(unknown, String::as_str).to_owned()
    };
    let children_of = |person: PersonId| {
        let answers = |child: &&model::muster::ChildIn| {
            child.guardians.iter().any(|guardian| guardian.person == person)
        };
        muster.children.iter().filter(answers).count()
    };
    let listed = |who: &dyn Fn(&PersonIn) -> bool| {
        let shown = |one: &PersonIn| PersonShown {
            name: named(one.person),
            space: one.space.clone().unwrap_or_default(),
            last: evidence(&f, one.last, muster.at, zone),
            children: children_of(one.person),
            visit: one.visit.map(|visit| visit.to_string()),
        };
        let mut all: Vec<_> = muster.people.iter().filter(|one| who(one)).map(shown).collect();
        all.sort_by(|a, b| (&a.space, &a.name).cmp(&(&b.space, &b.name)));
        all
    };
    let nursery_name = |id: NurseryId| {
        let known = atlas.nurseries.iter().find(|one| one.id == id);
        known.map(|one| f.get(&one.name).to_owned()).unwrap_or_default()
    };
    let page = Page {
        slug: centre.slug.to_string(),
        centre: f.get(&centre.name).to_owned(),
        at: moment(if stale { heard.unwrap_or(muster.at) } else { muster.at }),
        stale,
        heard: heard.map(moment),
        caregivers: muster.caregivers.len(),
        children: muster.children.len(),
        people: listed(&|one| one.away_since.is_none() && !one.on_staff),
        staff: listed(&|one| one.on_staff),
        away: listed(&|one| one.away_since.is_some()),
        nurseries: nurseries(&f, &muster, zone)
            .into_iter()
            .map(|(id, one)| NurseryShown { name: nursery_name(id), ..one })
            .collect(),
        may_order: may(&caller.actor, Action::OrderSite, &Target::at(centre.id)),
        f,
    };
    Ok(html(StatusCode::OK, &page))
}

/// Who is in, by what the site has told so far.
pub(super) async fn look(hub: &Hub, centre: &Centre) -> Result<Muster, Refused> {
    Ok(hub.live.muster(hub, centre.id).await?)
}

fn nurseries(f: &Frame, muster: &Muster, zone: Tz) -> BTreeMap<NurseryId, NurseryShown> {
    let mut all: BTreeMap<NurseryId, NurseryShown> = BTreeMap::new();
    let none = || NurseryShown {
        name: String::new(),
        caregivers: Vec::new(),
        children: 0,
        with_guardian: 0,
    };
    for child in &muster.children {
        let nursery = all.entry(child.nursery).or_insert_with(none);
        nursery.children += 1;
        nursery.with_guardian += usize::from(child.guardians.iter().any(|one| one.is_in));
    }
    for one in &muster.caregivers {
        let state = match one.state {
            CaregiverState::Here => f.say("保育中", "with the children"),
            CaregiverState::OnBreak => f.say("休憩中", "on a break"),
            CaregiverState::Gone => f.say("退勤", "gone"),
        };
        let name = if one.name.is_empty() { f.say("保育者", "a caregiver") } else { &one.name };
        let last = evidence(f, one.last, muster.at, zone);
        let nursery = all.entry(one.nursery).or_insert_with(none);
        nursery.caregivers.push((name.to_owned(), format!("{state} {last}")));
    }
    all
}

/// What was last seen of somebody, and when: with the day where that is not today.
fn evidence(f: &Frame, last: Evidence, now: DateTime<Utc>, zone: Tz) -> String {
    let (ja, en) = last.what.words();
    let [on, today] = [last.at, now].map(|time| time.with_timezone(&zone).date_naive());
    let clock = if on == today {
        words::clock(last.at, zone)
    } else {
        words::day_and_clock(f.language(), last.at, zone)
    };
    format!("{clock} {}", f.say(ja, en))
}
