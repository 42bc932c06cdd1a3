//! What events say of doors' states, of who went through them, and of orders.

use bevy_ecs::prelude::*;
use chrono::{DateTime, TimeDelta, Utc};
use model::care::day::CareEvent;
use model::door::{PASSBACK_FOR, Side, Zone};
use model::id::PersonId;
use model::site_event::{Happening, SiteEvent};
use model::site_order::{InForce, OrderAnswer, Ordered, SiteOrder};

use super::Happened;
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
    match &event.what {
        Happening::Fire { on } => {
            notes.house.fire = on.then_some(notes.house.fire.unwrap_or(event.at));
            notes.released = Some(event.at);
        }
        Happening::Care(CareEvent::LetIn { person, .. }) => {
            notes.let_in.insert(*person, event.at);
        }
        Happening::Care(CareEvent::WentOut { person, .. })
        | Happening::CheckedOut { person, .. } => {
            notes.let_in.remove(person);
            went_out(&mut notes, *person, event.at);
        }
        Happening::SteppedOut { visit } => {
            if let Some(theirs) = open.iter().find(|open| open.0.visit == *visit) {
                went_out(&mut notes, theirs.0.person, event.at);
            }
        }
        // Whoever it was to open for did not get through.
        Happening::LockFault { door } => {
            let just_now = event.at.checked_sub_signed(JUST_NOW).unwrap_or(event.at);
            for pass in notes.passes.values_mut() {
                let by_it = pass.door.as_ref() == Some(door) && pass.entered >= Some(just_now);
                pass.is_in &= !by_it;
            }
        }
        Happening::Ordered { order, answer } => take(&mut notes, event.at, order, *answer),
        Happening::LetThrough { person: Some(person), zone, side, door, .. } => {
            let (person, zone) = (*person, zone.clone());
            let pass = notes.passes.entry((person, zone.clone())).or_insert(Pass {
                person,
                zone,
                is_in: false,
                door: None,
                entered: None,
                left: None,
            });
            // A lock that does not move lets nobody through, whatever was decided.
            let moves = !locks.iter().any(|(known, lock)| known.0 == *door && lock.fault);
            pass.is_in = *side == Side::Outside && moves;
            match side {
                Side::Outside => {
                    pass.entered = Some(event.at);
                    pass.door = Some(door.clone());
                }
                Side::Inside => pass.left = Some(event.at),
            }
        }
        _ => {}
    }
    let since = |ago| event.at.checked_sub_signed(ago).unwrap_or(event.at);
    let (passes, orders) = (since(PASSBACK_FOR), since(ORDERS_FOR));
    notes.passes.retain(|_, pass| pass.entered.max(pass.left) >= Some(passes));
    notes.let_in.retain(|_, at| *at >= passes);
    notes.orders.retain(|order| order.at >= orders);
}

/// Whoever says that they leave is let out, by whichever door.
fn went_out(notes: &mut Notes, person: PersonId, at: DateTime<Utc>) {
    if let Some(pass) = notes.passes.get_mut(&(person, Zone::House)) {
        pass.is_in = false;
        pass.left = Some(at);
    }
}

fn take(notes: &mut Notes, at: DateTime<Utc>, order: &Ordered, answer: OrderAnswer) {
    notes.orders.retain(|taken| taken.id != order.id);
    notes.orders.push(TakenOrder { id: order.id, at, answer });
    let too_many = notes.orders.len().saturating_sub(MOST_ORDERS);
    notes.orders.drain(..too_many);
    if answer != OrderAnswer::Done {
        return;
    }
    // Who ordered it first has ordered it.
    let set = |now: Option<InForce>, on: bool| {
        let first = InForce { since: at, by: order.by, from: order.from };
        on.then_some(now.unwrap_or(first))
    };
    let house = &mut notes.house;
    match order.what {
        SiteOrder::Lockdown { on } => house.lockdown = set(house.lockdown, on),
        SiteOrder::Evacuate { on } => {
            house.evacuation = set(house.evacuation, on);
            notes.released = Some(at);
        }
        SiteOrder::Unlock { .. } | SiteOrder::EndVisit { .. } => {}
    }
}
