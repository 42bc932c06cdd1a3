//! What a centre's site did while it was on its own, told from its events.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use model::access::RefusalKind;
use model::care::day::CareEvent;
use model::device::{Trouble, Watched};
use model::door::DoorState;
use model::id::{CentreId, DeviceId, PersonId, SpaceId};
use model::permission::{Action, Target};
use model::site_event::{Happening, Proof, SiteEvent};
use model::site_order::{OrderAnswer, SiteOrder};
use store::{Absence, WalkInConflict};

use super::{Caller, Refused, allow};
use crate::hub::Hub;

/// So many events of an absence are looked at; three days of a busy centre have fewer.
const MOST: u32 = 20_000;

/// What a site did on its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// How many came in, those who walked in too.
    pub checked_in: usize,
    /// How many left.
    pub checked_out: usize,
    /// Who came without a booking and was given a desk.
    pub walk_ins: Vec<WalkedIn>,
    /// How many came on a voucher for a booking that the site could not know.
    pub vouchers: usize,
    /// Who was turned away, by why.
    pub refused: Vec<(RefusalKind, usize)>,
    /// How many desks were given free because nobody came.
    pub no_shows: usize,
    /// How many children were brought; a number, and no name.
    pub brought: usize,
    /// How many children were handed over; a number, and no name.
    pub collected: usize,
    /// What was wrong with doors.
    pub doors: Vec<DoorAlarm>,
    /// Which readers at doors could not be used, and that the fire panel was not heard.
    pub devices: Vec<DeviceAlarm>,
    /// What concerned the whole house.
    pub house: Vec<(DateTime<Utc>, HouseEvent)>,
    /// Whether there was more than was looked at.
    pub cut: bool,
}

/// Somebody who was given a desk without a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkedIn {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub person: PersonId,
    /// The space.
    pub space: SpaceId,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// Something that was wrong with a door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorAlarm {
    /// When.
    pub at: DateTime<Utc>,
    /// Which.
    pub door: DeviceId,
    /// What it was in.
    pub state: DoorState,
}

/// Something that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAlarm {
    /// When it was told.
    pub at: DateTime<Utc>,
    /// What.
    pub of: Watched,
    /// Why.
    pub why: Trouble,
}

/// Something that concerned the whole house: whether it began, or was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HouseEvent {
    /// The fire panel released the doors.
    Fire(bool),
    /// Everybody was asked to leave.
    Evacuation(bool),
    /// Nobody was let in.
    Lockdown(bool),
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// When it was.
    pub absence: Absence,
    /// What the site did.
    pub done: Done,
    /// Where it gave away what the hub had for somebody else, and whether somebody still has to find another desk.
    pub conflicts: Vec<(WalkInConflict, bool)>,
}

/// The times that a centre's site was on its own, newest first.
///
/// # Errors
/// [`Refused`] when the caller may not see the centre, or the store fails.
pub async fn list(hub: &Hub, caller: &Caller, centre: CentreId) -> Result<Vec<Absence>, Refused> {
    allow(caller, Action::SeeLiveCentre, &Target::at(centre))?;
    Ok(hub.store.absences(centre).await?)
}

/// Where a centre's site gave away what the hub has for somebody else, and nobody has found another desk yet.
///
/// # Errors
/// [`Refused`] when the caller may not see the centre, or the store fails.
pub async fn open_conflicts(
    hub: &Hub,
    caller: &Caller,
    centre: CentreId,
) -> Result<Vec<WalkInConflict>, Refused> {
    allow(caller, Action::SeeLiveCentre, &Target::at(centre))?;
    Ok(hub.store.open_conflicts(centre, hub.now()).await?)
}

/// One of them, with what the site did meanwhile.
///
/// # Errors
/// [`Refused`] when the caller may not see the centre, there is none, or the store fails.
pub async fn report(
    hub: &Hub,
    caller: &Caller,
    centre: CentreId,
    number: u32,
) -> Result<Report, Refused> {
    allow(caller, Action::SeeLiveCentre, &Target::at(centre))?;
    let absence = hub.store.absence(centre, number).await?.ok_or(Refused::NotFound)?;
    let mut events = hub.store.done_alone(centre, &absence, MOST).await?;
    events.iter_mut().for_each(|(_, event)| twin::make_plausible(event));
    let conflicts = match (events.first(), events.last()) {
        (Some((from, _)), Some((to, _))) => {
            let all = hub.store.walk_in_conflicts(centre, *from, *to).await?;
            let open = hub.store.open_conflicts(centre, hub.now()).await?;
            let here = |one: &WalkInConflict| events.iter().any(|(place, _)| *place == one.place);
            all.into_iter().filter(here).map(|one| (one, open.contains(&one))).collect()
        }
        _ => Vec::new(),
    };
    let cut = events.len() >= usize::try_from(MOST).unwrap_or(usize::MAX);
    let done = Done { cut, ..count(events.iter().map(|(_, event)| event)) };
    Ok(Report { absence, done, conflicts })
}

/// Notes that the caller has read of it.
///
/// # Errors
/// [`Refused`] when they may not see the centre, or the store fails.
pub async fn note_read(
    hub: &Hub,
    caller: &Caller,
    centre: CentreId,
    number: u32,
) -> Result<(), Refused> {
    allow(caller, Action::SeeLiveCentre, &Target::at(centre))?;
    Ok(hub.store.note_absence_read(centre, number, hub.now()).await?)
}

/// Counts what happened.
#[must_use]
pub fn count<'a>(events: impl Iterator<Item = &'a SiteEvent>) -> Done {
    let mut done = Done::default();
    // A site tells of one fault twice where the door has a plan: of its lock, and of what the door is in. Whichever comes
    // first is counted.
    let (mut failed, mut stands) = (BTreeSet::<&DeviceId>::new(), BTreeSet::<&DeviceId>::new());
    let mut broken = BTreeSet::<&Watched>::new();
    for event in events {
        match &event.what {
            Happening::CheckedIn { by, .. } => {
                done.checked_in += 1;
                done.vouchers += usize::from(matches!(by, Proof::Voucher { vouched: Some(_) }));
            }
            Happening::CheckedOut { .. } => done.checked_out += 1,
            Happening::WalkedIn { person, space, until, .. } => {
                let (person, space, until) = (*person, *space, *until);
                done.walk_ins.push(WalkedIn { at: event.at, person, space, until });
            }
            Happening::Refused { why, .. } => {
                match done.refused.iter_mut().find(|(known, _)| known == why) {
                    Some((_, times)) => *times += 1,
                    None => done.refused.push((*why, 1)),
                }
            }
            Happening::NoShow { .. } => done.no_shows += 1,
            Happening::Care(CareEvent::DroppedOff { .. }) => done.brought += 1,
            Happening::Care(CareEvent::HandedOver { .. }) => done.collected += 1,
            Happening::LockFault { door } => {
                failed.insert(door);
                if !stands.contains(door) {
                    let (door, state) = (door.clone(), DoorState::LockFault);
                    done.doors.push(DoorAlarm { at: event.at, door, state });
                }
            }
            Happening::DoorLocked { door } | Happening::DoorUnlocked { door, .. } => {
                failed.remove(door);
            }
            Happening::DoorState { door, state } => {
                let told = *state == DoorState::LockFault && failed.contains(door);
                if *state == DoorState::LockFault {
                    stands.insert(door);
                } else {
                    stands.remove(door);
                }
                if state.is_alarm() && !told {
                    done.doors.push(DoorAlarm { at: event.at, door: door.clone(), state: *state });
                }
            }
            // After a restart, and with another reason, it is told again.
            Happening::DeviceTrouble { of, why: Some(why) } if broken.insert(of) => {
                done.devices.push(DeviceAlarm { at: event.at, of: of.clone(), why: *why });
            }
            Happening::DeviceTrouble { of, why: None } => {
                broken.remove(of);
            }
            Happening::Fire { on } => done.house.push((event.at, HouseEvent::Fire(*on))),
            Happening::Ordered { order, answer: OrderAnswer::Done } => match order.what {
                SiteOrder::Lockdown { on } => {
                    done.house.push((event.at, HouseEvent::Lockdown(on)));
                }
                SiteOrder::Evacuate { on } => {
                    done.house.push((event.at, HouseEvent::Evacuation(on)));
                }
                SiteOrder::Unlock { .. } | SiteOrder::EndVisit { .. } => {}
            },
            _ => {}
        }
    }
    done.refused.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    done
}
