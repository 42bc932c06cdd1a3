//! A small centre to try things on.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use model::booking::BookingCode;
use model::card::CardLevel;
use model::centre::{CentreSettings, Door, Space, SpaceKind};
use model::day_sheet::{
    CredentialDigest, DaySheet, SheetBooking, SheetCredential, SheetDesk, SheetPerson, Site,
};
use model::id::{BookingId, CentreId, CredentialId, DeviceId, PersonId, SpaceId, VisitId};
use model::interval::Interval;
use model::language::{Language, LocalText};
use model::voucher::Voucher;
use twin::{Moment, TappedCard};
use uuid::Uuid;

pub fn minute(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

/// `seconds` after the morning's beginning, on both clocks.
pub fn at(seconds: i64) -> Moment {
    Moment {
        now: minute(0) + TimeDelta::seconds(seconds),
        mono: Duration::from_secs(seconds.try_into().unwrap()),
    }
}

pub fn id(text: &str) -> DeviceId {
    text.parse().unwrap()
}

pub fn space(number: u128) -> SpaceId {
    SpaceId(Uuid::from_u128(number))
}

pub fn person(number: u128) -> PersonId {
    PersonId(Uuid::from_u128(number))
}

pub fn booking_id(number: u128) -> BookingId {
    BookingId(Uuid::from_u128(number))
}

pub fn visit(number: u128) -> VisitId {
    VisitId(Uuid::from_u128(number))
}

pub fn digest(number: u32) -> CredentialDigest {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    CredentialDigest(bytes)
}

/// A card that shows its identifier and proves nothing.
pub fn plain_card(number: u32) -> TappedCard {
    TappedCard::of_identifier(digest(number))
}

pub fn code(number: u64) -> BookingCode {
    BookingCode::from_random(number)
}

pub fn booking(number: u128, who: u128, claims: &[(u128, i64, i64)]) -> SheetBooking {
    SheetBooking {
        id: booking_id(number),
        person: person(who),
        code: code(u64::try_from(number).unwrap()),
        desks: claims
            .iter()
            .map(|&(number, from, to)| SheetDesk {
                space: space(number),
                when: Interval::new(minute(from), minute(to)).unwrap(),
            })
            .collect(),
        children: 0,
        released: Vec::new(),
    }
}

/// The voucher of `booking` at the small centre, issued so many minutes after the morning's beginning.
pub fn voucher(booking: SheetBooking, issued: i64) -> Voucher {
    Voucher {
        booking: booking.id,
        centre: CentreId(Uuid::from_u128(1)),
        person: booking.person,
        language: Language::En,
        version: 1,
        issued_at: minute(issued),
        code: booking.code,
        children: booking.children,
        desks: booking.desks,
    }
}

/// A centre with one door, `spaces` desks with a terminal each, and `people` with a card each.
/// The card of person 99 is blocked.
pub fn sheet(spaces: u128, people: u32, bookings: Vec<SheetBooking>) -> DaySheet {
    let centre = CentreId(Uuid::from_u128(1));
    DaySheet {
        version: 1,
        made_at: minute(0),
        not_after: minute(3 * 24 * 60),
        site: Site {
            centre,
            slug: id("yokohama"),
            name: LocalText::new("横浜", "Yokohama"),
            settings: CentreSettings::default(),
            spaces: (1..=spaces)
                .map(|number| Space {
                    id: space(number),
                    centre,
                    kind: SpaceKind::Desk,
                    label: format!("A-{number:02}"),
                    zone: LocalText::new("窓側", "By the window"),
                    terminal: Some(id(&format!("seat-{number}"))),
                    features: Default::default(),
                    row: 0,
                })
                .collect(),
            doors: vec![Door {
                device: id("door-1"),
                name: LocalText::new("入口", "Entrance"),
                unlock_seconds: 5,
                plan: None,
            }],
            zone: None,
            holidays: Default::default(),
            sensors: Vec::new(),
        },
        devices: Vec::new(),
        credentials: (1..=people)
            .map(|number| SheetCredential {
                digest: digest(number),
                credential: CredentialId(Uuid::from_u128(number.into())),
                person: person(number.into()),
                generation: 1,
                blocked: number == 99,
                valid_until: None,
                level: CardLevel::Identifier,
                least: CardLevel::Identifier,
            })
            .collect(),
        people: (1..=people)
            .map(|number| SheetPerson {
                id: person(number.into()),
                language: Language::Ja,
                pin: Some("$argon2id$".to_owned()),
            })
            .collect(),
        bookings,
        care: None,
        stopped: Vec::new(),
        lease: Vec::new(),
    }
}
