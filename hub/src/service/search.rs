//! Search: which centres can take all of a wish, why the others cannot, and what would work.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::iter;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Timelike as _, Utc};
use chrono_tz::Tz;
use model::booking::{self, BadWish, Wish};
use model::care::admission::Admits;
use model::care::age::{Ages, YearStart};
use model::care::file::Interview;
use model::care::intake::{CareWanted, Intake, Lack, NotTaken};
use model::care::scheme::{NotUnder, Scheme, choose};
use model::care::staffing::Staffing;
use model::centre::{Centre, Nursery, Space, SpaceKind};
use model::closure::{self, Closure};
use model::feature::Features;
use model::id::{CentreId, ChildId, NurseryId, PersonId, SpaceId};
use model::interval::Interval;
use model::language::LocalText;
use model::opening;
use model::permission::{Action, Target};
use store::NoRoom;

use super::atlas::Atlas;
use super::{Caller, Refused, allow, children, rules};
use crate::hub::Hub;
use crate::vacancies::{Staffed, View};

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
    /// This stretch, and as long at the same local time on each of these other days.
    Again(Interval, Vec<NaiveDate>),
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
            Self::Again(first, days) => {
                let starts = first.starts().with_timezone(&zone);
                let minutes = starts.hour() * 60 + starts.minute();
                let again = |day: &NaiveDate| {
                    let starts = opening::local(*day, minutes, zone)?;
                    Interval::new(starts, starts + first.length()).ok()
                };
                let mut slots: Vec<Interval> = days
                    .iter()
                    .filter(|day| **day != starts.date_naive())
                    .map(again)
                    .collect::<Option<_>>()?;
                slots.push(*first);
                slots.sort();
                slots.dedup();
                Some(slots)
            }
        }
    }
}

/// What is looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// When.
    pub when: When,
    /// How many desks.
    pub desks: u32,
    /// At its own centre only this space; elsewhere any of its kind. Without one any desk will do.
    pub pinned: Option<SpaceId>,
    /// Whether everybody stays where they are: else whoever may be moved counts as somebody who makes
    /// room, which only the database can tell for certain.
    pub stays: bool,
    /// For how many children care is needed.
    pub children: u32,
    /// Who they are, as far as that is known: their ages decide where a nursery goes by staffing. Whoever is
    /// not named, or not a child of theirs who ask, counts as a newborn.
    pub kids: Vec<ChildId>,
    /// Whose children they are; the caller's where nobody is said.
    pub whose: Option<PersonId>,
    /// Under which scheme all of the care is to go; each child's under the first that is for it where none is said.
    pub scheme: Option<String>,
    /// What each desk must have.
    pub required: Features,
    /// What each desk had better have.
    pub wanted: Features,
    /// Whether the desks are to stand side by side.
    pub together: bool,
    /// Only this centre.
    pub only: Option<CentreId>,
    /// The nearer to it the better.
    pub near: Option<Near>,
    /// How many centres are told of, of those that can and of those that cannot.
    pub most: usize,
}

/// What a centre is to be near to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Near {
    /// A centre.
    Centre(CentreId),
    /// Degrees north and east (WGS 84).
    Point(f64, f64),
}

impl Query {
    /// One desk then, wherever it is.
    #[must_use]
    pub fn at(when: When) -> Self {
        Self {
            when,
            desks: 1,
            pinned: None,
            stays: false,
            children: 0,
            kids: Vec::new(),
            whose: None,
            scheme: None,
            required: Features::NONE,
            wanted: Features::NONE,
            together: false,
            only: None,
            near: None,
            most: rules::MOST_FOUND,
        }
    }

    /// All of a wish, wherever it is.
    #[must_use]
    pub fn of(wish: &Wish) -> Self {
        Self {
            desks: wish.desks,
            pinned: wish.pinned,
            children: u32::try_from(wish.children.len()).unwrap_or(u32::MAX),
            kids: wish.children.clone(),
            scheme: wish.one_scheme().map(str::to_owned),
            required: wish.required,
            wanted: wish.wanted,
            together: wish.together,
            ..Self::at(When::Slots(wish.slots_in_order()))
        }
    }

    fn kids_of(&self, caller: &Caller) -> (Option<PersonId>, &[ChildId]) {
        (self.whose.or(caller.person.as_ref().map(|person| person.id)), &self.kids)
    }

    fn position(&self, atlas: &Atlas) -> Option<(f64, f64)> {
        match self.near? {
            Near::Centre(centre) => Some(atlas.centre(centre)?.position),
            Near::Point(north, east) => Some((north, east)),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Centres that can take all of it, best first.
    pub takers: Vec<Taker>,
    /// How many there are with those that are not told of.
    pub takers_in_all: usize,
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
    /// When care would be, with the hand-overs, where care is asked for.
    pub care: Vec<Interval>,
    /// The schemes that all of the care can go under, by name, where the nursery offers any.
    pub schemes: Vec<String>,
    /// Whether it can be booked without naming one of them.
    pub by_default: bool,
    /// Desks free all through, before this wish; the fewest of any stretch.
    pub free_desks: usize,
    /// Care places free all through, before this wish, where there is a nursery that counts places alone.
    pub free_care: Option<usize>,
    /// Kilometres from what it is to be near to.
    pub distance_km: Option<f64>,
    /// What speaks for it among those that can.
    pub reasons: Vec<Reason>,
}

/// What speaks for a centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its desks have all that was wanted.
    Wanted,
    /// None is nearer.
    Nearest,
    /// The nursery is in the same building.
    NurseryInside,
    /// None has more free desks.
    MostFree,
}

/// A centre that cannot.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    /// Which.
    pub centre: CentreId,
    /// Kilometres from what it is to be near to.
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
    /// Enough desks, but not side by side.
    Apart,
    /// It has no nursery.
    NoNursery,
    /// Its nursery takes no child of that age.
    NoRoomForAge,
    /// Its nursery is not open all through this stretch; when it is, on its days.
    NurseryShut(Interval, Vec<Interval>),
    /// No scheme of its nursery takes this care at this time; which one says so, and why.
    NotUnder(Interval, Option<(LocalText, NotUnder)>),
    /// Its nursery has too little for these children, in the order of time; never empty.
    CareShort(Vec<Lack>),
    /// Its nursery talks with the guardians of one of these children before the first day.
    NeedsInterview,
    /// Nothing is heard from its site, which would have to take the children on the same day.
    SiteSilent(Interval),
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
    /// All of it at these, its own times, at another desk than the one that was picked.
    AnotherDesk(Vec<Interval>),
}

/// Looks for the nearest change that works at the centre of a wish that was refused, `why` by the
/// database if by it: without anybody's being moved, because a second refusal of what was offered would
/// be too much.
///
/// # Errors
/// [`Refused`] when the store fails.
pub async fn way_out(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    wish: &Wish,
    why: Option<&NoRoom>,
) -> Result<Option<Instead>, Refused> {
    if matches!(
        why,
        Some(
            NoRoom::Quota(_)
                | NoRoom::ChildElsewhere(..)
                | NoRoom::NoRoomForAge(_)
                | NoRoom::NeedsInterview { .. }
                | NoRoom::NotUnder(_, _, Some((_, NotUnder::Over(_))))
        )
    ) {
        return Ok(None);
    }
    let query = Query { only: Some(wish.centre), stays: true, ..Query::of(wish) };
    let picked = wish.pinned.and_then(|space| atlas.space(space));
    if matches!(why, Some(NoRoom::Desk { .. }))
        && picked.is_some_and(|space| space.kind == SpaceKind::Desk)
    {
        let any = Query { pinned: None, ..query.clone() };
        if let Some(taker) = search(hub, atlas, caller, &any).await?.takers.pop() {
            return Ok(Some(Instead::AnotherDesk(taker.slots)));
        }
    }
    let found = search(hub, atlas, caller, &query).await?;
    Ok(found.others.into_iter().find_map(|other| other.instead))
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
    let stretches = Stretches::of(atlas, &query.when);
    let room = Room::at(hub, atlas, &stretches, rules::SHIFT, query, caller).await?;
    let position = query.position(atlas);
    let far = |centre: &Centre| position.map(|from| distance_km(from, centre.position));
    let (mut takers, mut others) = (Vec::new(), Vec::new());
    for centre in asked(atlas, query) {
        let distance_km = far(centre);
        match room.fits(centre, stretches.at(centre), query) {
            Ok(fit) => takers.push((distance_km, centre, fit)),
            Err(why) => others.push((distance_km, centre, why)),
        }
    }
    takers.sort_by(|(near, _, one), (far, _, other)| {
        let wanted = other.has_wanted.cmp(&one.has_wanted);
        wanted.then(by_distance(*near, *far)).then(other.free_desks.cmp(&one.free_desks))
    });
    let takers_in_all = takers.len();
    let (nearest, most_free) = (
        takers.iter().filter_map(|(far, ..)| *far).min_by(f64::total_cmp),
        takers.iter().map(|(_, _, fit)| fit.free_desks).max(),
    );
    let reasons = |distance_km: Option<f64>, centre: &Centre, fit: &Fit| {
        let nursery = atlas.nursery(centre.id).filter(|_| query.children > 0);
        let inside = nursery.is_some_and(|nursery| nursery.walking_minutes == 0);
        let many = takers_in_all > 1;
        [
            (Reason::Wanted, fit.has_wanted && !query.wanted.is_empty()),
            (Reason::Nearest, many && distance_km.is_some() && distance_km == nearest),
            (Reason::NurseryInside, inside),
            (Reason::MostFree, many && query.desks > 0 && Some(fit.free_desks) == most_free),
        ]
        .into_iter()
        .filter_map(|(reason, holds)| holds.then_some(reason))
        .collect()
    };
    let takers: Vec<Taker> = takers
        .into_iter()
        .take(query.most)
        .map(|(distance_km, centre, fit)| Taker {
            centre: centre.id,
            distance_km,
            reasons: reasons(distance_km, centre, &fit),
            slots: stretches.at(centre).to_vec(),
            free_desks: fit.free_desks,
            free_care: fit.free_care,
            care: fit.care,
            schemes: fit.under.schemes,
            by_default: fit.under.by_default,
        })
        .collect();
    others.sort_by(|(near, ..), (far, ..)| by_distance(*near, *far));
    let mut others: Vec<Other> = others
        .into_iter()
        .take(query.most)
        .map(|(distance_km, centre, why)| {
            let instead = room.instead(centre, stretches.at(centre), query, &why);
            Other { centre: centre.id, distance_km, why, instead }
        })
        .collect();
    others.sort_by_key(|other| other.instead.is_none());
    let other_day =
        if takers.is_empty() { other_day(hub, atlas, caller, query).await? } else { None };
    Ok(Found { takers, takers_in_all, others, other_day })
}

fn by_distance(one: Option<f64>, other: Option<f64>) -> Ordering {
    one.unwrap_or_default().total_cmp(&other.unwrap_or_default())
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

/// What is asked for in UTC, by the zone of whoever is asked: many centres, few zones.
struct Stretches(Vec<(Tz, Vec<Interval>)>);

impl Stretches {
    fn of(atlas: &Atlas, when: &When) -> Self {
        let mut zones: Vec<(Tz, Vec<Interval>)> = Vec::new();
        for zone in atlas.centres.iter().map(|centre| centre.time_zone) {
            if !zones.iter().any(|(known, _)| *known == zone) {
                zones.push((zone, when.slots(zone).unwrap_or_default()));
            }
        }
        Self(zones)
    }

    /// By the clocks of `centre`; nothing where an end is not after its start.
    fn at(&self, centre: &Centre) -> &[Interval] {
        let here = self.0.iter().find(|(zone, _)| *zone == centre.time_zone);
        here.map_or(&[], |(_, slots)| slots)
    }

    fn begin_before(&self, time: DateTime<Utc>) -> bool {
        self.0.iter().flat_map(|(_, slots)| slots).any(|slot| slot.starts() < time)
    }

    /// From the first start to the last end in any zone, `beside` more to both sides; of that, what
    /// can be booked at all, so that nobody can make the hub read years of claims.
    fn window(&self, atlas: &Atlas, beside: TimeDelta, now: DateTime<Utc>) -> Option<Interval> {
        let horizon = atlas.centres.iter().map(|centre| centre.settings.horizon_days).max()?;
        let bookable =
            Interval::new(now - TimeDelta::days(1), now + TimeDelta::days(i64::from(horizon) + 2))
                .ok()?;
        let slots = || self.0.iter().flat_map(|(_, slots)| slots);
        let starts = slots().map(Interval::starts).min()?;
        let ends = slots().map(Interval::ends).max()?;
        Interval::new(starts - beside, ends + beside).ok()?.common(&bookable)
    }
}

async fn other_day(
    hub: &Hub,
    atlas: &Atlas,
    caller: &Caller,
    query: &Query,
) -> Result<Option<(NaiveDate, CentreId)>, Refused> {
    let When::Days { days, from, to } = &query.when else { return Ok(None) };
    let [day] = days.as_slice() else { return Ok(None) };
    let later: Vec<NaiveDate> = (1..=rules::OTHER_DAYS)
        .filter_map(|ahead| day.checked_add_days(Days::new(ahead)))
        .collect();
    let on = |days: Vec<NaiveDate>| When::Days { days, from: *from, to: *to };
    let all = Stretches::of(atlas, &on(later.clone()));
    let room = Room::at(hub, atlas, &all, TimeDelta::zero(), query, caller).await?;
    let mut centres: Vec<&Centre> = asked(atlas, query).collect();
    if let Some(from) = query.position(atlas) {
        let far = |centre: &Centre| distance_km(from, centre.position);
        centres.sort_by(|one, other| far(one).total_cmp(&far(other)));
    }
    Ok(later.into_iter().find_map(|day| {
        let that_day = Stretches::of(atlas, &on(vec![day]));
        let fits = |centre: &Centre| room.fits(centre, that_day.at(centre), query).is_ok();
        let taker = centres.iter().find(|centre| fits(centre))?;
        Some((day, taker.id))
    }))
}

/// What is known of the children that care is asked for, as far as any nursery asks for it.
#[derive(Default)]
struct Kids {
    /// When they were born.
    born: Vec<NaiveDate>,
    /// Each one's interviews.
    interviews: Vec<Vec<(NurseryId, Interview)>>,
}

impl Kids {
    /// Those of `kids` who are the children of `whose`. Others' are not looked at.
    async fn read(
        hub: &Hub,
        atlas: &Atlas,
        whose: Option<PersonId>,
        kids: &[ChildId],
    ) -> Result<Self, Refused> {
        let by_age = |one: &Nursery| one.staffing.is_some() || !one.terms.schemes.is_empty();
        let by_age = atlas.nurseries.iter().any(by_age);
        let talks = atlas.nurseries.iter().any(|one| one.terms.interview);
        let mut known = Self::default();
        let asked = (by_age || talks) && !kids.is_empty();
        let Some(whose) = whose.filter(|_| asked) else { return Ok(known) };
        let own = hub.store.children_of(whose).await?;
        for sealed in own.iter().filter(|sealed| kids.contains(&sealed.id)) {
            if by_age {
                known.born.extend(children::born(hub, sealed).await?);
            }
            if talks {
                known.interviews.push(hub.store.interviews_of(sealed.id).await?);
            }
        }
        Ok(known)
    }
}

/// So many other times are tried at a nursery that goes by staffing: each is a question of every moment.
const MOST_STAFFED_TRIES: usize = 24;

/// The room that is left on some days.
struct Room<'a> {
    atlas: &'a Atlas,
    view: View,
    now: DateTime<Utc>,
    kids: Kids,
    /// The centres that nothing is heard from, where care may be asked for on the same day.
    silent: Vec<CentreId>,
}

/// Under what care can be booked.
#[derive(Clone)]
struct Under {
    schemes: Vec<String>,
    by_default: bool,
}

impl Default for Under {
    /// Nothing asks for a scheme.
    fn default() -> Self {
        Self { schemes: Vec::new(), by_default: true }
    }
}

/// What a nursery can take of a wish.
#[derive(Default)]
struct Cared {
    /// Places that stay free, where places alone count.
    free: Option<usize>,
    care: Vec<Interval>,
    under: Under,
}

struct Fit {
    free_desks: usize,
    free_care: Option<usize>,
    care: Vec<Interval>,
    under: Under,
    has_wanted: bool,
}

impl<'a> Room<'a> {
    /// The room at these times, and so much before and after them.
    async fn at(
        hub: &Hub,
        atlas: &'a Atlas,
        stretches: &Stretches,
        beside: TimeDelta,
        query: &Query,
        caller: &Caller,
    ) -> Result<Self, Refused> {
        let ((whose, kids), care) = (query.kids_of(caller), query.children > 0);
        let now = hub.now();
        let kids = Kids::read(hub, atlas, whose, kids).await?;
        let silent = if care && stretches.begin_before(now + TimeDelta::days(1)) {
            hub.store.silent_sites(now).await?
        } else {
            Vec::new()
        };
        let view = match stretches.window(atlas, beside, now) {
            Some(window) => {
                // No zone is a whole day away from UTC.
                let first = window.starts().date_naive();
                let first = first.pred_opt().unwrap_or(first);
                let last = window.ends().date_naive();
                let last = last.succ_opt().unwrap_or(last);
                hub.vacancies.view(hub.store.as_ref(), atlas, first, last).await?
            }
            None => View::default(),
        };
        Ok(Self { atlas, view, now, kids, silent })
    }

    fn fits(&self, centre: &Centre, slots: &[Interval], query: &Query) -> Result<Fit, Why> {
        let wanted = usize::try_from(query.desks).unwrap_or(usize::MAX);
        let children = usize::try_from(query.children).unwrap_or(usize::MAX);
        booking::check_amounts(slots.len(), query.desks, children)
            .and_then(|()| booking::check_slots(slots, centre, self.now))
            .map_err(Why::Rule)?;
        if let Some((shut, slot)) = closure::over(self.atlas.closures_of(centre.id), slots) {
            return Err(Why::Closed(slot, shut.reason.clone()));
        }
        let desks = self.spaces(centre, query, query.required, slots);
        let all_move = !query.stays && query.pinned.is_none();
        let mut free_desks = desks.len();
        for slot in slots {
            let free = self.view.free(centre, &desks, slot);
            // Claims that stand in the way may move: what counts is how many lie over each other.
            let most = || self.view.most_held(centre, &desks, slot);
            if free < wanted && !(all_move && most() + wanted <= desks.len()) {
                return Err(Why::Desks(*slot, free));
            }
            free_desks = free_desks.min(free);
        }
        if query.together && wanted > 1 && !self.side_by_side(centre, &desks, slots, wanted) {
            return Err(Why::Apart);
        }
        let nursery = self.atlas.nursery(centre.id);
        if children > 0 && nursery.is_none() {
            return Err(Why::NoNursery);
        }
        if children > 0 && self.silent.contains(&centre.id) {
            let day = |time: DateTime<Utc>| time.with_timezone(&centre.time_zone).date_naive();
            if let Some(slot) = slots.iter().find(|slot| day(slot.starts()) <= day(self.now)) {
                return Err(Why::SiteSilent(*slot));
            }
        }
        let Cared { free: free_care, care, under } = match nursery {
            Some(nursery) => self.care(centre, nursery, slots, query)?,
            None => Cared::default(),
        };
        let has_wanted = query.wanted.is_empty() || {
            let best = self.spaces(centre, query, query.required.or(query.wanted), slots);
            slots.iter().all(|slot| self.view.free(centre, &best, slot) >= wanted)
        };
        Ok(Fit { free_desks, free_care, care, under, has_wanted })
    }

    /// The desks, or whatever kind it is, that offer `required` and are not shut, by id; where one was
    /// picked here, that one at most.
    fn spaces(
        &self,
        centre: &Centre,
        query: &Query,
        required: Features,
        slots: &[Interval],
    ) -> Cow<'a, [SpaceId]> {
        let picked = query.pinned.and_then(|space| self.atlas.space(space));
        let kind = picked.map_or(SpaceKind::Desk, |space| space.kind);
        let picked = picked.filter(|space| space.centre == centre.id).map(|space| space.id);
        let (desks, features) = self.atlas.of_kind(centre.id, kind);
        let here = self.atlas.closures_of(centre.id);
        let closures: Vec<&Closure> =
            here.filter(|one| slots.iter().any(|slot| one.when.overlaps(slot))).collect();
        if required.is_empty() && closures.is_empty() && picked.is_none() {
            return Cow::Borrowed(desks);
        }
        let shut = |desk: SpaceId| {
            closures.iter().any(|one| slots.iter().any(|slot| one.shuts(Some(desk), slot)))
        };
        let all = desks.iter().zip(features);
        let meant = |desk: SpaceId| picked.is_none_or(|picked| picked == desk);
        all.filter(|(desk, features)| features.covers(required) && meant(**desk) && !shut(**desk))
            .map(|(desk, _)| *desk)
            .collect()
    }

    /// Whether so many neighbours of one row are free all through; nobody is moved for it.
    fn side_by_side(
        &self,
        centre: &Centre,
        desks: &[SpaceId],
        slots: &[Interval],
        wanted: usize,
    ) -> bool {
        let held: BTreeSet<SpaceId> =
            slots.iter().flat_map(|slot| self.view.held(centre, desks, slot)).collect();
        let fits =
            |space: &Space| desks.binary_search(&space.id).is_ok() && !held.contains(&space.id);
        let (mut row, mut run) = (None, 0);
        self.atlas.desks(centre.id).any(|space| {
            run = match (fits(space), row == Some(space.row)) {
                (false, _) => 0,
                (true, false) => 1,
                (true, true) => run + 1,
            };
            row = Some(space.row);
            run >= wanted
        })
    }

    /// The fewest care places that are free at some moment of `slots`, where that is enough; nothing of a nursery
    /// that goes by staffing: how many it takes depends on who they are. With it when care would be.
    fn care(
        &self,
        centre: &Centre,
        nursery: &Nursery,
        slots: &[Interval],
        query: &Query,
    ) -> Result<Cared, Why> {
        let children = usize::try_from(query.children).unwrap_or(usize::MAX);
        let places = usize::try_from(nursery.places).unwrap_or(usize::MAX);
        let (with_desk, walk) = (query.desks > 0, nursery.walking_minutes);
        let care = if children > 0 {
            let care = nursery.terms.care_of_all(slots, with_desk, walk, centre, self.now);
            Cow::Owned(care.map_err(|(slot, open)| Why::NurseryShut(slot, open))?)
        } else {
            Cow::Borrowed(slots)
        };
        let before = |starts| {
            let talked = |one: &(NurseryId, Interview)| {
                one.0 == nursery.id && one.1.is_before(starts, self.now)
            };
            self.kids.interviews.iter().all(|theirs| theirs.iter().any(talked))
        };
        if children > 0 && nursery.terms.interview && !care.iter().all(|one| before(one.starts())) {
            return Err(Why::NeedsInterview);
        }
        let mut least = places;
        for when in care.iter() {
            let free = places.saturating_sub(self.view.most_children(centre, when));
            if free < children {
                return Err(Why::Care(*when, free));
            }
            least = least.min(free);
        }
        let free = nursery.staffing.is_none().then_some(least);
        if children == 0 {
            return Ok(Cared { free, ..Cared::default() });
        }
        let (under, asked) = self.under(centre, nursery, &care, query)?;
        if let Some(staffing) = &nursery.staffing {
            self.staffed_care(centre, nursery, staffing, &asked)?;
        }
        Ok(Cared { free, care: care.into_owned(), under })
    }

    /// The schemes that all of the care can go under, and how it is asked for under the one that counts.
    fn under(
        &self,
        centre: &Centre,
        nursery: &Nursery,
        care: &[Interval],
        query: &Query,
    ) -> Result<(Under, Vec<CareWanted>), Why> {
        let ask = |name: Option<&str>| self.asked_under(centre, nursery, care, query, name);
        let names = nursery.terms.schemes.iter();
        let schemes: Vec<String> = names.filter(|name| ask(Some(name)).is_ok()).cloned().collect();
        match (ask(query.scheme.as_deref()), schemes.first()) {
            (Ok(asked), _) => Ok((Under { schemes, by_default: true }, asked)),
            (Err(_), Some(first)) if query.scheme.is_none() => {
                let asked = ask(Some(first))?;
                Ok((Under { schemes, by_default: false }, asked))
            }
            (Err(why), _) => Err(why),
        }
    }

    /// All of the care as it is asked for under the scheme of this name, or for each child under the first that is
    /// for it. How much there has been this month, only the database knows; and whoever is not known is not told
    /// that they are too young.
    fn asked_under(
        &self,
        centre: &Centre,
        nursery: &Nursery,
        care: &[Interval],
        query: &Query,
        name: Option<&str>,
    ) -> Result<Vec<CareWanted>, Why> {
        let children = usize::try_from(query.children).unwrap_or(usize::MAX);
        let mut asked = Vec::with_capacity(care.len());
        for when in care {
            let day = when.starts().with_timezone(&centre.time_zone).date_naive();
            let offered = nursery.terms.offered(&self.atlas.schemes, day, centre.municipality);
            for ages in self.ages(day, children) {
                let admits = if nursery.terms.schemes.is_empty() {
                    None
                } else {
                    self.scheme(&offered, name, when, ages, query.desks > 0, centre)?
                };
                asked.push(CareWanted { when: *when, ages, admits });
            }
        }
        Ok(asked)
    }

    /// How old so many children count on a day: those who are known, and newborns.
    fn ages(&self, day: NaiveDate, children: usize) -> impl Iterator<Item = Ages> {
        let known =
            self.kids.born.iter().map(move |born| Ages::of(*born, day, YearStart::default()));
        known.chain(iter::repeat(Ages::default())).take(children)
    }

    /// The figure of the scheme that a child's care would go under, if it says one.
    fn scheme(
        &self,
        offered: &[&Scheme],
        name: Option<&str>,
        when: &Interval,
        ages: Ages,
        with_desk: bool,
        centre: &Centre,
    ) -> Result<Option<Admits>, Why> {
        let told = |(scheme, not): (&Scheme, NotUnder)| (scheme.title.clone(), not);
        let scheme = match choose(offered, name, ages.months, with_desk) {
            Ok(scheme) => scheme,
            Err(Some((scheme, NotUnder::TooYoung(_)))) if self.kids.born.is_empty() => scheme,
            Err(why) => return Err(Why::NotUnder(*when, why.map(told))),
        };
        let allowed = scheme.allows(when, self.now, centre.time_zone);
        allowed.map_err(|not| Why::NotUnder(*when, Some(told((scheme, not)))))?;
        Ok(scheme.admits)
    }

    fn staffed_care(
        &self,
        centre: &Centre,
        nursery: &Nursery,
        staffing: &Staffing,
        asked: &[CareWanted],
    ) -> Result<(), Why> {
        let mut times: Vec<Interval> = asked.iter().map(|one| one.when).collect();
        times.dedup();
        let Staffed { taken, shifts } = self.view.staffed(centre, &times);
        let intake = Intake {
            staffing,
            places: nursery.places,
            rule_sets: &self.atlas.rule_sets,
            zone: centre.time_zone,
            municipality: centre.municipality,
            taken: &taken,
            shifts: &shifts,
        };
        intake.take(asked).map(|_| ()).map_err(|why| match why {
            NotTaken::NoRoomForAge(_) => Why::NoRoomForAge,
            NotTaken::Short(lacks) => Why::CareShort(lacks),
        })
    }

    /// The same at the nearest other time of the day, else the desks alone at the same time, where it
    /// was refused for `why`.
    fn instead(
        &self,
        centre: &Centre,
        slots: &[Interval],
        query: &Query,
        why: &Why,
    ) -> Option<Instead> {
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
        let staffed = self.atlas.nursery(centre.id).is_some_and(|one| one.staffing.is_some());
        let most = if staffed && query.children > 0 { MOST_STAFFED_TRIES } else { usize::MAX };
        let times = (1..=steps).flat_map(|step| [grain * step, grain * -step]);
        let mut times = times.filter_map(shifted).take(most);
        // Where there is no nursery, or none for that age, there is none at any time.
        if !matches!(why, Why::NoNursery | Why::NoRoomForAge)
            && let Some(slots) = times
                .find(|slots| self.fits(centre, slots, query).is_ok_and(|fit| fit.under.by_default))
        {
            return Some(Instead::Shifted(slots));
        }
        let alone = Query { children: 0, ..query.clone() };
        let works =
            query.children > 0 && query.desks > 0 && self.fits(centre, slots, &alone).is_ok();
        works.then(|| Instead::DesksOnly(slots.to_vec()))
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
