//! Who waits for what is full.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::booking::Booking;
use model::centre::Centre;
use model::id::{BookingId, CentreId, PersonId, WaitlistId};
use model::waitlist::{Class, Entry};

use crate::{BookingOrder, NoRoom, Result, Spare};

/// Who waits for what is full.
#[async_trait]
pub trait Waitlist {
    /// Adds an entry for all that `order` asks for, unless there is room: then it is held, as
    /// `order` says. One transaction, so that nothing comes free in between unseen. The same wish of
    /// the same person waits once, and a key that has held something answers with that.
    async fn wait(&self, entry: &Entry, order: &BookingOrder) -> Result<Waited>;
    /// Holds what has come free for who waits at a centre, in their order; answers what was offered.
    /// Entries whose time has come are over.
    async fn promote(
        &self,
        centre: &Centre,
        at: DateTime<Utc>,
        spare: &[Spare],
    ) -> Result<Vec<Booking>>;
    /// The centres where somebody waits.
    async fn waited_for(&self) -> Result<Vec<CentreId>>;
    /// Takes an entry off; a hold that was offered for it is cancelled by itself, before.
    async fn stop_waiting(&self, id: WaitlistId) -> Result<Option<Entry>>;
    /// An entry.
    async fn waiting(&self, id: WaitlistId) -> Result<Option<Entry>>;
    /// Somebody's entries that end after `from`, by start; those still waiting and all others.
    async fn waiting_of(&self, person: PersonId, from: DateTime<Utc>) -> Result<Vec<Entry>>;
    /// Who waits at a centre, in the order in which they are served.
    async fn waiting_at(&self, centre: CentreId) -> Result<Vec<Entry>>;
    /// The entry that a booking was held for.
    async fn waited_with(&self, booking: BookingId) -> Result<Option<Entry>>;
    /// The priority classes, the first to be served first.
    async fn waitlist_classes(&self) -> Result<Vec<Class>>;
}

/// How asking to wait ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    /// It waits.
    Waits(Entry),
    /// There was room: this is held.
    Held(Booking),
    /// Waiting cannot help: a quota, a closure, no nursery, more than the whole house has.
    Never(NoRoom),
    /// The key was used for another request.
    KeyReused,
    /// This person waits for enough already.
    TooMany,
}
