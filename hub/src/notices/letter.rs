//! What a mail says: a subject and a text in the reader's language.

use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};
use model::booking::{Booking, BookingStatus, slots_of};
use model::centre::Centre;
use model::interval::Interval;
use model::language::Language;
use model::notice::{NoticeBody, NoticeKind};
use webauthn_rs::prelude::Url;

use super::calendar::{Stretch, stretches};
use crate::pages::words;
use crate::service::atlas::Atlas;

/// The words of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// What a letter is written from.
pub struct Occasion<'a> {
    /// What it says.
    pub kind: NoticeKind,
    /// What no booking holds.
    pub body: &'a NoticeBody,
    /// Of which booking, if of one.
    pub booking: Option<&'a Booking>,
    /// Who reads it.
    pub reader: &'a str,
    /// Whose booking it is.
    pub guest: &'a str,
    /// In which language.
    pub language: Language,
    /// The places.
    pub atlas: &'a Atlas,
    /// Where the pages are.
    pub public_url: &'a Url,
}

/// Writes it; none where it would say nothing, because the place or the time is not known.
///
/// # Errors
/// When the words cannot be put together.
pub fn write(of: &Occasion<'_>) -> Result<Option<Letter>, askama::Error> {
    let Some(facts) = Facts::of(of) else { return Ok(None) };
    let m = &facts;
    let written = match of.kind {
        NoticeKind::Made => Made { m }.render(),
        NoticeKind::Changed => Changed { m }.render(),
        NoticeKind::Moved => Moved { m }.render(),
        NoticeKind::Cancelled => Cancelled { m }.render(),
        NoticeKind::Late => Late { m }.render(),
        NoticeKind::Released => Released { m }.render(),
        NoticeKind::Held => Held { m }.render(),
        NoticeKind::HoldLapsed => HoldLapsed { m }.render(),
        NoticeKind::Waitlisted => Waitlisted { m }.render(),
        NoticeKind::ApprovalAsked => ApprovalAsked { m }.render(),
        NoticeKind::Approved => Approved { m }.render(),
        NoticeKind::Declined => Declined { m }.render(),
        NoticeKind::Closure => Closure { m }.render(),
        NoticeKind::Recalled => Recalled { m }.render(),
        NoticeKind::CollectSoon => CollectSoon { m }.render(),
        NoticeKind::CollectLate => CollectLate { m }.render(),
    }?;
    let (subject, text) = written.trim_start().split_once('\n').unwrap_or((&written, ""));
    Ok(Some(Letter { subject: one_line(subject), text: tidy(text) }))
}

/// The templates, each with its own file.
macro_rules! words {
    ($($name:ident = $path:literal;)+) => {$(
        #[derive(Template)]
        #[template(path = $path, whitespace = "preserve")]
        struct $name<'a> {
            m: &'a Facts,
        }
    )+};
}

words! {
    Made = "notices/made.txt";
    Changed = "notices/changed.txt";
    Moved = "notices/moved.txt";
    Cancelled = "notices/cancelled.txt";
    Late = "notices/late.txt";
    Released = "notices/released.txt";
    Held = "notices/held.txt";
    HoldLapsed = "notices/hold-lapsed.txt";
    Waitlisted = "notices/waitlisted.txt";
    ApprovalAsked = "notices/approval-asked.txt";
    Approved = "notices/approved.txt";
    Declined = "notices/declined.txt";
    Closure = "notices/closure.txt";
    Recalled = "notices/recalled.txt";
    CollectSoon = "notices/collect-soon.txt";
    CollectLate = "notices/collect-late.txt";
}

/// What the words may name. Children are a number: a mail passes through many hands.
struct Facts {
    language: Language,
    reader: String,
    guest: String,
    centre: String,
    address: String,
    first_day: String,
    when: Vec<String>,
    desks: Option<String>,
    children: Option<String>,
    nursery: Option<String>,
    /// When care is, where hand-overs make it longer than the desk.
    care_hours: Option<String>,
    code: Option<String>,
    opens: Option<String>,
    answer_by: Option<String>,
    reason: Option<String>,
    desk: Option<String>,
    /// The one space that is shut, where it is not the whole centre.
    shut: Option<String>,
    /// When the centre, or the space, is shut.
    shut_when: Option<String>,
    stands: bool,
    /// Whether it waits for an approval.
    asked: bool,
    /// Whether an approval did not come in time.
    unanswered: bool,
    link: String,
    search: String,
}

impl Facts {
    fn of(of: &Occasion<'_>) -> Option<Self> {
        let Occasion { kind, body, booking, language, atlas, public_url, .. } = of;
        let language = *language;
        let told = match (booking, &body.wish) {
            (Some(booking), _) => of_booking(booking, *kind, body),
            (None, Some(wish)) => Told {
                slots: wish.slots.clone(),
                care: Vec::new(),
                desks: wish.desks as usize,
                children: wish.children as usize,
            },
            (None, None) => return None,
        };
        let centre = match (booking, &body.wish) {
            (Some(booking), _) => booking.centre,
            (None, Some(wish)) => wish.centre,
            (None, None) => return None,
        };
        let centre: &Centre = atlas.centre(centre)?;
        let zone = centre.time_zone;
        let first = told.slots.first()?;
        let stands = booking.is_some_and(|b| b.status == BookingStatus::Confirmed);
        let early = TimeDelta::minutes(centre.settings.early_minutes.into());
        // Whoever approves is often the employer: children are not their business.
        let tells_care = *kind != NoticeKind::ApprovalAsked;
        let nursery = booking
            .filter(|_| tells_care)
            .and_then(|booking| booking.care.first())
            .and_then(|claim| atlas.nurseries.iter().find(|one| one.id == claim.nursery));
        let local = |time| words::day_and_clock(language, time, zone);
        let closure = body.closure.and_then(|id| atlas.closure(id));
        let shut = closure.and_then(|closure| atlas.space(closure.space?));
        let reason = match closure {
            Some(closure) => Some(closure.reason.get(language)),
            None => body.reason.as_deref(),
        };
        let link = match booking {
            // Who answers for a child need not be who has booked.
            Some(_) if is_about_a_child(*kind) => format!("{public_url}children"),
            Some(booking) => format!("{public_url}bookings/{}", booking.id),
            None => format!("{public_url}bookings"),
        };
        Some(Self {
            language,
            reader: one_line(of.reader),
            guest: one_line(of.guest),
            centre: one_line(centre.name.get(language)),
            address: one_line(centre.address.get(language)),
            first_day: words::day(language, first.starts().with_timezone(&zone).date_naive()),
            when: told
                .slots
                .iter()
                .map(|slot| words::day_and_hours(language, slot, zone))
                .collect(),
            desks: count(told.desks, language, "席", ("desk", "desks")),
            children: count(
                if tells_care { told.children } else { 0 },
                language,
                "人",
                ("child", "children"),
            ),
            nursery: nursery.map(|nursery| one_line(nursery.name.get(language))),
            care_hours: words::care_hours(
                language,
                &told.slots,
                told.care.iter().copied().filter(|_| tells_care),
                zone,
            ),
            code: booking
                .filter(|_| stands && !is_about_a_child(*kind))
                .map(|booking| booking.code.to_string()),
            opens: booking
                .filter(|booking| !booking.desks.is_empty())
                .map(|_| words::clock(first.starts() - early, zone)),
            answer_by: body.answer_by.map(local),
            reason: reason.map(one_line).filter(|text| !text.is_empty()),
            shut: shut.map(|space| one_line(&space.label)),
            shut_when: closure.map(|closure| words::from_to(language, &closure.when, zone)),
            desk: body.desk.as_deref().map(one_line).filter(|text| !text.is_empty()),
            stands,
            asked: booking.is_some_and(|b| b.status == BookingStatus::Asked),
            unanswered: body.unanswered,
            link,
            search: public_url.to_string(),
        })
    }

    fn ja(&self) -> bool {
        self.language == Language::Ja
    }

    fn say<'t>(&self, ja: &'t str, en: &'t str) -> &'t str {
        if self.ja() { ja } else { en }
    }
}

/// Whether it calls for those who answer for a child, whoever has booked.
fn is_about_a_child(kind: NoticeKind) -> bool {
    matches!(kind, NoticeKind::Recalled | NoticeKind::CollectSoon | NoticeKind::CollectLate)
}

/// What of a booking a letter tells of.
struct Told {
    slots: Vec<Interval>,
    care: Vec<Interval>,
    desks: usize,
    children: usize,
}

/// What stands; where something ended, what ended.
fn of_booking(booking: &Booking, kind: NoticeKind, body: &NoticeBody) -> Told {
    let all = stretches(booking);
    let is_meant = |stretch: &&Stretch| match kind {
        NoticeKind::Released if body.released_at.is_some() => {
            stretch.released_at == body.released_at
        }
        kind => {
            let of_then = |by: DateTime<Utc>| {
                let starts = stretch.when.starts();
                by - TimeDelta::days(1) < starts && starts < by
            };
            // Of several days that one is meant.
            let then = body.answer_by.filter(|_| is_about_a_child(kind)).is_none_or(of_then);
            then && stretch.released_at.is_some() == kind.is_an_end()
        }
    };
    let mut meant: Vec<&Stretch> = all.iter().filter(is_meant).collect();
    if meant.is_empty() {
        meant = all.iter().collect();
    }
    let when = |care: bool| {
        let of_kind = meant.iter().filter(move |stretch| stretch.care == care);
        of_kind.map(|stretch| stretch.when)
    };
    let slots = slots_of(when(false), when(true));
    let care = when(true).collect();
    let most = |care: bool| {
        let of_kind = meant.iter().filter(|stretch| stretch.care == care);
        of_kind.map(|stretch| stretch.count).max().unwrap_or_default()
    };
    Told { slots, care, desks: most(false), children: most(true) }
}

fn count(n: usize, language: Language, ja: &str, (one, many): (&str, &str)) -> Option<String> {
    match (n, language) {
        (0, _) => None,
        (n, Language::Ja) => Some(format!("{n}{ja}")),
        (1, Language::En) => Some(format!("1 {one}")),
        (n, Language::En) => Some(format!("{n} {many}")),
    }
}

/// One line, whatever was typed.
fn one_line(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Paragraphs with one empty line between them, whatever the template's own tags left.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.trim().lines().map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            // Mail programs know the end of a mail by the dash and its space.
            tidy.push_str(if line == "--" { "-- " } else { line });
            tidy.push('\n');
        }
    }
    tidy
}
