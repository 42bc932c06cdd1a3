//! Whether an answer keeps every promise; written without a look at how packing works.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use model::id::{ClaimId, SpaceId};
use model::interval::Interval;
use model::packing::{Asked, Packed, Place, Standing};

/// The first promise that `packed` breaks, as a sentence.
pub fn valid(
    places: &[Place],
    standing: &[Standing],
    asked: &Asked<'_>,
    buffer: TimeDelta,
    packed: &Packed,
) -> Result<(), String> {
    let known: BTreeMap<SpaceId, &Place> = places.iter().map(|p| (p.space, p)).collect();
    let there = |space: &SpaceId| known.get(space).copied().ok_or(format!("{space} is not there"));

    let mut slots: BTreeMap<Interval, BTreeSet<SpaceId>> = BTreeMap::new();
    for (space, when) in &packed.placed {
        if !there(space)?.features.covers(asked.required) {
            return Err(format!("{space} lacks what is required"));
        }
        if asked.pinned.is_some_and(|pinned| pinned != *space) {
            return Err("not the pinned space".to_owned());
        }
        if !slots.entry(*when).or_default().insert(*space) {
            return Err(format!("{space} twice in one slot"));
        }
    }
    if slots.keys().ne(asked.slots) || slots.values().any(|spaces| spaces.len() != asked.desks) {
        return Err("not every slot has its desks".to_owned());
    }
    if asked.together {
        for spaces in slots.values() {
            let mut at: Vec<usize> = Vec::new();
            at.extend((0..places.len()).filter(|at| spaces.contains(&places[*at].space)));
            let apart =
                at.windows(2).any(|w| w[0] + 1 != w[1] || places[w[0]].row != places[w[1]].row);
            if apart {
                return Err("not side by side".to_owned());
            }
        }
    }

    let mut moves: BTreeMap<ClaimId, SpaceId> = BTreeMap::new();
    for (claim, to) in &packed.moves {
        if moves.insert(*claim, *to).is_some() {
            return Err(format!("claim {claim} moves twice"));
        }
        let one =
            standing.iter().find(|one| one.claim == *claim).ok_or("an unknown claim moves")?;
        let needs = one.may_go.ok_or(format!("claim {claim} may not go"))?;
        if one.space == *to {
            return Err(format!("claim {claim} moves to where it is"));
        }
        if !there(to)?.features.covers(needs) {
            return Err(format!("claim {claim} loses what it needs"));
        }
    }

    let after = |one: &Standing| moves.get(&one.claim).copied().unwrap_or(one.space);
    let clash = |a: &Interval, b: &Interval| {
        a.starts() < b.ends() + buffer && b.starts() < a.ends() + buffer
    };
    for (at, one) in standing.iter().enumerate() {
        for other in &standing[..at] {
            let before = one.space == other.space;
            if after(one) == after(other) && !before && clash(&one.when, &other.when) {
                return Err(format!("claims {} and {} clash", one.claim, other.claim));
            }
        }
        for (space, when) in &packed.placed {
            if after(one) == *space && clash(&one.when, when) {
                return Err(format!("claim {} clashes with the request", one.claim));
            }
        }
    }
    Ok(())
}
