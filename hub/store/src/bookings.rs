//! Bookings and the claims they hold.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::booking::{Approvals, Booking, BookingCode, BookingStatus, DeskNeeds, Wish};
use model::care::age::{Ages, AgesByDay};
use model::care::intake::Lack;
use model::care::scheme::NotUnder;
use model::centre::Centre;
use model::id::{BookingId, CentreId, ChildId, EmployerId, NurseryId, PersonId, SeriesId, SpaceId};
use model::interval::Interval;
use model::language::LocalText;
use model::quota::{Over, Quota};
use model::series::Series;
use uuid::Uuid;

use crate::Result;

/// Bookings and the claims they hold.
///
/// Whoever changes claims first locks whom quotas count and then the centre-days, each sorted, and
/// ends holds that have lapsed; whatever a change gives free is offered to who waits for it, in the
/// same transaction, as far as there are [`Spare`]s.
#[async_trait]
pub trait Bookings {
    /// Makes a booking, all of it or nothing, in one transaction: places desks with
    /// `model::packing` (which may move others' claims) and care with
    /// `model::care::intake` (or by places alone), inserts. The
    /// database's own constraint refuses an overlap beneath.
    async fn book(&self, order: &BookingOrder) -> Result<BookResult>;
    /// Makes the bookings of a series in one transaction, in their order: all of them or, where
    /// `each`, those that are possible. Answers for each; where one was refused and not `each`,
    /// nothing was made and the answers say what would have been. The booking that it `began` with is
    /// taken in too, where it is the same guest's and of no series.
    async fn book_series(
        &self,
        series: &Series,
        began: Option<BookingId>,
        orders: &[BookingOrder],
        each: bool,
    ) -> Result<Vec<BookResult>>;
    /// How a request of this person's with this key was answered before, if it made a booking:
    /// `Before`, or `KeyReused` where the key was used for another request.
    async fn answered(
        &self,
        person: PersonId,
        idempotency: &Idempotency,
    ) -> Result<Option<BookResult>>;
    /// Gives a booking the claims of `order` in the place of its own, all or nothing; its id, code
    /// and account stay. Only where `version` is still its own.
    async fn change(
        &self,
        id: BookingId,
        version: u32,
        order: &BookingOrder,
        spare: &[Spare],
    ) -> Result<Changed>;
    /// Turns a booking that is held or asked for into a confirmed one, or ends it. `None` when there
    /// is no such booking.
    async fn settle(&self, settling: &Settling<'_>) -> Result<Option<Settled>>;
    /// Gives a booking up: releases its claims that have not ended. Answers the booking as it
    /// stands now, and whether this call changed it; `None` when there is no such booking. A booking
    /// whose guest is inside stays: leaving is what gives its desk free.
    async fn cancel(
        &self,
        id: BookingId,
        centre: &Centre,
        at: DateTime<Utc>,
        spare: &[Spare],
    ) -> Result<Option<(Booking, bool)>>;
    /// Ends the holds of a centre that nobody confirmed by `at`; answers them.
    async fn lapse(
        &self,
        centre: &Centre,
        at: DateTime<Utc>,
        spare: &[Spare],
    ) -> Result<Vec<Booking>>;
    /// The centres where something has lapsed by `at` and still holds its claims.
    async fn lapsing(&self, at: DateTime<Utc>) -> Result<Vec<CentreId>>;
    /// A booking with all its claims.
    async fn booking(&self, id: BookingId) -> Result<Option<Booking>>;
    /// Those bookings that there are, with all their claims, by id.
    async fn bookings_named(&self, ids: &[BookingId]) -> Result<Vec<Booking>>;
    /// Somebody's bookings that end after `from`, by first start; at most 200.
    async fn bookings_of(&self, person: PersonId, from: DateTime<Utc>) -> Result<Vec<Booking>>;
    /// As [`Bookings::bookings_of`], at most 1000; the earliest are left out first.
    async fn calendar_of(&self, person: PersonId, from: DateTime<Utc>) -> Result<Vec<Booking>>;
    /// A centre's bookings that hold a live claim overlapping `window`, by id.
    async fn bookings_at(&self, centre: CentreId, window: &Interval) -> Result<Vec<Booking>>;
    /// A centre's bookings that stand or that nobody came for, with a desk that was given free in
    /// `window`, by id.
    async fn given_free_at(&self, centre: CentreId, window: &Interval) -> Result<Vec<Booking>>;
    /// The bookings that one rule has made, by first start.
    async fn bookings_in(&self, series: SeriesId) -> Result<Vec<Booking>>;
    /// A series.
    async fn series(&self, id: SeriesId) -> Result<Option<Series>>;
    /// The bookings that wait for an approval: at a centre, or by an employer, by when they lapse.
    async fn asked_for(&self, of: Approver) -> Result<Vec<Booking>>;
}

/// A booking to be made; the rules of `model::booking::check` have been asked before.
#[derive(Clone, Debug)]
pub struct BookingOrder {
    /// The new booking's id. Ids for the claims follow from it, so that no random source is needed
    /// below.
    pub id: BookingId,
    /// Whose.
    pub person: PersonId,
    /// Where.
    pub centre: Centre,
    /// When; in order, not overlapping.
    pub slots: Vec<Interval>,
    /// How many desks in each slot.
    pub desks: u32,
    /// The one space it must be.
    pub pinned: Option<SpaceId>,
    /// What the desks must be like.
    pub needs: DeskNeeds,
    /// Whose care in each slot; they are the person's own children.
    pub children: Vec<ChildId>,
    /// Under which scheme a child's care goes, where somebody has said so.
    pub schemes: BTreeMap<ChildId, String>,
    /// How old they count on the local days the slots begin on; whoever is not there counts as a newborn.
    pub ages: AgesByDay,
    /// Who pays.
    pub on_account_of: Option<EmployerId>,
    /// The code of the booking; where it is taken, the store answers `Duplicate("booking code")`.
    pub code: BookingCode,
    /// The revision of the prices.
    pub tariff_rev: u32,
    /// The revision of the rules.
    pub rule_rev: u32,
    /// Now.
    pub at: DateTime<Utc>,
    /// Confirmed, or held or asked for until an instant.
    pub stands: Stands,
    /// What it must not go over.
    pub quotas: Vec<Counted>,
    /// Makes a repeated request harmless.
    pub idempotency: Option<Idempotency>,
    /// For who waits, where a hold turns out to have lapsed.
    pub spare: Vec<Spare>,
}

/// How a new booking stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// At once.
    Confirmed,
    /// Until its guest confirms, at the latest until then.
    HeldUntil(DateTime<Utc>),
    /// Until all of these approve, at the latest until then.
    AskedUntil(DateTime<Utc>, Approvals),
}

impl Stands {
    /// The booking's status.
    #[must_use]
    pub fn status(self) -> BookingStatus {
        match self {
            Self::Confirmed => BookingStatus::Confirmed,
            Self::HeldUntil(_) => BookingStatus::Held,
            Self::AskedUntil(..) => BookingStatus::Asked,
        }
    }

    /// When it ends by itself.
    #[must_use]
    pub fn lapses_at(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Confirmed => None,
            Self::HeldUntil(until) | Self::AskedUntil(until, _) => Some(until),
        }
    }

    /// Who has to agree to it.
    #[must_use]
    pub fn awaits(self) -> Approvals {
        match self {
            Self::AskedUntil(_, approvals) => approvals,
            Self::Confirmed | Self::HeldUntil(_) => Approvals::default(),
        }
    }
}

/// A quota with those whose bookings it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The quota.
    pub quota: Quota,
    /// Whose bookings.
    pub whose: Whose,
}

/// Whose bookings a quota counts together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of these people; the id is the person's or the household's own.
    People(Uuid, Vec<PersonId>),
    /// Those that an employer pays for.
    Employer(EmployerId),
}

impl Whose {
    /// What rivals under the same quota queue at.
    #[must_use]
    pub fn lock(&self) -> Uuid {
        match self {
            Self::People(id, _) => *id,
            Self::Employer(employer) => employer.0,
        }
    }
}

/// What the store needs to hold something for who waits: an id and a code that nobody has.
#[derive(Clone, Copy, Debug)]
pub struct Spare {
    /// The id.
    pub id: BookingId,
    /// The code.
    pub code: BookingCode,
    /// The revision of the prices.
    pub tariff_rev: u32,
    /// The revision of the rules.
    pub rule_rev: u32,
}

/// A key that makes a repeated request harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// As the client sent it; one person's keys are their own.
    pub key: String,
    /// SHA-256 of what was asked.
    pub digest: [u8; 32],
}

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookResult {
    /// Made now.
    Made(Booking),
    /// The same key and request made this one before.
    Before(Booking),
    /// There is no room.
    Refused(NoRoom),
    /// The key was used for another request.
    KeyReused,
}

/// How a change ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The booking as it stands now.
    Done(Booking),
    /// There is no room; the booking is as it was.
    Refused(NoRoom),
    /// Somebody changed it meanwhile: this is what stands.
    Newer(Booking),
    /// It holds nothing any more, or its guest is inside or was there.
    Fixed(Booking),
    /// There is no such booking.
    Absent,
}

/// A booking that is held or asked for, and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub struct Settling<'a> {
    /// Which.
    pub id: BookingId,
    /// Where.
    pub centre: &'a Centre,
    /// What it has to be, where what becomes of it depends on that: another is answered `Otherwise`.
    pub version: Option<u32>,
    /// What becomes of it.
    pub to: Stood,
    /// Now.
    pub at: DateTime<Utc>,
    /// For who waits, where it ends.
    pub spare: &'a [Spare],
    /// What it must not go over to stand: what was held for who waited was not counted before.
    pub quotas: &'a [Counted],
}

/// What becomes of a booking that is held or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stood {
    /// What was held stands.
    Confirmed,
    /// What was held waits for approvals until then.
    AskedUntil(DateTime<Utc>, Approvals),
    /// What was asked for is approved by these, and stands when nobody else has to agree.
    Approved(Approvals),
    /// What was asked for is not approved by one of these.
    Declined(Approvals),
}

/// How settling ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// As it stands now.
    Done(Booking),
    /// It was not held, or did not wait for them (any more); this is what it is.
    Otherwise(Booking),
    /// It goes over a quota, and stays held.
    Over(Over),
    /// This child's care goes over what there may be under a scheme, and stays held.
    NotUnder(ChildId, Interval, (LocalText, NotUnder)),
}

/// Who is asked for an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approver {
    /// A centre's operators.
    Centre(CentreId),
    /// An employer's admins.
    Employer(EmployerId),
}

/// What there is no room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// Too few free desks in this slot; `proven` where each fitting one is needed at some moment,
    /// else the search for an arrangement found none.
    Desk {
        /// The slot.
        slot: Interval,
        /// Whether there is none, or none was found.
        proven: bool,
    },
    /// Too few care places in this slot.
    Care(Interval),
    /// The nursery has too little for these children, in the order of time; never empty.
    CareShort(Vec<Lack>),
    /// The nursery has no room for children of this child's age.
    NoRoomForAge(ChildId),
    /// The centre has no nursery.
    NoNursery,
    /// The nursery is not open all through this slot; when it is, on its days.
    NurseryShut(Interval, Vec<Interval>),
    /// No scheme of the nursery takes this child's care at this time; which one says so, and why, where it
    /// offers one of that name.
    NotUnder(ChildId, Interval, Option<(LocalText, NotUnder)>),
    /// The nursery talks with the guardians before this child's first day, and that has not been, or is fixed only for
    /// a later time.
    NeedsInterview {
        /// The child.
        child: ChildId,
        /// Which nursery.
        nursery: NurseryId,
        /// When it is fixed for.
        fixed: Option<DateTime<Utc>>,
    },
    /// Whoever it is for answers for this child no more.
    NotTheirs(ChildId),
    /// Nothing is heard from the centre's site, which would have to take the child on the same day.
    SiteSilent(Interval),
    /// The child is in another booking in this slot.
    ChildElsewhere(ChildId, Interval),
    /// The centre takes no bookings in this slot.
    Closed(Interval, LocalText),
    /// It goes over a quota.
    Quota(Over),
}

/// The text that a status has in the database.
#[must_use]
pub fn status_text(status: BookingStatus) -> &'static str {
    match status {
        BookingStatus::Confirmed => "confirmed",
        BookingStatus::Held => "held",
        BookingStatus::Asked => "asked",
        BookingStatus::Cancelled => "cancelled",
        BookingStatus::NoShow => "no_show",
        BookingStatus::Lapsed => "lapsed",
        BookingStatus::Declined => "declined",
    }
}

impl BookingOrder {
    /// One desk for each of `slots`, whichever it is, confirmed at once and on nobody's account; `revisions` are those of
    /// prices and rules.
    #[must_use]
    pub fn of_desk(
        (id, code): (BookingId, BookingCode),
        person: PersonId,
        centre: &Centre,
        slots: Vec<Interval>,
        revisions: (u32, u32),
        at: DateTime<Utc>,
    ) -> Self {
        let (tariff_rev, rule_rev) = revisions;
        Self {
            id,
            person,
            centre: centre.clone(),
            slots,
            desks: 1,
            pinned: None,
            needs: DeskNeeds::default(),
            children: Vec::new(),
            schemes: BTreeMap::new(),
            ages: AgesByDay::default(),
            on_account_of: None,
            code,
            tariff_rev,
            rule_rev,
            at,
            stands: Stands::Confirmed,
            quotas: Vec::new(),
            idempotency: None,
            spare: Vec::new(),
        }
    }

    /// How old a child of the order counts while a slot of it runs, if that is known.
    #[must_use]
    pub fn ages_of(&self, child: ChildId, slot: &Interval) -> Option<Ages> {
        let day = slot.starts().with_timezone(&self.centre.time_zone).date_naive();
        self.ages.on(child, day)
    }

    /// What was wished for.
    #[must_use]
    pub fn wish(&self) -> Wish {
        Wish {
            centre: self.centre.id,
            slots: self.slots.clone(),
            desks: self.desks,
            pinned: self.pinned,
            required: self.needs.required,
            wanted: self.needs.wanted,
            together: self.needs.together,
            children: self.children.clone(),
            schemes: self.schemes.clone(),
        }
    }
}
