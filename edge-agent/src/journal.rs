//! The way of events onto the disk: in order, in groups, without anybody waiting who need not.
//!
//! Where the disk takes no more, what weighs little is given up, on disk first and then in memory;
//! who came and went, children, refusals and alarms are held until they can be written.

use std::time::Duration;

use chrono::{DateTime, Utc};
use edge_store::{Appended, EdgeStore, Progress, StoreError};
use model::site_event::{Happening, SiteEvent, Weight, shed};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

/// The most events in one transaction.
const GROUP: usize = 256;
const RETRY: Duration = Duration::from_secs(1);

/// Takes events from the centre. Nothing is lost while the disk fails: it is tried again.
#[derive(Debug)]
pub struct Journal {
    entries: mpsc::UnboundedSender<Entry>,
}

/// Becomes ready once events are on disk; ready at once where there were none.
#[derive(Debug)]
pub struct OnDisk(Option<oneshot::Receiver<()>>);

/// Follows what is on disk, and changes the places of what the hub has not got.
#[derive(Clone, Debug)]
pub struct JournalReader {
    entries: mpsc::WeakUnboundedSender<Entry>,
    written: watch::Receiver<Written>,
}

/// How much is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// How many events since the program began.
    pub count: u64,
    /// The place of the last of them.
    pub place: u64,
    /// Rises whenever events got other places than their count says: nothing can be counted over that moment.
    pub shifts: u64,
}

#[derive(Debug)]
enum Entry {
    Append(Vec<SiteEvent>, Vec<(String, u32)>, oneshot::Sender<()>),
    Note(SiteEvent),
    Renumber { first: u64, count: u64, state: String },
}

impl OnDisk {
    /// Waits. Answers whether the events are on disk; `false` only when the program ends.
    pub async fn wait(self) -> bool {
        match self.0 {
            Some(done) => done.await.is_ok(),
            None => true,
        }
    }

    /// Waits no longer than `patience`.
    ///
    /// # Errors
    /// Itself, where the events were not on disk by then; they are held, and will be.
    pub async fn wait_for(mut self, patience: Duration) -> Result<bool, Self> {
        let Some(done) = &mut self.0 else { return Ok(true) };
        match tokio::time::timeout(patience, done).await {
            Ok(done) => Ok(done.is_ok()),
            Err(_) => Err(self),
        }
    }
}

impl Journal {
    /// A journal, and the writer that has to be run for it. It goes on where `store` is by now, as its `progress` says,
    /// and ends when the journal is dropped and all is written.
    pub fn start(
        store: EdgeStore,
        progress: &Progress,
    ) -> (Self, JournalReader, impl Future<Output = ()> + Send + use<>) {
        let (entries, inbox) = mpsc::unbounded_channel();
        let Progress { last_place, shifts, .. } = *progress;
        let (written_in, written) = watch::channel(Written { count: 0, place: last_place, shifts });
        let reader = JournalReader { entries: entries.downgrade(), written };
        let writer = Writer { store, written: written_in, held: Held::default(), full: false };
        (Self { entries }, reader, writer.run(inbox))
    }

    /// Hands events over, in order, with the counts of wrong PINs that have changed.
    #[must_use]
    pub fn append(&self, events: Vec<SiteEvent>, pins: Vec<(String, u32)>) -> OnDisk {
        if events.is_empty() && pins.is_empty() {
            return OnDisk(None);
        }
        let (done, waiting) = oneshot::channel();
        // The writer outlives the journal, so this fails only when the program ends; then the
        // waiting end sees that nobody will say that it is done.
        drop(self.entries.send(Entry::Append(events, pins, done)));
        OnDisk(Some(waiting))
    }
}

impl JournalReader {
    /// How much is on disk, now and from now on.
    #[must_use]
    pub fn written(&self) -> watch::Receiver<Written> {
        self.written.clone()
    }

    /// Gives what the hub has not committed new places from `first` on, provided that exactly
    /// `count` events are written; `state` is the site's state after them. Otherwise nothing
    /// happens, and the caller will find the same reason to ask again.
    pub fn renumber(&self, first: u64, count: u64, state: String) {
        if let Some(entries) = self.entries.upgrade() {
            drop(entries.send(Entry::Renumber { first, count, state }));
        }
    }

    /// Writes down something that the centre does not decide upon.
    pub fn note(&self, event: SiteEvent) {
        if let Some(entries) = self.entries.upgrade() {
            drop(entries.send(Entry::Note(event)));
        }
    }
}

/// What is not on disk yet.
#[derive(Default)]
struct Held {
    events: Vec<SiteEvent>,
    /// How many of the centre's events these are, with those that were given up.
    count: u64,
    /// Whether they are others than the centre's, one for one.
    shifted: bool,
    /// Counts of wrong PINs that have changed.
    pins: Vec<(String, u32)>,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Held {
    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.pins.is_empty() && self.waiting.is_empty()
    }

    fn take(&mut self, entry: Entry) -> Option<Renumbering> {
        match entry {
            Entry::Append(new, pins, done) => {
                self.count += u64::try_from(new.len()).unwrap_or_default();
                self.events.extend(new);
                self.pins.extend(pins);
                self.waiting.push(done);
                None
            }
            Entry::Note(event) => {
                self.note(event);
                None
            }
            Entry::Renumber { first, count, state } => Some((first, count, state)),
        }
    }

    fn note(&mut self, event: SiteEvent) {
        self.events.push(event);
        self.shifted = true;
    }

    /// Gives up what weighs so little; one event stands for it, in the place of the first. Answers whether there was
    /// any.
    fn shed(&mut self, of: Weight) -> bool {
        if !self.events.iter().any(|event| event.what.weight() == of) {
            return false;
        }
        let goes = |event: &SiteEvent| {
            event.what.weight() == of || matches!(event.what, Happening::Shed { .. })
        };
        let Some(at) = self.events.iter().position(goes) else { return false };
        let (gone, mut kept): (Vec<_>, Vec<_>) = self.events.drain(..).partition(goes);
        if let Some(stands) = shed(&gone) {
            kept.insert(at, stands);
        }
        self.events = kept;
        self.shifted = true;
        true
    }

    fn last_at(&self) -> DateTime<Utc> {
        self.events.last().map_or(DateTime::UNIX_EPOCH, |event| event.at)
    }
}

fn tell(waiting: oneshot::Sender<()>) {
    // Whoever waited may have gone away.
    waiting.send(()).ok();
}

type Renumbering = (u64, u64, String);

struct Writer {
    store: EdgeStore,
    written: watch::Sender<Written>,
    held: Held,
    /// Whether the disk took nothing when it was last asked.
    full: bool,
}

impl Writer {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Entry>) {
        let mut entries = Vec::new();
        while inbox.recv_many(&mut entries, GROUP).await > 0 {
            for entry in entries.drain(..) {
                if let Some((first, count, state)) = self.held.take(entry) {
                    self.write(&mut inbox).await;
                    self.renumber(first, count, &state).await;
                }
            }
            self.write(&mut inbox).await;
        }
    }

    /// Writes what is held, however long it takes; what comes meanwhile is held too.
    async fn write(&mut self, inbox: &mut mpsc::UnboundedReceiver<Entry>) {
        while !self.held.is_empty() {
            let Err(error) = self.append().await else { continue };
            if error.is_full() && self.make_room().await {
                continue;
            }
            if !error.takes_nothing() {
                tracing::error!(%error, "events cannot be kept; trying again");
            } else if !self.full {
                self.full = true;
                tracing::error!(%error, "the disk takes nothing: events are held in memory");
                // The hub hears of it once the disk takes something again: an event has no place before.
                let at = self.held.last_at();
                self.held.note(SiteEvent { at, what: Happening::DiskFull { full: true } });
            }
            self.hold(inbox).await;
        }
    }

    async fn append(&mut self) -> Result<(), StoreError> {
        // Before whoever typed is answered: pulling the plug gives nobody new tries.
        if !self.held.pins.is_empty() {
            self.store.keep_pin_tries(&self.held.pins).await?;
            self.held.pins.clear();
        }
        if self.held.events.is_empty() {
            self.held.waiting.drain(..).for_each(tell);
            return Ok(());
        }
        let Written { count, place, .. } = *self.written.borrow();
        if self.full {
            let at = self.held.last_at();
            self.held.note(SiteEvent { at, what: Happening::DiskFull { full: false } });
        }
        let shifted = self.held.shifted;
        let done = self.store.append_shifted(place + 1, &self.held.events, shifted).await;
        if done.is_err() && self.full {
            self.held.events.pop();
        }
        let Appended { place, shifts } = done?;
        if self.full {
            self.full = false;
            tracing::info!("the disk takes events again");
        }
        let Held { count: more, waiting, .. } = std::mem::take(&mut self.held);
        self.written.send_replace(Written { count: count + more, place, shifts });
        waiting.into_iter().for_each(tell);
        Ok(())
    }

    /// Gives up what weighs little, on disk; what comes first is what weighs least. Answers whether there is more room.
    async fn make_room(&mut self) -> bool {
        for weight in [Weight::Telemetry, Weight::Record] {
            match self.store.shed(weight).await {
                Ok(Some(Appended { place, shifts })) => {
                    self.written.send_modify(|written| {
                        written.place = place;
                        written.shifts = shifts;
                    });
                    return true;
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "nothing could be given up on the disk");
                    return false;
                }
            }
            // Of what has not come to the disk the lightest goes before the next heavier there.
            if self.held.shed(weight) {
                return true;
            }
        }
        false
    }

    /// Waits a while; what comes is held, and what weighs little is given up where that is too much.
    async fn hold(&mut self, inbox: &mut mpsc::UnboundedReceiver<Entry>) {
        let until = Instant::now() + RETRY;
        while let Ok(Some(entry)) = timeout_at(until, inbox.recv()).await {
            // Places cannot change while there are events without one; it will be asked for again.
            self.held.take(entry);
            let most = self.store.limits().held;
            for weight in [Weight::Telemetry, Weight::Record] {
                if self.held.events.len() > most {
                    self.held.shed(weight);
                }
            }
        }
        if inbox.is_closed() && inbox.is_empty() {
            tokio::time::sleep_until(until).await;
        }
    }

    async fn renumber(&self, first: u64, count: u64, state: &str) {
        if self.written.borrow().count != count {
            return;
        }
        match self.store.renumber(first, state).await {
            Ok(place) => {
                tracing::warn!(
                    first,
                    place,
                    "the hub knows later events than this site: went on after them"
                );
                self.written.send_modify(|written| {
                    written.count = count;
                    written.place = place;
                });
            }
            Err(error) => tracing::error!(%error, "events cannot be given new places"),
        }
    }
}
