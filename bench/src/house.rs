//! A large house: 100,000 credentials on its sheet, one desk each for the first thousand of their holders.
#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a measurement stops at the first surprise"
)]

use chrono::{DateTime, TimeDelta, Utc};
use model::booking::BookingCode;
use model::card::CardLevel;
use model::centre::{CentreSettings, Door, Space, SpaceKind};
use model::day_sheet::{
    CredentialDigest, DaySheet, SheetBooking, SheetCredential, SheetDesk, SheetPerson, Site,
    SiteDevice,
};
use model::id::{BookingId, CentreId, CredentialId, PersonId, SpaceId};
use model::interval::Interval;
use model::language::{Language, LocalText};
use uuid::Uuid;

/// Credentials on the sheet.
pub const CREDENTIALS: u32 = 100_000;
/// Desks, and bookings for now.
pub const DESKS: u32 = 1_000;

/// Its sheet, for a site of this name. `digest` is what stands for the card of a person.
#[must_use]
pub fn sheet(
    slug: &str,
    now: DateTime<Utc>,
    devices: Vec<SiteDevice>,
    digest: impl Fn(u32) -> CredentialDigest,
) -> DaySheet {
    let centre = CentreId(id(1, 0));
    let text = |text: &str| LocalText::new(text, text);
    DaySheet {
        made_at: now,
        version: 1,
        not_after: now + TimeDelta::days(2),
        site: Site {
            centre,
            slug: slug.parse().unwrap(),
            name: text(slug),
            settings: CentreSettings::default(),
            spaces: (0..DESKS)
                .map(|n| Space {
                    id: SpaceId(id(2, n)),
                    centre,
                    kind: SpaceKind::Desk,
                    label: format!("A-{n:04}"),
                    zone: LocalText::new("窓側", "By the window"),
                    terminal: None,
                    features: Default::default(),
                    row: 0,
                })
                .collect(),
            doors: vec![Door {
                device: format!("{slug}-entrance").parse().unwrap(),
                name: text("door"),
                unlock_seconds: 5,
                plan: None,
            }],
            zone: None,
            holidays: Default::default(),
            sensors: Vec::new(),
        },
        devices,
        credentials: (0..CREDENTIALS)
            .map(|n| SheetCredential {
                digest: digest(n),
                credential: CredentialId(id(3, n)),
                person: PersonId(id(4, n)),
                generation: 1,
                blocked: false,
                valid_until: None,
                level: CardLevel::Identifier,
                least: CardLevel::Identifier,
            })
            .collect(),
        people: (0..CREDENTIALS)
            .map(|n| SheetPerson { id: PersonId(id(4, n)), language: Language::Ja, pin: None })
            .collect(),
        bookings: (0..DESKS)
            .map(|n| SheetBooking {
                id: BookingId(id(5, n)),
                person: PersonId(id(4, n)),
                code: BookingCode::from_random(u64::from(n)),
                desks: vec![SheetDesk {
                    space: SpaceId(id(2, n)),
                    when: Interval::new(now, now + TimeDelta::hours(4)).unwrap(),
                }],
                children: 0,
                released: Vec::new(),
            })
            .collect(),
        care: None,
        stopped: Vec::new(),
        lease: Vec::new(),
    }
}

/// The id of something of a kind.
#[must_use]
pub fn id(kind: u128, number: u32) -> Uuid {
    Uuid::from_u128(kind << 64 | u128::from(number))
}
