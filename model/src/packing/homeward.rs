//! Fewer moves after the day was laid out: who was sent elsewhere without need goes home.

use super::puzzle::{Puzzle, What};

/// Exchanges what stands at two places in a stretch of the day, wherever more come home by it than
/// leave home.
pub(super) fn swap(puzzle: &Puzzle, spots: &mut [usize]) {
    let mut rows = vec![Vec::new(); puzzle.places()];
    for (at, (item, spot)) in puzzle.items.iter().zip(spots.iter()).enumerate() {
        item.places(*spot).for_each(|place| rows[place].push(at));
    }
    // Every exchange brings at least one more home, so that this ends.
    let mut again = true;
    while again {
        again = false;
        for item in 0..spots.len() {
            if let Some(home) = puzzle.items[item].home()
                && home != spots[item]
            {
                again |= exchange(puzzle, spots, &mut rows, item, home);
            }
        }
    }
}

/// Brings `first` home, if that pays for everybody it drags along.
fn exchange(
    puzzle: &Puzzle,
    spots: &mut [usize],
    rows: &mut [Vec<usize>],
    first: usize,
    home: usize,
) -> bool {
    let items = &puzzle.items;
    let ends = [spots[first], home];
    let other = |spot: usize| if spot == ends[0] { ends[1] } else { ends[0] };
    let mut dragged = vec![first];
    let mut next = 0;
    let mut gain = 0_isize;
    while let Some(one) = dragged.get(next).copied() {
        next += 1;
        let to = other(spots[one]);
        let item = &items[one];
        if item.width > 1 || !item.open[to] {
            return false;
        }
        if let What::Block { home, .. } = item.what {
            gain += isize::from(home == to) - isize::from(home == spots[one]);
        }
        let row = &rows[to];
        let start = row.partition_point(|there| items[*there].to <= item.from);
        for there in row[start..].iter().take_while(|there| items[**there].from < item.to) {
            if !dragged.contains(there) {
                dragged.push(*there);
            }
        }
    }
    if gain <= 0 {
        return false;
    }
    for one in dragged {
        let to = other(spots[one]);
        rows[spots[one]].retain(|there| *there != one);
        let at = rows[to].partition_point(|there| *there < one);
        rows[to].insert(at, one);
        spots[one] = to;
    }
    true
}
