//! The terminals at the desks: told over the site bus, heard by their retained state.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use model::clock::Clock;
use model::id::DeviceId;
use model::permission::Action;
use model::terminal::TerminalState;
use ring::rand::SecureRandom;
use tokio::sync::mpsc;
use twin::{Effect, Fact};
use wire::bus::{SiteBus, StateChange};
use wire::request::{Act, Command};
use wire::topics::{JOINING, LIFECYCLE, TERMINAL_STATE};

use crate::broker::DeviceRegistry;
use crate::centre::Centre;
use crate::random;
use crate::things::Things;

/// A command is good for so long.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// Tells terminals what to do.
#[derive(Clone)]
pub struct Seats {
    bus: SiteBus,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn SecureRandom + Send + Sync>,
}

impl Seats {
    /// Speaks over `bus`.
    #[must_use]
    pub fn new(
        bus: SiteBus,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn SecureRandom + Send + Sync>,
    ) -> Self {
        Self { bus, clock, rng }
    }

    /// Tells a terminal, if the effect is for one. What gets lost the centre asks for again.
    pub fn tell(&self, effect: &Effect) {
        let (terminal, act) = match effect.clone() {
            Effect::Assign { terminal, visit, until, language } => {
                (terminal, Act::Assign { visit, until, language })
            }
            Effect::Wipe { terminal, visit } => (terminal, Act::Wipe { visit }),
            Effect::Unlock { .. } | Effect::Lock { .. } | Effect::ShowDoor { .. } => return,
        };
        let Ok(id) = random::uuid(&*self.rng) else {
            return tracing::error!(%terminal, "no random numbers for a command");
        };
        let good_for = TimeDelta::from_std(GOOD_FOR).unwrap_or_default();
        let command = Command { id, not_after: self.clock.now() + good_for, act };
        let sent =
            serde_json::to_vec(&command).map_err(|error| error.to_string()).and_then(|payload| {
                self.bus
                    .try_command(&terminal, payload, GOOD_FOR)
                    .map_err(|error| error.to_string())
            });
        if let Err(error) = sent {
            tracing::warn!(%terminal, error, "a terminal could not be told");
        }
    }
}

/// Takes in what devices say of themselves until the bus is closed.
pub(crate) async fn hear(
    mut states: mpsc::Receiver<StateChange>,
    centre: Centre,
    registry: DeviceRegistry,
    things: Things,
) {
    while let Some(change) = states.recv().await {
        if let Some(fact) = things.heard(&change)
            && centre.decide(fact).await.is_err()
        {
            return;
        }
        if registry.may(&change.device, Action::RunThing) {
            continue;
        }
        let Some((terminal, mut state)) = terminal_state(change) else { continue };
        // One that was locked out may still have said something before its line was cut.
        if !registry.may(&terminal, Action::RunTerminal) {
            state = TerminalState::Lost;
        }
        if centre.decide(Fact::TerminalSaid { terminal, state }).await.is_err() {
            return;
        }
    }
}

fn terminal_state(change: StateChange) -> Option<(DeviceId, TerminalState)> {
    let StateChange { device, path, value, .. } = change;
    match path.as_str() {
        TERMINAL_STATE => Some((device, value.parse().unwrap_or_default())),
        LIFECYCLE if value != "ready" && value != JOINING => Some((device, TerminalState::Lost)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    #[test]
    fn what_a_terminal_says_is_read_and_garbage_is_lost() {
        let read = |path: &str, value: &str| {
            let device = "seat".parse().unwrap();
            terminal_state(StateChange {
                device,
                path: path.into(),
                value: value.into(),
                retained: false,
            })
            .map(|(_, state)| state)
        };
        assert_eq!(read("terminal/state", "idle"), Some(TerminalState::Idle));
        assert_eq!(read("terminal/state", "on fire"), Some(TerminalState::Lost));
        assert_eq!(read("$state", "lost"), Some(TerminalState::Lost));
        assert_eq!(read("$state", "ready"), None);
        assert_eq!(read("$description", "{}"), None);
    }
}
