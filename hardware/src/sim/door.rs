use async_trait::async_trait;
use thiserror::Error;
use tokio::sync::watch;

use super::input::SimInput;
use crate::door::{Contact, ContactLevel, DoorError, DoorPart, InputLevel, Lock, LockLevel};

/// A door that exists only here. Clones are the same door; it begins locked and closed.
#[derive(Debug, Clone)]
pub struct SimDoor {
    state: watch::Sender<DoorState>,
}

/// All there is to know about a simulated door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoorState {
    /// Where the lock is.
    pub lock: LockLevel,
    /// Where the leaf is.
    pub leaf: ContactLevel,
    /// The button inside.
    pub exit: InputLevel,
    /// What is broken.
    pub faults: DoorFaults,
}

/// What is broken at a simulated door.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DoorFaults {
    /// The relay stays where it is, whatever it is told.
    pub stuck_relay: bool,
    /// The lock does not answer, and does not move.
    pub lock_silent: bool,
    /// The contact does not answer.
    pub contact_silent: bool,
    /// The button inside stays as it is, whoever presses it or lets go.
    pub exit_stuck: bool,
    /// The button inside cannot be read.
    pub exit_silent: bool,
}

/// Nobody can push a locked door open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the door is locked")]
pub struct StillLocked;

impl Default for SimDoor {
    fn default() -> Self {
        let (state, _) = watch::channel(DoorState {
            lock: LockLevel::Locked,
            leaf: ContactLevel::Closed,
            exit: InputLevel::AtRest,
            faults: DoorFaults::default(),
        });
        Self { state }
    }
}

impl SimDoor {
    /// The driver of this door's lock.
    #[must_use]
    pub fn lock(&self) -> SimLock {
        SimLock { door: self.clone() }
    }

    /// A driver of this door's contact.
    #[must_use]
    pub fn contact(&self) -> SimContact {
        let states = self.state.subscribe();
        let last = contact_level(&states.borrow());
        SimContact { states, last }
    }

    /// A driver of the button inside.
    #[must_use]
    pub fn exit_button(&self) -> SimInput<DoorState> {
        SimInput::of(self.state.subscribe(), DoorPart::ExitButton, exit_level)
    }

    /// Somebody inside presses the button, until [`SimDoor::let_go`].
    pub fn press(&self) {
        self.move_exit(InputLevel::Active);
    }

    /// They let go of it.
    pub fn let_go(&self) {
        self.move_exit(InputLevel::AtRest);
    }

    fn move_exit(&self, level: InputLevel) {
        self.change(|state| {
            if !state.faults.exit_stuck {
                state.exit = level;
            }
        });
    }

    /// The door's state now.
    #[must_use]
    pub fn state(&self) -> DoorState {
        *self.state.borrow()
    }

    /// Follows the door's state.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<DoorState> {
        self.state.subscribe()
    }

    /// Somebody pushes the door from outside: it opens if it is unlocked, or stands open already.
    ///
    /// # Errors
    /// [`StillLocked`] when the leaf is shut and locked.
    pub fn push(&self) -> Result<(), StillLocked> {
        let mut opened = Ok(());
        self.state.send_if_modified(|state| {
            if state.leaf == ContactLevel::Open {
                return false;
            }
            if state.lock == LockLevel::Locked {
                opened = Err(StillLocked);
                return false;
            }
            state.leaf = ContactLevel::Open;
            true
        });
        opened
    }

    /// Somebody breaks the door open, locked or not.
    pub fn force(&self) {
        self.change(|state| state.leaf = ContactLevel::Open);
    }

    /// The leaf falls shut.
    pub fn close(&self) {
        self.change(|state| state.leaf = ContactLevel::Closed);
    }

    /// Breaks or mends parts of the door.
    pub fn set_faults(&self, faults: DoorFaults) {
        self.change(|state| state.faults = faults);
    }

    fn change(&self, alter: impl FnOnce(&mut DoorState)) {
        self.state.send_if_modified(|state| {
            let before = *state;
            alter(state);
            *state != before
        });
    }
}

/// The lock of a [`SimDoor`].
#[derive(Debug, Clone)]
pub struct SimLock {
    door: SimDoor,
}

impl SimLock {
    fn move_to(&self, wanted: LockLevel) -> Result<(), DoorError> {
        self.door.change(|state| {
            if !state.faults.stuck_relay && !state.faults.lock_silent {
                state.lock = wanted;
            }
        });
        match self.read()? {
            found if found == wanted => Ok(()),
            found => Err(DoorError::Stuck { wanted, found }),
        }
    }

    fn read(&self) -> Result<LockLevel, DoorError> {
        let state = self.door.state();
        if state.faults.lock_silent {
            return Err(DoorError::NoAnswer(DoorPart::Lock));
        }
        Ok(state.lock)
    }
}

#[async_trait]
impl Lock for SimLock {
    async fn lock(&self) -> Result<(), DoorError> {
        self.move_to(LockLevel::Locked)
    }

    async fn unlock(&self) -> Result<(), DoorError> {
        self.move_to(LockLevel::Unlocked)
    }

    async fn level(&self) -> Result<LockLevel, DoorError> {
        self.read()
    }
}

/// The contact of a [`SimDoor`].
#[derive(Debug, Clone)]
pub struct SimContact {
    states: watch::Receiver<DoorState>,
    last: Result<ContactLevel, DoorError>,
}

#[async_trait]
impl Contact for SimContact {
    async fn level(&self) -> Result<ContactLevel, DoorError> {
        contact_level(&self.states.borrow())
    }

    async fn changed(&mut self) -> Result<ContactLevel, DoorError> {
        let last = self.last;
        let Ok(state) = self.states.wait_for(|state| contact_level(state) != last).await else {
            // The door itself is gone: nothing will ever answer, and that is said once.
            if last.is_err() {
                std::future::pending::<()>().await;
            }
            self.last = Err(DoorError::NoAnswer(DoorPart::Contact));
            return self.last;
        };
        self.last = contact_level(&state);
        self.last
    }
}

fn exit_level(state: &DoorState) -> Result<InputLevel, DoorError> {
    if state.faults.exit_silent {
        return Err(DoorError::NoAnswer(DoorPart::ExitButton));
    }
    Ok(state.exit)
}

fn contact_level(state: &DoorState) -> Result<ContactLevel, DoorError> {
    if state.faults.contact_silent {
        return Err(DoorError::NoAnswer(DoorPart::Contact));
    }
    Ok(state.leaf)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;
    use crate::door::Input as _;

    #[tokio::test]
    async fn a_push_opens_only_an_unlocked_door() {
        let door = SimDoor::default();
        let (lock, mut contact) = (door.lock(), door.contact());
        assert_eq!(door.push(), Err(StillLocked));
        lock.unlock().await.unwrap();
        door.push().unwrap();
        assert_eq!(contact.changed().await, Ok(ContactLevel::Open));
        lock.lock().await.unwrap();
        assert_eq!(door.push(), Ok(()), "an open leaf stays open however it is locked");
        door.close();
        assert_eq!(contact.changed().await, Ok(ContactLevel::Closed));
        assert_eq!(door.push(), Err(StillLocked));
    }

    #[tokio::test]
    async fn a_stuck_relay_is_an_error_that_names_both_levels() {
        let door = SimDoor::default();
        door.set_faults(DoorFaults { stuck_relay: true, ..DoorFaults::default() });
        let stuck = DoorError::Stuck { wanted: LockLevel::Unlocked, found: LockLevel::Locked };
        assert_eq!(door.lock().unlock().await, Err(stuck));
        assert_eq!(door.lock().level().await, Ok(LockLevel::Locked));
        assert_eq!(door.push(), Err(StillLocked));
    }

    #[tokio::test]
    async fn a_silent_lock_does_not_move() {
        let door = SimDoor::default();
        door.set_faults(DoorFaults { lock_silent: true, ..DoorFaults::default() });
        assert_eq!(door.lock().unlock().await, Err(DoorError::NoAnswer(DoorPart::Lock)));
        assert_eq!(door.state().lock, LockLevel::Locked);
    }

    #[tokio::test]
    async fn a_contact_fault_and_its_end_are_changes() {
        let door = SimDoor::default();
        let mut contact = door.contact();
        door.set_faults(DoorFaults { contact_silent: true, ..DoorFaults::default() });
        assert_eq!(contact.changed().await, Err(DoorError::NoAnswer(DoorPart::Contact)));
        door.force();
        door.set_faults(DoorFaults::default());
        assert_eq!(contact.changed().await, Ok(ContactLevel::Open));
        assert_eq!(contact.level().await, Ok(ContactLevel::Open));
    }

    #[tokio::test]
    async fn a_button_is_pressed_until_it_is_let_go_or_stuck() {
        let door = SimDoor::default();
        let mut button = door.exit_button();
        assert_eq!(button.level().await, Ok(InputLevel::AtRest));
        door.press();
        assert_eq!(button.changed().await, Ok(InputLevel::Active));
        door.set_faults(DoorFaults { exit_stuck: true, ..DoorFaults::default() });
        door.let_go();
        assert_eq!(button.level().await, Ok(InputLevel::Active));
        door.set_faults(DoorFaults { exit_silent: true, ..DoorFaults::default() });
        assert_eq!(button.changed().await, Err(DoorError::NoAnswer(DoorPart::ExitButton)));
        door.set_faults(DoorFaults::default());
        door.let_go();
        assert_eq!(button.changed().await, Ok(InputLevel::AtRest));
        drop(door);
        assert!(button.changed().await.is_err(), "a door that is gone answers no more");
    }

    #[tokio::test]
    async fn tests_can_wait_for_a_state() {
        let door = SimDoor::default();
        let mut states = door.watch();
        let lock = door.lock();
        let mover = tokio::spawn(async move { lock.unlock().await });
        states.wait_for(|state| state.lock == LockLevel::Unlocked).await.unwrap();
        mover.await.unwrap().unwrap();
    }
}
