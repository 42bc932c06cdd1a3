//! What nobody should send, and what no row should hold.

use model::id::PersonId;
use model::language::Language;
use model::people::{Grant, Person};
use store::{Idempotency, StoreError};

use crate::ground::{Ground, slot};

pub async fn long_and_strange_texts(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let strange = "'; DROP TABLE persons; -- $1 ? 𠮷\u{202e}\n".repeat(300);
    assert!(strange.len() > 10_000);
    let person = Person {
        id: PersonId(ground.id()),
        email: "strange@example.jp".to_owned(),
        name: strange.clone(),
        language: Language::En,
        grants: vec![Grant::Worker { employer: None }.into()],
    };
    ground.store.add_person(&person, Some(&strange)).await.unwrap();
    assert_eq!(ground.store.person(person.id).await.unwrap(), Some(person.clone()));
    assert!(ground.store.sign_in_record(&strange).await.unwrap().is_none());
    // Addresses and keys have a greatest length: the same answer on both, and nothing is made.
    let long = Person { id: PersonId(ground.id()), email: strange.clone(), ..person.clone() };
    assert!(ground.store.add_person(&long, None).await.is_err());
    assert_eq!(ground.store.person(long.id).await.unwrap(), None);
    let mut order = ground.order(person.id, &centre, &[slot(1, 9, 12)]);
    order.idempotency = Some(Idempotency { key: strange, digest: [1; 32] });
    assert!(ground.store.book(&order).await.is_err());
    assert_eq!(ground.store.booking(order.id).await.unwrap(), None);
    order.idempotency = Some(Idempotency { key: "拠点".repeat(100), digest: [1; 32] });
    ground.book(&order).await;
    // Somebody or somewhere unknown: an error, not a booking.
    let mut order = ground.order(PersonId(ground.id()), &centre, &[slot(2, 9, 12)]);
    assert!(ground.store.book(&order).await.is_err());
    order.slots.clear();
    assert!(ground.store.book(&order).await.is_err());
}

pub async fn rows_that_cannot_be_read(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let made = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    let store = &ground.store;
    let raw = &ground.raw;
    raw.run("UPDATE persons SET language = 'klingon'").await.unwrap();
    corrupt(store.person(person).await, "language");
    corrupt(store.sheet_people(&[person]).await, "language");
    raw.run("UPDATE bookings SET code = 'no code'").await.unwrap();
    corrupt(store.booking(made.id).await, "code");
    corrupt(store.bookings_of(person, slot(0, 0, 1).starts()).await, "code");
    raw.run("UPDATE bookings SET code = '1234-5678', tariff_rev = -1").await.unwrap();
    corrupt(store.booking(made.id).await, "revision");
    raw.run("UPDATE centres SET time_zone = 'Mars/Olympus'").await.unwrap();
    corrupt(store.centres().await, "time zone");
    raw.run("UPDATE spaces SET kind = 'throne', terminal = 'NO SLUG'").await.unwrap();
    corrupt(store.spaces().await, "space");
    corrupt(store.book(&ground.order(person, &centre, &[slot(2, 9, 12)])).await, "space");
    if raw.is_sqlite() {
        // PostgreSQL's types do not even let these in.
        raw.run(
            "PRAGMA ignore_check_constraints = ON;
             UPDATE desk_claims SET starts_at = 'tomorrow';
             PRAGMA ignore_check_constraints = OFF",
        )
        .await
        .unwrap();
        corrupt(store.booking(made.id).await, "time");
        corrupt(store.bookings_of(person, slot(0, 0, 1).starts()).await, "time");
    }
}

fn corrupt<T>(answer: Result<T, StoreError>, what: &str) {
    assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{what}");
}
