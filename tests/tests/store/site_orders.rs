//! Orders to sites: kept before anybody is told, answered once.

use std::slice::from_ref;

use chrono::{DateTime, TimeDelta, Utc};
use model::id::{CentreId, OrderId};
use model::site_order::{GOOD_FOR, OrderAnswer, SiteOrder};
use store::{Idempotency, Kept, OrderAdded, SiteOrderRecord};
use uuid::Uuid;

use crate::ground::{Ground, at};

async fn order(ground: &Ground, centre: CentreId, number: u128) -> SiteOrderRecord {
    let asked_at = at(1, 9);
    SiteOrderRecord {
        id: OrderId(Uuid::from_u128(0x0dde << 64 | number)),
        centre,
        what: SiteOrder::Unlock { door: "y-door-1".parse().unwrap() },
        by: ground.person().await,
        asked_at,
        not_after: asked_at + GOOD_FOR,
        answer: None,
    }
}

fn keyed(key: &str, digest: u8) -> Idempotency {
    Idempotency { key: key.to_owned(), digest: [digest; 32] }
}

fn seconds(seconds: i64) -> DateTime<Utc> {
    at(1, 9) + TimeDelta::seconds(seconds)
}

pub async fn an_order_is_in_hand_until_it_is_answered_or_over(ground: Ground) {
    let [here, there] = [ground.centre().await.id, ground.centre().await.id];
    let first = order(&ground, here, 1).await;
    let second = SiteOrderRecord {
        what: SiteOrder::Lockdown { on: true },
        asked_at: seconds(3),
        not_after: seconds(13),
        ..order(&ground, here, 2).await
    };
    let store = &ground.store;
    for one in [&second, &first] {
        assert_eq!(store.add_site_order(one, None).await.unwrap(), OrderAdded::Kept);
    }
    assert!(store.add_site_order(&first, None).await.is_err(), "the same id twice");
    assert_eq!(store.site_order(first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(store.site_order(OrderId(Uuid::nil())).await.unwrap(), None);

    let in_hand = async |second| store.site_orders_in_hand(here, seconds(second)).await.unwrap();
    assert_eq!(in_hand(4).await, [first.clone(), second.clone()]);
    assert_eq!(in_hand(10).await, from_ref(&second), "the end is not in it");
    assert_eq!(in_hand(13).await, []);
    assert_eq!(store.site_orders_in_hand(there, seconds(4)).await.unwrap(), []);

    let heard = seconds(5);
    let answer = async |centre, answer| {
        store.answer_site_order(centre, first.id, answer, heard).await.unwrap()
    };
    assert_eq!(answer(there, OrderAnswer::Done).await, None, "another site has no say");
    assert_eq!(answer(here, OrderAnswer::LockFault).await, Some(OrderAnswer::LockFault));
    assert_eq!(answer(here, OrderAnswer::Done).await, Some(OrderAnswer::LockFault), "the first");
    let nobody = OrderId(Uuid::nil());
    let none = store.answer_site_order(here, nobody, OrderAnswer::Done, heard).await.unwrap();
    assert_eq!(none, None);
    assert_eq!(in_hand(4).await, from_ref(&second));

    let answered =
        SiteOrderRecord { answer: Some((OrderAnswer::LockFault, heard)), ..first.clone() };
    let since =
        async |second, most| store.site_orders_since(here, seconds(second), most).await.unwrap();
    assert_eq!(since(-1, 9).await, [second.clone(), answered]);
    assert_eq!(since(-1, 1).await, from_ref(&second));
    assert_eq!(since(0, 9).await, [second]);
}

pub async fn a_repeated_order_to_a_site_is_the_same_order(ground: Ground) {
    let here = ground.centre().await.id;
    let store = &ground.store;
    let first = order(&ground, here, 1).await;
    let key = keyed("k", 1);
    assert_eq!(store.site_order_before(first.by, &key).await.unwrap(), None);
    assert_eq!(store.add_site_order(&first, Some(&key)).await.unwrap(), OrderAdded::Kept);
    let before = OrderAdded::Before(Box::new(first.clone()));
    assert_eq!(store.site_order_before(first.by, &key).await.unwrap(), Some(before.clone()));
    let again = SiteOrderRecord { by: first.by, ..order(&ground, here, 2).await };
    assert_eq!(store.add_site_order(&again, Some(&key)).await.unwrap(), before);
    let other = keyed("k", 2);
    assert_eq!(store.add_site_order(&again, Some(&other)).await.unwrap(), OrderAdded::KeyReused);
    let somebody_else = order(&ground, here, 3).await;
    assert_eq!(store.add_site_order(&somebody_else, Some(&key)).await.unwrap(), OrderAdded::Kept);

    let many = (10..30).map(|number| {
        let (store, key) = (store.clone(), keyed("rush", 1));
        let order = SiteOrderRecord {
            id: OrderId(Uuid::from_u128(0x0dde << 64 | number)),
            ..first.clone()
        };
        tokio::spawn(async move { store.add_site_order(&order, Some(&key)).await.unwrap() })
    });
    let mut kept = 0;
    for one in many.collect::<Vec<_>>() {
        match one.await.unwrap() {
            OrderAdded::Kept => kept += 1,
            OrderAdded::Before(_) => {}
            OrderAdded::KeyReused => panic!("the same was asked"),
        }
    }
    assert_eq!(kept, 1, "of many at once one is an order");
}

pub async fn old_orders_are_forgotten(ground: Ground) {
    let here = ground.centre().await.id;
    let first = order(&ground, here, 1).await;
    ground.store.add_site_order(&first, None).await.unwrap();
    let forget = async |before| ground.store.forget(Kept::SiteOrders, before, 9).await.unwrap();
    assert_eq!(forget(first.asked_at).await, 0);
    assert_eq!(forget(first.not_after).await, 1);
    assert_eq!(ground.store.site_order(first.id).await.unwrap(), None);
}
