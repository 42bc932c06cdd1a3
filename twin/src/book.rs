//! The sheet, arranged so that a tap is looked up and not searched for.

use std::collections::{HashMap, HashSet};

use bevy_ecs::prelude::Resource;
use chrono::{DateTime, TimeDelta, Utc};
use model::booking::BookingCode;
use model::centre::{CentreSettings, Door, SpaceKind};
use model::day_sheet::{
    CredentialDigest, DaySheet, SheetBooking, SheetCare, SheetCredential, SheetDesk, SheetPerson,
};
use model::door::{Asked, Calendar, Side};
use model::id::{BookingId, CentreId, DeviceId, PersonId, SpaceId};
use model::language::Language;
use model::lease::LeasedSpace;
use model::no_show;
use model::sensor::Sensor;
use model::voucher::{Knowledge, Voucher, Worth, weigh};

use crate::fact::PinOf;
use crate::snapshot::OpenVisit;

#[derive(Resource, Debug, Default)]
pub(crate) struct Book {
    /// No new check-ins from this instant on; none before the first sheet.
    pub not_after: Option<DateTime<Utc>>,
    /// Whose sheet it is.
    centre: Option<CentreId>,
    made_at: DateTime<Utc>,
    /// When the hub last said that it is its newest.
    pub newest_at: Option<DateTime<Utc>>,
    /// What it says of children, where it does.
    pub care: Option<SheetCare>,
    pub settings: CentreSettings,
    pub doors: Vec<Door>,
    calendar: Option<Calendar>,
    pub sensors: Vec<Sensor>,
    pub credentials: HashMap<CredentialDigest, SheetCredential>,
    /// Lost and blocked cards of others.
    pub stopped: HashSet<CredentialDigest>,
    pub people: HashMap<PersonId, SheetPerson>,
    pub bookings: Vec<SheetBooking>,
    /// What may be given to whoever walks in.
    pub lease: Vec<LeasedSpace>,
    by_id: HashMap<BookingId, usize>,
    by_code: HashMap<BookingCode, usize>,
    by_person: HashMap<PersonId, Vec<usize>>,
    terminals: HashMap<SpaceId, DeviceId>,
    labels: HashMap<SpaceId, String>,
    /// By label.
    spaces: Vec<(SpaceId, SpaceKind)>,
    /// Every claim's deadline, latest first, so that the next one is popped.
    pub deadlines: Vec<Deadline>,
    /// Whether the site's clock is in doubt.
    pub clock_unset: bool,
    /// Since when guests have been able to check in; nothing while they are not, in a lockdown neither.
    pub serving_since: Option<DateTime<Utc>>,
}

/// A claim that somebody has to come for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub at: DateTime<Utc>,
    pub booking: BookingId,
    pub desk: SheetDesk,
}

impl Deadline {
    fn latest_first(&self) -> std::cmp::Reverse<(DateTime<Utc>, BookingId, SpaceId)> {
        std::cmp::Reverse((self.at, self.booking, self.desk.space))
    }
}

impl Book {
    pub fn new(sheet: &DaySheet) -> Self {
        let settings = sheet.site.settings.clone();
        let mut by_person: HashMap<PersonId, Vec<usize>> = HashMap::new();
        for (at, booking) in sheet.bookings.iter().enumerate() {
            by_person.entry(booking.person).or_default().push(at);
        }
        let mut deadlines: Vec<Deadline> = sheet
            .bookings
            .iter()
            .flat_map(|booking| booking.desks.iter().map(|desk| (booking.id, *desk)))
            .map(|(booking, desk)| Deadline {
                at: no_show::deadline(&desk.when, &settings),
                booking,
                desk,
            })
            .collect();
        deadlines.sort_by_key(Deadline::latest_first);
        let numbered = || sheet.bookings.iter().enumerate();
        let mut spaces: Vec<_> = sheet.site.spaces.iter().collect();
        spaces.sort_by_key(|space| (&space.label, space.id));
        Self {
            not_after: Some(sheet.not_after),
            centre: Some(sheet.site.centre),
            made_at: sheet.made_at,
            newest_at: None,
            care: sheet.care.clone(),
            settings,
            doors: sheet.site.doors.clone(),
            calendar: (sheet.site.zone)
                .map(|zone| Calendar { zone, holidays: sheet.site.holidays.clone() }),
            sensors: sheet.site.sensors.clone(),
            credentials: sheet.credentials.iter().map(|c| (c.digest, c.clone())).collect(),
            stopped: sheet.stopped.iter().copied().collect(),
            people: sheet.people.iter().map(|person| (person.id, person.clone())).collect(),
            by_id: numbered().map(|(at, booking)| (booking.id, at)).collect(),
            by_code: numbered().map(|(at, booking)| (booking.code, at)).collect(),
            by_person,
            bookings: sheet.bookings.clone(),
            lease: sheet.lease.clone(),
            terminals: (sheet.site.spaces.iter())
                .filter_map(|space| Some((space.id, space.terminal.clone()?)))
                .collect(),
            labels: sheet.site.spaces.iter().map(|s| (s.id, s.label.clone())).collect(),
            spaces: spaces.into_iter().map(|space| (space.id, space.kind)).collect(),
            deadlines,
            clock_unset: false,
            serving_since: None,
        }
    }

    pub fn booking(&self, id: BookingId) -> Option<&SheetBooking> {
        self.by_id.get(&id).and_then(|&at| self.bookings.get(at))
    }

    pub fn booking_of(&self, code: BookingCode) -> Option<&SheetBooking> {
        self.by_code.get(&code).and_then(|&at| self.bookings.get(at))
    }

    pub fn bookings_of(&self, person: PersonId) -> impl Iterator<Item = &SheetBooking> {
        let numbers = self.by_person.get(&person).map_or(&[][..], Vec::as_slice);
        numbers.iter().filter_map(|&at| self.bookings.get(at))
    }

    pub fn language(&self, person: PersonId) -> Option<Language> {
        self.people.get(&person).map(|person| person.language)
    }

    pub fn has(&self, space: SpaceId) -> bool {
        self.labels.contains_key(&space)
    }

    pub fn label(&self, space: SpaceId) -> String {
        self.labels.get(&space).cloned().unwrap_or_default()
    }

    pub fn terminal(&self, space: SpaceId) -> Option<&DeviceId> {
        self.terminals.get(&space)
    }

    pub fn space_of(&self, terminal: &DeviceId) -> Option<SpaceId> {
        self.terminals.iter().find(|(_, device)| *device == terminal).map(|(space, _)| *space)
    }

    pub fn door(&self, device: &DeviceId) -> Option<&Door> {
        self.doors.iter().find(|door| door.device == *device)
    }

    /// The door that a reader belongs to, and its side.
    pub fn door_of_reader(&self, reader: &DeviceId) -> Option<(&Door, Side)> {
        self.doors.iter().find_map(|door| Some((door, door.side_of(reader)?)))
    }

    /// By which days and hours doors are opened; nothing while the time is in doubt.
    pub fn calendar(&self) -> Option<&Calendar> {
        self.calendar.as_ref().filter(|_| !self.clock_unset)
    }

    /// What a door asks of whoever comes in now.
    pub fn asks(&self, door: &Door, now: DateTime<Utc>) -> Asked {
        door.plan.as_ref().map(|plan| plan.asks(self.calendar(), now)).unwrap_or_default()
    }

    pub fn made_at(&self) -> DateTime<Utc> {
        self.made_at
    }

    /// Whose PIN it is, by whatever it is asked for: wrong ones are counted together.
    pub fn owner(&self, of: PinOf) -> PinOf {
        match of {
            PinOf::Booking(code) => {
                self.booking_of(code).map_or(of, |booking| PinOf::Person(booking.person))
            }
            PinOf::Person(_) | PinOf::Collector(_) => of,
        }
    }

    /// The Argon2 hash of somebody's PIN, if they have one.
    pub fn pin(&self, of: PinOf) -> Option<String> {
        match of {
            PinOf::Booking(code) => self.people.get(&self.booking_of(code)?.person)?.pin.clone(),
            PinOf::Person(person) => self.people.get(&person)?.pin.clone(),
            PinOf::Collector(id) => {
                let children = self.care.as_ref()?.children.iter();
                let mut named = children.flat_map(|child| &child.collecting.collectors);
                named.find(|one| one.id == id)?.pin.clone()
            }
        }
    }

    /// Sets later deadlines for claims whose own were popped.
    pub fn await_again(&mut self, later: Vec<Deadline>) {
        if !later.is_empty() {
            self.deadlines.extend(later);
            self.deadlines.sort_by_key(Deadline::latest_first);
        }
    }

    /// Whether guests may check in at the time `now`.
    pub fn serves(&self, now: DateTime<Utc>) -> bool {
        !self.clock_unset && self.not_after.is_some_and(|not_after| now < not_after)
    }

    /// How long before a claim its guest may come.
    pub fn early(&self) -> TimeDelta {
        TimeDelta::minutes(self.settings.early_minutes.into())
    }

    /// What a voucher is worth; nothing before the first sheet.
    pub fn weigh(&self, voucher: &Voucher, now: DateTime<Utc>) -> Option<Worth> {
        let known = Knowledge {
            centre: self.centre?,
            sheet_made_at: self.made_at,
            listed: self.by_id.contains_key(&voucher.booking),
            settings: &self.settings,
        };
        Some(weigh(voucher, &known, now))
    }

    /// The spaces of the same kind as `like`, or desks where it is none of the house's, by label.
    pub fn spaces_like(&self, like: Option<SpaceId>) -> impl Iterator<Item = SpaceId> {
        let kind = self.spaces.iter().find(|(space, _)| Some(*space) == like);
        let kind = kind.map_or(SpaceKind::Desk, |(_, kind)| *kind);
        self.spaces.iter().filter(move |(_, other)| *other == kind).map(|(space, _)| *space)
    }

    /// The language that the guest of a visit is answered in.
    pub fn language_of(&self, visit: &OpenVisit) -> Language {
        self.language(visit.person)
            .or(visit.vouched.map(|vouched| vouched.language))
            .unwrap_or_default()
    }

    /// Until when the guest of a visit may stay, as the sheet stands `now`: the end of the booking's
    /// last claim that has begun, and for who walked in no less than was promised. Of a booking that is not on
    /// the sheet it is what their voucher said, or else the longest stretch that can be booked.
    pub fn until(&self, visit: &OpenVisit, now: DateTime<Utc>) -> DateTime<Utc> {
        let since = visit.since;
        self.booking(visit.booking)
            .into_iter()
            .flat_map(|booking| &booking.desks)
            .filter(|desk| desk.when.ends() > since && desk.when.starts() - self.early() <= now)
            .map(|desk| desk.when.ends())
            .chain(visit.walk_in)
            .max()
            .or_else(|| visit.vouched.map(|vouched| vouched.until))
            .or_else(|| {
                let longest = TimeDelta::minutes(self.settings.longest_minutes.into());
                since.checked_add_signed(longest)
            })
            .unwrap_or(since)
    }
}
