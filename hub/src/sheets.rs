//! Day sheets: what each site may know and do on its own, made from the plan and signed.
//!
//! Everything about a version is derived from what the database holds, so that several hubs make
//! the same sheet and none has to be kept: only its number and the digest of its content are.

mod care;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use model::booking::{Booking, BookingStatus};
use model::card::CardState;
use model::centre::{Centre, Door, Space};
use model::day_sheet::{
    CertificateDigest, DaySheet, LISTED_AHEAD, MOST_STOPPED, PERIOD, Released, SheetBooking,
    SheetChild, SheetCredential, SheetDesk, SheetPerson, Site, SiteDevice,
};
use model::id::{CentreId, PersonId};
use model::interval::Interval;
use model::lease::LeasedSpace;
use model::people::{Grant, stands};
use model::sensor::Sensor;
use ring::digest;
use store::{DeviceRecord, KeyedReference, LeaseClaim, SheetPersonRecord, StoreError};
use wire::credential::CardReference;
use wire::sealing::SectionKey;
use wire::sheet::{self, SealedSheet};

use crate::hub::Hub;
use crate::service::Refused;
use crate::service::audit::witness::wire_head;

/// Bookings of this long ago still stand on a sheet.
const BEHIND: TimeDelta = TimeDelta::days(1);
/// Older versions whose sections can still be fetched.
const OLD_VERSIONS: usize = 3;

/// Why there is no sheet.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part cannot be written.
    #[error("the sheet cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    /// A part cannot be sealed.
    #[error(transparent)]
    Seal(#[from] sheet::NotSealed),
    /// What is kept of a child or a person cannot be had.
    #[error("what a sheet says of children cannot be read: {0}")]
    Care(Refused),
}

impl From<Refused> for SheetError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Store(error) => Self::Store(error),
            other => Self::Care(other),
        }
    }
}

impl From<SheetError> for Refused {
    fn from(error: SheetError) -> Self {
        match error {
            SheetError::Store(error) => Self::Store(error),
            // Whatever it was: whoever asked has no part in it.
            other => {
                tracing::error!(error = %other, "a centre's sheet cannot be made");
                Self::Inner("a centre's sheet cannot be made")
            }
        }
    }
}

/// The newest sheet of a centre.
#[derive(Debug)]
pub struct Current {
    /// Whose it is.
    pub centre: Arc<Centre>,
    /// What stands on it.
    pub sheet: DaySheet,
    /// The same, signed.
    pub sealed: SealedSheet,
    made_for: MadeFor,
}

/// The newest sheet of each centre that was asked for, made again when its plan has changed.
#[derive(Default)]
pub struct Sheets {
    shelves: Mutex<HashMap<CentreId, Arc<tokio::sync::Mutex<Shelf>>>>,
}

impl Sheets {
    /// The newest sheet of a centre; none when there is no such centre.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn current(
        &self,
        hub: &Hub,
        centre: CentreId,
    ) -> Result<Option<Arc<Current>>, SheetError> {
        let shelf = self.shelf(centre);
        let mut shelf = shelf.lock().await;
        let period = Period::at(hub.now());
        if let Some(newest) = &shelf.newest
            && newest.made_for.period == period
            && newest.made_for.until.is_none_or(|until| hub.now() < until)
        {
            let (from, to) = newest.made_for.days;
            if hub.store.plan_revision(centre, from, to).await? == newest.made_for.revision {
                return Ok(shelf.newest.clone());
            }
        }
        let made = make(hub, centre, period, shelf.newest.as_deref()).await?;
        Ok(made.map(|made| shelf.put(made)))
    }

    /// The bytes of a section of the newest sheet, or of one of the last few before it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn section(
        &self,
        hub: &Hub,
        centre: CentreId,
        sha256: &str,
    ) -> Result<Option<Vec<u8>>, SheetError> {
        let shelf = self.shelf(centre);
        if let Some(bytes) = shelf.lock().await.section(sha256) {
            return Ok(Some(bytes));
        }
        // Another hub may have made the version that the site is fetching.
        self.current(hub, centre).await?;
        Ok(shelf.lock().await.section(sha256))
    }

    /// A centre, from its newest sheet where one was made.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn centre(
        &self,
        hub: &Hub,
        centre: CentreId,
    ) -> Result<Option<Arc<Centre>>, SheetError> {
        let shelf = self.shelf(centre);
        let known = shelf.lock().await.newest.as_ref().map(|newest| newest.centre.clone());
        match known {
            Some(centre) => Ok(Some(centre)),
            None => Ok(self.current(hub, centre).await?.map(|newest| newest.centre.clone())),
        }
    }

    fn shelf(&self, centre: CentreId) -> Arc<tokio::sync::Mutex<Shelf>> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        shelves.entry(centre).or_default().clone()
    }
}

#[derive(Default)]
struct Shelf {
    newest: Option<Arc<Current>>,
    older: Vec<Arc<Current>>,
}

impl Shelf {
    fn put(&mut self, made: Current) -> Arc<Current> {
        let made = Arc::new(made);
        if let Some(before) = self.newest.replace(made.clone())
            && before.sheet.version != made.sheet.version
        {
            self.older.insert(0, before);
            self.older.truncate(OLD_VERSIONS);
        }
        made
    }

    fn section(&self, sha256: &str) -> Option<Vec<u8>> {
        self.newest
            .iter()
            .chain(&self.older)
            .find_map(|current| current.sealed.sections.get(sha256).cloned())
    }
}

/// What a sheet was made for; another answer to any of it asks for another sheet.
#[derive(Debug)]
struct MadeFor {
    period: Period,
    days: (NaiveDate, NaiveDate),
    revision: i64,
    /// As [`store::Sites::people_revision`] had it.
    people: i64,
    /// Somebody's role in a nursery begins or ends then.
    until: Option<DateTime<Utc>>,
}

/// A stretch of [`PERIOD`] in which sheets speak of the same days and end at the same time, so
/// that a plan that stays the same keeps its sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Period {
    begins: DateTime<Utc>,
}

impl Period {
    fn at(now: DateTime<Utc>) -> Self {
        let into = now.timestamp().rem_euclid(PERIOD.num_seconds());
        let begins = DateTime::from_timestamp(now.timestamp() - into, 0).unwrap_or(now);
        Self { begins }
    }

    fn horizon(self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.begins - BEHIND, self.begins + PERIOD + LISTED_AHEAD)
    }

    fn not_after(self) -> DateTime<Utc> {
        self.horizon().1
    }

    /// Every day on which a sheet of it may serve.
    fn days(self, zone: Tz) -> RangeInclusive<NaiveDate> {
        let day = |time: DateTime<Utc>| time.with_timezone(&zone).date_naive();
        day(self.begins)..=day(self.not_after())
    }
}

async fn make(
    hub: &Hub,
    id: CentreId,
    period: Period,
    before: Option<&Current>,
) -> Result<Option<Current>, SheetError> {
    let Some(centre) = hub.store.centres().await?.into_iter().find(|centre| centre.id == id) else {
        return Ok(None);
    };
    let (from, to) = period.horizon();
    let day = |time: DateTime<Utc>| time.with_timezone(&centre.time_zone).date_naive();
    let days = (day(from), day(to));
    // Before the plan itself is read: what changes in between shows as another revision later.
    let revision = hub.store.plan_revision(id, days.0, days.1).await?;
    let people = hub.store.people_revision().await?;
    // What was read of children stays true as long as nobody has changed.
    let same = before.filter(|before| before.made_for.people == people);
    let known = same.and_then(|before| before.sheet.care.as_ref());
    let known = known.map_or(&[][..], |care| &care.children);
    let mut plan = Plan::read(hub, &centre, from, to, known).await?;
    let (version, now) = loop {
        // When it was made is no part of its content: the same plan keeps its version.
        let no_time = Stamp { version: 0, made_at: DateTime::UNIX_EPOCH, period };
        let draft = plan.sheet(&centre, no_time, &hub.keys.derive(CONTENT_LABEL, &[]));
        let content = digest::digest(&digest::SHA256, &serde_json::to_vec(&draft)?);
        let mut content_digest = [0; 32];
        content_digest.copy_from_slice(content.as_ref());
        let now = hub.now();
        let lease: Vec<_> = plan.lease.iter().map(|leased| leased.claim).collect();
        let made = hub.store.next_sheet_listing(id, &content_digest, &lease, now).await?;
        match made {
            Some((version, _)) => break (version, now),
            // What was read of the lease is not the site's any more: nothing of it may be promised.
            None => plan = Plan::read(hub, &centre, from, to, known).await?,
        }
    };

    let salt = hub.keys.derive(SALT_LABEL, &[id.0.as_bytes(), &version.to_be_bytes()]);
    let sheet = plan.sheet(&centre, Stamp { version, made_at: now, period }, &salt);
    let audit_head = wire_head(&hub.store.audit_chain().await?.head);
    let sealed = sheet::seal(&sheet, &salt, audit_head, &hub.keys.sheet, &section_key(hub, id))?;
    let until = plan.care.until;
    let made_for = MadeFor { period, days, revision, people, until };
    Ok(Some(Current { centre: Arc::new(centre), sheet, sealed, made_for }))
}

/// What the sealed sections of a centre's sheets are sealed with.
#[must_use]
pub fn section_key(hub: &Hub, centre: CentreId) -> SectionKey {
    SectionKey::new(hub.keys.derive(SECTION_LABEL, &[centre.0.as_bytes()]))
}

const SECTION_LABEL: &[u8] = b"kyoten: sealed sections of day sheets";
const CONTENT_LABEL: &[u8] = b"kyoten: content of a day sheet";
const SALT_LABEL: &[u8] = b"kyoten: salt of a day sheet";

/// What a sheet says of itself.
#[derive(Clone, Copy)]
struct Stamp {
    version: u64,
    made_at: DateTime<Utc>,
    period: Period,
}

/// What the database says of a centre's coming days.
struct Plan {
    spaces: Vec<Space>,
    doors: Vec<Door>,
    sensors: Vec<Sensor>,
    devices: Vec<SiteDevice>,
    people: Vec<SheetPersonRecord>,
    bookings: Vec<SheetBooking>,
    care: care::CarePlan,
    /// Lost and blocked cards of people who are not on it.
    stopped: Vec<KeyedReference>,
    lease: Vec<LeaseClaim>,
}

impl Plan {
    async fn read(
        hub: &Hub,
        centre: &Centre,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        known: &[SheetChild],
    ) -> Result<Self, SheetError> {
        let staff = hub.store.staff_of(centre.id, from).await?;
        let (mut bookings, mut left) = (Vec::new(), BTreeSet::new());
        let (mut care, mut lease) = (care::CarePlan::default(), Vec::new());
        if let Ok(horizon) = Interval::new(from, to) {
            lease = hub.store.leased(centre.id, &horizon).await?;
            lease.sort_by_key(|leased| (leased.space, leased.when));
            let mut planned = hub.store.bookings_at(centre.id, &horizon).await?;
            // What is only held or asked for lets nobody in.
            planned.retain(|booking| booking.status == BookingStatus::Confirmed);
            // Whoever comes too late is told what became of their desk.
            if let Ok(hours) = Interval::new(from + BEHIND, from + BEHIND + PERIOD) {
                for gone in hub.store.given_free_at(centre.id, &hours).await? {
                    if planned.iter().all(|known| known.id != gone.id) {
                        planned.push(gone);
                    }
                }
            }
            care = care::CarePlan::read(hub, centre, &horizon, &planned, &staff, known).await?;
            let held = held_by(hub, &planned).await?;
            for booking in &planned {
                let held = held.get(&booking.person).map_or(&[][..], Vec::as_slice);
                if stands(booking.on_account_of, held.iter().copied()) {
                    bookings.push(on_sheet(booking, &horizon));
                } else {
                    left.insert(booking.person);
                }
            }
            bookings.sort_by_key(|booking| booking.id);
        }
        let mut booked: BTreeSet<_> = bookings.iter().map(|booking| booking.person).collect();
        booked.extend(staff);
        booked.extend(care.who_collect());
        left.retain(|person| !booked.contains(person));
        let barred: BTreeSet<_> = care.who_are_barred().collect();
        let persons: BTreeSet<_> = booked.iter().chain(&left).chain(&barred).copied().collect();
        let persons: Vec<_> = persons.into_iter().collect();
        let mut people = hub.store.sheet_people(&persons).await?;
        people.sort_by_key(|person| person.person);
        // Whoever nobody stands for any more may be inside: the site must know whose card it
        // refuses.
        for person in people.iter_mut().filter(|person| left.contains(&person.person)) {
            person.pin = None;
            person.credentials.iter_mut().for_each(|card| card.state = CardState::Blocked);
        }
        let mut spaces = hub.store.spaces().await?;
        spaces.retain(|space| space.centre == centre.id);
        let doors = hub.store.doors(centre.id).await?;
        let sensors = hub.store.sensors(centre.id).await?;
        let devices = hub.store.devices_of(centre.id).await?.into_iter().map(on_list).collect();
        let listed: HashSet<_> =
            people.iter().flat_map(|person| &person.credentials).map(|card| card.id).collect();
        let stopped = hub.store.stopped_cards(MOST_STOPPED).await?.into_iter();
        let stopped = stopped.filter(|(card, _)| !listed.contains(card)).map(|(_, known)| known);
        let stopped = stopped.collect();
        Ok(Self { spaces, doors, sensors, devices, people, bookings, care, stopped, lease })
    }

    fn sheet(&self, centre: &Centre, stamp: Stamp, salt: &[u8; 32]) -> DaySheet {
        let mut credentials: Vec<_> = self
            .people
            .iter()
            .flat_map(|person| &person.credentials)
            .flat_map(|card| card.references.iter().map(move |reference| (card, reference)))
            .map(|(card, keyed)| SheetCredential {
                digest: CardReference(keyed.reference).on_sheet(salt),
                generation: keyed.generation,
                credential: card.id,
                person: card.person,
                blocked: !matches!(card.state, CardState::Active | CardState::Expired),
                valid_until: match card.state {
                    CardState::Expired => Some(card.change.at),
                    _ => card.valid_until,
                },
                level: keyed.level,
                least: card.level,
            })
            .collect();
        credentials.sort_by_key(|credential| {
            (credential.credential, credential.generation, credential.level)
        });
        let people = self.people.iter().map(|person| SheetPerson {
            id: person.person,
            language: person.language,
            pin: person.pin.clone(),
        });
        DaySheet {
            version: stamp.version,
            made_at: stamp.made_at,
            not_after: stamp.period.not_after(),
            site: Site {
                centre: centre.id,
                slug: centre.slug.clone(),
                name: centre.name.clone(),
                settings: centre.settings.clone(),
                spaces: self.spaces.clone(),
                doors: self.doors.clone(),
                zone: Some(centre.time_zone),
                // By the period: when it was made is no part of its content.
                holidays: (centre.opening.holidays)
                    .range(stamp.period.days(centre.time_zone))
                    .copied()
                    .collect(),
                sensors: self.sensors.clone(),
            },
            devices: self.devices.clone(),
            credentials,
            people: people.collect(),
            bookings: self.bookings.clone(),
            care: self.care.sheet.clone(),
            stopped: (self.stopped.iter())
                .map(|known| CardReference(known.reference).on_sheet(salt))
                .collect(),
            lease: (self.lease.iter())
                .map(|LeaseClaim { space, when, .. }| LeasedSpace { space: *space, when: *when })
                .collect(),
        }
    }
}

/// A device as its site knows it. A certificate that another was given in the place of stays on the
/// list until the sweep withdraws it, so that every hub makes the same sheet.
fn on_list(record: DeviceRecord) -> SiteDevice {
    let certificates = record.certificates.iter().map(|kept| CertificateDigest(kept.fingerprint));
    SiteDevice {
        certificates: Some(certificates.collect()),
        revoked: record.revoked.is_some(),
        device: record.device,
        kind: record.kind,
    }
}

/// What the guests of these bookings may do now.
async fn held_by(
    hub: &Hub,
    bookings: &[Booking],
) -> Result<HashMap<PersonId, Vec<Grant>>, SheetError> {
    let persons: BTreeSet<_> = bookings.iter().map(|booking| booking.person).collect();
    let persons: Vec<_> = persons.into_iter().collect();
    let now = hub.now();
    let persons = hub.store.persons(&persons).await?.into_iter();
    Ok(persons.map(|person| (person.id, person.grants_at(now).collect())).collect())
}

fn on_sheet(booking: &Booking, horizon: &Interval) -> SheetBooking {
    let live = |released: Option<DateTime<Utc>>, when: &Interval| {
        released.is_none() && when.overlaps(horizon)
    };
    let mut desks: Vec<_> = booking
        .desks
        .iter()
        .filter(|claim| live(claim.released_at, &claim.when))
        .map(|claim| SheetDesk { space: claim.space, when: claim.when })
        .collect();
    desks.sort_by_key(|desk| (desk.when, desk.space));
    let today = Interval::new(horizon.starts() + BEHIND, horizon.starts() + BEHIND + PERIOD);
    let mut released: Vec<_> = booking
        .desks
        .iter()
        .filter(|claim| today.is_ok_and(|today| claim.when.overlaps(&today)))
        .filter_map(|claim| Some(Released { when: claim.when, at: claim.released_at? }))
        .collect();
    released.sort();
    let children: BTreeSet<_> = booking
        .care
        .iter()
        .filter(|claim| live(claim.released_at, &claim.when))
        .map(|claim| claim.child)
        .collect();
    SheetBooking {
        id: booking.id,
        person: booking.person,
        code: booking.code,
        desks,
        children: u32::try_from(children.len()).unwrap_or(u32::MAX),
        released,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono_tz::America::Lima;
    use chrono_tz::Asia::Tokyo;

    use super::*;

    #[test]
    fn sheets_of_one_period_speak_of_the_same_days_and_last_four_days_at_least() {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let period = Period::at(time("2026-11-24T06:00:00Z"));
        assert_eq!(period, Period::at(time("2026-11-24T11:59:59.999Z")));
        assert_ne!(period, Period::at(time("2026-11-24T12:00:00Z")));
        let late = time("2026-11-24T11:59:59Z");
        assert!(period.not_after() - late >= LISTED_AHEAD);
        assert_eq!(period.not_after() - period.begins, model::day_sheet::REACH);
        let (from, to) = period.horizon();
        assert!(from <= late - BEHIND && to - late >= LISTED_AHEAD);
    }

    #[test]
    fn a_sheet_knows_each_day_on_which_it_serves() {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (zone, made, first, last) in [
            (Tokyo, "2026-11-24T06:00:00Z", "2026-11-24", "2026-11-28"),
            (Tokyo, "2026-11-24T11:59:59Z", "2026-11-24", "2026-11-28"),
            (Tokyo, "2026-11-24T12:00:00Z", "2026-11-24", "2026-11-29"),
            (Tokyo, "2026-11-24T17:59:59Z", "2026-11-24", "2026-11-29"),
            (Lima, "2026-11-24T00:00:00Z", "2026-11-23", "2026-11-28"),
        ] {
            let days = Period::at(time(made)).days(zone);
            assert_eq!(days, day(first)..=day(last), "{zone} {made}");
        }
    }
}
