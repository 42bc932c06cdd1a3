//! Who is on duty: shifts, less their breaks.

use serde::{Deserialize, Serialize};

use super::figure::Figures;
use super::rule_set::{Kind, MOST_KINDS, RuleSet};
use crate::interval::Interval;

/// One caregiver's time at a nursery on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Their kind, as rule sets name it.
    pub kind: String,
    /// From when until when.
    pub when: Interval,
    /// When they count for nobody, in the order of time.
    pub breaks: Vec<Interval>,
}

/// Why a shift cannot be as somebody wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadShift {
    /// Longer than a day and a night of work can be.
    #[error("a shift is at most {LONGEST_SHIFT_HOURS} hours long")]
    Long,
    /// A break begins before the shift or ends after it.
    #[error("a break lies within its shift")]
    BreakOutside,
    /// Two breaks at once, or not in order.
    #[error("breaks follow each other")]
    BreaksOverlap,
}

/// The longest shift, in hours.
pub const LONGEST_SHIFT_HOURS: i64 = 24;

impl Shift {
    /// Whether somebody can work it.
    ///
    /// # Errors
    /// The first [`BadShift`] found.
    pub fn check(&self) -> Result<(), BadShift> {
        if self.when.length().num_minutes() > LONGEST_SHIFT_HOURS * 60 {
            return Err(BadShift::Long);
        }
        if !self.breaks.iter().all(|pause| self.when.covers(pause)) {
            return Err(BadShift::BreakOutside);
        }
        if !self.breaks.is_sorted_by(|one, next| one.ends() <= next.starts()) {
            return Err(BadShift::BreaksOverlap);
        }
        Ok(())
    }

    /// When they are there for the children.
    #[must_use]
    pub fn on_duty(&self) -> Vec<Interval> {
        let mut from = self.when.starts();
        let mut duty = Vec::with_capacity(self.breaks.len() + 1);
        for pause in &self.breaks {
            duty.extend(Interval::new(from, pause.starts()));
            from = from.max(pause.ends());
        }
        duty.extend(Interval::new(from, self.when.ends()));
        duty
    }
}

/// How many of each kind of a rule set are on duty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnDuty([u32; MOST_KINDS]);

impl OnDuty {
    /// One more of the kind at `kind`.
    pub fn come(&mut self, kind: usize) {
        if let Some(count) = self.0.get_mut(kind) {
            *count += 1;
        }
    }

    /// One fewer.
    pub fn go(&mut self, kind: usize) {
        if let Some(count) = self.0.get_mut(kind) {
            *count = count.saturating_sub(1);
        }
    }

    /// Those of the kind at `kind`.
    #[must_use]
    pub fn of(&self, kind: usize) -> u32 {
        self.0.get(kind).copied().unwrap_or(0)
    }
}

impl RuleSet {
    /// The place of the kind called `kind`, if there is one.
    #[must_use]
    pub fn kind(&self, kind: &str) -> Option<usize> {
        self.kinds.iter().position(|one| one.kind == kind)
    }
}

impl Figures<'_> {
    /// How many of `duty` count as staff.
    #[must_use]
    pub fn staff(&self, duty: &OnDuty) -> u32 {
        let kinds = self.rules().kinds.iter().enumerate().filter(|(_, kind)| kind.counts);
        kinds.map(|(at, _)| duty.of(at)).sum()
    }

    /// How many of `duty` count as qualified.
    #[must_use]
    pub fn qualified(&self, duty: &OnDuty) -> u32 {
        let qualified = |(_, kind): &(usize, &Kind)| kind.counts && kind.qualified;
        let kinds = self.rules().kinds.iter().enumerate().filter(qualified);
        kinds.map(|(at, kind)| duty.of(at).min(kind.at_most.unwrap_or(u32::MAX))).sum()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::{DateTime, TimeDelta};

    use super::super::rule_set::tests::licensed;
    use super::*;

    fn minutes(from: i64, to: i64) -> Interval {
        let zero = DateTime::UNIX_EPOCH;
        Interval::new(zero + TimeDelta::minutes(from), zero + TimeDelta::minutes(to)).unwrap()
    }

    fn shift(when: (i64, i64), breaks: &[(i64, i64)]) -> Shift {
        Shift {
            kind: "nursery-teacher".to_owned(),
            when: minutes(when.0, when.1),
            breaks: breaks.iter().map(|(from, to)| minutes(*from, *to)).collect(),
        }
    }

    #[test]
    fn a_break_is_no_duty() {
        for (when, breaks, duty) in [
            ((0, 480), vec![], vec![(0, 480)]),
            ((0, 480), vec![(200, 260)], vec![(0, 200), (260, 480)]),
            ((0, 480), vec![(0, 10), (10, 20), (470, 480)], vec![(20, 470)]),
            ((0, 480), vec![(0, 480)], vec![]),
        ] {
            let shift = shift(when, &breaks);
            assert_eq!(shift.check(), Ok(()));
            let want: Vec<_> = duty.into_iter().map(|(from, to)| minutes(from, to)).collect();
            assert_eq!(shift.on_duty(), want, "{breaks:?}");
        }
    }

    #[test]
    fn only_so_many_of_a_kind_count_as_qualified() {
        let mut rules = licensed();
        rules.kinds[0].at_most = Some(2);
        rules.kinds[1].qualified = true;
        let mut duty = OnDuty::default();
        (0..3).for_each(|_| duty.come(0));
        duty.come(1);
        let figures = Figures::new(&rules);
        assert_eq!((figures.staff(&duty), figures.qualified(&duty)), (4, 3));
        rules.kinds[1].counts = false;
        let figures = Figures::new(&rules);
        assert_eq!((figures.staff(&duty), figures.qualified(&duty)), (3, 2));
    }

    #[test]
    fn a_shift_that_nobody_can_work_is_refused() {
        for (when, breaks, why) in [
            ((0, 24 * 60 + 1), vec![], BadShift::Long),
            ((0, 480), vec![(470, 490)], BadShift::BreakOutside),
            ((10, 480), vec![(0, 20)], BadShift::BreakOutside),
            ((0, 480), vec![(100, 160), (150, 200)], BadShift::BreaksOverlap),
            ((0, 480), vec![(200, 260), (100, 160)], BadShift::BreaksOverlap),
        ] {
            assert_eq!(shift(when, &breaks).check(), Err(why), "{breaks:?}");
        }
    }
}
