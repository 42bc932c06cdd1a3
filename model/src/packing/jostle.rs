//! Room by jostling: whoever has no place takes the one where those in the way were sent off least
//! often so far, and they look for another in turn. Nothing is undone, so that it gets far in a day
//! where a sweep would be lost in one corner; it proves nothing, and by itself it need not end.

use super::homeward;
use super::puzzle::{Item, Puzzle};
use super::steps::Steps;

/// A berth for every item; `None` where the steps did not go that far.
pub(super) fn about(puzzle: &Puzzle, steps: &mut Steps) -> Option<Vec<usize>> {
    let mut spots: Vec<Option<usize>> = puzzle.items.iter().map(Item::home).collect();
    let mut rows = vec![Vec::new(); puzzle.places()];
    for (item, home) in spots.iter().enumerate() {
        if let Some(home) = home {
            rows[*home].push(item);
        }
    }
    // How often each was without a place.
    let mut sent_off = vec![1_usize; puzzle.items.len()];
    let mut waiting: Vec<usize> =
        (0..spots.len()).rev().filter(|at| spots[*at].is_none()).collect();
    while let Some(at) = waiting.pop() {
        let item = &puzzle.items[at];
        if !steps.spend(item.open.len() * item.width) {
            return None;
        }
        let liked = item.liked(|before| spots[before]);
        let price = |berth: usize| -> usize {
            let out = item.places(berth).flat_map(|place| in_the_way(puzzle, &rows[place], item));
            out.map(|other| sent_off[other]).sum()
        };
        let open = (0..item.open.len()).filter(|berth| item.open[*berth]);
        let prices: Vec<(usize, usize)> = open.map(|berth| (price(berth), berth)).collect();
        let least = prices.iter().map(|(price, _)| *price).min()?;
        let cheap = prices.into_iter().filter(|(price, _)| *price == least);
        let best = cheap
            .map(|(_, berth)| berth)
            .min_by_key(|berth| (liked != Some(*berth), puzzle.taste(item, *berth)))?;
        sent_off[at] += 1;
        for place in item.places(best) {
            let out: Vec<usize> = in_the_way(puzzle, &rows[place], item).collect();
            for other in out {
                if let Some(berth) = spots[other].take() {
                    for place in puzzle.items[other].places(berth) {
                        rows[place].retain(|there| *there != other);
                    }
                    waiting.push(other);
                }
            }
            let row = &mut rows[place];
            row.insert(row.partition_point(|there| *there < at), at);
        }
        spots[at] = Some(best);
    }
    let mut spots = spots.into_iter().collect::<Option<Vec<usize>>>()?;
    homeward::swap(puzzle, &mut spots);
    Some(spots)
}

/// Who of `row` is there at some time of `item`'s.
fn in_the_way<'a>(
    puzzle: &'a Puzzle,
    row: &'a [usize],
    item: &'a Item,
) -> impl Iterator<Item = usize> + use<'a> {
    let first = row.partition_point(|there| puzzle.items[*there].to <= item.from);
    row[first..].iter().copied().take_while(|there| puzzle.items[*there].from < item.to)
}
