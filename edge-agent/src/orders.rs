//! The hub's orders: checked, taken once, judged by their time, acted on and answered.
//!
//! An order is on disk as taken before anybody acts on it: one that comes twice, out of its turn, or
//! again after a restart is acted on at most once. One that was taken by a program that was killed
//! before it acted is not acted on at all, and the hub shows it as not delivered. Only what makes the
//! house safer is acted on although the disk does not take it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use edge_store::{EdgeStore, StoreError};
use futures::future::BoxFuture;
use model::id::CentreId;
use model::site_order::OrderAnswer;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use wire::order::{OrderAnswered, OrderRefused, SentOrder, SignedOrder, open};

use crate::centre::{Centre, KnownTime, LEEWAY, Stopped};
use crate::hub::{Hub, HubError};
use crate::requests::Desk;
use crate::sheets::Sheets;

/// How long an order's id is kept after its end: far longer than the time that a clock may be set
/// back by without anybody noticing.
const KEPT: TimeDelta = TimeDelta::days(1);
/// The most orders that wait for their turn.
pub(crate) const QUEUE: usize = 32;
/// An answer that could not be told is told again after so long.
const AGAIN: Duration = Duration::from_secs(2);

/// So long the disk is waited for where an order makes the house safer, or where it has not answered the one before.
const DISK: Duration = Duration::from_millis(500);
/// So long it is waited for otherwise. What comes next waits too, and may be the one that makes the house safer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes the hub's orders.
pub struct Orders {
    pub(crate) store: EdgeStore,
    pub(crate) centre: Centre,
    pub(crate) sheets: Arc<Sheets>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) answered: Arc<Notify>,
}

/// Why an order is not acted on and not answered.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error(transparent)]
    Refused(#[from] OrderRefused),
    #[error("this site has no sheet yet, and knows no centre")]
    NoCentre,
    #[error("it was taken before")]
    Before,
    #[error("it ended at {0}, long ago")]
    LongAgo(DateTime<Utc>),
    #[error("the disk does not answer")]
    Slow,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl Orders {
    /// Takes orders one after the other until there are no more to come.
    pub(crate) async fn run(self, mut inbox: mpsc::Receiver<SignedOrder>) {
        let orders = Arc::new(self);
        let mut acting = JoinSet::new();
        let mut patience = PATIENCE;
        while let Some(sent) = inbox.recv().await {
            while acting.try_join_next().is_some() {}
            let taken = orders.take(&sent, patience).await;
            patience = if matches!(taken, Err(NotTaken::Slow)) { DISK } else { PATIENCE };
            let (order, answer) = match taken {
                Ok(taken) => taken,
                Err(NotTaken::Stopped(_)) => return,
                Err(error) => {
                    tracing::warn!(%error, "an order of the hub's is not acted on");
                    continue;
                }
            };
            let orders = orders.clone();
            acting.spawn(async move {
                let Ok(answer) = answer.await else { return };
                tracing::info!(order = %order.order.id, ?answer, "an order of the hub's");
                if let Err(error) = orders.store.answer_order(order.order.id, answer).await {
                    tracing::error!(%error, "an order's answer cannot be kept");
                }
                orders.answered.notify_one();
                orders.forget().await;
            });
        }
    }

    /// Checks an order, takes it, and has it decided. The disk has so long for it.
    async fn take(
        &self,
        sent: &SignedOrder,
        patience: Duration,
    ) -> Result<(SentOrder, BoxFuture<'static, Result<OrderAnswer, Stopped>>), NotTaken> {
        let order = self.opened(sent)?;
        let time = self.centre.time().await?;
        if time.clock_is_set && order.not_after + KEPT < time.now {
            return Err(NotTaken::LongAgo(order.not_after));
        }
        let taken = self.store.take_order(order.order.id, order.not_after);
        if !is_first(&order, patience, taken).await? {
            return Err(NotTaken::Before);
        }
        // The disk may have taken its time.
        let time = self.centre.time().await?;
        let answer = match judge(&order, time) {
            Ok(()) => self.desk.clone().order(order.order.clone()).await?,
            Err(why) => Box::pin(async move { Ok(why) }),
        };
        Ok((order, answer))
    }

    fn opened(&self, sent: &SignedOrder) -> Result<SentOrder, NotTaken> {
        let centre: CentreId = self.sheets.centre_id().ok_or(NotTaken::NoCentre)?;
        Ok(open(sent, &self.sheets.trusted_keys(), centre)?)
    }

    /// Forgets the orders that ended too long ago to be taken again.
    async fn forget(&self) {
        let Ok(KnownTime { now, clock_is_set: true, .. }) = self.centre.time().await else {
            return;
        };
        if let Err(error) = self.store.forget_orders(now - KEPT).await {
            tracing::warn!(%error, "old orders cannot be forgotten");
        }
    }
}

/// Whether an order was never taken before. No disk stops what makes the house safer, whatever is wrong with it: the
/// centre itself acts on an order once.
async fn is_first(
    order: &SentOrder,
    patience: Duration,
    taking: impl Future<Output = Result<bool, StoreError>>,
) -> Result<bool, NotTaken> {
    if !order.order.what.makes_safer() {
        return Ok(timeout(patience, taking).await.map_err(|_| NotTaken::Slow)??);
    }
    match timeout(DISK, taking).await {
        Ok(Ok(first)) => Ok(first),
        Ok(Err(error)) => {
            tracing::error!(%error, "an order is acted on and not kept");
            Ok(true)
        }
        Err(_) => {
            tracing::error!("the disk does not answer: an order is acted on and not kept");
            Ok(true)
        }
    }
}

/// Whether an order still has an effect: by the hub's own time where that is known, else by the site's, which counts as
/// right though it is some minutes off. What makes the house safer is not refused for those minutes. Where nobody knows
/// what time it is, only that has an effect: an old order to lock the house costs somebody a walk, an old order to open it
/// costs more.
fn judge(order: &SentOrder, time: KnownTime) -> Result<(), OrderAnswer> {
    let safer = order.order.what.makes_safer();
    if !time.clock_is_set {
        return if safer { Ok(()) } else { Err(OrderAnswer::ClockUnset) };
    }
    let now = time.hubs.unwrap_or(time.now);
    // A machine that slept has the hub's time too early, and never too late.
    let late = if time.hubs.is_some() { TimeDelta::zero() } else { LEEWAY };
    let near = now.signed_duration_since(order.not_after) < late
        && order.given_at.signed_duration_since(now) <= LEEWAY;
    if order.is_in_time(now) || safer && near { Ok(()) } else { Err(OrderAnswer::TooLate) }
}

/// Keeps the answers that the centre knows of and nobody came to keep before the program ended.
pub(crate) async fn keep_answers(store: &EdgeStore, centre: &Centre) -> Result<(), Stopped> {
    for order in &centre.fence().await?.snapshot.orders {
        if let Err(error) = store.answer_order(order.id, order.answer).await {
            tracing::error!(%error, "an order's answer cannot be kept");
        }
    }
    Ok(())
}

/// Tells the hub what became of its orders, those of before a restart too.
pub(crate) async fn tell_answers(hub: Arc<dyn Hub>, store: EdgeStore, answered: Arc<Notify>) {
    loop {
        match tell_untold(&*hub, &store).await {
            Ok(true) => answered.notified().await,
            Ok(false) => sleep(AGAIN).await,
            Err(error) => {
                tracing::error!(%error, "the answers to orders cannot be read");
                sleep(AGAIN).await;
            }
        }
    }
}

/// Tells what is untold; answers whether the hub has it all.
async fn tell_untold(hub: &dyn Hub, store: &EdgeStore) -> Result<bool, StoreError> {
    for (order, answer) in store.untold_answers().await? {
        match hub.answer_order(order, OrderAnswered { answer }).await {
            Ok(()) => {}
            // It knows of no such order, or has another answer: telling it again changes nothing.
            Err(HubError::Refused { status: status @ (400..=499), why, .. }) if status != 429 => {
                tracing::warn!(%order, status, why, "the hub does not take an order's answer");
            }
            Err(error) => {
                tracing::warn!(%order, %error, "an order's answer waits to be told");
                return Ok(false);
            }
        }
        store.answer_told(order).await?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use model::id::{OrderId, PersonId, VisitId};
    use model::site_order::{GOOD_FOR, Ordered, OrderedFrom, SiteOrder};
    use uuid::Uuid;

    use super::*;

    fn given() -> DateTime<Utc> {
        "2026-12-01T03:00:00Z".parse().unwrap()
    }

    fn order(what: SiteOrder) -> SentOrder {
        SentOrder {
            centre: CentreId(Uuid::nil()),
            given_at: given(),
            not_after: given() + GOOD_FOR,
            order: Ordered {
                id: OrderId(Uuid::nil()),
                what,
                by: PersonId(Uuid::nil()),
                from: OrderedFrom::Hub,
            },
        }
    }

    #[tokio::test]
    async fn fault_09_a_disk_that_hangs_keeps_nothing_waiting_that_makes_the_house_safer() {
        let hangs = || std::future::pending::<Result<bool, StoreError>>();
        let full = || async { Err(StoreError::Full) };
        let unlock = order(SiteOrder::Unlock { door: "y-door".parse().unwrap() });
        let evacuate = order(SiteOrder::Evacuate { on: true });
        let patience = Duration::from_millis(1);
        let taken = is_first(&unlock, patience, hangs()).await;
        assert!(matches!(taken, Err(NotTaken::Slow)), "{taken:?}");
        let taken = is_first(&unlock, patience, full()).await;
        assert!(matches!(taken, Err(NotTaken::Store(StoreError::Full))), "{taken:?}");
        for order in [&unlock, &evacuate] {
            for first in [true, false] {
                let taken = is_first(order, PATIENCE, async { Ok(first) }).await;
                assert_eq!(taken.unwrap(), first);
            }
        }
        assert!(is_first(&evacuate, patience, hangs()).await.unwrap());
        assert!(is_first(&evacuate, patience, full()).await.unwrap());
    }

    #[test]
    fn without_the_time_only_what_makes_the_house_safer_is_done() {
        let unset = Err(OrderAnswer::ClockUnset);
        for (what, unknown) in [
            (SiteOrder::Unlock { door: "y-door".parse().unwrap() }, unset),
            (SiteOrder::Lockdown { on: true }, Ok(())),
            (SiteOrder::Lockdown { on: false }, unset),
            (SiteOrder::Evacuate { on: true }, Ok(())),
            (SiteOrder::Evacuate { on: false }, unset),
            (SiteOrder::EndVisit { visit: VisitId(Uuid::nil()) }, unset),
        ] {
            let order = order(what);
            for seconds in [0, 9, 10, -6, -3600] {
                let now = given() + TimeDelta::seconds(seconds);
                let time = KnownTime { now, clock_is_set: false, hubs: None };
                assert_eq!(judge(&order, time), unknown, "{order:?} after {seconds} s");
            }
        }
    }

    #[test]
    fn fault_07_a_clock_that_is_minutes_off_refuses_nothing_that_makes_the_house_safer() {
        let late = Err(OrderAnswer::TooLate);
        for (what, safer) in [
            (SiteOrder::Unlock { door: "y-door".parse().unwrap() }, false),
            (SiteOrder::Lockdown { on: true }, true),
            (SiteOrder::Lockdown { on: false }, false),
            (SiteOrder::Evacuate { on: true }, true),
            (SiteOrder::Evacuate { on: false }, false),
            (SiteOrder::EndVisit { visit: VisitId(Uuid::nil()) }, false),
        ] {
            let order = order(what);
            // Seconds after it was given, whether that is in time for any order, and for one that makes the house safer
            // by the site's time and by the hub's.
            for (seconds, any, by_site, by_hub) in [
                (0, true, true, true),
                (9, true, true, true),
                (-5, true, true, true),
                (10, false, true, false),
                (-6, false, true, true),
                (309, false, true, false),
                (310, false, false, false),
                (-300, false, true, true),
                (-301, false, false, false),
            ] {
                let now = given() + TimeDelta::seconds(seconds);
                let by = |time, safe| {
                    let wanted = if any || safer && safe { Ok(()) } else { late };
                    assert_eq!(judge(&order, time), wanted, "{order:?} at {time:?}");
                };
                by(KnownTime { now, clock_is_set: true, hubs: None }, by_site);
                // The site's own does not count then, as far as it is off.
                for off in [-290, 0, 290] {
                    let own = now + TimeDelta::seconds(off);
                    by(KnownTime { now: own, clock_is_set: true, hubs: Some(now) }, by_hub);
                }
            }
        }
    }
}
