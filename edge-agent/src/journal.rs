//! The way of events onto the disk: in order, in groups, without anybody waiting who need not.

use std::time::Duration;

use edge_store::EdgeStore;
use model::site_event::SiteEvent;
use tokio::sync::{mpsc, oneshot, watch};

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
}

#[derive(Debug)]
enum Entry {
    Append(Vec<SiteEvent>, oneshot::Sender<()>),
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
}

impl Journal {
    /// Starts the writer, which follows the last place of `store`. It ends when the journal is
    /// dropped and all is written.
    #[must_use]
    pub fn start(
        store: EdgeStore,
        last_place: u64,
    ) -> (Self, JournalReader, tokio::task::JoinHandle<()>) {
        let (entries, inbox) = mpsc::unbounded_channel();
        let (written_in, written) = watch::channel(Written { count: 0, place: last_place });
        let reader = JournalReader { entries: entries.downgrade(), written };
        let task = tokio::spawn(Writer { store, written: written_in }.run(inbox));
        (Self { entries }, reader, task)
    }

    /// Hands events over, in order.
    #[must_use]
    pub fn append(&self, events: Vec<SiteEvent>) -> OnDisk {
        if events.is_empty() {
            return OnDisk(None);
        }
        let (done, waiting) = oneshot::channel();
        // The writer outlives the journal, so this fails only when the program ends; then the
        // waiting end sees that nobody will say that it is done.
        drop(self.entries.send(Entry::Append(events, done)));
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
}

fn tell(waiting: oneshot::Sender<()>) {
    // Whoever waited may have gone away.
    waiting.send(()).ok();
}

struct Writer {
    store: EdgeStore,
    written: watch::Sender<Written>,
}

impl Writer {
    async fn run(self, mut inbox: mpsc::UnboundedReceiver<Entry>) {
        let mut entries = Vec::new();
        while inbox.recv_many(&mut entries, GROUP).await > 0 {
            let (mut events, mut waiting) = (Vec::new(), Vec::new());
            for entry in entries.drain(..) {
                match entry {
                    Entry::Append(new, done) => {
                        events.extend(new);
                        waiting.push(done);
                    }
                    Entry::Renumber { first, count, state } => {
                        self.append(std::mem::take(&mut events)).await;
                        waiting.drain(..).for_each(tell);
                        self.renumber(first, count, &state).await;
                    }
                }
            }
            self.append(events).await;
            waiting.drain(..).for_each(tell);
        }
    }

    async fn append(&self, events: Vec<SiteEvent>) {
        if events.is_empty() {
            return;
        }
        let Written { count, place } = *self.written.borrow();
        loop {
            match self.store.append(place + 1, &events).await {
                Ok(place) => {
                    let count = count + u64::try_from(events.len()).unwrap_or_default();
                    self.written.send_replace(Written { count, place });
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, "events cannot be kept; trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
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
                self.written.send_replace(Written { count, place });
            }
            Err(error) => tracing::error!(%error, "events cannot be given new places"),
        }
    }
}
