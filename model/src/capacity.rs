//! How many claims lie over each other.

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

/// Whether a nursery with `places` has room for all that is `asked`, an interval for each child, beside what is
/// `taken`.
///
/// # Errors
/// The first interval in which it has too few places.
pub fn care_fits(places: usize, taken: &[Interval], asked: &[Interval]) -> Result<(), Interval> {
    let all = || taken.iter().chain(asked).copied();
    match asked.iter().find(|window| greatest_overlap(all(), window) > places) {
        Some(window) => Err(*window),
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

    #[test]
    fn care_counts_the_children_present_at_once() {
        let taken = [minutes(0, 10), minutes(10, 20)];
        assert_eq!(care_fits(2, &taken, &[minutes(5, 15)]), Ok(()));
        assert_eq!(care_fits(2, &taken, &[minutes(5, 15); 2]), Err(minutes(5, 15)));
    }

    proptest! {
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
