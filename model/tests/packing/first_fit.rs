//! First fit: what packing is measured against, and where nobody may be moved the same as packing.

use model::id::SpaceId;
use model::interval::Interval;

use crate::town::{minutes, space};

/// Spaces for `desks` desks in each of `slots`, given what is `taken`; the same spaces throughout
/// where that is possible, else the first free ones of each slot.
///
/// # Errors
/// The first slot that has too few free spaces.
pub fn place_first_fit(
    spaces: &[SpaceId],
    taken: &[(SpaceId, Interval)],
    slots: &[Interval],
    desks: usize,
) -> Result<Vec<(SpaceId, Interval)>, Interval> {
    let free = |space: &SpaceId, slot: &Interval| {
        !taken.iter().any(|(other, when)| other == space && when.overlaps(slot))
    };
    let steady: Vec<_> = spaces
        .iter()
        .filter(|space| slots.iter().all(|slot| free(space, slot)))
        .take(desks)
        .collect();
    let mut placed = Vec::with_capacity(slots.len() * desks);
    for slot in slots {
        let others = spaces.iter().filter(|space| !steady.contains(space) && free(space, slot));
        let chosen: Vec<_> = steady.iter().copied().chain(others).take(desks).collect();
        if chosen.len() < desks {
            return Err(*slot);
        }
        placed.extend(chosen.into_iter().map(|space| (*space, *slot)));
    }
    Ok(placed)
}

#[test]
fn a_guest_keeps_one_desk_where_one_is_free_throughout() {
    let spaces = [space(1), space(2)];
    let slots = [minutes(0, 10), minutes(20, 30)];
    let taken = [(space(1), minutes(5, 8))];
    let kept = vec![(space(2), slots[0]), (space(2), slots[1])];
    assert_eq!(place_first_fit(&spaces, &taken, &slots, 1), Ok(kept));
    let taken = [(space(1), minutes(5, 8)), (space(2), minutes(29, 31))];
    let moved = vec![(space(2), slots[0]), (space(1), slots[1])];
    assert_eq!(place_first_fit(&spaces, &taken, &slots, 1), Ok(moved));
    assert_eq!(place_first_fit(&spaces, &taken, &slots, 2), Err(slots[0]));
}
