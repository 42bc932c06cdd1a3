//! Sends what is due. Any number of hubs do so at once: each notice is one hub's for some minutes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future;
use futures::stream::{self, StreamExt as _};
use model::booking::Booking;
use model::id::{BookingId, NoticeId, PersonId};
use model::notice::NoticeKind;
use model::people::Person;
use store::DueNotice;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::mail::{self, Mail};
use super::patience::{self, Failure};
use crate::hub::Hub;
use crate::service::Refused;
use crate::service::atlas::Atlas;

/// What is due by itself, or was written by another hub's request, is looked for so often.
const LOOK: Duration = Duration::from_secs(5);
/// What is written is gathered for so long, so that many notices cost the database little.
const GATHERED: Duration = Duration::from_millis(200);
/// So many notices are taken at once,
const BATCH: u32 = 64;
/// and so many of them sent at once.
const AT_ONCE: usize = 4;
/// A notice is one hub's for so long.
const LEASE: TimeDelta = TimeDelta::minutes(5);
/// What cannot be begun so long before that ends is left to whoever takes it next: more than the time
/// that one mail may take.
const ENOUGH: TimeDelta = TimeDelta::minutes(2);
/// That a child should be collected is no news so long after: whoever was to come was telephoned.
const CALLED: TimeDelta = TimeDelta::hours(3);
/// So often it is tried to mark a mail as sent, a second apart.
const MARKS: u32 = 10;

/// Sends what is written as soon as it is, until the hub stops.
pub async fn follow(hub: Hub) {
    let mut stopping = hub.live.stopping();
    while !*stopping.borrow() {
        if let Err(error) = send_due(&hub).await {
            tracing::warn!(%error, "notices could not be sent; it is tried again");
        }
        tokio::select! {
            () = hub.live.notice_written.notified() => {
                timeout(GATHERED, stopping.changed()).await.ok();
            }
            () = sleep(LOOK) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Sends everything that is due; answers how many mails that were.
///
/// # Errors
/// When the store fails; what was taken is due again some minutes later.
pub async fn send_due(hub: &Hub) -> Result<u32, Refused> {
    let mut sent = 0;
    loop {
        let now = hub.now();
        let taken = hub.store.take_due_notices(now, now + LEASE, BATCH).await?;
        if taken.unreadable > 0 {
            let count = taken.unreadable;
            tracing::warn!(count, "some notices are none that this program can read");
        }
        if taken.due.is_empty() {
            return Ok(sent);
        }
        let known = Known::of(hub, &taken.due).await?;
        let (out, marks) = mpsc::unbounded_channel();
        let sending = async {
            let begin_by = now + LEASE - ENOUGH;
            let ends: Vec<_> = stream::iter(taken.due)
                .map(|notice| deliver(hub, &known, notice, begin_by, &out))
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            drop(out);
            ends
        };
        let (ends, marked) = future::join(sending, mark(hub, marks)).await;
        marked?;
        let (mut went, mut failed) = (0, false);
        for end in ends {
            match end? {
                End::Sent => went += 1,
                End::NotSent => failed = true,
                End::Needless => {}
            }
        }
        sent += went;
        // A server that takes nothing is not asked for everything that waits.
        if failed && went == 0 {
            return Ok(sent);
        }
    }
}

/// What some notices tell of, read for all of them at once.
struct Known {
    atlas: Arc<Atlas>,
    people: HashMap<PersonId, Person>,
    bookings: HashMap<BookingId, Booking>,
}

impl Known {
    async fn of(hub: &Hub, notices: &[DueNotice]) -> Result<Self, Refused> {
        let named: BTreeSet<BookingId> =
            notices.iter().filter_map(|notice| notice.booking).collect();
        let named: Vec<BookingId> = named.into_iter().collect();
        let bookings = hub.store.bookings_named(&named).await?;
        let readers = notices.iter().map(|notice| notice.person);
        let people: BTreeSet<PersonId> =
            readers.chain(bookings.iter().map(|booking| booking.person)).collect();
        let people: Vec<PersonId> = people.into_iter().collect();
        let people = hub.store.persons(&people).await?.into_iter();
        Ok(Self {
            atlas: hub.atlas().await?,
            people: people.map(|person| (person.id, person)).collect(),
            bookings: bookings.into_iter().map(|booking| (booking.id, booking)).collect(),
        })
    }
}

/// How one notice ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Sent,
    NotSent,
    Needless,
}

/// Sends one notice, unless it tells nothing any more, and says that it is `out`.
async fn deliver(
    hub: &Hub,
    known: &Known,
    notice: DueNotice,
    begin_by: DateTime<Utc>,
    out: &mpsc::UnboundedSender<NoticeId>,
) -> Result<End, Refused> {
    let notice = &notice;
    if *hub.live.stopping().borrow() || hub.now() > begin_by {
        // Another hub need not wait for what this one does not begin.
        hub.store.put_off_notice(notice, hub.now()).await?;
        return Ok(End::NotSent);
    }
    let mail = match write(hub, known, notice) {
        Ok(Mail::Ready(mail)) => *mail,
        Ok(Mail::Needless) => {
            hub.store.drop_notice(notice, hub.now()).await?;
            return Ok(End::Needless);
        }
        Ok(Mail::NoAddress) => {
            tracing::warn!(notice = %notice.id, "mail cannot reach the address of a reader");
            hub.store.drop_notice(notice, hub.now()).await?;
            return Ok(End::Needless);
        }
        Err(error) => {
            tracing::error!(notice = %notice.id, %error, "a notice could not be written");
            put_off(hub, notice, Failure::Refused).await?;
            return Ok(End::NotSent);
        }
    };
    match hub.post.send(notice.id, mail).await {
        Ok(()) => {
            out.send(notice.id).map_err(|_| Refused::Inner("nobody marks what is sent"))?;
            Ok(End::Sent)
        }
        Err(error) => {
            let tries = notice.tries;
            tracing::warn!(notice = %notice.id, tries, %error, "a mail was not sent");
            put_off(hub, notice, error.how()).await?;
            Ok(End::NotSent)
        }
    }
}

fn write(hub: &Hub, known: &Known, notice: &DueNotice) -> Result<Mail, mail::NotWritten> {
    let Some(reader) = known.people.get(&notice.person) else { return Ok(Mail::Needless) };
    // Who was erased has an address that leads nowhere.
    if reader.email.ends_with(".invalid") {
        return Ok(Mail::Needless);
    }
    let booking = match notice.booking {
        None => None,
        Some(id) => match known.bookings.get(&id) {
            None => return Ok(Mail::Needless),
            booking => booking,
        },
    };
    let now = hub.now();
    let atlas = &known.atlas;
    let stands_open = notice.kind == NoticeKind::Closure && !is_still_shut(notice, booking, atlas);
    if stands_open || !is_news(notice, booking, now) {
        return Ok(Mail::Needless);
    }
    let guest = match booking {
        Some(booking) if booking.person != reader.id => {
            known.people.get(&booking.person).map_or("", |guest| &guest.name)
        }
        _ => &reader.name,
    };
    mail::write(hub, atlas, notice, reader, booking, guest)
}

/// Whether it is still worth telling: not that a booking stands once it does not, nor what to do
/// for a time that is over.
fn is_news(notice: &DueNotice, booking: Option<&Booking>, now: DateTime<Utc>) -> bool {
    if notice.kind.is_an_end() {
        return true;
    }
    // Such news outlives the booking's time: it is dropped when the child is collected.
    if matches!(notice.kind, NoticeKind::Recalled | NoticeKind::CollectLate) {
        return now - notice.made_at < CALLED;
    }
    let late = notice.body.answer_by.is_some_and(|by| by <= now);
    // What ends soon has ended then, and they are told that it is late.
    if notice.kind == NoticeKind::CollectSoon {
        return !late;
    }
    let gone = |booking: &Booking| !booking.status.holds();
    let of_booking = booking.and_then(Booking::span).map(|span| span.ends());
    let of_wish =
        notice.body.wish.as_ref().and_then(|wish| wish.slots.iter().map(|s| s.ends()).max());
    let over = of_booking.or(of_wish).is_some_and(|end| end <= now);
    let passes = matches!(notice.kind, NoticeKind::Held | NoticeKind::Late);
    !(over || booking.is_some_and(gone) || passes && late)
}

/// Whether the closure is still there, and still meets the booking: one that was taken back, or that
/// the guest has moved out of the way of, is no news.
fn is_still_shut(notice: &DueNotice, booking: Option<&Booking>, atlas: &Atlas) -> bool {
    let closure = notice.body.closure.and_then(|id| atlas.closure(id));
    closure.zip(booking).is_some_and(|(closure, booking)| closure.meets(booking))
}

async fn put_off(hub: &Hub, notice: &DueNotice, how: Failure) -> Result<(), Refused> {
    let now = hub.now();
    match patience::next_try(now, notice.tries, how) {
        Some(next) => hub.store.put_off_notice(notice, next).await?,
        None => {
            let (kind, tries) = (notice.kind, notice.tries);
            tracing::error!(notice = %notice.id, ?kind, tries, "a mail is given up: it was never taken");
            hub.store.drop_notice(notice, now).await?;
        }
    }
    Ok(())
}

/// Marks what is out, at once, and together what went out during the mark before.
async fn mark(hub: &Hub, mut out: mpsc::UnboundedReceiver<NoticeId>) -> Result<(), Refused> {
    let mut sent = Vec::new();
    while out.recv_many(&mut sent, BATCH as usize).await > 0 {
        mark_sent(hub, &sent).await?;
        sent.clear();
    }
    Ok(())
}

/// The mails are out: the mark is worth some patience, because without it they go out again.
async fn mark_sent(hub: &Hub, sent: &[NoticeId]) -> Result<(), Refused> {
    for _ in 1..MARKS {
        if hub.store.notices_sent(sent, hub.now()).await.is_ok() {
            return Ok(());
        }
        sleep(Duration::from_secs(1)).await;
    }
    hub.store.notices_sent(sent, hub.now()).await.map(drop).map_err(|error| {
        tracing::error!(notices = ?sent, "mails were sent and cannot be marked; they may go again");
        error.into()
    })
}
