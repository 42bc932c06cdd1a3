//! The walk-in lease: what the hub has claimed for a site, which gives it to whoever comes without a booking.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::centre::Centre;
use model::id::{CentreId, ClaimId, SpaceId};
use model::interval::Interval;
use uuid::Uuid;

use crate::Result;
use crate::bookings::{BookingOrder, Spare};

/// The walk-in lease.
///
/// It is made of desk claims that belong to no booking, so the same nets hold for it as for bookings. What the site has
/// been told that it may give away stays claimed until it has said twice that it runs on a sheet which does not list it
/// any more: by acknowledging that sheet, and by its events, so that everything it gave away before has been told.
#[async_trait]
pub trait Leases {
    /// What a centre's site may give away in a stretch of time, for its sheet.
    async fn leased(&self, centre: CentreId, window: &Interval) -> Result<Vec<LeaseClaim>>;
    /// Keeps a sheet with the next version of this centre, which it answers, when `content` differs from the newest
    /// one's; else answers the newest version and `false`. Notes that these claims stand on it; nothing is kept where
    /// one of them is not the site's to give away any more: the plan is to be read again.
    async fn next_sheet_listing(
        &self,
        centre: CentreId,
        content: &[u8; 32],
        lease: &[ClaimId],
        at: DateTime<Utc>,
    ) -> Result<Option<(u64, bool)>>;
    /// Takes free desks for the lease and asks back what is too much, as the house's rules have it (see
    /// [`model::lease::keep`]). Nothing is taken for a site that never had a sheet or is silent. Ids are made from
    /// `seed`, which nobody else has.
    async fn keep_lease(&self, centre: &Centre, at: DateTime<Utc>, seed: Uuid)
    -> Result<LeaseKept>;
    /// Asks back what an order would need that was refused for want of a desk. Answers whether that is on its way: not
    /// where it would not be enough, or the site is not there to answer.
    async fn want_lease_back(&self, order: &BookingOrder, seed: Uuid) -> Result<bool>;
    /// Frees what was asked back and the site has let go of; who waits for it is served. Answers how many claims that
    /// were.
    async fn free_returned_lease(
        &self,
        centre: &Centre,
        at: DateTime<Utc>,
        spare: &[Spare],
    ) -> Result<usize>;
}

/// A claim that a site may give away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseClaim {
    /// The claim.
    pub claim: ClaimId,
    /// The space.
    pub space: SpaceId,
    /// When.
    pub when: Interval,
}

/// What was done to a lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseKept {
    /// How many stretches were taken.
    pub taken: usize,
    /// How many the site was asked for.
    pub asked_back: usize,
}
