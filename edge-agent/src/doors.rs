//! The site's doors: one task each, so that a hung lock holds up nobody else's.

mod drivers;
mod task;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use hardware::door::{DoorError, Input, InputLevel};
use model::centre::Door;
use model::device::{Trouble, Watched};
use model::id::{DeviceId, VisitId};
use tokio::sync::{MutexGuard, Notify, mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};
use twin::{Effect, Fact};
use wire::bus::SiteBus;
use wire::homie::{STATE, door_path};

pub use drivers::{DoorDriver, Drivers, SimDoors};

use crate::centre::Centre;
use crate::trouble::Teller;
use task::{DoorTask, PATIENCE, Told, Unread, glance, looks};

/// A driver that is to be let go of has so long to lock its door.
const END: Duration = Duration::from_secs(6);
/// A lock whose line is only coming up at the start may need so long until it answers, and is tried this often.
const COMES: Duration = Duration::from_secs(8);
const TRY: Duration = Duration::from_millis(500);
const QUEUE: usize = 64;

/// The doors in use. Dropping it stops their tasks and leaves the locks as they are.
pub struct Doors {
    centre: Centre,
    bus: SiteBus,
    drivers: Arc<dyn Drivers>,
    /// Told when a door's task has broken down.
    alarm: Arc<Notify>,
    running: Mutex<HashMap<DeviceId, Running>>,
    /// The sheet's.
    wanted: Mutex<Vec<Door>>,
    /// One change of them at a time: no line is opened before whoever had it has let go.
    changing: tokio::sync::Mutex<()>,
    /// Whether a sheet says which doors there are.
    sheet_came: watch::Sender<bool>,
    /// The drivers of doors that were locked without a sheet: an output that is let go of may fall back to open.
    held: Mutex<Vec<DoorDriver>>,
}

struct Running {
    orders: mpsc::Sender<(Instant, Order)>,
    task: AbortHandle,
}

impl Running {
    /// Has the door locked by the driver that it has, which is let go of then; nobody else would ever lock it. Answers
    /// when that is done, or was given up.
    fn end(mut self) -> impl Future<Output = ()> + use<> {
        let (reply, ended) = oneshot::channel();
        let orders = std::mem::replace(&mut self.orders, mpsc::channel(1).0);
        async move {
            let told = orders.send((Instant::now(), Order::End(reply))).await.is_ok();
            if !told || timeout(END, ended).await.is_err() {
                tracing::error!("a door's driver was let go of without an answer");
            }
            drop(self);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum Order {
    Unlock(Option<VisitId>, oneshot::Sender<bool>),
    Lock,
    Read(oneshot::Sender<Result<(), String>>),
    End(oneshot::Sender<()>),
}

impl Doors {
    /// No doors yet; `alarm` is told when one breaks down.
    #[must_use]
    pub fn new(
        centre: Centre,
        bus: SiteBus,
        drivers: Arc<dyn Drivers>,
        alarm: Arc<Notify>,
    ) -> Self {
        Self {
            centre,
            bus,
            drivers,
            alarm,
            running: Mutex::default(),
            wanted: Mutex::default(),
            changing: Default::default(),
            sheet_came: watch::Sender::new(false),
            held: Mutex::default(),
        }
    }

    /// Locks doors that are none of the sheet's any more and lets go of them, which it names; then takes the sheet's into
    /// use, each locked first.
    pub async fn use_only(&self, doors: &[Door]) -> Vec<DeviceId> {
        self.sheet_came.send_replace(true);
        let _changing = self.changing.lock().await;
        self.let_go();
        let gone = self.take_out(|device| !doors.iter().any(|door| door.device == *device));
        let names = gone.keys().cloned().collect();
        // Whatever they still say has been said before anybody takes it back.
        join_all(gone.into_values().map(Running::end)).await;
        self.use_these(doors);
        names
    }

    fn take_out(&self, which: impl Fn(&DeviceId) -> bool) -> BTreeMap<DeviceId, Running> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.extract_if(|device, _| which(device)).collect()
    }

    fn use_these(&self, doors: &[Door]) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = doors.to_vec();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        for Door { device, .. } in doors {
            if running.contains_key(device) {
                continue;
            }
            let Some(driver) = self.drivers.door(device) else {
                tracing::error!(door = %device, "the sheet names a door that this site has no driver for");
                continue;
            };
            let (orders, inbox) = mpsc::channel(QUEUE);
            let task = DoorTask {
                door: device.clone(),
                lock: driver.lock,
                centre: self.centre.clone(),
                bus: self.bus.clone(),
                told: Told::default(),
            };
            let task = tokio::spawn(task.run(driver.contact, driver.exit, inbox));
            running.insert(device.clone(), Running { orders, task: task.abort_handle() });
            let alarm = self.alarm.clone();
            tokio::spawn(async move {
                if task.await.is_err_and(|error| error.is_panic()) {
                    alarm.notify_one();
                }
            });
        }
    }

    /// Locks doors once that no sheet speaks for yet. A lock that does not answer is tried for some seconds, until a
    /// sheet comes: then its doors are locked by that. It ends only with the site.
    pub(crate) async fn lock_without_a_sheet(self: Arc<Self>, doors: Vec<DeviceId>) {
        {
            let _changing = self.changing.lock().await;
            join_all(doors.into_iter().map(|door| self.lock_once(door))).await;
        }
        std::future::pending().await
    }

    fn let_go(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn lock_once(&self, door: DeviceId) {
        let runs = {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.contains_key(&door)
        };
        if runs {
            return;
        }
        let Some(driver) = self.drivers.door(&door) else {
            tracing::error!(%door, "the settings name a door that this site has no driver for");
            return;
        };
        let begun = Instant::now();
        let mut sheet_came = self.sheet_came.subscribe();
        let why = loop {
            // No try is given up halfway: what it holds would be missing to whoever comes next.
            match timeout(PATIENCE, driver.lock.lock()).await {
                Ok(Ok(())) => {
                    tracing::info!("door {door} locked");
                    self.held.lock().unwrap_or_else(PoisonError::into_inner).push(driver);
                    return;
                }
                Ok(Err(DoorError::NoAnswer(_))) if begun.elapsed() < COMES => {
                    if timeout(TRY, sheet_came.wait_for(|came| *came)).await.is_ok() {
                        return;
                    }
                }
                Ok(Err(error)) => break error.to_string(),
                Err(_) => break "no answer in time".to_owned(),
            }
        };
        tracing::error!(%door, why, "lock fault: without a sheet this door may stand open");
    }

    /// Starts every door again, with the driver that it has by now; each is locked first, by the driver that it had.
    pub async fn restart(&self) {
        let _changing = self.changing.lock().await;
        self.let_go();
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        join_all(self.take_out(|_| true).into_values().map(Running::end)).await;
        self.use_these(&wanted);
    }

    /// Waits for a change of them that is in hand; while this is held there is no other.
    pub(crate) async fn at_rest(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Locks every door and lets go of it; answers when that is done, or was given up.
    pub(crate) async fn end(&self, _at_rest: &MutexGuard<'_, ()>) {
        join_all(self.take_out(|_| true).into_values().map(Running::end)).await;
    }

    /// The doors of the sheet that have no driver.
    #[must_use]
    pub fn without_driver(&self) -> Vec<DeviceId> {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let doors = wanted.iter().map(|door| &door.device);
        doors.filter(|door| !running.contains_key(*door)).cloned().collect()
    }

    /// The doors of the sheet whose lock cannot be read by then, each with the reason in words.
    pub async fn unread(&self, until: Instant) -> BTreeMap<DeviceId, String> {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reads = wanted.into_iter().map(|door| self.why_unread(door.device, until));
        join_all(reads).await.into_iter().flatten().collect()
    }

    async fn why_unread(&self, door: DeviceId, until: Instant) -> Option<(DeviceId, String)> {
        let (reply, read) = oneshot::channel();
        let why = if self.queue(&door, Order::Read(reply)) {
            match timeout_at(until, read).await {
                Ok(Ok(Ok(()))) => return None,
                Ok(Ok(Err(why))) => why,
                Ok(Err(_)) => "its door has stopped".to_owned(),
                Err(_) => "its door does not answer".to_owned(),
            }
        } else {
            "it has no driver that works".to_owned()
        };
        Some((door, why))
    }

    /// Opens a lock, mostly for a visit; `true` once it reads back as open. Whoever asks waits no longer than a lock may
    /// take, also where the door is busy with something else.
    pub async fn unlock(&self, door: &DeviceId, visit: Option<VisitId>) -> bool {
        let (reply, opened) = oneshot::channel();
        self.queue(door, Order::Unlock(visit, reply))
            && timeout(PATIENCE, opened).await.is_ok_and(|opened| opened.unwrap_or(false))
    }

    /// Has a lock closed. The centre asks again until it reads back as closed.
    pub fn lock(&self, door: &DeviceId) {
        self.queue(door, Order::Lock);
    }

    /// Carries out what a fact has led to at the doors. Waits for no lock.
    pub fn act(&self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Unlock { door, visit } => {
                    let (reply, _) = oneshot::channel();
                    self.queue(door, Order::Unlock(*visit, reply));
                }
                Effect::Lock { door } => self.lock(door),
                Effect::ShowDoor { door, state } => say(&self.bus, door, STATE, state.as_str()),
                _ => {}
            }
        }
    }

    /// Tells the centre what the fire panel says, for as long as the site runs. A line that cannot be read changes
    /// nothing and is told to the operators: the panel's own wire has released the doors by then.
    pub(crate) async fn follow_fire(self: Arc<Self>, mut panel: Box<dyn Input>) {
        let (mut told, mut silent) = (None, false);
        let mut works = Teller::new(self.centre.clone(), Watched::FirePanel);
        let mut looks = looks();
        loop {
            let level = tokio::select! {
                level = panel.changed() => level.map_err(Unread::Door),
                _ = looks.tick() => glance(panel.level()).await,
            };
            match level {
                Ok(level) => {
                    silent = false;
                    // The doors come first.
                    if told != Some(level) {
                        told = Some(level);
                        let on = level == InputLevel::Active;
                        let Ok(decided) = self.centre.decide(Fact::FireRead { on }).await else {
                            return;
                        };
                        self.act(&decided.effects);
                    }
                    works.is(None).await;
                }
                Err(error) => {
                    if !std::mem::replace(&mut silent, true) {
                        tracing::error!(%error, "the fire panel cannot be heard");
                    }
                    works.is(Some(Trouble::Silent)).await;
                }
            }
        }
    }

    fn queue(&self, door: &DeviceId, order: Order) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running
            .get(door)
            .is_some_and(|running| running.orders.try_send((Instant::now(), order)).is_ok())
    }
}

/// Tells whoever looks on.
fn say(bus: &SiteBus, door: &DeviceId, property: &str, value: &str) {
    if let Err(error) = bus.set_state(&door_path(door, property), value) {
        tracing::warn!(%door, %error, "a door's state cannot be said on the site bus");
    }
}
