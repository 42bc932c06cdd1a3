//! The terminal's state, and the commands that change it.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};
use model::language::Language;
use model::terminal::TerminalState;
use tokio::sync::watch;
use uuid::Uuid;
use wire::request::{Act, Command};

/// How long `wiped` is shown and told before the terminal is idle again.
pub const WIPED: Duration = Duration::from_secs(5);

const REMEMBERED: usize = 64;

/// What the screen is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// What the terminal does.
    pub state: TerminalState,
    /// Until when it is assigned.
    pub until: Option<DateTime<Utc>>,
    /// The language of the person it is assigned to.
    pub language: Language,
}

/// Why a command was not acted on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    /// It is no command of a form that is known.
    #[error("a command cannot be read: {0}")]
    Unreadable(String),
    /// It came too late.
    #[error("a command came after its end at {0}")]
    Late(DateTime<Utc>),
    /// It was acted on before.
    #[error("a command came twice")]
    Twice,
}

/// The terminal.
#[derive(Debug)]
pub struct Terminal {
    view: watch::Sender<View>,
    acted_on: VecDeque<Uuid>,
}

impl Default for Terminal {
    fn default() -> Self {
        let idle = View { state: TerminalState::Idle, until: None, language: Language::Ja };
        Self { view: watch::Sender::new(idle), acted_on: VecDeque::new() }
    }
}

impl Terminal {
    /// What is shown now, and every change after it.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<View> {
        self.view.subscribe()
    }

    /// Acts on a command as it came from the bus, at most once.
    ///
    /// # Errors
    /// [`Ignored`] says why nothing was done.
    pub fn obey(&mut self, payload: &[u8], now: DateTime<Utc>) -> Result<(), Ignored> {
        let command: Command =
            serde_json::from_slice(payload).map_err(|e| Ignored::Unreadable(e.to_string()))?;
        if command.not_after <= now {
            return Err(Ignored::Late(command.not_after));
        }
        if self.acted_on.contains(&command.id) {
            return Err(Ignored::Twice);
        }
        self.acted_on.push_back(command.id);
        if self.acted_on.len() > REMEMBERED {
            self.acted_on.pop_front();
        }
        match command.act {
            Act::Assign { until, language, .. } => {
                self.view.send_replace(View {
                    state: TerminalState::Assigned,
                    until: Some(until),
                    language,
                });
            }
            Act::Wipe { .. } => self.wipe(),
        }
        Ok(())
    }

    fn wipe(&self) {
        self.view.send_modify(|view| {
            view.state = TerminalState::Wiped;
            view.until = None;
        });
        let view = self.view.clone();
        tokio::spawn(async move {
            tokio::time::sleep(WIPED).await;
            view.send_if_modified(|view| {
                let wiped = view.state == TerminalState::Wiped;
                if wiped {
                    view.state = TerminalState::Idle;
                }
                wiped
            });
        });
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::TimeDelta;
    use model::id::VisitId;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-24T00:00:00Z".parse().unwrap()
    }

    fn command(id: u128, act: Act) -> Vec<u8> {
        let not_after = now() + TimeDelta::seconds(5);
        serde_json::to_vec(&Command { id: Uuid::from_u128(id), not_after, act }).unwrap()
    }

    fn assign() -> Act {
        Act::Assign { visit: VisitId(Uuid::from_u128(1)), until: now(), language: Language::En }
    }

    #[tokio::test(start_paused = true)]
    async fn assigned_then_wiped_then_idle() {
        let mut terminal = Terminal::default();
        let mut view = terminal.follow();
        assert_eq!(view.borrow_and_update().state, TerminalState::Idle);
        terminal.obey(&command(1, assign()), now()).unwrap();
        assert_eq!(view.borrow_and_update().state, TerminalState::Assigned);
        terminal
            .obey(&command(2, Act::Wipe { visit: VisitId(Uuid::from_u128(1)) }), now())
            .unwrap();
        assert_eq!(view.borrow_and_update().state, TerminalState::Wiped);
        view.changed().await.unwrap();
        assert_eq!(view.borrow_and_update().state, TerminalState::Idle);
    }

    #[tokio::test]
    async fn late_repeated_and_garbled_commands_do_nothing() {
        let mut terminal = Terminal::default();
        let first = command(1, assign());
        terminal.obey(&first, now()).unwrap();
        assert_eq!(terminal.obey(&first, now()), Err(Ignored::Twice));
        let late = now() + TimeDelta::seconds(5);
        assert!(matches!(terminal.obey(&command(2, assign()), late), Err(Ignored::Late(_))));
        for garbage in [&b""[..], b"{}", b"\xff\xfe", b"{\"id\":1}", b"[[[[[["] {
            assert!(matches!(terminal.obey(garbage, now()), Err(Ignored::Unreadable(_))));
        }
    }
}
