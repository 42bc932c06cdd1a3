//! How many staff so many children need.

use super::rule_set::{MOST_BANDS, Method, RuleSet};

/// Years of age that are told apart, from 0: whoever is older counts with the last.
pub const AGES: usize = 13;

/// How many children of each year of age, as the rules in force count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Heads([u32; AGES]);

impl Heads {
    /// So many more of that age.
    pub fn come(&mut self, years: u32, heads: u32) {
        let count = &mut self.0[place(years)];
        *count = count.saturating_add(heads);
    }

    /// So many fewer.
    pub fn go(&mut self, years: u32, heads: u32) {
        let count = &mut self.0[place(years)];
        *count = count.saturating_sub(heads);
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.iter().copied().fold(0, u32::saturating_add)
    }

    fn youngest(&self) -> Option<usize> {
        self.0.iter().position(|count| *count > 0)
    }

    fn together(rooms: &[Self]) -> Self {
        let mut all = Self::default();
        for room in rooms {
            for (sum, count) in all.0.iter_mut().zip(room.0) {
                *sum = sum.saturating_add(count);
            }
        }
        all
    }
}

/// Never more than the last of [`AGES`].
fn place(years: u32) -> usize {
    usize::try_from(years).map_or(AGES - 1, |years| years.min(AGES - 1))
}

/// What else a figure depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Whether it is one of the nursery's main hours.
    pub main_hours: bool,
    /// Whether the nursery is part of a larger one whose staff is at hand.
    pub integrated: bool,
}

/// Rules made ready to reckon with many times.
#[derive(Clone, Debug)]
pub struct Figures<'a> {
    rules: &'a RuleSet,
    /// The band of each age.
    bands: [usize; AGES],
    ratios: [u64; MOST_BANDS],
    /// All ratios divide it.
    common: u64,
    /// What one child of each band is of it.
    parts: [u64; MOST_BANDS],
    /// The floor of one child of each age, in hundredths of a square metre.
    floors: [u32; AGES],
    /// The most children in a room whose youngest is of that age.
    groups: [Option<u32>; AGES],
}

impl<'a> Figures<'a> {
    /// The figures of `rules`, which have been checked.
    #[must_use]
    pub fn new(rules: &'a RuleSet) -> Self {
        let mut ratios = [1; MOST_BANDS];
        for (ratio, band) in ratios.iter_mut().zip(&rules.bands) {
            *ratio = u64::from(band.children.max(1));
        }
        // Eight ratios of at most a hundred: their common multiple stays far below 2^64.
        let common = ratios.iter().copied().fold(1, lcm);
        let (mut bands, mut floors, mut groups) = ([0; AGES], [0; AGES], [None; AGES]);
        for (years, ((band, floor), group)) in
            (0..).zip(bands.iter_mut().zip(&mut floors).zip(&mut groups))
        {
            *band = rules.bands.iter().rposition(|one| one.from_years <= years).unwrap_or(0);
            let area = rules.floor.iter().rfind(|one| one.from_years <= years);
            *floor = area.map_or(0, |one| one.hundredths_m2);
            let limit = rules.group.iter().rfind(|one| one.from_years <= years);
            *group = limit.map(|one| one.children);
        }
        let parts = ratios.map(|ratio| common / ratio);
        Self { rules, bands, ratios, common, parts, floors, groups }
    }

    /// What they were made of.
    #[must_use]
    pub fn rules(&self) -> &'a RuleSet {
        self.rules
    }

    /// How many to roster for the children of all `rooms`: they are planned for together, except where the
    /// youngest governs those who share its room.
    #[must_use]
    pub fn plan_staff(&self, rooms: &[Heads], setting: Setting) -> u32 {
        let plan = self.rules.plan;
        if plan == Method::YoungestGoverns {
            return self.by_room(plan, rooms, setting);
        }
        let all = Heads::together(rooms);
        self.with_least(self.bare(plan, &all), all.total(), setting)
    }

    /// How many must be there while the children of each of `rooms` are in it.
    #[must_use]
    pub fn live_staff(&self, rooms: &[Heads], setting: Setting) -> u32 {
        self.by_room(self.rules.live, rooms, setting)
    }

    /// The same where the children of each band of age have a room of their own.
    #[must_use]
    pub fn live_staff_apart(&self, heads: &Heads, setting: Setting) -> u32 {
        let mut rooms = [Heads::default(); MOST_BANDS];
        for (years, (count, band)) in (0..).zip(heads.0.into_iter().zip(self.bands)) {
            rooms[band].come(years, count);
        }
        self.live_staff(&rooms, setting)
    }

    /// How many of `staff` must be qualified.
    #[must_use]
    pub fn qualified_among(&self, staff: u32) -> u32 {
        if staff == 0 {
            return 0;
        }
        let asked = &self.rules.qualified;
        let share = u64::from(staff) * u64::from(asked.of_staff);
        up(share, asked.in_all.into()).max(asked.least)
    }

    /// Of which kinds so many children need somebody besides: the place of the kind, and how many.
    pub fn also(&self, children: u32) -> impl Iterator<Item = (usize, u32)> {
        self.rules.also.iter().filter_map(move |also| {
            Some((self.rules.kind(&also.kind)?, children.div_ceil(also.children.max(1))))
        })
    }

    /// The floor that `heads` need, in hundredths of a square metre.
    #[must_use]
    pub fn floor_for(&self, heads: &Heads) -> u32 {
        let needed = heads.0.into_iter().zip(self.floors);
        needed.map(|(heads, floor)| heads.saturating_mul(floor)).fold(0, u32::saturating_add)
    }

    /// The most children that may share a room with the youngest of `heads`, if there is such a rule.
    #[must_use]
    pub fn group_limit(&self, heads: &Heads) -> Option<u32> {
        self.groups[heads.youngest()?]
    }

    fn by_room(&self, method: Method, rooms: &[Heads], setting: Setting) -> u32 {
        let staff = rooms.iter().filter(|room| **room != Heads::default());
        let staff = staff.map(|room| self.bare(method, room));
        let children = rooms.iter().map(Heads::total).fold(0, u32::saturating_add);
        self.with_least(staff.fold(0, u32::saturating_add), children, setting)
    }

    fn with_least(&self, staff: u32, children: u32, setting: Setting) -> u32 {
        if children == 0 {
            return 0;
        }
        let rule = self.rules.least;
        let least = match setting {
            Setting { integrated: true, .. } if rule.integrated.is_some() => rule.integrated,
            Setting { main_hours: false, .. } => rule.outside_main_hours,
            _ => None,
        };
        staff.saturating_add(self.rules.plus).max(least.unwrap_or(rule.staff))
    }

    fn bare(&self, method: Method, heads: &Heads) -> u32 {
        let mut counts = [0_u64; MOST_BANDS];
        for (count, band) in heads.0.into_iter().zip(self.bands) {
            counts[band] += u64::from(count);
        }
        let each = counts.into_iter().zip(self.ratios);
        match method {
            Method::TruncateAddRound => {
                let tenths: u64 = each.map(|(count, ratio)| count * 10 / ratio).sum();
                whole((tenths + 5) / 10)
            }
            Method::ExactFractions => {
                let parts = counts.into_iter().zip(self.parts);
                let parts = parts.map(|(count, part)| u128::from(count) * u128::from(part));
                // Of all children that a house can hold it fits into 64 bits, which are divided quickly.
                u64::try_from(parts.sum::<u128>()).map_or(u32::MAX, |sum| up(sum, self.common))
            }
            Method::BandByBand => {
                each.map(|(count, ratio)| up(count, ratio)).fold(0, u32::saturating_add)
            }
            Method::YoungestGoverns => {
                let youngest = each.into_iter().find(|(count, _)| *count > 0);
                youngest.map_or(0, |(_, ratio)| up(counts.into_iter().sum(), ratio))
            }
        }
    }
}

fn up(count: u64, ratio: u64) -> u32 {
    whole(count.div_ceil(ratio.max(1)))
}

fn whole(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn lcm(one: u64, other: u64) -> u64 {
    let (mut left, mut right) = (one, other);
    while right != 0 {
        (left, right) = (right, left % right);
    }
    one / left * other
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::rule_set::tests::licensed;
    use super::*;

    const USUAL: Setting = Setting { main_hours: true, integrated: false };

    fn heads(of: &[(u32, u32)]) -> Heads {
        let mut heads = Heads::default();
        for (years, count) in of {
            heads.come(*years, *count);
        }
        heads
    }

    #[test]
    fn plan_and_live_differ_as_they_should() {
        let rules = licensed();
        let figures = Figures::new(&rules);
        for (children, plan, live, apart) in [
            (vec![], 0, 0, 0),
            (vec![(0, 1)], 2, 2, 2),
            (vec![(0, 4), (1, 3), (2, 4), (3, 8)], 3, 4, 5),
            (vec![(0, 2), (1, 5), (2, 5), (3, 10), (4, 10)], 3, 4, 5),
            // Four and over is one band.
            (vec![(3, 20), (4, 10), (5, 10), (12, 10)], 3, 3, 4),
        ] {
            let all = heads(&children);
            assert_eq!(figures.plan_staff(&[all], USUAL), plan, "{children:?}");
            assert_eq!(figures.live_staff(&[all], USUAL), live, "{children:?}");
            assert_eq!(figures.live_staff_apart(&all, USUAL), apart, "{children:?}");
        }
    }

    #[test]
    fn methods_and_least_are_data() {
        let mut rules = licensed();
        let all = [heads(&[(0, 1), (4, 26)])];
        for (method, want) in [
            (Method::TruncateAddRound, 1),
            (Method::ExactFractions, 2),
            (Method::BandByBand, 3),
            (Method::YoungestGoverns, 9),
        ] {
            rules.live = method;
            rules.least.staff = 0;
            assert_eq!(Figures::new(&rules).live_staff(&all, USUAL), want, "{method:?}");
            rules.plus = 1;
            assert_eq!(Figures::new(&rules).live_staff(&all, USUAL), want + 1, "{method:?}");
            rules.plus = 0;
        }
        // The youngest governs its own room alone, for the plan too.
        rules.plan = Method::YoungestGoverns;
        let apart = [heads(&[(0, 1)]), heads(&[(4, 26)])];
        assert_eq!(Figures::new(&rules).plan_staff(&apart, USUAL), 1 + 2);
        assert_eq!(Figures::new(&rules).plan_staff(&all, USUAL), 9);
        rules.least.staff = 2;
        rules.least.outside_main_hours = Some(1);
        let one = [heads(&[(4, 1)])];
        let outside = Setting { main_hours: false, integrated: false };
        let integrated = Setting { main_hours: true, integrated: true };
        let live = |rules: &RuleSet, setting| Figures::new(rules).live_staff(&one, setting);
        assert_eq!((live(&rules, USUAL), live(&rules, outside)), (2, 1));
        assert_eq!(live(&rules, integrated), 2);
        rules.least.integrated = Some(1);
        assert_eq!((live(&rules, USUAL), live(&rules, integrated)), (2, 1));
        rules.qualified.of_staff = 1;
        rules.qualified.in_all = 3;
        rules.qualified.least = 1;
        let figures = Figures::new(&rules);
        let qualified: Vec<u32> = (0..=7).map(|staff| figures.qualified_among(staff)).collect();
        assert_eq!(qualified, [0, 1, 1, 1, 2, 2, 2, 3]);
    }

    #[test]
    fn floor_and_group_go_by_age() {
        let rules = licensed();
        let figures = Figures::new(&rules);
        assert_eq!(figures.floor_for(&heads(&[(0, 1), (1, 2), (2, 1), (9, 1)])), 3 * 330 + 2 * 198);
        assert_eq!(figures.group_limit(&heads(&[(1, 3)])), Some(6));
        assert_eq!(figures.group_limit(&heads(&[(2, 3), (5, 1)])), Some(20));
        assert_eq!(figures.group_limit(&heads(&[])), None);
    }

    proptest! {
        /// One more child never needs less of anything, and rooms apart never need less than one.
        #[test]
        fn figures_only_rise(
            counts in prop::collection::vec(0_u32..40, AGES), years in 0_u32..20, method in 0_usize..4,
        ) {
            let mut rules = licensed();
            rules.live = [
                Method::TruncateAddRound,
                Method::ExactFractions,
                Method::BandByBand,
                Method::YoungestGoverns,
            ][method];
            let figures = Figures::new(&rules);
            let of: Vec<(u32, u32)> = (0..).zip(counts).collect();
            let before = heads(&of);
            let mut after = before;
            after.come(years, 1);
            prop_assert!(figures.live_staff(&[before], USUAL) <= figures.live_staff(&[after], USUAL));
            prop_assert!(figures.plan_staff(&[before], USUAL) <= figures.plan_staff(&[after], USUAL));
            prop_assert!(figures.floor_for(&before) <= figures.floor_for(&after));
            if method == 1 {
                let (mixed, apart) =
                    (figures.live_staff(&[after], USUAL), figures.live_staff_apart(&after, USUAL));
                prop_assert!(mixed <= apart);
                prop_assert!(figures.plan_staff(&[after], USUAL) <= mixed);
            }
            after.go(years, 1);
            prop_assert_eq!(before, after);
        }
    }
}
