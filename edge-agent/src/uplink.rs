//! The line to the hub: sheets down, events up, each in a loop of its own that tries for ever.
//! Nothing here is ever waited for by somebody at a door.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use edge_store::{EdgeStore, Offer, StoreError};
use model::id::BootId;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};
use twin::Twin;
use wire::event::{Batch, Gap, SiteSnapshot, Taken, Told};
use wire::order::SignedOrder;

use crate::cards::Cards;
use crate::centre::{Centre, Fence, Stopped};
use crate::hub::{Hub, HubError};
use crate::journal::{JournalReader, Written};
use crate::sheets::Sheets;

/// How often the hub hears how far the site has told, even when nothing happens.
const WORD: Duration = Duration::from_secs(5);
/// How often the sheet is asked for without having been told of a new one.
const LOOK: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// The most events in one batch.
const BATCH: u32 = 500;
/// So long the disk may take for what has just happened; then what is there already is told without it.
const DISK: Duration = Duration::from_secs(2);

/// What telling events needs.
pub(crate) struct Teller {
    pub hub: Arc<dyn Hub>,
    pub store: EdgeStore,
    pub centre: Centre,
    pub journal: JournalReader,
    /// Which run of the edge this is.
    pub boot: BootId,
}

#[derive(Debug, thiserror::Error)]
enum TellError {
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Stopped(#[from] Stopped),
    #[error("the hub goes on at place {expected}")]
    OutOfStep { expected: u64 },
    #[error("the state cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Waits a little longer after each failure.
struct Pause(Duration);

impl Pause {
    fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    async fn wait(&mut self) {
        sleep(self.0).await;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE);
    }
}

/// What is to be asked for anew.
#[derive(Clone, Default)]
pub(crate) struct Look {
    pub sheet: Arc<Notify>,
    pub card_keys: Arc<Notify>,
    pub settings: Arc<Notify>,
}

/// Listens to the hub's event stream and asks for what it tells of, and for all on every reconnect.
/// Orders are passed on as they come.
pub(crate) async fn listen(hub: Arc<dyn Hub>, look: Look, orders: mpsc::Sender<SignedOrder>) {
    let mut pause = Pause::new();
    loop {
        look.sheet.notify_one();
        look.card_keys.notify_one();
        look.settings.notify_one();
        let (told_in, mut told) = mpsc::channel(16);
        let mut line = hub.listen(told_in);
        loop {
            tokio::select! {
                ended = &mut line => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "the hub's event stream is down");
                    }
                    break;
                }
                Some(word) = told.recv() => {
                    tracing::debug!(?word, "the hub told something");
                    pause = Pause::new();
                    match word {
                        Told::Sheet { .. } => {
                            look.sheet.notify_one();
                            look.settings.notify_one();
                        }
                        Told::CardKeys { .. } => look.card_keys.notify_one(),
                        // An order that would have to wait is worth nothing any more.
                        Told::Order(order) => {
                            if orders.try_send(order).is_err() {
                                tracing::error!("too many orders at once; one was dropped");
                            }
                        }
                    }
                }
            }
        }
        drop(line);
        pause.wait().await;
    }
}

/// Keeps the region's card keys fetched.
pub(crate) async fn follow_card_keys(hub: Arc<dyn Hub>, cards: Arc<Cards>, look: Arc<Notify>) {
    let mut pause = Pause::new();
    loop {
        look.notified().await;
        while let Err(error) = cards.fetch(&*hub).await {
            tracing::warn!(%error, "no card keys; the ones before stay in use");
            // On a reconnect at once.
            tokio::select! {
                () = pause.wait() => {}
                () = look.notified() => {}
            }
        }
        pause = Pause::new();
    }
}

/// Tells the hub of cards that were read under a newer key than it knows them by.
pub(crate) async fn tell_moved_cards(hub: Arc<dyn Hub>, cards: Arc<Cards>) {
    let mut pause = Pause::new();
    loop {
        match cards.tell_moved(&*hub).await {
            Ok(true) => pause = Pause::new(),
            Ok(false) => cards.has_moved.notified().await,
            Err(error) => {
                tracing::warn!(%error, "moved cards wait to be told");
                pause.wait().await;
            }
        }
    }
}

/// Keeps the newest good sheet in force, and the hub informed of which that is.
pub(crate) async fn follow_sheets(hub: Arc<dyn Hub>, sheets: Arc<Sheets>, look: Arc<Notify>) {
    let mut pause = Pause::new();
    let mut acknowledged = 0;
    loop {
        match sheets.fetch(&*hub).await {
            Ok(version) if version > acknowledged => match sheets.acknowledge(&*hub).await {
                Ok(()) => acknowledged = version,
                Err(error) => {
                    tracing::warn!(%error, "the hub does not know yet which sheet is in force");
                    pause.wait().await;
                    continue;
                }
            },
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "no new sheet; the last good one stays in force");
                // Told of a newer one meanwhile, or after a pause: whichever comes first.
                tokio::select! {
                    () = pause.wait() => {}
                    () = look.notified() => {}
                }
                continue;
            }
        }
        pause = Pause::new();
        // Silence is no failure: it is time to look without having been told.
        timeout(LOOK, look.notified()).await.ok();
    }
}

impl Teller {
    /// Tells what is in the outbox, and how far that goes.
    pub(crate) async fn run(self) {
        let mut pause = Pause::new();
        let mut next = loop {
            match self.meet().await {
                Ok(Some(next)) => break next,
                Ok(None) => {}
                Err(TellError::Stopped(_)) => return,
                Err(error) => tracing::warn!(%error, "events wait in the outbox"),
            }
            pause.wait().await;
        };
        let mut written = self.journal.written();
        loop {
            match self.tell_once(&mut next).await {
                Ok(true) => pause = Pause::new(),
                Ok(false) => {
                    pause = Pause::new();
                    written.mark_unchanged();
                    if written.borrow().place < next {
                        // Silence is no failure: it is time for a word.
                        timeout(WORD, written.changed()).await.ok();
                    }
                }
                Err(TellError::Stopped(_)) => return,
                Err(error) => {
                    tracing::warn!(%error, "events wait in the outbox");
                    pause.wait().await;
                }
            }
        }
    }

    /// The place to go on telling from. A file that has never met the hub may stand in for one
    /// that was lost: the hub then has events under the places that this file gives anew. So it is
    /// asked how far it is before it is told anything; nothing, where that has to be asked again.
    async fn meet(&self) -> Result<Option<u64>, TellError> {
        let progress = self.store.progress().await?;
        if progress.met {
            return Ok(Some(progress.committed + 1));
        }
        let question = Batch { first: 1, boot: Some(self.boot), ..Batch::default() };
        match self.hub.tell(&question).await? {
            Ok(Taken { reached: 0, .. }) | Err(_) => {
                self.store.met().await?;
                Ok(Some(1))
            }
            Ok(Taken { reached, .. }) => {
                let fence = self.centre.fence().await?;
                self.on_disk(fence.count).await?;
                self.ahead(reached, &fence)?;
                Ok(None)
            }
        }
    }

    /// Tells one batch; answers whether there is more to tell at once.
    async fn tell_once(&self, next: &mut u64) -> Result<bool, TellError> {
        let shifts = self.journal.written().borrow().shifts;
        let fence = self.centre.fence().await?;
        let on_disk = timeout(DISK, self.on_disk(fence.count)).await;
        // A disk that takes nothing must not keep from being told what would make room on it.
        let (written, behind) = match on_disk {
            Ok(written) => (written?, false),
            Err(_) => (*self.journal.written().borrow(), true),
        };
        if written.shifts != shifts {
            return Ok(true);
        }
        // Where the disk is already further than the fence, the fence's place lies behind.
        let fence_place = written.place - written.count.saturating_sub(fence.count);
        if fence_place + 1 < *next {
            if behind {
                return Ok(false);
            }
            // Asked for before and not done, as something happened in between.
            self.ahead(*next - 1, &fence)?;
            return Err(TellError::OutOfStep { expected: *next });
        }
        let (events, chain) = match self.store.offer(*next, fence_place, BATCH, shifts).await? {
            Offer::Events(events, chain) => (events, chain),
            Offer::Shifted => return Ok(true),
            Offer::Dropped => {
                tracing::error!(expected = *next, "events between are gone");
                self.ahead(*next - 1, &fence)?;
                return Err(TellError::OutOfStep { expected: *next });
            }
        };
        let last = *next - 1 + u64::try_from(events.len()).unwrap_or_default();
        let complete = last >= fence_place;
        let told_until = match events.last() {
            Some(event) if !complete || behind => event.at,
            None if behind => DateTime::UNIX_EPOCH,
            _ => fence.now,
        };
        let state = (complete && !behind).then(|| fence.snapshot.hash());
        let (chain, boot) = (Some(chain), Some(self.boot));
        let batch = Batch { first: *next, events, told_until, state, chain, boot };
        let answer = self.hub.tell(&batch).await?;
        if let Some(now) = self.hub.time() {
            self.centre.hub_said(now).await?;
        }
        match answer {
            Ok(taken) => {
                let place = (!behind).then_some((fence_place, shifts));
                self.taken(taken, &fence, place, next).await?;
            }
            Err(Gap { expected }) => {
                self.go_on_at(expected, &fence).await?;
                *next = expected;
                return Err(TellError::OutOfStep { expected });
            }
        }
        Ok(!complete)
    }

    /// `at` is the fence's place, and how often places had shifted then; nothing where the disk is behind the fence.
    async fn taken(
        &self,
        taken: Taken,
        fence: &Fence,
        at: Option<(u64, u64)>,
        next: &mut u64,
    ) -> Result<(), TellError> {
        if taken.twin {
            tracing::error!(
                "another agent tells the hub with this one's identity: stop one of them, and enrol this edge again"
            );
        }
        if taken.reached > self.journal.written().borrow().place {
            self.ahead(taken.reached, fence)?;
            *next = taken.reached + 1;
            return Ok(());
        }
        if taken.reached >= *next || taken.want_snapshot {
            self.store.committed(taken.reached).await?;
            match at {
                Some((place, shifts)) => {
                    let state = serde_json::to_string(&*fence.snapshot)?;
                    self.store.keep_state_unless_shifted(place, &state, shifts).await?;
                }
                None => self.drop_what_is_told(taken.reached).await?,
            }
        }
        *next = taken.reached + 1;
        if let Some((place, _)) = at.filter(|_| taken.want_snapshot) {
            self.put_snapshot(fence, place).await?;
        }
        Ok(())
    }

    /// Makes room on a disk that is behind the centre: the state is worked out from what is on the disk itself, for the
    /// centre's own has in it what is not.
    async fn drop_what_is_told(&self, reached: u64) -> Result<(), TellError> {
        let progress = self.store.progress().await?;
        let mut twin = Twin::new();
        let mut place = 0;
        if let Some((kept_at, state)) = &progress.state {
            twin.restore(&serde_json::from_str(state)?);
            place = *kept_at;
        }
        while place < reached {
            let most = u32::try_from(reached - place).unwrap_or(BATCH).min(BATCH);
            let events = self.store.events_from(place + 1, most).await?;
            let Some((last, _)) = events.last() else { return Ok(()) };
            place = *last;
            for (_, event) in events.iter().filter(|(place, _)| *place <= reached) {
                twin.apply(event);
            }
        }
        if place == reached {
            let state = serde_json::to_string(&twin.snapshot())?;
            self.store.keep_state_unless_shifted(reached, &state, progress.shifts).await?;
        }
        Ok(())
    }

    async fn put_snapshot(&self, fence: &Fence, place: u64) -> Result<(), TellError> {
        tracing::info!(place, "the hub's mirror differs: sending the state");
        let state = serde_json::to_value(&*fence.snapshot)?;
        self.hub.put_snapshot(&SiteSnapshot { place, state }).await?;
        Ok(())
    }

    /// The hub has events from this site that the site no longer knows: its file was lost. What
    /// happened since goes on after them.
    fn ahead(&self, reached: u64, fence: &Fence) -> Result<(), TellError> {
        let state = serde_json::to_string(&*fence.snapshot)?;
        self.journal.renumber(reached + 1, fence.count, state);
        Ok(())
    }

    /// The hub has lost events. Where the site has dropped them too, what it still has follows
    /// without them, and the mirror's difference will have the state sent.
    async fn go_on_at(&self, expected: u64, fence: &Fence) -> Result<(), TellError> {
        let oldest = self.store.events_from(expected, 1).await?.first().map(|(place, _)| *place);
        if oldest != Some(expected) {
            tracing::error!(expected, "the hub asks for events that it had committed before");
            self.ahead(expected.saturating_sub(1), fence)?;
        }
        Ok(())
    }

    /// Waits until the first `count` events are on disk.
    async fn on_disk(&self, count: u64) -> Result<Written, Stopped> {
        let mut written = self.journal.written();
        written.wait_for(|written| written.count >= count).await.map(|w| *w).map_err(|_| Stopped)
    }
}
