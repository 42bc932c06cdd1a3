//! Mails to be sent, written with what they tell of, and the private addresses of calendars.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::booking::Booking;
use model::id::{BookingId, NoticeId, PersonId};
use model::notice::{NoticeBody, NoticeKind};
use serde::Serialize;
use uuid::Uuid;

use crate::{Result, TokenHash};

/// Notices and calendar feeds.
#[async_trait]
pub trait Notices {
    /// Writes a notice that belongs to no other change; one of the same id that is there already
    /// stays as it is. What tells of a booking is written in the booking's own transaction.
    async fn add_notice(&self, notice: &NewNotice) -> Result<()>;
    /// Takes the notices that are due, at most `most`, each for one caller alone until `until`:
    /// whoever has not said by then how it ended loses it to the next.
    async fn take_due_notices(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        most: u32,
    ) -> Result<TakenNotices>;
    /// Notes that notices were sent; answers how many of them were open.
    async fn notices_sent(&self, ids: &[NoticeId], at: DateTime<Utc>) -> Result<u64>;
    /// Puts a notice off, unless somebody else has taken it meanwhile.
    async fn put_off_notice(&self, notice: &DueNotice, next_try: DateTime<Utc>) -> Result<()>;
    /// Notes that a notice will not be sent, unless somebody else has taken it meanwhile.
    async fn drop_notice(&self, notice: &DueNotice, at: DateTime<Utc>) -> Result<()>;
    /// What somebody was told, the oldest first.
    async fn notices_of(&self, person: PersonId) -> Result<Vec<NoticeRecord>>;

    /// Gives somebody's calendar this address (its SHA-256) instead of any other.
    async fn set_calendar_feed(
        &self,
        person: PersonId,
        token: &TokenHash,
        at: DateTime<Utc>,
    ) -> Result<()>;
    /// Takes the address of somebody's calendar away; answers whether there was one.
    async fn drop_calendar_feed(&self, person: PersonId) -> Result<bool>;
    /// Since when somebody's calendar has its address.
    async fn calendar_feed_of(&self, person: PersonId) -> Result<Option<DateTime<Utc>>>;
    /// Whose calendar has this address.
    async fn calendar_feed(&self, token: &TokenHash) -> Result<Option<PersonId>>;
}

/// A notice to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    /// To whom.
    pub person: PersonId,
    /// What it says.
    pub kind: NoticeKind,
    /// Of which booking.
    pub booking: Option<BookingId>,
    /// What the words need beside the booking.
    pub body: NoticeBody,
    /// What tells it from others of its kind about the same; told twice it is one notice.
    pub occasion: String,
    /// When it happened.
    pub at: DateTime<Utc>,
}

impl NewNotice {
    /// Tells the guest of a booking, as it stands after the change: once of its being made and given
    /// up, otherwise once for each version.
    #[must_use]
    pub fn of(booking: &Booking, kind: NoticeKind, at: DateTime<Utc>) -> Self {
        let occasion = match kind {
            NoticeKind::Made | NoticeKind::Cancelled => String::new(),
            _ => booking.version.to_string(),
        };
        Self {
            person: booking.person,
            kind,
            booking: Some(booking.id),
            body: NoticeBody::default(),
            occasion,
            at,
        }
    }

    /// Its id: the same for the same news.
    #[must_use]
    pub fn id(&self) -> NoticeId {
        let space = self.booking.map_or(self.person.0, |booking| booking.0);
        let name = format!("{:?} {} {}", self.kind, self.person, self.occasion);
        NoticeId(Uuid::new_v5(&space, name.as_bytes()))
    }
}

/// What a caller has taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenNotices {
    /// In the order in which it happened.
    pub due: Vec<DueNotice>,
    /// So many more that this program cannot read; a newer one may, once it is their turn again.
    pub unreadable: usize,
}

/// A notice that somebody has taken to send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueNotice {
    /// Its id.
    pub id: NoticeId,
    /// To whom.
    pub person: PersonId,
    /// What it says.
    pub kind: NoticeKind,
    /// Of which booking.
    pub booking: Option<BookingId>,
    /// What the words need beside the booking.
    pub body: NoticeBody,
    /// When what it tells of happened.
    pub made_at: DateTime<Utc>,
    /// How often it was taken, this time included.
    pub tries: u32,
}

/// That somebody was told something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticeRecord {
    /// What.
    pub kind: NoticeKind,
    /// Of which booking.
    pub booking: Option<BookingId>,
    /// When it happened.
    pub made_at: DateTime<Utc>,
    /// When the mail was sent, if it was.
    pub sent_at: Option<DateTime<Utc>>,
}
