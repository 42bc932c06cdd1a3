//! Whether there is any plan at all: every placing is tried, without a bound. For up to 16 places.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use model::interval::Interval;
use model::packing::{Asked, Place, Standing};

/// A claim in whole minutes, and the sets of places (as bits) that would each do for it.
struct Need {
    from: i64,
    to: i64,
    runs: Vec<u16>,
}

/// Whether everybody can be placed. Slots of one request are taken as claims of their own.
pub fn plan_exists(
    places: &[Place],
    standing: &[Standing],
    asked: &Asked<'_>,
    buffer: TimeDelta,
) -> bool {
    let mut needs = needs(places, standing, asked, buffer);
    needs.sort_by_key(|need| (need.from, need.runs.len()));
    let alike = alike(&needs, places.len());
    Search { needs, alike, dead: HashSet::new() }.fits(0, &mut vec![0; places.len()])
}

fn needs(
    places: &[Place],
    standing: &[Standing],
    asked: &Asked<'_>,
    buffer: TimeDelta,
) -> Vec<Need> {
    let minute = |time: DateTime<Utc>| (time - DateTime::UNIX_EPOCH).num_minutes();
    let clear = |place: usize, when: &Interval| {
        !standing.iter().any(|one| {
            one.may_go.is_none()
                && one.space == places[place].space
                && one.when.starts() < when.ends() + buffer
                && when.starts() < one.when.ends() + buffer
        })
    };
    let need = |when: &Interval, runs| Need {
        from: minute(when.starts()),
        to: minute(when.ends() + buffer),
        runs,
    };
    let mut needs = Vec::new();
    for one in standing {
        if let Some(features) = one.may_go {
            let fits = |at: &usize| places[*at].features.covers(features) && clear(*at, &one.when);
            let runs = (0..places.len()).filter(fits).map(|at| 1 << at).collect();
            needs.push(need(&one.when, runs));
        }
    }
    let width = if asked.together { asked.desks } else { 1 };
    for slot in asked.slots {
        let fits = |at: usize| {
            places[at].features.covers(asked.required)
                && asked.pinned.is_none_or(|pinned| pinned == places[at].space)
                && clear(at, slot)
        };
        let rows = (0..=places.len().saturating_sub(width))
            .map(|first| first..(first + width).min(places.len()));
        let runs: Vec<u16> = rows
            .filter(|run| {
                run.len() == width
                    && run.clone().all(|at| fits(at) && places[at].row == places[run.start].row)
            })
            .map(|run| run.map(|at| 1 << at).sum())
            .collect();
        needs.extend((0..asked.desks / width).map(|_| need(slot, runs.clone())));
    }
    needs
}

/// For every need, by place: the first place that nobody from this need on can tell from it.
fn alike(needs: &[Need], places: usize) -> Vec<Vec<usize>> {
    let mut alike = vec![vec![0; places]];
    for need in needs.iter().rev() {
        let last = alike.last().unwrap();
        let single = need.runs.iter().all(|run| run.count_ones() == 1);
        let open = |at: usize| need.runs.contains(&(1 << at));
        let same = |one: usize, other: usize| {
            single && last[one] == last[other] && open(one) == open(other)
        };
        let first = |at: usize| (0..at).find(|other| same(at, *other)).unwrap_or(at);
        alike.push((0..places).map(first).collect());
    }
    alike.reverse();
    alike
}

struct Search {
    needs: Vec<Need>,
    alike: Vec<Vec<usize>>,
    /// Needs with what was taken then, from where no plan goes on. By place what it is like and
    /// until when it is taken, in an order that hides which of its like it is.
    dead: HashSet<(usize, Vec<(usize, i64)>)>,
}

impl Search {
    /// Whether the needs from `at` on fit where places are taken until the minutes in `until`.
    fn fits(&mut self, at: usize, until: &mut Vec<i64>) -> bool {
        let Some(need) = self.needs.get(at) else { return true };
        let from = need.from;
        let taken = |until: &i64| if *until <= from { 0 } else { *until };
        let mut state: Vec<_> =
            self.alike[at].iter().copied().zip(until.iter().map(taken)).collect();
        state.sort_unstable();
        if self.dead.contains(&(at, state.clone())) {
            return false;
        }
        if self.seated(at, until) {
            for run in 0..self.needs[at].runs.len() {
                let run = self.needs[at].runs[run];
                let within = |place: &usize| run & (1 << place) != 0;
                if (0..until.len()).filter(within).all(|place| until[place] <= from) {
                    let before = until.clone();
                    (0..until.len())
                        .filter(within)
                        .for_each(|place| until[place] = self.needs[at].to);
                    if self.fits(at + 1, until) {
                        return true;
                    }
                    *until = before;
                }
            }
        }
        self.dead.insert((at, state));
        false
    }

    /// Whether at each moment from `at` on, taken by itself, all who are there then can have
    /// different places; where they cannot, there is no plan.
    fn seated(&self, at: usize, until: &[i64]) -> bool {
        // What is placed already matters only as long as it lasts.
        let last = if at == 0 { i64::MAX } else { until.iter().copied().max().unwrap_or(0) };
        let later = &self.needs[at..];
        let moments = later.iter().map(|need| need.from).take_while(|moment| *moment < last);
        moments.into_iter().all(|moment| {
            let there = later.iter().filter(|need| need.from <= moment && moment < need.to);
            let wants: Vec<u16> = there
                .flat_map(|need| {
                    let gone = |place: &usize| until[*place] <= need.from;
                    let free: u16 = (0..until.len()).filter(gone).map(|place| 1 << place).sum();
                    let open = need.runs.iter().fold(0, |all, run| all | run) & free;
                    let seats = need.runs.first().map_or(1, |run| run.count_ones());
                    (0..seats).map(move |_| open)
                })
                .collect();
            let mut holder = vec![None; until.len()];
            (0..wants.len()).all(|who| seat(who, &wants, &mut holder, &mut 0))
        })
    }
}

fn seat(who: usize, wants: &[u16], holder: &mut [Option<usize>], seen: &mut u16) -> bool {
    for place in 0..holder.len() {
        let bit = 1 << place;
        if wants[who] & bit & !*seen != 0 {
            *seen |= bit;
            if holder[place].is_none_or(|other| seat(other, wants, holder, seen)) {
                holder[place] = Some(who);
                return true;
            }
        }
    }
    false
}
