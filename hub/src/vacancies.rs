//! What is taken on the coming days, in memory, for searches: masks, kept as true as the database.
//!
//! A day of a centre is read when somebody first asks about it. From then on the store says which
//! days have changed: what this hub has changed itself at once, what other hubs have changed within
//! an instant. Such a day is read again before anybody gets an answer from it. Word can get lost with
//! a line or a hub; so every few seconds the revisions of all days that are kept are compared with
//! the database's. Whatever is found here, a booking is decided by the database alone.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use foldhash::fast::RandomState;
use model::care::duty::Shift;
use model::care::intake::CareTaken;
use model::centre::Centre;
use model::id::{CentreId, NurseryId, SpaceId};
use model::interval::Interval;
use model::mask::{DayFrame, Mask, Tally};
use model::opening;
use store::{DayNews, LiveClaims, Store};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use crate::hub::Hub;
use crate::service::atlas::Atlas;

/// How often revisions are compared.
const COMPARED: Duration = Duration::from_secs(10);
/// After an error the next try waits so long.
const PAUSE: Duration = Duration::from_secs(1);

/// The masks of the days that were asked about.
pub struct Vacancies {
    kept: Mutex<Kept>,
    /// One reads at a time; whoever waits finds what was read.
    reading: tokio::sync::Mutex<()>,
}

struct Kept {
    news: Receiver<DayNews>,
    days: HashMap<NaiveDate, Day>,
    stale: BTreeSet<(NaiveDate, CentreId)>,
    /// The places that the masks were made for.
    places: i64,
}

/// What is taken on one local day, by centre; with a hasher that is quick at ids, which nobody
/// outside can choose.
type Taken = HashMap<CentreId, Arc<CentreDay>, RandomState>;
type Centres = Arc<Taken>;

/// One local day at every centre.
#[derive(Clone, Default)]
struct Day {
    centres: Centres,
    /// Whether nothing that was told of this day can have been missed.
    sure: bool,
}

/// One local day at one centre.
struct CentreDay {
    revision: i64,
    made_for: MadeFor,
    frame: DayFrame,
    /// Spaces that are held at some time of the day, by id; each claim with the buffer after it.
    held: Vec<(SpaceId, Mask)>,
    /// How many children are in the nursery.
    care: Tally,
    /// The same one by one, and who works: a nursery may go by staffing from one moment to the next.
    staffed: Staffed,
}

/// Who is in a nursery and who works there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staffed {
    /// Children.
    pub taken: Vec<CareTaken>,
    /// Staff.
    pub shifts: Vec<Shift>,
}

impl CentreDay {
    /// The spaces that are held at some time of `bits`, by id.
    fn met(&self, bits: Range<usize>) -> impl Iterator<Item = &(SpaceId, Mask)> {
        self.held.iter().filter(move |(_, mask)| mask.meets(bits.clone()))
    }
}

/// What of a centre its masks depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MadeFor {
    zone: Tz,
    buffer_minutes: u32,
    nursery: Option<NurseryId>,
}

impl MadeFor {
    fn of(centre: &Centre, atlas: &Atlas) -> Self {
        Self {
            zone: centre.time_zone,
            buffer_minutes: centre.settings.buffer_minutes,
            nursery: atlas.nursery(centre.id).map(|nursery| nursery.id),
        }
    }
}

/// Some days at every centre, as they were at one moment.
#[derive(Clone, Default)]
pub struct View {
    days: Vec<(NaiveDate, Centres)>,
}

impl Vacancies {
    /// Nothing yet; from now on the store's word is heard.
    #[must_use]
    pub fn of(store: &dyn Store) -> Self {
        let kept = Kept {
            news: store.day_news(),
            days: HashMap::new(),
            stale: BTreeSet::new(),
            places: 0,
        };
        Self { kept: Mutex::new(kept), reading: tokio::sync::Mutex::default() }
    }

    /// The local days from `first` to `last` as they are now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn view(
        &self,
        store: &dyn Store,
        atlas: &Atlas,
        first: NaiveDate,
        last: NaiveDate,
    ) -> store::Result<View> {
        let days: Vec<NaiveDate> = first.iter_days().take_while(|day| *day <= last).collect();
        if let Some(view) = self.kept().view(&days, atlas) {
            return Ok(view);
        }
        let _turn = self.reading.lock().await;
        loop {
            let wanted = {
                let mut kept = self.kept();
                if let Some(view) = kept.view(&days, atlas) {
                    return Ok(view);
                }
                kept.take_wanted(&days)
            };
            if let Err(error) = self.read(store, atlas, &wanted).await {
                self.kept().stale.extend(wanted.stale);
                return Err(error);
            }
        }
    }

    /// Reads what is wanted and keeps it.
    async fn read(&self, store: &dyn Store, atlas: &Atlas, wanted: &Wanted) -> store::Result<()> {
        if let Some((first, last)) = ends(&wanted.unread) {
            let all: Vec<&Centre> = atlas.centres.iter().collect();
            let mut made = read_days(store, atlas, &all, first, last).await?;
            let mut kept = self.kept();
            for day in &wanted.unread {
                let centres = made.remove(day).unwrap_or_default();
                kept.days.insert(*day, Day { centres: Arc::new(centres), sure: true });
            }
        }
        let mut stale = wanted.stale.clone();
        if let Some((first, last)) = ends(&wanted.unsure) {
            let all: Vec<CentreId> = atlas.centres.iter().map(|centre| centre.id).collect();
            let revisions = store.day_revisions(&all, first, last).await?;
            stale.extend(self.kept().differing(&revisions));
        }
        let days: Vec<NaiveDate> = stale.iter().map(|(day, _)| *day).collect();
        if let Some((first, last)) = ends(&days) {
            let named: BTreeSet<CentreId> = stale.iter().map(|(_, centre)| *centre).collect();
            let centres: Vec<&Centre> =
                named.iter().filter_map(|centre| atlas.centre(*centre)).collect();
            let mut made = read_days(store, atlas, &centres, first, last).await?;
            let mut kept = self.kept();
            for (day, centre) in &stale {
                let Some(day_kept) = kept.days.get_mut(day) else { continue };
                let all = Arc::make_mut(&mut day_kept.centres);
                match made.get_mut(day).and_then(|made| made.remove(centre)) {
                    Some(made) => all.insert(*centre, made),
                    None => all.remove(centre),
                };
            }
        }
        Ok(())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What has to be read before some days can be told of.
#[derive(Default)]
struct Wanted {
    unread: Vec<NaiveDate>,
    unsure: Vec<NaiveDate>,
    stale: BTreeSet<(NaiveDate, CentreId)>,
}

impl Kept {
    /// These days, if all of them are here and true.
    fn view(&mut self, days: &[NaiveDate], atlas: &Atlas) -> Option<View> {
        self.hear();
        self.fit(atlas);
        let ready = |day: &NaiveDate| {
            let kept = self.days.get(day).filter(|kept| kept.sure)?;
            let mut stale = self.stale.range((*day, CentreId(uuid::Uuid::nil()))..);
            let fresh = stale.next().is_none_or(|(other, _)| other != day);
            fresh.then(|| (*day, kept.centres.clone()))
        };
        Some(View { days: days.iter().map(ready).collect::<Option<_>>()? })
    }

    /// What of these days is to be read; it counts as read from now on, so that whatever changes
    /// meanwhile is read once more.
    fn take_wanted(&mut self, days: &[NaiveDate]) -> Wanted {
        let mut wanted = Wanted::default();
        for day in days {
            match self.days.get_mut(day) {
                None => {
                    wanted.unread.push(*day);
                    self.stale.retain(|(other, _)| other != day);
                }
                Some(kept) => {
                    if !kept.sure {
                        kept.sure = true;
                        wanted.unsure.push(*day);
                    }
                    let stale = self.stale.iter().filter(|(other, _)| other == day);
                    wanted.stale.extend(stale.copied());
                }
            }
        }
        self.stale.retain(|one| !wanted.stale.contains(one));
        wanted
    }

    fn hear(&mut self) {
        loop {
            match self.news.try_recv() {
                Ok(DayNews::Changed { centre, day, .. }) => {
                    self.stale.insert((day, centre));
                }
                Ok(DayNews::Lost) | Err(TryRecvError::Lagged(_)) => self.doubt(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
    }

    /// The days that have other revisions than these.
    fn differing<'a>(
        &'a self,
        revisions: &'a [(CentreId, NaiveDate, i64)],
    ) -> impl Iterator<Item = (NaiveDate, CentreId)> + 'a {
        revisions.iter().filter_map(|(centre, day, revision)| {
            let known = self.days.get(day)?.centres.get(centre);
            known.is_none_or(|known| known.revision != *revision).then_some((*day, *centre))
        })
    }

    /// Every day has to be compared before it is told of again.
    fn doubt(&mut self) {
        self.days.values_mut().for_each(|day| day.sure = false);
    }

    /// Where the places are others than before, what was made for the old ones is stale.
    fn fit(&mut self, atlas: &Atlas) {
        if self.places == atlas.revision {
            return;
        }
        self.places = atlas.revision;
        for (day, kept) in &self.days {
            for (id, made) in kept.centres.iter() {
                let fits = atlas
                    .centre(*id)
                    .is_some_and(|centre| made.made_for == MadeFor::of(centre, atlas));
                if !fits {
                    self.stale.insert((*day, *id));
                }
            }
        }
    }
}

fn ends(days: &[NaiveDate]) -> Option<(NaiveDate, NaiveDate)> {
    Some((*days.iter().min()?, *days.iter().max()?))
}

/// These days at these centres, as far as anything was ever booked there.
async fn read_days(
    store: &dyn Store,
    atlas: &Atlas,
    centres: &[&Centre],
    first: NaiveDate,
    last: NaiveDate,
) -> store::Result<HashMap<NaiveDate, Taken>> {
    let ids: Vec<CentreId> = centres.iter().map(|centre| centre.id).collect();
    // The revisions first: what changes in between then shows as a newer one.
    let revisions = store.day_revisions(&ids, first, last).await?;
    let wide = TimeDelta::hours(50);
    let midnight = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc();
    let claims = match Interval::new(midnight(first) - wide, midnight(last) + wide) {
        Ok(window) => store.claims_at(&ids, &window).await?,
        Err(_) => LiveClaims::default(),
    };
    Ok(make(atlas, centres, (first, last), &revisions, &claims))
}

/// Lays claims over days.
fn make(
    atlas: &Atlas,
    centres: &[&Centre],
    (first, last): (NaiveDate, NaiveDate),
    revisions: &[(CentreId, NaiveDate, i64)],
    claims: &LiveClaims,
) -> HashMap<NaiveDate, Taken> {
    let mut drafts: HashMap<(NaiveDate, CentreId), CentreDay> = HashMap::new();
    let centres: HashMap<CentreId, (&Centre, MadeFor)> =
        centres.iter().map(|centre| (centre.id, (*centre, MadeFor::of(centre, atlas)))).collect();
    let nurseries: HashMap<NurseryId, CentreId> = centres
        .iter()
        .filter_map(|(centre, (_, made_for))| Some((made_for.nursery?, *centre)))
        .collect();
    let blank = |day: NaiveDate, made_for: MadeFor| {
        let frame = DayFrame::of(day, made_for.zone)?;
        Some(CentreDay {
            revision: 0,
            made_for,
            frame,
            held: Vec::new(),
            care: Tally::default(),
            staffed: Staffed::default(),
        })
    };
    for (id, day, revision) in revisions {
        if let Some((_, made_for)) = centres.get(id)
            && let Some(blank) = blank(*day, *made_for)
        {
            drafts.insert((*day, *id), CentreDay { revision: *revision, ..blank });
        }
    }
    let mut lay = |id: CentreId, when: &Interval, lay: &mut dyn FnMut(&mut CentreDay, Mask)| {
        let Some((_, made_for)) = centres.get(&id) else { return };
        let days = opening::days_of(when, made_for.zone);
        for day in days.into_iter().filter(|day| first <= *day && *day <= last) {
            let Some(blank) = blank(day, *made_for) else { continue };
            let draft = drafts.entry((day, id)).or_insert(blank);
            let mut mask = Mask::default();
            mask.set(draft.frame.bits(when));
            lay(draft, mask);
        }
    };
    for (centre, space, when) in &claims.desks {
        let buffer = centres.get(centre).map_or(0, |(_, made_for)| made_for.buffer_minutes);
        let when = with_buffer(when, buffer);
        lay(*centre, &when, &mut |day, mask| day.held.push((*space, mask)));
    }
    for (nursery, taken) in &claims.care {
        if let Some(centre) = nurseries.get(nursery) {
            lay(*centre, &taken.when, &mut |day, mask| {
                day.care.add(&mask);
                day.staffed.taken.push(*taken);
            });
        }
    }
    for (nursery, shift) in &claims.shifts {
        if let Some(centre) = nurseries.get(nursery) {
            lay(*centre, &shift.when, &mut |day, _| day.staffed.shifts.push(shift.clone()));
        }
    }
    let mut made: HashMap<NaiveDate, Taken> = HashMap::new();
    for ((day, centre), mut draft) in drafts {
        draft.held.sort_unstable_by_key(|(space, _)| *space);
        draft.held.dedup_by(|(space, more), (kept, mask)| {
            let same = space == kept;
            if same {
                mask.join(more);
            }
            same
        });
        made.entry(day).or_default().insert(centre, Arc::new(draft));
    }
    made
}

/// A claim, or a slot, with the buffer after it: two claims keep their distance where these do not
/// overlap.
fn with_buffer(when: &Interval, minutes: u32) -> Interval {
    Interval::new(when.starts(), when.ends() + TimeDelta::minutes(minutes.into())).unwrap_or(*when)
}

impl View {
    /// How many of `desks` (by id) at `centre` are free all through `slot`.
    #[must_use]
    pub fn free(&self, centre: &Centre, desks: &[SpaceId], slot: &Interval) -> usize {
        let (mut held, mut days) = (0, 0);
        self.each(centre, &with_buffer(slot, centre.settings.buffer_minutes), |day, bits| {
            days += 1;
            held += among(desks, day.met(bits)).count();
        });
        if days > 1 {
            held = self.held(centre, desks, slot).len();
        }
        desks.len() - held
    }

    /// Of `desks` (by id) at `centre`, those that are held at some time of `slot`; each once.
    #[must_use]
    pub fn held(&self, centre: &Centre, desks: &[SpaceId], slot: &Interval) -> Vec<SpaceId> {
        let mut held = Vec::new();
        self.each(centre, &with_buffer(slot, centre.settings.buffer_minutes), |day, bits| {
            held.extend(among(desks, day.met(bits)).map(|(space, _)| *space));
        });
        // Two days may name one desk.
        held.sort_unstable();
        held.dedup();
        held
    }

    /// The greatest number of `desks` (by id) at `centre` that are held at one moment of `slot`.
    #[must_use]
    pub fn most_held(&self, centre: &Centre, desks: &[SpaceId], slot: &Interval) -> usize {
        let mut most = 0;
        self.each(centre, &with_buffer(slot, centre.settings.buffer_minutes), |day, bits| {
            let mut tally = Tally::default();
            among(desks, day.met(bits.clone())).for_each(|(_, mask)| tally.add(mask));
            most = most.max(tally.most(bits));
        });
        most
    }

    /// The greatest number of children in the nursery of `centre` at one moment of `slot`.
    #[must_use]
    pub fn most_children(&self, centre: &Centre, slot: &Interval) -> usize {
        let mut most = 0;
        self.each(centre, slot, |day, bits| most = most.max(day.care.most(bits)));
        most
    }

    /// Who is in the nursery of `centre` and who works there on the days of `slots`, each once.
    #[must_use]
    pub fn staffed(&self, centre: &Centre, slots: &[Interval]) -> Staffed {
        let mut days: Vec<NaiveDate> =
            slots.iter().flat_map(|slot| opening::days_of(slot, centre.time_zone)).collect();
        days.sort();
        days.dedup();
        let mut all = Staffed::default();
        let mut before = None;
        for day in days {
            let kept = self.days.iter().find(|(other, _)| *other == day);
            if let Some(here) = kept.and_then(|(_, centres)| centres.get(&centre.id)) {
                // What reaches over midnight lies in both days.
                let new = |when: &Interval| {
                    before.is_none_or(|before| {
                        !opening::days_of(when, centre.time_zone).contains(&before)
                    })
                };
                let Staffed { taken, shifts } = &here.staffed;
                all.taken.extend(taken.iter().filter(|taken| new(&taken.when)));
                all.shifts.extend(shifts.iter().filter(|shift| new(&shift.when)).cloned());
            }
            before = Some(day);
        }
        all
    }

    /// The days of `slot` on which anything was ever booked, with the bits of each.
    fn each(
        &self,
        centre: &Centre,
        slot: &Interval,
        mut with: impl FnMut(&CentreDay, Range<usize>),
    ) {
        let local = |time: DateTime<Utc>| time.with_timezone(&centre.time_zone).date_naive();
        let (first, last) = (local(slot.starts()), local(slot.ends()));
        let touched = |day: &NaiveDate| first <= *day && *day <= last;
        for (_, centres) in self.days.iter().filter(|(day, _)| touched(day)) {
            if let Some(day) = centres.get(&centre.id) {
                let bits = day.frame.bits(slot);
                if !bits.is_empty() {
                    with(day, bits);
                }
            }
        }
    }
}

/// The held spaces that are among `desks`; both go by id.
fn among<'a>(
    desks: &'a [SpaceId],
    held: impl Iterator<Item = &'a (SpaceId, Mask)>,
) -> impl Iterator<Item = &'a (SpaceId, Mask)> {
    let mut rest = desks;
    held.filter(move |(space, _)| {
        let ahead = rest.iter().take_while(|desk| *desk < space).count();
        rest = &rest[ahead..];
        rest.first() == Some(space)
    })
}

/// Keeps the days that can be booked in memory, and true, until the hub stops.
pub async fn follow(hub: Hub) {
    let mut stopping = hub.live.stopping();
    let hearing = async {
        loop {
            match hub.store.hear_others().await {
                Ok(()) => return std::future::pending().await,
                Err(error) => tracing::warn!(%error, "other hubs' changes are not heard"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let comparing = async {
        loop {
            if let Err(error) = keep(&hub).await {
                tracing::warn!(%error, "what is free could not be compared with the database");
            }
            tokio::time::sleep(COMPARED).await;
        }
    };
    tokio::select! {
        () = hearing => {}
        () = comparing => {}
        // An error means that the hub is gone altogether.
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
}

/// Forgets days that are over, reads those that can be booked, and compares all.
async fn keep(hub: &Hub) -> store::Result<()> {
    let (store, atlas) = (hub.store.as_ref(), hub.atlas().await?);
    let today = hub.now().date_naive();
    let horizon = atlas.centres.iter().map(|centre| centre.settings.horizon_days).max();
    let last = today.checked_add_days(Days::new(u64::from(horizon.unwrap_or_default()) + 1));
    // As far back as a search that begins now may look, in any zone.
    let first = today.checked_sub_days(Days::new(3));
    let (Some(first), Some(last)) = (first, last) else { return Ok(()) };
    {
        let mut kept = hub.vacancies.kept();
        kept.days.retain(|day, _| *day >= first);
        kept.stale.retain(|(day, _)| *day >= first);
    }
    let all: Vec<CentreId> = atlas.centres.iter().map(|centre| centre.id).collect();
    // Week by week, so that searches get in between.
    for week in first.iter_weeks().take_while(|day| *day <= last) {
        let ends = week.checked_add_days(Days::new(6)).map_or(last, |day| day.min(last));
        hub.vacancies.view(store, &atlas, week, ends).await?;
        let revisions = store.day_revisions(&all, week, ends).await?;
        let mut kept = hub.vacancies.kept();
        let differing: Vec<_> = kept.differing(&revisions).collect();
        kept.stale.extend(differing);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
