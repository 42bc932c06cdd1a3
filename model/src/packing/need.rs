//! Whether a request can be met at every moment, taken by itself.

use super::puzzle::{Item, Puzzle, What};

/// The first stay, and a moment of it, at which the request and all who stand there cannot have
/// different places, wherever they go. Then no laying out of the day helps.
pub(super) fn unmet(puzzle: &Puzzle) -> Option<(usize, usize)> {
    puzzle.items.iter().find_map(|asked| {
        let What::Asked { stay, line: 0, .. } = asked.what else { return None };
        if !asked.open.contains(&true) {
            return Some((stay, asked.from));
        }
        // Overlap grows only where something begins.
        let mut moments: Vec<usize> = puzzle.items.iter().map(|item| item.from).collect();
        moments.retain(|moment| asked.from <= *moment && *moment < asked.to);
        moments.dedup();
        moments.into_iter().find(|moment| !met(puzzle, *moment)).map(|moment| (stay, moment))
    })
}

/// Whether all who are there at `moment` can have different places.
fn met(puzzle: &Puzzle, moment: usize) -> bool {
    let there = |item: &&Item| item.from <= moment && moment < item.to;
    let mut seats = Seats { holder: vec![None; puzzle.places()] };
    let mut asked = Vec::new();
    for item in puzzle.items.iter().filter(there) {
        match item.home() {
            Some(home) => seats.holder[home] = Some(item),
            None => asked.push(item),
        }
    }
    asked.into_iter().all(|item| (0..item.width).all(|_| seats.find(item)))
}

/// Who sits where. One more is seated by others moving along, as far as that takes.
struct Seats<'a> {
    holder: Vec<Option<&'a Item>>,
}

impl<'a> Seats<'a> {
    fn find(&mut self, item: &'a Item) -> bool {
        let mut seen = vec![false; self.holder.len()];
        // For a place that was seen: the place whose holder would move there.
        let mut leaves: Vec<Option<usize>> = vec![None; self.holder.len()];
        let mut asking = vec![(item, None)];
        while let Some((one, from)) = asking.pop() {
            for place in (0..seen.len()).filter(|place| one.reaches(*place)) {
                if std::mem::replace(&mut seen[place], true) {
                    continue;
                }
                leaves[place] = from;
                let Some(holder) = self.holder[place] else {
                    self.move_along(item, place, &leaves);
                    return true;
                };
                asking.push((holder, Some(place)));
            }
        }
        false
    }

    fn move_along(&mut self, item: &'a Item, empty: usize, leaves: &[Option<usize>]) {
        let mut empty = empty;
        while let Some(from) = leaves[empty] {
            self.holder[empty] = self.holder[from];
            empty = from;
        }
        self.holder[empty] = Some(item);
    }
}
