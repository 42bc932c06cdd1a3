//! Another day or other hours for a booking of one stretch.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{NaiveDate, Timelike};
use model::booking::{Booking, BookingStatus, Wish};
use model::centre::Centre;
use model::id::BookingId;
use model::interval::Interval;
use model::opening;
use store::NoRoom;

use super::series::{ReachedRow, reach, reached, when};
use crate::pages::fields::{Fields, Posted};
use crate::pages::frame::{Frame, Part};
use crate::pages::{html, words};
use crate::service::atlas::Atlas;
use crate::service::booking::{Rebooked, change, see, wish_of};
use crate::service::order::{NoOrder, approvals};
use crate::service::series::{Reach, change_in_series};
use crate::service::{Caller, Refused};
use crate::typed;
use crate::web::Web;

#[derive(Template)]
#[template(path = "bookings/change.html")]
struct Page {
    f: Frame,
    id: String,
    version: u32,
    date: String,
    from: String,
    to: String,
    step: u32,
    now: Vec<String>,
    centre: String,
    in_series: bool,
    /// Whether somebody has to approve it once more.
    approved_anew: bool,
    /// Why it was not changed, and what would help.
    problem: Option<(String, String)>,
}

/// `/bookings/{id}/change`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let id = id.parse().map_err(|_| Refused::NotFound)?;
    let booking = see(&web.hub, &caller, id).await?;
    let atlas = web.atlas().await?;
    if !is_simple(&booking) {
        return Ok(Redirect::to(&format!("/bookings/{}", booking.id)).into_response());
    }
    page(&atlas, &caller, &booking, None, None)
}

/// Does it, or says why not and what would help.
pub async fn post(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Posted(fields): Posted,
) -> Result<Response, Refused> {
    caller.signed_in()?;
    let id = id.parse().map_err(|_| Refused::NotFound)?;
    let booking = see(&web.hub, &caller, id).await?;
    let atlas = web.atlas().await?;
    let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
    let f = Frame::new(&caller, Part::Bookings);
    let unreadable = || Refused::Unreadable("the form does not say when".to_owned());
    let version: u32 = typed::number(fields.get("version")).ok_or_else(unreadable)?;
    let Some(slot) = asked(&fields, centre.time_zone) else {
        let problem = (
            f.say("その時間では予約できません", "That time cannot be booked").to_owned(),
            f.say("終わりを始まりより後にしてください。", "The end must be after the start.")
                .to_owned(),
        );
        return page(&atlas, &caller, &booking, Some(&fields), Some(problem));
    };
    let wish = Wish { slots: vec![slot], ..wish_of(&booking) };
    let reach = reach(&fields);
    if reach != Reach::One && booking.series.is_some() {
        let done = change_in_series(&web.hub, &atlas, &caller, id, version, wish, reach).await?;
        return many(&web, &caller, centre, id, &done).await;
    }
    let rebooked = change(&web.hub, &atlas, &caller, id, version, wish).await?;
    if let Rebooked::Done(_) = rebooked {
        return Ok(Redirect::to(&format!("/bookings/{id}?changed=1")).into_response());
    }
    let problem = why(&f, centre, &rebooked);
    let booking = see(&web.hub, &caller, id).await?;
    page(&atlas, &caller, &booking, Some(&fields), Some(problem))
}

/// Tells of each booking of a series what became of it.
async fn many(
    web: &Web,
    caller: &Caller,
    centre: &Centre,
    id: BookingId,
    done: &[(BookingId, Rebooked)],
) -> Result<Response, Refused> {
    let f = Frame::new(caller, Part::Bookings);
    let mut rows = Vec::with_capacity(done.len());
    for (of, rebooked) in done {
        let booking = see(&web.hub, caller, *of).await?;
        rows.push(ReachedRow {
            id: of.to_string(),
            when: when(&f, centre, &booking),
            done: matches!(rebooked, Rebooked::Done(_)),
            words: why(&f, centre, rebooked).0,
        });
    }
    let count = rows.iter().filter(|row| row.done).count();
    let heading = if f.ja() {
        format!("{count}日分の時間を変えました")
    } else {
        format!("{count} changed")
    };
    Ok(reached(f, id.to_string(), centre, heading, rows))
}

/// What became of a change, in a line and another.
fn why(f: &Frame, centre: &Centre, rebooked: &Rebooked) -> (String, String) {
    let (title, lead) = match rebooked {
        Rebooked::Done(booking) if booking.status == BookingStatus::Asked => {
            (f.say("申し込みました（承認待ち）", "Asked for, waits for approval"), String::new())
        }
        Rebooked::Done(_) => (f.say("変えました", "Changed"), String::new()),
        Rebooked::Not(NoOrder::Bad(bad)) => (
            f.say("その時間では予約できません", "That time cannot be booked"),
            words::bad_wish(f.language(), bad, centre),
        ),
        Rebooked::Not(NoOrder::Closed(_, reason)) | Rebooked::NoRoom(NoRoom::Closed(_, reason)) => {
            (f.say("その時間は休館です", "The centre is closed then"), f.get(reason).to_owned())
        }
        Rebooked::NoRoom(NoRoom::Quota(over)) => (
            f.say("予約できる量の上限を超えます", "That is more than may be booked"),
            words::over(f.language(), over),
        ),
        Rebooked::NoRoom(NoRoom::NoRoomForAge(_)) => (
            f.say(
                "この保育室では、その年齢のお子さまを預かれません",
                "The nursery takes no child of that age",
            ),
            String::new(),
        ),
        Rebooked::NoRoom(NoRoom::NurseryShut(slot, open)) => (
            f.say("その時間、保育室は開いていません", "The nursery is not open then"),
            words::nursery_open(f.language(), slot, open, centre.time_zone),
        ),
        Rebooked::NoRoom(NoRoom::NotUnder(_, when, why)) => (
            f.say("保育の制度の決まりで予約できません", "The childcare scheme does not allow it"),
            words::not_under(f.language(), when, why.as_ref(), centre.time_zone),
        ),
        Rebooked::NoRoom(NoRoom::SiteSilent(_)) => (
            f.say("今日の保育は予約できません", "Care for today cannot be booked"),
            words::site_silent(f.language()).to_owned(),
        ),
        Rebooked::NoRoom(NoRoom::NeedsInterview { fixed, .. }) => (
            words::needs_interview(f.language()),
            words::interview_fixed(f.language(), *fixed, centre.time_zone),
        ),
        Rebooked::NoRoom(NoRoom::CareShort(lacks)) => (
            f.say("その時間は保育の体制が足りません", "The nursery is short then"),
            words::lacks(f.language(), lacks, centre.time_zone),
        ),
        Rebooked::NoRoom(
            NoRoom::Care(_) | NoRoom::NoNursery | NoRoom::ChildElsewhere(..) | NoRoom::NotTheirs(_),
        ) => (
            f.say("その時間の保育に空きがありません", "No care place is free then"),
            f.say("別の時間をお試しください。", "Please try another time.").to_owned(),
        ),
        Rebooked::NoRoom(NoRoom::Desk { .. }) | Rebooked::Not(_) => (
            f.say("その時間の席に空きがありません", "No desk is free then"),
            f.say("別の時間をお試しください。", "Please try another time.").to_owned(),
        ),
        Rebooked::TooLate(_) => (
            f.say("変更できる時間を過ぎました", "It is too late to change it"),
            f.say("センターに電話してください。", "Please call the centre.").to_owned(),
        ),
        Rebooked::InCare(_) => (
            f.say("お子さまをお預かりしています", "A child is in care"),
            f.say("お迎えのあとで変えられます。", "It can be changed once the child is collected.")
                .to_owned(),
        ),
        Rebooked::Newer(_) | Rebooked::Fixed(_) => (
            f.say("この予約は変わりました", "The booking has changed meanwhile"),
            f.say("いまの予約を確かめてください。", "Please look at it as it is now.").to_owned(),
        ),
    };
    (title.to_owned(), lead)
}

/// Whether a booking has one stretch alone, and can be changed on one small page.
pub(super) fn is_simple(booking: &Booking) -> bool {
    wish_of(booking).slots.len() == 1
}

fn asked(fields: &Fields, zone: chrono_tz::Tz) -> Option<Interval> {
    let day: NaiveDate = fields.get("date").parse().ok()?;
    let minutes = |text: &str| {
        let time = chrono::NaiveTime::parse_from_str(text, "%H:%M").ok()?;
        Some(time.hour() * 60 + time.minute())
    };
    let from = opening::local(day, minutes(fields.get("from"))?, zone)?;
    Interval::new(from, opening::local(day, minutes(fields.get("to"))?, zone)?).ok()
}

fn page(
    atlas: &Atlas,
    caller: &Caller,
    booking: &Booking,
    typed: Option<&Fields>,
    problem: Option<(String, String)>,
) -> Result<Response, Refused> {
    let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
    let zone = centre.time_zone;
    let f = Frame::new(caller, Part::Bookings);
    let slots = wish_of(booking).slots;
    let first = slots.first().ok_or(Refused::NotFound)?;
    let (starts, ends) = (first.starts().with_timezone(&zone), first.ends().with_timezone(&zone));
    let or = |name: &str, kept: String| match typed.map(|fields| fields.get(name)) {
        Some(typed) if !typed.is_empty() => typed.to_owned(),
        _ => kept,
    };
    let status = if problem.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let page = Page {
        id: booking.id.to_string(),
        version: booking.version,
        date: or("date", starts.format("%Y-%m-%d").to_string()),
        from: or("from", starts.format("%H:%M").to_string()),
        to: or("to", ends.format("%H:%M").to_string()),
        step: centre.settings.grain_minutes * 60,
        now: slots.iter().map(|slot| words::day_and_hours(f.language(), slot, zone)).collect(),
        centre: f.get(&centre.name).to_owned(),
        in_series: booking.series.is_some(),
        approved_anew: booking.status == BookingStatus::Confirmed
            && caller.person.as_ref().is_some_and(|person| person.id == booking.person)
            && approvals(atlas, centre, &wish_of(booking), booking.on_account_of).any(),
        problem,
        f,
    };
    Ok(html(status, &page))
}
