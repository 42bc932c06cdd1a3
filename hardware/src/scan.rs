//! Code scanners: what a hand-held or built-in scanner reads off a printed or shown code.
//!
//! A scanner that types as a keyboard needs no driver: the kiosk's page hears it.

use std::fmt;

use async_trait::async_trait;

/// The longest text that a scanner hands over, in bytes; QR codes hold no more.
pub const LONGEST_TEXT: usize = 4296;

/// One code scanner, real or simulated.
#[async_trait]
pub trait CodeScanner: Send {
    /// The name under which the site knows this scanner.
    fn name(&self) -> &str;

    /// Waits for the next code. `None` means that the scanner has stopped for good. Dropping the
    /// future loses no code.
    async fn next_text(&mut self) -> Option<ScannedText>;
}

/// What a scanner read. It may open a door, so it does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct ScannedText(String);

impl ScannedText {
    /// A text as it was read.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ScannedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScannedText(..)")
    }
}
