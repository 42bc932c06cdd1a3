//! What a nursery gives and asks besides places and staff: its hours, its hand-over times, its schemes.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::day::{FEVER, NAPS, NapInterval, TEMPERATURES};
use super::scheme::Scheme;
use crate::centre::Centre;
use crate::id::MunicipalityId;
use crate::interval::Interval;
use crate::language::LocalText;
use crate::opening::{OpeningHours, OpeningRules, days_of, next_step, step_before};

/// The longest a hand-over takes, in minutes, the way on foot not counted.
pub const LONGEST_HANDOVER: u32 = 60;
/// The longest way on foot that counts, in minutes.
pub const LONGEST_WALK: u32 = 60;
/// Care is no more than this longer than its desk, before or after it: hand-over, way and grain.
pub const MOST_AROUND: TimeDelta = TimeDelta::minutes(60 + 60 + 15);
/// No stretch of care is longer, with its hand-overs.
const LONGEST_CARE: TimeDelta = TimeDelta::days(7);
/// Full age in Japan (article 4 of the Civil Code, since 2022-04-01): nurseries hand no child to a minor.
pub const OF_AGE: u32 = 18;
/// The most documents that one nursery needs.
pub const MOST_DOCUMENTS: usize = 20;
/// The most schemes that one nursery offers.
pub const MOST_SCHEMES: usize = 10;

/// The terms of one nursery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// What is added to care that goes with a desk; without it care is as long as the desk.
    pub handover: Option<HandOver>,
    /// Its own hours; without any it is open when its centre is.
    pub hours: Vec<OpeningHours>,
    /// The schemes it offers, by name; the one in front counts for whoever says nothing else. Without any,
    /// nothing but places and staff is asked for.
    pub schemes: Vec<String>,
    /// Whether it talks with the guardians before a child's first day.
    pub interview: bool,
    /// The documents it needs to have seen of each child.
    pub documents: Vec<NeededDocument>,
    /// The years of age from which on somebody may collect a child, where it is not [`OF_AGE`].
    pub collect_from_years: Option<u32>,
    /// How often a sleeping child is looked at, by age; practice ([`NAPS`]) where nothing is said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub naps: Vec<NapInterval>,
    /// From how many tenths of a degree on a child is not taken, or its guardians are asked to collect it; practice
    /// ([`FEVER`]) where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fever: Option<u16>,
}

/// A document that a nursery needs to have seen (提出書類).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeededDocument {
    /// What it is told apart by, in small letters, digits and hyphens.
    pub code: String,
    /// Its name on screen.
    pub name: LocalText,
    /// After so many months it has to be shown again; never where none are said.
    pub months: Option<u16>,
}

/// Minutes of care before and after a desk's stretch, beside the way on foot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// From the drop-off on.
    pub before: u32,
    /// Until the pick-up.
    pub after: u32,
}

/// Why terms cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTerms {
    /// It takes too long.
    #[error("a hand-over takes at most {LONGEST_HANDOVER} minutes before and after")]
    HandOver,
    /// Too many, or one twice.
    #[error("a nursery offers at most {MOST_SCHEMES} schemes, each once")]
    Schemes,
    /// Nobody could come in so early.
    #[error(
        "the nursery is in the building, whose door opens {early} minutes before a desk: a hand-over cannot begin {before} minutes before"
    )]
    Door {
        /// Minutes before the desk, on the centre's grain.
        before: u32,
        /// Minutes before the desk that the door opens.
        early: u32,
    },
    /// No day has such hours.
    #[error("hours end after they begin, on the same day")]
    Hours,
    /// Too many, one twice, or one that cannot be told apart or shown.
    #[error(
        "a nursery needs at most {MOST_DOCUMENTS} documents, each with a code of its own in small letters, digits and hyphens, a name, and from 1 to 120 months where it has any"
    )]
    Documents,
    /// Nobody, or everybody, would be of age.
    #[error("whoever collects a child is from 12 to 30 years old at the least")]
    Age,
    /// A sleeping child is looked at too seldom, or ages do not rise.
    #[error("a sleeping child is looked at every 1 to 60 minutes, by ages that rise")]
    Naps,
    /// No fever begins there.
    #[error("a fever begins between 34.0 and 42.0 degrees")]
    Fever,
}

impl Terms {
    /// Whether a nursery can keep them.
    ///
    /// # Errors
    /// The first [`BadTerms`] found.
    pub fn check(&self) -> Result<(), BadTerms> {
        let long = |one: &HandOver| one.before.max(one.after) > LONGEST_HANDOVER;
        if self.handover.as_ref().is_some_and(long) {
            return Err(BadTerms::HandOver);
        }
        let twice =
            (1..self.schemes.len()).any(|at| self.schemes[..at].contains(&self.schemes[at]));
        if self.schemes.len() > MOST_SCHEMES || twice {
            return Err(BadTerms::Schemes);
        }
        if self.hours.iter().any(|one| one.opens >= one.closes || one.closes > 24 * 60) {
            return Err(BadTerms::Hours);
        }
        let odd = |one: &NeededDocument| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            let named = |text: &str| !text.trim().is_empty() && text.chars().count() <= 60;
            !(1..=40).contains(&one.code.len())
                || !one.code.chars().all(plain)
                || !named(&one.name.ja)
                || !named(&one.name.en)
                || one.months.is_some_and(|months| !(1..=120).contains(&months))
        };
        let twice = |at: usize| {
            self.documents[..at].iter().any(|other| other.code == self.documents[at].code)
        };
        let many = self.documents.len() > MOST_DOCUMENTS;
        if many || self.documents.iter().any(odd) || (1..self.documents.len()).any(twice) {
            return Err(BadTerms::Documents);
        }
        if self.collect_from_years.is_some_and(|years| !(12..=30).contains(&years)) {
            return Err(BadTerms::Age);
        }
        let rise = self.naps.is_sorted_by(|one, next| one.below_years < next.below_years);
        if !rise || self.naps.iter().any(|one| !(1..=60).contains(&one.minutes)) {
            return Err(BadTerms::Naps);
        }
        if self.fever.is_some_and(|tenths| !TEMPERATURES.contains(&tenths)) {
            return Err(BadTerms::Fever);
        }
        Ok(())
    }

    /// After how long a sleeping child of that age is looked at again; nothing from an age on.
    #[must_use]
    pub fn nap_interval(&self, years: u32) -> Option<TimeDelta> {
        let naps = if self.naps.is_empty() { &NAPS[..] } else { &self.naps };
        let found = naps.iter().find(|one| years < one.below_years)?;
        Some(TimeDelta::minutes(found.minutes.into()))
    }

    /// From how many tenths of a degree on a child has a fever.
    #[must_use]
    pub fn fever(&self) -> u16 {
        self.fever.unwrap_or(FEVER)
    }

    /// The years of age from which on somebody may collect a child.
    #[must_use]
    pub fn collects_from(&self) -> u32 {
        self.collect_from_years.unwrap_or(OF_AGE)
    }

    /// The care that goes with each of `slots`, in order and not overlapping, as [`care_of`](Self::care_of) has it for
    /// one: none begins in the past, none meets the next.
    ///
    /// # Errors
    /// The slot that the nursery is not open all through, and when it is.
    pub fn care_of_all(
        &self,
        slots: &[Interval],
        with_desk: bool,
        walking_minutes: u32,
        centre: &Centre,
        now: DateTime<Utc>,
    ) -> Result<Vec<Interval>, (Interval, Vec<Interval>)> {
        let now = step_before(now, centre.settings.grain_minutes, centre.time_zone);
        let mut all: Vec<Interval> = Vec::with_capacity(slots.len());
        for (at, slot) in slots.iter().enumerate() {
            let care = self
                .care_of(slot, with_desk, walking_minutes, centre)
                .map_err(|open| (*slot, open))?;
            let before = all.last().map_or(now, |last| last.ends().max(now));
            let next = slots.get(at + 1).map_or(care.ends(), Interval::starts);
            all.push(cut(&care, before, next, slot));
        }
        Ok(all)
    }

    /// The care that goes with `slot` at a nursery so many minutes on foot from `centre`. With a desk it begins
    /// with the hand-over before it and ends with the one after it, on the centre's grain and as far as the
    /// nursery is open; without a desk it is what was asked for.
    ///
    /// # Errors
    /// When the nursery is not open all through `slot`: when it is, on these days.
    pub fn care_of(
        &self,
        slot: &Interval,
        with_desk: bool,
        walking_minutes: u32,
        centre: &Centre,
    ) -> Result<Interval, Vec<Interval>> {
        if self.handover.is_none() && self.hours.is_empty() {
            return Ok(*slot);
        }
        let open = self.open_about(slot, centre);
        let Some(open) = open.iter().find(|open| open.covers(slot)) else { return Err(open) };
        let Some(handover) = self.handover.filter(|_| with_desk) else { return Ok(*slot) };
        let minutes = |own: u32| {
            TimeDelta::minutes(
                (own.min(LONGEST_HANDOVER) + walking_minutes.min(LONGEST_WALK)).into(),
            )
        };
        let (grain, zone) = (centre.settings.grain_minutes, centre.time_zone);
        let starts = step_before(slot.starts() - minutes(handover.before), grain, zone);
        let ends = next_step(slot.ends() + minutes(handover.after), grain, zone);
        let care = Interval::new(starts.max(open.starts()), ends.min(open.ends()));
        Ok(care.ok().filter(|care| care.length() <= LONGEST_CARE).unwrap_or(*slot))
    }

    /// Minutes before and after a desk's stretch, with the way on foot and on the centre's grain.
    #[must_use]
    pub fn minutes_around(&self, walking_minutes: u32, centre: &Centre) -> Option<(u32, u32)> {
        let grain = centre.settings.grain_minutes.max(1);
        let with_way = |own: u32| {
            (own.min(LONGEST_HANDOVER) + walking_minutes.min(LONGEST_WALK)).next_multiple_of(grain)
        };
        self.handover.map(|one| (with_way(one.before), with_way(one.after)))
    }

    /// Whether the door of `centre` opens in time for the hand-overs, where the nursery is behind it.
    ///
    /// # Errors
    /// [`BadTerms::Door`] where it does not.
    pub fn check_door(&self, walking_minutes: u32, centre: &Centre) -> Result<(), BadTerms> {
        let early = centre.settings.early_minutes;
        match self.minutes_around(walking_minutes, centre) {
            Some((before, _)) if walking_minutes == 0 && before > early => {
                Err(BadTerms::Door { before, early })
            }
            _ => Ok(()),
        }
    }

    /// The schemes it offers on the day `on` in `municipality`, the one in front first.
    #[must_use]
    pub fn offered<'a>(
        &self,
        schemes: &'a [Scheme],
        on: NaiveDate,
        municipality: MunicipalityId,
    ) -> Vec<&'a Scheme> {
        let named = |name: &String| schemes.iter().find(|one| one.name == *name);
        let held = self.schemes.iter().filter_map(named);
        held.filter(|one| one.holds(on, municipality)).collect()
    }

    /// The stretches that it is open for on the local days of `slot`, in order and as long as each goes on.
    fn open_about(&self, slot: &Interval, centre: &Centre) -> Vec<Interval> {
        let zone = centre.time_zone;
        let rules = if self.hours.is_empty() {
            Cow::Borrowed(&centre.opening)
        } else {
            let holidays = centre.opening.holidays.clone();
            Cow::Owned(OpeningRules { hours: self.hours.clone(), holidays })
        };
        let mut open: Vec<Interval> = Vec::new();
        for next in days_of(slot, zone).into_iter().flat_map(|day| rules.on(day, zone)) {
            match open.last_mut() {
                Some(last) if next.starts() <= last.ends() => {
                    let ends = last.ends().max(next.ends());
                    *last = Interval::new(last.starts(), ends).unwrap_or(*last);
                }
                _ => open.push(next),
            }
        }
        open
    }
}

/// As much of `care` as lies between `from` and `until`, but never less than `slot`.
#[must_use]
pub fn cut(
    care: &Interval,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    slot: &Interval,
) -> Interval {
    let from = care.starts().max(from).min(slot.starts());
    let until = care.ends().min(until).max(slot.ends());
    Interval::new(from, until).unwrap_or(*slot)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::Weekday;
    use proptest::prelude::*;

    use super::*;
    use crate::booking::tests::centre;
    use crate::opening::{DayKind, local};

    const MONDAY: &str = "2026-11-30";

    /// Minutes after midnight on a Monday in Japan.
    fn at(from: u32, to: u32) -> Interval {
        let zone = centre().time_zone;
        let time = |minutes| local(MONDAY.parse().unwrap(), minutes, zone).unwrap();
        Interval::new(time(from), time(to)).unwrap()
    }

    fn hours(opens: u32, closes: u32) -> OpeningHours {
        OpeningHours { day: DayKind::Weekday(Weekday::Mon), opens, closes }
    }

    fn terms(before: u32, after: u32, hours: Vec<OpeningHours>) -> Terms {
        Terms { handover: Some(HandOver { before, after }), hours, ..Terms::default() }
    }

    #[test]
    fn care_begins_before_the_desk_and_ends_after_it() {
        let centre = centre();
        assert_eq!(centre.settings.grain_minutes, 15);
        let desk = at(10 * 60, 12 * 60);
        let care = |terms: &Terms, with_desk, walk| terms.care_of(&desk, with_desk, walk, &centre);
        assert_eq!(care(&Terms::default(), true, 20), Ok(desk), "no rule, no hand-over");
        let rule = terms(10, 15, Vec::new());
        assert_eq!(care(&rule, true, 0), Ok(at(9 * 60 + 45, 12 * 60 + 15)));
        assert_eq!(care(&rule, true, 5), Ok(at(9 * 60 + 45, 12 * 60 + 30)));
        assert_eq!(care(&rule, false, 5), Ok(desk), "whoever has no desk says when care is");
        // Where the nursery opens or closes earlier, who brings the child comes later to the desk.
        let rule = terms(30, 30, vec![hours(590, 725)]);
        assert_eq!(care(&rule, true, 0), Ok(at(590, 725)));
        let rule = terms(30, 30, vec![hours(590, 660), hours(660, 720), hours(800, 900)]);
        assert_eq!(care(&rule, true, 0), Ok(at(590, 720)));
        for short in
            [vec![hours(601, 900)], vec![hours(0, 719)], vec![hours(0, 660), hours(661, 900)]]
        {
            let open = short.iter().map(|one| at(one.opens, one.closes)).collect();
            assert_eq!(care(&terms(0, 0, short), true, 0), Err(open));
        }
        let sunday = OpeningHours { day: DayKind::Weekday(Weekday::Sun), opens: 0, closes: 1_440 };
        assert_eq!(care(&terms(0, 0, vec![sunday]), true, 0), Err(Vec::new()));
    }

    #[test]
    fn no_care_begins_in_the_past_or_meets_the_next() {
        let centre = centre();
        let rule = terms(30, 30, vec![hours(0, 1_440)]);
        let all = |slots: &[Interval], now: u32| {
            rule.care_of_all(slots, true, 0, &centre, at(now, now + 1).starts()).unwrap()
        };
        let slots = [at(600, 660), at(675, 720)];
        assert_eq!(all(&slots, 0), [at(570, 675), at(675, 750)]);
        // From the last step of the grain on.
        assert_eq!(all(&slots[..1], 589), [at(585, 690)]);
        assert_eq!(all(&slots[..1], 605), [at(600, 690)]);
        let shut = terms(0, 0, vec![hours(0, 700)]);
        let refused = shut.care_of_all(&slots, true, 0, &centre, at(0, 1).starts());
        assert_eq!(refused, Err((slots[1], vec![at(0, 700)])));
    }

    #[test]
    fn a_nursery_in_the_building_needs_the_door() {
        let centre = centre();
        assert_eq!((centre.settings.grain_minutes, centre.settings.early_minutes), (15, 15));
        let around = |before, walk| terms(before, 5, Vec::new()).minutes_around(walk, &centre);
        assert_eq!(around(10, 0), Some((15, 15)));
        assert_eq!(around(16, 0), Some((30, 15)));
        assert_eq!(around(10, 20), Some((30, 30)));
        assert_eq!(Terms::default().minutes_around(20, &centre), None);
        let door = |before, walk| terms(before, 5, Vec::new()).check_door(walk, &centre);
        assert_eq!(door(15, 0), Ok(()));
        assert_eq!(door(16, 0), Err(BadTerms::Door { before: 30, early: 15 }));
        assert_eq!(door(16, 1), Ok(()));
    }

    #[test]
    fn terms_that_cannot_be_kept_are_refused() {
        let bad = |terms: Terms| terms.check().err();
        assert_eq!(bad(Terms::default()), None);
        assert_eq!(bad(terms(60, 60, vec![hours(0, 1_440)])), None);
        assert_eq!(bad(terms(61, 0, Vec::new())), Some(BadTerms::HandOver));
        assert_eq!(bad(terms(0, 61, Vec::new())), Some(BadTerms::HandOver));
        for (opens, closes) in [(600, 600), (0, 1_441)] {
            assert_eq!(bad(terms(0, 0, vec![hours(opens, closes)])), Some(BadTerms::Hours));
        }
        let offers = |names: Vec<String>| Terms { schemes: names, ..Terms::default() };
        assert_eq!(bad(offers(vec!["one".to_owned(); 2])), Some(BadTerms::Schemes));
        let many = (0..11).map(|number| number.to_string()).collect();
        assert_eq!(bad(offers(many)), Some(BadTerms::Schemes));
        let document = |code: &str, months| NeededDocument {
            code: code.to_owned(),
            name: LocalText::new("健康診断書", "Health certificate"),
            months,
        };
        let needs = |documents| bad(Terms { documents, ..Terms::default() });
        assert_eq!(needs(vec![document("health", Some(12)), document("vaccines-2", None)]), None);
        for odd in [document("", None), document("Health", None), document("h", Some(0))] {
            assert_eq!(needs(vec![odd]), Some(BadTerms::Documents));
        }
        assert_eq!(needs(vec![document("health", None); 2]), Some(BadTerms::Documents));
        let many = (0..21).map(|number| document(&number.to_string(), None)).collect();
        assert_eq!(needs(many), Some(BadTerms::Documents));
        let from = |years| bad(Terms { collect_from_years: Some(years), ..Terms::default() });
        assert_eq!(
            [from(11), from(12), from(31)],
            [Some(BadTerms::Age), None, Some(BadTerms::Age)]
        );
    }

    proptest! {
        /// Care holds the desk's stretch, within the nursery's hours.
        #[test]
        fn care_holds_the_desk(
            (from, length) in (0_u32..1_435, 5_u32..600),
            (before, after, walk) in (0_u32..=60, 0_u32..=60, 0_u32..200),
            (opens, open) in (0_u32..1_400, 1_u32..1_440),
        ) {
            let to = (from + length).min(1_440);
            let closes = (opens + open).min(1_440);
            let (desk, centre) = (at(from, to), centre());
            let own = terms(before, after, vec![hours(opens, closes)]);
            match own.care_of(&desk, true, walk, &centre) {
                Ok(care) => {
                    prop_assert!(care.covers(&desk));
                    prop_assert!(at(opens, closes).covers(&care));
                    let most = TimeDelta::minutes(60 + 60 + 15);
                    prop_assert!(desk.starts() - care.starts() <= most);
                    prop_assert!(care.ends() - desk.ends() <= most);
                }
                Err(open) => {
                    prop_assert_eq!(open, vec![at(opens, closes)]);
                    prop_assert!(from < opens || to > closes);
                }
            }
        }
    }
}
