//! Booking a desk for now.

use std::time::Duration;

use chrono::{DateTime, DurationRound as _, TimeDelta, Timelike as _, Utc};
use model::centre::Centre;
use model::clock::{Clock as _, SystemClock};
use model::id::{BookingId, ChildId};
use model::interval::Interval;
use reqwest::StatusCode;
use serde_json::json;
use tests::http::Person;
use tests::site::Site;
use tests::waiting::until;
use tokio::time::sleep;

/// A test books within this time of asking what can be had now.
const TIME_TO_BOOK: Duration = Duration::from_secs(15);

/// A stretch at the centre that one may check in to now, and book for some seconds more: shortly before a step of the
/// grain it waits for the next. Its day is one day: shortly before local midnight it begins at midnight, when the door is
/// open for it already. It ends before the demo's guests of later come, two hours on: with walk-ins' desks kept there
/// would not be one for everybody.
pub async fn for_now(centre: &Centre) -> Interval {
    let grain = TimeDelta::minutes(centre.settings.grain_minutes.into());
    let mut now = SystemClock.now();
    let mut running = now.duration_trunc(grain).unwrap();
    let left = (running + grain - now).to_std().unwrap();
    if left < TIME_TO_BOOK {
        sleep(left).await;
        running += grain;
        now = running;
    }
    let midnight = next_midnight(centre, now);
    let starts = if midnight - now < TimeDelta::minutes(10) { midnight } else { running };
    let last = next_midnight(centre, starts);
    Interval::new(starts, last.min(starts + TimeDelta::minutes(90))).unwrap()
}

fn next_midnight(centre: &Centre, time: DateTime<Utc>) -> DateTime<Utc> {
    let local = time.with_timezone(&centre.time_zone);
    let passed = TimeDelta::seconds(local.num_seconds_from_midnight().into());
    (time - passed).duration_trunc(TimeDelta::seconds(1)).unwrap() + TimeDelta::days(1)
}

/// Books a desk for now over the API, and waits until the site has the sheet with it.
pub async fn book_now(site: &Site, name: &str) {
    let centre = site.centre().await;
    let before = site.region.store.site_status(centre.id).await.unwrap().sheet_in_force;
    order_now(site, &Person::sign_in(&site.region.url, name).await, &[]).await;
    newer_sheet(site, before).await;
}

/// Books a desk for now over the API, with care for these children; the site need not hear of it.
pub async fn order_now(site: &Site, person: &Person, children: &[ChildId]) -> BookingId {
    let centre = site.centre().await;
    let slot = for_now(&centre).await;
    let slot = json!({ "starts_at": slot.starts(), "ends_at": slot.ends() });
    let order = json!({ "centre": centre.slug, "slots": [slot], "children": children });
    let (status, booking) = person.post("/api/v1/bookings", &order).await;
    assert_eq!(status, StatusCode::CREATED, "{booking}");
    booking["id"].as_str().unwrap().parse().unwrap()
}

/// Waits until the site runs on another sheet than `before`.
pub async fn newer_sheet(site: &Site, before: Option<u64>) {
    let centre = site.centre().await.id;
    until("the site to run on the newer sheet", async || {
        let status = site.region.store.site_status(centre).await.unwrap();
        (status.sheet_in_force > before).then_some(())
    })
    .await;
}
