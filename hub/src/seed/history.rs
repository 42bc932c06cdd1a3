//! Visits of the last months at centres whose site the demo does not run, told by their edges.
//!
//! Every visit has its booking, made and kept like any other.

use anyhow::{Result, bail};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc, Weekday};
use model::booking::BookingCode;
use model::card::CardState;
use model::centre::Centre;
use model::id::{BookingId, SpaceId, VisitId};
use model::interval::Interval;
use model::opening;
use model::site_event::{Happening, Proof, SiteEvent};
use store::{BookResult, BookingOrder, EventBatch, EventsTaken, Stands};

use super::ids::{Of, id};
use super::{people, places};
use crate::hub::Hub;
use crate::service::rules;

/// What somebody does every week of some months.
struct Habit {
    person: &'static str,
    centre: &'static str,
    /// Months back from the running one, which is 0.
    months: &'static [u32],
    days: &'static [Weekday],
    /// Minutes after local midnight.
    from: u32,
    minutes: i64,
}

use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};

#[rustfmt::skip]
const HABITS: &[Habit] = &[
    // あざみ野: a masked month, one with too few teleworkers to show, two that show everything.
    Habit { person: "suzuki", centre: "azamino", months: &[3, 2, 1, 0], days: &[Tue, Thu], from: 540, minutes: 300 },
    Habit { person: "yamamoto", centre: "azamino", months: &[3, 2, 1, 0], days: &[Sat], from: 600, minutes: 150 },
    Habit { person: "nakamura", centre: "azamino", months: &[2, 1], days: &[Wed], from: 780, minutes: 180 },
    Habit { person: "kimura", centre: "azamino", months: &[2, 1, 0], days: &[Sat, Sun], from: 600, minutes: 180 },
    Habit { person: "yamada", centre: "azamino", months: &[2], days: &[Fri], from: 1080, minutes: 120 },
    Habit { person: "yamada", centre: "azamino", months: &[1, 0], days: &[Mon, Wed, Fri], from: 570, minutes: 210 },
    Habit { person: "matsumoto", centre: "azamino", months: &[1, 0], days: &[Mon, Thu], from: 555, minutes: 480 },
    Habit { person: "inoue", centre: "azamino", months: &[1, 0], days: &[Tue, Wed, Thu], from: 600, minutes: 240 },
    Habit { person: "takahashi", centre: "azamino", months: &[1], days: &[Fri], from: 600, minutes: 120 },
    // さいたま: one day a week, as in the plan's trial, but by three.
    Habit { person: "hayashi", centre: "saitama-satellite", months: &[3, 2, 1, 0], days: &[Wed], from: 525, minutes: 525 },
    Habit { person: "shimizu", centre: "saitama-satellite", months: &[2, 1, 0], days: &[Thu], from: 540, minutes: 510 },
    Habit { person: "saito", centre: "saitama-satellite", months: &[1, 0], days: &[Tue], from: 540, minutes: 510 },
    // 東京: two people only, so that nothing of them is shown.
    Habit { person: "mori", centre: "tokyo-satellite", months: &[2, 1, 0], days: &[Mon, Thu], from: 570, minutes: 450 },
    Habit { person: "abe", centre: "tokyo-satellite", months: &[1, 0], days: &[Fri], from: 570, minutes: 480 },
    // いいづな: long stays in the country.
    Habit { person: "watanabe", centre: "iizuna", months: &[3, 2], days: &[Mon, Tue, Wed, Thu, Fri], from: 540, minutes: 360 },
    Habit { person: "clarke", centre: "iizuna", months: &[2], days: &[Tue, Wed, Thu, Fri, Sat], from: 600, minutes: 300 },
    Habit { person: "tanaka", centre: "iizuna", months: &[2, 1], days: &[Sat], from: 600, minutes: 240 },
];

/// Writes the past: bookings, then what the sites' edges told of them.
pub(super) async fn add(hub: &Hub) -> Result<()> {
    let now = hub.now();
    for centre in hub.store.centres().await? {
        let visits = visits(&centre, now);
        if visits.is_empty() {
            continue;
        }
        let mut events = Vec::new();
        for visit in &visits {
            let space = book(hub, &centre, visit).await?;
            let by = proof(hub, visit).await?;
            events.extend(visit.events(space, by));
        }
        events.sort_by_key(|event| event.at);
        let batch = EventBatch {
            edge: places::edge(centre.slug.as_str())?,
            first: 1,
            told_until: now,
            at: now,
            events,
            centre,
            spare: Vec::new(),
        };
        if let EventsTaken::Gap(place) = hub.store.take_events(&batch).await? {
            bail!("the past of {} has a gap at {place}", batch.centre.slug);
        }
    }
    Ok(())
}

/// One planned visit, and how it went.
struct PastVisit {
    /// Counts through all visits of the demo.
    number: u32,
    person: &'static str,
    planned: Interval,
    stayed: Interval,
}

impl PastVisit {
    fn booking(&self) -> BookingId {
        BookingId(id(Of::Booking, self.number))
    }

    fn events(&self, space: SpaceId, by: Proof) -> [SiteEvent; 2] {
        let visit = VisitId(id(Of::Visit, self.number));
        let (person, booking) = (people::person_id(self.person), self.booking());
        [
            SiteEvent {
                at: self.stayed.starts(),
                what: Happening::CheckedIn { visit, person, booking, space, by },
            },
            SiteEvent {
                at: self.stayed.ends(),
                what: Happening::CheckedOut { visit, person, space, gives_up: None },
            },
        ]
    }
}

/// The visits at `centre` that ended before `now`, in no particular order.
fn visits(centre: &Centre, now: DateTime<Utc>) -> Vec<PastVisit> {
    let today = now.with_timezone(&centre.time_zone).date_naive();
    let planned = HABITS.iter().flat_map(|habit| {
        let months = habit.months.iter().filter_map(|&back| month_back(today, back));
        months
            .flat_map(whole_weeks)
            .flat_map(|monday| habit.days.iter().map(move |day| monday + days_from_monday(*day)))
            .map(move |day| (habit, day))
    });
    (1..)
        .zip(planned)
        .filter(|(_, (habit, _))| habit.centre == centre.slug.as_str())
        .filter_map(|(number, (habit, day))| visit(number, habit, day, centre))
        .filter(|visit| visit.planned.ends() < now)
        .collect()
}

/// The visit that a habit gives on `day`, unless the centre is closed.
fn visit(number: u32, habit: &Habit, day: NaiveDate, centre: &Centre) -> Option<PastVisit> {
    let starts = opening::local(day, habit.from, centre.time_zone)?;
    let ends = starts + TimeDelta::minutes(habit.minutes);
    let planned = Interval::new(starts, ends).ok()?;
    // People come a little late and leave a little early.
    let late = TimeDelta::minutes((number * 5 % 8).into());
    let early = TimeDelta::minutes((number * 7 % 13).into());
    let stayed = Interval::new(starts + late, ends - early).ok()?;
    let open = centre.opening.covers(&planned, centre.time_zone);
    open.then_some(PastVisit { number, person: habit.person, planned, stayed })
}

fn month_back(today: NaiveDate, months: u32) -> Option<NaiveDate> {
    today.with_day(1)?.checked_sub_months(Months::new(months))
}

/// The Mondays of the weeks that lie wholly in the month that begins on `first`, so that no week
/// counts in two months.
fn whole_weeks(first: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let days = first.iter_days().take_while(move |day| day.month() == first.month());
    days.filter(move |day| {
        day.weekday() == Mon && (*day + days_from_monday(Sun)).month() == first.month()
    })
}

fn days_from_monday(day: Weekday) -> Days {
    Days::new(day.num_days_from_monday().into())
}

/// Books a visit a day ahead and answers its space.
async fn book(hub: &Hub, centre: &Centre, visit: &PastVisit) -> Result<SpaceId> {
    let order = BookingOrder {
        id: visit.booking(),
        person: people::person_id(visit.person),
        centre: centre.clone(),
        slots: vec![visit.planned],
        desks: 1,
        pinned: None,
        children: Vec::new(),
        schemes: Default::default(),
        ages: Default::default(),
        on_account_of: people::employer_of(visit.person),
        code: BookingCode::from_random(50_000_000 + u64::from(visit.number)),
        tariff_rev: rules::TARIFF_REV,
        rule_rev: rules::RULE_REV,
        at: visit.planned.starts() - TimeDelta::days(1),
        idempotency: None,
        needs: Default::default(),
        stands: Stands::Confirmed,
        quotas: Vec::new(),
        spare: Vec::new(),
    };
    match hub.store.book(&order).await? {
        BookResult::Made(booking) if booking.desks.len() == 1 => Ok(booking.desks[0].space),
        other => bail!("a past visit of {} could not be booked: {other:?}", visit.person),
    }
}

/// What they showed: their card, where they have one.
async fn proof(hub: &Hub, visit: &PastVisit) -> Result<Proof> {
    let cards = hub.store.credentials_of(people::person_id(visit.person)).await?;
    let card = cards.into_iter().find(|card| card.state == CardState::Active);
    Ok(card.map_or(Proof::Code, |card| Proof::Card { credential: card.id }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono_tz::Asia::Tokyo;
    use model::report::{Cell, Stay, by_month};

    use super::*;

    fn stays(now: DateTime<Utc>) -> Vec<Stay> {
        let centres = places::centres().unwrap();
        centres
            .iter()
            .flat_map(|centre| visits(centre, now).into_iter().map(|visit| (centre.id, visit)))
            .map(|(centre, visit)| Stay {
                person: people::person_id(visit.person),
                centre,
                when: visit.stayed,
            })
            .collect()
    }

    #[test]
    fn the_report_of_yokohama_city_shows_and_masks_whenever_the_demo_is_started() {
        let first: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
        for now in (0..365).map(|day| first + TimeDelta::days(day)) {
            let stays = stays(now);
            assert!(stays.iter().all(|stay| stay.when.ends() < now));
            let today = now.with_timezone(&Tokyo).date_naive();
            let rows = by_month(&stays, Tokyo);
            let row =
                |back| rows[&(month_back(today, back).unwrap(), places::centre_id("azamino"))];
            assert_eq!(row(3).users, Cell::Masked, "{now}");
            assert_eq!((row(2).users, row(2).teleworkers), (Cell::Shown(5), Cell::Masked), "{now}");
            assert_eq!(
                (row(1).users, row(1).teleworkers),
                (Cell::Shown(8), Cell::Shown(4)),
                "{now}"
            );
        }
    }

    #[test]
    fn nobody_is_at_two_places_at_once() {
        let stays = stays("2026-11-22T12:00:00Z".parse().unwrap());
        assert!(stays.len() > 100, "{}", stays.len());
        for (i, one) in stays.iter().enumerate() {
            let twice = |other: &Stay| other.person == one.person && other.when.overlaps(&one.when);
            assert!(!stays[..i].iter().any(twice), "{one:?}");
        }
    }

    #[test]
    fn every_habit_names_somebody_and_a_centre_whose_site_is_not_run() {
        for habit in HABITS {
            assert_ne!(people::person_id(habit.person), people::person_id("nobody"));
            assert!(!["yokohama", "tsurugashima"].contains(&habit.centre));
            assert_ne!(places::centre_id(habit.centre), places::centre_id("nowhere"));
        }
    }
}
