//! What events say of doors' states, of who went through them, and of orders.

use bevy_ecs::prelude::*;
use chrono::{DateTime, TimeDelta, Utc};
use model::care::day::CareEvent;
use model::door::{Side, Zone};
use model::id::{DeviceId, PersonId};
use model::muster::SEEN_FOR;
use model::site_event::{Happening, SiteEvent};
use model::site_order::{OrderAnswer, Ordered, SiteOrder};

use super::Happened;
use crate::fact::LockLevel;
use crate::parts::{Door, Lock, Notes, Standing, Visit};
use crate::snapshot::{Pass, TakenOrder};

/// How long an order is remembered: much longer than it is good for.
const ORDERS_FOR: TimeDelta = TimeDelta::minutes(10);
/// A lock that fails so soon after somebody was let through has not let them through.
const JUST_NOW: TimeDelta = TimeDelta::seconds(15);
/// The most orders that are remembered.
pub(crate) const MOST_ORDERS: usize = 256;

pub(super) fn states(
    mut commands: Commands,
    happened: Res<Happened>,
    mut doors: Query<(&Door, &mut Standing)>,
) {
    let Some(SiteEvent { what: Happening::DoorState { door, state }, .. }) = &happened.0 else {
        return;
    };
    let state = Standing(Some(*state).filter(|state| state.is_alarm()));
    match doors.iter_mut().find(|(known, _)| known.0 == *door) {
        Some((_, mut standing)) => *standing = state,
        None => drop(commands.spawn((Door(door.clone()), state))),
    }
}

pub(super) fn notes(
    happened: Res<Happened>,
    mut notes: ResMut<Notes>,
    open: Query<&Visit>,
    locks: Query<(&Door, &Lock)>,
) {
    let Some(event) = &happened.0 else { return };
    notes.house = notes.house.after(event);
    // A lock that does not move lets nobody through, whatever was decided; one that does not close lets everybody.
    let stays_shut = |door: &DeviceId| {
        let shut = |lock: &Lock| lock.fault && lock.level != Some(LockLevel::Unlocked);
        locks.iter().any(|(known, lock)| known.0 == *door && shut(lock))
    };
    let just_now = event.at.checked_sub_signed(JUST_NOW).unwrap_or(event.at);
    match &event.what {
        Happening::Fire { .. } => notes.released = Some(event.at),
        Happening::Care(CareEvent::LetIn { person, .. }) => {
            notes.let_in.insert(*person, event.at);
        }
        Happening::Care(CareEvent::WentOut { person, .. })
        | Happening::CheckedOut { person, .. } => {
            went_out(&mut notes, *person, event.at);
        }
        Happening::SteppedOut { visit } => {
            if let Some(theirs) = open.iter().find(|open| open.0.visit == *visit) {
                went_out(&mut notes, theirs.0.person, event.at);
            }
        }
        // Whoever it was to open for did not get through, unless it opens after all.
        Happening::LockFault { door } if stays_shut(door) => {
            for pass in waits_at(&mut notes, door, just_now) {
                pass.is_in = false;
            }
        }
        Happening::DoorUnlocked { door, .. } => {
            for pass in waits_at(&mut notes, door, just_now) {
                (pass.is_in, pass.door) = (true, None);
            }
        }
        Happening::Ordered { order, answer } => take(&mut notes, event.at, order, *answer),
        Happening::LetThrough { person: Some(person), zone, side, door, .. } => {
            let (person, zone) = (*person, zone.clone());
            let pass = notes.passes.entry((person, zone.clone())).or_insert(Pass {
                person,
                zone: zone.clone(),
                is_in: false,
                door: None,
                entered: None,
                left: None,
            });
            match side {
                Side::Outside => {
                    pass.is_in = !stays_shut(door);
                    pass.entered = Some(event.at);
                    pass.door = Some(door.clone());
                }
                Side::Inside if zone == Zone::House => went_out(&mut notes, person, event.at),
                Side::Inside => {
                    (pass.is_in, pass.door) = (false, None);
                    pass.left = Some(event.at);
                }
            }
        }
        _ => {}
    }
    let since = |ago| event.at.checked_sub_signed(ago).unwrap_or(event.at);
    let (seen, orders) = (since(SEEN_FOR), since(ORDERS_FOR));
    notes.passes.retain(|_, pass| pass.entered.max(pass.left) >= Some(seen));
    notes.let_in.retain(|_, at| *at >= seen);
    notes.orders.retain(|order| order.at >= orders);
}

/// Whoever leaves the house, by whichever door, is in no zone of it any more.
fn went_out(notes: &mut Notes, person: PersonId, at: DateTime<Utc>) {
    notes.let_in.remove(&person);
    for pass in notes.passes.values_mut().filter(|pass| pass.person == person) {
        (pass.is_in, pass.door) = (false, None);
        if pass.zone == Zone::House {
            pass.left = Some(at);
        }
    }
}

/// For whom a door is to open since then, and has not.
fn waits_at<'a>(
    notes: &'a mut Notes,
    door: &'a DeviceId,
    since: DateTime<Utc>,
) -> impl Iterator<Item = &'a mut Pass> {
    let passes = notes.passes.values_mut();
    passes.filter(move |pass| pass.door.as_ref() == Some(door) && pass.entered >= Some(since))
}

fn take(notes: &mut Notes, at: DateTime<Utc>, order: &Ordered, answer: OrderAnswer) {
    notes.orders.retain(|taken| taken.id != order.id);
    notes.orders.push(TakenOrder { id: order.id, at, answer });
    let too_many = notes.orders.len().saturating_sub(MOST_ORDERS);
    notes.orders.drain(..too_many);
    if answer == OrderAnswer::Done && matches!(order.what, SiteOrder::Evacuate { .. }) {
        notes.released = Some(at);
    }
}
