//! Thin-client terminals at desks, as far as a centre has to know them.

use std::str::FromStr;

use serde::de::IntoDeserializer as _;
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
    /// The word for it, in JSON and on the site bus.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Idle => "idle",
            Self::Assigned => "assigned",
            Self::Wiped => "wiped",
            Self::Broken => "broken",
        }
    }
}

impl FromStr for TerminalState {
    type Err = serde::de::value::Error;
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::deserialize(word.into_deserializer())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reads_as_it_is_written() {
        for state in [
            TerminalState::Lost,
            TerminalState::Idle,
            TerminalState::Assigned,
            TerminalState::Wiped,
            TerminalState::Broken,
        ] {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        for bad in ["", "Idle", "idle ", "on fire"] {
            assert!(bad.parse::<TerminalState>().is_err(), "{bad}");
        }
    }
}
