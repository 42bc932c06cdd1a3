//! Bookings and the claims they hold.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::booking::{Booking, BookingCode, BookingStatus};
use model::centre::Centre;
use model::id::{BookingId, CentreId, ChildId, EmployerId, NurseryId, PersonId, SpaceId};
use model::interval::Interval;

use crate::Result;

/// Bookings and the claims they hold.
#[async_trait]
pub trait Bookings {
    /// Makes a booking, all of it or nothing, in one transaction: locks its centre-days in sorted
    /// order (which also counts their revision up), places desks with `model::capacity::place_desks`
    /// and care with `care_fits`, inserts. The database's own constraint refuses an overlap beneath.
    async fn book(&self, order: &BookingOrder) -> Result<BookResult>;
    /// How a request of this person's with this key was answered before, if it made a booking:
    /// `Before`, or `KeyReused` where the key was used for another request.
    async fn answered(
        &self,
        person: PersonId,
        idempotency: &Idempotency,
    ) -> Result<Option<BookResult>>;
    /// Gives a booking up: releases its claims that have not ended. Answers the booking as it
    /// stands now, and whether this call changed it; `None` when there is no such booking. A booking
    /// whose guest is inside stays: leaving is what gives its desk free.
    async fn cancel(
        &self,
        id: BookingId,
        centre: &Centre,
        at: DateTime<Utc>,
    ) -> Result<Option<(Booking, bool)>>;
    /// A booking with all its claims.
    async fn booking(&self, id: BookingId) -> Result<Option<Booking>>;
    /// Somebody's bookings that end after `from`, by first start; at most 200.
    async fn bookings_of(&self, person: PersonId, from: DateTime<Utc>) -> Result<Vec<Booking>>;
    /// A centre's bookings that hold a live claim overlapping `window`, by id.
    async fn bookings_at(&self, centre: CentreId, window: &Interval) -> Result<Vec<Booking>>;
    /// The live desk and care claims of every centre that overlap `window`.
    async fn claims_in(&self, window: &Interval) -> Result<LiveClaims>;
}

/// A booking to be made; the rules of `model::booking::check` have been asked before.
#[derive(Clone, Debug)]
pub struct BookingOrder {
    /// The new booking's id.
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
    /// Whose care in each slot; they are the person's own children.
    pub children: Vec<ChildId>,
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
    /// Ids for the claims are made by the store, from this seed and their place (UUID v5-like), so
    /// that no random source is needed below: `ClaimId` n is `Uuid::from_u128(id.as_u128() + n + 1)`.
    pub idempotency: Option<Idempotency>,
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

/// What there is no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// Too few free desks in this slot.
    Desk(Interval),
    /// Too few care places in this slot.
    Care(Interval),
    /// The centre has no nursery.
    NoNursery,
    /// The child is in another booking in this slot.
    ChildElsewhere(ChildId, Interval),
}

/// What is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveClaims {
    /// Spaces.
    pub desks: Vec<(CentreId, SpaceId, Interval)>,
    /// Care places.
    pub care: Vec<(NurseryId, Interval)>,
}

/// The text that a status has in the database.
#[must_use]
pub fn status_text(status: BookingStatus) -> &'static str {
    match status {
        BookingStatus::Confirmed => "confirmed",
        BookingStatus::Cancelled => "cancelled",
        BookingStatus::NoShow => "no_show",
    }
}
