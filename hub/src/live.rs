//! The living centres as the hub knows them: a mirror of each site's twin, kept true by the
//! events that the site tells, and what wakes those who watch.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use model::id::CentreId;
use model::muster::Muster;
use store::{SiteOrderRecord, SiteStatus};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use twin::{Snapshot, Twin, View};

use crate::hub::Hub;
use crate::service::site_order::{self, Standing};
use crate::sheets::{SheetError, Sheets};

/// How often the hub looks for what other hubs have taken in.
pub(crate) const LOOK: Duration = Duration::from_secs(1);
/// The mirror's state is kept when it is so many events ahead of the one kept last.
const KEEP_EVERY: u64 = 1_000;

/// The mirrors, the sheets, and who is connected.
pub struct Live {
    /// The newest sheets.
    pub sheets: Sheets,
    /// What `/metrics` tells.
    pub counters: Counters,
    /// Wakes the one who chains the audit record.
    pub audit_recorded: Notify,
    /// Wakes the one who sends notices.
    pub notice_written: Notify,
    mirrors: Mutex<HashMap<CentreId, Arc<Mirror>>>,
    some_plan_changed: Notify,
    stopping: watch::Sender<bool>,
}

/// What has been counted since the program began.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bookings made.
    pub bookings_made: AtomicU64,
    /// Events of sites committed.
    pub events_taken: AtomicU64,
    /// Event streams that are open.
    pub sites_connected: AtomicU64,
}

/// What an operator sees of a centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveView {
    /// Which centre.
    pub centre: CentreId,
    /// Its spaces, doors, people and newest events (newest first), as the site told them.
    pub view: View,
    /// How far the site has told, when it was heard of, and its sheet in force.
    pub site: SiteStatus,
    /// The newest sheet, once one was made.
    pub newest_sheet: Option<u64>,
    /// What was ordered of the site last, the newest in front, and how that stands.
    pub orders: Vec<(SiteOrderRecord, Standing)>,
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    /// Nothing mirrored yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sheets: Sheets::default(),
            counters: Counters::default(),
            audit_recorded: Notify::new(),
            notice_written: Notify::new(),
            mirrors: Mutex::default(),
            some_plan_changed: Notify::new(),
            stopping: watch::Sender::new(false),
        }
    }

    /// A centre as it is, and as it will be: the receiver's value is up to date now, and changes
    /// for as long as [`follow`] runs. It closes when the hub stops, which ends a page's stream.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn watch(
        &self,
        hub: &Hub,
        centre: CentreId,
    ) -> Result<watch::Receiver<Arc<LiveView>>, SheetError> {
        let mirror = self.mirror(centre, hub.now());
        let receiver = mirror.view.subscribe();
        mirror.look(hub).await?;
        Ok(receiver)
    }

    /// Says that the plan of a centre has changed: its site is told of the new sheet at once.
    pub fn plan_changed(&self, centre: CentreId) {
        self.wake(centre);
        // Whoever is concerned was written to with the change.
        self.notice_written.notify_one();
    }

    /// Says that an order to a centre's site was given or answered: the site's stream looks at once, and
    /// so do the pages that are open.
    pub fn order_given(&self, centre: CentreId) {
        self.wake(centre);
    }

    /// Wakes the stream of a centre's site, and the one who keeps the open pages up to date.
    fn wake(&self, centre: CentreId) {
        if let Some(mirror) = self.mirrors().get(&centre) {
            mirror.plan.send_modify(|changes| *changes += 1);
        }
        self.some_plan_changed.notify_one();
    }

    /// Says that people's cards have changed: every site is told of its new sheet at once.
    pub fn people_changed(&self) {
        for mirror in self.mirrors().values() {
            mirror.plan.send_modify(|changes| *changes += 1);
        }
        self.some_plan_changed.notify_one();
    }

    /// Says that a booking was made: counts it, and the centre's plan has changed.
    pub fn booking_made(&self, centre: CentreId) {
        self.counters.bookings_made.fetch_add(1, Ordering::Relaxed);
        self.plan_changed(centre);
    }

    /// Changes whenever the site's stream has to look: at a new plan, an order, or people's cards. Closes when the hub
    /// stops.
    #[must_use]
    pub fn plan_changes(&self, centre: CentreId, now: DateTime<Utc>) -> watch::Receiver<u64> {
        self.mirror(centre, now).plan.subscribe()
    }

    /// Brings the mirror of a centre up to what is committed and shows it to those who watch.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look(&self, hub: &Hub, centre: CentreId) -> Result<(), SheetError> {
        self.mirror(centre, hub.now()).look(hub).await
    }

    /// Who is in a centre, by what is committed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn muster(&self, hub: &Hub, centre: CentreId) -> Result<Muster, SheetError> {
        let mirror = self.mirror(centre, hub.now());
        mirror.look(hub).await?;
        Ok(mirror.reflection.lock().await.twin.muster(hub.now()))
    }

    /// [`Live::look`], and answers whether the mirror differs from `state`, the site's own hash after
    /// the event at `place`. Where the mirror is already past that place there is nothing to
    /// compare.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn differs(
        &self,
        hub: &Hub,
        centre: CentreId,
        place: u64,
        state: Option<&str>,
    ) -> Result<bool, SheetError> {
        let mirror = self.mirror(centre, hub.now());
        mirror.look(hub).await?;
        let Some(state) = state else { return Ok(false) };
        let mut reflection = mirror.reflection.lock().await;
        if reflection.place != place {
            return Ok(false);
        }
        let snapshot = reflection.twin.snapshot();
        if snapshot.hash() != state {
            return Ok(true);
        }
        if place >= reflection.kept + KEEP_EVERY {
            keep(hub, centre, place, &snapshot).await?;
            reflection.kept = place;
        }
        Ok(false)
    }

    /// Keeps a site's own snapshot and makes the mirror the same.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn put_snapshot(
        &self,
        hub: &Hub,
        centre: CentreId,
        place: u64,
        snapshot: &Snapshot,
    ) -> Result<(), SheetError> {
        let mirror = self.mirror(centre, hub.now());
        {
            let mut reflection = mirror.reflection.lock().await;
            // One that was overtaken on its way: the mirror has gone on.
            if reflection.begun && place < reflection.place {
                return Ok(());
            }
            keep(hub, centre, place, snapshot).await?;
            reflection.twin.restore(snapshot);
            reflection.place = place;
            reflection.kept = place;
            reflection.begun = true;
        }
        mirror.look(hub).await
    }

    /// Ends every stream that is open.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
        self.mirrors().clear();
    }

    /// Turns true when the hub stops.
    #[must_use]
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    fn mirrors(&self) -> MutexGuard<'_, HashMap<CentreId, Arc<Mirror>>> {
        self.mirrors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mirror(&self, centre: CentreId, now: DateTime<Utc>) -> Arc<Mirror> {
        let mut mirrors = self.mirrors();
        if *self.stopping.borrow() {
            // Kept nowhere, so that whoever watches it sees the end at once.
            return Arc::new(Mirror::new(centre, now));
        }
        mirrors.entry(centre).or_insert_with(|| Arc::new(Mirror::new(centre, now))).clone()
    }
}

/// Keeps the mirrors that somebody watches true until the hub stops: at once after a change here,
/// within a second after one at another hub.
pub async fn follow(hub: Hub) {
    let mut stopping = hub.live.stopping();
    while !*stopping.borrow() {
        let watched: Vec<_> = {
            let mirrors = hub.live.mirrors();
            mirrors.values().filter(|mirror| mirror.view.receiver_count() > 0).cloned().collect()
        };
        for mirror in watched {
            if let Err(error) = mirror.look(&hub).await {
                tracing::warn!(centre = %mirror.centre, %error, "cannot follow a site");
            }
        }
        tokio::select! {
            () = hub.live.some_plan_changed.notified() => {}
            () = sleep(LOOK) => {}
            _ = stopping.changed() => {}
        }
    }
}

struct Mirror {
    centre: CentreId,
    reflection: tokio::sync::Mutex<Reflection>,
    view: watch::Sender<Arc<LiveView>>,
    plan: watch::Sender<u64>,
}

/// The twin, and how far it has come.
struct Reflection {
    twin: Twin,
    /// Whether the kept snapshot has been looked for.
    begun: bool,
    /// The place of the last event applied.
    place: u64,
    /// The place of the snapshot kept last.
    kept: u64,
    /// The version of the sheet that the twin is furnished from.
    sheet: Option<u64>,
}

impl Mirror {
    fn new(centre: CentreId, now: DateTime<Utc>) -> Self {
        let twin = Twin::new();
        let view = LiveView {
            centre,
            view: twin.view(now),
            site: SiteStatus::default(),
            newest_sheet: None,
            orders: Vec::new(),
        };
        let reflection = Reflection { twin, begun: false, place: 0, kept: 0, sheet: None };
        Self {
            centre,
            reflection: tokio::sync::Mutex::new(reflection),
            view: watch::Sender::new(Arc::new(view)),
            plan: watch::Sender::new(0),
        }
    }

    /// Brings the twin up to date and shows it.
    async fn look(&self, hub: &Hub) -> Result<(), SheetError> {
        let mut reflection = self.reflection.lock().await;
        reflection.catch_up(hub, self.centre).await?;
        let view = LiveView {
            centre: self.centre,
            view: reflection.twin.view(hub.now()),
            site: hub.store.site_status(self.centre).await?,
            newest_sheet: reflection.sheet,
            orders: site_order::recent(hub, self.centre).await?,
        };
        self.view.send_if_modified(|shown| {
            let changed = **shown != view;
            if changed {
                *shown = Arc::new(view);
            }
            changed
        });
        Ok(())
    }
}

impl Reflection {
    async fn catch_up(&mut self, hub: &Hub, centre: CentreId) -> Result<(), SheetError> {
        if let Some(newest) = hub.live.sheets.current(hub, centre).await?
            && self.sheet != Some(newest.sheet.version)
        {
            self.twin.load_sheet(&newest.sheet);
            self.sheet = Some(newest.sheet.version);
        }
        if !self.begun {
            if let Some((place, json)) = hub.store.snapshot(centre).await? {
                match serde_json::from_str(&json) {
                    Ok(snapshot) => {
                        self.twin.restore(&snapshot);
                        (self.place, self.kept) = (place, place);
                    }
                    // All events are kept, so an old form of snapshot is no loss.
                    Err(error) => tracing::warn!(%centre, %error, "a kept snapshot is unreadable"),
                }
            }
            self.begun = true;
        }
        loop {
            let events = hub.store.events_after(centre, self.place).await?;
            if events.is_empty() {
                return Ok(());
            }
            for (place, event) in events {
                self.twin.apply(&event);
                self.place = place;
            }
        }
    }
}

async fn keep(
    hub: &Hub,
    centre: CentreId,
    place: u64,
    snapshot: &Snapshot,
) -> Result<(), SheetError> {
    let json = serde_json::to_string(snapshot)?;
    Ok(hub.store.put_snapshot(centre, place, &json, hub.now()).await?)
}
