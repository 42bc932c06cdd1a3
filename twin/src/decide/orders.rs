//! What is ordered of the site, and what the fire panel says.

use std::time::Duration;

use bevy_ecs::prelude::*;
use chrono::{DateTime, Utc};
use model::site_event::{Happening, SiteEvent};
use model::site_order::{HouseState, OrderAnswer, SiteOrder};

use super::lobby::check_out;
use super::{Asked, Said};
use crate::book::Book;
use crate::fact::{Answer, Effect, Fact, Moment};
use crate::parts::{Door, Notes, Relock, Visit};

/// What stands above schedules and cards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Over {
    /// Every door is open: the fire panel says so, or everybody was asked to leave.
    pub released: bool,
    /// Nobody is let in. Not where every door is open.
    pub lockdown: bool,
}

impl Over {
    /// As it is after what has just happened.
    pub fn of(notes: &Notes, happening: &[SiteEvent]) -> Self {
        let house = happening.iter().fold(notes.house, HouseState::after);
        let released = house.is_released();
        Self { released, lockdown: house.lockdown.is_some() && !released }
    }
}

pub(super) fn fire(asked: Res<Asked>, notes: Res<Notes>, mut said: ResMut<Said>) {
    if let Some((at, Fact::FireRead { on })) = &asked.0
        && notes.house.fire.is_some() != *on
    {
        said.happened(*at, Happening::Fire { on: *on });
    }
}

/// Acts on an order once. The same order again is answered as it was the first time.
pub(super) fn order(
    asked: Res<Asked>,
    book: Res<Book>,
    notes: Res<Notes>,
    mut said: ResMut<Said>,
    visits: Query<&Visit>,
    mut doors: Query<(&Door, &mut Relock)>,
) {
    let Some((at, Fact::Order(order))) = &asked.0 else { return };
    if let Some(taken) = notes.orders.iter().find(|taken| taken.id == order.id) {
        return said.answer(Answer::Ordered(taken.answer));
    }
    let over = Over::of(&notes, &[]);
    let answer = match &order.what {
        SiteOrder::Unlock { door } => match book.door(door) {
            None => OrderAnswer::UnknownDoor,
            Some(_) if over.released => OrderAnswer::Done,
            Some(_) if over.lockdown => OrderAnswer::Overruled,
            Some(known) => {
                let due = at.mono + Duration::from_secs(known.unlock_seconds.into());
                for (_, mut relock) in doors.iter_mut().filter(|(one, _)| one.0 == *door) {
                    relock.open_until(due);
                }
                said.ask_for(Effect::Unlock { door: door.clone(), visit: None });
                OrderAnswer::Done
            }
        },
        // Nobody locks people in while they are asked to leave.
        SiteOrder::Lockdown { on: true } if over.released => OrderAnswer::Overruled,
        SiteOrder::Lockdown { .. } | SiteOrder::Evacuate { .. } => OrderAnswer::Done,
        SiteOrder::EndVisit { visit } => match visits.iter().find(|one| one.0.visit == *visit) {
            None => OrderAnswer::UnknownVisit,
            Some(visit) => {
                leave_for_good(&mut said, &book, *at, visit);
                OrderAnswer::Done
            }
        },
    };
    said.happened(*at, Happening::Ordered { order: order.clone(), answer });
    said.answer(Answer::Ordered(answer));
}

fn leave_for_good(said: &mut Said, book: &Book, at: Moment, visit: &Visit) {
    let until: DateTime<Utc> = book.until(&visit.0, at.now);
    check_out(said, book, at, visit.0, Some(until).filter(|until| at.now < *until));
}
