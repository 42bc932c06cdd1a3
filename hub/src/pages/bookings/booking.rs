//! One booking: its code and voucher, when and where, and the way to give it up.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use model::booking::{Approvals, Booking, BookingStatus};
use model::centre::Centre;
use model::child::Child;
use model::interval::Interval;
use model::permission::{Action, Target, may};

use super::{
    Status, barred, change, child_names, desk_count, met, repeat, shut_then, status, stretches,
};
use crate::pages::fields::Asked;
use crate::pages::frame::{Frame, Part};
use crate::pages::like::Like;
use crate::pages::{html, words};
use crate::service::atlas::Atlas;
use crate::service::voucher::{self, Issued};
use crate::service::{Caller, Refused, booking as service, children, qr};
use crate::typed;
use crate::web::Web;

#[derive(Template)]
#[template(path = "bookings/booking.html")]
struct Page {
    f: Frame,
    id: String,
    heading: String,
    /// From when on what is not charged.
    refunds: Vec<String>,
    just_made: bool,
    stands: bool,
    /// Whether its guest can come in by it.
    lets_in: bool,
    when: Vec<String>,
    centre: String,
    slug: String,
    address: String,
    status: Status,
    code: String,
    desks: Option<String>,
    /// The desk that its guest picked; the number of any other may change until they come.
    picked: Option<String>,
    like: Option<String>,
    /// Whether it is of a series.
    in_series: bool,
    can_repeat: bool,
    children: Option<String>,
    nursery: Option<String>,
    /// When care is, where hand-overs make it longer than the desk.
    care_hours: Option<String>,
    /// The schemes it is under.
    schemes: Option<String>,
    opens: Option<String>,
    can_cancel: bool,
    can_change: bool,
    /// Until when it is held for its guest, where it is.
    held_until: Option<String>,
    /// Whose approval is waited for, and until when, where one is.
    asked: Option<(&'static str, String)>,
    /// What a page that led here has to say.
    said: Option<&'static str>,
    voucher: Option<Shown>,
    shut: Vec<Shut>,
}

/// A closure that stands in the booking's way.
struct Shut {
    /// The space, where it is one and the guest picked it.
    space: Option<String>,
    /// Whether it is a desk that was kept for a guest who picked none.
    another_desk: bool,
    /// Whether it meets only a part of the booking.
    others_stand: bool,
    when: String,
    reason: String,
}

/// The voucher of one day.
struct Shown {
    day: String,
    picture: String,
    text: String,
    /// The booking's other days, with their addresses.
    others: Vec<(String, String)>,
}

/// `/bookings/{id}`
pub async fn get(
    State(web): State<Web>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(fields): Asked,
) -> Result<Response, Refused> {
    let hub = &web.hub;
    caller.signed_in()?;
    let id = id.parse().map_err(|_| Refused::NotFound)?;
    let looked_at = hub.now();
    let booking = service::see(hub, &caller, id).await?;
    let atlas = web.atlas().await?;
    let centre = atlas.centre(booking.centre).ok_or(Refused::NotFound)?;
    let own = children::list_if_any(hub, &caller).await?;
    let f = Frame::new(&caller, Part::Bookings);
    let zone = centre.time_zone;
    let slots = stretches(&booking);
    let just_made = !fields.get("new").is_empty() && booking.status == BookingStatus::Confirmed;
    let nursery = atlas.nursery(centre.id).filter(|_| !booking.care.is_empty());
    let to_come = booking.to_come(looked_at);
    let shut_slots: BTreeSet<Interval> = met(&atlas, &booking).map(|(_, slot)| slot).collect();
    let others_stand = to_come.iter().any(|slot| !shut_slots.contains(slot));
    let closures = atlas.closures_of(centre.id).filter(|closure| closure.meets(&booking));
    let shut = closures.map(|closure| Shut {
        another_desk: closure.space.is_some() && !booking.needs.pinned,
        space: closure
            .space
            .filter(|_| booking.needs.pinned)
            .and_then(|id| atlas.space(id))
            .map(|space| space.label.clone()),
        others_stand,
        when: words::from_to(f.language(), &closure.when, zone),
        reason: f.get(&closure.reason).to_owned(),
    });
    let shut: Vec<Shut> = shut.collect();
    // Whoever has to move, or to stay away, is shown no way in.
    let barred = barred(&atlas, &booking);
    let stands = booking.status == BookingStatus::Confirmed;
    let lets_in = stands && (to_come.is_empty() || to_come.iter().any(|one| !barred.contains(one)));
    let carries = may(&caller.actor, Action::CarryVoucher, &Target::of(booking.person));
    let voucher = if carries && lets_in {
        let open: BTreeSet<NaiveDate> = to_come
            .iter()
            .filter(|slot| !barred.contains(slot))
            .map(|slot| slot.starts().with_timezone(&zone).date_naive())
            .collect();
        shown(&web, &f, centre, &booking, fields.get("day"), &open, looked_at).await?
    } else {
        None
    };
    let early = chrono::TimeDelta::minutes(centre.settings.early_minutes.into());
    let opens = booking.desks.first().map(|claim| words::clock(claim.when.starts() - early, zone));
    let heading = match (just_made, booking.desks.is_empty(), booking.care.is_empty()) {
        (true, false, false) => f.say("席と保育、両方とれました", "Desk and care are both yours"),
        (true, false, true) => f.say("席がとれました", "The desk is yours"),
        (true, true, _) => f.say("保育がとれました", "The care place is yours"),
        (false, ..) => f.say("予約", "Booking"),
    };
    let until = |status| {
        let lapses = booking.lapses_at.filter(|_| booking.status == status)?;
        Some(words::day_and_clock(f.language(), lapses, zone))
    };
    let said = if !fields.get("changed").is_empty() {
        Some(if booking.status == BookingStatus::Asked {
            f.say("変更を申し込みました", "You have asked for the change")
        } else {
            f.say("日時を変えました", "The time is changed")
        })
    } else if !fields.get("late").is_empty() {
        Some(f.say(
            "取り消せる時間を過ぎました。センターに電話してください",
            "It is too late to cancel here; please call the centre",
        ))
    } else if !fields.get("over").is_empty() {
        Some(f.say(
            "利用できる回数や時間の上限を超えるため、確定できません。ほかの予約を減らすと確定できます",
            "It goes over how much you may book: give another booking up, and you can confirm it",
        ))
    } else {
        None
    };
    let status = shut_then(&f, &atlas, &booking).unwrap_or_else(|| status(&f, &booking, hub.now()));
    let page = Page {
        id: booking.id.to_string(),
        heading: heading.to_owned(),
        just_made,
        stands,
        lets_in,
        when: slots.iter().map(|slot| words::day_and_hours(f.language(), slot, zone)).collect(),
        centre: f.get(&centre.name).to_owned(),
        slug: centre.slug.to_string(),
        address: f.get(&centre.address).to_owned(),
        status,
        shut,
        code: booking.code.to_string(),
        desks: desk_count(&f, &booking),
        picked: booking
            .desks
            .iter()
            .rfind(|claim| booking.needs.pinned && claim.released_at.is_none())
            .and_then(|claim| atlas.space(claim.space))
            .map(|space| space.label.clone()),
        refunds: refunds(&f, &booking, &own, zone),
        like: Like::of(&service::wish_of(&booking)).said(&f),
        in_series: booking.series.is_some(),
        can_repeat: repeat::can_repeat(&caller, &booking, centre),
        children: child_names(&f, &booking, &own),
        nursery: nursery.map(|nursery| f.get(&nursery.name).to_owned()),
        care_hours: words::care_hours(f.language(), &slots, care_times(&booking), zone),
        schemes: schemes(&f, &atlas, &booking),
        opens,
        voucher,
        can_cancel: service::can_cancel(&caller, &booking, hub.now()),
        can_change: service::can_cancel(&caller, &booking, hub.now())
            && slots.first().is_some_and(|first| hub.now() < first.starts())
            && change::is_simple(&booking),
        held_until: until(BookingStatus::Held),
        asked: until(BookingStatus::Asked).map(|until| (waits_for(&f, booking.awaits), until)),
        said,
        f,
    };
    Ok(html(StatusCode::OK, &page))
}

/// The times of care as they stand; as they were, where none does any more.
fn care_times(booking: &Booking) -> impl Iterator<Item = Interval> {
    let stands = booking.care.iter().any(|claim| claim.released_at.is_none());
    let meant = booking.care.iter().filter(move |claim| !stands || claim.released_at.is_none());
    meant.map(|claim| claim.when)
}

/// What the schemes of its care are called, each once.
fn schemes(f: &Frame, atlas: &Atlas, booking: &Booking) -> Option<String> {
    let names: BTreeSet<&str> =
        booking.care.iter().filter_map(|claim| claim.scheme.as_deref()).collect();
    let title = |name: &&str| {
        let known = atlas.schemes.iter().find(|scheme| scheme.name == *name);
        known.map_or_else(|| (*name).to_owned(), |scheme| f.get(&scheme.title).to_owned())
    };
    let titles: Vec<String> = names.iter().map(title).collect();
    (!titles.is_empty()).then(|| titles.join(f.say("、", ", ")))
}

/// Whose approval is waited for.
fn waits_for(f: &Frame, awaits: Approvals) -> &'static str {
    match (awaits.centre, awaits.employer) {
        (true, true) => f.say(
            "センターと会社の承認を待っています",
            "It waits for the centre's approval and your employer's",
        ),
        (false, true) => f.say("会社の承認を待っています", "It waits for your employer's approval"),
        (_, false) => f.say("センターの承認を待っています", "It waits for the centre's approval"),
    }
}

/// The voucher of the day that was asked for, or of the next one, of those that are `open`.
async fn shown(
    web: &Web,
    f: &Frame,
    centre: &Centre,
    booking: &Booking,
    asked: &str,
    open: &BTreeSet<NaiveDate>,
    looked_at: DateTime<Utc>,
) -> Result<Option<Shown>, Refused> {
    let days = voucher::days(centre, booking, looked_at).into_iter();
    let days: Vec<NaiveDate> = days.filter(|day| open.contains(day)).collect();
    let asked = typed::date(asked).filter(|day| days.contains(day));
    let Some(day) = asked.or(days.first().copied()) else { return Ok(None) };
    let issued = voucher::issue(&web.hub, centre, booking, Some(day), looked_at).await?;
    let Ok(Issued { text, .. }) = issued else { return Ok(None) };
    let others = days
        .into_iter()
        .filter(|other| *other != day)
        .map(|other| (words::day(f.language(), other), format!("?day={other}")));
    Ok(Some(Shown {
        day: words::day(f.language(), day),
        picture: qr::picture(&text)?,
        others: others.collect(),
        text,
    }))
}

/// From when on a day's care, and the desk with it, is not charged: on the days on which a child was recalled ill. Why is
/// for those alone who answer for the child.
fn refunds(f: &Frame, booking: &Booking, own: &[Child], zone: Tz) -> Vec<String> {
    let theirs = |from| {
        let mut care = booking.care.iter().filter(|claim| claim.refunded_at == Some(from));
        care.any(|claim| own.iter().any(|child| child.id == claim.child))
    };
    let desks = booking.desks.iter().filter_map(|claim| claim.refunded_at);
    let care = booking.care.iter().filter_map(|claim| claim.refunded_at);
    let from: BTreeSet<_> = desks.chain(care).collect();
    let told = from.into_iter().map(|from| {
        let day = words::day(f.language(), from.with_timezone(&zone).date_naive());
        let clock = words::clock(from, zone);
        let why = match (theirs(from), f.ja()) {
            (false, _) => "",
            (true, true) => "（体調不良のお迎え）",
            (true, false) => " (an ill child was to be collected)",
        };
        if f.ja() {
            format!("{day} {clock}からあとの料金はかかりません{why}")
        } else {
            format!("{day}: nothing is charged from {clock} on{why}")
        }
    });
    told.collect()
}
