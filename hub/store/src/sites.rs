//! Sites: their sheets and events.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use model::centre::Centre;
use model::id::{CentreId, DeviceId, PersonId};
use model::language::Language;
use model::site_event::SiteEvent;

use crate::Result;
use crate::bookings::Spare;
use crate::cards::Credential;

/// A site that was not heard of for so long is away, wherever that is asked: its operators and its nursery's staff see it
/// so, it sells no care for the same day, nobody is moved there, its lease stays as it is, and what it tells when it is
/// back was done on its own. An edge tells several times a minute; what is shorter is a line that hiccups.
pub const SILENT: TimeDelta = TimeDelta::minutes(2);

/// Sites: their sheets and events.
#[async_trait]
pub trait Sites {
    /// What the hub knows of a site.
    async fn site_status(&self, centre: CentreId) -> Result<SiteStatus>;
    /// The centres whose sites had a sheet in force and were not heard of for [`SILENT`] at the time `now`.
    async fn silent_sites(&self, now: DateTime<Utc>) -> Result<Vec<CentreId>>;
    /// Notes which sheet a site has in force, and that it was heard of at `at`.
    async fn ack_sheet(&self, centre: CentreId, version: u64, at: DateTime<Utc>) -> Result<()>;
    /// A number that changes whenever the bookings or shifts of these days, the devices or settings of the
    /// centre, or nurseries, people, their cards or their children change.
    async fn plan_revision(&self, centre: CentreId, from: NaiveDate, to: NaiveDate) -> Result<i64>;
    /// A number that rises whenever people, their cards or their children change.
    async fn people_revision(&self) -> Result<i64>;
    /// Whom a centre's sheet speaks of: the given persons' cards and PINs.
    async fn sheet_people(&self, persons: &[PersonId]) -> Result<Vec<SheetPersonRecord>>;

    /// Takes events in, exactly once, in one transaction: skips those already there, refuses a gap,
    /// keeps each in the log, and applies what they mean (check-in makes a visit, check-out ends it,
    /// no-show releases its claim, with the booking's care in a slot that has no desk left; leaving
    /// for good ends the visit's claim at the next step of the centre's grain, and a walk-in's goes back to the lease,
    /// while care goes on:
    /// whoever leaves a desk has not thereby fetched a child; what happens to a child in care goes into its diary, and a
    /// hand-over ends its care as leaving ends a desk). What that gives free is offered to who
    /// waits, as far as there are spares, and the centre-days' revisions are counted up. A no-show whose deadline `batch.at` has not reached is
    /// kept and not applied. A walk-in turns its part of the lease into a booking; where the hub had the space for
    /// somebody else, that is moved or noted (see [`crate::WalkInConflict`]), and nothing is refused. Where the site was
    /// on its own before, that is noted too (see [`crate::Absence`]).
    async fn take_events(&self, batch: &EventBatch) -> Result<EventsTaken>;
    /// A centre's events after a place, in order, with their places; at most 1,000.
    async fn events_after(&self, centre: CentreId, place: u64) -> Result<Vec<(u64, SiteEvent)>>;
    /// Keeps a site's snapshot: its JSON after the event at `place`.
    async fn put_snapshot(
        &self,
        centre: CentreId,
        place: u64,
        json: &str,
        at: DateTime<Utc>,
    ) -> Result<()>;
    /// The newest snapshot.
    async fn snapshot(&self, centre: CentreId) -> Result<Option<(u64, String)>>;
}

/// What the hub knows of a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SiteStatus {
    /// The place of the last event taken in.
    pub reached: u64,
    /// Everything before this instant has been told.
    pub told_until: Option<DateTime<Utc>>,
    /// The sheet that the site has in force.
    pub sheet_in_force: Option<u64>,
    /// When it was last heard of, by the hub's clock.
    pub heard_at: Option<DateTime<Utc>>,
}

/// A person on a sheet.
#[derive(Clone)]
pub struct SheetPersonRecord {
    /// Who.
    pub person: PersonId,
    /// Their language.
    pub language: Language,
    /// Their PIN, Argon2id PHC.
    pub pin: Option<String>,
    /// Their cards.
    pub credentials: Vec<Credential>,
}

/// Events of one centre's edge.
#[derive(Clone, Debug)]
pub struct EventBatch {
    /// The centre.
    pub centre: Centre,
    /// The edge that tells.
    pub edge: DeviceId,
    /// The place of the first event.
    pub first: u64,
    /// The events.
    pub events: Vec<SiteEvent>,
    /// Everything before this instant has been told.
    pub told_until: DateTime<Utc>,
    /// Now, by the hub's clock.
    pub at: DateTime<Utc>,
    /// For who waits, where something comes free.
    pub spare: Vec<Spare>,
}

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventsTaken {
    /// Committed up to this place.
    Reached(u64),
    /// The batch must begin at this place.
    Gap(u64),
}
