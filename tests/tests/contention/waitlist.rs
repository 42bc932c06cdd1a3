//! Somebody gives a full desk up while three wait for it and others want it; then the offer lapses. And
//! somebody gives one up while the child of whoever waits for it is booked elsewhere.

use model::id::{ChildId, WaitlistId};
use model::interval::Interval;
use serde_json::{Value, json};
use tests::region::Database;
use uuid::Uuid;

use crate::care::{care, hours_of_both};
use crate::contest::{Ask, Contest, PEOPLE, RIVALS, ROUNDS, id_of, pinned, winners};
use crate::hold::{APART, let_lapse};

/// They ask last and come first: who needs care is of the first class.
const PARENT: &str = "takahashi";
/// After them whoever has waited longer.
const EARLY: &str = "nakamura";
const LATE: &str = "yamada";

pub async fn contest(database: Database) {
    let mut contest = Contest::open(database).await;
    contest.let_in(&[PARENT, EARLY, LATE]).await;
    let parent = contest.person(PARENT).await;
    let child = contest.region.store.children_of(parent).await.unwrap()[0].id;
    for round in 0..ROUNDS {
        one(&mut contest, round, child).await;
    }
    for slot in hours_of_both(&contest).await {
        child_elsewhere(&mut contest, slot, child).await;
    }
    contest.done("a waitlist").await;
}

async fn one(contest: &mut Contest, round: i64, child: ChildId) {
    let (desk, hour) = (contest.desk(), contest.hour(5, round));
    let order = pinned(desk, &[hour]);
    let holder = PEOPLE[usize::try_from(round).unwrap() % PEOPLE.len()];
    let full = contest.book(holder, &order).await;
    let (early, late) = (wait(contest, EARLY, &order).await, wait(contest, LATE, &order).await);
    let mut with_care = order.clone();
    with_care["children"] = json!([child]);
    let parent = wait(contest, PARENT, &with_care).await;

    let asks = (0..RIVALS)
        .map(|nth| match nth {
            25 => Ask::of(holder, format!("/api/v1/bookings/{full}/cancel"), json!({})),
            nth => Ask::booking(nth, order.clone()),
        })
        .collect();
    let answers = contest.race(asks).await;
    let won = winners(&answers, &["no-desk"]);
    assert_eq!(won.len(), 1, "nobody overtakes those who wait: {won:?}");
    assert_eq!((&won[0].told["id"], &won[0].told["status"]), (&json!(full), &json!("cancelled")));
    let offer = offered(contest, parent).await.unwrap();
    assert_eq!(states(contest, &[parent, early, late]).await, ["offered", "waiting", "waiting"]);
    assert_eq!(contest.held(desk, &hour).await, 1);
    let held = contest.truth.bookings().await.remove(&offer).unwrap();
    assert_eq!((&held.status[..], held.desks.len(), held.care.len()), ("held", 1, 1));

    // The parent does not answer, and it passes on before any rival has it.
    let asks = (0..RIVALS)
        .zip(0..)
        .map(|(nth, later)| Ask::booking(nth, order.clone()).after(APART * later))
        .collect();
    let_lapse(&contest.truth, offer).await;
    let answers = contest.race(asks).await;
    assert_eq!(winners(&answers, &["no-desk"]).len(), 0);
    assert_eq!(states(contest, &[parent, early, late]).await, ["left", "offered", "waiting"]);
    let truth = contest.truth.bookings().await;
    assert_eq!(
        (&truth[&offer].status[..], truth[&offer].desks.len(), truth[&offer].care.len()),
        ("lapsed", 0, 0)
    );
    let offer = offered(contest, early).await.unwrap();
    let told = contest.ask(EARLY, &format!("/api/v1/bookings/{offer}/confirm"), &json!({})).await;
    assert_eq!(told["status"], "confirmed");
    assert_eq!(states(contest, &[parent, early, late]).await, ["left", "taken", "waiting"]);
    assert_eq!(contest.held(desk, &hour).await, 1);
}

async fn child_elsewhere(contest: &mut Contest, slot: Interval, child: ChildId) {
    let desk = contest.desk();
    let order = pinned(desk, &[slot]);
    let full = contest.book(PEOPLE[0], &order).await;
    let mut with_care = order.clone();
    with_care["children"] = json!([child]);
    let parent = wait(contest, PARENT, &with_care).await;
    let asks = (0..RIVALS)
        .map(|nth| match nth {
            25 => Ask::of(PEOPLE[0], format!("/api/v1/bookings/{full}/cancel"), json!({})),
            nth if nth % 2 == 0 => {
                Ask::of(PARENT, "/api/v1/bookings", care("tsurugashima", &slot, child))
            }
            nth => Ask::booking(nth, order.clone()),
        })
        .collect();
    let answers = contest.race(asks).await;
    let of = |is_parent: bool| {
        let all = answers.iter().enumerate().filter(move |(nth, _)| (nth % 2 == 0) == is_parent);
        all.map(|(_, answer)| answer)
    };
    let elsewhere = winners(of(true), &["child-elsewhere"]).len();
    let here = winners(of(false), &["no-desk"]);
    let gave_up = here.iter().filter(|answer| answer.told["status"] == "cancelled").count();
    assert_eq!(gave_up, 1, "{here:?}");
    let offer = offered(contest, parent).await;
    // The child is in one place, and the desk is whoever's who waited, or a rival's.
    assert_eq!(elsewhere + usize::from(offer.is_some()), 1, "{answers:?}");
    let taken = here.len() - gave_up;
    assert!(taken <= usize::from(offer.is_none()), "{here:?}");
    let held = taken + usize::from(offer.is_some());
    assert_eq!(contest.held(desk, &slot).await, i64::try_from(held).unwrap());
    contest.region.store.stop_waiting(WaitlistId(parent)).await.unwrap();
}

/// Waits, and answers the entry.
async fn wait(contest: &Contest, who: &str, order: &Value) -> Uuid {
    let told = contest.ask(who, "/api/v1/waitlist", order).await;
    assert!(told["held"].is_null(), "{told}");
    id_of(&told["waits"])
}

async fn states(contest: &Contest, entries: &[Uuid]) -> Vec<String> {
    let mut states = Vec::new();
    for entry in entries {
        let entry = contest.region.store.waiting(WaitlistId(*entry)).await.unwrap().unwrap();
        states.push(serde_json::to_value(entry.state).unwrap().as_str().unwrap().to_owned());
    }
    states
}

async fn offered(contest: &Contest, entry: Uuid) -> Option<Uuid> {
    let entry = contest.region.store.waiting(WaitlistId(entry)).await.unwrap().unwrap();
    entry.booking.map(|booking| booking.0)
}
