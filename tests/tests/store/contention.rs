//! Fifty at once. How long each waits is measured over HTTP, with the machine to itself
//! (`tests/tests/contention`).

use std::sync::Arc;

use store::{BookResult, BookingOrder, NoRoom};

use crate::ground::{Ground, slot};

const RIVALS: usize = 50;
const ROUNDS: i64 = 20;

pub async fn fifty_want_one_desk(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    for round in 0..ROUNDS {
        let orders =
            (0..RIVALS).map(|_| ground.order(person, &centre, &[slot(round, 9, 10)])).collect();
        race(&ground, orders).await;
    }
    assert_eq!(ground.overlaps().await, 0);
}

pub async fn fifty_want_two_dates_in_opposite_orders(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
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
        race(&ground, orders).await;
    }
    assert_eq!(ground.overlaps().await, 0);
}

/// Books all orders at once; exactly one is made, the others find no desk.
async fn race(ground: &Ground, orders: Vec<BookingOrder>) {
    let tasks: Vec<_> = orders
        .into_iter()
        .map(|order| {
            let store = Arc::clone(&ground.store);
            tokio::spawn(async move { store.book(&order).await })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        match task.await.unwrap().unwrap() {
            BookResult::Made(_) => made += 1,
            BookResult::Refused(NoRoom::Desk { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(made, 1);
}
