//! What a reader at a door shows to whoever tapped there: a light and a tone, and no more.

/// The light and the buzzer of a reader. Neither call waits, and neither can fail in a way that would
/// change what was decided.
pub trait Feedback: Send + Sync {
    /// They may come in.
    fn granted(&self);

    /// They may not.
    fn denied(&self);

    /// Something more is asked of them: their PIN, or a second person.
    fn more(&self);
}

/// Of a reader that has neither.
#[derive(Clone, Copy, Debug)]
pub struct NoFeedback;

impl Feedback for NoFeedback {
    fn granted(&self) {}

    fn denied(&self) {}

    fn more(&self) {}
}
