//! What is held or asked for: it comes to stand, is changed, or ends by itself.

use chrono::TimeDelta;
use model::booking::{Approvals, Booking, BookingStatus};
use model::centre::Centre;
use model::id::{BookingId, VisitId};
use model::interval::Interval;
use model::notice::NoticeKind;
use model::site_event::{Happening, Proof, SiteEvent};
use store::{
    Approver, BookResult, Changed, EventBatch, NoRoom, Settled, Settling, Stands, Stood,
    UnvisitedClaim,
};

use crate::ground::{Ground, at, slot};

const CENTRE: Approvals = Approvals { centre: true, employer: false };
const EMPLOYER: Approvals = Approvals { centre: false, employer: true };
const BOTH: Approvals = Approvals { centre: true, employer: true };

/// Whatever version the booking has, an hour into the first day, with nothing to move and no quota.
fn settled_as<'a>(booking: &Booking, centre: &'a Centre, to: Stood) -> Settling<'a> {
    Settling { id: booking.id, version: None, centre, to, at: at(0, 1), spare: &[], quotas: &[] }
}

pub async fn a_hold_stands_once_it_is_confirmed_in_time(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let mut order = ground.order(person, &centre, &[slot(1, 9, 12)]);
    order.stands = Stands::HeldUntil(at(0, 2));
    let held = ground.book(&order).await;
    assert_eq!((held.status, held.lapses_at), (BookingStatus::Held, Some(at(0, 2))));
    let rival = ground.order(person, &centre, &[slot(1, 9, 12)]);
    assert!(matches!(ground.store.book(&rival).await.unwrap(), BookResult::Refused(_)));
    let settle = async |to, when| {
        let settling = Settling { at: when, ..settled_as(&held, &centre, to) };
        ground.store.settle(&settling).await.unwrap().unwrap()
    };
    let early = settle(Stood::Approved(BOTH), at(0, 1)).await;
    assert!(matches!(early, Settled::Otherwise(one) if one == held));
    let late = settle(Stood::Confirmed, at(0, 2)).await;
    assert!(matches!(late, Settled::Otherwise(one) if one == held));
    let Settled::Done(stands) = settle(Stood::Confirmed, at(0, 1)).await else {
        panic!("in time");
    };
    assert_eq!(
        (stands.status, stands.lapses_at, stands.version),
        (BookingStatus::Confirmed, None, 2)
    );
    assert!(ground.store.lapse(&centre, at(9, 0), &[]).await.unwrap().is_empty());
    let again = settle(Stood::Confirmed, at(0, 1)).await;
    assert!(matches!(again, Settled::Otherwise(one) if one == stands));
}

pub async fn a_lapsed_hold_is_ended_by_whoever_comes_next(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let mut order = ground.order(person, &centre, &[slot(1, 9, 12), slot(2, 9, 12)]);
    order.stands = Stands::HeldUntil(at(0, 2));
    let held = ground.book(&order).await;
    // Somebody else who locks only a part of its days cannot end it: its other day is not theirs.
    let mut rival = ground.order(person, &centre, &[slot(1, 10, 11)]);
    rival.at = at(0, 2);
    assert!(matches!(ground.store.book(&rival).await.unwrap(), BookResult::Refused(_)));
    let mut rival = ground.order(person, &centre, &[slot(1, 10, 11), slot(2, 10, 11)]);
    rival.at = at(0, 1) + TimeDelta::minutes(59);
    assert!(matches!(ground.store.book(&rival).await.unwrap(), BookResult::Refused(_)));
    rival.at = at(0, 2);
    assert_eq!(ground.store.lapsing(at(0, 1)).await.unwrap(), []);
    assert_eq!(ground.store.lapsing(at(0, 2)).await.unwrap(), [centre.id]);
    ground.book(&rival).await;
    let lapsed = ground.store.booking(held.id).await.unwrap().unwrap();
    assert_eq!((lapsed.status, lapsed.lapses_at), (BookingStatus::Lapsed, None));
    assert!(lapsed.desks.iter().all(|claim| claim.released_at == Some(at(0, 2))));
    assert_eq!(ground.store.lapsing(at(0, 9)).await.unwrap(), []);
    // A job ends what nobody has come across.
    let mut order = ground.order(person, &centre, &[slot(3, 9, 12)]);
    order.stands = Stands::AskedUntil(at(1, 0), BOTH);
    let asked = ground.book(&order).await;
    let by_centre = ground.store.asked_for(Approver::Centre(centre.id)).await.unwrap();
    assert_eq!(by_centre, std::slice::from_ref(&asked));
    let by_payer = ground.store.asked_for(Approver::Employer(ground.employer)).await.unwrap();
    assert_eq!(by_payer, std::slice::from_ref(&asked));
    let ended = ground.store.lapse(&centre, at(1, 0), &[]).await.unwrap();
    assert_eq!(ended.iter().map(|booking| booking.id).collect::<Vec<_>>(), [asked.id]);
    assert_eq!(ground.store.asked_for(Approver::Centre(centre.id)).await.unwrap(), []);
}

pub async fn what_is_not_approved_comes_free(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let mut order = ground.order(person, &centre, &[slot(1, 9, 12)]);
    order.stands = Stands::AskedUntil(at(0, 12), CENTRE);
    let asked = ground.book(&order).await;
    let settling = settled_as(&asked, &centre, Stood::Declined(CENTRE));
    let declined = ground.store.settle(&settling).await.unwrap().unwrap();
    assert!(matches!(declined, Settled::Done(one) if one.status == BookingStatus::Declined));
    ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    // A hold may have to be asked for.
    let mut order = ground.order(person, &centre, &[slot(2, 9, 12)]);
    order.stands = Stands::HeldUntil(at(0, 12));
    let held = ground.book(&order).await;
    let settling = settled_as(&held, &centre, Stood::AskedUntil(at(1, 0), EMPLOYER));
    let asked = ground.store.settle(&settling).await.unwrap().unwrap();
    assert!(matches!(asked, Settled::Done(one)
        if (one.status, one.lapses_at, one.awaits)
            == (BookingStatus::Asked, Some(at(1, 0)), EMPLOYER)));
}

pub async fn everybody_agrees_who_has_to(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(2).await;
    let person = ground.person().await;
    let ask = async |day, awaits| {
        let mut order = ground.order(person, &centre, &[slot(day, 9, 12)]);
        order.stands = Stands::AskedUntil(at(day, 0), awaits);
        ground.book(&order).await
    };
    let settle = async |booking: &Booking, to| {
        ground.store.settle(&settled_as(booking, &centre, to)).await.unwrap().unwrap()
    };
    let asked_for = async |of| -> Vec<BookingId> {
        let asked = ground.store.asked_for(of).await.unwrap();
        asked.iter().map(|booking| booking.id).collect()
    };
    let (of_centre, of_payer) = (Approver::Centre(centre.id), Approver::Employer(ground.employer));
    let both = ask(1, BOTH).await;
    let one = ask(2, EMPLOYER).await;
    assert_eq!(asked_for(of_centre).await, [both.id]);
    assert_eq!(asked_for(of_payer).await, [both.id, one.id]);
    // Nobody decides in the place of others.
    for to in [Stood::Approved(CENTRE), Stood::Declined(CENTRE)] {
        assert!(matches!(settle(&one, to).await, Settled::Otherwise(now) if now == one));
    }
    let Settled::Done(half) = settle(&both, Stood::Approved(CENTRE)).await else { panic!("asked") };
    assert_eq!((half.status, half.awaits), (BookingStatus::Asked, EMPLOYER));
    assert_eq!((half.lapses_at, half.version), (both.lapses_at, 2));
    assert_eq!(asked_for(of_centre).await, []);
    // Who has agreed has no say any more, for or against.
    for to in [Stood::Approved(CENTRE), Stood::Declined(CENTRE)] {
        assert!(matches!(settle(&both, to).await, Settled::Otherwise(now) if now == half));
    }
    let Settled::Done(stands) = settle(&both, Stood::Approved(EMPLOYER)).await else {
        panic!("asked")
    };
    assert_eq!((stands.status, stands.awaits.any()), (BookingStatus::Confirmed, false));
    // Either says no for both.
    let refused = ask(3, BOTH).await;
    settle(&refused, Stood::Approved(CENTRE)).await;
    let Settled::Done(refused) = settle(&refused, Stood::Declined(EMPLOYER)).await else {
        panic!("asked")
    };
    assert_eq!((refused.status, refused.awaits.any()), (BookingStatus::Declined, false));
    // What nobody agrees to in time waits for nobody any more.
    ground.store.lapse(&centre, at(2, 0), &[]).await.unwrap();
    let lapsed = ground.store.booking(one.id).await.unwrap().unwrap();
    assert_eq!((lapsed.status, lapsed.awaits.any()), (BookingStatus::Lapsed, false));
    let told = ground.store.notices_of(person).await.unwrap();
    let told: Vec<NoticeKind> = told.iter().map(|notice| notice.kind).collect();
    let count = |kind| told.iter().filter(|told| **told == kind).count();
    assert_eq!((count(NoticeKind::Approved), count(NoticeKind::Declined)), (1, 1), "{told:?}");
}

pub async fn a_change_leaves_what_runs_beside_it_and_revives_nothing(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let made =
        ground.book(&ground.order(person, &centre, &[slot(1, 9, 12), slot(1, 13, 17)])).await;
    let change = async |id, version, slots: &[Interval], now| {
        let mut order = ground.order(person, &centre, slots);
        (order.id, order.at) = (id, now);
        ground.store.change(id, version, &order, &[]).await.unwrap()
    };
    let live = |booking: &Booking| -> Vec<Interval> {
        let claims = booking.desks.iter().filter(|claim| claim.released_at.is_none());
        claims.map(|claim| claim.when).collect()
    };
    // The morning runs, and its guest is only a little late.
    let ten_past = at(1, 9) + TimeDelta::minutes(10);
    let Changed::Done(later) = change(made.id, 1, &[slot(1, 14, 17)], ten_past).await else {
        panic!("there is room")
    };
    assert_eq!(live(&later), [slot(1, 9, 12), slot(1, 14, 17)]);
    // What overlaps it takes its place.
    let Changed::Done(longer) = change(made.id, 2, &[slot(1, 11, 17)], ten_past).await else {
        panic!("there is room")
    };
    assert_eq!(live(&longer), [slot(1, 11, 17)]);
    // What nobody confirmed in time is not brought back by changing it.
    let mut order = ground.order(person, &centre, &[slot(2, 9, 12)]);
    order.stands = Stands::HeldUntil(at(0, 2));
    let held = ground.book(&order).await;
    let changed = change(held.id, 1, &[slot(2, 9, 11)], at(0, 2)).await;
    assert!(matches!(&changed, Changed::Fixed(booking) if *booking == held), "{changed:?}");
    // Nor is what was read confirmed once it is something else.
    let version = Some(held.version + 1);
    let settling = Settling { version, ..settled_as(&held, &centre, Stood::Confirmed) };
    let settled = ground.store.settle(&settling).await.unwrap().unwrap();
    assert!(matches!(&settled, Settled::Otherwise(booking) if *booking == held), "{settled:?}");
}

pub async fn a_change_is_all_or_nothing_and_knows_its_version(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(2).await;
    ground.nursery(&centre, 1).await;
    let person = ground.person().await;
    let child = ground.child(person).await;
    let mut order = ground.order(person, &centre, &[slot(1, 9, 12), slot(2, 9, 12)]);
    order.children = vec![child];
    let made = ground.book(&order).await;
    let mut other = ground.order(person, &centre, &[slot(3, 9, 12)]);
    other.desks = 2;
    ground.book(&other).await;

    let to = |slots: &[Interval]| {
        let mut order = ground.order(person, &centre, slots);
        order.id = made.id;
        order.children = vec![child];
        order
    };
    let change = async |version, order: &store::BookingOrder| {
        ground.store.change(made.id, version, order, &[]).await.unwrap()
    };
    let full = change(1, &to(&[slot(1, 9, 12), slot(3, 11, 14)])).await;
    let slot_3 = NoRoom::Desk { slot: slot(3, 11, 14), proven: true };
    assert_eq!(full, Changed::Refused(slot_3));
    assert_eq!(ground.store.booking(made.id).await.unwrap(), Some(made.clone()), "untouched");
    // Its own claims are not in its way.
    let Changed::Done(moved) = change(1, &to(&[slot(1, 10, 13), slot(2, 8, 10)])).await else {
        panic!("there is room");
    };
    assert_eq!((moved.version, moved.code, moved.made_at), (2, made.code, made.made_at));
    let when: Vec<_> = moved.desks.iter().map(|claim| claim.when).collect();
    assert_eq!(when, [slot(1, 10, 13), slot(2, 8, 10)]);
    assert_eq!(moved.care.iter().map(|claim| claim.when).collect::<Vec<_>>(), when);
    assert_eq!(moved.span(), Interval::new(at(1, 10), at(2, 10)).ok());
    assert!(moved.desks.iter().all(|claim| desks.contains(&claim.space)));
    assert_eq!(change(1, &to(&[slot(4, 8, 10)])).await, Changed::Newer(moved.clone()));
    // Days that have begun stay.
    let mut later = to(&[slot(4, 9, 10)]);
    later.at = at(1, 11);
    let Changed::Done(rest) = change(2, &later).await else { panic!("there is room") };
    let when: Vec<_> = rest.desks.iter().map(|claim| claim.when).collect();
    assert_eq!(when, [slot(1, 10, 13), slot(4, 9, 10)]);
    // What holds nothing cannot be changed.
    let (gone, _) = ground.store.cancel(made.id, &centre, at(0, 0), &[]).await.unwrap().unwrap();
    assert_eq!(change(gone.version, &to(&[slot(5, 9, 10)])).await, Changed::Fixed(gone));
    assert_eq!(ground.overlaps().await, 0);
    let nobody = BookingId(ground.id());
    let absent = ground.store.change(nobody, 1, &to(&[slot(5, 9, 10)]), &[]).await.unwrap();
    assert_eq!(absent, Changed::Absent);
}

pub async fn a_change_of_what_runs_takes_its_place(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(1).await;
    ground.nursery(&centre, 1).await;
    let store = &ground.store;
    let person = ground.person().await;
    let child = ground.child(person).await;
    let to = |id, now, when: Interval| {
        let mut order = ground.order(person, &centre, &[when]);
        (order.id, order.at, order.children) = (id, now, vec![child]);
        order
    };
    let minutes = |hour, minute| at(1, hour) + TimeDelta::minutes(minute);
    let first = ground.book(&to(BookingId(ground.id()), at(0, 0), slot(1, 9, 12))).await;
    // Nobody has come: the one desk there is goes along, and the care passes over.
    let later = Interval::new(minutes(9, 15), at(1, 13)).unwrap();
    let wanted = to(first.id, minutes(9, 5), later);
    let Changed::Done(after) = store.change(first.id, 1, &wanted, &[]).await.unwrap() else {
        panic!("their own desk is in nobody's way")
    };
    assert_eq!(after.desks.iter().map(|claim| claim.when).collect::<Vec<_>>(), [later]);
    let care: Vec<_> = after.care.iter().map(|claim| claim.when).collect();
    assert_eq!(care, [Interval::new(at(1, 9), minutes(9, 15)).unwrap(), later]);

    // Who was there and went gives the rest up with the change to another day.
    let visit = VisitId(ground.id());
    let here = |when, what| SiteEvent { at: when, what };
    let (booking, space) = (first.id, desks[0]);
    let arrival = Happening::CheckedIn { visit, person, booking, space, by: Proof::Code };
    let leaving = Happening::CheckedOut { visit, person, space, gives_up: None };
    let batch = EventBatch {
        centre: centre.clone(),
        edge: "edge".parse().unwrap(),
        first: 1,
        events: vec![here(minutes(9, 20), arrival), here(minutes(10, 20), leaving)],
        told_until: minutes(10, 20),
        at: minutes(10, 20),
        spare: Vec::new(),
    };
    store.take_events(&batch).await.unwrap();
    let wanted = to(first.id, minutes(10, 25), slot(2, 9, 12));
    let moved = store.change(first.id, after.version, &wanted, &[]).await.unwrap();
    let Changed::Done(moved) = moved else { panic!("{moved:?}") };
    let stayed = Interval::new(minutes(9, 15), minutes(10, 30)).unwrap();
    let when: Vec<_> = moved.desks.iter().map(|claim| claim.when).collect();
    assert_eq!(when, [stayed, slot(2, 9, 12)]);
    assert_eq!(ground.overlaps().await, 0);
}

pub async fn nobody_waits_for_the_guest_of_a_hold(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let person = ground.person().await;
    let mut order = ground.order(person, &centre, &[slot(1, 9, 12)]);
    order.stands = Stands::HeldUntil(at(1, 9));
    ground.book(&order).await;
    assert_eq!(
        ground.store.unvisited_claims(at(1, 10)).await.unwrap(),
        Vec::<UnvisitedClaim>::new()
    );
}
