//! Mails to be sent, and the private addresses of calendars.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use model::booking::{Booking, BookingStatus};
use model::closure::Closure;
use model::id::{BookingId, NoticeId, PersonId};
use model::notice::{NoticeBody, NoticeKind, WishTold};
use model::waitlist::Entry;
use sqlx::{FromRow, Transaction, query, query_as, query_scalar};
use store::{
    DueNotice, NewNotice, NoticeRecord, Notices, Result, StoreError, TakenNotices, TokenHash,
};
use uuid::Uuid;

use super::convert::{from_json, from_word, number, storable, to_json, word};
use super::duplicate;
use crate::{Db, Here, id_list, writes};

type Tx = Transaction<'static, Db>;

/// Writes a notice with the change that it tells of.
pub(super) async fn put(tx: &mut Tx, notice: &NewNotice) -> Result<()> {
    insert(tx, notice, notice.at).await
}

/// Tells of a booking that has just come to be, or come to be asked for.
pub(super) async fn put_new(tx: &mut Tx, booking: &Booking, at: DateTime<Utc>) -> Result<()> {
    for notice in of_new(tx, booking, at).await? {
        put(tx, &notice).await?;
    }
    Ok(())
}

/// What is told of a booking that has just come to be, or come to be asked for: to its guest, or to
/// whoever has to approve it.
pub(super) async fn of_new(
    tx: &mut Tx,
    booking: &Booking,
    at: DateTime<Utc>,
) -> Result<Vec<NewNotice>> {
    let (kind, readers) = match booking.status {
        BookingStatus::Confirmed => (NoticeKind::Made, vec![booking.person]),
        BookingStatus::Held => (NoticeKind::Held, vec![booking.person]),
        BookingStatus::Asked => (NoticeKind::ApprovalAsked, approvers(tx, booking, at).await?),
        _ => return Ok(Vec::new()),
    };
    let body = NoticeBody { answer_by: booking.lapses_at, ..NoticeBody::default() };
    let told = readers.into_iter().map(|person| NewNotice {
        person,
        body: body.clone(),
        ..NewNotice::of(booking, kind, at)
    });
    Ok(told.collect())
}

/// For whom a booking waits: the centre's operators, the payer's admins, or both.
async fn approvers(tx: &mut Tx, booking: &Booking, at: DateTime<Utc>) -> Result<Vec<PersonId>> {
    let approvers: Vec<Uuid> = query_scalar(
        "SELECT person_id FROM roles
         WHERE role = 'operator' AND centre_id = $1
             AND (from_at IS NULL OR from_at <= $3) AND (until_at IS NULL OR until_at > $3)
         UNION
         SELECT person_id FROM roles
         WHERE role = 'employer_admin' AND employer_id = $2
             AND (from_at IS NULL OR from_at <= $3) AND (until_at IS NULL OR until_at > $3)
         ORDER BY person_id",
    )
    .bind(booking.awaits.centre.then_some(booking.centre.0))
    .bind(booking.on_account_of.filter(|_| booking.awaits.employer).map(|id| id.0))
    .bind(at)
    .fetch_all(&mut **tx)
    .await?;
    Ok(approvers.into_iter().map(PersonId).collect())
}

/// Tells somebody that their whole wish waits.
pub(super) async fn put_waiting(tx: &mut Tx, entry: &Entry) -> Result<()> {
    let wish = WishTold {
        centre: entry.wish.centre,
        slots: entry.wish.slots.clone(),
        desks: entry.wish.desks,
        children: u32::try_from(entry.wish.children.len()).unwrap_or(u32::MAX),
    };
    let notice = NewNotice {
        person: entry.person,
        kind: NoticeKind::Waitlisted,
        booking: None,
        body: NoticeBody { wish: Some(wish), ..NoticeBody::default() },
        occasion: entry.id.to_string(),
        at: entry.made_at,
    };
    put(tx, &notice).await
}

/// Tells the guest that a closure stands in the way of their booking.
pub(super) async fn put_closed(tx: &mut Tx, booking: &Booking, closure: &Closure) -> Result<()> {
    let body = NoticeBody { closure: Some(closure.id), ..NoticeBody::default() };
    let notice = NewNotice {
        body,
        occasion: closure.id.to_string(),
        ..NewNotice::of(booking, NoticeKind::Closure, closure.made_at)
    };
    put(tx, &notice).await
}

/// Tells the guest that those of their claims which were released at `at` are free because nobody
/// came.
pub(super) async fn put_released(tx: &mut Tx, id: BookingId, at: DateTime<Utc>) -> Result<()> {
    let row: Option<(Uuid, DateTime<Utc>)> =
        query_as("SELECT person_id, starts_at FROM bookings WHERE id = $1")
            .bind(id.0)
            .fetch_optional(&mut **tx)
            .await?;
    let Some((person, starts_at)) = row else { return Ok(()) };
    let notice = NewNotice {
        person: PersonId(person),
        kind: NoticeKind::Released,
        booking: Some(id),
        body: NoticeBody { released_at: Some(at), ..NoticeBody::default() },
        occasion: at.timestamp_micros().to_string(),
        at,
    };
    // The site's clock may be ahead; that the booking has begun the hub's own clock says.
    insert(tx, &notice, at.min(starts_at)).await
}

async fn insert(tx: &mut Tx, notice: &NewNotice, next_try: DateTime<Utc>) -> Result<()> {
    insert_notice(tx, &NoticeRow::of(notice, next_try)?).await
}

/// A notice that nobody has sent yet, as a row.
pub(crate) struct NoticeRow {
    pub(crate) id: Uuid,
    pub(crate) person: Uuid,
    pub(crate) kind: String,
    pub(crate) booking: Option<Uuid>,
    pub(crate) body: String,
    pub(crate) made_at: DateTime<Utc>,
    pub(crate) next_try_at: DateTime<Utc>,
}

impl NoticeRow {
    pub(super) fn of(notice: &NewNotice, next_try: DateTime<Utc>) -> Result<Self> {
        Ok(Self {
            id: notice.id().0,
            person: notice.person.0,
            kind: word(notice.kind)?,
            booking: notice.booking.map(|id| id.0),
            body: to_json(&notice.body)?,
            made_at: storable(notice.at),
            next_try_at: storable(next_try),
        })
    }
}

/// Inserts one, unless it is there already.
pub(crate) async fn insert_notice(tx: &mut Tx, row: &NoticeRow) -> Result<()> {
    query(
        "INSERT INTO notices (id, person_id, kind, booking_id, body, made_at, next_try_at, tries)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0) ON CONFLICT (id) DO NOTHING",
    )
    .bind(row.id)
    .bind(row.person)
    .bind(&row.kind)
    .bind(row.booking)
    .bind(&row.body)
    .bind(row.made_at)
    .bind(row.next_try_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[async_trait]
impl Notices for Here {
    async fn add_notice(&self, notice: &NewNotice) -> Result<()> {
        let mut tx = self.begin().await?;
        put(&mut tx, notice).await?;
        Ok(tx.commit().await?)
    }

    async fn take_due_notices(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        most: u32,
    ) -> Result<TakenNotices> {
        // Mostly there is none, and looking takes no lock.
        let due: Option<i64> = query_scalar(
            "SELECT tries FROM notices
             WHERE next_try_at <= $1 AND sent_at IS NULL AND gave_up_at IS NULL LIMIT 1",
        )
        .bind(storable(now))
        .fetch_optional(self.reader())
        .await?;
        if due.is_none() {
            return Ok(TakenNotices::default());
        }
        let rows: Vec<DueRow> = query_as(writes::TAKE_DUE_NOTICES)
            .bind(storable(now))
            .bind(storable(until))
            .bind(i64::from(most))
            .fetch_all(self.writer())
            .await?;
        let taken = rows.len();
        let mut due: Vec<DueNotice> =
            rows.into_iter().filter_map(|row| DueNotice::try_from(row).ok()).collect();
        due.sort_by_key(|notice| (notice.made_at, notice.id));
        Ok(TakenNotices { unreadable: taken - due.len(), due })
    }

    async fn notices_sent(&self, ids: &[NoticeId], at: DateTime<Utc>) -> Result<u64> {
        let done = query(concat!(
            "UPDATE notices SET sent_at = $2
             WHERE sent_at IS NULL AND gave_up_at IS NULL AND id ",
            in_list!("$1"),
        ))
        .bind(id_list(ids.iter().map(|id| id.0)))
        .bind(storable(at))
        .execute(self.writer())
        .await?;
        Ok(done.rows_affected())
    }

    async fn put_off_notice(&self, notice: &DueNotice, next_try: DateTime<Utc>) -> Result<()> {
        query(
            "UPDATE notices SET next_try_at = $3
             WHERE id = $1 AND tries = $2 AND sent_at IS NULL AND gave_up_at IS NULL",
        )
        .bind(notice.id.0)
        .bind(i64::from(notice.tries))
        .bind(storable(next_try))
        .execute(self.writer())
        .await?;
        Ok(())
    }

    async fn drop_notice(&self, notice: &DueNotice, at: DateTime<Utc>) -> Result<()> {
        query(
            "UPDATE notices SET gave_up_at = $3
             WHERE id = $1 AND tries = $2 AND sent_at IS NULL AND gave_up_at IS NULL",
        )
        .bind(notice.id.0)
        .bind(i64::from(notice.tries))
        .bind(storable(at))
        .execute(self.writer())
        .await?;
        Ok(())
    }

    async fn notices_of(&self, person: PersonId) -> Result<Vec<NoticeRecord>> {
        let rows: Vec<(String, Option<Uuid>, DateTime<Utc>, Option<DateTime<Utc>>)> = query_as(
            "SELECT kind, booking_id, made_at, sent_at FROM notices
             WHERE person_id = $1 ORDER BY made_at, id",
        )
        .bind(person.0)
        .fetch_all(self.reader())
        .await?;
        let record = |(kind, booking, made_at, sent_at): (String, Option<Uuid>, _, _)| {
            let kind = from_word(&kind)?;
            Ok(NoticeRecord { kind, booking: booking.map(BookingId), made_at, sent_at })
        };
        rows.into_iter().map(record).collect()
    }

    async fn set_calendar_feed(
        &self,
        person: PersonId,
        token: &TokenHash,
        at: DateTime<Utc>,
    ) -> Result<()> {
        query(
            "INSERT INTO calendar_feeds (person_id, token, made_at) VALUES ($1, $2, $3)
             ON CONFLICT (person_id) DO UPDATE SET token = excluded.token,
                 made_at = excluded.made_at",
        )
        .bind(person.0)
        .bind(token.as_slice())
        .bind(storable(at))
        .execute(self.writer())
        .await
        .map_err(duplicate("calendar address"))?;
        Ok(())
    }

    async fn drop_calendar_feed(&self, person: PersonId) -> Result<bool> {
        let done = query("DELETE FROM calendar_feeds WHERE person_id = $1")
            .bind(person.0)
            .execute(self.writer())
            .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn calendar_feed_of(&self, person: PersonId) -> Result<Option<DateTime<Utc>>> {
        Ok(query_scalar("SELECT made_at FROM calendar_feeds WHERE person_id = $1")
            .bind(person.0)
            .fetch_optional(self.reader())
            .await?)
    }

    async fn calendar_feed(&self, token: &TokenHash) -> Result<Option<PersonId>> {
        let person: Option<Uuid> =
            query_scalar("SELECT person_id FROM calendar_feeds WHERE token = $1")
                .bind(token.as_slice())
                .fetch_optional(self.reader())
                .await?;
        Ok(person.map(PersonId))
    }
}

#[derive(FromRow)]
struct DueRow {
    id: Uuid,
    person_id: Uuid,
    kind: String,
    booking_id: Option<Uuid>,
    body: String,
    made_at: DateTime<Utc>,
    tries: i64,
}

impl TryFrom<DueRow> for DueNotice {
    type Error = StoreError;
    fn try_from(row: DueRow) -> Result<Self> {
        Ok(Self {
            id: NoticeId(row.id),
            person: PersonId(row.person_id),
            kind: from_word(&row.kind)?,
            booking: row.booking_id.map(BookingId),
            body: from_json(&row.body)?,
            made_at: row.made_at,
            tries: number(row.tries)?,
        })
    }
}
