//! Guests who come after their desks were given free.

use chrono::{DateTime, TimeDelta, Utc};
use model::access::RefusalKind;
use model::booking::{Booking, BookingStatus};
use model::centre::{Centre, SpaceKind};
use model::id::{BookingId, SpaceId, VisitId};
use model::interval::Interval;
use model::notice::NoticeKind;
use model::site_event::{Happening, Proof, SiteEvent};
use store::{BookResult, EventBatch};

use crate::ground::{Ground, at, slot};

/// Tells that nobody came for a booking's first desk until half past nine.
pub async fn nobody_came(ground: &Ground, centre: &Centre, first: u64, booking: &Booking) {
    let claim = &booking.desks[0];
    let (space, starts_at) = (claim.space, claim.when.starts());
    let what = Happening::NoShow { booking: booking.id, space, starts_at };
    let then = at(1, 9) + TimeDelta::minutes(30);
    told(ground, centre, first, SiteEvent { at: then, what }, then).await;
}

/// Tells that a booking's guest was turned away, and answers the booking as it stands then.
pub async fn turned_away(
    ground: &Ground,
    centre: &Centre,
    first: u64,
    booking: BookingId,
    (when, now): (DateTime<Utc>, DateTime<Utc>),
) -> Booking {
    let what = Happening::Refused {
        reader: "kiosk".parse().unwrap(),
        credential: None,
        why: RefusalKind::Released,
        came_for: Vec::new(),
        late_for: vec![booking],
    };
    told(ground, centre, first, SiteEvent { at: when, what }, now).await;
    ground.store.booking(booking).await.unwrap().unwrap()
}

async fn told(ground: &Ground, centre: &Centre, first: u64, event: SiteEvent, now: DateTime<Utc>) {
    let batch = EventBatch {
        centre: centre.clone(),
        edge: "edge".parse().unwrap(),
        first,
        told_until: event.at,
        events: vec![event],
        at: now,
        spare: Vec::new(),
    };
    ground.store.take_events(&batch).await.unwrap();
}

fn live(booking: &Booking) -> Vec<(SpaceId, Interval)> {
    let claims = booking.desks.iter().filter(|claim| claim.released_at.is_none());
    claims.map(|claim| (claim.space, claim.when)).collect()
}

/// Seven minutes past ten.
pub fn seven_past() -> DateTime<Utc> {
    at(1, 10) + TimeDelta::minutes(7)
}

/// The rest of it, from the last full five minutes on.
pub fn rest() -> Interval {
    Interval::new(at(1, 10) + TimeDelta::minutes(5), at(1, 12)).unwrap()
}

pub async fn a_late_guest_gets_another_desk_with_the_care_that_went(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(2).await;
    assert_eq!(centre.settings.grain_minutes, 15);
    ground.nursery(&centre, 1).await;
    let store = &ground.store;
    let (parent, rival) = (ground.person().await, ground.person().await);
    let mut order = ground.order(parent, &centre, &[slot(1, 9, 12), slot(2, 9, 12)]);
    order.children = vec![ground.child(parent).await];
    let made = ground.book(&order).await;
    let theirs = made.desks[0].space;
    nobody_came(&ground, &centre, 1, &made).await;
    let mut resold = ground.order(rival, &centre, &[slot(1, 10, 12)]);
    resold.pinned = Some(theirs);
    ground.book(&resold).await;
    let days = model::booking::days_to_lock(&centre, &[rest()]);
    let revision = async || store.plan_revision(centre.id, days[0], days[0]).await.unwrap();
    let before = (revision().await, store.booking(made.id).await.unwrap().unwrap());

    let now = seven_past() + TimeDelta::seconds(1);
    let after = turned_away(&ground, &centre, 2, made.id, (seven_past(), now)).await;
    let other = *desks.iter().find(|desk| **desk != theirs).unwrap();
    let [today, _] = live(&after)[..] else { panic!("{after:?}") };
    let [_, tomorrow] = live(&made)[..] else { panic!("{made:?}") };
    assert!(
        live(&after).contains(&(other, rest())) && live(&after).contains(&tomorrow),
        "{today:?}"
    );
    let care: Vec<_> = after.care.iter().filter(|claim| claim.released_at.is_none()).collect();
    assert_eq!(care.len(), 2);
    assert_eq!(after.span().unwrap().starts(), rest().starts(), "as after any change");
    assert!(care.iter().any(|claim| claim.when == rest() && claim.child == order.children[0]));
    assert_eq!((after.status, after.version), (BookingStatus::Confirmed, before.1.version + 1));
    assert_ne!(revision().await, before.0, "the site gets a sheet that says so");
    let told = store.notices_of(parent).await.unwrap();
    assert!(told.iter().any(|notice| notice.kind == NoticeKind::Changed), "{told:?}");

    // Asked again before the sheet has come, they have one already.
    let now = now + TimeDelta::seconds(1);
    assert_eq!(turned_away(&ground, &centre, 3, made.id, (now, now)).await, after);
    assert_eq!(ground.overlaps().await, 0);
}

pub async fn a_no_show_comes_back_to_life(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let made = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    nobody_came(&ground, &centre, 1, &made).await;
    let gone = ground.store.booking(made.id).await.unwrap().unwrap();
    assert_eq!(gone.status, BookingStatus::NoShow);
    let now = seven_past();
    let after = turned_away(&ground, &centre, 2, made.id, (now, now)).await;
    assert_eq!((after.status, live(&after)), (BookingStatus::Confirmed, vec![(desks[0], rest())]));
    // And may be missed again.
    let waiting = ground.store.unvisited_claims(at(1, 11)).await.unwrap();
    assert!(waiting.iter().any(|claim| claim.booking == made.id && claim.when == rest()));
}

pub async fn a_late_guest_gets_all_or_nothing(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(2).await;
    ground.nursery(&centre, 1).await;
    let store = &ground.store;
    let (parent, rival) = (ground.person().await, ground.person().await);
    let mut order = ground.order(parent, &centre, &[slot(1, 9, 12)]);
    order.children = vec![ground.child(parent).await];
    let made = ground.book(&order).await;
    nobody_came(&ground, &centre, 1, &made).await;
    let before = store.booking(made.id).await.unwrap().unwrap();
    // The place at the nursery is another child's now; the desks are free.
    let mut resold = ground.order(rival, &centre, &[slot(1, 11, 13)]);
    resold.children = vec![ground.child(rival).await];
    let resold = ground.book(&resold).await;
    let now = seven_past();
    assert_eq!(turned_away(&ground, &centre, 2, made.id, (now, now)).await, before);
    // Then the care is free again, and the desks are not.
    store.cancel(resold.id, &centre, now, &[]).await.unwrap();
    let mut full = ground.order(rival, &centre, &[slot(1, 11, 13)]);
    full.desks = u32::try_from(desks.len()).unwrap();
    ground.book(&full).await;
    assert_eq!(turned_away(&ground, &centre, 3, made.id, (now, now)).await, before);
}

pub async fn a_picked_space_is_looked_for_first(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(3).await;
    let booth = ground.space(&centre, SpaceKind::Booth).await;
    let person = ground.person().await;
    let mut places = vec![(desks[2], vec![desks[2]]), (desks[1], vec![desks[0], desks[2]])];
    places.push((booth, vec![booth]));
    for (n, (picked, wanted)) in places.into_iter().enumerate() {
        let mut order = ground.order(person, &centre, &[slot(1, 9, 12)]);
        (order.pinned, order.needs.pinned) = (Some(picked), true);
        let made = ground.book(&order).await;
        let first = u64::try_from(2 * n).unwrap() + 1;
        nobody_came(&ground, &centre, first, &made).await;
        let mut rival = ground.order(person, &centre, &[rest()]);
        rival.pinned = Some(picked);
        let resold = !wanted.contains(&picked);
        let rival = if resold { Some(ground.book(&rival).await) } else { None };
        let now = seven_past();
        let after = turned_away(&ground, &centre, first + 1, made.id, (now, now)).await;
        let [(space, when)] = live(&after)[..] else { panic!("{after:?}") };
        assert!(wanted.contains(&space) && when == rest(), "{space:?} {when:?}");
        for id in rival.iter().map(|rival| rival.id).chain([made.id]) {
            ground.store.cancel(id, &centre, now, &[]).await.unwrap();
        }
    }
    // Nobody who had a booth is sent to a desk.
    let mut order = ground.order(person, &centre, &[slot(1, 9, 12)]);
    (order.pinned, order.needs.pinned) = (Some(booth), true);
    let made = ground.book(&order).await;
    nobody_came(&ground, &centre, 7, &made).await;
    let mut rival = ground.order(person, &centre, &[rest()]);
    rival.pinned = Some(booth);
    ground.book(&rival).await;
    let now = seven_past();
    assert!(live(&turned_away(&ground, &centre, 8, made.id, (now, now)).await).is_empty());
}

pub async fn who_is_turned_away_twice_is_seated_on_what_came_free_between(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(1).await;
    let (late, other) = (ground.person().await, ground.person().await);
    let made = ground.book(&ground.order(late, &centre, &[slot(1, 9, 12)])).await;
    nobody_came(&ground, &centre, 1, &made).await;
    let theirs = ground.book(&ground.order(other, &centre, &[slot(1, 10, 12)])).await;
    let visit = VisitId(ground.id());
    let refused = || Happening::Refused {
        reader: "kiosk".parse().unwrap(),
        credential: None,
        why: RefusalKind::Released,
        came_for: Vec::new(),
        late_for: vec![made.id],
    };
    let (person, space, booking, by) = (other, desks[0], theirs.id, Proof::Code);
    let told = [
        (0, Happening::CheckedIn { visit, person, booking, space, by }),
        (20, refused()),
        (30, Happening::CheckedOut { visit, person, space, gives_up: Some(at(1, 12)) }),
        (40, refused()),
    ];
    let when = |minutes| at(1, 10) + TimeDelta::minutes(minutes);
    let batch = EventBatch {
        centre: centre.clone(),
        edge: "edge".parse().unwrap(),
        first: 2,
        told_until: when(40),
        events: told.map(|(minutes, what)| SiteEvent { at: when(minutes), what }).to_vec(),
        at: when(40),
        spare: Vec::new(),
    };
    ground.store.take_events(&batch).await.unwrap();
    let booking = ground.store.booking(made.id).await.unwrap().unwrap();
    let left = Interval::new(when(40), at(1, 12)).unwrap();
    assert_eq!(live(&booking), [(desks[0], left)]);
}

pub async fn nobody_comes_for_thousands_of_bookings(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(2).await;
    let person = ground.person().await;
    let made = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    nobody_came(&ground, &centre, 1, &made).await;
    let now = at(1, 9) + TimeDelta::minutes(40);
    let strangers = |many| (0..many).map(|_| BookingId(ground.id())).collect::<Vec<_>>();
    for (first, before, seated) in [(2, 5_000, false), (3, 15, true)] {
        let mut late_for = strangers(before);
        late_for.extend([made.id; 500]);
        let what = Happening::Refused {
            reader: "kiosk".parse().unwrap(),
            credential: None,
            why: RefusalKind::Released,
            came_for: strangers(5_000),
            late_for,
        };
        told(&ground, &centre, first, SiteEvent { at: now, what }, now).await;
        let booking = ground.store.booking(made.id).await.unwrap().unwrap();
        assert_eq!(live(&booking).len(), usize::from(seated), "{before}");
    }
}

pub async fn who_may_have_gone_home_gets_nothing(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let (elsewhere, _) = ground.centre_with_desks(1).await;
    let store = &ground.store;
    let person = ground.person().await;
    let made = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    nobody_came(&ground, &centre, 1, &made).await;
    let before = store.booking(made.id).await.unwrap().unwrap();
    let now = seven_past();
    // Told late, of another site, when all is over, and after they had given it up themselves.
    let long_ago = now - TimeDelta::minutes(2);
    assert_eq!(turned_away(&ground, &centre, 2, made.id, (long_ago, now)).await, before);
    assert_eq!(turned_away(&ground, &elsewhere, 1, made.id, (now, now)).await, before);
    let over = at(1, 12);
    assert_eq!(turned_away(&ground, &centre, 3, made.id, (over, over)).await, before);
    let again = ground.book(&ground.order(person, &centre, &[slot(1, 10, 12)])).await;
    store.cancel(again.id, &centre, now, &[]).await.unwrap();
    let cancelled = store.booking(again.id).await.unwrap().unwrap();
    assert_eq!(turned_away(&ground, &centre, 4, again.id, (now, now)).await, cancelled);
}

pub async fn late_guests_and_rivals_at_once_share_what_there_is(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(4).await;
    let store = &ground.store;
    let mut late = Vec::new();
    for n in 0..4 {
        let person = ground.person().await;
        let made = ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
        nobody_came(&ground, &centre, n + 1, &made).await;
        late.push(made.id);
    }
    let rival = ground.person().await;
    let orders: Vec<_> = (0..6).map(|_| ground.order(rival, &centre, &[rest()])).collect();
    let now = seven_past();
    let refused = async {
        for (n, id) in (5..).zip(&late) {
            turned_away(&ground, &centre, n, *id, (now, now)).await;
        }
    };
    let books = futures::future::join_all(orders.iter().map(|order| store.book(order)));
    let ((), books) = futures::join!(refused, books);
    let bought = books
        .into_iter()
        .filter(|one| matches!(one.as_ref().unwrap(), BookResult::Made(_)))
        .count();
    let mut seated = 0;
    for id in late {
        seated += live(&store.booking(id).await.unwrap().unwrap()).len();
    }
    assert_eq!(bought + seated, desks.len());
    assert_eq!(ground.overlaps().await, 0);
}
