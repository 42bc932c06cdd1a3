//! Search: which centres can take all of a wish, why the others cannot, and what would work.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use model::booking::{self, BadWish, Wish};
use model::capacity::{care_fits, greatest_overlap};
use model::centre::{Centre, Nursery};
use model::closure;
use model::feature::Features;
use model::id::{CentreId, ChildId, SpaceId};
use model::interval::Interval;
use model::language::LocalText;
use model::opening;
use model::permission::{Action, Target};
use store::LiveClaims;
use uuid::Uuid;

use super::atlas::Atlas;
use super::{Caller, Refused, allow, rules};
use crate::hub::Hub;

/// When something is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// From and to, in minutes after local midnight, on each of these local days.
    Days {
        /// The days; sorted, each once.
        days: Vec<NaiveDate>,
        /// The start.
        from: u32,
        /// The end.
        to: u32,
    },
    /// Exactly these stretches.
    Slots(Vec<Interval>),
}

impl When {
    /// The stretches of time where the local zone is `zone`; none when an end is not after its start.
    #[must_use]
    pub fn slots(&self, zone: Tz) -> Option<Vec<Interval>> {
        match self {
            Self::Slots(slots) => Some(slots.clone()),
            Self::Days { days, from, to } => days
                .iter()
                .map(|day| {
                    let starts = opening::local(*day, *from, zone)?;
                    Interval::new(starts, opening::local(*day, *to, zone)?).ok()
                })
                .collect(),
        }
    }
}

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// When.
    pub when: When,
    /// How many desks.
    pub desks: u32,
    /// For how many children care is needed.
    pub children: u32,
    /// What each desk must have.
    pub required: Features,
    /// Only this centre.
    pub only: Option<CentreId>,
    /// The nearer to this centre the better.
    pub near: Option<CentreId>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Centres that can take all of it, best first.
    pub takers: Vec<Taker>,
    /// The others.
    pub others: Vec<Other>,
    /// The nearest later day on which some centre can, where today none can.
    pub other_day: Option<(NaiveDate, CentreId)>,
}

/// A centre that can take all of a wish.
#[derive(Clone, Debug, PartialEq)]
pub struct Taker {
    /// Which.
    pub centre: CentreId,
    /// The stretches, as they would be booked.
    pub slots: Vec<Interval>,
    /// Desks free all through, before this wish; the fewest of any stretch.
    pub free_desks: usize,
    /// Care places free all through, before this wish, where there is a nursery.
    pub free_care: Option<usize>,
    /// Kilometres from the centre asked about.
    pub distance_km: Option<f64>,
}

/// A centre that cannot.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    /// Which.
    pub centre: CentreId,
    /// Kilometres from the centre asked about.
    pub distance_km: Option<f64>,
    /// Why not: the first reason found.
    pub why: Why,
    /// The nearest change that works.
    pub instead: Option<Instead>,
}

/// Why a centre cannot take a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Against its house rules: not open, too long, off its grain.
    Rule(BadWish),
    /// It is closed then, for this reason.
    Closed(Interval, LocalText),
    /// Too few desks in this stretch; so many are free.
    Desks(Interval, usize),
    /// It has no nursery.
    NoNursery,
    /// Too few care places in this stretch; so many are free.
    Care(Interval, usize),
}

/// A change of the wish that works at the same centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instead {
    /// All of it, at these times of the same days.
    Shifted(Vec<Interval>),
    /// The desks without the care.
    DesksOnly(Vec<Interval>),
}

/// Looks for room at every centre, or the one asked for.
///
/// # Errors
/// [`Refused`] when the store fails.
pub async fn search(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    query: &Query,
) -> Result<Found, Refused> {
    allow(caller, Action::Search, &Target::default())?;
    let claims = match window(atlas, &query.when, rules::SHIFT, hub.now()) {
        Some(window) => hub.store.claims_in(&window).await?,
        None => LiveClaims::default(),
    };
    let room = Room { atlas, claims: &claims, now: hub.now() };
    let (mut takers, mut others) = (Vec::new(), Vec::new());
    for centre in asked(atlas, query) {
        let distance_km = query
            .near
            .and_then(|near| atlas.centre(near))
            .map(|near| distance_km(near.position, centre.position));
        match room.fits(centre, &query.when, query) {
            Ok(fit) => takers.push(Taker {
                centre: centre.id,
                slots: fit.slots,
                free_desks: fit.free_desks,
                free_care: fit.free_care,
                distance_km,
            }),
            Err(why) => {
                let instead = room.instead(centre, query);
                others.push(Other { centre: centre.id, distance_km, why, instead });
            }
        }
    }
    takers.sort_by(|a, b| {
        let far = |taker: &Taker| taker.distance_km.unwrap_or_default();
        far(a).total_cmp(&far(b)).then(b.free_desks.cmp(&a.free_desks))
    });
    others.sort_by(|a, b| {
        let far = |other: &Other| other.distance_km.unwrap_or_default();
        a.instead.is_none().cmp(&b.instead.is_none()).then(far(a).total_cmp(&far(b)))
    });
    let other_day = if takers.is_empty() { other_day(hub, atlas, query).await? } else { None };
    Ok(Found { takers, others, other_day })
}

/// The next whole stretch of the usual length that some centre is open for: what the front page
/// proposes. Its start lies on a quarter of an hour.
#[must_use]
pub fn proposal(
    atlas: &Atlas,
    preferred: Option<CentreId>,
    now: DateTime<Utc>,
) -> Option<Interval> {
    const QUARTER: TimeDelta = TimeDelta::minutes(15);
    let behind = now.timestamp().rem_euclid(QUARTER.num_seconds());
    let next = DateTime::from_timestamp(now.timestamp() - behind, 0)? + QUARTER;
    let stretch = |start| Interval::new(start, start + rules::USUAL_STAY).ok();
    let preferred = preferred.and_then(|id| atlas.centre(id));
    let open = |slot: &Interval| match preferred {
        Some(centre) => centre.opening.covers(slot, centre.time_zone),
        None => atlas.centres.iter().any(|centre| centre.opening.covers(slot, centre.time_zone)),
    };
    let quarters_of_a_week = 7 * 24 * 4;
    (0..quarters_of_a_week)
        .filter_map(|quarters| stretch(next + QUARTER * quarters))
        .find(open)
        .or_else(|| stretch(next))
}

/// Great-circle distance of two positions in degrees.
#[must_use]
pub fn distance_km(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (lat_a, lat_b) = (from.0.to_radians(), to.0.to_radians());
    let (d_lat, d_lon) = (lat_b - lat_a, (to.1 - from.1).to_radians());
    let a = (d_lat / 2.0).sin().powi(2) + lat_a.cos() * lat_b.cos() * (d_lon / 2.0).sin().powi(2);
    2.0 * 6_371.0 * a.sqrt().min(1.0).asin()
}

fn asked<'a>(atlas: &'a Atlas, query: &Query) -> impl Iterator<Item = &'a Centre> {
    let only = query.only;
    atlas.centres.iter().filter(move |centre| only.is_none_or(|only| centre.id == only))
}

/// From the first start to the last end at any centre, `beside` more to both sides; of that, what
/// can be booked at all, so that nobody can make the hub read years of claims.
fn window(atlas: &Atlas, when: &When, beside: TimeDelta, now: DateTime<Utc>) -> Option<Interval> {
    let horizon = atlas.centres.iter().map(|centre| centre.settings.horizon_days).max()?;
    let bookable =
        Interval::new(now - TimeDelta::days(1), now + TimeDelta::days(i64::from(horizon) + 2))
            .ok()?;
    let slots: Vec<Interval> =
        atlas.centres.iter().filter_map(|centre| when.slots(centre.time_zone)).flatten().collect();
    let starts = slots.iter().map(Interval::starts).min()?;
    let ends = slots.iter().map(Interval::ends).max()?;
    Interval::new(starts - beside, ends + beside).ok()?.common(&bookable)
}

async fn other_day(
    hub: &Hub,
    atlas: &Atlas,
    query: &Query,
) -> Result<Option<(NaiveDate, CentreId)>, Refused> {
    let When::Days { days, from, to } = &query.when else { return Ok(None) };
    let [day] = days.as_slice() else { return Ok(None) };
    let later: Vec<NaiveDate> = (1..=rules::OTHER_DAYS)
        .filter_map(|ahead| day.checked_add_days(Days::new(ahead)))
        .collect();
    let on = |days: Vec<NaiveDate>| When::Days { days, from: *from, to: *to };
    let Some(window) = window(atlas, &on(later.clone()), TimeDelta::zero(), hub.now()) else {
        return Ok(None);
    };
    let claims = hub.store.claims_in(&window).await?;
    let room = Room { atlas, claims: &claims, now: hub.now() };
    let mut centres: Vec<&Centre> = asked(atlas, query).collect();
    if let Some(near) = query.near.and_then(|near| atlas.centre(near)) {
        centres.sort_by(|a, b| {
            distance_km(near.position, a.position)
                .total_cmp(&distance_km(near.position, b.position))
        });
    }
    Ok(later.into_iter().find_map(|day| {
        let when = on(vec![day]);
        let taker = centres.iter().find(|centre| room.fits(centre, &when, query).is_ok())?;
        Some((day, taker.id))
    }))
}

/// The room that is left, as far as `claims` reach.
struct Room<'a> {
    atlas: &'a Atlas,
    claims: &'a LiveClaims,
    now: DateTime<Utc>,
}

struct Fit {
    slots: Vec<Interval>,
    free_desks: usize,
    free_care: Option<usize>,
}

impl Room<'_> {
    fn fits(&self, centre: &Centre, when: &When, query: &Query) -> Result<Fit, Why> {
        let slots = when.slots(centre.time_zone).ok_or(Why::Rule(BadWish::Nothing))?;
        // The rules look at how many children there are and that none stands twice, not at whose
        // they are: any ids will do.
        let children = (0..query.children).map(|n| ChildId(Uuid::from_u128(n.into()))).collect();
        let wish = Wish {
            children,
            required: query.required,
            ..Wish::of_desks(centre.id, slots, query.desks)
        };
        booking::check(&wish, centre, self.now).map_err(Why::Rule)?;
        let slots = wish.slots;
        if let Some((shut, slot)) = closure::over(&self.atlas.closures, centre.id, &slots) {
            return Err(Why::Closed(slot, shut.reason.clone()));
        }
        let desks: Vec<SpaceId> = self
            .atlas
            .desks(centre.id)
            .filter(|space| space.features.covers(query.required))
            .filter(|space| {
                !self.atlas.closures.iter().any(|shut| {
                    shut.centre == centre.id
                        && slots.iter().any(|slot| shut.shuts(Some(space.id), slot))
                })
            })
            .map(|space| space.id)
            .collect();
        let taken: Vec<(SpaceId, Interval)> = self
            .claims
            .desks
            .iter()
            .filter(|(at, _, _)| *at == centre.id)
            .map(|(_, space, claim)| (*space, *claim))
            .collect();
        let free_in = |slot: &Interval| {
            let held = |desk: &&SpaceId| {
                taken.iter().any(|(space, claim)| space == *desk && claim.overlaps(slot))
            };
            desks.iter().filter(|desk| !held(desk)).count()
        };
        let wanted = usize::try_from(query.desks).unwrap_or(usize::MAX);
        // Claims that stand in the way may move: what counts is how many lie over each other.
        let held = || taken.iter().filter(|(space, _)| desks.contains(space));
        let full = slots.iter().find(|slot| {
            greatest_overlap(held().map(|(_, claim)| *claim), slot) + wanted > desks.len()
        });
        if let Some(slot) = full {
            return Err(Why::Desks(*slot, free_in(slot)));
        }
        let nursery = self.atlas.nursery(centre.id);
        let free_care = nursery.map(|nursery| self.free_care(nursery, &slots));
        if query.children > 0 {
            let nursery = nursery.ok_or(Why::NoNursery)?;
            self.care(nursery, &slots, query.children)?;
        }
        let free_desks = slots.iter().map(free_in).min().unwrap_or_default();
        Ok(Fit { slots, free_desks, free_care })
    }

    fn care(&self, nursery: &Nursery, slots: &[Interval], children: u32) -> Result<(), Why> {
        let places = usize::try_from(nursery.places).unwrap_or(usize::MAX);
        let children = usize::try_from(children).unwrap_or(usize::MAX);
        care_fits(places, &self.care_of(nursery), slots, children)
            .map_err(|slot| Why::Care(slot, self.free_care(nursery, &[slot])))
    }

    fn free_care(&self, nursery: &Nursery, slots: &[Interval]) -> usize {
        let taken = self.care_of(nursery);
        let most = slots.iter().map(|slot| greatest_overlap(taken.iter().copied(), slot)).max();
        usize::try_from(nursery.places)
            .unwrap_or(usize::MAX)
            .saturating_sub(most.unwrap_or_default())
    }

    fn care_of(&self, nursery: &Nursery) -> Vec<Interval> {
        self.claims
            .care
            .iter()
            .filter(|(at, _)| *at == nursery.id)
            .map(|(_, claim)| *claim)
            .collect()
    }

    /// The same at the nearest other time of the day, else the desks alone at the same time.
    fn instead(&self, centre: &Centre, query: &Query) -> Option<Instead> {
        let slots = query.when.slots(centre.time_zone)?;
        let day_of = |slot: &Interval| slot.starts().with_timezone(&centre.time_zone).date_naive();
        let grain = TimeDelta::minutes(centre.settings.grain_minutes.max(5).into());
        let steps =
            i32::try_from(rules::SHIFT.num_minutes() / grain.num_minutes()).unwrap_or_default();
        let shifted = |by: TimeDelta| -> Option<Vec<Interval>> {
            slots
                .iter()
                .map(|slot| {
                    let moved = Interval::new(slot.starts() + by, slot.ends() + by).ok()?;
                    (day_of(&moved) == day_of(slot)).then_some(moved)
                })
                .collect()
        };
        let nearest = (1..=steps)
            .flat_map(|step| [grain * step, grain * -step])
            .filter_map(shifted)
            .find(|slots| self.fits(centre, &When::Slots(slots.clone()), query).is_ok());
        if let Some(slots) = nearest {
            return Some(Instead::Shifted(slots));
        }
        let alone = Query { children: 0, ..query.clone() };
        (query.children > 0 && query.desks > 0)
            .then(|| self.fits(centre, &query.when, &alone).ok())
            .flatten()
            .map(|fit| Instead::DesksOnly(fit.slots))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yokohama_and_tsurugashima_are_about_52_km_apart() {
        let far = distance_km((35.466, 139.622), (35.934, 139.393));
        assert!((50.0..60.0).contains(&far), "{far}");
    }
}
