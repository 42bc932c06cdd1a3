//! How long a search goes on, counted instead of timed: the same question has the same answer.

/// Looks at places that are left.
pub(super) struct Steps(usize);

impl Steps {
    pub(super) fn new(steps: usize) -> Self {
        Self(steps)
    }

    /// Takes one part of `parts` of them away, for one search alone.
    pub(super) fn share(&mut self, parts: usize) -> Self {
        let part = self.0 / parts;
        self.0 -= part;
        Self(part)
    }

    /// Spends `looks`; false when there were fewer.
    pub(super) fn spend(&mut self, looks: usize) -> bool {
        let enough = looks <= self.0;
        self.0 = self.0.saturating_sub(looks);
        enough
    }
}
