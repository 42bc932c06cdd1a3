//! Care places.

use futures::future::join_all;
use store::{BookResult, NoRoom};

use crate::ground::{Ground, at, slot};

pub async fn care_needs_a_nursery_with_room(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(9).await;
    let parent = ground.person().await;
    let (one, two) = (ground.child(parent).await, ground.child(parent).await);
    let order = |children: &[_], slots: &[_]| {
        let mut order = ground.order(parent, &centre, slots);
        order.children = children.to_vec();
        order
    };
    let none = ground.store.book(&order(&[one], &[slot(1, 9, 12)])).await.unwrap();
    assert_eq!(none, BookResult::Refused(NoRoom::NoNursery));
    let small = ground.nursery(&centre, 1).await;
    let large = ground.nursery(&centre, 2).await;
    // Both children need a place at once: only the second nursery has two.
    let made = ground.book(&order(&[one, two], &[slot(1, 9, 12)])).await;
    assert!(made.care.iter().all(|claim| claim.nursery == large));
    assert_eq!(made.care.len(), 2);
    assert_eq!(ground.store.booking(made.id).await.unwrap(), Some(made.clone()));
    let other = ground.person().await;
    let (three, four) = (ground.child(other).await, ground.child(other).await);
    let made = ground.book(&order(&[three], &[slot(1, 9, 12)])).await;
    assert_eq!(made.care[0].nursery, small);
    let slots = [slot(0, 9, 12), slot(1, 11, 13)];
    let full = ground.store.book(&order(&[four], &slots)).await.unwrap();
    assert_eq!(full, BookResult::Refused(NoRoom::Care(slots[1])));
    assert_eq!(ground.claims_in(&slot(0, 0, 24)).await.desks.len(), 0);
    // Cancelling gives desk and care free together. A booking may hold care alone.
    ground.store.cancel(made.id, &centre, at(0, 0), &[]).await.unwrap();
    let mut care_only = order(&[four], &slots);
    care_only.desks = 0;
    let made = ground.book(&care_only).await;
    assert_eq!((made.desks.len(), made.care.len()), (0, 2));
    assert_eq!(ground.store.bookings_at(centre.id, &slots[0]).await.unwrap(), [made]);
    let taken = ground.claims_in(&slot(1, 12, 13)).await;
    let when: Vec<_> = taken.care.iter().map(|(nursery, taken)| (*nursery, taken.when)).collect();
    assert_eq!(when, [(small, slots[1])]);
}

pub async fn a_child_is_in_one_place(ground: Ground) {
    let (here, _) = ground.centre_with_desks(2).await;
    let (there, _) = ground.centre_with_desks(2).await;
    ground.nursery(&here, 5).await;
    ground.nursery(&there, 5).await;
    let parent = ground.person().await;
    let (one, two) = (ground.child(parent).await, ground.child(parent).await);
    let mut order = ground.order(parent, &here, &[slot(1, 9, 12)]);
    order.children = vec![two];
    ground.book(&order).await;
    let slots = [slot(0, 9, 12), slot(1, 11, 13)];
    let mut order = ground.order(parent, &there, &slots);
    order.children = vec![one, two];
    let refused = ground.store.book(&order).await.unwrap();
    assert_eq!(refused, BookResult::Refused(NoRoom::ChildElsewhere(two, slots[1])));
}

pub async fn a_child_booked_in_two_places_at_once(ground: Ground) {
    let parent = ground.person().await;
    let child = ground.child(parent).await;
    let mut centres = Vec::new();
    for _ in 0..6 {
        let (centre, _) = ground.centre_with_desks(1).await;
        ground.nursery(&centre, 1).await;
        centres.push(centre);
    }
    for day in 0..5 {
        let orders: Vec<_> = centres
            .iter()
            .map(|centre| {
                let mut order = ground.order(parent, centre, &[slot(day, 9, 12)]);
                order.children = vec![child];
                order
            })
            .collect();
        let answers = join_all(orders.iter().map(|order| ground.store.book(order))).await;
        let made = answers.into_iter().map(Result::unwrap).filter(|answer| match answer {
            BookResult::Made(_) => true,
            BookResult::Refused(NoRoom::ChildElsewhere(..)) => false,
            other => panic!("{other:?}"),
        });
        assert_eq!(made.count(), 1);
    }
    assert_eq!(ground.overlaps().await, 0);
}
