//! A hold whose time ends while its guest confirms it and others want the desk.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use model::clock::{Clock as _, SystemClock};
use serde_json::json;
use tests::region::Database;
use tests::truth::Truth;
use uuid::Uuid;

use crate::contest::{Answer, Ask, Contest, RIVALS, ROUNDS, pinned, winners};

const GUEST: &str = "ito";
/// When the hold's time ends, after the first request is sent; the others follow one after the other.
pub const LAPSES: TimeDelta = TimeDelta::milliseconds(150);
pub const APART: Duration = Duration::from_millis(6);

pub async fn contest(database: Database) {
    let mut contest = Contest::open(database).await;
    contest.let_in(&[GUEST]).await;
    let mut confirmed = 0;
    for round in 0..ROUNDS {
        confirmed += i64::from(one(&mut contest, round).await);
    }
    let what = format!("a hold that ends ({confirmed} of {ROUNDS} confirmed in time)");
    contest.done(&what).await;
}

/// Lets the time of what is held or asked for end soon, and answers when.
pub async fn let_lapse(truth: &Truth, booking: Uuid) -> DateTime<Utc> {
    let lapses = SystemClock.now() + LAPSES;
    let (id, time) = (truth.id(booking), truth.time(lapses));
    let sql = format!("UPDATE bookings SET lapses_at = {time} WHERE id = {id}");
    assert_eq!(truth.run(&sql).await.unwrap(), 1);
    lapses
}

async fn one(contest: &mut Contest, round: i64) -> bool {
    let (desk, hour) = (contest.desk(), contest.hour(4, round));
    let mut order = pinned(desk, &[hour]);
    order["hold"] = json!(true);
    let id = contest.book(GUEST, &order).await;
    let confirm = format!("/api/v1/bookings/{id}/confirm");
    // Every third time the guest comes too late.
    let late = round % 3 == 2;
    let confirms = |nth: usize| nth % 10 == 5 && (!late || nth > 30);
    let asks = (0..RIVALS)
        .map(|nth| {
            let ask = if confirms(nth) {
                Ask::of(GUEST, &confirm, json!({}))
            } else {
                Ask::booking(nth, pinned(desk, &[hour]))
            };
            ask.after(APART * u32::try_from(nth).unwrap())
        })
        .collect();
    let lapses = let_lapse(&contest.truth, id).await;
    let answers = contest.race(asks).await;
    let (guest, rivals): (Vec<_>, Vec<_>) =
        answers.iter().enumerate().partition(|(nth, _)| confirms(*nth));
    let guest: Vec<&Answer> = guest.into_iter().map(|(_, answer)| answer).collect();
    let took = winners(rivals.into_iter().map(|(_, answer)| answer), &["no-desk"]);
    let in_time = winners(guest.iter().copied(), &["not-held"]);
    let held = &contest.truth.bookings().await[&id];
    assert_eq!(contest.held(desk, &hour).await, 1, "somebody has it, and nobody else");
    if in_time.is_empty() {
        assert_eq!(took.len(), 1);
        assert_eq!((&held.status[..], held.desks.len()), ("lapsed", 0));
        assert_eq!(contest.notices(id, "'hold_lapsed'").await, 1);
    } else {
        assert_eq!(took.len(), 0);
        assert_eq!((&held.status[..], held.desks.len()), ("confirmed", 1));
        assert!(guest.iter().any(|answer| answer.sent < lapses), "confirmed after its time");
    }
    !in_time.is_empty()
}
