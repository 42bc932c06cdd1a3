//! When a centre, or one of its spaces, is out of use for a while, and why.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::booking::{Booking, CareClaim, DeskClaim};
use crate::care::terms::MOST_AROUND;
use crate::id::{CentreId, ClosureId, PersonId, SpaceId};
use crate::interval::Interval;
use crate::language::LocalText;

/// The longest reason, in characters.
pub const LONGEST_REASON: usize = 200;

/// One stretch out of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// Its id.
    pub id: ClosureId,
    /// Where.
    pub centre: CentreId,
    /// The one space; none is the whole centre.
    pub space: Option<SpaceId>,
    /// What it means for what is booked already.
    pub kind: ClosureKind,
    /// When.
    pub when: Interval,
    /// What guests are told.
    pub reason: LocalText,
    /// Who decided it.
    pub made_by: Option<PersonId>,
    /// When it was decided.
    pub made_at: DateTime<Utc>,
}

/// What a closure means for bookings that were made before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosureKind {
    /// Nobody can come: what is booked must be moved or given up.
    Closed,
    /// Nothing new is taken; what is booked stands.
    NoNew,
}

impl Closure {
    /// Whether it keeps `space` from being booked in `when`; no space asks for the whole centre.
    #[must_use]
    pub fn shuts(&self, space: Option<SpaceId>, when: &Interval) -> bool {
        self.when.overlaps(when) && (self.space.is_none() || self.space == space)
    }

    /// Whether it stands in the way of what `booking` still holds: whoever booked has to come at
    /// another time, or to another place.
    #[must_use]
    pub fn meets(&self, booking: &Booking) -> bool {
        self.met_slots(booking).next().is_some()
    }

    /// The stretches of what `booking` still holds that it stands in the way of, desks first.
    pub fn met_slots<'a>(&'a self, booking: &'a Booking) -> impl Iterator<Item = Interval> + 'a {
        let stands = self.kind == ClosureKind::Closed
            && self.centre == booking.centre
            && booking.status.holds();
        let desks = booking
            .desks
            .iter()
            .filter(|claim| claim.released_at.is_none())
            .filter(|claim| self.shuts(Some(claim.space), &claim.when))
            .map(|claim| claim.when);
        // Care that goes with a desk goes with its stretch: a hand-over is in nobody's way. What is more than a
        // hand-over longer than its desk, because the guest has left, stands for itself.
        let goes_with = |care: &CareClaim, desk: &DeskClaim| {
            let longer =
                (desk.when.starts() - care.when.starts()).max(care.when.ends() - desk.when.ends());
            desk.released_at.is_none() && desk.when.overlaps(&care.when) && longer <= MOST_AROUND
        };
        let alone = move |care: &CareClaim| !booking.desks.iter().any(|desk| goes_with(care, desk));
        let care = booking
            .care
            .iter()
            .filter(move |claim| claim.released_at.is_none() && alone(claim))
            .filter(|claim| self.shuts(None, &claim.when))
            .map(|claim| claim.when);
        desks.chain(care).filter(move |_| stands)
    }
}

/// The one of a centre's closures that shuts all of it on one of `slots`, if any does.
#[must_use]
pub fn over<'a>(
    closures: impl Iterator<Item = &'a Closure> + Clone,
    slots: &[Interval],
) -> Option<(&'a Closure, Interval)> {
    slots.iter().find_map(|slot| {
        let shut = closures.clone().find(|one| one.shuts(None, slot))?;
        Some((shut, *slot))
    })
}
