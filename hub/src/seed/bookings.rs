//! Bookings of today and the coming days at the centres whose sites the demo runs.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Days, DurationRound as _, TimeDelta, Utc};
use model::booking::{self, BookingCode, Wish};
use model::centre::Centre;
use model::id::BookingId;
use model::interval::Interval;
use model::opening;
use store::{BookResult, BookingOrder, Stands};

use super::ids::{Of, id, numbered};
use super::people;
use crate::hub::Hub;
use crate::service::{order, rules};

/// Somebody's plan; where the centre is closed then, the next time that it is open.
struct Plan {
    person: &'static str,
    centre: &'static str,
    when: When,
    minutes: i64,
    /// Whether their children come along.
    children: bool,
}

/// When a plan begins.
enum When {
    /// In the running quarter of an hour, so many minutes on.
    In(i64),
    /// So many days on, at this many minutes after local midnight.
    Day(u64, u32),
}

#[rustfmt::skip]
const PLANS: &[Plan] = &[
    // To be tapped at once; the next two show what "too early" and "blocked" look like.
    Plan { person: "sato", centre: "yokohama", when: When::In(0), minutes: 180, children: false },
    Plan { person: "suzuki", centre: "yokohama", when: When::In(120), minutes: 180, children: false },
    Plan { person: "yamada", centre: "yokohama", when: When::In(60), minutes: 120, children: false },
    Plan { person: "takahashi", centre: "yokohama", when: When::Day(1, 540), minutes: 240, children: true },
    Plan { person: "yamamoto", centre: "yokohama", when: When::Day(1, 600), minutes: 180, children: false },
    Plan { person: "clarke", centre: "yokohama", when: When::Day(1, 780), minutes: 240, children: false },
    Plan { person: "kimura", centre: "yokohama", when: When::Day(2, 570), minutes: 150, children: false },
    Plan { person: "inoue", centre: "yokohama", when: When::Day(3, 600), minutes: 180, children: false },
    Plan { person: "watanabe", centre: "tsurugashima", when: When::In(0), minutes: 180, children: false },
    Plan { person: "nakamura", centre: "tsurugashima", when: When::In(60), minutes: 120, children: false },
    Plan { person: "ito", centre: "tsurugashima", when: When::Day(1, 540), minutes: 240, children: true },
    Plan { person: "matsumoto", centre: "tsurugashima", when: When::Day(1, 780), minutes: 180, children: false },
];

/// Writes the bookings.
pub(super) async fn add(hub: &Hub) -> Result<()> {
    let now = hub.now();
    let centres = hub.store.centres().await?;
    for (number, plan) in numbered(PLANS) {
        let centre = centres
            .iter()
            .find(|centre| centre.slug.as_str() == plan.centre)
            .with_context(|| format!("{} is missing", plan.centre))?;
        let person = people::person_id(plan.person);
        let children =
            if plan.children { hub.store.children_of(person).await? } else { Vec::new() };
        let wish = Wish {
            children: children.iter().map(|child| child.id).collect(),
            ..Wish::of_desks(centre.id, vec![slot(plan, centre, now)?], 1)
        };
        booking::check(&wish, centre, now)?;
        let ages = order::ages(hub, centre, &wish, &children).await?;
        let order = BookingOrder {
            id: booking_id(number),
            person,
            centre: centre.clone(),
            slots: wish.slots,
            desks: wish.desks,
            pinned: wish.pinned,
            children: wish.children,
            schemes: wish.schemes,
            ages,
            on_account_of: people::employer_of(plan.person),
            code: BookingCode::from_random(10_000_000 + u64::from(number)),
            tariff_rev: rules::TARIFF_REV,
            rule_rev: rules::RULE_REV,
            at: now,
            idempotency: None,
            needs: Default::default(),
            stands: Stands::Confirmed,
            quotas: Vec::new(),
            spare: Vec::new(),
        };
        let made = hub.store.book(&order).await?;
        if !matches!(made, BookResult::Made(_)) {
            bail!("the booking of {} could not be made: {made:?}", plan.person);
        }
    }
    Ok(())
}

/// The booking that is written last of all.
pub(super) fn last() -> BookingId {
    booking_id(numbered(PLANS).map(|(number, _)| number).max().unwrap_or_default())
}

/// After the numbers of the past visits.
fn booking_id(number: u32) -> BookingId {
    BookingId(id(Of::Booking, 0x1_0000 + number))
}

fn slot(plan: &Plan, centre: &Centre, now: DateTime<Utc>) -> Result<Interval> {
    let zone = centre.time_zone;
    let today = now.with_timezone(&zone).date_naive();
    let length = TimeDelta::minutes(plan.minutes);
    let wanted = match plan.when {
        When::In(minutes) => {
            let grain = TimeDelta::minutes(centre.settings.grain_minutes.into());
            now.duration_trunc(grain)? + TimeDelta::minutes(minutes)
        }
        When::Day(days, minutes) => {
            opening::local(today + Days::new(days), minutes, zone).context("no such time")?
        }
    };
    let at_once = Interval::new(wanted, wanted + length)?;
    if centre.opening.covers(&at_once, zone) {
        return Ok(at_once);
    }
    let day = wanted.with_timezone(&zone).date_naive();
    day.iter_days()
        .take(14)
        .flat_map(|day| centre.opening.on(day, zone))
        .map(|open| (open.starts().max(wanted), open.ends()))
        .find(|(starts, ends)| *starts + length <= *ends)
        .and_then(|(starts, _)| Interval::new(starts, starts + length).ok())
        .with_context(|| format!("{} is not open for two weeks", plan.centre))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use model::capacity::greatest_overlap;

    use super::*;
    use crate::seed::places;

    #[test]
    fn the_plans_can_be_booked_at_every_hour_of_a_year() {
        let centres = places::centres().unwrap();
        let first: DateTime<Utc> = "2026-11-22T12:34:56Z".parse().unwrap();
        for now in (0..365 * 24).map(|hour| first + TimeDelta::hours(hour)) {
            for centre in &centres {
                let plans = PLANS.iter().filter(|plan| plan.centre == centre.slug.as_str());
                let slots: Vec<_> = plans.map(|plan| slot(plan, centre, now).unwrap()).collect();
                for slot in &slots {
                    let wish = Wish::of_desks(centre.id, vec![*slot], 1);
                    assert_eq!(booking::check(&wish, centre, now), Ok(()), "{now} {slot:?}");
                    // Room is left for those who try the demo.
                    assert!(greatest_overlap(slots.iter().copied(), slot) <= 5, "{now}");
                }
            }
        }
    }
}
