//! Series: all of them, or each that is possible.

use model::id::SeriesId;
use model::interval::Interval;
use model::series::Series;
use store::{BookResult, BookingOrder, Idempotency, NoRoom};

use crate::ground::{Ground, at, slot};

fn series(ground: &Ground, order: &BookingOrder) -> Series {
    Series {
        id: SeriesId(ground.id()),
        person: order.person,
        centre: order.centre.id,
        rule: "FREQ=DAILY;COUNT=3".parse().unwrap(),
        made_at: at(0, 0),
    }
}

fn made(results: &[BookResult]) -> Vec<bool> {
    results.iter().map(|result| matches!(result, BookResult::Made(_))).collect()
}

pub async fn all_of_a_series_or_each_that_is_possible(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    ground.book(&ground.order(person, &centre, &[slot(2, 9, 12)])).await;
    let orders = |days: &[i64]| -> Vec<BookingOrder> {
        let on = |day: &i64| ground.order(person, &centre, &[slot(*day, 10, 11)]);
        days.iter().map(on).collect()
    };
    let three = orders(&[1, 2, 3]);
    let all = series(&ground, &three[0]);
    let began = ground.book(&ground.order(all.person, &centre, &[slot(0, 20, 21)])).await;
    let stranger = ground.person().await;
    let others = ground.book(&ground.order(stranger, &centre, &[slot(0, 21, 22)])).await;
    let results = ground.store.book_series(&all, Some(began.id), &three, false).await.unwrap();
    assert_eq!(made(&results), [true, false, true]);
    assert_eq!(
        results[1],
        BookResult::Refused(NoRoom::Desk { slot: slot(2, 10, 11), proven: true })
    );
    assert_eq!(ground.store.series(all.id).await.unwrap(), None, "nothing was made");
    assert_eq!(ground.store.bookings_in(all.id).await.unwrap(), []);
    assert_eq!(ground.store.booking(began.id).await.unwrap().unwrap().series, None);
    let claims = ground.claims_in(&Interval::new(at(1, 0), at(9, 0)).unwrap()).await;
    assert_eq!(claims.desks.len(), 1);

    let results =
        ground.store.book_series(&all, Some(began.id), &orders(&[1, 2, 3]), true).await.unwrap();
    assert_eq!(made(&results), [true, false, true]);
    assert_eq!(ground.store.series(all.id).await.unwrap(), Some(all.clone()));
    let kept = ground.store.bookings_in(all.id).await.unwrap();
    assert_eq!(kept.len(), 3);
    assert!(kept.iter().all(|booking| booking.series == Some(all.id)));
    // The booking that it began with is taken in; another's is not, nor one of a series.
    assert_eq!(kept[0].id, began.id);

    // A repeated request makes nothing new.
    let mut again = orders(&[4, 5]);
    again[0].idempotency = Some(Idempotency { key: "s-1".to_owned(), digest: [1; 32] });
    let once = series(&ground, &again[0]);
    let first = ground.store.book_series(&once, Some(others.id), &again, false).await.unwrap();
    assert_eq!(made(&first), [true, true]);
    assert_eq!(ground.store.booking(others.id).await.unwrap().unwrap().series, None);
    let mut again = orders(&[4, 5]);
    again[0].idempotency = Some(Idempotency { key: "s-1".to_owned(), digest: [1; 32] });
    let twice = series(&ground, &again[0]);
    let before = ground.store.book_series(&twice, None, &again, false).await.unwrap();
    assert!(matches!(before.as_slice(), [BookResult::Before(_)]));
    assert_eq!(ground.overlaps().await, 0);
}

pub async fn a_series_is_known_again_whichever_day_had_no_room(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(2).await;
    let person = ground.person().await;
    let mut full = ground.order(person, &centre, &[slot(1, 9, 12)]);
    full.desks = 2;
    ground.book(&full).await;
    let ask = async || {
        let on = |day| ground.order(person, &centre, &[slot(day, 10, 11)]);
        let mut orders = vec![on(1), on(2), on(3)];
        orders[0].idempotency = Some(Idempotency { key: "s-2".to_owned(), digest: [2; 32] });
        let series = series(&ground, &orders[0]);
        ground.store.book_series(&series, None, &orders, true).await.unwrap()
    };
    let first = ask().await;
    assert_eq!(made(&first), [false, true, true]);
    let again = ask().await;
    match (&first[1], again.as_slice()) {
        (BookResult::Made(made), [BookResult::Before(before)]) => assert_eq!(made, before),
        other => panic!("{other:?}"),
    }
    let claims = ground.claims_in(&Interval::new(at(2, 0), at(9, 0)).unwrap()).await;
    assert_eq!(claims.desks.len(), 2, "one desk on each of two days");
}
