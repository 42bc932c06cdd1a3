//! What a centre's site did while it was on its own.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use model::access::RefusalKind;
use model::centre::Centre;
use model::id::{BookingId, PersonId, SpaceId};
use model::permission::Action;
use store::{Absence, WalkInConflict};

use super::happenings::refusal;
use super::{doors, find_for};
use crate::pages::fields::{Asked, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::absence::{self, HouseEvent, Report};
use crate::service::atlas::Atlas;
use crate::service::{Caller, Refused};
use crate::typed;
use crate::web::Web;

#[derive(Template)]
#[template(path = "operations/reports.html")]
struct List {
    f: Frame,
    slug: String,
    centre: String,
    rows: Vec<Row>,
    /// Those that are open, whichever report they are of.
    conflicts: Vec<Conflict>,
}

/// A time that the site was on its own.
struct Row {
    number: u32,
    when: String,
    length: String,
    new: bool,
}

#[derive(Template)]
#[template(path = "operations/reports/report.html")]
struct One {
    f: Frame,
    slug: String,
    centre: String,
    row: Row,
    /// How many of what, where there were any.
    counts: Vec<(&'static str, usize)>,
    refused: Vec<(&'static str, usize)>,
    walk_ins: Vec<WalkIn>,
    conflicts: Vec<Conflict>,
    doors: Vec<(String, String, &'static str)>,
    house: Vec<(String, &'static str)>,
    to_do: Vec<String>,
    cut: bool,
    made: String,
}

struct WalkIn {
    time: String,
    until: String,
    desk: String,
    who: String,
}

struct Conflict {
    open: bool,
    desk: String,
    when: String,
    walk_in: String,
    guest: String,
    booking: String,
    moved_to: Option<String>,
}

/// `/operations/{slug}/reports`, and one of them with `?number=`.
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    Asked(asked): Asked,
) -> Result<Response, Refused> {
    let (atlas, centre) = find_for(&web, &caller, &slug, Action::SeeLiveCentre).await?;
    if asked.get("number").is_empty() {
        return list(&web, &caller, &atlas, &centre).await;
    }
    let number = typed::number(asked.get("number")).ok_or(Refused::NotFound)?;
    let report = absence::report(&web.hub, &caller, centre.id, number).await?;
    one(&web, &caller, &atlas, &centre, report).await
}

/// Notes that it was read.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(slug): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    let (_, centre) = find_for(&web, &caller, &slug, Action::SeeLiveCentre).await?;
    let number = typed::number(fields.get("number"));
    let number = number.ok_or_else(|| Refused::Unreadable("number cannot be read".to_owned()))?;
    // Whoever presses twice has read it once.
    absence::note_read(&web.hub, &caller, centre.id, number).await?;
    Ok(Redirect::to(&format!("/operations/{}/reports", centre.slug)).into_response())
}

async fn list(
    web: &Web,
    caller: &Caller,
    atlas: &Atlas,
    centre: &Centre,
) -> Result<Response, Refused> {
    let f = Frame::new(caller, Part::Operations);
    let absences = absence::list(&web.hub, caller, centre.id).await?;
    let rows = absences.iter().map(|absence| row(&f, centre, absence)).collect();
    let open = absence::open_conflicts(&web.hub, caller, centre.id).await?;
    let open: Vec<_> = open.into_iter().map(|one| (one, true)).collect();
    let mut names = Names { web, known: BTreeMap::new() };
    let conflicts = conflicts(&f, &mut names, atlas, centre, &open).await?;
    let (slug, name) = (centre.slug.to_string(), f.get(&centre.name).to_owned());
    Ok(html(StatusCode::OK, &List { slug, centre: name, rows, conflicts, f }))
}

async fn conflicts(
    f: &Frame,
    names: &mut Names<'_>,
    atlas: &Atlas,
    centre: &Centre,
    all: &[(WalkInConflict, bool)],
) -> Result<Vec<Conflict>, Refused> {
    let mut shown = Vec::new();
    for (one, open) in all {
        let mut of = async |booking: BookingId| {
            let booking = names.web.hub.store.booking(booking).await?;
            match booking {
                Some(booking) => names.of(f, booking.person).await,
                None => Ok(f.say("消去済み", "erased").to_owned()),
            }
        };
        shown.push(Conflict {
            open: *open,
            desk: desk(atlas, one.space),
            when: words::hours(f.language(), &one.when, centre.time_zone),
            walk_in: of(one.walk_in).await?,
            guest: of(one.booking).await?,
            booking: one.booking.to_string(),
            moved_to: one.moved_to.map(|space| desk(atlas, space)),
        });
    }
    Ok(shown)
}

fn desk(atlas: &Atlas, space: SpaceId) -> String {
    atlas.space(space).map_or_else(|| "?".to_owned(), |space| space.label.clone())
}

fn row(f: &Frame, centre: &Centre, absence: &Absence) -> Row {
    let zone = centre.time_zone;
    let moment = |time: DateTime<Utc>| {
        let day = words::day(f.language(), time.with_timezone(&zone).date_naive());
        format!("{day} {}", words::clock(time, zone))
    };
    let (gone, back) = (moment(absence.gone_at), moment(absence.back_at));
    let minutes = (absence.back_at - absence.gone_at).num_minutes();
    Row {
        number: absence.number,
        when: format!("{gone}{}{back}", f.say("〜", " – ")),
        length: words::length(f.language(), minutes),
        new: absence.read_at.is_none(),
    }
}

async fn one(
    web: &Web,
    caller: &Caller,
    atlas: &Atlas,
    centre: &Centre,
    report: Report,
) -> Result<Response, Refused> {
    let f = Frame::new(caller, Part::Operations);
    let zone = centre.time_zone;
    let Report { absence, done, conflicts: met } = report;
    let open = met.iter().any(|(_, open)| *open);
    let mut names = Names { web, known: BTreeMap::new() };
    let mut walk_ins = Vec::new();
    for one in &done.walk_ins {
        walk_ins.push(WalkIn {
            time: words::clock(one.at, zone),
            until: words::clock(one.until, zone),
            desk: desk(atlas, one.space),
            who: names.of(&f, one.person).await?,
        });
    }
    let shown = conflicts(&f, &mut names, atlas, centre, &met).await?;
    let mut alarms = Vec::new();
    let known = web.hub.store.doors(centre.id).await?;
    for alarm in &done.doors {
        let name = known.iter().find(|door| door.device == alarm.door);
        let name = name.map_or_else(|| alarm.door.to_string(), |door| f.get(&door.name).to_owned());
        alarms.push((words::clock(alarm.at, zone), name, doors::state_words(&f, alarm.state)));
    }
    let house =
        done.house.iter().map(|(at, what)| (words::clock(*at, zone), house_words(&f, *what)));
    let house = house.collect();
    let counts = [
        (f.say("入館", "Came in"), done.checked_in),
        (f.say("退館", "Left"), done.checked_out),
        (f.say("予約なしの利用", "Walked in"), done.walk_ins.len()),
        (f.say("QRコードで確かめた予約", "On a voucher"), done.vouchers),
        (f.say("来なかった予約", "Nobody came"), done.no_shows),
        (f.say("登園したお子さま", "Children brought"), done.brought),
        (f.say("お迎えが済んだお子さま", "Children handed over"), done.collected),
        (f.say("扉の異常", "Door alarms"), done.doors.len()),
    ];
    let now = web.hub.now();
    let page = One {
        slug: centre.slug.to_string(),
        centre: f.get(&centre.name).to_owned(),
        row: row(&f, centre, &absence),
        counts: counts.into_iter().filter(|(_, times)| *times > 0).collect(),
        refused: done.refused.iter().map(|(why, times)| (refusal(&f, *why), *times)).collect(),
        to_do: to_do(&f, open, &done),
        walk_ins,
        conflicts: shown,
        doors: alarms,
        house,
        cut: done.cut,
        made: format!(
            "{} {}",
            words::full_date(f.language(), now.with_timezone(&zone).date_naive()),
            words::clock(now, zone)
        ),
        f,
    };
    Ok(html(StatusCode::OK, &page))
}

fn house_words(f: &Frame, what: HouseEvent) -> &'static str {
    match what {
        HouseEvent::Fire(true) => {
            f.say("火災受信機が扉を開放", "The fire panel released the doors")
        }
        HouseEvent::Fire(false) => {
            f.say("火災受信機の開放が終了", "The fire panel released them no more")
        }
        HouseEvent::Evacuation(true) => f.say("避難を開始", "An evacuation began"),
        HouseEvent::Evacuation(false) => f.say("避難を終了", "The evacuation was over"),
        HouseEvent::Lockdown(true) => f.say("建物を閉鎖", "The house was locked down"),
        HouseEvent::Lockdown(false) => f.say("閉鎖を解除", "The lockdown was lifted"),
    }
}

/// What an operator should do now.
fn to_do(f: &Frame, open: bool, done: &absence::Done) -> Vec<String> {
    let no_desk = done.refused.iter().any(|(why, _)| *why == RefusalKind::NoUsableSpace);
    let old = [RefusalKind::SheetExpired, RefusalKind::ClockUnset];
    let not_served = done.refused.iter().any(|(why, _)| old.contains(why));
    let all = [
        (
            open,
            f.say(
                "移せなかった予約の方に、別の席を案内するか、取り消しを相談してください。",
                "Find another desk for the guests whose booking could not be moved, or agree with them to cancel it.",
            ),
        ),
        (
            !done.doors.is_empty(),
            f.say("異常のあった扉を、現地で確かめてください。", "Have the doors that had an alarm looked at."),
        ),
        (
            no_desk,
            f.say(
                "使えない席で断られた方がいます。端末の故障を確かめてください。",
                "Somebody was turned away because no desk could be used: look for broken terminals.",
            ),
        ),
        (
            not_served,
            f.say(
                "予定表の期限か時計のために断られた方がいます。装置の時刻と回線を確かめてください。",
                "Somebody was turned away because of the sheet's end or the clock: check the site's time and line.",
            ),
        ),
        (
            done.brought + done.collected > 0,
            f.say(
                "登園とお迎えの記録を、保育室の画面と見くらべてください。",
                "Compare drop-offs and hand-overs with the nursery's own screen.",
            ),
        ),
    ];
    all.into_iter().filter(|(due, _)| *due).map(|(_, words)| words.to_owned()).collect()
}

/// Names that were looked up.
struct Names<'a> {
    web: &'a Web,
    known: BTreeMap<PersonId, String>,
}

impl Names<'_> {
    async fn of(&mut self, f: &Frame, person: PersonId) -> Result<String, Refused> {
        if let Some(name) = self.known.get(&person) {
            return Ok(name.clone());
        }
        let found = self.web.hub.store.person(person).await?;
        let name = found.map_or_else(|| f.say("消去済み", "erased").to_owned(), |one| one.name);
        self.known.insert(person, name.clone());
        Ok(name)
    }
}
