//! Locks, contacts and buttons at the GPIO lines of this machine, through a relay board and
//! optocouplers.
//!
//! The logic runs over two small traits; [`chip`] speaks to the kernel's character devices. No real GPIO
//! has been driven with it yet: see the README.

pub mod chip;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::door::{Contact, ContactLevel, DoorError, DoorPart, Lock, LockLevel};

/// A bolt may take so long to move before its read-back counts.
const TRAVEL: Duration = Duration::from_millis(400);
/// How often levels are read.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A line that this machine drives.
pub trait OutputLine: Send {
    /// Drives the line.
    ///
    /// # Errors
    /// When the device is gone.
    fn drive(&mut self, high: bool) -> io::Result<()>;

    /// The level that it is driven to.
    ///
    /// # Errors
    /// When the device is gone.
    fn is_high(&self) -> io::Result<bool>;
}

/// A line that this machine reads.
pub trait InputLine: Send + Sync {
    /// The level now.
    ///
    /// # Errors
    /// When the device is gone.
    fn is_high(&self) -> io::Result<bool>;
}

/// A lock behind an output, and the input that feels its bolt, where one is wired.
///
/// Which level means "unlocked" is a fact of the wiring: high with a strike that locks without power
/// (fail-secure) at a relay that closes when driven, low with a magnet that the relay keeps alive
/// (fail-safe). Dropping it drives the line to "locked".
pub struct GpioLock(Arc<Mutex<Wired>>);

struct Wired {
    output: Box<dyn OutputLine>,
    unlocked_when_high: bool,
    read_back: Option<Sense>,
}

/// An input, and what its level means.
pub struct Sense {
    /// The input.
    pub line: Box<dyn InputLine>,
    /// Whether the bolt is drawn back, the door open, or the button pressed, while the line is high.
    pub open_when_high: bool,
}

impl GpioLock {
    /// A lock at these lines. Nothing moves until it is told to.
    #[must_use]
    pub fn new(
        output: Box<dyn OutputLine>,
        unlocked_when_high: bool,
        read_back: Option<Sense>,
    ) -> Self {
        Self(Arc::new(Mutex::new(Wired { output, unlocked_when_high, read_back })))
    }

    async fn move_to(&self, wanted: LockLevel) -> Result<(), DoorError> {
        self.with(move |wired| wired.drive(wanted)).await?;
        let mut found = self.level().await?;
        let mut waited = Duration::ZERO;
        while found != wanted && waited < TRAVEL {
            sleep(LOOK_AGAIN).await;
            waited += LOOK_AGAIN;
            found = self.level().await?;
        }
        if found == wanted { Ok(()) } else { Err(DoorError::Stuck { wanted, found }) }
    }

    /// Some chips hang on a slow bus: nothing else waits for them.
    async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Wired) -> io::Result<T> + Send + 'static,
    ) -> Result<T, DoorError> {
        let wired = self.0.clone();
        let done =
            spawn_blocking(move || act(&mut wired.lock().unwrap_or_else(PoisonError::into_inner)));
        match done.await {
            Ok(Ok(done)) => Ok(done),
            _ => Err(DoorError::NoAnswer(DoorPart::Lock)),
        }
    }
}

impl Wired {
    fn drive(&mut self, wanted: LockLevel) -> io::Result<()> {
        self.output.drive((wanted == LockLevel::Unlocked) == self.unlocked_when_high)
    }

    fn level(&self) -> io::Result<LockLevel> {
        let unlocked = match &self.read_back {
            Some(sense) => sense.line.is_high()? == sense.open_when_high,
            None => self.output.is_high()? == self.unlocked_when_high,
        };
        Ok(if unlocked { LockLevel::Unlocked } else { LockLevel::Locked })
    }
}

impl Drop for Wired {
    fn drop(&mut self) {
        // Whoever stops this program does not mean to leave the door open.
        self.drive(LockLevel::Locked).ok();
    }
}

#[async_trait]
impl Lock for GpioLock {
    async fn lock(&self) -> Result<(), DoorError> {
        self.move_to(LockLevel::Locked).await
    }

    async fn unlock(&self) -> Result<(), DoorError> {
        self.move_to(LockLevel::Unlocked).await
    }

    async fn level(&self) -> Result<LockLevel, DoorError> {
        self.with(|wired| wired.level()).await
    }
}

/// A contact, or a button (open while it is pressed), behind an input. Levels are read, not edges: none
/// is missed for good.
pub struct GpioContact {
    sense: Arc<Sense>,
    last: Result<ContactLevel, DoorError>,
}

impl GpioContact {
    /// A contact at this line.
    #[must_use]
    pub fn new(sense: Sense) -> Self {
        let last = sense.level();
        Self { sense: Arc::new(sense), last }
    }

    async fn look(&self) -> Result<ContactLevel, DoorError> {
        let sense = self.sense.clone();
        let looked = spawn_blocking(move || sense.level()).await;
        looked.unwrap_or(Err(DoorError::NoAnswer(DoorPart::Contact)))
    }
}

impl Sense {
    fn level(&self) -> Result<ContactLevel, DoorError> {
        match self.line.is_high() {
            Ok(high) if high == self.open_when_high => Ok(ContactLevel::Open),
            Ok(_) => Ok(ContactLevel::Closed),
            Err(_) => Err(DoorError::NoAnswer(DoorPart::Contact)),
        }
    }
}

#[async_trait]
impl Contact for GpioContact {
    async fn level(&self) -> Result<ContactLevel, DoorError> {
        self.look().await
    }

    async fn changed(&mut self) -> Result<ContactLevel, DoorError> {
        let mut seen = None;
        loop {
            sleep(LOOK_AGAIN).await;
            let level = self.look().await;
            // A contact that bounces is not believed until it says the same twice.
            if level != self.last && seen == Some(level) {
                self.last = level;
                return level;
            }
            seen = Some(level);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// A line, and whether its device is still there.
    #[derive(Clone, Default)]
    struct Line {
        high: Arc<AtomicBool>,
        gone: Arc<AtomicBool>,
        jammed: Arc<AtomicBool>,
    }

    impl Line {
        fn set(&self, high: bool) {
            self.high.store(high, Ordering::SeqCst);
        }

        fn read(&self) -> io::Result<bool> {
            if self.gone.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::NotFound.into());
            }
            Ok(self.high.load(Ordering::SeqCst))
        }
    }

    impl OutputLine for Line {
        fn drive(&mut self, high: bool) -> io::Result<()> {
            self.read()?;
            if !self.jammed.load(Ordering::SeqCst) {
                self.set(high);
            }
            Ok(())
        }

        fn is_high(&self) -> io::Result<bool> {
            self.read()
        }
    }

    impl InputLine for Line {
        fn is_high(&self) -> io::Result<bool> {
            self.read()
        }
    }

    #[tokio::test]
    async fn which_level_unlocks_is_a_fact_of_the_wiring() {
        for unlocked_when_high in [true, false] {
            let line = Line::default();
            let lock = GpioLock::new(Box::new(line.clone()), unlocked_when_high, None);
            assert_eq!(lock.unlock().await, Ok(()));
            assert_eq!(line.read().ok(), Some(unlocked_when_high));
            assert_eq!(lock.level().await, Ok(LockLevel::Unlocked));
            assert_eq!(lock.lock().await, Ok(()));
            assert_eq!(line.read().ok(), Some(!unlocked_when_high));
            assert_eq!(lock.unlock().await, Ok(()));
            drop(lock);
            assert_eq!(line.read().ok(), Some(!unlocked_when_high), "left open");
        }
    }

    #[tokio::test]
    async fn a_bolt_that_does_not_follow_is_a_fault() {
        let (output, bolt) = (Line::default(), Line::default());
        let sense = Sense { line: Box::new(bolt.clone()), open_when_high: true };
        let lock = GpioLock::new(Box::new(output.clone()), true, Some(sense));
        let stuck = DoorError::Stuck { wanted: LockLevel::Unlocked, found: LockLevel::Locked };
        assert_eq!(lock.unlock().await, Err(stuck));
        let slow = bolt.clone();
        let moves = async {
            sleep(Duration::from_millis(120)).await;
            slow.set(true);
        };
        assert_eq!(tokio::join!(lock.unlock(), moves).0, Ok(()));
    }

    #[tokio::test]
    async fn a_relay_that_sticks_or_a_chip_that_is_gone_is_a_fault() {
        let line = Line::default();
        let lock = GpioLock::new(Box::new(line.clone()), true, None);
        line.jammed.store(true, Ordering::SeqCst);
        assert!(matches!(lock.unlock().await, Err(DoorError::Stuck { .. })));
        line.gone.store(true, Ordering::SeqCst);
        assert_eq!(lock.lock().await, Err(DoorError::NoAnswer(DoorPart::Lock)));
        assert_eq!(lock.level().await, Err(DoorError::NoAnswer(DoorPart::Lock)));
    }

    #[tokio::test]
    async fn a_contact_is_read_by_its_level_and_a_bounce_is_no_change() {
        let line = Line::default();
        let sense = Sense { line: Box::new(line.clone()), open_when_high: false };
        line.set(true);
        let mut contact = GpioContact::new(sense);
        assert_eq!(contact.level().await, Ok(ContactLevel::Closed));
        let bounce = async {
            line.set(false);
            sleep(LOOK_AGAIN / 4).await;
            line.set(true);
            sleep(LOOK_AGAIN * 6).await;
        };
        tokio::select! {
            level = contact.changed() => unreachable!("{level:?}"),
            () = bounce => {}
        }
        line.set(false);
        assert_eq!(contact.changed().await, Ok(ContactLevel::Open));
        line.gone.store(true, Ordering::SeqCst);
        assert_eq!(contact.changed().await, Err(DoorError::NoAnswer(DoorPart::Contact)));
    }
}
