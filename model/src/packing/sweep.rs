//! The whole day laid out anew, from its beginning to its end.
//!
//! Items are placed in order of their start, so that a place is free for one exactly when whoever
//! was put there last has gone. Places that are open to the same items from here on are
//! interchangeable: only one of them is tried, so that among identical places nothing is ever taken
//! back. Where an item finds no place, the search returns to the last item that had a hand in it.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::homeward;
use super::puzzle::{Item, Puzzle};
use super::steps::Steps;

/// A berth for every item, as near home as it comes; `None` where the steps did not go that far.
pub(super) fn whole(puzzle: &Puzzle, steps: &mut Steps) -> Option<Vec<usize>> {
    let mut spots = Sweep::new(puzzle).run(steps)?;
    homeward::swap(puzzle, &mut spots);
    Some(spots)
}

struct Sweep<'a> {
    puzzle: &'a Puzzle,
    /// By item and place: places of one class are open to the same items after it.
    classes: Vec<Vec<usize>>,
    /// By place, the items that call it home, in order.
    homes: Vec<Vec<usize>>,
    /// By place, who was put there, in order.
    rows: Vec<Vec<usize>>,
    levels: Vec<Level>,
}

/// Where one item stands in the search.
#[derive(Default)]
struct Level {
    berth: usize,
    /// What is still to be tried, the best last.
    choices: Vec<usize>,
    /// Earlier items that had a hand in what was tried in vain.
    blame: Blame,
}

impl<'a> Sweep<'a> {
    fn new(puzzle: &'a Puzzle) -> Self {
        let mut homes = vec![Vec::new(); puzzle.places()];
        for (at, item) in puzzle.items.iter().enumerate() {
            if let Some(home) = item.home() {
                homes[home].push(at);
            }
        }
        Self {
            puzzle,
            classes: classes(puzzle),
            homes,
            rows: vec![Vec::new(); puzzle.places()],
            levels: Vec::with_capacity(puzzle.items.len()),
        }
    }

    fn run(mut self, steps: &mut Steps) -> Option<Vec<usize>> {
        let all = self.puzzle.items.len();
        // Whoever is placed for the first time costs nothing: what never turns back is never given up.
        let mut furthest = 0;
        let mut depth = 0;
        while depth < all {
            if depth == self.levels.len() {
                if depth < furthest && !steps.spend(self.puzzle.places()) {
                    return None;
                }
                furthest = furthest.max(depth + 1);
                let level = self.enter(depth);
                self.levels.push(level);
            }
            let level = &mut self.levels[depth];
            if let Some(berth) = level.choices.pop() {
                level.berth = berth;
                for place in self.puzzle.items[depth].places(berth) {
                    self.rows[place].push(depth);
                }
                depth += 1;
            } else {
                depth = self.turn_back()?;
            }
        }
        Some(self.levels.into_iter().map(|level| level.berth).collect())
    }

    fn enter(&self, depth: usize) -> Level {
        let item = &self.puzzle.items[depth];
        let mut blame = Blame::default();
        let mut ranked = Vec::new();
        for berth in (0..item.open.len()).filter(|berth| item.open[*berth]) {
            match self.holder(item, berth) {
                Some(holder) => blame.add(holder),
                None => ranked.push((self.rank(depth, berth), berth)),
            }
        }
        ranked.sort_unstable();
        let mut choices: Vec<usize> = ranked.into_iter().map(|(_, berth)| berth).collect();
        if item.width == 1 {
            let classes = &self.classes[depth];
            let mut tried = Vec::new();
            choices.retain(|place| {
                let new = !tried.contains(&classes[*place]);
                tried.push(classes[*place]);
                new
            });
        }
        choices.reverse();
        Level { berth: 0, choices, blame }
    }

    /// Who keeps the item from the berth: the earliest, if several.
    fn holder(&self, item: &Item, berth: usize) -> Option<usize> {
        let last = self.rows[item.places(berth)].iter().filter_map(|row| row.last());
        last.copied().filter(|last| self.puzzle.items[*last].to > item.from).min()
    }

    /// How good the berth is, the best least: nobody's home in that time, its own, what it offers,
    /// a tight fit; if it is somebody's home, one who comes late.
    fn rank(&self, depth: usize, berth: usize) -> impl Ord + use<> {
        let item = &self.puzzle.items[depth];
        let next = item.places(berth).filter_map(|place| {
            let homes = &self.homes[place];
            homes.get(homes.partition_point(|home| *home <= depth)).copied()
        });
        let next = next.map(|home| self.puzzle.items[home].from).min().unwrap_or(usize::MAX);
        let taken = next < item.to;
        let liked = item.liked(|before| self.levels.get(before).map(|level| level.berth));
        let fit = if taken { (Reverse(next), 0) } else { (Reverse(0), next) };
        (taken, liked != Some(berth), self.puzzle.taste(item, berth), fit)
    }

    /// Takes everything back to the last item that the deepest level blames; `None`: nobody.
    fn turn_back(&mut self) -> Option<usize> {
        let mut failed = self.levels.pop()?.blame;
        let culprit = failed.last()?;
        failed.remove(culprit);
        for depth in (culprit..self.levels.len()).rev() {
            for place in self.puzzle.items[depth].places(self.levels[depth].berth) {
                self.rows[place].pop();
            }
        }
        self.levels.truncate(culprit + 1);
        self.levels[culprit].blame.add_all(&failed);
        Some(culprit)
    }
}

fn classes(puzzle: &Puzzle) -> Vec<Vec<usize>> {
    let mut class = vec![0; puzzle.places()];
    let mut classes = Vec::with_capacity(puzzle.items.len());
    for item in puzzle.items.iter().rev() {
        classes.push(class.clone());
        let mut names = HashMap::new();
        for (place, class) in class.iter_mut().enumerate() {
            // Who takes several side by side tells every place from every other.
            let own = if item.width > 1 { place } else { 0 };
            let next = names.len();
            *class = *names.entry((*class, item.open[place], own)).or_insert(next);
        }
    }
    classes.reverse();
    classes
}

/// A set of items, by their order.
#[derive(Clone, Default)]
struct Blame(Vec<u64>);

impl Blame {
    fn add(&mut self, item: usize) {
        let word = item / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (item % 64);
    }

    fn add_all(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(mine, other)| *mine |= other);
    }

    fn remove(&mut self, item: usize) {
        if let Some(word) = self.0.get_mut(item / 64) {
            *word &= !(1 << (item % 64));
        }
    }

    fn last(&self) -> Option<usize> {
        let word = self.0.iter().rposition(|word| *word != 0)?;
        Some(word * 64 + 63 - self.0[word].leading_zeros() as usize)
    }
}
