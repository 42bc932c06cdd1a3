//! From one event to the next state of the nurseries: the same on the site and in the mirror.

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::care::day::{CareEvent, NoteKind};
use model::door::{Side, Zone};
use model::site_event::Happening;

use super::{Caregiver, CaregiverEntry, EndedStay, InCare, OpenStay};
use crate::apply::{Happened, remembered_since};
use crate::parts::{Notes, Visit};

pub(crate) fn apply(
    mut commands: Commands,
    happened: Res<Happened>,
    mut notes: ResMut<Notes>,
    mut stays: Query<(Entity, &mut InCare)>,
    mut caregivers: Query<(Entity, &mut Caregiver)>,
    visits: Query<&Visit>,
) {
    let Some(event) = &happened.0 else { return };
    let at = event.at;
    match &event.what {
        Happening::Care(care) => match care {
            CareEvent::DroppedOff {
                child,
                nursery,
                booking,
                room,
                until,
                brought_by,
                staff,
                ..
            } => {
                if stays.iter().all(|(_, stay)| stay.0.child != *child) {
                    commands.spawn(InCare(OpenStay {
                        child: *child,
                        nursery: *nursery,
                        booking: *booking,
                        room: *room,
                        since: at,
                        until: *until,
                        brought_by: *brought_by,
                        received: staff.is_some(),
                        asleep: None,
                        recalled: None,
                        guardian_out: None,
                    }));
                }
            }
            CareEvent::HandedOver { child, .. } | CareEvent::PutRight { child, .. } => {
                for (entity, stay) in stays.iter().filter(|(_, stay)| stay.0.child == *child) {
                    commands.entity(entity).despawn();
                    let ended = EndedStay { stay: stay.0, collected_at: at };
                    notes.collected.push(ended);
                    notes.collected.sort();
                }
            }
            // Whoever comes back into the building is in reach again.
            CareEvent::LetIn { person, .. } => came_back(&mut stays, *person),
            CareEvent::WentOut { person, children, .. } => {
                for (_, mut stay) in &mut stays {
                    if children.contains(&stay.0.child) {
                        stay.0.guardian_out = Some((*person, at));
                    }
                }
            }
            CareEvent::Caregiver { nursery, shift, state, .. } => {
                let entry = CaregiverEntry { shift: *shift, nursery: *nursery, state: *state, at };
                match caregivers.iter_mut().find(|(_, one)| one.0.shift == *shift) {
                    Some((_, mut one)) => one.0 = entry,
                    None => drop(commands.spawn(Caregiver(entry))),
                }
            }
            CareEvent::AlarmRaised { alarm } => {
                notes.alarms.entry(alarm.clone()).or_insert(at);
            }
            CareEvent::AlarmOver { alarm } => drop(notes.alarms.remove(alarm)),
            other => {
                let stay = stays.iter_mut().find(|(_, stay)| Some(stay.0.child) == other.child());
                if let Some((_, mut stay)) = stay {
                    change(&mut stay.0, at, other);
                }
            }
        },
        Happening::CheckedIn { person, .. }
        | Happening::LetThrough {
            person: Some(person),
            side: Side::Outside,
            zone: Zone::House,
            ..
        } => came_back(&mut stays, *person),
        Happening::CameBack { visit } => {
            if let Some(visit) = visits.iter().find(|known| known.0.visit == *visit) {
                came_back(&mut stays, visit.0.person);
            }
        }
        _ => {}
    }
    let oldest = remembered_since(event);
    notes.collected.retain(|one| one.collected_at >= oldest);
    for (entity, one) in &caregivers {
        if one.0.at < oldest {
            commands.entity(entity).despawn();
        }
    }
}

fn change(stay: &mut OpenStay, at: DateTime<Utc>, care: &CareEvent) {
    match care {
        CareEvent::Received { .. } => stay.received = true,
        CareEvent::Moved { room, .. } => stay.room = Some(*room),
        CareEvent::Recalled { .. } => stay.recalled = stay.recalled.or(Some(at)),
        CareEvent::Noted { kind: NoteKind::NapBegins, .. } => stay.asleep = Some((at, at)),
        CareEvent::Noted { kind: NoteKind::NapCheck, .. } => {
            // A look at a child that nobody has said to be asleep says that it is.
            stay.asleep = Some((stay.asleep.map_or(at, |(since, _)| since), at));
        }
        CareEvent::Noted { kind: NoteKind::NapEnds, .. } => stay.asleep = None,
        _ => {}
    }
}

fn came_back(stays: &mut Query<(Entity, &mut InCare)>, person: model::id::PersonId) {
    for (_, mut stay) in stays {
        if stay.0.guardian_out.is_some_and(|(who, _)| who == person) {
            stay.0.guardian_out = None;
        }
    }
}
