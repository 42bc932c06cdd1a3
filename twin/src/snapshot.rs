//! All that events have brought about, as both sides of the line hold it.

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::card::CardLevel;
use model::day_sheet::SheetDesk;
use model::device::{Trouble, Watched};
use model::door::{DoorState, Zone};
use model::id::{BookingId, CredentialId, DeviceId, OrderId, PersonId, SpaceId, VisitId};
use model::site_event::{SiteEvent, Vouched};
use model::site_order::{HouseState, OrderAnswer};
use model::terminal::TerminalState;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use crate::fact::LockLevel;
use crate::nursery::{Caregiver, CaregiverEntry, EndedStay, InCare, OpenAlarm, OpenStay};
use crate::parts::{
    Contact, Door, Lock, Notes, Standing, Terminal, TerminalLevel, Visit, Welcomed,
};
use crate::plausible::Plausible as _;
use crate::sensors::{OpenAir, SensorEntry, SensorNotes};

/// The shared state of a centre; every list is sorted by its first field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The version of the sheet in force, 0 before the first.
    pub sheet: u64,
    /// When the site's program last began.
    pub started_at: Option<DateTime<Utc>>,
    /// Who is here.
    #[serde(deserialize_with = "readable")]
    pub visits: Vec<OpenVisit>,
    /// Who was here during the last two days.
    #[serde(deserialize_with = "readable")]
    pub ended: Vec<EndedVisit>,
    /// Doors that were heard of.
    #[serde(deserialize_with = "readable")]
    pub doors: Vec<DoorEntry>,
    /// Terminals that are not lost.
    #[serde(deserialize_with = "readable")]
    pub terminals: Vec<TerminalEntry>,
    /// Spaces given free during the last two days because nobody came.
    #[serde(deserialize_with = "readable")]
    pub given_free: Vec<GivenFree>,
    /// Bookings whose guests came during the last two days and found no usable space.
    #[serde(deserialize_with = "readable")]
    pub turned_away: Vec<TurnedAway>,
    /// Children in care.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "readable")]
    pub stays: Vec<OpenStay>,
    /// Children collected during the last two days.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "readable")]
    pub collected: Vec<EndedStay>,
    /// What caregivers said last.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "readable")]
    pub caregivers: Vec<CaregiverEntry>,
    /// What is not as it has to be in the nurseries.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "readable")]
    pub alarms: Vec<OpenAlarm>,
    /// What stands above schedules and cards.
    #[serde(flatten)]
    pub house: HouseState,
    /// Orders taken of late, in the order they came: none is acted on twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "readable")]
    pub orders: Vec<TakenOrder>,
    /// Who came in and went out at doors' readers during the last hours.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "readable")]
    pub passes: Vec<Pass>,
    /// Guardians who were let in during the last hours without a desk, and have not gone out.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "readable")]
    pub let_in: Vec<LetIn>,
    /// When every door was last released, or no longer: who came in before may have left unseen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<DateTime<Utc>>,
    /// What credentials proved of which their sheet did not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "readable")]
    pub proved: Vec<ProvedCredential>,
    /// Readers at doors that cannot be used, and the fire panel where it is not heard.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "readable")]
    pub troubles: Vec<OpenTrouble>,
    /// Sensors that were heard of.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "readable")]
    pub sensors: Vec<SensorEntry>,
    /// Where air or noise is not as it should be.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "readable")]
    pub air: Vec<OpenAir>,
    /// Totals.
    pub counts: Counts,
    /// The last events, oldest first.
    #[serde(deserialize_with = "readable")]
    pub recent: Vec<SiteEvent>,
}

/// A visit that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpenVisit {
    /// The visit.
    pub visit: VisitId,
    /// Who.
    pub person: PersonId,
    /// On which booking.
    pub booking: BookingId,
    /// Where.
    pub space: SpaceId,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What their voucher said, where the sheet that they came in on could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouched: Option<Vouched>,
    /// Since when they are out, where they mean to come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away_since: Option<DateTime<Utc>>,
    /// Until when the space of the walk-in lease is theirs, where they walked in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walk_in: Option<DateTime<Utc>>,
}

/// Somebody who was let in for their children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LetIn {
    /// Who.
    pub person: PersonId,
    /// When.
    pub at: DateTime<Utc>,
}

/// A visit that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndedVisit {
    /// What it was.
    #[serde(flatten)]
    pub visit: OpenVisit,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Until when the space was still theirs, where they left for good and so gave it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gave_up: Option<DateTime<Utc>>,
}

impl EndedVisit {
    /// Whether whoever left gave this claim up.
    pub(crate) fn gave(&self, booking: BookingId, desk: &SheetDesk) -> bool {
        (self.visit.booking, self.visit.space) == (booking, desk.space)
            && self.until < desk.when.ends()
            && self.gave_up.is_some_and(|until| desk.when.starts() < until)
    }
}

/// A door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorEntry {
    /// The device that moves its lock.
    pub door: DeviceId,
    /// Where the lock is, once that was said.
    pub lock: Option<LockLevel>,
    /// The lock did not do what it was last told.
    pub fault: bool,
    /// Whether the leaf stands open, once that was said.
    pub open: Option<bool>,
    /// What it is in, where somebody has to look after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DoorState>,
}

/// An order that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOrder {
    /// Which.
    pub id: OrderId,
    /// When.
    pub at: DateTime<Utc>,
    /// What became of it.
    pub answer: OrderAnswer,
}

/// How somebody went through the doors of a zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pass {
    /// Who.
    pub person: PersonId,
    /// What lies behind the doors.
    pub zone: Zone,
    /// They came in last, and have not gone out since.
    pub is_in: bool,
    /// The door that is to open for them; nothing once it has, or they were seen to leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door: Option<DeviceId>,
    /// When they last came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered: Option<DateTime<Utc>>,
    /// When they last went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<DateTime<Utc>>,
}

/// A terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalEntry {
    /// Its device.
    pub terminal: DeviceId,
    /// What it said last.
    pub state: TerminalState,
}

/// A space of a booking that was given free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GivenFree {
    /// The booking.
    pub booking: BookingId,
    /// The space.
    pub space: SpaceId,
    /// When the claim that nobody came for starts.
    pub starts_at: DateTime<Utc>,
    /// When it was given free.
    pub at: DateTime<Utc>,
}

impl GivenFree {
    /// Whether it was this claim.
    pub(crate) fn is(&self, booking: BookingId, desk: &SheetDesk) -> bool {
        (self.booking, self.space, self.starts_at) == (booking, desk.space, desk.when.starts())
    }
}

/// A booking whose guest came and found no usable space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TurnedAway {
    /// The booking.
    pub booking: BookingId,
    /// When they last came.
    pub at: DateTime<Utc>,
}

/// What a credential proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProvedCredential {
    /// Which.
    pub credential: CredentialId,
    /// The highest level so far.
    pub level: CardLevel,
}

/// Something that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpenTrouble {
    /// What.
    pub of: Watched,
    /// Why.
    pub why: Trouble,
    /// Since when for this reason.
    pub since: DateTime<Utc>,
}

/// How often what happened since the centre's first event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Check-ins.
    pub checked_in: u64,
    /// Check-outs.
    pub checked_out: u64,
    /// Taps and codes turned away.
    pub refused: u64,
    /// Spaces given free.
    pub no_shows: u64,
    /// Locks opened.
    pub unlocked: u64,
}

impl Snapshot {
    /// A snapshot out of its JSON, and how many entries of it were left out because nothing known is written like that.
    ///
    /// # Errors
    /// When it is torn.
    pub fn read(json: &str) -> serde_json::Result<(Self, usize)> {
        let entries = |json: &serde_json::Value| -> usize {
            json.as_object()
                .map_or(0, |all| all.values().filter_map(|one| Some(one.as_array()?.len())).sum())
        };
        let written: serde_json::Value = serde_json::from_str(json)?;
        let snapshot = Self::deserialize(&written)?;
        let left_out = entries(&written).saturating_sub(entries(&serde_json::to_value(&snapshot)?));
        Ok((snapshot, left_out))
    }

    /// 16 hexadecimal digits: FNV-1a (64 bit) over the snapshot's JSON.
    #[must_use]
    pub fn hash(&self) -> String {
        // Cannot fail: no map has keys other than text. A failure would read as a difference.
        let json = serde_json::to_vec(self).unwrap_or_default();
        let hash = json.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("{hash:016x}")
    }

    pub(crate) fn of(world: &World) -> Self {
        let notes = world.resource::<Notes>();
        let mut snapshot = Self {
            sheet: notes.sheet,
            started_at: notes.started_at,
            ended: notes.ended.values().copied().collect(),
            given_free: notes.given_free.clone(),
            turned_away: (notes.turned_away.iter())
                .map(|(booking, at)| TurnedAway { booking: *booking, at: *at })
                .collect(),
            collected: notes.collected.clone(),
            alarms: (notes.alarms.iter())
                .map(|(alarm, since)| OpenAlarm { alarm: alarm.clone(), since: *since })
                .collect(),
            house: notes.house,
            orders: notes.orders.clone(),
            passes: notes.passes.values().cloned().collect(),
            let_in: (notes.let_in.iter()).map(|(&person, &at)| LetIn { person, at }).collect(),
            released: notes.released,
            proved: (notes.proved.iter())
                .map(|(&credential, &level)| ProvedCredential { credential, level })
                .collect(),
            troubles: (notes.troubles.iter())
                .map(|(of, &(why, since))| OpenTrouble { of: of.clone(), why, since })
                .collect(),
            sensors: world.resource::<SensorNotes>().entries(),
            air: world.resource::<SensorNotes>().open_air(),
            counts: notes.counts,
            recent: notes.recent.iter().cloned().collect(),
            ..Self::default()
        };
        for entity in world.iter_entities() {
            if let Some(visit) = entity.get::<Visit>() {
                snapshot.visits.push(visit.0);
            }
            if let Some(stay) = entity.get::<InCare>() {
                snapshot.stays.push(stay.0);
            }
            if let Some(one) = entity.get::<Caregiver>() {
                snapshot.caregivers.push(one.0);
            }
            if let (Some(door), Some(lock), Some(contact), Some(standing)) = (
                entity.get::<Door>(),
                entity.get::<Lock>(),
                entity.get::<Contact>(),
                entity.get::<Standing>(),
            ) && (lock.level.is_some()
                || lock.fault
                || contact.open.is_some()
                || standing.0.is_some())
            {
                snapshot.doors.push(DoorEntry {
                    door: door.0.clone(),
                    lock: lock.level,
                    fault: lock.fault,
                    open: contact.open,
                    state: standing.0,
                });
            }
            if let (Some(terminal), Some(level)) =
                (entity.get::<Terminal>(), entity.get::<TerminalLevel>())
                && level.0 != TerminalState::Lost
            {
                snapshot
                    .terminals
                    .push(TerminalEntry { terminal: terminal.0.clone(), state: level.0 });
            }
        }
        snapshot.visits.sort();
        snapshot.stays.sort();
        snapshot.caregivers.sort();
        snapshot.given_free.sort();
        snapshot.doors.sort_by(|a, b| a.door.cmp(&b.door));
        snapshot.terminals.sort_by(|a, b| a.terminal.cmp(&b.terminal));
        snapshot
    }

    /// Makes the world as this says, with times that can be reckoned with.
    pub(crate) fn put_into(mut self, world: &mut World) {
        self.make_plausible();
        let mut known =
            world.query_filtered::<Entity, Or<(With<Visit>, With<InCare>, With<Caregiver>)>>();
        let old: Vec<Entity> = known.iter(world).collect();
        for entity in old {
            world.despawn(entity);
        }
        for stay in &self.stays {
            world.spawn(InCare(*stay));
        }
        for one in &self.caregivers {
            world.spawn(Caregiver(*one));
        }
        for visit in &self.visits {
            world.spawn((Visit(*visit), Welcomed::first(visit.since)));
        }
        let mut missing: Vec<&DoorEntry> = self.doors.iter().collect();
        for (door, mut lock, mut contact, mut standing) in
            world.query::<(&Door, &mut Lock, &mut Contact, &mut Standing)>().iter_mut(world)
        {
            let at = missing.iter().position(|entry| entry.door == door.0);
            (*lock, *contact, *standing) =
                at.map(|at| parts_of(missing.swap_remove(at))).unwrap_or_default();
        }
        for entry in missing {
            world.spawn((Door(entry.door.clone()), parts_of(entry)));
        }
        let mut missing: Vec<&TerminalEntry> = self.terminals.iter().collect();
        for (terminal, mut level) in
            world.query::<(&Terminal, &mut TerminalLevel)>().iter_mut(world)
        {
            let at = missing.iter().position(|entry| entry.terminal == terminal.0);
            level.0 = at.map(|at| missing.swap_remove(at).state).unwrap_or_default();
        }
        for entry in missing {
            world.spawn((Terminal(entry.terminal.clone()), TerminalLevel(entry.state)));
        }
        world.insert_resource(SensorNotes::of(&self.sensors, &self.air));
        world.insert_resource(Notes {
            sheet: self.sheet,
            started_at: self.started_at,
            ended: self.ended.iter().map(|ended| (ended.visit.visit, *ended)).collect(),
            given_free: self.given_free,
            turned_away: self.turned_away.iter().map(|one| (one.booking, one.at)).collect(),
            collected: self.collected,
            alarms: self.alarms.into_iter().map(|one| (one.alarm, one.since)).collect(),
            house: self.house,
            orders: self.orders,
            passes: (self.passes.into_iter())
                .map(|pass| ((pass.person, pass.zone.clone()), pass))
                .collect(),
            let_in: self.let_in.iter().map(|one| (one.person, one.at)).collect(),
            released: self.released,
            proved: self.proved.iter().map(|one| (one.credential, one.level)).collect(),
            troubles: (self.troubles.into_iter())
                .map(|one| (one.of, (one.why, one.since)))
                .collect(),
            counts: self.counts,
            recent: self.recent.into(),
        });
    }
}

/// A list without what is of a kind that only a newer program knows: the one before it goes on with all the rest.
fn readable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Entry<T> {
        Known(T),
        Unknown(IgnoredAny),
    }

    let entries = Vec::deserialize(from)?.into_iter();
    Ok(entries
        .filter_map(|entry| match entry {
            Entry::Known(known) => Some(known),
            Entry::Unknown(IgnoredAny) => None,
        })
        .collect())
}

fn parts_of(entry: &DoorEntry) -> (Lock, Contact, Standing) {
    let lock = Lock { level: entry.lock, fault: entry.fault };
    (lock, Contact { open: entry.open }, Standing(entry.state))
}
