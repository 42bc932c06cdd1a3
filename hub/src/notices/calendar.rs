//! Bookings as calendars read them (RFC 5545, 5546): an event for each stretch of desks and each of
//! care, under an id that stays the same while the booking changes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use icalendar::{Calendar, Class, Component as _, Event, EventLike as _, EventStatus, Property};
use lettre::message::Mailbox;
use model::booking::{Booking, BookingStatus, Stretches};
use model::id::NurseryId;
use model::interval::Interval;
use model::language::Language;
use webauthn_rs::prelude::Url;

use crate::service::atlas::Atlas;

/// What a calendar is to do with the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Put them in, or change those that it has.
    Request,
    /// The same, and show that they are not certain yet.
    RequestTentative,
    /// Take them out.
    Cancel,
}

/// Who writes the events: with which places, in which language, for whom.
pub struct Scribe<'a> {
    /// The places.
    pub atlas: &'a Atlas,
    /// In which language.
    pub language: Language,
    /// Who invites.
    pub organizer: &'a Mailbox,
    /// Where the pages are; its name makes the events' ids the only ones of their kind.
    pub public_url: &'a Url,
}

/// One stretch of a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Whether it is one of care.
    pub care: bool,
    /// In which nursery, where it is known.
    pub nursery: Option<NurseryId>,
    /// Which of its kind, from 1, by start.
    pub number: usize,
    /// When.
    pub when: Interval,
    /// How many desks or children.
    pub count: usize,
    /// When the last of it was given free, where nothing of it is left.
    pub released_at: Option<DateTime<Utc>>,
}

/// The stretches of a booking, those given free too: desks first, each by start.
#[must_use]
pub fn stretches(booking: &Booking) -> Vec<Stretch> {
    let desks = booking.desks.iter().map(|claim| (None, claim.when, claim.released_at));
    let care = booking.care.iter().map(|c| (Some(c.nursery), c.when, c.released_at));
    let mut all = numbered(false, desks);
    all.extend(numbered(true, care));
    all
}

/// Those that a booking has no more since it was changed, and that calendars may still show. When they
/// were nobody knows any more: they stand at the time of the booking.
#[must_use]
pub fn dropped(booking: &Booking, now: DateTime<Utc>) -> Vec<Stretch> {
    let Some(when) = booking.span() else { return Vec::new() };
    let has = Stretches::of(&booking.desks, &booking.care);
    let numbers = |care, has, most| ((has + 1)..=most).map(move |number: u32| (care, number));
    let (desks, care) = (booking.most.desks, booking.most.care);
    numbers(false, has.desks, desks)
        .chain(numbers(true, has.care, care))
        .map(|(care, number)| Stretch {
            care,
            nursery: None,
            number: number as usize,
            when,
            count: 1,
            released_at: Some(now),
        })
        .collect()
}

/// The calendar that is sent with a mail to `guest`; none where there is nothing to tell.
#[must_use]
pub fn invitation(
    scribe: &Scribe<'_>,
    booking: &Booking,
    stretches: &[Stretch],
    method: Method,
    guest: &str,
    now: DateTime<Utc>,
) -> Option<String> {
    if stretches.is_empty() {
        return None;
    }
    let mut calendar = empty(match method {
        Method::Request | Method::RequestTentative => "REQUEST",
        Method::Cancel => "CANCEL",
    });
    let status = match method {
        Method::Request => EventStatus::Confirmed,
        Method::RequestTentative => EventStatus::Tentative,
        Method::Cancel => EventStatus::Cancelled,
    };
    for stretch in stretches {
        let mut event = event(scribe, booking, stretch, status, now);
        let mut attendee = Property::new("ATTENDEE", format!("mailto:{guest}"));
        attendee.add_parameter("PARTSTAT", "ACCEPTED").add_parameter("RSVP", "FALSE");
        event.append_multi_property(attendee);
        calendar.push(event);
    }
    Some(calendar.to_string())
}

/// Somebody's bookings as their calendar program fetches them. The same bookings are the same text.
#[must_use]
pub fn feed(scribe: &Scribe<'_>, bookings: &[Booking]) -> String {
    let mut calendar = empty("PUBLISH");
    calendar.name(match scribe.language {
        Language::Ja => "拠点 Kyoten の予約",
        Language::En => "Kyoten bookings",
    });
    let mut interval = Property::new("REFRESH-INTERVAL", "PT1H");
    interval.add_parameter("VALUE", "DURATION");
    calendar.append_property(interval).append_property(("X-PUBLISHED-TTL", "PT1H"));
    for booking in bookings {
        for stretch in stretches(booking) {
            let status = match (stretch.released_at, booking.status) {
                (Some(_), _) => EventStatus::Cancelled,
                (None, BookingStatus::Held | BookingStatus::Asked) => EventStatus::Tentative,
                (None, _) => EventStatus::Confirmed,
            };
            calendar.push(event(scribe, booking, &stretch, status, booking.made_at));
        }
    }
    calendar.to_string()
}

fn numbered(
    care: bool,
    claims: impl Iterator<Item = (Option<NurseryId>, Interval, Option<DateTime<Utc>>)>,
) -> Vec<Stretch> {
    let mut by_start: BTreeMap<DateTime<Utc>, Vec<_>> = BTreeMap::new();
    for claim in claims {
        by_start.entry(claim.1.starts()).or_default().push(claim);
    }
    (1..)
        .zip(by_start.into_values())
        .filter_map(|(number, claims)| {
            let live: Vec<_> = claims.iter().filter(|claim| claim.2.is_none()).copied().collect();
            let released_at = if live.is_empty() {
                claims.iter().filter_map(|claim| claim.2).max()
            } else {
                None
            };
            let shown = if live.is_empty() { claims } else { live };
            let (nursery, when, _) = *shown.iter().max_by_key(|claim| claim.1.ends())?;
            Some(Stretch { care, nursery, number, when, count: shown.len(), released_at })
        })
        .collect()
}

fn empty(method: &str) -> Calendar {
    let mut calendar = Calendar::empty();
    for (name, value) in [
        ("VERSION", "2.0"),
        ("PRODID", "-//Kyoten//Kyoten//JA"),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", method),
    ] {
        calendar.append_property((name, value));
    }
    calendar
}

fn event(
    scribe: &Scribe<'_>,
    booking: &Booking,
    stretch: &Stretch,
    status: EventStatus,
    stamp: DateTime<Utc>,
) -> Event {
    let Scribe { atlas, language, organizer, public_url } = scribe;
    let ja = *language == Language::Ja;
    let centre = atlas.centre(booking.centre);
    let place = centre.map_or("", |centre| centre.name.get(*language));
    let address = centre.map_or("", |centre| centre.address.get(*language));
    let nursery = stretch.nursery.and_then(|id| atlas.nurseries.iter().find(|one| one.id == id));
    let (kind, summary) = match (stretch.care, ja, stretch.count) {
        (false, true, n) => ("desk", format!("{n}席：{place}")),
        (false, false, 1) => ("desk", format!("Desk: {place}")),
        (false, false, n) => ("desk", format!("{n} desks: {place}")),
        (true, true, n) => ("care", format!("保育（{n}人）：{place}")),
        (true, false, 1) => ("care", format!("Childcare (1 child): {place}")),
        (true, false, n) => ("care", format!("Childcare ({n} children): {place}")),
    };
    let location = match nursery {
        Some(nursery) => {
            format!("{} {place} {address}", nursery.name.get(*language))
        }
        None => format!("{place} {address}"),
    };
    let page = format!("{public_url}bookings/{}", booking.id);
    let host = public_url.domain().unwrap_or("localhost");
    let mut event = Event::with_uid(&format!("{}-{kind}-{}@{host}", booking.id, stretch.number));
    event
        .timestamp(stamp)
        .sequence(booking.version)
        .status(status)
        .summary(&clean(&summary))
        .location(&clean(&location))
        .description(&page)
        .url(&page)
        .class(Class::Private)
        .starts(stretch.when.starts())
        .ends(stretch.when.ends());
    let mut by = Property::new("ORGANIZER", format!("mailto:{}", organizer.email));
    if let Some(name) = &organizer.name {
        by.add_parameter("CN", &clean(name).replace('"', "'"));
    }
    event.append_property(by);
    event
}

/// Without what could end a line.
fn clean(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use model::booking::{Approvals, BookingCode, BookingStatus, CareClaim, DeskClaim, DeskNeeds};
    use model::id::{BookingId, CentreId, ChildId, ClaimId, PersonId, SpaceId};
    use uuid::Uuid;

    use super::*;

    fn when(day: u32, from: u32, to: u32) -> Interval {
        let at = |hour| format!("2026-12-{day:02}T{hour:02}:00:00Z").parse().unwrap();
        Interval::new(at(from), at(to)).unwrap()
    }

    fn booking() -> Booking {
        let id = |n| Uuid::from_u128(n);
        let desk = |n, when| DeskClaim {
            id: ClaimId(id(n)),
            space: SpaceId(id(n)),
            when,
            released_at: None,
            refunded_at: None,
        };
        let care = |n, when| CareClaim {
            id: ClaimId(id(n)),
            nursery: NurseryId(id(5)),
            child: ChildId(id(n)),
            room: None,
            ages: None,
            scheme: None,
            when,
            released_at: None,
            refunded_at: None,
        };
        Booking {
            id: BookingId(id(1)),
            person: PersonId(id(2)),
            centre: CentreId(id(3)),
            code: BookingCode::from_random(12_345_678),
            status: BookingStatus::Confirmed,
            desks: vec![
                desk(10, when(1, 1, 3)),
                desk(11, when(1, 1, 3)),
                desk(12, when(2, 1, 3)),
                desk(13, when(2, 1, 3)),
            ],
            care: vec![care(20, when(1, 1, 3)), care(21, when(2, 1, 3))],
            needs: DeskNeeds::default(),
            lapses_at: None,
            awaits: Approvals::default(),
            series: None,
            on_account_of: None,
            tariff_rev: 1,
            rule_rev: 1,
            made_at: "2026-11-25T00:00:00Z".parse().unwrap(),
            most: Stretches { desks: 2, care: 2 },
            version: 1,
        }
    }

    #[test]
    fn a_stretch_keeps_its_number_while_others_are_given_free_or_end_earlier() {
        let mut booking = booking();
        let numbers = |booking: &Booking| -> Vec<(bool, usize, usize, bool)> {
            let of = |s: &Stretch| (s.care, s.number, s.count, s.released_at.is_none());
            stretches(booking).iter().map(of).collect()
        };
        assert_eq!(
            numbers(&booking),
            [(false, 1, 2, true), (false, 2, 2, true), (true, 1, 1, true), (true, 2, 1, true)]
        );
        let released = "2026-12-01T01:30:00Z".parse().unwrap();
        booking.desks[0].released_at = Some(released);
        booking.desks[1].released_at = Some(released);
        booking.desks[2].released_at = Some(released);
        booking.desks[3].when = when(2, 1, 2);
        assert_eq!(
            numbers(&booking),
            [(false, 1, 2, false), (false, 2, 1, true), (true, 1, 1, true), (true, 2, 1, true)]
        );
        let all = stretches(&booking);
        assert_eq!((all[0].when, all[0].released_at), (when(1, 1, 3), Some(released)));
        assert_eq!(all[1].when, when(2, 1, 2), "what is left counts");
    }

    #[test]
    fn what_a_change_has_dropped_keeps_its_numbers() {
        let mut booking = booking();
        let now = booking.made_at;
        assert_eq!(dropped(&booking, now), []);
        booking.desks.truncate(2);
        booking.care.clear();
        let gone = |s: &Stretch| (s.care, s.number, s.when);
        let all: Vec<_> = dropped(&booking, now).iter().map(gone).collect();
        let at = when(1, 1, 3);
        assert_eq!(all, [(false, 2, at), (true, 1, at), (true, 2, at)]);
    }

    #[test]
    fn no_name_breaks_out_of_its_line() {
        let booking = booking();
        let atlas = Atlas::default();
        let organizer = Mailbox::new(
            Some("a\"\r\nATTENDEE:mailto:x@y.example;,:".to_owned()),
            "kyoten@example.jp".parse().unwrap(),
        );
        let public_url = "https://kyoten.example".parse().unwrap();
        let scribe = Scribe {
            atlas: &atlas,
            language: Language::En,
            organizer: &organizer,
            public_url: &public_url,
        };
        let all = stretches(&booking);
        let now = booking.made_at;
        let text =
            invitation(&scribe, &booking, &all, Method::Request, "a@b.example", now).unwrap();
        let unfolded = text.replace("\r\n ", "");
        let starts = |start: &str| unfolded.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(starts("ATTENDEE"), 4, "{text}");
        assert_eq!(starts("ORGANIZER;CN=\"a'  ATTENDEE:mailto:x@y.example;,:\":mailto:"), 4);
        assert_eq!(starts("UID:00000000-0000-0000-0000-000000000001-care-2@kyoten.example"), 1);
        assert!(text.lines().all(|line| line.len() <= 75), "{text}");
        assert_eq!(invitation(&scribe, &booking, &[], Method::Cancel, "a@b.example", now), None);
        let bookings = [booking];
        assert_eq!(
            feed(&scribe, &bookings),
            feed(&scribe, &bookings),
            "no time of now stands in it"
        );
    }
}
