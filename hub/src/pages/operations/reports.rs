//! What a centre's site did while it was on its own.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::access::RefusalKind;
use model::centre::Centre;
use model::id::{BookingId, PersonId, SpaceId};
use model::permission::Action;
use store::{Absence, SILENT, WalkInConflict};

use super::happenings::refusal;
use super::{doors, find_for};
use crate::pages::fields::{Asked, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::absence::{self, HouseEvent, Report, WalkedIn};
use crate::service::atlas::Atlas;
use crate::service::{Caller, Refused};
use crate::typed;
use crate::web::Web;

/// So many of each list are shown.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "operations/reports.html")]
struct List {
    f: Frame,
    slug: String,
    centre: String,
    rows: Vec<Row>,
    /// What is no absence yet.
    silent: String,
    /// Those that are open, whichever report they are of.
    conflicts: First<Conflict>,
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
    walk_ins: First<WalkIn>,
    conflicts: First<Conflict>,
    doors: First<(String, String, &'static str)>,
    devices: First<(String, String, &'static str)>,
    house: First<(String, &'static str)>,
    to_do: Vec<String>,
    cut: bool,
    made: String,
}

/// The first of a list, and how many there are beside them.
struct First<T> {
    shown: Vec<T>,
    more: usize,
}

impl<T> First<T> {
    fn of<S>(all: &[S], show: impl FnMut(&S) -> T) -> Self {
        let shown: Vec<T> = all.iter().take(SHOWN).map(show).collect();
        Self { more: all.len() - shown.len(), shown }
    }
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
    let names = Names::of(web, &f, &open, &[]).await?;
    let page = List {
        slug: centre.slug.to_string(),
        centre: f.get(&centre.name).to_owned(),
        rows,
        silent: words::length(f.language(), SILENT.num_minutes()),
        conflicts: conflicts(&f, &names, atlas, centre, &open),
        f,
    };
    Ok(html(StatusCode::OK, &page))
}

fn conflicts(
    f: &Frame,
    names: &Names,
    atlas: &Atlas,
    centre: &Centre,
    all: &[(WalkInConflict, bool)],
) -> First<Conflict> {
    First::of(all, |(one, open)| Conflict {
        open: *open,
        desk: desk(atlas, one.space),
        when: words::day_and_hours(f.language(), &one.when, centre.time_zone),
        walk_in: names.guest(one.walk_in),
        guest: names.guest(one.booking),
        booking: one.booking.to_string(),
        moved_to: one.moved_to.map(|space| desk(atlas, space)),
    })
}

fn desk(atlas: &Atlas, space: SpaceId) -> String {
    atlas.space(space).map_or_else(|| "?".to_owned(), |space| space.label.clone())
}

fn row(f: &Frame, centre: &Centre, absence: &Absence) -> Row {
    let moment = |time| words::day_and_clock(f.language(), time, centre.time_zone);
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
    let moment = |time| words::day_and_clock(f.language(), time, zone);
    let Report { absence, done, conflicts: mut met } = report;
    // What is to be solved is not behind what is cut off.
    met.sort_by_key(|(_, open)| !open);
    let open = met.iter().any(|(_, open)| *open);
    let names = Names::of(web, &f, &met, &done.walk_ins).await?;
    let walk_ins = First::of(&done.walk_ins, |one| WalkIn {
        time: moment(one.at),
        until: moment(one.until),
        desk: desk(atlas, one.space),
        who: names.person(one.person),
    });
    let shown = conflicts(&f, &names, atlas, centre, &met);
    let known = web.hub.store.doors(centre.id).await?;
    let alarms = First::of(&done.doors, |alarm| {
        let name = known.iter().find(|door| door.device == alarm.door);
        let name = name.map_or_else(|| alarm.door.to_string(), |door| f.get(&door.name).to_owned());
        (moment(alarm.at), name, doors::state_words(&f, alarm.state))
    });
    let devices = First::of(&done.devices, |alarm| {
        let name = doors::watched(&f, &alarm.of);
        (moment(alarm.at), name, doors::trouble_words(&f, alarm.why))
    });
    let house = First::of(&done.house, |(at, what)| (moment(*at), house_words(&f, *what)));
    let counts = [
        (f.say("入館", "Came in"), done.checked_in),
        (f.say("退館", "Left"), done.checked_out),
        (f.say("予約なしの利用", "Walked in"), done.walk_ins.len()),
        (f.say("QRコードで確かめた予約", "On a voucher"), done.vouchers),
        (f.say("来なかった予約", "Nobody came"), done.no_shows),
        (f.say("登園したお子さま", "Children brought"), done.brought),
        (f.say("お迎えが済んだお子さま", "Children handed over"), done.collected),
        (f.say("扉の異常", "Door alarms"), done.doors.len()),
        (f.say("機器の異常", "Devices out of order"), done.devices.len()),
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
        devices,
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
            !done.devices.is_empty(),
            f.say(
                "異常のあったカードリーダーや火災受信機の線を、現地で確かめてください。",
                "Have the readers or the fire panel’s line that failed looked at.",
            ),
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

/// Who is meant by what a page shows, looked up at once.
struct Names {
    guests: BTreeMap<BookingId, PersonId>,
    people: BTreeMap<PersonId, String>,
    erased: &'static str,
}

impl Names {
    async fn of(
        web: &Web,
        f: &Frame,
        conflicts: &[(WalkInConflict, bool)],
        walk_ins: &[WalkedIn],
    ) -> Result<Self, Refused> {
        let met = conflicts.iter().take(SHOWN).flat_map(|(one, _)| [one.walk_in, one.booking]);
        let bookings = web.hub.store.bookings_named(&met.collect::<Vec<_>>()).await?;
        let guests: BTreeMap<_, _> =
            bookings.iter().map(|booking| (booking.id, booking.person)).collect();
        let walked_in = walk_ins.iter().take(SHOWN).map(|one| one.person);
        let people: BTreeSet<_> = guests.values().copied().chain(walked_in).collect();
        let people = web.hub.store.persons(&people.into_iter().collect::<Vec<_>>()).await?;
        let people = people.into_iter().map(|person| (person.id, person.name)).collect();
        Ok(Self { guests, people, erased: f.say("消去済み", "erased") })
    }

    fn person(&self, person: PersonId) -> String {
        self.people.get(&person).map_or(self.erased, String::as_str).to_owned()
    }

    fn guest(&self, booking: BookingId) -> String {
        self.guests.get(&booking).map_or_else(|| self.erased.to_owned(), |of| self.person(*of))
    }
}
