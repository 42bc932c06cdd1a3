//! Sites' events: once, in order, and what they mean.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use model::access::RefusalKind;
use model::booking::{Booking, BookingStatus, DeskClaim};
use model::centre::Centre;
use model::id::{BookingId, PersonId, SpaceId, VisitId};
use model::interval::Interval;
use model::notice::NoticeKind;
use model::site_event::{Happening, Proof, SiteEvent};
use model::waitlist::State;
use store::{EventBatch, EventsTaken, Stands, Waited};

use crate::ground::{Ground, at, slot};
use crate::waiting::{entry, spares};

fn batch(centre: &Centre, first: u64, events: Vec<SiteEvent>) -> EventBatch {
    let told_until = events.last().map_or(at(0, 0), |event| event.at);
    let edge = "yokohama-edge".parse().unwrap();
    EventBatch {
        centre: centre.clone(),
        edge,
        first,
        events,
        told_until,
        at: at(20, 0),
        spare: Vec::new(),
    }
}

fn no_show(at: DateTime<Utc>, claim: &DeskClaim, booking: BookingId) -> SiteEvent {
    let (space, starts_at) = (claim.space, claim.when.starts());
    SiteEvent { at, what: Happening::NoShow { booking, space, starts_at } }
}

fn plain(number: i64) -> SiteEvent {
    SiteEvent { at: at(0, 0) + TimeDelta::milliseconds(number), what: Happening::Started }
}

fn check_in(at: DateTime<Utc>, visit: VisitId, booking: BookingId, person: PersonId) -> SiteEvent {
    let space = SpaceId(visit.0);
    SiteEvent { at, what: Happening::CheckedIn { visit, person, booking, space, by: Proof::Code } }
}

pub async fn events_are_taken_once_and_in_order(ground: Ground) {
    let centre = ground.centre().await;
    let store = &ground.store;
    let take = async |first, numbers: std::ops::Range<i64>| {
        store.take_events(&batch(&centre, first, numbers.map(plain).collect())).await.unwrap()
    };
    assert_eq!(take(2, 2..4).await, EventsTaken::Gap(1));
    assert_eq!(take(1, 1..4).await, EventsTaken::Reached(3));
    assert_eq!(take(1, 1..4).await, EventsTaken::Reached(3));
    assert_eq!(take(2, 2..6).await, EventsTaken::Reached(5));
    assert_eq!(take(8, 8..9).await, EventsTaken::Gap(6));
    assert_eq!(take(6, 6..6).await, EventsTaken::Reached(5), "nothing new is fine too");
    assert_eq!(take(9, 9..9).await, EventsTaken::Gap(6));
    let all = store.events_after(centre.id, 0).await.unwrap();
    let expected: Vec<_> = (1..6_u64).map(|number| (number, plain(number.cast_signed()))).collect();
    assert_eq!(all, expected);
    assert_eq!(store.events_after(centre.id, 3).await.unwrap(), expected[3..]);
    let status = store.site_status(centre.id).await.unwrap();
    assert_eq!((status.reached, status.heard_at), (5, Some(at(20, 0))));
    assert_eq!(status.told_until, Some(plain(5).at), "an older word does not put it back");
    // A long outage's worth, and what one answer gives of it.
    let begun = std::time::Instant::now();
    assert_eq!(take(6, 6..5006).await, EventsTaken::Reached(5005));
    println!("5,000 events in one batch took {:?}", begun.elapsed());
    assert_eq!(store.events_after(centre.id, 0).await.unwrap().len(), 1000);
    // Another site's places are its own.
    let other = ground.centre().await;
    let taken = store.take_events(&batch(&other, 1, vec![plain(1)])).await.unwrap();
    assert_eq!(taken, EventsTaken::Reached(1));
}

pub async fn two_hubs_take_the_same_batch(ground: Ground) {
    let centre = ground.centre().await;
    let batches: Vec<_> =
        (1..9).map(|until| batch(&centre, 1, (1..=until * 10).map(plain).collect())).collect();
    for answer in join_all(batches.iter().map(|batch| ground.store.take_events(batch))).await {
        assert!(matches!(answer.unwrap(), EventsTaken::Reached(_)));
    }
    let events = ground.store.events_after(centre.id, 0).await.unwrap();
    assert_eq!(events.len(), 80);
    assert!(
        (1_u64..)
            .zip(&events)
            .all(|(number, event)| *event == (number, plain(number.cast_signed())))
    );
}

pub async fn visits_begin_and_end(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(1).await;
    let store = &ground.store;
    let person = ground.person().await;
    let made = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    let visit = VisitId(ground.id());
    let arrival = check_in(at(1, 9), visit, made.id, person);
    let leaving = SiteEvent {
        at: at(1, 11),
        what: Happening::CheckedOut { visit, person, space: desks[0], gives_up: None },
    };
    let waiting = store.unvisited_claims(at(1, 9)).await.unwrap();
    store.take_events(&batch(&centre, 1, vec![arrival])).await.unwrap();
    assert!(!store.release_unvisited(&waiting[0], &centre, at(1, 10)).await.unwrap(), "they came");
    let stays = store.stays(ground.town, &slot(1, 0, 24), at(1, 10)).await.unwrap();
    assert_eq!(stays[0].when, slot(1, 9, 10), "still inside");
    store.take_events(&batch(&centre, 2, vec![leaving.clone(), leaving])).await.unwrap();
    let stays = store.stays(ground.town, &slot(1, 0, 24), at(1, 23)).await.unwrap();
    assert_eq!((stays.len(), stays[0].when), (1, slot(1, 9, 11)));
    assert_eq!((stays[0].person, stays[0].centre), (person, centre.id));
    let booking = store.booking(made.id).await.unwrap().unwrap();
    assert_eq!(booking.status, BookingStatus::Confirmed);
}

pub async fn a_site_speaks_of_its_own_centre_and_of_nothing_to_come(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(1).await;
    let (elsewhere, _) = ground.centre_with_desks(1).await;
    let store = &ground.store;
    let (person, other) = (ground.person().await, ground.person().await);
    let foreign = ground.book(&ground.order(other, &elsewhere, &[slot(1, 9, 12)])).await;
    let made = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    let comes = |booking, space| {
        let (visit, by) = (VisitId(ground.id()), Proof::Code);
        SiteEvent { at: at(1, 9), what: Happening::CheckedIn { visit, person, booking, space, by } }
    };
    let told = vec![
        comes(foreign.id, desks[0]),
        comes(made.id, foreign.desks[0].space),
        comes(BookingId(ground.id()), foreign.desks[0].space),
    ];
    store.take_events(&batch(&centre, 1, told)).await.unwrap();
    let visits = async || ground.raw.count("SELECT COUNT(*) FROM visits").await;
    assert_eq!(visits().await, 0, "no visit at another centre, and none of its bookings'");
    assert_eq!(store.booking(foreign.id).await.unwrap(), Some(foreign));
    // A clock that is years ahead makes nobody stay for years.
    let visit = VisitId(ground.id());
    let late = |what| SiteEvent { at: at(9_000, 9), what };
    let (space, by, gives_up) = (desks[0], Proof::Code, None);
    let booking = made.id;
    let mut told = batch(
        &centre,
        4,
        vec![
            late(Happening::CheckedIn { visit, person, booking, space, by }),
            late(Happening::CheckedOut { visit, person, space, gives_up }),
        ],
    );
    told.at = at(1, 10);
    store.take_events(&told).await.unwrap();
    assert_eq!(visits().await, 1);
    let ahead =
        ground.raw.count("SELECT COUNT(*) FROM visits WHERE checked_in_at = checked_out_at");
    assert_eq!(ahead.await, 1);
    let stays = store.stays(ground.town, &slot(1, 0, 24), at(2, 0)).await.unwrap();
    assert!(stays.is_empty(), "{stays:?}");
    let stays = store.stays(ground.town, &slot(400, 0, 24), at(401, 0)).await.unwrap();
    assert!(stays.is_empty(), "{stays:?}");
}

pub async fn a_no_show_gives_the_desk_free(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let store = &ground.store;
    let person = ground.person().await;
    let made = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12), slot(2, 9, 12)])).await;
    let days = model::booking::days_to_lock(&centre, &[slot(1, 9, 12)]);
    let revision = async || store.plan_revision(centre.id, days[0], days[0]).await.unwrap();
    let before = revision().await;
    let no_show =
        |day: i64, hour| no_show(at(day, hour), &made.desks[usize::from(day == 2)], made.id);
    let take = async |first, events| {
        store.take_events(&batch(&centre, first, events)).await.unwrap();
    };
    take(1, vec![no_show(1, 10)]).await;
    assert_ne!(revision().await, before);
    let after = store.booking(made.id).await.unwrap().unwrap();
    assert_eq!((after.status, after.version), (BookingStatus::Confirmed, 2));
    assert_eq!(after.desks[0].released_at, Some(at(1, 10)));
    assert_eq!(after.desks[1].released_at, None);
    ground.book(&ground.order(person, &centre, &[slot(1, 10, 12)])).await;
    take(2, vec![no_show(2, 10), no_show(2, 11)]).await;
    let after = store.booking(made.id).await.unwrap().unwrap();
    assert_eq!((after.status, after.version), (BookingStatus::NoShow, 3));
}

pub async fn a_no_show_names_its_claim(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(1).await;
    let store = &ground.store;
    let person = ground.person().await;
    let slots = [slot(1, 9, 10), slot(1, 10, 12), slot(2, 9, 12)];
    let made = ground.book(&ground.order(person, &centre, &slots)).await;
    assert!(made.desks.iter().all(|claim| claim.space == desks[0]), "they touch");
    let released = async |first, event| {
        store.take_events(&batch(&centre, first, vec![event])).await.unwrap();
        let after = store.booking(made.id).await.unwrap().unwrap();
        after.desks.iter().map(|claim| claim.released_at.is_some()).collect::<Vec<_>>()
    };
    // Said when the next has begun, and of the first day when the second has.
    let first = no_show(at(1, 10), &made.desks[0], made.id);
    assert_eq!(released(1, first).await, [true, false, false]);
    let late = no_show(at(2, 10), &made.desks[1], made.id);
    assert_eq!(released(2, late).await, [true, true, false]);
}

pub async fn a_no_show_of_the_future_is_kept_and_not_applied(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let store = &ground.store;
    let person = ground.person().await;
    let made = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    let early = no_show(at(1, 10), &made.desks[0], made.id);
    let mut told = batch(&centre, 1, vec![early.clone()]);
    told.at = at(1, 9) + TimeDelta::minutes(29);
    assert_eq!(store.take_events(&told).await.unwrap(), EventsTaken::Reached(1));
    assert_eq!(store.booking(made.id).await.unwrap(), Some(made.clone()));
    assert_eq!(store.events_after(centre.id, 0).await.unwrap(), [(1, early.clone())]);
    let mut told = batch(&centre, 2, vec![early]);
    told.at = at(1, 9) + TimeDelta::minutes(30);
    store.take_events(&told).await.unwrap();
    assert_eq!(store.booking(made.id).await.unwrap().unwrap().status, BookingStatus::NoShow);
}

pub async fn who_leaves_for_good_frees_the_rest(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(1).await;
    ground.nursery(&centre, 1).await;
    let store = &ground.store;
    let (person, waiter) = (ground.person().await, ground.person().await);
    let mut order = ground.order(person, &centre, &[slot(1, 9, 17), slot(2, 9, 12)]);
    order.children = vec![ground.child(person).await];
    let made = ground.book(&order).await;
    let mut wished = ground.order(waiter, &centre, &[slot(1, 11, 12)]);
    wished.stands = Stands::HeldUntil(at(1, 23));
    let waits = entry(&ground, &wished, 1, at(0, 1));
    assert!(matches!(store.wait(&waits, &wished).await.unwrap(), Waited::Waits(_)));
    let days = model::booking::days_to_lock(&centre, &[slot(1, 9, 17)]);
    let revision = async || store.plan_revision(centre.id, days[0], days[0]).await.unwrap();
    let before = revision().await;

    let (visit, space, at_ten) =
        (VisitId(ground.id()), desks[0], at(1, 10) + TimeDelta::seconds(1));
    let leaves = |when, gives_up| SiteEvent {
        at: when,
        what: Happening::CheckedOut { visit, person, space, gives_up },
    };
    let mut came = check_in(at(1, 9), visit, made.id, person);
    if let Happening::CheckedIn { space: at_desk, .. } = &mut came.what {
        *at_desk = space;
    }
    // One batch, as after an outage; and the same word twice.
    let mut told = batch(
        &centre,
        1,
        vec![came, leaves(at_ten, Some(at(9, 17))), leaves(at(1, 9), Some(at(2, 12)))],
    );
    (told.at, told.spare) = (at(1, 10) + TimeDelta::minutes(1), spares(&ground, 2));
    store.take_events(&told).await.unwrap();
    store.take_events(&told).await.unwrap();
    let after = store.booking(made.id).await.unwrap().unwrap();
    let quarter = Interval::new(at(1, 9), at(1, 10) + TimeDelta::minutes(15)).unwrap();
    assert_eq!((after.status, after.version), (BookingStatus::Confirmed, 2));
    assert_eq!((after.desks[0].when, after.desks[1].when), (quarter, slot(2, 9, 12)));
    assert!(after.desks.iter().all(|claim| claim.released_at.is_none()));
    assert_eq!(after.care, made.care, "nobody has fetched the child by leaving a desk");
    assert_ne!(revision().await, before);

    // Who waited has it at once, and others can book the rest.
    let offer = store.waiting(waits.id).await.unwrap().unwrap();
    assert_eq!(offer.state, State::Offered);
    let held = store.booking(offer.booking.unwrap()).await.unwrap().unwrap();
    assert_eq!((held.status, held.desks[0].when), (BookingStatus::Held, slot(1, 11, 12)));
    assert!(
        store.notices_of(waiter).await.unwrap().iter().any(|told| told.kind == NoticeKind::Held)
    );
    ground.book(&ground.order(waiter, &centre, &[slot(1, 13, 17)])).await;
    assert_eq!(ground.overlaps().await, 0);
    let stays = store.stays(ground.town, &slot(1, 0, 24), at(1, 23)).await.unwrap();
    assert_eq!((stays.len(), stays[0].when.ends()), (1, at_ten), "the visit is what it was");
    let ends = format!(
        "SELECT COUNT(*) FROM bookings WHERE id = {} AND ends_at = {}",
        ground.raw.id(made.id.0),
        ground.raw.time(at(2, 12))
    );
    assert_eq!(ground.raw.count(&ends).await, 1);
}

pub async fn only_what_was_left_comes_free(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(3).await;
    let store = &ground.store;
    let person = ground.person().await;
    let visit_of = |booking: &Booking, from: DateTime<Utc>, space: SpaceId, first: u64| {
        let (visit, booking) = (VisitId(ground.id()), booking.id);
        let by = Proof::Code;
        let came = Happening::CheckedIn { visit, person, booking, space, by };
        (visit, batch(&centre, first, vec![SiteEvent { at: from, what: came }]))
    };
    let left = |visit, space, when, gives_up, first| {
        let what = Happening::CheckedOut { visit, person, space, gives_up };
        batch(&centre, first, vec![SiteEvent { at: when, what }])
    };
    let times = async |id| {
        let booking = store.booking(id).await.unwrap().unwrap();
        booking.desks.iter().map(|claim| claim.when).collect::<Vec<_>>()
    };
    // Of two desks the one that was left; the other may be somebody's who is still there.
    let mut order = ground.order(person, &centre, &[slot(1, 9, 12)]);
    order.desks = 2;
    let pair = ground.book(&order).await;
    let (visit, came) = visit_of(&pair, at(1, 9), pair.desks[0].space, 1);
    store.take_events(&came).await.unwrap();
    let gone = left(visit, pair.desks[0].space, at(1, 10), Some(at(1, 12)), 2);
    store.take_events(&gone).await.unwrap();
    assert_eq!(times(pair.id).await, [slot(1, 9, 10), slot(1, 9, 12)]);

    // Sent to another desk by the site, they give up the one they had booked; before it began, all but
    // the first step.
    let sent = ground.book(&ground.order(person, &centre, &[slot(2, 9, 12)])).await;
    let elsewhere = desks.iter().copied().find(|desk| *desk != sent.desks[0].space).unwrap();
    let early = at(2, 9) - TimeDelta::minutes(10);
    let (visit, came) = visit_of(&sent, early, elsewhere, 3);
    store.take_events(&came).await.unwrap();
    let gone = left(visit, elsewhere, early + TimeDelta::minutes(1), Some(at(2, 12)), 4);
    store.take_events(&gone).await.unwrap();
    let step = Interval::new(at(2, 9), at(2, 9) + TimeDelta::minutes(15)).unwrap();
    assert_eq!(times(sent.id).await, [step]);

    // A site that did not ask gives nothing up; nor does one whose word makes no sense.
    let kept = ground.book(&ground.order(person, &centre, &[slot(3, 9, 12)])).await;
    for (place, gives_up) in [(5, None), (7, Some(at(2, 0))), (9, Some(DateTime::<Utc>::MIN_UTC))] {
        let (visit, came) = visit_of(&kept, at(3, 9), kept.desks[0].space, place);
        store.take_events(&came).await.unwrap();
        let gone = left(visit, kept.desks[0].space, at(3, 10), gives_up, place + 1);
        store.take_events(&gone).await.unwrap();
    }
    assert_eq!(times(kept.id).await, [slot(3, 9, 12)]);
    // Another centre's site does not end what is here.
    let (foreign, _) = ground.centre_with_desks(1).await;
    let (visit, came) = visit_of(&kept, at(3, 9), kept.desks[0].space, 1);
    store.take_events(&EventBatch { centre: foreign.clone(), ..came }).await.unwrap();
    let gone = left(visit, kept.desks[0].space, at(3, 10), Some(at(3, 12)), 2);
    store.take_events(&EventBatch { centre: foreign, ..gone }).await.unwrap();
    assert_eq!(times(kept.id).await, [slot(3, 9, 12)]);
}

pub async fn care_goes_with_the_slots_last_desk(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(2).await;
    ground.nursery(&centre, 1).await;
    let store = &ground.store;
    let person = ground.person().await;
    let mut order = ground.order(person, &centre, &[slot(1, 9, 12), slot(2, 9, 12)]);
    order.children = vec![ground.child(person).await];
    order.desks = 2;
    let made = ground.book(&order).await;
    let take = async |first, events| {
        store.take_events(&batch(&centre, first, events)).await.unwrap();
        store.booking(made.id).await.unwrap().unwrap()
    };
    let gone = |claim: usize, day| no_show(at(day, 10), &made.desks[claim], made.id);
    let after = take(1, vec![gone(0, 1)]).await;
    assert!(after.care.iter().all(|claim| claim.released_at.is_none()), "a desk is left");
    let after = take(2, vec![gone(1, 1)]).await;
    assert_eq!(after.care[0].released_at, Some(at(1, 10)));
    assert_eq!((after.care[1].released_at, after.status), (None, BookingStatus::Confirmed));
    let visit = VisitId(ground.id());
    let after = take(3, vec![check_in(at(2, 9), visit, made.id, person), gone(2, 2), gone(3, 2)]);
    let after = after.await;
    assert_eq!(after.care[1].released_at, None, "somebody came with the child");
    assert_eq!(after.status, BookingStatus::Confirmed);
}

pub async fn nothing_poisons_the_queue(ground: Ground) {
    let centre = ground.centre().await;
    let (elsewhere, _) = ground.centre_with_desks(1).await;
    let store = &ground.store;
    let person = ground.person().await;
    let foreign = ground.book(&ground.order(person, &elsewhere, &[slot(1, 9, 12)])).await;
    let (visit, unknown) = (VisitId(ground.id()), ground.id());
    let events = vec![
        check_in(at(1, 9), visit, BookingId(unknown), PersonId(unknown)),
        check_in(at(1, 10), visit, BookingId(unknown), PersonId(unknown)),
        // A clock that was put back, and clocks that lost their minds.
        SiteEvent {
            at: at(1, 8),
            what: Happening::CheckedOut { visit, person, space: SpaceId(unknown), gives_up: None },
        },
        SiteEvent {
            at: at(1, 8),
            what: Happening::CheckedOut {
                visit: VisitId(unknown),
                person,
                space: SpaceId(unknown),
                gives_up: None,
            },
        },
        SiteEvent {
            at: at(1, 9),
            what: Happening::NoShow {
                booking: BookingId(unknown),
                space: SpaceId(unknown),
                starts_at: DateTime::<Utc>::MAX_UTC,
            },
        },
        // Another site's booking is none of its business.
        no_show(at(1, 10), &foreign.desks[0], foreign.id),
        SiteEvent { at: DateTime::<Utc>::MAX_UTC, what: Happening::Started },
        SiteEvent { at: DateTime::<Utc>::MIN_UTC, what: Happening::Started },
        SiteEvent {
            at: at(1, 10) + TimeDelta::nanoseconds(1),
            what: Happening::Refused {
                reader: "kiosk".parse().unwrap(),
                credential: None,
                why: RefusalKind::NoUsableSpace,
                came_for: vec![BookingId(unknown), foreign.id],
                late_for: Vec::new(),
            },
        },
        SiteEvent {
            at: at(20, 0),
            what: Happening::Refused {
                reader: "kiosk".parse().unwrap(),
                credential: None,
                why: RefusalKind::Released,
                came_for: Vec::new(),
                late_for: vec![BookingId(unknown), foreign.id, foreign.id],
            },
        },
    ];
    let mut batch = batch(&centre, 1, events.clone());
    batch.told_until = DateTime::<Utc>::MAX_UTC;
    assert_eq!(store.take_events(&batch).await.unwrap(), EventsTaken::Reached(10));
    let kept = store.events_after(centre.id, 0).await.unwrap();
    let kept: Vec<SiteEvent> = kept.into_iter().map(|(_, event)| event).collect();
    assert_eq!(kept, events);
    assert_eq!(store.booking(foreign.id).await.unwrap(), Some(foreign));
    let stays = store.stays(ground.town, &slot(1, 0, 24), at(1, 12)).await.unwrap();
    assert!(stays.is_empty(), "it took no time: {stays:?}");
}
