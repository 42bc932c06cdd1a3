//! Room by a few moves: who stands in the way goes elsewhere, and who is in the way there, and so on.

use super::puzzle::{Item, Puzzle};
use super::steps::Steps;

/// More moves than this are left to laying out the whole day.
const MOST: usize = 4;

/// Requests of more berths than this as well: they nearly always need more moves.
const BERTHS: usize = 32;

/// A berth for every item, with the fewest moves, up to [`MOST`], as far as the steps go.
pub(super) fn few(puzzle: &Puzzle, steps: &mut Steps) -> Option<Vec<usize>> {
    let mut board = Board::new(puzzle);
    let pending: Vec<usize> =
        (0..puzzle.items.len()).rev().filter(|item| board.spots[*item].is_none()).collect();
    if pending.len() > BERTHS {
        return None;
    }
    let found = (1..=MOST).any(|most| board.place(&mut pending.clone(), most, steps));
    found.then_some(board.spots)?.into_iter().collect()
}

struct Board<'a> {
    puzzle: &'a Puzzle,
    /// By item, where it is.
    spots: Vec<Option<usize>>,
    /// By item, whether it was placed by this search and is not to move again.
    settled: Vec<bool>,
    /// By place, the items there, in order.
    rows: Vec<Vec<usize>>,
}

/// A berth that an item could have.
struct Choice {
    /// Who would have to go, and how the berth would do.
    out: Vec<usize>,
    rank: (usize, bool, (usize, usize), usize),
    berth: usize,
}

impl<'a> Board<'a> {
    fn new(puzzle: &'a Puzzle) -> Self {
        let spots: Vec<Option<usize>> = puzzle.items.iter().map(Item::home).collect();
        let mut rows = vec![Vec::new(); puzzle.places()];
        for (item, spot) in spots.iter().enumerate() {
            if let Some(home) = spot {
                rows[*home].push(item);
            }
        }
        Self { puzzle, settled: vec![false; spots.len()], spots, rows }
    }

    /// Whether all of `pending` found a berth with at most `most` moves; if not, all is as before.
    fn place(&mut self, pending: &mut Vec<usize>, most: usize, steps: &mut Steps) -> bool {
        let Some(item) = pending.pop() else { return true };
        let waiting = pending.len();
        for choice in self.choices(item, most, steps) {
            self.put(item, choice.berth);
            self.settled[item] = true;
            for out in &choice.out {
                self.lift(*out);
                pending.push(*out);
            }
            if self.place(pending, most - choice.out.len(), steps) {
                return true;
            }
            pending.truncate(waiting);
            self.lift(item);
            self.settled[item] = false;
            for (out, home) in choice.out.iter().map(|out| (*out, self.puzzle.items[*out].home())) {
                if let Some(home) = home {
                    self.put(out, home);
                }
            }
        }
        pending.push(item);
        false
    }

    fn choices(&self, item: usize, most: usize, steps: &mut Steps) -> Vec<Choice> {
        let one = &self.puzzle.items[item];
        let liked = one.liked(|before| self.spots[before]);
        let mut choices = Vec::new();
        if !steps.spend(one.open.len() * one.width) {
            return choices;
        }
        for berth in (0..one.open.len()).filter(|berth| one.open[*berth]) {
            if let Some(out) = self.in_the_way(one, berth, most) {
                let taste = self.puzzle.taste(one, berth);
                let rank = (out.len(), liked != Some(berth), taste, berth);
                choices.push(Choice { out, rank, berth });
            }
        }
        choices.sort_unstable_by_key(|choice| choice.rank);
        choices
    }

    /// Who would have to leave the berth, unless that is more than `most` or cannot be asked.
    fn in_the_way(&self, one: &Item, berth: usize, most: usize) -> Option<Vec<usize>> {
        let items = &self.puzzle.items;
        let mut out = Vec::new();
        for row in &self.rows[one.places(berth)] {
            let first = row.partition_point(|other| items[*other].to <= one.from);
            for other in row[first..].iter().take_while(|other| items[**other].from < one.to) {
                if self.settled[*other] || out.len() == most {
                    return None;
                }
                out.push(*other);
            }
        }
        Some(out)
    }

    fn put(&mut self, item: usize, berth: usize) {
        for row in &mut self.rows[self.puzzle.items[item].places(berth)] {
            let at = row.partition_point(|other| *other < item);
            row.insert(at, item);
        }
        self.spots[item] = Some(berth);
    }

    fn lift(&mut self, item: usize) {
        if let Some(berth) = self.spots[item].take() {
            for row in &mut self.rows[self.puzzle.items[item].places(berth)] {
                row.retain(|other| *other != item);
            }
        }
    }
}
