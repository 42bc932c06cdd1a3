//! Nurseries: the rules they are under, their rooms, and who works when.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use model::booking::BookingStatus;
use model::care::day::CareEvent;
use model::care::duty::Shift;
use model::care::file::Interview;
use model::care::intake::Lack;
use model::care::rule_set::RuleSet;
use model::care::scheme::Scheme;
use model::care::staffing::Staffing;
use model::care::terms::Terms;
use model::centre::Centre;
use model::id::{BookingId, CentreId, ChildId, NurseryId, RoomId, ShiftId};
use model::interval::Interval;

use crate::Result;

/// Nurseries: the rules they are under, their rooms, and who works when.
#[async_trait]
pub trait Care {
    /// Keeps a rule set that has been checked. What is kept is never changed, so that what was decided by it can
    /// be explained: one of the same name is a `Duplicate`.
    async fn add_rule_set(&self, rules: &RuleSet, at: DateTime<Utc>) -> Result<()>;
    /// Every rule set, by name.
    async fn rule_sets(&self) -> Result<Vec<RuleSet>>;
    /// Keeps a scheme that has been checked, as [`Care::add_rule_set`] does a rule set.
    async fn add_scheme(&self, scheme: &Scheme, at: DateTime<Utc>) -> Result<()>;
    /// Every scheme, by name.
    async fn schemes(&self) -> Result<Vec<Scheme>>;
    /// Decides a nursery's terms; false where there is no such nursery. What is booked already stands.
    async fn set_terms(&self, nursery: NurseryId, terms: &Terms) -> Result<bool>;
    /// Decides how a nursery is staffed; false where there is no such nursery. What is booked already
    /// stands.
    async fn set_staffing(&self, nursery: NurseryId, staffing: Option<&Staffing>) -> Result<bool>;
    /// The shifts of a nursery that overlap `window`, by start, caregiver and id.
    async fn shifts(&self, nursery: NurseryId, window: &Interval) -> Result<Vec<Rostered>>;
    /// Puts a roster in the place of all shifts that begin on its local days, and tells which bookings
    /// cannot be kept then. All of it or nothing; nothing too where it is only tried.
    async fn put_roster(&self, roster: &Roster) -> Result<RosterPut>;

    /// A child's interviews with nurseries, at most one with each.
    async fn interviews_of(&self, child: ChildId) -> Result<Vec<(NurseryId, Interview)>>;
    /// A nursery's interviews that are asked for or fixed, those that wait longest in front.
    async fn interviews_at(&self, nursery: NurseryId) -> Result<Vec<(ChildId, Interview)>>;
    /// Notes how far an interview is. One that is only asked for takes nothing's place: whoever asks again
    /// changes nothing. Answers whether something was changed.
    async fn put_interview(
        &self,
        child: ChildId,
        nursery: NurseryId,
        interview: Interview,
    ) -> Result<bool>;
    /// Takes an interview back that was not held; answers whether there was one.
    async fn drop_interview(&self, child: ChildId, nursery: NurseryId) -> Result<bool>;
    /// The care in a nursery that is live and overlaps `window`, by start and child.
    async fn care_at(&self, nursery: NurseryId, window: &Interval) -> Result<Vec<CareAt>>;
    /// The children with care of confirmed bookings in a centre's nurseries that overlaps `window`, by id; those too
    /// whose care was given free after it had begun, as they may be there still.
    async fn children_at(&self, centre: CentreId, window: &Interval) -> Result<Vec<ChildId>>;
    /// Whether a child was brought on a booking and is not collected yet.
    async fn is_in_care(&self, booking: BookingId) -> Result<bool>;
    /// Whether a child has, or had, care in a centre's nurseries, or was brought there; `on` a booking of theirs that may
    /// have been changed since. Of others a site has nothing to tell.
    async fn was_cared_for(
        &self,
        centre: CentreId,
        child: ChildId,
        on: Option<BookingId>,
    ) -> Result<bool>;

    /// What sites told of a child in `window`, in the order in which it happened.
    async fn diary_of(&self, child: ChildId, window: &Interval) -> Result<Vec<DiaryEntry>>;
    /// The incidents of a nursery on which a report is still to be made, the newest in front, however old; with those of
    /// which nobody has said yet that they need none: which do is sealed.
    async fn incidents_at(&self, nursery: NurseryId) -> Result<Vec<IncidentRecord>>;
    /// Notes that incidents, by their places in what a centre's site told, need no report.
    async fn need_no_report(&self, centre: CentreId, places: &[u64]) -> Result<()>;
    /// Notes that an incident of a nursery was reported on; false where it was before, or there is none such. The second
    /// report follows the first.
    async fn report_incident(
        &self,
        nursery: NurseryId,
        incident: (CentreId, u64),
        report: Report,
        at: DateTime<Utc>,
    ) -> Result<bool>;
}

/// Something that a site told of a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiaryEntry {
    /// Whose site.
    pub centre: CentreId,
    /// The event's place in its order.
    pub place: u64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// In which nursery, where that is known.
    pub nursery: Option<NurseryId>,
    /// On which booking, where that is known.
    pub booking: Option<BookingId>,
    /// What.
    pub what: CareEvent,
}

/// An incident, and whether it was reported on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentRecord {
    /// What the site told.
    pub entry: DiaryEntry,
    /// When the first report went out.
    pub first_reported_at: Option<DateTime<Utc>>,
    /// When the second did.
    pub second_reported_at: Option<DateTime<Utc>>,
}

/// A report of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// At once.
    First,
    /// With what was found out since.
    Second,
}

/// Care of a child that is booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CareAt {
    /// On which booking.
    pub booking: BookingId,
    /// How that stands.
    pub status: BookingStatus,
    /// Whose.
    pub child: ChildId,
    /// When, with its hand-overs.
    pub when: Interval,
    /// In which room, where the nursery has rooms.
    pub room: Option<RoomId>,
    /// Under which scheme.
    pub scheme: Option<String>,
}

/// Somebody's shift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rostered {
    /// Its id.
    pub id: ShiftId,
    /// Whose, as the roster names them.
    pub caregiver: String,
    /// When.
    pub shift: Shift,
}

/// Who works at a nursery on some days.
#[derive(Clone, Debug)]
pub struct Roster {
    /// The nursery's centre.
    pub centre: Centre,
    /// The nursery.
    pub nursery: NurseryId,
    /// The local days whose shifts are replaced; all of `shifts` begin on one of them.
    pub days: Vec<NaiveDate>,
    /// The new shifts; they have been checked, and no two of one caregiver overlap.
    pub shifts: Vec<Rostered>,
    /// Now: what has lapsed by then is in nobody's way.
    pub at: DateTime<Utc>,
    /// Whether it is only asked what would happen.
    pub only_try: bool,
}

/// What became of a roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RosterPut {
    /// It stands, or would. These bookings cannot be kept by it, those who came first in front; of each
    /// what is too little and when, on the days that it touches.
    Done(Vec<(BookingId, Vec<Lack>)>),
    /// A caregiver has another shift then, of a day that is not replaced.
    Overlaps {
        /// Who.
        caregiver: String,
        /// The shift that stands.
        when: Interval,
    },
}
