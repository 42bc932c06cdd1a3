//! Work that is due.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::centre::Centre;
use model::id::{BookingId, CentreId, ClaimId};
use model::interval::Interval;
use model::no_show::SiteWord;

use crate::Result;

/// Work that is due.
#[async_trait]
pub trait Jobs {
    /// Notes that `job` is due at `due_at`; noting it twice is the same as once.
    async fn enqueue(&self, job: &str, due_at: DateTime<Utc>) -> Result<()>;
    /// Takes the oldest job that is due and not taken (or was taken over five minutes ago and
    /// never finished); no two callers get the same one.
    async fn claim(&self, worker: &str, now: DateTime<Utc>) -> Result<Option<DueJob>>;
    /// Notes that a job is done, and forgets those of its name done over a day before.
    async fn finish(&self, job: &DueJob, at: DateTime<Utc>) -> Result<()>;
    /// Live desk claims of confirmed bookings on which nobody has checked in, whose start is at or
    /// before `now`, with what the job needs to judge each.
    async fn unvisited_claims(&self, now: DateTime<Utc>) -> Result<Vec<UnvisitedClaim>>;
    /// Releases such a claim, with the booking's care in a slot that has no desk left, and makes
    /// the booking a no-show if nothing of it is left. Answers whether it did: not where somebody
    /// has come or the claim was released meanwhile.
    async fn release_unvisited(
        &self,
        claim: &UnvisitedClaim,
        centre: &Centre,
        at: DateTime<Utc>,
    ) -> Result<bool>;
    /// Tells the guest of such a claim, once, that it is kept until `kept_until`. Answers whether it
    /// was news: not where they have come meanwhile.
    async fn tell_late(
        &self,
        claim: &UnvisitedClaim,
        kept_until: DateTime<Utc>,
        at: DateTime<Utc>,
    ) -> Result<bool>;
}

/// A job somebody has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueJob {
    /// Its name.
    pub job: String,
    /// When it was due.
    pub due_at: DateTime<Utc>,
}

/// A desk claim nobody has come for yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnvisitedClaim {
    /// The claim.
    pub claim: ClaimId,
    /// Its booking.
    pub booking: BookingId,
    /// Its centre.
    pub centre: CentreId,
    /// When.
    pub when: Interval,
    /// What the centre's site has told; nothing while it runs on a sheet made before the booking.
    pub site: SiteWord,
}
