//! The site's doors: one task each, so that a hung lock holds up nobody else's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use hardware::door::{Contact, ContactLevel, DoorError, Input, InputLevel, Lock};
use hardware::sim::{SimDoor, SimFirePanel};
use model::centre::Door;
use model::id::{DeviceId, VisitId};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use twin::{Effect, Fact, LockLevel};
use wire::bus::SiteBus;
use wire::homie::{CONTACT, LOCK, STATE, door_path};

use crate::centre::Centre;
use crate::config::{Config, HomieNode};
use crate::door_readers::DoorReader;

/// A lock that has not answered by then has failed.
const PATIENCE: Duration = Duration::from_secs(2);
/// An order that has waited for longer behind others is not carried out: whoever wanted the door open may be gone.
const STALE: Duration = Duration::from_secs(2);
/// How often every level is read, whatever the device has said by itself: an edge that was missed is healed.
const LOOK: Duration = Duration::from_millis(500);
/// A level that is not read by then is not known this time.
const GLANCE: Duration = Duration::from_millis(300);
/// A driver that is to be let go of has so long to lock its door.
const END: Duration = Duration::from_secs(6);
/// A lock that has just been taken into use, or whose line broke, may need so long until it answers.
const COMES: Duration = Duration::from_secs(8);
const QUEUE: usize = 64;

/// What moves and senses one door.
pub struct DoorDriver {
    /// Its lock.
    pub lock: Box<dyn Lock>,
    /// Its contact.
    pub contact: Box<dyn Contact>,
    /// The button inside, where there is one that can be read.
    pub exit: Option<Box<dyn Input>>,
}

/// Finds the drivers of a site's doors.
pub trait Drivers: Send + Sync {
    /// The driver of `door`, if the site was told of one.
    fn door(&self, door: &DeviceId) -> Option<DoorDriver>;

    /// The node of a foreign device that is `door`, where it is one: then its driver is made by
    /// whoever has the site bus.
    fn homie(&self, door: &DeviceId) -> Option<HomieNode> {
        let _ = door;
        None
    }

    /// Goes by other settings from now on; doors that run keep their driver until they are started again.
    fn set_up(&self, config: &Config) {
        let _ = config;
    }

    /// The readers at doors that are wired to this machine, each once.
    fn readers(&self) -> Vec<DoorReader> {
        Vec::new()
    }

    /// The line on which the fire panel says that the doors are to be released, if the site has one. It comes beside
    /// the wire that releases them without this program, never instead of it.
    fn fire(&self) -> Option<Box<dyn Input>> {
        None
    }
}

/// Simulated doors, made when they are first asked for.
#[derive(Debug, Default)]
pub struct SimDoors {
    doors: Mutex<HashMap<DeviceId, SimDoor>>,
    panel: SimFirePanel,
}

impl SimDoors {
    /// The simulated door of this id, to push it or to break it.
    #[must_use]
    pub fn get(&self, door: &DeviceId) -> SimDoor {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        doors.entry(door.clone()).or_default().clone()
    }

    /// The simulated fire panel.
    #[must_use]
    pub fn panel(&self) -> &SimFirePanel {
        &self.panel
    }
}

impl Drivers for SimDoors {
    fn door(&self, door: &DeviceId) -> Option<DoorDriver> {
        let door = self.get(door);
        Some(DoorDriver {
            lock: Box::new(door.lock()),
            contact: Box::new(door.contact()),
            exit: Some(Box::new(door.exit_button())),
        })
    }

    fn fire(&self) -> Option<Box<dyn Input>> {
        Some(Box::new(self.panel.input()))
    }
}

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
        }
    }

    /// Takes the sheet's doors into use, each locked first, and lets go of others, which it names.
    pub async fn use_only(&self, doors: &[Door]) -> Vec<DeviceId> {
        let _changing = self.changing.lock().await;
        self.use_these(doors)
    }

    fn use_these(&self, doors: &[Door]) -> Vec<DeviceId> {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = doors.to_vec();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gone = Vec::new();
        for (device, door) in
            running.extract_if(|device, _| !doors.iter().any(|door| door.device == *device))
        {
            gone.push(device);
            tokio::spawn(door.end());
        }
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
        gone
    }

    /// Starts every door again, with the driver that it has by now; each is locked first, by the driver that it had.
    pub async fn restart(&self) {
        let _changing = self.changing.lock().await;
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let running =
            std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        join_all(running.into_values().map(Running::end)).await;
        self.use_these(&wanted);
    }

    /// A door of the sheet that has no driver, if there is one.
    #[must_use]
    pub fn without_driver(&self) -> Option<DeviceId> {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.iter().map(|door| &door.device).find(|door| !running.contains_key(*door)).cloned()
    }

    /// Whether every lock of the sheet can be read.
    ///
    /// # Errors
    /// The first that cannot, in words.
    pub async fn all_read(&self) -> Result<(), String> {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for Door { device, .. } in wanted {
            let (reply, read) = oneshot::channel();
            if !self.queue(&device, Order::Read(reply)) {
                return Err(format!("the door {device} has no driver that works"));
            }
            match read.await {
                Ok(Ok(())) => {}
                Ok(Err(why)) => return Err(format!("the lock of {device} cannot be read: {why}")),
                Err(_) => return Err(format!("the door {device} has stopped")),
            }
        }
        Ok(())
    }

    /// Opens a lock, mostly for a visit; `true` once it reads back as open.
    pub async fn unlock(&self, door: &DeviceId, visit: Option<VisitId>) -> bool {
        let (reply, opened) = oneshot::channel();
        self.queue(door, Order::Unlock(visit, reply)) && opened.await.unwrap_or(false)
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
    /// nothing and is logged: the panel's own wire has released the doors by then.
    pub(crate) async fn follow_fire(self: Arc<Self>, mut panel: Box<dyn Input>) {
        let (mut told, mut silent) = (None, false);
        let mut looks = looks();
        loop {
            let level = tokio::select! {
                level = panel.changed() => level.map_err(Unread::Door),
                _ = looks.tick() => glance(panel.level()).await,
            };
            match level {
                Ok(level) => {
                    silent = false;
                    if told == Some(level) {
                        continue;
                    }
                    told = Some(level);
                    let on = level == InputLevel::Active;
                    let Ok(decided) = self.centre.decide(Fact::FireRead { on }).await else {
                        return;
                    };
                    self.act(&decided.effects);
                }
                Err(error) if !std::mem::replace(&mut silent, true) => {
                    tracing::error!(%error, "the fire panel cannot be heard");
                }
                Err(_) => {}
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

/// What the centre was last told of a door.
#[derive(Default)]
struct Told {
    lock: Option<Result<LockLevel, ()>>,
    lock_silent: Option<Instant>,
    open: Option<bool>,
    contact_silent: Silence,
    pressed: Option<bool>,
    exit_silent: bool,
}

/// How long something has not answered.
#[derive(Default)]
struct Silence {
    since: Option<Instant>,
    told: bool,
}

fn looks() -> tokio::time::Interval {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

/// A level, or nothing where it does not come at once.
async fn glance<L>(level: impl Future<Output = Result<L, DoorError>>) -> Result<L, Unread> {
    match timeout(GLANCE, level).await {
        Ok(level) => level.map_err(Unread::Door),
        Err(_) => Err(Unread::Slow),
    }
}

/// Why a level is not known.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Door(#[from] DoorError),
    #[error("no answer in time")]
    Slow,
}

struct DoorTask {
    door: DeviceId,
    lock: Box<dyn Lock>,
    centre: Centre,
    bus: SiteBus,
    told: Told,
}

impl DoorTask {
    async fn run(
        mut self,
        mut contact: Box<dyn Contact>,
        mut exit: Option<Box<dyn Input>>,
        mut inbox: mpsc::Receiver<(Instant, Order)>,
    ) {
        if !self.lock_first(&mut inbox).await {
            return;
        }
        let mut looks = looks();
        loop {
            tokio::select! {
                // Whoever stands at the door comes before a look at it.
                biased;
                order = inbox.recv() => match order {
                    Some((_, Order::End(ended))) => {
                        moved(&self.door, self.lock.lock()).await;
                        // What it holds is free before anybody hears that it is.
                        drop((self, contact, exit, inbox));
                        ended.send(()).ok();
                        return;
                    }
                    Some((given, order)) => self.carry_out(given, order).await,
                    None => return,
                },
                level = changed(exit.as_deref_mut()) => self.exit_is(level.map_err(Unread::Door)).await,
                level = contact.changed() => self.contact_is(level.map_err(Unread::Door)).await,
                _ = looks.tick() => {
                    let level = glance(contact.level()).await;
                    self.contact_is(level).await;
                    if let Some(exit) = &exit {
                        let level = glance(exit.level()).await;
                        self.exit_is(level).await;
                    }
                    self.look_at_the_lock().await;
                }
            }
        }
    }

    async fn carry_out(&mut self, given: Instant, order: Order) {
        let late = given.elapsed() > STALE;
        match order {
            Order::Unlock(_, reply) if late => {
                tracing::warn!(door = %self.door, "an unlock came too late and is dropped");
                reply.send(false).ok();
            }
            Order::Unlock(visit, reply) => self.unlock(visit, reply).await,
            // A door that is locked late is better than one that is not.
            Order::Lock => self.relock().await,
            Order::Read(reply) => self.read(reply).await,
            // The loop ends with it.
            Order::End(_) => {}
        }
    }

    async fn unlock(&mut self, visit: Option<VisitId>, reply: oneshot::Sender<bool>) {
        let opened = moved(&self.door, self.lock.unlock()).await;
        // Whoever stands there first, the records at once after.
        reply.send(opened).ok();
        if opened {
            tracing::info!("door {} unlocked", self.door);
            self.lock_is(LockLevel::Unlocked, visit).await;
        } else {
            self.lock_failed().await;
        }
    }

    async fn read(&self, reply: oneshot::Sender<Result<(), String>>) {
        let read = match timeout(PATIENCE, self.lock.level()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        };
        // Whoever asked may have gone away.
        reply.send(read).ok();
    }

    async fn relock(&mut self) {
        if moved(&self.door, self.lock.lock()).await {
            tracing::info!("door {} locked", self.door);
            self.lock_is(LockLevel::Locked, None).await;
        } else {
            self.lock_failed().await;
        }
    }

    /// Nobody is let in before that; a lock whose line is only coming up is no fault yet. Answers `false` where the door is
    /// let go of meanwhile.
    async fn lock_first(&mut self, inbox: &mut mpsc::Receiver<(Instant, Order)>) -> bool {
        let begun = Instant::now();
        loop {
            match timeout(PATIENCE, self.lock.lock()).await {
                Ok(Err(DoorError::NoAnswer(_))) if begun.elapsed() < COMES => sleep(LOOK).await,
                Ok(Ok(())) => {
                    tracing::info!("door {} locked", self.door);
                    self.lock_is(LockLevel::Locked, None).await;
                    return true;
                }
                _ => {
                    self.lock_failed().await;
                    return true;
                }
            }
            while let Ok((_, order)) = inbox.try_recv() {
                match order {
                    Order::Unlock(_, reply) => drop(reply.send(false)),
                    Order::Read(reply) => drop(reply.send(Err("no answer yet".to_owned()))),
                    Order::Lock => {}
                    Order::End(ended) => {
                        ended.send(()).ok();
                        return false;
                    }
                }
            }
        }
    }

    /// A lock may move without being told to, and may fall silent.
    async fn look_at_the_lock(&mut self) {
        // A lock may have a slow line; whoever waits for it waits for nothing else.
        let level = match timeout(PATIENCE, self.lock.level()).await {
            Ok(level) => level.map_err(Unread::Door),
            Err(_) => Err(Unread::Slow),
        };
        match level {
            Ok(level) => {
                self.told.lock_silent = None;
                let level = match level {
                    hardware::door::LockLevel::Locked => LockLevel::Locked,
                    hardware::door::LockLevel::Unlocked => LockLevel::Unlocked,
                };
                // Where it did not do what it was told, the centre tells it again, and hears then what became of it.
                if self.told.lock.is_some_and(|told| told.is_ok_and(|told| told != level)) {
                    self.lock_is(level, None).await;
                }
            }
            Err(error) => {
                let since = *self.told.lock_silent.get_or_insert_with(Instant::now);
                if self.told.lock.is_some_and(|told| told.is_ok()) && since.elapsed() >= COMES {
                    tracing::error!(door = %self.door, %error, "lock fault");
                    self.lock_failed().await;
                }
            }
        }
    }

    async fn lock_failed(&mut self) {
        self.told.lock = Some(Err(()));
        self.say(LOCK, "fault");
        self.tell(Fact::LockFailed { door: self.door.clone() }).await;
    }

    async fn lock_is(&mut self, level: LockLevel, visit: Option<VisitId>) {
        self.told.lock = Some(Ok(level));
        self.say(LOCK, if level == LockLevel::Locked { "locked" } else { "unlocked" });
        self.tell(Fact::LockRead { door: self.door.clone(), level, visit }).await;
    }

    async fn contact_is(&mut self, level: Result<ContactLevel, Unread>) {
        let open = match level {
            Ok(level) => level == ContactLevel::Open,
            Err(error) => {
                let silence = &mut self.told.contact_silent;
                if silence.since.is_none() {
                    tracing::error!(door = %self.door, %error, "door fault");
                }
                let since = *silence.since.get_or_insert_with(Instant::now);
                if since.elapsed() >= COMES && !std::mem::replace(&mut silence.told, true) {
                    // What was read before is not known any more.
                    self.told.open = None;
                    self.tell(Fact::ContactSilent { door: self.door.clone() }).await;
                }
                return;
            }
        };
        self.told.contact_silent = Silence::default();
        if self.told.open.replace(open) != Some(open) {
            self.say(CONTACT, if open { "open" } else { "closed" });
            self.tell(Fact::ContactRead { door: self.door.clone(), open }).await;
        }
    }

    /// A button that cannot be read is left as it was: one that was pressed keeps its door open.
    async fn exit_is(&mut self, level: Result<InputLevel, Unread>) {
        let pressed = match level {
            Ok(level) => level == InputLevel::Active,
            Err(error) => {
                if !std::mem::replace(&mut self.told.exit_silent, true) {
                    tracing::error!(door = %self.door, %error, "door fault");
                }
                return;
            }
        };
        self.told.exit_silent = false;
        if self.told.pressed.replace(pressed) == Some(pressed) {
            return;
        }
        let fact = Fact::ExitRead { door: self.door.clone(), pressed };
        let Ok(decided) = self.centre.decide(fact).await else { return };
        // A button speaks of its own door alone.
        for effect in &decided.effects {
            match effect {
                Effect::Unlock { door, visit } if *door == self.door => {
                    self.unlock(*visit, oneshot::channel().0).await;
                }
                Effect::Lock { door } if *door == self.door => self.relock().await,
                _ => {}
            }
        }
    }

    async fn tell(&self, fact: Fact) {
        if self.centre.decide(fact).await.is_err() {
            tracing::debug!(door = %self.door, "the site has stopped");
        }
    }

    fn say(&self, property: &str, value: &str) {
        say(&self.bus, &self.door, property, value);
    }
}

/// Tells whoever looks on.
fn say(bus: &SiteBus, door: &DeviceId, property: &str, value: &str) {
    if let Err(error) = bus.set_state(&door_path(door, property), value) {
        tracing::warn!(%door, %error, "a door's state cannot be said on the site bus");
    }
}

/// The next change of a button, which never comes where there is none.
async fn changed(exit: Option<&mut (dyn Input + 'static)>) -> Result<InputLevel, DoorError> {
    match exit {
        Some(exit) => exit.changed().await,
        None => std::future::pending().await,
    }
}

/// Whether a lock did what it was told.
async fn moved(door: &DeviceId, order: impl Future<Output = Result<(), DoorError>>) -> bool {
    match timeout(PATIENCE, order).await {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => tracing::error!(%door, %error, "lock fault"),
        Err(_) => tracing::error!(%door, "lock fault: no answer in time"),
    }
    false
}
