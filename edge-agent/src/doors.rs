//! The site's doors: one task each, so that a hung lock holds up nobody else's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hardware::door::{Contact, ContactLevel, Lock};
use hardware::sim::SimDoor;
use model::centre::Door;
use model::id::{DeviceId, VisitId};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use twin::{Fact, LockLevel};
use wire::bus::SiteBus;

use crate::centre::Centre;

/// A lock that has not answered by then has failed.
const PATIENCE: Duration = Duration::from_secs(2);
const QUEUE: usize = 64;

/// What moves and senses one door.
pub struct DoorDriver {
    /// Its lock.
    pub lock: Box<dyn Lock>,
    /// Its contact.
    pub contact: Box<dyn Contact>,
}

/// Finds the drivers of a site's doors.
pub trait Drivers: Send + Sync {
    /// The driver of `door`, if the site was told of one.
    fn door(&self, door: &DeviceId) -> Option<DoorDriver>;
}

/// Simulated doors, made when they are first asked for.
#[derive(Debug, Default)]
pub struct SimDoors {
    doors: Mutex<HashMap<DeviceId, SimDoor>>,
}

impl SimDoors {
    /// The simulated door of this id, to push it or to break it.
    #[must_use]
    pub fn get(&self, door: &DeviceId) -> SimDoor {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        doors.entry(door.clone()).or_default().clone()
    }
}

impl Drivers for SimDoors {
    fn door(&self, door: &DeviceId) -> Option<DoorDriver> {
        let door = self.get(door);
        Some(DoorDriver { lock: Box::new(door.lock()), contact: Box::new(door.contact()) })
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
}

struct Running {
    orders: mpsc::Sender<Order>,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum Order {
    Unlock(Option<VisitId>, oneshot::Sender<bool>),
    Lock,
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
        Self { centre, bus, drivers, alarm, running: Mutex::default() }
    }

    /// Takes the sheet's doors into use, each locked first, and lets go of others.
    pub fn use_only(&self, doors: &[Door]) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|device, _| doors.iter().any(|door| door.device == *device));
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
            };
            let task = tokio::spawn(task.run(driver.contact, inbox));
            running.insert(device.clone(), Running { orders, task: task.abort_handle() });
            let alarm = self.alarm.clone();
            tokio::spawn(async move {
                if task.await.is_err_and(|error| error.is_panic()) {
                    alarm.notify_one();
                }
            });
        }
        let names: Vec<&str> = doors.iter().map(|door| door.device.as_str()).collect();
        if let Err(error) = self.bus.set_state("$description", &description(&names)) {
            tracing::warn!(%error, "the doors cannot be announced on the site bus");
        }
    }

    /// Opens a lock, mostly for a visit; `true` once it reads back as open.
    pub async fn unlock(&self, door: &DeviceId, visit: Option<VisitId>) -> bool {
        let (reply, opened) = oneshot::channel();
        self.order(door, Order::Unlock(visit, reply)) && opened.await.unwrap_or(false)
    }

    /// Has a lock closed. The centre asks again until it reads back as closed.
    pub fn lock(&self, door: &DeviceId) {
        self.order(door, Order::Lock);
    }

    fn order(&self, door: &DeviceId, order: Order) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(door).is_some_and(|running| running.orders.try_send(order).is_ok())
    }
}

struct DoorTask {
    door: DeviceId,
    lock: Box<dyn Lock>,
    centre: Centre,
    bus: SiteBus,
}

impl DoorTask {
    async fn run(self, mut contact: Box<dyn Contact>, mut inbox: mpsc::Receiver<Order>) {
        self.relock().await;
        if let Ok(level) = contact.level().await {
            self.contact_is(level).await;
        }
        loop {
            tokio::select! {
                order = inbox.recv() => match order {
                    Some(Order::Unlock(visit, reply)) => self.unlock(visit, reply).await,
                    Some(Order::Lock) => self.relock().await,
                    None => return,
                },
                level = contact.changed() => match level {
                    Ok(level) => self.contact_is(level).await,
                    Err(error) => tracing::error!(door = %self.door, %error, "door fault"),
                },
            }
        }
    }

    async fn unlock(&self, visit: Option<VisitId>, reply: oneshot::Sender<bool>) {
        let opened = self.moved(self.lock.unlock()).await;
        // Whoever stands there first, the records at once after.
        reply.send(opened).ok();
        if opened {
            tracing::info!("door {} unlocked", self.door);
            self.lock_is(LockLevel::Unlocked, visit).await;
        }
    }

    async fn relock(&self) {
        if self.moved(self.lock.lock()).await {
            tracing::info!("door {} locked", self.door);
            self.lock_is(LockLevel::Locked, None).await;
        }
    }

    /// Whether the lock did what it was told; a fault is recorded.
    async fn moved(
        &self,
        order: impl Future<Output = Result<(), hardware::door::DoorError>>,
    ) -> bool {
        match timeout(PATIENCE, order).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => tracing::error!(door = %self.door, %error, "lock fault"),
            Err(_) => tracing::error!(door = %self.door, "lock fault: no answer in time"),
        }
        self.say("lock", "fault");
        self.tell(Fact::LockFailed { door: self.door.clone() }).await;
        false
    }

    async fn lock_is(&self, level: LockLevel, visit: Option<VisitId>) {
        self.say("lock", if level == LockLevel::Locked { "locked" } else { "unlocked" });
        self.tell(Fact::LockRead { door: self.door.clone(), level, visit }).await;
    }

    async fn contact_is(&self, level: ContactLevel) {
        let open = level == ContactLevel::Open;
        self.say("contact", if open { "open" } else { "closed" });
        self.tell(Fact::ContactRead { door: self.door.clone(), open }).await;
    }

    async fn tell(&self, fact: Fact) {
        if self.centre.decide(fact).await.is_err() {
            tracing::debug!(door = %self.door, "the site has stopped");
        }
    }

    fn say(&self, property: &str, value: &str) {
        if let Err(error) = self.bus.set_state(&format!("{}/{property}", self.door), value) {
            tracing::warn!(door = %self.door, %error, "a door's state cannot be said on the site bus");
        }
    }
}

/// The edge's description in the Homie 5 convention: each door is a node with a lock and a contact.
fn description(doors: &[&str]) -> String {
    let property = |name: &str, format: &str| serde_json::json!({"name": name, "datatype": "enum", "format": format, "settable": false, "retained": true});
    let nodes: serde_json::Map<String, serde_json::Value> = doors
        .iter()
        .map(|door| {
            let node = serde_json::json!({
                "name": door,
                "type": "door",
                "properties": {
                    "lock": property("Lock", "locked,unlocked,fault"),
                    "contact": property("Contact", "open,closed"),
                },
            });
            ((*door).to_owned(), node)
        })
        .collect();
    // A version that follows from the doors, so that it changes exactly when they do.
    let version = doors.join(",").bytes().fold(7_u32, |v, b| v.wrapping_mul(31) ^ u32::from(b));
    serde_json::json!({"homie": "5.0", "version": version, "name": "Kyoten site", "nodes": nodes})
        .to_string()
}
