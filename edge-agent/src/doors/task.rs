//! One door: told what to do, and looked at.

use std::time::Duration;

use hardware::door::{Contact, ContactLevel, DoorError, Input, InputLevel, Lock};
use model::id::{DeviceId, VisitId};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use twin::{Effect, Fact, LockLevel};
use wire::bus::SiteBus;
use wire::homie::{CONTACT, LOCK};

use super::{Order, say};
use crate::centre::Centre;

/// A lock that has not answered by then has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// An order that has waited for longer behind others is not carried out: whoever wanted the door open may be gone.
const STALE: Duration = Duration::from_secs(2);
/// How often every level is read, whatever the device has said by itself: an edge that was missed is healed.
const LOOK: Duration = Duration::from_millis(500);
/// A level that is not read by then is not known this time.
const GLANCE: Duration = Duration::from_millis(300);
/// A lock that has just been taken into use, or whose line broke, may need so long until it answers.
const COMES: Duration = Duration::from_secs(8);

pub(super) struct DoorTask {
    pub(super) door: DeviceId,
    pub(super) lock: Box<dyn Lock>,
    pub(super) centre: Centre,
    pub(super) bus: SiteBus,
    pub(super) told: Told,
}

impl DoorTask {
    pub(super) async fn run(
        mut self,
        mut contact: Box<dyn Contact>,
        mut exit: Option<Box<dyn Input>>,
        mut inbox: mpsc::Receiver<(Instant, Order)>,
    ) {
        if let Some(ended) = self.lock_first(&mut inbox).await {
            drop((self, contact, exit, inbox));
            ended.send(()).ok();
            return;
        }
        let mut looks = looks();
        loop {
            tokio::select! {
                // Whoever stands at the door comes before a look at it.
                biased;
                order = inbox.recv() => match order {
                    Some((_, Order::End(ended))) => {
                        self.relock().await;
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

    /// Nobody is let in before that; a lock whose line is only coming up is no fault yet. Where the door is to be let go of
    /// meanwhile, it answers whom to tell that it is.
    async fn lock_first(
        &mut self,
        inbox: &mut mpsc::Receiver<(Instant, Order)>,
    ) -> Option<oneshot::Sender<()>> {
        let begun = Instant::now();
        loop {
            match timeout(PATIENCE, self.lock.lock()).await {
                Ok(Err(DoorError::NoAnswer(_))) if begun.elapsed() < COMES => sleep(LOOK).await,
                Ok(Ok(())) => {
                    tracing::info!("door {} locked", self.door);
                    self.lock_is(LockLevel::Locked, None).await;
                    return None;
                }
                _ => {
                    self.lock_failed().await;
                    return None;
                }
            }
            while let Ok((_, order)) = inbox.try_recv() {
                match order {
                    Order::Unlock(_, reply) => drop(reply.send(false)),
                    Order::Read(reply) => drop(reply.send(Err("no answer yet".to_owned()))),
                    Order::Lock => {}
                    Order::End(ended) => return Some(ended),
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

/// What the centre was last told of a door.
#[derive(Default)]
pub(super) struct Told {
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

pub(super) fn looks() -> tokio::time::Interval {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

/// A level, or nothing where it does not come at once.
pub(super) async fn glance<L>(
    level: impl Future<Output = Result<L, DoorError>>,
) -> Result<L, Unread> {
    match timeout(GLANCE, level).await {
        Ok(level) => level.map_err(Unread::Door),
        Err(_) => Err(Unread::Slow),
    }
}

/// Why a level is not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error(transparent)]
    Door(#[from] DoorError),
    #[error("no answer in time")]
    Slow,
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
