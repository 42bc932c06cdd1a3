//! Doors that are foreign Homie 5 devices: a lock that is told over a line, and a contact that is
//! read off one. The line itself is whoever's has a bus; here is what its words mean.
//!
//! A lock has moved only once the device itself says so after it was told. What a broker kept from
//! before says where the lock was, and never that it has moved.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;
use tokio::time::timeout;

use crate::door::{Contact, ContactLevel, DoorError, DoorPart, Lock, LockLevel};

/// How long a lock has to say that it has moved.
const MOVES_WITHIN: Duration = Duration::from_millis(1_500);

/// One property of a foreign device.
#[async_trait]
pub trait PropertyLine: Send + Sync {
    /// What the property says now.
    ///
    /// # Errors
    /// [`LineError`] when nobody can tell.
    fn heard(&self) -> Result<Heard, LineError>;

    /// Waits until [`PropertyLine::heard`] gives something other than `last`, and gives that.
    /// Changes in between may be merged. Dropping the future loses nothing.
    async fn other_than(&self, last: &Result<Heard, LineError>) -> Result<Heard, LineError>;

    /// Which of the values that mean a level the property takes; sends nothing.
    ///
    /// # Errors
    /// [`LineError`] when it takes no commands.
    fn takes(&self, any_of: &[&str]) -> Result<String, LineError>;

    /// Tells the device to set the property.
    ///
    /// # Errors
    /// [`LineError`] when it cannot be told.
    fn set(&self, value: &str) -> Result<(), LineError>;
}

/// A property's value and how often the device itself has said one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The value.
    pub value: String,
    /// Rises with every value that the device says while the line stands. One that the broker kept
    /// from before does not count.
    pub turn: u64,
}

/// Why a property cannot be read or set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LineError {
    /// The line is down, or the device is not ready.
    #[error("the device is not there")]
    NotThere,
    /// The device's description has no such property, or there is no description.
    #[error("the device does not describe this property")]
    NotDescribed,
    /// The device describes the property as one that takes no commands.
    #[error("the device describes this property as not settable: choose another, or set it up")]
    NotSettable,
    /// The device describes other values.
    #[error("the device does not describe a value of this meaning")]
    NoSuchValue,
    /// The device has said no value yet.
    #[error("the device has not said a value")]
    Nothing,
    /// It could not be sent.
    #[error("the device could not be told")]
    NotSent,
}

/// The words for each level, the first that a device describes is used.
const LOCKED: [&str; 2] = ["locked", "true"];
const UNLOCKED: [&str; 2] = ["unlocked", "false"];
const OPEN: [&str; 2] = ["open", "true"];
const CLOSED: [&str; 2] = ["closed", "false"];

/// A lock that is a property of a foreign device: an enum with `locked` and `unlocked`, or a
/// boolean that is true while it is locked.
#[derive(Clone)]
pub struct HomieLock {
    line: Arc<dyn PropertyLine>,
}

impl HomieLock {
    /// The lock at the end of `line`.
    #[must_use]
    pub fn new(line: Arc<dyn PropertyLine>) -> Self {
        Self { line }
    }

    async fn move_to(&self, wanted: LockLevel) -> Result<(), DoorError> {
        let words = match wanted {
            LockLevel::Locked => LOCKED,
            LockLevel::Unlocked => UNLOCKED,
        };
        let value = self.line.takes(&words).map_err(of_lock)?;
        let mut last = self.line.heard();
        let before = last.as_ref().map_or(0, |heard| heard.turn);
        self.line.set(&value).map_err(of_lock)?;
        let moved = timeout(MOVES_WITHIN, async {
            loop {
                if let Ok(heard) = &last
                    && heard.turn > before
                    && lock_level(&heard.value) == Some(wanted)
                {
                    return;
                }
                last = self.line.other_than(&last).await;
            }
        });
        if moved.await.is_ok() {
            return Ok(());
        }
        match self.read() {
            // It says where it is, but nothing that came after it was told.
            Ok(found) if found != wanted => Err(DoorError::Stuck { wanted, found }),
            _ => Err(DoorError::NoAnswer(DoorPart::Lock)),
        }
    }

    fn read(&self) -> Result<LockLevel, DoorError> {
        let heard = self.line.heard().ok();
        heard.and_then(|heard| lock_level(&heard.value)).ok_or(DoorError::NoAnswer(DoorPart::Lock))
    }
}

/// A device that is away may come back; one that is described otherwise has to be set up.
fn of_lock(error: LineError) -> DoorError {
    let why = match error {
        LineError::NotThere | LineError::Nothing | LineError::NotSent => {
            return DoorError::NoAnswer(DoorPart::Lock);
        }
        LineError::NotDescribed => "its device describes no such property",
        LineError::NotSettable => "its device describes the property as one that takes no commands",
        LineError::NoSuchValue => "its device describes no value that means locked or unlocked",
    };
    DoorError::Unusable(DoorPart::Lock, why)
}

fn lock_level(value: &str) -> Option<LockLevel> {
    if LOCKED.contains(&value) {
        Some(LockLevel::Locked)
    } else if UNLOCKED.contains(&value) {
        Some(LockLevel::Unlocked)
    } else {
        None
    }
}

#[async_trait]
impl Lock for HomieLock {
    async fn lock(&self) -> Result<(), DoorError> {
        self.move_to(LockLevel::Locked).await
    }

    async fn unlock(&self) -> Result<(), DoorError> {
        self.move_to(LockLevel::Unlocked).await
    }

    async fn level(&self) -> Result<LockLevel, DoorError> {
        self.read()
    }
}

/// A contact that is a property of a foreign device: an enum with `open` and `closed`, or a boolean
/// that is true while it is open.
pub struct HomieContact {
    line: Arc<dyn PropertyLine>,
    heard: Result<Heard, LineError>,
    last: Result<ContactLevel, DoorError>,
}

impl HomieContact {
    /// The contact at the end of `line`.
    #[must_use]
    pub fn new(line: Arc<dyn PropertyLine>) -> Self {
        let heard = line.heard();
        let last = contact_level(&heard);
        Self { line, heard, last }
    }
}

fn contact_level(heard: &Result<Heard, LineError>) -> Result<ContactLevel, DoorError> {
    let value = heard.as_ref().map_or("", |heard| heard.value.as_str());
    if OPEN.contains(&value) {
        Ok(ContactLevel::Open)
    } else if CLOSED.contains(&value) {
        Ok(ContactLevel::Closed)
    } else {
        Err(DoorError::NoAnswer(DoorPart::Contact))
    }
}

#[async_trait]
impl Contact for HomieContact {
    async fn level(&self) -> Result<ContactLevel, DoorError> {
        contact_level(&self.line.heard())
    }

    async fn changed(&mut self) -> Result<ContactLevel, DoorError> {
        loop {
            let heard = self.line.other_than(&self.heard).await;
            let level = contact_level(&heard);
            self.heard = heard;
            if level != self.last {
                self.last = level;
                return level;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::watch;

    use super::*;

    /// What a device says when it is told something.
    type Answers = Box<dyn FnMut(&str) -> Option<Heard> + Send>;

    /// A device at the end of a line that does as it is told, or does not.
    struct FakeLine {
        heard: watch::Sender<Result<Heard, LineError>>,
        takes: Result<String, LineError>,
        answers: Mutex<Answers>,
        told: Mutex<Vec<String>>,
    }

    fn heard(value: &str, turn: u64) -> Heard {
        Heard { value: value.to_owned(), turn }
    }

    impl FakeLine {
        fn new(answers: impl FnMut(&str) -> Option<Heard> + Send + 'static) -> Arc<Self> {
            Arc::new(Self {
                heard: watch::Sender::new(Ok(heard("locked", 1))),
                takes: Ok(String::new()),
                answers: Mutex::new(Box::new(answers)),
                told: Mutex::default(),
            })
        }
    }

    impl FakeLine {
        fn says(&self, heard: Result<Heard, LineError>) {
            drop(self.heard.send_replace(heard));
        }
    }

    #[async_trait]
    impl PropertyLine for FakeLine {
        fn heard(&self) -> Result<Heard, LineError> {
            self.heard.borrow().clone()
        }
        async fn other_than(&self, last: &Result<Heard, LineError>) -> Result<Heard, LineError> {
            let mut states = self.heard.subscribe();
            if let Ok(now) = states.wait_for(|now| now != last).await {
                return now.clone();
            }
            std::future::pending().await
        }
        fn takes(&self, any_of: &[&str]) -> Result<String, LineError> {
            self.takes
                .clone()
                .map(|_| any_of.first().map(|word| (*word).to_owned()).unwrap_or_default())
        }
        fn set(&self, value: &str) -> Result<(), LineError> {
            self.told.lock().map(|mut told| told.push(value.to_owned())).ok();
            if let Ok(mut answers) = self.answers.lock()
                && let Some(answer) = answers(value)
            {
                self.says(Ok(answer));
            }
            Ok(())
        }
    }

    const NO_ANSWER: DoorError = DoorError::NoAnswer(DoorPart::Lock);

    #[tokio::test]
    async fn a_lock_has_moved_once_the_device_says_so() {
        let line = FakeLine::new(|value| Some(heard(value, 2)));
        let lock = HomieLock::new(line.clone());
        assert_eq!(lock.unlock().await, Ok(()));
        assert_eq!(lock.level().await, Ok(LockLevel::Unlocked));
        assert_eq!(line.told.lock().map(|told| told.clone()).unwrap_or_default(), ["unlocked"]);
    }

    #[tokio::test]
    async fn what_was_kept_from_before_is_no_move() {
        // The line comes back with what the broker kept: the wanted value, but nobody said it.
        let line = FakeLine::new(|value| Some(heard(value, 1)));
        assert_eq!(HomieLock::new(line).unlock().await, Err(NO_ANSWER));
        // A lock that is there already still has to say so after it was told.
        let silent = FakeLine::new(|_| None);
        assert_eq!(HomieLock::new(silent).lock().await, Err(NO_ANSWER));
    }

    #[tokio::test]
    async fn a_lock_that_stays_where_it_is_is_stuck() {
        let line = FakeLine::new(|_| Some(heard("locked", 2)));
        let stuck = DoorError::Stuck { wanted: LockLevel::Unlocked, found: LockLevel::Locked };
        assert_eq!(HomieLock::new(line).unlock().await, Err(stuck));
        let jammed = FakeLine::new(|_| Some(heard("jammed", 2)));
        assert_eq!(HomieLock::new(jammed).unlock().await, Err(NO_ANSWER));
    }

    #[tokio::test]
    async fn a_lock_that_passes_through_another_word_has_moved_in_the_end() {
        let line = FakeLine::new(|_| Some(heard("moving", 2)));
        let lock = HomieLock::new(line.clone());
        let mover = tokio::spawn(async move { lock.unlock().await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        line.says(Ok(heard("unlocked", 3)));
        assert_eq!(mover.await.ok(), Some(Ok(())));
    }

    #[tokio::test]
    async fn a_device_that_is_away_or_takes_no_commands_is_told_nothing() {
        for (error, unusable) in [
            (LineError::NotThere, false),
            (LineError::NotSettable, true),
            (LineError::NotDescribed, true),
            (LineError::NoSuchValue, true),
        ] {
            let line = Arc::new(FakeLine {
                heard: watch::Sender::new(Ok(heard("locked", 1))),
                takes: Err(error),
                answers: Mutex::new(Box::new(|value| Some(heard(value, 2)))),
                told: Mutex::default(),
            });
            let refused = HomieLock::new(line.clone()).unlock().await;
            let said = matches!(refused, Err(DoorError::Unusable(DoorPart::Lock, _)));
            assert_eq!((said, refused == Err(NO_ANSWER)), (unusable, !unusable), "{error}");
            assert!(line.told.lock().is_ok_and(|told| told.is_empty()));
        }
        let line = FakeLine::new(|_| None);
        line.says(Err(LineError::NotThere));
        assert_eq!(HomieLock::new(line).level().await, Err(NO_ANSWER));
    }

    #[tokio::test]
    async fn a_contact_tells_levels_and_that_it_is_away() {
        let line = FakeLine::new(|_| None);
        line.says(Ok(heard("closed", 1)));
        let mut contact = HomieContact::new(line.clone());
        assert_eq!(contact.level().await, Ok(ContactLevel::Closed));
        line.says(Ok(heard("closed", 2)));
        line.says(Ok(heard("open", 3)));
        assert_eq!(contact.changed().await, Ok(ContactLevel::Open));
        line.says(Ok(heard("true", 4)));
        line.says(Err(LineError::NotThere));
        assert_eq!(contact.changed().await, Err(DoorError::NoAnswer(DoorPart::Contact)));
        line.says(Ok(heard("\u{0}garbage", 5)));
        line.says(Ok(heard("false", 6)));
        assert_eq!(contact.changed().await, Ok(ContactLevel::Closed));
    }
}
