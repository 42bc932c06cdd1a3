//! Places that are free as things stand: nobody moves.

use std::cmp::Reverse;
use std::ops::Range;

use super::day::Day;

/// The best berths that are free in every stay: as many as are asked, or all there are.
pub(super) fn steady(day: &Day<'_>) -> Vec<usize> {
    let taste = taste(day);
    let all = 0..day.stays.len();
    let free = |berth: &usize| day.stays.iter().all(|stay| day.free(*berth, stay));
    let mut steady: Vec<usize> = day.berths.iter().copied().filter(free).collect();
    steady.sort_by_cached_key(|berth| taste(*berth, all.clone()));
    steady.truncate(day.lines);
    steady
}

/// The berths of each of `stays`: who has one of `kept` or of the stay before keeps it while it is
/// free; the others get what is free longest, stay by stay.
///
/// # Errors
/// The first stay with too few free berths.
pub(super) fn fill(
    day: &Day<'_>,
    stays: Range<usize>,
    kept: &[usize],
) -> Result<Vec<Vec<usize>>, usize> {
    let taste = taste(day);
    let mut lines: Vec<Option<usize>> = kept.iter().copied().map(Some).collect();
    lines.resize(day.lines, None);
    let mut filled = Vec::with_capacity(stays.len());
    for at in stays {
        let free = |berth: &usize| day.free(*berth, &day.stays[at]);
        lines.iter_mut().for_each(|line| *line = line.filter(free));
        if lines.contains(&None) {
            let run = |berth: usize| {
                day.stays[at..].iter().take_while(|stay| day.free(berth, stay)).count()
            };
            let others = day.berths.iter().copied().filter(free);
            let mut others: Vec<usize> =
                others.filter(|berth| !lines.contains(&Some(*berth))).collect();
            others.sort_by_cached_key(|berth| {
                let run = run(*berth);
                (Reverse(run), taste(*berth, at..at + run))
            });
            let mut others = others.into_iter();
            lines.iter_mut().for_each(|line| *line = line.or_else(|| others.next()));
        }
        filled.push(lines.iter().copied().collect::<Option<Vec<usize>>>().ok_or(at)?);
    }
    Ok(filled)
}

/// How a berth would do for some of the stays, the best least: what is wanted and not there, what
/// is there and others will ask for, the minutes left empty around, the order of preference.
fn taste(day: &Day<'_>) -> impl Fn(usize, Range<usize>) -> (usize, usize, i64, usize) {
    let rarity = day.rarity();
    let asked = day.asked.required.or(day.asked.wanted);
    move |berth, stays| {
        let places = &day.places[berth..berth + day.width];
        let missing = places.iter().map(|place| asked.without(place.features).len()).sum();
        let waste = places.iter().map(|place| rarity.worth(place.features.without(asked))).sum();
        let slack = day.stays[stays].iter().map(|stay| day.slack(berth, stay)).sum();
        (missing, waste, slack, berth)
    }
}
