//! The sheet, arranged so that a tap is looked up and not searched for.

use std::collections::HashMap;

use bevy_ecs::prelude::Resource;
use chrono::{DateTime, TimeDelta, Utc};
use model::booking::BookingCode;
use model::centre::{CentreSettings, Door};
use model::day_sheet::{
    CredentialDigest, DaySheet, SheetBooking, SheetCredential, SheetDesk, SheetPerson,
};
use model::id::{BookingId, DeviceId, PersonId, SpaceId};
use model::language::Language;
use model::no_show;

#[derive(Resource, Debug, Default)]
pub(crate) struct Book {
    /// No new check-ins from this instant on; none before the first sheet.
    pub not_after: Option<DateTime<Utc>>,
    pub settings: CentreSettings,
    pub doors: Vec<Door>,
    pub credentials: HashMap<CredentialDigest, SheetCredential>,
    pub people: HashMap<PersonId, SheetPerson>,
    pub bookings: Vec<SheetBooking>,
    by_id: HashMap<BookingId, usize>,
    by_code: HashMap<BookingCode, usize>,
    by_person: HashMap<PersonId, Vec<usize>>,
    terminals: HashMap<SpaceId, DeviceId>,
    labels: HashMap<SpaceId, String>,
    /// Every claim's deadline, latest first, so that the next one is popped.
    pub deadlines: Vec<Deadline>,
    /// Whether the site's clock is in doubt.
    pub clock_unset: bool,
    /// Since when guests have been able to check in; nothing while they are not.
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
        Self {
            not_after: Some(sheet.not_after),
            settings,
            doors: sheet.site.doors.clone(),
            credentials: sheet.credentials.iter().map(|c| (c.digest, c.clone())).collect(),
            people: sheet.people.iter().map(|person| (person.id, person.clone())).collect(),
            by_id: numbered().map(|(at, booking)| (booking.id, at)).collect(),
            by_code: numbered().map(|(at, booking)| (booking.code, at)).collect(),
            by_person,
            bookings: sheet.bookings.clone(),
            terminals: (sheet.site.spaces.iter())
                .filter_map(|space| Some((space.id, space.terminal.clone()?)))
                .collect(),
            labels: sheet.site.spaces.iter().map(|s| (s.id, s.label.clone())).collect(),
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

    /// Until when somebody who came at `since` may stay, as the sheet stands `now`: the end of the
    /// booking's last claim that has begun. A booking that has left the sheet gives the longest
    /// stretch that can be booked.
    pub fn until(
        &self,
        booking: BookingId,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> DateTime<Utc> {
        self.booking(booking)
            .into_iter()
            .flat_map(|booking| &booking.desks)
            .filter(|desk| desk.when.ends() > since && desk.when.starts() - self.early() <= now)
            .map(|desk| desk.when.ends())
            .max()
            .or_else(|| {
                let longest = TimeDelta::minutes(self.settings.longest_minutes.into());
                since.checked_add_signed(longest)
            })
            .unwrap_or(since)
    }
}
