//! The walk-in lease (飛び込み利用の席): spaces and hours that the hub has claimed for a site, which gives them to whoever
//! comes without a booking. All of it is made of the claims that bookings are made of, so nobody else is sold it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::centre::CentreSettings;
use crate::id::SpaceId;
use crate::interval::Interval;
use crate::opening::{next_step, step_before};

/// Nothing shorter is offered to anybody, nor kept.
pub const SHORTEST: TimeDelta = TimeDelta::minutes(30);

/// A stretch of a space that a site may give away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeasedSpace {
    /// The space.
    pub space: SpaceId,
    /// When.
    pub when: Interval,
}

/// What somebody who walks in can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The space.
    pub space: SpaceId,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// What a walk-in from `starts` until `until` holds of a space: whole steps of the grain, since claims are made of
/// these, and one at least. Grains divide a quarter of an hour, and all zones' offsets are made of quarters: so steps are
/// taken in UTC. Nothing where the times lie outside the calendar.
#[must_use]
pub fn held(
    starts: DateTime<Utc>,
    until: DateTime<Utc>,
    settings: &CentreSettings,
) -> Option<Interval> {
    let grain = settings.grain_minutes;
    let begins = step_before(starts, grain, Tz::UTC);
    let first_step = begins.checked_add_signed(TimeDelta::minutes(grain.into()))?;
    Interval::new(begins, next_step(until, grain, Tz::UTC).max(first_step)).ok()
}

/// What a site can offer at the time `now` of its `lease`, the longest first, and of those that are as long
/// the first in `usable`, which are the spaces that somebody can be sent to. `used` is what has been given
/// away; nothing goes beyond `before`.
#[must_use]
pub fn offers(
    lease: &[LeasedSpace],
    used: &[LeasedSpace],
    usable: &[SpaceId],
    settings: &CentreSettings,
    now: DateTime<Utc>,
    before: Option<DateTime<Utc>>,
) -> Vec<Offer> {
    let longest = TimeDelta::minutes(settings.longest_minutes.into());
    let begins = step_before(now, settings.grain_minutes, Tz::UTC);
    let mut found: Vec<Offer> = Vec::new();
    for &space in usable {
        let Some(mut until) = leased_until(lease, space, begins) else { continue };
        let taken = used.iter().filter(|one| one.space == space && begins < one.when.ends());
        for one in taken {
            until = until.min(one.when.starts());
        }
        until = until.min(begins.checked_add_signed(longest).unwrap_or(until));
        until = before.map_or(until, |before| until.min(before));
        if until.signed_duration_since(now) >= SHORTEST {
            found.push(Offer { space, until });
        }
    }
    // Stable: spaces come in the order of their labels.
    found.sort_by_key(|offer| std::cmp::Reverse(offer.until));
    found
}

/// Until when a space is leased without a gap from `begins` on.
fn leased_until(
    lease: &[LeasedSpace],
    space: SpaceId,
    begins: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let mut theirs: Vec<Interval> =
        lease.iter().filter(|one| one.space == space).map(|one| one.when).collect();
    theirs.sort();
    let mut reached = None;
    for when in theirs {
        if when.starts() <= reached.unwrap_or(begins) && begins < when.ends() {
            reached = reached.max(Some(when.ends()));
        }
    }
    reached
}

/// A desk of a centre, as the lease looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    /// The space.
    pub space: SpaceId,
    /// The area it stands in: desks are kept in several.
    pub area: String,
    /// How much it offers: who books may ask for it, so the plainest are kept.
    pub features: u32,
    /// When it cannot be kept anew: what is claimed, with the time for cleaning around it.
    pub taken: Vec<Interval>,
    /// When it is shut.
    pub shut: Vec<Interval>,
}

/// What the lease is kept by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// When the centre is open, from now to as far ahead as desks are kept; in order, on the grain.
    pub open: Vec<Interval>,
    /// Its desks, by label.
    pub desks: Vec<Desk>,
    /// What is leased and has not been asked back.
    pub lease: Vec<LeasedSpace>,
    /// What was given back because bookings needed it: so much less is kept then.
    pub given_back: Vec<Interval>,
    /// How many desks are to be kept.
    pub wanted: u32,
    /// The house's grain, in minutes.
    pub grain_minutes: u32,
}

/// What is to be done so that the lease is as the house wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Claimed for the site. Nobody is moved for it.
    pub take: Vec<LeasedSpace>,
    /// The places in [`Keeping::lease`] of what the site is asked to give back.
    pub ask_back: Vec<usize>,
}

/// Finds what to take and what to ask back. A desk that is kept all day comes before parts of several, and
/// one in an area where few are kept before one where many are.
#[must_use]
pub fn keep(keeping: &Keeping) -> Keep {
    let grain = TimeDelta::minutes(keeping.grain_minutes.max(1).into());
    let mut steps = Steps::of(&keeping.open, grain);
    for step in &mut steps.steps {
        let back = keeping.given_back.iter().filter(|when| when.contains(step.starts)).count();
        step.wanted = keeping.wanted.saturating_sub(u32::try_from(back).unwrap_or(u32::MAX));
    }
    for leased in &keeping.lease {
        steps.count(&leased.when, 1);
    }
    let mut keep = Keep::default();
    let Some(first) = steps.steps.first().map(|step| step.starts) else {
        // Nothing is open as far as desks are kept: whatever is leased of it goes back.
        keep.ask_back = (0..keeping.lease.len()).collect();
        return keep;
    };
    for (place, leased) in keeping.lease.iter().enumerate() {
        let shut = keeping.desks.iter().find(|desk| desk.space == leased.space);
        let shut = shut.is_none_or(|desk| desk.shut.iter().any(|when| when.overlaps(&leased.when)));
        if shut || steps.is_too_much(&leased.when, first) {
            steps.count(&leased.when, -1);
            keep.ask_back.push(place);
        }
    }
    let mut taken: Vec<Vec<Interval>> =
        keeping.desks.iter().map(|desk| [&desk.taken[..], &desk.shut].concat()).collect();
    for (desk, taken) in keeping.desks.iter().zip(&mut taken) {
        // What is asked back is not free yet.
        let theirs = keeping.lease.iter().filter(|one| one.space == desk.space);
        taken.extend(theirs.map(|one| one.when));
    }
    let mut kept_in: BTreeMap<&str, usize> = BTreeMap::new();
    for leased in &keeping.lease {
        if let Some(desk) = keeping.desks.iter().find(|desk| desk.space == leased.space) {
            *kept_in.entry(&desk.area).or_default() += 1;
        }
    }
    while let Some((at, when)) = best(&steps, keeping, &taken, &kept_in) {
        let desk = &keeping.desks[at];
        steps.count(&when, 1);
        taken[at].push(when);
        *kept_in.entry(&desk.area).or_default() += 1;
        keep.take.push(LeasedSpace { space: desk.space, when });
    }
    keep
}

/// The desk and stretch to take next: the longest stretch in which too few are kept, and a desk that is free
/// through all or the most of it.
fn best(
    steps: &Steps,
    keeping: &Keeping,
    taken: &[Vec<Interval>],
    kept_in: &BTreeMap<&str, usize>,
) -> Option<(usize, Interval)> {
    let mut best: Option<(usize, Interval)> = None;
    let rank = |at: usize, when: &Interval| {
        let desk = &keeping.desks[at];
        let kept = kept_in.get(desk.area.as_str()).copied().unwrap_or_default();
        // Bookings take the first desks first.
        (when.length(), std::cmp::Reverse((kept, desk.features)), at)
    };
    for run in steps.too_little() {
        for (at, taken) in taken.iter().enumerate() {
            let free = longest_free(&run, taken).filter(|free| free.length() >= SHORTEST);
            if let Some(free) = free
                && best.is_none_or(|(known, when)| rank(known, &when) < rank(at, &free))
            {
                best = Some((at, free));
            }
        }
    }
    best
}

/// The longest part of `run` that nothing in `taken` meets; the first of several.
fn longest_free(run: &Interval, taken: &[Interval]) -> Option<Interval> {
    let mut met: Vec<Interval> = taken.iter().filter(|when| when.overlaps(run)).copied().collect();
    met.sort();
    let (mut from, mut longest): (_, Option<Interval>) = (run.starts(), None);
    for end in met.iter().map(|when| (when.starts(), when.ends())).chain([(run.ends(), run.ends())])
    {
        if let Ok(gap) = Interval::new(from, end.0.min(run.ends()))
            && longest.is_none_or(|known| known.length() < gap.length())
        {
            longest = Some(gap);
        }
        from = from.max(end.1);
    }
    longest
}

/// The open hours, step by step of the grain.
struct Steps {
    steps: Vec<Step>,
    grain: TimeDelta,
}

struct Step {
    starts: DateTime<Utc>,
    kept: u32,
    wanted: u32,
}

impl Steps {
    fn of(open: &[Interval], grain: TimeDelta) -> Self {
        let mut steps = Vec::new();
        for when in open {
            let mut starts = when.starts();
            while starts + grain <= when.ends() {
                steps.push(Step { starts, kept: 0, wanted: 0 });
                starts += grain;
            }
        }
        Self { steps, grain }
    }

    fn count(&mut self, when: &Interval, by: i32) {
        for step in self.steps.iter_mut().filter(|step| when.contains(step.starts)) {
            step.kept = step.kept.saturating_add_signed(by);
        }
    }

    /// Whether there are more kept than wanted in all that is to come of a stretch, or some of it lies where
    /// nothing is open.
    fn is_too_much(&self, when: &Interval, first: DateTime<Utc>) -> bool {
        let mut starts = when.starts().max(first);
        let mut too_much = true;
        while starts < when.ends() {
            match self.steps.binary_search_by_key(&starts, |step| step.starts) {
                Ok(at) => too_much &= self.steps[at].kept > self.steps[at].wanted,
                Err(_) => return true,
            }
            starts += self.grain;
        }
        too_much && when.ends() > first
    }

    /// The stretches in which fewer are kept than wanted.
    fn too_little(&self) -> Vec<Interval> {
        let mut runs: Vec<Interval> = Vec::new();
        for step in self.steps.iter().filter(|step| step.kept < step.wanted) {
            let ends = step.starts + self.grain;
            let longer = runs.last().filter(|run| run.ends() == step.starts);
            match longer.and_then(|run| Interval::new(run.starts(), ends).ok()) {
                Some(longer) => {
                    runs.pop();
                    runs.push(longer);
                }
                None => runs.extend(Interval::new(step.starts, ends)),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use uuid::Uuid;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
    }

    fn when(from: i64, to: i64) -> Interval {
        Interval::new(at(from), at(to)).unwrap()
    }

    fn space(number: u128) -> SpaceId {
        SpaceId(Uuid::from_u128(number))
    }

    fn leased(number: u128, from: i64, to: i64) -> LeasedSpace {
        LeasedSpace { space: space(number), when: when(from, to) }
    }

    fn desk(number: u128, area: &str, taken: &[(i64, i64)]) -> Desk {
        let taken = taken.iter().map(|&(from, to)| when(from, to)).collect();
        Desk { space: space(number), area: area.to_owned(), features: 0, taken, shut: Vec::new() }
    }

    fn house(wanted: u32, desks: Vec<Desk>) -> Keeping {
        Keeping {
            open: vec![when(0, 600)],
            desks,
            lease: Vec::new(),
            given_back: Vec::new(),
            wanted,
            grain_minutes: 15,
        }
    }

    #[test]
    fn a_desk_that_is_free_all_day_is_kept_and_the_next_stands_elsewhere() {
        let desks = vec![
            desk(1, "window", &[]),
            desk(2, "window", &[]),
            desk(3, "hall", &[]),
            desk(4, "hall", &[(0, 600)]),
        ];
        let kept = keep(&house(2, desks));
        assert_eq!(kept.take, [leased(3, 0, 600), leased(2, 0, 600)]);
        assert!(kept.ask_back.is_empty());
    }

    #[test]
    fn where_no_desk_is_free_all_day_parts_of_several_do() {
        let desks =
            vec![desk(1, "", &[(300, 600)]), desk(2, "", &[(0, 300)]), desk(3, "", &[(0, 590)])];
        let kept = keep(&house(1, desks));
        assert_eq!(kept.take, [leased(2, 300, 600), leased(1, 0, 300)]);
        // Ten minutes are not worth keeping.
        assert_eq!(keep(&house(1, vec![desk(3, "", &[(0, 580)])])).take, []);
    }

    #[test]
    fn a_lease_that_is_as_wanted_stays_as_it_is() {
        let desks = vec![desk(1, "", &[]), desk(2, "", &[])];
        let lease = vec![leased(1, -60, 600)];
        assert_eq!(keep(&Keeping { lease, ..house(1, desks) }), Keep::default());
    }

    #[test]
    fn what_is_too_much_shut_or_outside_the_hours_is_asked_back() {
        let desks = || vec![desk(1, "", &[]), desk(2, "", &[])];
        let lease = vec![leased(1, 0, 600), leased(2, 0, 600)];
        let back = |keeping| keep(&keeping).ask_back;
        assert_eq!(back(Keeping { lease: lease.clone(), ..house(1, desks()) }), [0]);
        assert_eq!(back(Keeping { lease: lease.clone(), ..house(0, desks()) }), [0, 1]);
        let mut shut = desks();
        shut[1].shut.push(when(300, 330));
        let found = keep(&Keeping { lease: lease.clone(), ..house(2, shut) });
        assert_eq!(found.ask_back, [1]);
        assert_eq!(found.take, [], "the same desk is not free before it is given back");
        let beyond = vec![leased(1, 0, 615)];
        assert_eq!(back(Keeping { lease: beyond, ..house(1, desks()) }), [0]);
        let gone = vec![leased(9, 0, 600)];
        assert_eq!(back(Keeping { lease: gone, ..house(1, desks()) }), [0]);
        for wanted in [0, 2] {
            let nothing_open =
                Keeping { open: Vec::new(), lease: lease.clone(), ..house(wanted, desks()) };
            assert_eq!(back(nothing_open), [0, 1], "{wanted} are wanted, and the house is shut");
        }
    }

    #[test]
    fn what_bookings_needed_is_not_taken_again() {
        let desks = vec![desk(1, "", &[]), desk(2, "", &[])];
        let given_back = vec![when(120, 240)];
        let kept = keep(&Keeping { given_back, ..house(1, desks) });
        assert_eq!(kept.take, [leased(2, 240, 600), leased(2, 0, 120)]);
    }

    #[test]
    fn the_longest_free_stretch_is_offered_first() {
        let settings = CentreSettings { longest_minutes: 240, ..CentreSettings::default() };
        let lease = [leased(1, 0, 120), leased(2, 0, 90), leased(2, 90, 200), leased(3, 0, 600)];
        let all = [space(1), space(2), space(3)];
        let ask = |usable: &[SpaceId], used: &[LeasedSpace], now, before: Option<i64>| -> Vec<_> {
            offers(&lease, used, usable, &settings, at(now), before.map(at))
                .into_iter()
                .map(|offer| (offer.space.0.as_u128(), (offer.until - at(0)).num_minutes()))
                .collect()
        };
        assert_eq!(ask(&all, &[], 7, None), [(3, 240), (2, 200), (1, 120)]);
        assert_eq!(ask(&all[..2], &[], 7, None), [(2, 200), (1, 120)]);
        assert_eq!(ask(&all, &[], 7, Some(110)), [(1, 110), (2, 110), (3, 110)]);
        assert_eq!(ask(&all, &[], 95, None), [(3, 330), (2, 200)], "25 minutes are too few");
        // What somebody had until 20 past is theirs to the next step.
        assert_eq!(ask(&all[2..], &[leased(3, 0, 30)], 20, None), []);
        assert_eq!(ask(&all[2..], &[leased(3, 0, 30)], 30, None), [(3, 270)]);
        assert_eq!(ask(&all[2..], &[leased(3, 90, 120)], 0, None), [(3, 90)]);
        assert_eq!(ask(&all, &[], -1, None), [], "not before it begins");
        assert_eq!(ask(&all, &[], 600, None), []);
    }

    #[test]
    fn a_walk_in_holds_whole_steps() {
        let settings = CentreSettings::default();
        let hold = |from, to| held(at(from), at(to), &settings);
        assert_eq!(hold(7, 120), Some(when(0, 120)));
        assert_eq!(hold(15, 121), Some(when(15, 135)));
        assert_eq!(hold(15, 15), Some(when(15, 30)));
        assert_eq!(hold(120, 15), Some(when(120, 135)), "a clock that was put back");
        assert_eq!(held(DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MAX_UTC, &settings), None);
    }
}
