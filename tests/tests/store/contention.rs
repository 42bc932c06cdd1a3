//! Fifty at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use store::{BookResult, BookingOrder, NoRoom};

use crate::ground::{Ground, slot};

const RIVALS: usize = 50;
const ROUNDS: i64 = 20;
const MOST: Duration = Duration::from_secs(1);

pub async fn fifty_want_one_desk(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let orders =
            (0..RIVALS).map(|_| ground.order(person, &centre, &[slot(round, 9, 10)])).collect();
        slowest = slowest.max(race(&ground, orders).await);
    }
    assert_eq!(ground.overlaps().await, 0);
    println!("one desk: the slowest of {} orders took {slowest:?}", RIVALS * 20);
}

pub async fn fifty_want_two_dates_in_opposite_orders(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let dates = [slot(2 * round, 9, 10), slot(2 * round + 1, 9, 10)];
        let orders = (0..RIVALS)
            .map(|rival| {
                let mut slots = dates;
                if rival % 2 == 1 {
                    slots.reverse();
                }
                ground.order(person, &centre, &slots)
            })
            .collect();
        slowest = slowest.max(race(&ground, orders).await);
    }
    assert_eq!(ground.overlaps().await, 0);
    println!("two dates: the slowest of {} orders took {slowest:?}", RIVALS * 20);
}

/// Books all orders at once; exactly one is made, the others find no desk. Answers the slowest time.
async fn race(ground: &Ground, orders: Vec<BookingOrder>) -> Duration {
    let tasks: Vec<_> = orders
        .into_iter()
        .map(|order| {
            let store = Arc::clone(&ground.store);
            tokio::spawn(async move {
                let begun = Instant::now();
                (store.book(&order).await, begun.elapsed())
            })
        })
        .collect();
    let (mut made, mut slowest) = (0, Duration::ZERO);
    for task in tasks {
        let (answer, took) = task.await.unwrap();
        match answer.unwrap() {
            BookResult::Made(_) => made += 1,
            BookResult::Refused(NoRoom::Desk { .. }) => {}
            other => panic!("{other:?}"),
        }
        slowest = slowest.max(took);
    }
    assert_eq!(made, 1);
    assert!(slowest < MOST, "an answer took {slowest:?}");
    slowest
}
