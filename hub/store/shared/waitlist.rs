//! Who waits for what is full, and what is held for them when it comes free.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use model::booking::{self, Booking, Wish};
use model::centre::{Centre, SpaceKind};
use model::id::{BookingId, CentreId, EmployerId, PersonId, WaitlistId};
use model::interval::Interval;
use model::language::LocalText;
use model::waitlist::{Class, Entry, MOST_ENTRIES, State};
use sqlx::{Executor, FromRow, Transaction, query, query_as, query_scalar};
use store::{
    BookResult, BookingOrder, NoRoom, Result, Spare, Stands, StoreError, Waited, Waitlist,
};
use uuid::Uuid;

use super::book::{answered_before, hold};
use super::care::CarePlaces;
use super::convert::{from_json, from_word, number, to_json, word};
use super::ending::end_lapsed;
use super::floor::Floor;
use super::tries::Tries;
use super::{Outcome, counted, notices};
use crate::{Db, Here, writes};

type Tx = Transaction<'static, Db>;

/// So many entries are looked at when something comes free on a day.
const MOST_LOOKED_AT: i64 = 1_000;

/// Entries under a condition.
macro_rules! entries_where {
    ($condition:literal) => {
        concat!(
            "SELECT id, person_id, rank, wish, on_account_of, made_at, state, booking_id, ages
             FROM waitlist WHERE ",
            $condition,
        )
    };
}

#[async_trait]
impl Waitlist for Here {
    async fn wait(&self, entry: &Entry, order: &BookingOrder) -> Result<Waited> {
        let shared = Arc::new((entry.clone(), order.clone()));
        let mut tries = Tries::first();
        loop {
            let shared = shared.clone();
            let waited = self.write(move |tx| {
                let shared = shared.clone();
                Box::pin(async move { wait(tx, &shared.0, &shared.1).await })
            });
            match waited.await {
                Err(failed) if tries.again_after(&failed) => {}
                other => return other,
            }
        }
    }

    async fn promote(
        &self,
        centre: &Centre,
        at: DateTime<Utc>,
        spare: &[Spare],
    ) -> Result<Vec<Booking>> {
        let ever = everything(at)?;
        let days = days_waited_for(self.reader(), centre, &ever).await?;
        let over = entries(self.reader(), centre.id, &everything(at - TimeDelta::days(400))?)
            .await?
            .iter()
            .any(|entry| begins(entry).is_none_or(|begins| begins <= at));
        if days.is_empty() && !over {
            return Ok(Vec::new());
        }
        let mut tries = Tries::first();
        loop {
            let (centre, spare, days) = (centre.clone(), spare.to_vec(), days.clone());
            let held = self.write(move |tx| {
                let (centre, spare, days) = (centre.clone(), spare.clone(), days.clone());
                Box::pin(async move {
                    writes::lock_days(tx, centre.id, &days).await?;
                    let held = offer(tx, &centre, &days, at, &spare).await?;
                    let ended = end_over(tx, &centre, at).await?;
                    if held.is_empty() {
                        return Ok(if ended { Outcome::Kept(held) } else { Outcome::Clean(held) });
                    }
                    writes::note_days(tx, centre.id, &days).await?;
                    Ok(Outcome::Kept(held))
                })
            });
            match held.await {
                Err(failed) if tries.again_after(&failed) => {}
                other => return other,
            }
        }
    }

    async fn waited_for(&self) -> Result<Vec<CentreId>> {
        let centres: Vec<Uuid> =
            query_scalar("SELECT DISTINCT centre_id FROM waitlist WHERE state = 'waiting'")
                .fetch_all(self.reader())
                .await?;
        Ok(centres.into_iter().map(CentreId).collect())
    }

    async fn stop_waiting(&self, id: WaitlistId) -> Result<Option<Entry>> {
        query("UPDATE waitlist SET state = 'left' WHERE id = $1 AND state = 'waiting'")
            .bind(id.0)
            .execute(self.writer())
            .await?;
        self.waiting(id).await
    }

    async fn waiting(&self, id: WaitlistId) -> Result<Option<Entry>> {
        let row: Option<EntryRow> =
            query_as(entries_where!("id = $1")).bind(id.0).fetch_optional(self.reader()).await?;
        row.map(Entry::try_from).transpose()
    }

    async fn waiting_of(&self, person: PersonId, from: DateTime<Utc>) -> Result<Vec<Entry>> {
        let rows: Vec<EntryRow> =
            query_as(entries_where!("person_id = $1 AND ends_at > $2 ORDER BY starts_at, id"))
                .bind(person.0)
                .bind(from)
                .fetch_all(self.reader())
                .await?;
        rows.into_iter().map(Entry::try_from).collect()
    }

    async fn waiting_at(&self, centre: CentreId) -> Result<Vec<Entry>> {
        let rows: Vec<EntryRow> = query_as(entries_where!(
            "centre_id = $1 AND state = 'waiting' ORDER BY rank, made_at, id"
        ))
        .bind(centre.0)
        .fetch_all(self.reader())
        .await?;
        rows.into_iter().map(Entry::try_from).collect()
    }

    async fn waited_with(&self, booking: BookingId) -> Result<Option<Entry>> {
        let row: Option<EntryRow> = query_as(entries_where!("booking_id = $1"))
            .bind(booking.0)
            .fetch_optional(self.reader())
            .await?;
        row.map(Entry::try_from).transpose()
    }

    async fn waitlist_classes(&self) -> Result<Vec<Class>> {
        let rows: Vec<(i64, String, String, String)> =
            query_as("SELECT rank, needs, name_ja, name_en FROM waitlist_classes ORDER BY rank")
                .fetch_all(self.reader())
                .await?;
        rows.into_iter()
            .map(|(rank, needs, ja, en)| {
                let name = LocalText { ja, en };
                Ok(Class { rank: number(rank)?, needs: from_word(&needs)?, name })
            })
            .collect()
    }
}

async fn wait(tx: &mut Tx, entry: &Entry, order: &BookingOrder) -> Result<Outcome<Waited>> {
    counted::lock(tx, [order].into_iter()).await?;
    let days = booking::days_to_lock(&order.centre, &order.slots);
    writes::lock_days(tx, order.centre.id, &days).await?;
    // Under the lock: the same request before this one has committed by now.
    if let Some(idempotency) = &order.idempotency {
        match answered_before(tx, entry.person, idempotency).await? {
            Some(BookResult::Before(booking)) => return Ok(Outcome::Clean(Waited::Held(booking))),
            Some(_) => return Ok(Outcome::Clean(Waited::KeyReused)),
            None => {}
        }
    }
    let same: Option<EntryRow> = query_as(entries_where!(
        "person_id = $1 AND centre_id = $2 AND wish = $3 AND state = 'waiting'"
    ))
    .bind(entry.person.0)
    .bind(order.centre.id.0)
    .bind(to_json(&entry.wish)?)
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(same) = same {
        let same = Entry { ages: entry.ages.clone(), ..same.try_into()? };
        query("UPDATE waitlist SET ages = $2 WHERE id = $1")
            .bind(same.id.0)
            .bind(to_json(&same.ages)?)
            .execute(&mut **tx)
            .await?;
        return Ok(Outcome::Kept(Waited::Waits(same)));
    }
    let waiting: i64 =
        query_scalar("SELECT COUNT(*) FROM waitlist WHERE person_id = $1 AND state = 'waiting'")
            .bind(entry.person.0)
            .fetch_one(&mut **tx)
            .await?;
    if usize::try_from(waiting).unwrap_or(usize::MAX) >= MOST_ENTRIES {
        return Ok(Outcome::Clean(Waited::TooMany));
    }
    // Whoever waited before comes first.
    if !end_lapsed(tx, &order.centre, order.at, &days, &order.spare).await? {
        offer(tx, &order.centre, &days, order.at, &order.spare).await?;
    }
    match hold(tx, order, &days).await? {
        Ok(booking) => {
            writes::note_days(tx, order.centre.id, &days).await?;
            return Ok(Outcome::Kept(Waited::Held(booking)));
        }
        Err(
            never @ (NoRoom::Quota(_)
            | NoRoom::Closed(..)
            | NoRoom::NoNursery
            | NoRoom::NoRoomForAge(_)
            | NoRoom::NotUnder(..)
            | NoRoom::NurseryShut(..)
            | NoRoom::NeedsInterview { .. }
            | NoRoom::NotTheirs(_)
            | NoRoom::ChildElsewhere(..)),
        ) => return Ok(Outcome::Undo(Waited::Never(never))),
        Err(
            no_room @ (NoRoom::Desk { .. }
            | NoRoom::Care(_)
            | NoRoom::CareShort(_)
            | NoRoom::SiteSilent(_)),
        ) => {
            if !is_possible(tx, order).await? {
                return Ok(Outcome::Undo(Waited::Never(no_room)));
            }
        }
    }
    let span = super::bookings::span_of(&order.slots)
        .ok_or_else(|| StoreError::Corrupt("an order without slots".to_owned()))?;
    query(
        "INSERT INTO waitlist (id, person_id, centre_id, rank, wish, starts_at, ends_at,
             on_account_of, made_at, ages, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'waiting')",
    )
    .bind(entry.id.0)
    .bind(entry.person.0)
    .bind(order.centre.id.0)
    .bind(i64::from(entry.rank))
    .bind(to_json(&entry.wish)?)
    .bind(span.starts())
    .bind(span.ends())
    .bind(entry.on_account_of.map(|id| id.0))
    .bind(entry.made_at)
    .bind(to_json(&entry.ages)?)
    .execute(&mut **tx)
    .await?;
    notices::put_waiting(tx, entry).await?;
    Ok(Outcome::Kept(Waited::Waits(entry.clone())))
}

/// Whether the whole house would be enough for an order.
async fn is_possible(tx: &mut Tx, order: &BookingOrder) -> Result<bool> {
    let children: i64 = order.children.len().try_into().unwrap_or(i64::MAX);
    let (kind, pinned) = match order.pinned {
        Some(space) => (None, space.0),
        None => (Some(word(SpaceKind::Desk)?), Uuid::nil()),
    };
    let required = i64::from(order.needs.required.bits());
    let (spaces, places): (i64, i64) = query_as(
        "SELECT
             (SELECT COUNT(*) FROM spaces WHERE centre_id = $1 AND (id = $2 OR kind = $3)
                 AND (features & $4) = $4),
             (SELECT COALESCE(MAX(places), 0) FROM nurseries WHERE centre_id = $1)",
    )
    .bind(order.centre.id.0)
    .bind(pinned)
    .bind(kind)
    .bind(required)
    .fetch_one(&mut **tx)
    .await?;
    Ok(i64::from(order.desks) <= spaces && children <= places)
}

/// Holds for who waits what fits now, in their order, as far as the days are locked and there are
/// spares.
pub(super) async fn offer(
    tx: &mut Tx,
    centre: &Centre,
    locked: &[NaiveDate],
    at: DateTime<Utc>,
    spare: &[Spare],
) -> Result<Vec<Booking>> {
    let mut held = Vec::new();
    let mut spare = spare.iter();
    let Some(mut next) = spare.next() else { return Ok(held) };
    let Some(span) = around(locked, at) else { return Ok(held) };
    let mut free = Free::read(tx, centre, &span, at).await?;
    for entry in entries(&mut **tx, centre.id, &span).await? {
        let days = booking::days_to_lock(centre, &entry.wish.slots);
        let in_time = begins(&entry).is_some_and(|begins| at < begins);
        if !in_time || !days.iter().all(|day| locked.binary_search(day).is_ok()) {
            continue;
        }
        let order = order_of(&entry, centre, next, at);
        if !free.may_take(&order) {
            continue;
        }
        let Ok(booking) = hold(tx, &order, locked).await? else { continue };
        free = Free::read(tx, centre, &span, at).await?;
        query("UPDATE waitlist SET state = 'offered', booking_id = $2 WHERE id = $1")
            .bind(entry.id.0)
            .bind(booking.id.0)
            .execute(&mut **tx)
            .await?;
        notices::put_new(tx, &booking, at).await?;
        held.push(booking);
        match spare.next() {
            Some(one) => next = one,
            None => break,
        }
    }
    Ok(held)
}

/// What is free on some days, read once: most of who waits can be told from it that there is nothing
/// for them, however many they are.
struct Free {
    floor: Floor,
    care: CarePlaces,
}

impl Free {
    async fn read(
        tx: &mut Tx,
        centre: &Centre,
        span: &Interval,
        at: DateTime<Utc>,
    ) -> Result<Self> {
        Ok(Self {
            floor: Floor::read(tx, centre, span, at).await?,
            care: CarePlaces::read(tx, centre, span).await?,
        })
    }

    fn may_take(&self, order: &BookingOrder) -> bool {
        self.floor.may_take(order) && (order.children.is_empty() || self.care.may_take(order))
    }
}

/// All of some local days, wherever they are, as far as they are not over.
fn around(days: &[NaiveDate], at: DateTime<Utc>) -> Option<Interval> {
    let midnight = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc();
    // No zone is a whole day away from UTC.
    let starts = midnight(*days.first()?) - TimeDelta::days(1);
    let ends = midnight(*days.last()?) + TimeDelta::days(2);
    Interval::new(starts.max(at), ends).ok()
}

fn order_of(entry: &Entry, centre: &Centre, spare: &Spare, at: DateTime<Utc>) -> BookingOrder {
    let kept = at + TimeDelta::minutes(centre.settings.offer_minutes.into());
    let until = begins(entry).map_or(kept, |begins| begins.min(kept));
    let wish = &entry.wish;
    BookingOrder {
        id: spare.id,
        person: entry.person,
        centre: centre.clone(),
        slots: wish.slots.clone(),
        desks: wish.desks,
        pinned: wish.pinned,
        needs: wish.needs(),
        children: wish.children.clone(),
        schemes: wish.schemes.clone(),
        ages: entry.ages.clone(),
        on_account_of: entry.on_account_of,
        code: spare.code,
        tariff_rev: spare.tariff_rev,
        rule_rev: spare.rule_rev,
        at,
        stands: Stands::HeldUntil(until),
        // They were counted when the entry was made; what was booked since is counted again when
        // the hold is confirmed.
        quotas: Vec::new(),
        idempotency: None,
        spare: Vec::new(),
    }
}

/// Notes what became of an offer, if `booking` was one.
pub(super) async fn outcome_of_offer(tx: &mut Tx, booking: BookingId, taken: bool) -> Result<()> {
    query("UPDATE waitlist SET state = $2 WHERE booking_id = $1 AND state = 'offered'")
        .bind(booking.0)
        .bind(word(if taken { State::Taken } else { State::Left })?)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn end_over(tx: &mut Tx, centre: &Centre, at: DateTime<Utc>) -> Result<bool> {
    let over = query(
        "UPDATE waitlist SET state = 'over'
         WHERE centre_id = $1 AND state = 'waiting' AND starts_at <= $2",
    )
    .bind(centre.id.0)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(over.rows_affected() > 0)
}

/// The days of everybody who waits at a centre for something that touches `span`; sorted.
pub(super) async fn days_waited_for<'c>(
    line: impl Executor<'c, Database = Db>,
    centre: &Centre,
    span: &Interval,
) -> Result<Vec<NaiveDate>> {
    let mut days: Vec<NaiveDate> = entries(line, centre.id, span)
        .await?
        .iter()
        .flat_map(|entry| booking::days_to_lock(centre, &entry.wish.slots))
        .collect();
    days.sort();
    days.dedup();
    Ok(days)
}

/// Who waits at a centre for something that touches `span`, in the order in which they are served.
async fn entries<'c>(
    line: impl Executor<'c, Database = Db>,
    centre: CentreId,
    span: &Interval,
) -> Result<Vec<Entry>> {
    let rows: Vec<EntryRow> = query_as(entries_where!(
        "centre_id = $1 AND state = 'waiting' AND starts_at < $3 AND ends_at > $2
         ORDER BY rank, made_at, id LIMIT $4"
    ))
    .bind(centre.0)
    .bind(span.starts())
    .bind(span.ends())
    .bind(MOST_LOOKED_AT)
    .fetch_all(line)
    .await?;
    rows.into_iter().map(Entry::try_from).collect()
}

fn begins(entry: &Entry) -> Option<DateTime<Utc>> {
    entry.wish.slots.iter().map(Interval::starts).min()
}

/// From `at` on, as far as anybody waits.
fn everything(at: DateTime<Utc>) -> Result<Interval> {
    Interval::new(at, at + TimeDelta::days(3 * 366))
        .map_err(|error| StoreError::Corrupt(error.to_string()))
}

#[derive(FromRow)]
struct EntryRow {
    id: Uuid,
    person_id: Uuid,
    rank: i64,
    wish: String,
    on_account_of: Option<Uuid>,
    made_at: DateTime<Utc>,
    state: String,
    booking_id: Option<Uuid>,
    ages: String,
}

impl TryFrom<EntryRow> for Entry {
    type Error = StoreError;
    fn try_from(row: EntryRow) -> Result<Self> {
        Ok(Self {
            id: WaitlistId(row.id),
            person: PersonId(row.person_id),
            rank: number(row.rank)?,
            wish: from_json::<Wish>(&row.wish)?,
            on_account_of: row.on_account_of.map(EmployerId),
            made_at: row.made_at,
            state: from_word(&row.state)?,
            booking: row.booking_id.map(BookingId),
            ages: from_json(&row.ages)?,
        })
    }
}
