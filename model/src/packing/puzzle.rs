//! One group as a puzzle in small numbers: items that each need a berth for a span.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

use chrono::{DateTime, Utc};

use super::day::{Day, Group, Rarity, Span};
use crate::feature::Features;
use crate::id::{ClaimId, SpaceId};

/// Something to be placed: a block that has a home, or one berth of the request in one stay.
#[derive(Clone)]
pub(super) struct Item {
    /// Half-open, in [`Puzzle::instants`].
    pub(super) from: usize,
    pub(super) to: usize,
    /// By place, whether it may begin there.
    pub(super) open: Vec<bool>,
    /// Places side by side that it takes.
    pub(super) width: usize,
    pub(super) what: What,
    /// What it asks of a place, and what it would like.
    needs: Features,
    likes: Features,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A block of the day, at its home.
    Block { block: usize, home: usize },
    /// A berth of the request, and the one the guest has already, if any: in an earlier group, or
    /// as the item of the stay before.
    Asked { stay: usize, line: usize, kept: Option<usize>, before: Option<usize> },
}

impl Item {
    pub(super) fn home(&self) -> Option<usize> {
        match self.what {
            What::Block { home, .. } => Some(home),
            What::Asked { .. } => None,
        }
    }

    /// Whether `place` is part of a berth that is open to it.
    pub(super) fn reaches(&self, place: usize) -> bool {
        let first = (place + 1).saturating_sub(self.width);
        self.open[first..=place].contains(&true)
    }

    /// The berth that it has or had: where it stays if it can.
    pub(super) fn liked(&self, spot: impl Fn(usize) -> Option<usize>) -> Option<usize> {
        match self.what {
            What::Block { home, .. } => Some(home),
            What::Asked { kept, before, .. } => before.and_then(spot).or(kept),
        }
    }

    /// The places of the berth that begins at `berth`.
    pub(super) fn places(&self, berth: usize) -> Range<usize> {
        berth..berth + self.width
    }
}

pub(super) struct Puzzle {
    /// Every instant at which something begins or ends.
    pub(super) instants: Vec<DateTime<Utc>>,
    /// In order of their start; at one start those with a home first.
    pub(super) items: Vec<Item>,
    /// What each place offers.
    features: Vec<Features>,
    rarity: Rarity,
}

impl Puzzle {
    pub(super) fn new(day: &Day<'_>, group: &Group, kept: &[usize]) -> Self {
        let blocks = group.blocks.iter().map(|block| day.blocks[*block].span);
        let stays = day.stays[group.stays.clone()].iter().map(|stay| stay.span);
        let ends = |span: Span| [span.from, span.to];
        let mut instants: Vec<DateTime<Utc>> = blocks.chain(stays).flat_map(ends).collect();
        instants.sort_unstable();
        instants.dedup();
        let at = |instant| instants.partition_point(|known| *known < instant);
        let places = day.places.len();
        let mut items = Vec::new();
        for index in &group.blocks {
            let block = &day.blocks[*index];
            let may = |place: usize| {
                place == block.home
                    || (day.places[place].features.covers(block.needs)
                        && day.clear(place, &block.span))
            };
            items.push(Item {
                from: at(block.span.from),
                to: at(block.span.to),
                open: (0..places).map(may).collect(),
                width: 1,
                what: What::Block { block: *index, home: block.home },
                needs: block.needs,
                likes: Features::NONE,
            });
        }
        for stay in group.stays.clone() {
            let span = day.stays[stay].span;
            let mut open = vec![false; places];
            for berth in &day.berths {
                open[*berth] = (*berth..*berth + day.width).all(|place| day.clear(place, &span));
            }
            items.extend((0..day.lines).map(|line| Item {
                from: at(span.from),
                to: at(span.to),
                open: open.clone(),
                width: day.width,
                what: What::Asked { stay, line, kept: kept.get(line).copied(), before: None },
                needs: day.asked.required,
                likes: day.asked.wanted,
            }));
        }
        let features = day.places.iter().map(|place| place.features).collect();
        let mut puzzle = Self { instants, items, features, rarity: day.rarity() };
        puzzle.sort();
        puzzle
    }

    /// Those with few places to go come first among those that begin together.
    fn sort(&mut self) {
        self.items.sort_by_cached_key(|item| {
            let choices = item.open.iter().filter(|open| **open).count();
            (item.from, item.home().is_none(), choices, Reverse(item.to))
        });
        self.link();
    }

    fn link(&mut self) {
        let mut last: HashMap<usize, usize> = HashMap::new();
        for (at, item) in self.items.iter_mut().enumerate() {
            if let What::Asked { line, before, .. } = &mut item.what {
                *before = last.insert(*line, at);
            }
        }
    }

    /// How many places there are.
    pub(super) fn places(&self) -> usize {
        self.features.len()
    }

    /// How the berth would do for the item, the best least: what it would like and is not there,
    /// and what is there for others to ask for.
    pub(super) fn taste(&self, item: &Item, berth: usize) -> (usize, usize) {
        let asked = item.needs.or(item.likes);
        item.places(berth).fold((0, 0), |(missing, waste), place| {
            let features = self.features[place];
            let spare = self.rarity.worth(features.without(asked));
            (missing + item.likes.without(features).len(), waste + spare)
        })
    }

    /// The claims that have another home in `spots`.
    pub(super) fn moves(&self, day: &Day<'_>, spots: &[usize]) -> Vec<(ClaimId, SpaceId)> {
        let mut moves = Vec::new();
        for (item, spot) in self.items.iter().zip(spots) {
            if let What::Block { block, home } = item.what
                && home != *spot
            {
                let claims = day.blocks[block].claims.iter();
                let space = day.places[*spot].space;
                moves.extend(claims.map(|claim| (day.standing[*claim].claim, space)));
            }
        }
        moves
    }

    /// By stay of the group, the berths of the request in `spots`.
    pub(super) fn lines(&self, group: &Group, spots: &[usize]) -> Vec<Vec<usize>> {
        let mut lines = vec![Vec::new(); group.stays.len()];
        for (item, spot) in self.items.iter().zip(spots) {
            if let What::Asked { stay, line, .. } = item.what {
                lines[stay - group.stays.start].push((line, *spot));
            }
        }
        let in_order = |mut line: Vec<(usize, usize)>| {
            line.sort_unstable();
            line.into_iter().map(|(_, spot)| spot).collect()
        };
        lines.into_iter().map(in_order).collect()
    }
}
