//! Thin-client terminals at desks, as far as a centre has to know them.

use serde::{Deserialize, Serialize};

/// What a terminal says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminalState {
    /// Nothing was heard from it, or its line is down.
    #[default]
    Lost,
    /// Ready for the next person.
    Idle,
    /// Told who sits there.
    Assigned,
    /// The last session's traces are gone; idle follows.
    Wiped,
    /// Out of order.
    Broken,
}

impl TerminalState {
    /// Whether a person can be sent to the desk for its terminal.
    #[must_use]
    pub fn usable(self) -> bool {
        !matches!(self, Self::Broken)
    }
}
