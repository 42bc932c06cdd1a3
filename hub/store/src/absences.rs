//! The times that a site was on its own.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::id::{BookingId, CentreId, SpaceId};
use model::interval::Interval;
use model::site_event::SiteEvent;

use crate::Result;

/// The times that sites were on their own; the hub notes them as it takes their events in.
#[async_trait]
pub trait Absences {
    /// The times that a centre's site was on its own, newest first; at most 100, those that nobody has read of before
    /// others.
    async fn absences(&self, centre: CentreId) -> Result<Vec<Absence>>;
    /// How many of them no operator has read of yet.
    async fn unread_absences(&self, centre: CentreId) -> Result<u32>;
    /// One of them.
    async fn absence(&self, centre: CentreId, number: u32) -> Result<Option<Absence>>;
    /// What the site did meanwhile, with places, in order; at most so many. What weighs little
    /// ([`model::site_event::Weight::Telemetry`]) is left out.
    async fn done_alone(
        &self,
        centre: CentreId,
        absence: &Absence,
        most: u32,
    ) -> Result<Vec<(u64, SiteEvent)>>;
    /// Where the site gave away what the hub had for somebody else, of these places.
    async fn walk_in_conflicts(
        &self,
        centre: CentreId,
        from: u64,
        to: u64,
    ) -> Result<Vec<WalkInConflict>>;
    /// Those that somebody has to solve, whenever they were told of: still to come or under way, and the booking is
    /// where it was.
    async fn open_conflicts(
        &self,
        centre: CentreId,
        now: DateTime<Utc>,
    ) -> Result<Vec<WalkInConflict>>;
    /// Notes that an operator has read of an absence; the first time counts.
    async fn note_absence_read(
        &self,
        centre: CentreId,
        number: u32,
        at: DateTime<Utc>,
    ) -> Result<()>;
}

/// A time that a site was on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// Its number at the centre, from 1.
    pub number: u32,
    /// Since when nothing was heard, by the hub's clock; where the site was heard and told nothing, when the first
    /// thing happened that was told late.
    pub gone_at: DateTime<Utc>,
    /// When it told again.
    pub back_at: DateTime<Utc>,
    /// The place of the first event that it told then.
    pub first_place: u64,
    /// When an operator said that they have read of it.
    pub read_at: Option<DateTime<Utc>>,
}

/// A space that a site gave away while the hub had it for somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkInConflict {
    /// The place of the event that tells of the walk-in.
    pub place: u64,
    /// The space.
    pub space: SpaceId,
    /// When both have it.
    pub when: Interval,
    /// The walk-in, whose booking may not stand.
    pub walk_in: BookingId,
    /// The booking.
    pub booking: BookingId,
    /// Where its desk is now; nothing where it stays, and an operator has to look for another.
    pub moved_to: Option<SpaceId>,
}
