//! Fifty want two hours in a row where every desk is free for one of them only: there is room for
//! three, once others are moved.

use futures::future::join_all;
use model::interval::Interval;
use serde_json::{Value, json};
use tests::region::Database;
use uuid::Uuid;

use crate::contest::{Ask, Contest, PEOPLE, RIVALS, ROUNDS, told, winners};

pub async fn contest(database: Database) {
    let mut contest = Contest::open(database).await;
    assert_eq!(contest.desks.len(), 6);
    let mut moved = 0;
    for round in 0..ROUNDS {
        moved += one(&mut contest, round).await;
    }
    contest.done(&format!("any desk ({moved} moved for others)")).await;
}

async fn one(contest: &mut Contest, round: i64) -> i64 {
    let (day, hour) = (10 + round / 10, 2 * (round % 10));
    let both = contest.hours(day, hour, 2);
    let halves = [contest.hour(day, hour), contest.hour(day, hour + 1)];
    let mut standing = Vec::new();
    for (half, slot) in halves.iter().enumerate() {
        for (id, desk) in fill(contest, slot).await {
            // Each desk keeps one of its two guests.
            let nth = contest.desks.iter().position(|one| *one == desk).unwrap();
            if nth % 2 == half {
                contest.ask(PEOPLE[0], &format!("/api/v1/bookings/{id}/cancel"), &json!({})).await;
            } else {
                standing.push((id, *slot));
            }
        }
    }
    assert_eq!(standing.len(), 6);
    for desk in &contest.desks {
        assert_eq!(contest.held(*desk, &both).await, 1, "no desk is free all through");
    }
    let asks = (0..RIVALS).map(|nth| Ask::booking(nth, any_desk(&both))).collect();
    let answers = contest.race(asks).await;
    assert_eq!(winners(&answers, &["no-desk"]).len(), 3);
    assert_eq!(contest.truth.busiest(contest.centre.id.0, &both).await, 6);
    let truth = contest.truth.bookings().await;
    let mut moved = 0;
    for (id, slot) in &standing {
        let held = &truth[id];
        assert_eq!((&held.status[..], held.desks.len()), ("confirmed", 1));
        assert_eq!(held.desks[0].1, *slot, "moved to another desk, not to another time");
        let id = contest.truth.id(*id);
        let newer = format!("SELECT COUNT(*) FROM bookings WHERE id = {id} AND version > 1");
        moved += contest.truth.count(&newer).await;
    }
    assert!(moved >= 3, "three desks were cleared: {moved}");
    moved
}

/// Books every desk; answers each with the booking that has it.
async fn fill(contest: &Contest, slot: &Interval) -> Vec<(Uuid, Uuid)> {
    let order = any_desk(slot);
    let made = contest.desks.iter().map(|_| async {
        let made = contest.ask(PEOPLE[0], "/api/v1/bookings", &order).await;
        let desk = made["desks"][0]["space"].as_str().and_then(|id| id.parse().ok()).unwrap();
        (crate::contest::id_of(&made), desk)
    });
    join_all(made).await
}

fn any_desk(slot: &Interval) -> Value {
    json!({ "centre": "yokohama", "slots": [told(slot)] })
}
