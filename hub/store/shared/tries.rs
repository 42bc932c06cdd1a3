//! Trying a piece of work again when rivals got in its way.

use store::StoreError;

use super::Broken;

/// So often a piece of work is tried.
const MOST: u32 = 4;

/// The tries of one piece of work.
pub(super) struct Tries(u32);

impl Tries {
    /// The first is on its way.
    pub(super) fn first() -> Self {
        Self(1)
    }

    /// Whether to try the same once more after it `failed` so: the next try sees what the rival has
    /// committed.
    pub(super) fn again_after(&mut self, failed: &StoreError) -> bool {
        let StoreError::Unavailable(error) = failed else { return false };
        let rivals = matches!(
            crate::broken(error),
            Some(Broken::CareOverlap | Broken::IdempotencyKey | Broken::Rivals)
        );
        rivals && self.once_more()
    }

    /// Whether there is a try left.
    pub(super) fn once_more(&mut self) -> bool {
        self.0 += 1;
        self.0 <= MOST
    }
}
