//! How many claims lie over each other.

use crate::id::SpaceId;
use crate::interval::Interval;

/// The greatest number of `claims` that hold a common instant inside `window`.
#[must_use]
pub fn greatest_overlap(claims: impl IntoIterator<Item = Interval>, window: &Interval) -> usize {
    let mut edges: Vec<_> = claims
        .into_iter()
        .filter_map(|claim| claim.common(window))
        .flat_map(|claim| [(claim.starts(), 1_isize), (claim.ends(), -1)])
        .collect();
    // Ends sort before starts at the same instant: half-open intervals that touch do not overlap.
    edges.sort();
    let mut inside = 0;
    edges
        .iter()
        .map(|(_, step)| {
            inside += step;
            inside
        })
        .max()
        .unwrap_or(0)
        .unsigned_abs()
}

/// Spaces for `desks` desks in each of `slots`, given what is `taken`; the same spaces throughout
/// where that is possible, else the first free ones of each slot.
///
/// # Errors
/// The first slot that has too few free spaces.
pub fn place_desks(
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

/// Whether a nursery with `places` has room for `children` more in every slot.
///
/// # Errors
/// The first slot that has too few places.
pub fn care_fits(
    places: usize,
    taken: &[Interval],
    slots: &[Interval],
    children: usize,
) -> Result<(), Interval> {
    match slots
        .iter()
        .find(|slot| greatest_overlap(taken.iter().copied(), slot) + children > places)
    {
        Some(slot) => Err(*slot),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::{DateTime, TimeDelta};
    use proptest::prelude::*;

    use super::*;

    fn minutes(from: i64, to: i64) -> Interval {
        let zero = DateTime::UNIX_EPOCH;
        Interval::new(zero + TimeDelta::minutes(from), zero + TimeDelta::minutes(to)).unwrap()
    }

    #[test]
    fn neighbours_that_touch_do_not_overlap() {
        let day = minutes(0, 100);
        assert_eq!(greatest_overlap([minutes(0, 10), minutes(10, 20)], &day), 1);
        assert_eq!(greatest_overlap([minutes(0, 11), minutes(10, 20)], &day), 2);
        assert_eq!(greatest_overlap([], &day), 0);
        assert_eq!(greatest_overlap([minutes(0, 5), minutes(1, 5)], &minutes(5, 9)), 0);
    }

    fn space(number: u128) -> SpaceId {
        SpaceId(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn a_guest_keeps_one_desk_where_one_is_free_throughout() {
        let spaces = [space(1), space(2)];
        let slots = [minutes(0, 10), minutes(20, 30)];
        let taken = [(space(1), minutes(5, 8))];
        let kept = vec![(space(2), slots[0]), (space(2), slots[1])];
        assert_eq!(place_desks(&spaces, &taken, &slots, 1), Ok(kept));
        let taken = [(space(1), minutes(5, 8)), (space(2), minutes(29, 31))];
        let moved = vec![(space(2), slots[0]), (space(1), slots[1])];
        assert_eq!(place_desks(&spaces, &taken, &slots, 1), Ok(moved));
        assert_eq!(place_desks(&spaces, &taken, &slots, 2), Err(slots[0]));
    }

    #[test]
    fn care_counts_the_children_present_at_once() {
        let taken = [minutes(0, 10), minutes(10, 20)];
        assert_eq!(care_fits(2, &taken, &[minutes(5, 15)], 1), Ok(()));
        assert_eq!(care_fits(2, &taken, &[minutes(5, 15)], 2), Err(minutes(5, 15)));
    }

    proptest! {
        #[test]
        fn placed_desks_never_overlap(
            taken in prop::collection::vec((0_u128..4, 0_i64..60, 1_i64..30), 0..12),
            slots in prop::collection::vec((0_i64..3, 1_i64..20), 1..3), desks in 1_usize..4,
        ) {
            let spaces: Vec<_> = (0..4).map(space).collect();
            let taken: Vec<_> = taken.into_iter().map(|(s, from, len)| (space(s), minutes(from, from + len))).collect();
            let slots: Vec<_> = slots.into_iter().enumerate()
                .map(|(i, (from, len))| { let from = from + 25 * i64::try_from(i).unwrap(); minutes(from, from + len) }).collect();
            match place_desks(&spaces, &taken, &slots, desks) {
                Ok(placed) => {
                    prop_assert_eq!(placed.len(), slots.len() * desks);
                    for (i, (s, when)) in placed.iter().enumerate() {
                        prop_assert!(!taken.iter().any(|(t, w)| t == s && w.overlaps(when)));
                        prop_assert!(!placed[..i].iter().any(|(t, w)| t == s && w.overlaps(when)));
                    }
                }
                Err(slot) => {
                    let free = spaces.iter().filter(|s| !taken.iter().any(|(t, w)| t == *s && w.overlaps(&slot))).count();
                    prop_assert!(free < desks);
                }
            }
        }


        #[test]
        fn it_equals_counting_every_minute(
            claims in prop::collection::vec((0_i64..60, 1_i64..30), 0..20), from in 0_i64..60, len in 1_i64..30,
        ) {
            let claims: Vec<_> = claims.into_iter().map(|(start, len)| minutes(start, start + len)).collect();
            let counted = (from..from + len)
                .map(|m| claims.iter().filter(|c| c.contains(DateTime::UNIX_EPOCH + TimeDelta::minutes(m))).count())
                .max().unwrap();
            prop_assert_eq!(greatest_overlap(claims, &minutes(from, from + len)), counted);
        }
    }
}
