//! What stands where, put in order: for each place what cannot go and what can.

use std::collections::HashMap;
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Asked, Place, Standing};
use crate::feature::{Feature, Features};
use crate::id::SpaceId;
use crate::interval::Interval;

/// When a place is not free: a claim and the buffer after it. Two claims keep the buffer between
/// them exactly where their spans do not overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
}

impl Span {
    fn of(when: &Interval, buffer: TimeDelta) -> Self {
        let to = when.ends().checked_add_signed(buffer).unwrap_or(DateTime::<Utc>::MAX_UTC);
        Self { from: when.starts(), to }
    }
}

/// Claims of one place that go together: one, or several that already stand closer than the buffer.
pub(super) struct Block {
    /// Where in `standing`.
    pub(super) claims: Vec<usize>,
    pub(super) home: usize,
    pub(super) span: Span,
    pub(super) needs: Features,
}

/// Slots in which the guest keeps one desk in any case.
pub(super) struct Stay {
    pub(super) span: Span,
    /// Where in `asked.slots`.
    pub(super) slots: Range<usize>,
}

/// Stays and blocks that hang together in time; nothing outside matters to them.
pub(super) struct Group {
    pub(super) stays: Range<usize>,
    /// Where in [`Day::blocks`].
    pub(super) blocks: Vec<usize>,
}

/// How many places lack each feature.
#[derive(Clone)]
pub(super) struct Rarity([(Feature, usize); Feature::ALL.len()]);

impl Rarity {
    /// What it would cost others to lose a place with these features: what every place has is free.
    pub(super) fn worth(&self, features: Features) -> usize {
        let had = self.0.iter().filter(|(feature, _)| features.contains(*feature));
        had.map(|(_, lacking)| lacking).sum()
    }
}

pub(super) struct Day<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) standing: &'a [Standing],
    pub(super) places: Vec<Place>,
    /// By place, what cannot go: in order and apart.
    fixed: Vec<Vec<Span>>,
    /// By place, what stands there, can it go or not: in order and apart.
    held: Vec<Vec<Span>>,
    pub(super) blocks: Vec<Block>,
    pub(super) stays: Vec<Stay>,
    /// How many places side by side one berth takes, and how many berths are asked.
    pub(super) width: usize,
    pub(super) lines: usize,
    /// Where a berth of the request can begin as far as features, pin and rows go.
    pub(super) berths: Vec<usize>,
    /// All the time that is looked at.
    whole: Span,
}

impl<'a> Day<'a> {
    pub(super) fn new(
        places: &[Place],
        standing: &'a [Standing],
        asked: &'a Asked<'a>,
        buffer: TimeDelta,
    ) -> Self {
        let buffer = buffer.max(TimeDelta::zero());
        let mut index: HashMap<SpaceId, usize> = HashMap::with_capacity(places.len());
        let mut known = Vec::with_capacity(places.len());
        for place in places {
            index.entry(place.space).or_insert_with(|| {
                known.push(*place);
                known.len() - 1
            });
        }
        let mut by_place: Vec<Vec<(Span, usize)>> = vec![Vec::new(); known.len()];
        for (at, claim) in standing.iter().enumerate() {
            if let Some(place) = index.get(&claim.space) {
                by_place[*place].push((Span::of(&claim.when, buffer), at));
            }
        }
        let (width, lines) = if asked.together { (asked.desks, 1) } else { (1, asked.desks) };
        let mut day = Self {
            asked,
            standing,
            places: known,
            fixed: Vec::with_capacity(by_place.len()),
            held: Vec::with_capacity(by_place.len()),
            blocks: Vec::new(),
            stays: stays(asked.slots, buffer),
            width,
            lines,
            berths: Vec::new(),
            whole: Span { from: DateTime::<Utc>::MAX_UTC, to: DateTime::<Utc>::MIN_UTC },
        };
        for (home, mut claims) in by_place.into_iter().enumerate() {
            claims.sort_unstable();
            day.settle(home, &claims);
        }
        day.berths = day.fitting();
        let spans = day.held.iter().flatten().chain(day.stays.iter().map(|stay| &stay.span));
        day.whole = spans.fold(day.whole, |whole, span| Span {
            from: whole.from.min(span.from),
            to: whole.to.max(span.to),
        });
        day
    }

    /// Takes in the claims of one place, in order. What already stands too close together goes
    /// together or not at all.
    fn settle(&mut self, home: usize, claims: &[(Span, usize)]) {
        let (mut fixed, mut held) = (Vec::new(), Vec::new());
        let mut rest = claims;
        while let Some(((first, _), _)) = rest.split_first() {
            let mut span = *first;
            let mut count = 0;
            while let Some((next, _)) = rest.get(count)
                && (count == 0 || next.from < span.to)
            {
                span.to = span.to.max(next.to);
                count += 1;
            }
            let (together, after) = rest.split_at(count);
            rest = after;
            held.push(span);
            let needs = together.iter().try_fold(Features::NONE, |needs, (_, at)| {
                self.standing[*at].may_go.map(|more| needs.or(more))
            });
            match needs {
                Some(needs) => {
                    let claims = together.iter().map(|(_, at)| *at).collect();
                    self.blocks.push(Block { claims, home, span, needs });
                }
                None => fixed.push(span),
            }
        }
        self.fixed.push(fixed);
        self.held.push(held);
    }

    fn fitting(&self) -> Vec<usize> {
        let fits = |place: &Place| {
            place.features.covers(self.asked.required)
                && self.asked.pinned.is_none_or(|pinned| pinned == place.space)
        };
        self.places
            .windows(self.width.min(self.places.len() + 1))
            .enumerate()
            .filter(|(_, row)| row.iter().all(|place| fits(place) && place.row == row[0].row))
            .map(|(at, _)| at)
            .collect()
    }

    /// Whether there are fewer berths than asked even on an empty day.
    pub(super) fn too_few(&self) -> bool {
        self.berths.len() < self.lines
    }

    /// How many places that fit the request stand free throughout `slot`.
    pub(super) fn free_in(&self, slot: &Interval) -> usize {
        let span = self
            .stays
            .iter()
            .find(|stay| self.asked.slots[stay.slots.clone()].contains(slot))
            .map_or(Span { from: slot.starts(), to: slot.ends() }, |stay| stay.span);
        (0..self.places.len())
            .filter(|place| {
                self.places[*place].features.covers(self.asked.required)
                    && self.asked.pinned.is_none_or(|pinned| pinned == self.places[*place].space)
                    && apart(&self.held[*place], &span)
            })
            .count()
    }

    /// Whether the berth stands free throughout the stay.
    pub(super) fn free(&self, berth: usize, stay: &Stay) -> bool {
        self.held[berth..berth + self.width].iter().all(|held| apart(held, &stay.span))
    }

    /// Whether nothing that cannot go is in the way at `place`.
    pub(super) fn clear(&self, place: usize, span: &Span) -> bool {
        apart(&self.fixed[place], span)
    }

    /// Minutes that stay empty at the berth before and after the stay; less is a better fit.
    pub(super) fn slack(&self, berth: usize, stay: &Stay) -> i64 {
        let around = |held: &Vec<Span>| {
            let next = held.partition_point(|span| span.to <= stay.span.from);
            let before = next.checked_sub(1).map_or(self.whole.from, |before| held[before].to);
            let after = held.get(next).map_or(self.whole.to, |after| after.from);
            (stay.span.from - before + (after - stay.span.to)).num_minutes()
        };
        self.held[berth..berth + self.width].iter().map(around).sum()
    }

    pub(super) fn rarity(&self) -> Rarity {
        Rarity(Feature::ALL.map(|feature| {
            let lacks = |place: &&Place| !place.features.contains(feature);
            (feature, self.places.iter().filter(lacks).count())
        }))
    }

    /// The slot of `stay` that `moment` lies in; in the buffer after one, that one.
    pub(super) fn slot_at(&self, stay: usize, moment: DateTime<Utc>) -> usize {
        let slots = self.stays[stay].slots.clone();
        let after = self.asked.slots[slots.clone()].partition_point(|slot| slot.starts() <= moment);
        slots.start + after.saturating_sub(1)
    }

    /// What hangs together in time around the stays.
    pub(super) fn groups(&self) -> Vec<Group> {
        let blocks = self.blocks.iter().enumerate().map(|(at, block)| (block.span, Err(at)));
        let stays = self.stays.iter().enumerate().map(|(at, stay)| (stay.span, Ok(at)));
        let mut all: Vec<(Span, Result<usize, usize>)> = blocks.chain(stays).collect();
        all.sort_unstable();
        let mut groups: Vec<Group> = Vec::new();
        let mut until = DateTime::<Utc>::MIN_UTC;
        let mut next_stay = 0;
        for (span, what) in all {
            if groups.is_empty() || span.from >= until {
                groups.push(Group { stays: next_stay..next_stay, blocks: Vec::new() });
            }
            until = until.max(span.to);
            let Some(group) = groups.last_mut() else { continue };
            match what {
                Ok(stay) => {
                    next_stay = stay + 1;
                    group.stays.end = next_stay;
                }
                Err(block) => group.blocks.push(block),
            }
        }
        groups.retain(|group| !group.stays.is_empty());
        groups
    }
}

fn stays(slots: &[Interval], buffer: TimeDelta) -> Vec<Stay> {
    let mut stays: Vec<Stay> = Vec::new();
    for (at, slot) in slots.iter().enumerate() {
        let span = Span::of(slot, buffer);
        match stays.last_mut() {
            Some(stay) if slot.starts() < stay.span.to => {
                stay.span.to = span.to;
                stay.slots.end = at + 1;
            }
            _ => stays.push(Stay { span, slots: at..at + 1 }),
        }
    }
    stays
}

/// Whether `span` overlaps none of `others`, which are in order and apart.
fn apart(others: &[Span], span: &Span) -> bool {
    let next = others.partition_point(|other| other.to <= span.from);
    others.get(next).is_none_or(|other| span.to <= other.from)
}
