//! Bookings: made, read, given up.

use futures::future::join_all;
use model::booking::{BookingStatus, days_to_lock};
use model::centre::SpaceKind;
use model::day_sheet::DeviceKind;
use model::id::{BookingId, CredentialId, SpaceId, VisitId};
use model::interval::Interval;
use model::site_event::{Happening, Proof, SiteEvent};
use store::{
    BookResult, Credential, EventBatch, Idempotency, KeyedReference, LiveClaims, NoRoom,
    StoreError, UnvisitedClaim,
};

use crate::ground::{Ground, at, slot};

pub async fn a_booking_comes_back_in_every_list(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(3).await;
    let person = ground.person().await;
    let mut order = ground.order(person, &centre, &[slot(1, 9, 12), slot(2, 9, 12)]);
    order.desks = 2;
    let made = ground.book(&order).await;
    assert_eq!((made.id, made.person, made.version), (order.id, person, 1));
    assert_eq!(made.status, BookingStatus::Confirmed);
    let placed: Vec<_> = made.desks.iter().map(|claim| (claim.space, claim.when)).collect();
    let [one, two] = [slot(1, 9, 12), slot(2, 9, 12)];
    assert_eq!(placed, [(desks[0], one), (desks[1], one), (desks[0], two), (desks[1], two)]);
    assert_eq!(made.desks[0].id.0.as_u128(), order.id.0.as_u128() + 1);

    let store = &ground.store;
    assert_eq!(store.booking(made.id).await.unwrap(), Some(made.clone()));
    assert_eq!(store.booking(BookingId(ground.id())).await.unwrap(), None);
    assert_eq!(store.bookings_of(person, at(2, 11)).await.unwrap(), std::slice::from_ref(&made));
    assert!(store.bookings_of(person, at(2, 12)).await.unwrap().is_empty());
    // The first day's claims touch this window; the second day's come along.
    let found = store.bookings_at(centre.id, &slot(1, 11, 13)).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&made));
    assert!(store.bookings_at(centre.id, &slot(1, 12, 24)).await.unwrap().is_empty());
    let taken = ground.claims_in(&slot(2, 11, 12)).await;
    let mut spaces: Vec<_> = taken.desks.iter().map(|(at, space, _)| (*at, *space)).collect();
    spaces.sort();
    assert_eq!(spaces, [(centre.id, desks[0]), (centre.id, desks[1])]);
    assert_eq!(ground.claims_in(&slot(1, 12, 24)).await, LiveClaims::default());

    let earlier = ground.book(&ground.order(person, &centre, &[slot(0, 9, 12)])).await;
    let mine = store.bookings_of(person, at(0, 0)).await.unwrap();
    assert_eq!(mine, [earlier, made]);
}

pub async fn all_or_nothing(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(2).await;
    let booth = ground.space(&centre, SpaceKind::Booth).await;
    let person = ground.person().await;
    ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    let second = ground.book(&ground.order(person, &centre, &[slot(1, 11, 13)])).await;
    assert_eq!(second.desks[0].space, desks[1]);
    // Monday is free, Tuesday from 11 to 12 is full (the booth is no desk): nothing is made.
    let wish = [slot(0, 9, 10), slot(1, 11, 12)];
    let refused = ground.store.book(&ground.order(person, &centre, &wish)).await.unwrap();
    assert_eq!(refused, BookResult::Refused(NoRoom::Desk { slot: slot(1, 11, 12), proven: true }));
    let taken = ground.claims_in(&slot(0, 0, 24)).await;
    assert_eq!(taken, LiveClaims::default());
    // What only touches has room.
    ground.book(&ground.order(person, &centre, &[slot(1, 12, 13)])).await;
    let mut two = ground.order(person, &centre, &[slot(1, 13, 14)]);
    two.desks = 2;
    let made = ground.book(&two).await;
    assert!(made.desks.iter().all(|claim| claim.space != booth));
    two = ground.order(person, &centre, &[slot(3, 9, 10)]);
    two.desks = 3;
    let refused = ground.store.book(&two).await.unwrap();
    assert_eq!(refused, BookResult::Refused(NoRoom::Desk { slot: slot(3, 9, 10), proven: true }));
}

pub async fn a_picked_space_is_that_space(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(2).await;
    let (_, elsewhere) = ground.centre_with_desks(1).await;
    let booth = ground.space(&centre, SpaceKind::Booth).await;
    let person = ground.person().await;
    let pinned = |space, when: Interval| {
        let mut order = ground.order(person, &centre, &[when]);
        order.pinned = Some(space);
        order.needs.pinned = true;
        order
    };
    for space in [desks[1], booth] {
        let made = ground.book(&pinned(space, slot(1, 9, 12))).await;
        assert_eq!(made.desks[0].space, space);
    }
    let full = BookResult::Refused(NoRoom::Desk { slot: slot(1, 11, 13), proven: true });
    for space in [desks[1], elsewhere[0], SpaceId(ground.id())] {
        assert_eq!(ground.store.book(&pinned(space, slot(1, 11, 13))).await.unwrap(), full);
    }
}

pub async fn cancelling_gives_free_what_is_to_come(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let order = ground.order(person, &centre, &[slot(1, 9, 12), slot(2, 9, 12)]);
    let made = ground.book(&order).await;
    let store = &ground.store;
    let (after, changed) = store.cancel(made.id, &centre, at(1, 13), &[]).await.unwrap().unwrap();
    assert!(changed);
    assert_eq!((after.status, after.version), (BookingStatus::Cancelled, 2));
    assert_eq!(after.desks[0].released_at, None, "it has been used");
    assert_eq!(after.desks[1].released_at, Some(at(1, 13)));
    assert_eq!(store.booking(made.id).await.unwrap(), Some(after.clone()));
    let again = store.cancel(made.id, &centre, at(1, 14), &[]).await.unwrap();
    assert_eq!(again, Some((after, false)));
    assert_eq!(store.cancel(BookingId(ground.id()), &centre, at(0, 0), &[]).await.unwrap(), None);
    let next = ground.book(&ground.order(person, &centre, &[slot(2, 9, 12)])).await;
    assert_eq!(next.desks[0].space, desks[0]);
    // What has ended cannot be given up any more.
    let late = store.cancel(next.id, &centre, at(2, 12), &[]).await.unwrap();
    assert_eq!(late, Some((next, false)));
}

pub async fn a_repeated_order_is_answered_as_before(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let keyed = |person, digest: u8| {
        let mut order = ground.order(person, &centre, &[slot(1, 9, 12)]);
        order.idempotency = Some(Idempotency { key: "k-1".to_owned(), digest: [digest; 32] });
        order
    };
    let made = ground.book(&keyed(person, 1)).await;
    let again = ground.store.book(&keyed(person, 1)).await.unwrap();
    assert_eq!(again, BookResult::Before(made.clone()));
    assert_eq!(ground.store.book(&keyed(person, 2)).await.unwrap(), BookResult::KeyReused);
    // Another person's key is another key.
    let other = ground.store.book(&keyed(ground.person().await, 1)).await.unwrap();
    assert_eq!(other, BookResult::Refused(NoRoom::Desk { slot: slot(1, 9, 12), proven: true }));
    // The answer is the booking as it stands now.
    ground.store.cancel(made.id, &centre, at(0, 1), &[]).await.unwrap();
    let again = ground.store.book(&keyed(person, 1)).await.unwrap();
    assert!(matches!(again, BookResult::Before(one) if one.status == BookingStatus::Cancelled));
    // It can be looked up without ordering anything.
    let ask = async |person, digest| {
        let key = keyed(person, digest).idempotency.unwrap();
        ground.store.answered(person, &key).await.unwrap()
    };
    assert!(matches!(ask(person, 1).await, Some(BookResult::Before(one)) if one.id == made.id));
    assert_eq!(ask(person, 2).await, Some(BookResult::KeyReused));
    assert_eq!(ask(ground.person().await, 1).await, None);
}

pub async fn repeated_orders_at_once_make_one_booking(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(3).await;
    let person = ground.person().await;
    // Different days do not wait for each other: there, the unique key is what tells.
    for (round, same_day) in [(1, true), (2, false)] {
        let orders: Vec<_> = (0..8)
            .map(|n| {
                let day = if same_day { 1 } else { 2 + n };
                let mut order = ground.order(person, &centre, &[slot(day, 9, 12)]);
                let digest = [round; 32];
                order.idempotency = Some(Idempotency { key: format!("k-{round}"), digest });
                order
            })
            .collect();
        let answers = join_all(orders.iter().map(|order| ground.store.book(order))).await;
        let (mut made, mut before) = (0, 0);
        for answer in answers {
            match answer.unwrap() {
                BookResult::Made(_) => made += 1,
                BookResult::Before(_) => before += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((made, before), (1, 7), "same day: {same_day}");
    }
}

pub async fn a_code_is_one_of_its_kind(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(2).await;
    let person = ground.person().await;
    let one = ground.order(person, &centre, &[slot(1, 9, 12)]);
    ground.book(&one).await;
    let mut two = ground.order(person, &centre, &[slot(1, 9, 12)]);
    two.code = one.code;
    let answer = ground.store.book(&two).await;
    assert!(matches!(answer, Err(StoreError::Duplicate("booking code"))), "{answer:?}");
    two.code = ground.order(person, &centre, &[]).code;
    ground.book(&two).await;
}

pub async fn nobody_came(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let made = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12), slot(2, 9, 12)])).await;
    let store = &ground.store;
    assert!(store.unvisited_claims(at(1, 8)).await.unwrap().is_empty());
    let waiting = store.unvisited_claims(at(2, 9)).await.unwrap();
    let release = async |claim, when| store.release_unvisited(claim, &centre, when).await.unwrap();
    assert!(release(&waiting[0], at(1, 10)).await);
    let after = store.booking(made.id).await.unwrap().unwrap();
    assert_eq!((after.status, after.version), (BookingStatus::Confirmed, 2));
    assert_eq!(after.desks[0].released_at, Some(at(1, 10)));
    assert_eq!(after.desks[1].released_at, None);
    let next = ground.book(&ground.order(person, &centre, &[slot(1, 10, 12)])).await;
    assert_eq!(next.desks[0].space, desks[0]);
    let stranger = UnvisitedClaim { booking: BookingId(ground.id()), ..waiting[1] };
    assert!(!release(&stranger, at(2, 10)).await);
    assert!(release(&waiting[1], at(2, 10)).await);
    let after = store.booking(made.id).await.unwrap().unwrap();
    assert_eq!((after.status, after.version), (BookingStatus::NoShow, 3));
    let given_up = store.cancel(made.id, &centre, at(1, 0), &[]).await.unwrap();
    assert_eq!(given_up, Some((after, false)));
}

pub async fn a_guest_inside_cannot_cancel(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let made = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12), slot(2, 9, 12)])).await;
    let store = &ground.store;
    let (visit, booking, space) = (VisitId(ground.id()), made.id, desks[0]);
    let take = async |first, when, what| {
        let batch = EventBatch {
            centre: centre.clone(),
            edge: "edge".parse().unwrap(),
            first,
            events: vec![SiteEvent { at: when, what }],
            told_until: when,
            at: when,
            spare: Vec::new(),
        };
        store.take_events(&batch).await.unwrap();
    };
    let by = Proof::Code;
    take(1, at(1, 9), Happening::CheckedIn { visit, person, booking, space, by }).await;
    let (inside, changed) = store.cancel(booking, &centre, at(1, 10), &[]).await.unwrap().unwrap();
    assert!(!changed);
    assert_eq!(inside.status, BookingStatus::Confirmed);
    assert_eq!(inside, made, "all its claims are live");
    assert_eq!(store.booking(booking).await.unwrap(), Some(made));
    take(2, at(1, 11), Happening::CheckedOut { visit, person, space, gives_up: None }).await;
    let (after, changed) = store.cancel(booking, &centre, at(1, 11), &[]).await.unwrap().unwrap();
    assert!(changed);
    assert_eq!((after.status, after.version), (BookingStatus::Cancelled, 2));
    assert!(after.desks.iter().all(|claim| claim.released_at == Some(at(1, 11))));
}

pub async fn the_plan_revision_tells_of_changes(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let days = days_to_lock(&centre, &[slot(1, 9, 12), slot(2, 9, 12)]);
    let store = &ground.store;
    let revision = async || store.plan_revision(centre.id, days[0], days[1]).await.unwrap();
    let mut seen = vec![revision().await];
    let mut changed = async |what: &str| {
        let now = revision().await;
        assert!(!seen.contains(&now), "{what}");
        seen.push(now);
    };
    let made = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    changed("booked").await;
    let full = ground.store.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await.unwrap();
    assert!(matches!(full, BookResult::Refused(_)));
    let far = ground.book(&ground.order(person, &centre, &[slot(9, 9, 12)])).await;
    store.cancel(far.id, &centre, at(0, 0), &[]).await.unwrap();
    store.cancel(made.id, &centre, at(0, 0), &[]).await.unwrap();
    changed("cancelled").await;
    store.cancel(made.id, &centre, at(0, 0), &[]).await.unwrap();
    store.set_pin(person, Some("$argon2id$")).await.unwrap();
    changed("PIN").await;
    let reference = KeyedReference {
        generation: 1,
        reference: [1; 32],
        level: model::card::CardLevel::Identifier,
    };
    let card = Credential::new(CredentialId(ground.id()), person, reference, "", at(0, 0));
    store.add_credential(&card).await.unwrap();
    changed("card").await;
    let device = "yokohama-edge".parse().unwrap();
    store.add_device(centre.id, &device, DeviceKind::Edge).await.unwrap();
    changed("device").await;
    ground.space(&centre, SpaceKind::Desk).await;
    changed("space").await;
    let before = revision().await;
    ground.book(&ground.order(person, &centre, &[slot(5, 9, 12)])).await;
    let refused = ground.order(person, &centre, &[slot(1, 9, 12)]);
    let refused = store::BookingOrder { desks: 9, ..refused };
    store.book(&refused).await.unwrap();
    assert_eq!(revision().await, before, "other days and refusals change nothing");
    let later = store.plan_revision(centre.id, days[0].succ_opt().unwrap(), days[1]).await.unwrap();
    assert_ne!(later, before);
}

pub async fn the_database_refuses_overlaps_itself(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(2).await;
    let person = ground.person().await;
    let first = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    let second = ground.book(&ground.order(person, &centre, &[slot(1, 13, 15)])).await;
    let raw = &ground.raw;
    let insert = |when: Interval, released: &str| {
        format!(
            "INSERT INTO desk_claims
                 (id, booking_id, centre_id, space_id, starts_at, ends_at, released_at)
             VALUES ({}, {}, {}, {}, {}, {}, {released})",
            raw.id(ground.id()),
            raw.id(first.id.0),
            raw.id(centre.id.0),
            raw.id(desks[0].0),
            raw.time(when.starts()),
            raw.time(when.ends()),
        )
    };
    // Against the one before, the one after, inside, around, and both.
    for (from, to) in [(11, 13), (12, 14), (10, 11), (8, 13), (8, 16), (9, 12), (8, 10)] {
        let error = raw.run(&insert(slot(1, from, to), "NULL")).await.unwrap_err();
        assert!(error.to_string().contains("desk_claims_no_overlap"), "{from}-{to}: {error}");
    }
    raw.run(&insert(slot(1, 12, 13), "NULL")).await.unwrap();
    raw.run(&insert(slot(1, 9, 12), &raw.time(at(1, 8)))).await.unwrap();
    // Nor can a claim be moved over another, or come back to life over one.
    let second = raw.id(second.desks[0].id.0);
    for change in [
        format!("UPDATE desk_claims SET starts_at = {} WHERE id = {second}", raw.time(at(1, 11))),
        "UPDATE desk_claims SET released_at = NULL WHERE released_at IS NOT NULL".to_owned(),
    ] {
        let error = raw.run(&change).await.unwrap_err();
        assert!(error.to_string().contains("desk_claims_no_overlap"), "{error}");
    }
    let change =
        format!("UPDATE desk_claims SET ends_at = {} WHERE id = {second}", raw.time(at(1, 16)));
    raw.run(&change).await.unwrap();
    // Ends before starts, and stretches that are too long.
    for (from, to) in [(at(3, 9), at(3, 9)), (at(3, 9), at(3, 8)), (at(3, 0), at(10, 1))] {
        let claim = insert(slot(3, 0, 1), "NULL")
            .replace(&raw.time(at(3, 1)), &raw.time(to))
            .replace(&raw.time(at(3, 0)), &raw.time(from));
        assert!(raw.run(&claim).await.is_err());
    }
    assert_eq!(ground.overlaps().await, 0);
}
