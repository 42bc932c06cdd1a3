//! What people are told of by mail.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{CentreId, ClosureId};
use crate::interval::Interval;

/// What a notice says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A booking was made.
    Made,
    /// A booking has other times, desks or children than before.
    Changed,
    /// A booking has another desk than before.
    Moved,
    /// A booking was given up.
    Cancelled,
    /// A desk is still kept for somebody who has not come yet.
    Late,
    /// Desks were given free because nobody came.
    Released,
    /// What was waited for is kept for a time, to be confirmed.
    Held,
    /// Nobody confirmed in time what was kept.
    HoldLapsed,
    /// The wish stands on the waitlist.
    Waitlisted,
    /// Somebody's booking waits for the reader to approve it.
    ApprovalAsked,
    /// A booking was approved.
    Approved,
    /// A booking was not approved.
    Declined,
    /// The centre closes at the time of a booking.
    Closure,
    /// A child is ill and is to be collected; the rest of its day is not charged.
    Recalled,
    /// A child's care ends soon, and nobody has collected it.
    CollectSoon,
    /// A child's care is over, and nobody has collected it.
    CollectLate,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Made,
        Self::Changed,
        Self::Moved,
        Self::Cancelled,
        Self::Late,
        Self::Released,
        Self::Held,
        Self::HoldLapsed,
        Self::Waitlisted,
        Self::ApprovalAsked,
        Self::Approved,
        Self::Declined,
        Self::Closure,
        Self::Recalled,
        Self::CollectSoon,
        Self::CollectLate,
    ];

    /// Whether it says that something is over: the others are no news any more once that is so.
    #[must_use]
    pub fn is_an_end(self) -> bool {
        matches!(self, Self::Cancelled | Self::Released | Self::HoldLapsed | Self::Declined)
    }
}

/// What the words of a notice need and no booking holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NoticeBody {
    /// By when the reader has to confirm, decide or come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_by: Option<DateTime<Utc>>,
    /// Why, in the words of whoever decided it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What stands on the sign of the new desk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desk: Option<String>,
    /// When desks were given free; the claims of the booking released then are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released_at: Option<DateTime<Utc>>,
    /// Which closure stands in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closure: Option<ClosureId>,
    /// Whether it was an approval that did not come in time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unanswered: bool,
    /// What was wished for, where there is no booking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wish: Option<WishTold>,
}

/// A wish as a notice tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WishTold {
    /// Where.
    pub centre: CentreId,
    /// When; in order.
    pub slots: Vec<Interval>,
    /// How many desks in each slot.
    pub desks: u32,
    /// For how many children.
    pub children: u32,
}
