//! Changes of time: of fifty bookings to the same free hour, of one booking to fifty others, and of
//! bookings that are given up at the same moment.

use chrono::TimeDelta;
use futures::future::join_all;
use model::interval::Interval;
use serde_json::{Value, json};
use tests::region::Database;
use uuid::Uuid;

use crate::contest::{Ask, Contest, PEOPLE, RIVALS, ROUNDS, pinned, winners};

pub async fn contest(database: Database) {
    let mut contest = Contest::open(database).await;
    fifty_bookings_to_one_hour(&mut contest).await;
    one_booking_fifty_times(&mut contest).await;
    for round in 0..ROUNDS {
        given_up_meanwhile(&mut contest, round).await;
    }
    contest.done("changes of time").await;
}

async fn fifty_bookings_to_one_hour(contest: &mut Contest) {
    let places = (0..).flat_map(|hour| contest.desks.iter().map(move |desk| (*desk, hour)));
    let made = places.take(RIVALS).enumerate().map(|(nth, (desk, hour))| {
        let slot = contest.hour(10, hour);
        let who = PEOPLE[nth % PEOPLE.len()];
        let contest = &*contest;
        async move { (contest.book(who, &pinned(desk, &[slot])).await, (desk, slot)) }
    });
    let mut bookings: Vec<(Uuid, (Uuid, Interval))> = join_all(made).await;
    let mut versions = vec![1; RIVALS];
    for round in 0..ROUNDS {
        let (desk, hour) = (contest.desk(), contest.hour(12, round));
        let asks = bookings
            .iter()
            .zip(&versions)
            .enumerate()
            .map(|(nth, ((id, _), version))| {
                let order = pinned(desk, &[hour]);
                Ask::of(PEOPLE[nth % PEOPLE.len()], path(*id), change(*version, &order))
            })
            .collect();
        let answers = contest.race(asks).await;
        assert_eq!(winners(&answers, &["no-desk"]).len(), 1);
        let winner = answers.iter().position(|answer| answer.status.is_success()).unwrap();
        versions[winner] += 1;
        bookings[winner].1 = (desk, hour);
        // The winner is there, and everybody else where they were.
        let truth = contest.truth.bookings().await;
        for (id, place) in &bookings {
            assert_eq!((&truth[id].status[..], &truth[id].desks), ("confirmed", &vec![*place]));
        }
    }
}

async fn one_booking_fifty_times(contest: &mut Contest) {
    let desk = contest.desk();
    let id = contest.book(PEOPLE[0], &pinned(desk, &[contest.hour(14, 0)])).await;
    for (round, version) in (0..ROUNDS).zip(1..) {
        let quarter = |nth: usize| {
            let starts = contest.hour(15 + round % 2, 0).starts()
                + TimeDelta::minutes(15) * i32::try_from(nth).unwrap();
            Interval::new(starts, starts + TimeDelta::minutes(15)).unwrap()
        };
        let slots: Vec<Interval> = (0..RIVALS).map(quarter).collect();
        let asks = slots
            .iter()
            .map(|slot| Ask::of(PEOPLE[0], path(id), change(version, &pinned(desk, &[*slot]))))
            .collect();
        let answers = contest.race(asks).await;
        assert_eq!(winners(&answers, &["other-version"]).len(), 1);
        let winner = answers.iter().position(|answer| answer.status.is_success()).unwrap();
        let truth = contest.truth.bookings().await;
        assert_eq!(truth[&id].desks, [(desk, slots[winner])]);
    }
    assert_eq!(contest.notices(id, "'changed'").await, ROUNDS);
}

async fn given_up_meanwhile(contest: &mut Contest, round: i64) {
    let (from, to) = (contest.hour(17, round), contest.hour(18, round));
    let mut bookings = Vec::new();
    for (desk, who) in contest.desks.clone().into_iter().zip(PEOPLE) {
        bookings.push((contest.book(who, &pinned(desk, &[from])).await, who, desk));
    }
    let asks = (0..RIVALS)
        .map(|nth| {
            let (id, who, desk) = bookings[nth % bookings.len()];
            match nth / bookings.len() {
                kind if kind % 3 == 2 => {
                    Ask::of(who, format!("/api/v1/bookings/{id}/cancel"), json!({}))
                }
                kind => {
                    let version = if kind < 5 { 1 } else { 2 };
                    Ask::of(who, path(id), change(version, &pinned(desk, &[to])))
                }
            }
        })
        .collect();
    let answers = contest.race(asks).await;
    let truth = contest.truth.bookings().await;
    for (nth, (id, _, desk)) in bookings.iter().enumerate() {
        let about = answers.iter().skip(nth).step_by(bookings.len()).enumerate();
        let (gave_up, changed): (Vec<_>, Vec<_>) = about.partition(|(kind, _)| kind % 3 == 2);
        let answers = |all: Vec<_>| all.into_iter().map(|(_, answer)| answer);
        assert_eq!(winners(answers(gave_up), &[]).len(), 3, "giving up twice is as once");
        let changed = winners(answers(changed), &["other-version", "booking-fixed"]).len();
        assert!(changed <= 2, "once from each version");
        assert_eq!((&truth[id].status[..], &truth[id].desks[..]), ("cancelled", &[][..]));
        for slot in [&from, &to] {
            assert_eq!(contest.held(*desk, slot).await, 0, "nothing of it is held any more");
        }
        assert_eq!(contest.notices(*id, "'cancelled'").await, 1);
        assert_eq!(contest.notices(*id, "'changed'").await, i64::try_from(changed).unwrap());
    }
}

/// Where a booking is changed.
pub fn path(id: Uuid) -> String {
    format!("/api/v1/bookings/{id}/change")
}

/// What is sent there.
pub fn change(version: u32, order: &Value) -> Value {
    json!({ "version": version, "order": order })
}
