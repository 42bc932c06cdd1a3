//! Doors: a lock to move, a contact and a button to read, and the fire panel's line; one trait for each kind.
//!
//! Every error means *deny*: a door whose state is unknown counts as not opened for anyone.

use async_trait::async_trait;
use thiserror::Error;

/// What moves a door's bolt or strike.
#[async_trait]
pub trait Lock: Send + Sync {
    /// Locks and reads back; `Ok` means that the lock reports [`LockLevel::Locked`].
    ///
    /// # Errors
    /// [`DoorError`] when the lock does not answer or did not move.
    async fn lock(&self) -> Result<(), DoorError>;

    /// Unlocks and reads back; `Ok` means that the lock reports [`LockLevel::Unlocked`]. It stays
    /// so until [`Lock::lock`]: how long is the caller's business.
    ///
    /// # Errors
    /// [`DoorError`] when the lock does not answer or did not move.
    async fn unlock(&self) -> Result<(), DoorError>;

    /// Reads where the lock is now.
    ///
    /// # Errors
    /// [`DoorError::NoAnswer`] when the lock does not answer.
    async fn level(&self) -> Result<LockLevel, DoorError>;
}

/// What senses whether a door's leaf is shut.
#[async_trait]
pub trait Contact: Send {
    /// Reads the level now. It is never guessed from earlier edges.
    ///
    /// # Errors
    /// [`DoorError::NoAnswer`] when the contact does not answer.
    async fn level(&self) -> Result<ContactLevel, DoorError>;

    /// Waits until the level, or its being readable, differs from what the last call of `changed`
    /// gave (at first: from what it was when this handle was made), and gives the level there is
    /// then. Changes in between may be merged. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`DoorError::NoAnswer`] when the change is that the contact no longer answers.
    async fn changed(&mut self) -> Result<ContactLevel, DoorError>;
}

/// A line that is either at rest or active: the button inside a door, the fire panel's release.
#[async_trait]
pub trait Input: Send + Sync {
    /// Reads the level now. It is never guessed from earlier edges.
    ///
    /// # Errors
    /// [`DoorError::NoAnswer`] when the line cannot be read.
    async fn level(&self) -> Result<InputLevel, DoorError>;

    /// Waits until the level, or its being readable, differs from what the last call of `changed` gave, as
    /// [`Contact::changed`] does. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`DoorError::NoAnswer`] when the change is that the line can no longer be read.
    async fn changed(&mut self) -> Result<InputLevel, DoorError>;
}

/// An input that is wired as a contact is: active while that reads open.
#[derive(Debug, Clone)]
pub struct WiredInput<C> {
    /// The contact.
    pub contact: C,
    /// What is said not to answer where it does not.
    pub part: DoorPart,
}

#[async_trait]
impl<C: Contact + Sync> Input for WiredInput<C> {
    async fn level(&self) -> Result<InputLevel, DoorError> {
        self.contact.level().await.map(active).map_err(|_| DoorError::NoAnswer(self.part))
    }

    async fn changed(&mut self) -> Result<InputLevel, DoorError> {
        self.contact.changed().await.map(active).map_err(|_| DoorError::NoAnswer(self.part))
    }
}

fn active(level: ContactLevel) -> InputLevel {
    match level {
        ContactLevel::Open => InputLevel::Active,
        ContactLevel::Closed => InputLevel::AtRest,
    }
}

/// How a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputLevel {
    /// Nobody presses the button; the panel is quiet.
    AtRest,
    /// The button is pressed; the panel releases the doors.
    Active,
}

/// Where a lock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockLevel {
    /// The door cannot be opened from outside.
    Locked,
    /// The door can be opened by pushing.
    Unlocked,
}

/// Where a door's leaf is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactLevel {
    /// The leaf is shut.
    Closed,
    /// The leaf stands open.
    Open,
}

/// Why a door did not do, or say, what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DoorError {
    /// No answer from the device.
    #[error("the {0} does not answer: check its wiring and supply")]
    NoAnswer(DoorPart),
    /// The device says of itself that it cannot be used like this.
    #[error("the {0} cannot be used: {1}")]
    Unusable(DoorPart, &'static str),
    /// The lock was told to move and did not.
    #[error("the lock was told to become {wanted:?} but reads back {found:?}")]
    Stuck {
        /// Where it should be.
        wanted: LockLevel,
        /// Where it is.
        found: LockLevel,
    },
}

/// The part of a door that an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorPart {
    /// The lock.
    Lock,
    /// The contact.
    Contact,
    /// The button inside.
    ExitButton,
    /// The fire panel's line, which is of no door.
    FireInput,
}

impl std::fmt::Display for DoorPart {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Lock => "lock",
            Self::Contact => "door contact",
            Self::ExitButton => "exit button",
            Self::FireInput => "fire panel's line",
        })
    }
}
