use async_trait::async_trait;
use tokio::sync::watch;

use crate::door::{DoorError, DoorPart, Input, InputLevel};

type Reading = Result<InputLevel, DoorError>;

/// A line that follows something simulated.
#[derive(Debug, Clone)]
pub struct SimInput<S> {
    states: watch::Receiver<S>,
    part: DoorPart,
    read: fn(&S) -> Reading,
    last: Reading,
}

impl<S> SimInput<S> {
    pub(super) fn of(states: watch::Receiver<S>, part: DoorPart, read: fn(&S) -> Reading) -> Self {
        let last = read(&states.borrow());
        Self { states, part, read, last }
    }
}

#[async_trait]
impl<S: Send + Sync> Input for SimInput<S> {
    async fn level(&self) -> Reading {
        (self.read)(&self.states.borrow())
    }

    async fn changed(&mut self) -> Reading {
        let (last, read) = (self.last, self.read);
        let now = match self.states.wait_for(|state| read(state) != last).await {
            Ok(state) => Some(read(&state)),
            Err(_) => None,
        };
        let Some(now) = now else {
            // What it follows is gone: nothing will ever answer, and that is said once.
            if last.is_err() {
                std::future::pending::<()>().await;
            }
            self.last = Err(DoorError::NoAnswer(self.part));
            return self.last;
        };
        self.last = now;
        now
    }
}

/// A fire panel that exists only here. Clones are the same panel; it begins quiet.
#[derive(Debug, Clone)]
pub struct SimFirePanel {
    state: watch::Sender<Panel>,
}

#[derive(Debug, Clone, Copy)]
struct Panel {
    level: InputLevel,
    cut: bool,
}

impl Default for SimFirePanel {
    fn default() -> Self {
        let (state, _) = watch::channel(Panel { level: InputLevel::AtRest, cut: false });
        Self { state }
    }
}

impl SimFirePanel {
    /// A driver of its line.
    #[must_use]
    pub fn input(&self) -> impl Input + use<> {
        SimInput::of(self.state.subscribe(), DoorPart::FireInput, |panel: &Panel| {
            if panel.cut { Err(DoorError::NoAnswer(DoorPart::FireInput)) } else { Ok(panel.level) }
        })
    }

    /// The panel releases the doors, or does so no longer.
    pub fn release(&self, on: bool) {
        let level = if on { InputLevel::Active } else { InputLevel::AtRest };
        self.state.send_modify(|panel| panel.level = level);
    }

    /// Its line is cut, or mended.
    pub fn cut(&self, cut: bool) {
        self.state.send_modify(|panel| panel.cut = cut);
    }
}
