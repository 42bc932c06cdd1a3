//! What nurseries give and ask besides places and staff: hand-overs, hours, and schemes with their caps.

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Asia::Tokyo;
use futures::future::join_all;
use model::care::admission::Admits;
use model::care::age::Ages;
use model::care::scheme::{Ahead, Cap, CapMeasure, CapOf, NotUnder, Scheme};
use model::care::terms::{HandOver, Terms};
use model::centre::Centre;
use model::id::{BookingId, ChildId, NurseryId, PersonId};
use model::interval::Interval;
use model::language::LocalText;
use model::opening::{DayKind, OpeningHours};
use store::{
    BookResult, BookingOrder, Changed, NoRoom, Settled, Settling, Spare, Stands, Stood, StoreError,
    Waited,
};

use crate::ground::{Ground, at, slot};
use crate::late::{nobody_came, rest, seven_past, turned_away};
use crate::waiting::entry;

fn scheme(name: &str) -> Scheme {
    Scheme {
        name: name.to_owned(),
        title: LocalText::new("制度", name),
        source: LocalText::new("試験", "A test"),
        confirmed: true,
        from_day: NaiveDate::from_ymd_opt(2020, 4, 1).unwrap(),
        until_day: None,
        municipality: None,
        admits: Some(Admits::Live),
        needs_desk: false,
        from_months: 0,
        below_years: None,
        longest_minutes: None,
        ahead: None,
        caps: Vec::new(),
    }
}

fn cap(whose: CapOf, measure: CapMeasure, most: u32) -> Cap {
    Cap { whose, measure, most, half_day_minutes: None }
}

/// A nursery of five places, three minutes on foot, that offers these schemes.
async fn nursery(ground: &Ground, centre: &Centre, terms: Terms) -> NurseryId {
    let id = ground.nursery(centre, 5).await;
    assert!(ground.store.set_terms(id, &terms).await.unwrap());
    id
}

fn offers(names: &[&str]) -> Terms {
    Terms { schemes: names.iter().map(|name| (*name).to_owned()).collect(), ..Terms::default() }
}

const HANDOVER: Option<HandOver> = Some(HandOver { before: 10, after: 12 });

/// Desks, so many, and care for these children of so many months.
fn order(
    ground: &Ground,
    parent: PersonId,
    centre: &Centre,
    slots: &[Interval],
    desks: u32,
    children: &[(ChildId, u32)],
) -> BookingOrder {
    let mut order = ground.order(parent, centre, slots);
    order.desks = desks;
    for (child, months) in children {
        order.children.push(*child);
        for slot in slots {
            let day = slot.starts().with_timezone(&Tokyo).date_naive();
            order.ages.put(*child, day, Ages { months: *months, school_year: months / 12 });
        }
    }
    order
}

fn minutes(day: i64, from: i64, to: i64) -> Interval {
    let time = |minutes| at(day, 0) + TimeDelta::minutes(minutes);
    Interval::new(time(from), time(to)).unwrap()
}

fn why(result: &BookResult) -> Option<&NotUnder> {
    match result {
        BookResult::Refused(NoRoom::NotUnder(_, _, why)) => why.as_ref().map(|(_, not)| not),
        other => panic!("{other:?}"),
    }
}

pub async fn schemes_and_terms_come_back_as_they_were(ground: Ground) {
    let store = &ground.store;
    let mut whole = scheme("whole");
    whole.ahead = Some(Ahead::Months(1));
    whole.caps.push(cap(CapOf::Household, CapMeasure::Visits, 10));
    let before = store.schemes().await.unwrap().len();
    let revision = store.places_revision().await.unwrap();
    store.add_scheme(&whole, at(0, 0)).await.unwrap();
    assert!(store.places_revision().await.unwrap() > revision);
    let kept = store.schemes().await.unwrap();
    assert_eq!(kept.len(), before + 1);
    assert!(kept.contains(&whole));
    let again = store.add_scheme(&whole, at(0, 1)).await;
    assert!(matches!(again, Err(StoreError::Duplicate("scheme"))), "{again:?}");

    let centre = ground.centre().await;
    let id = ground.nursery(&centre, 5).await;
    let of = |all: Vec<model::centre::Nursery>| all.into_iter().find(|one| one.id == id).unwrap();
    assert_eq!(of(store.nurseries().await.unwrap()).terms, Terms::default());
    let monday = DayKind::Weekday(chrono::Weekday::Mon);
    let hours = vec![OpeningHours { day: monday, opens: 480, closes: 1_080 }];
    let terms = Terms { handover: HANDOVER, hours, ..offers(&["whole"]) };
    let revision = store.places_revision().await.unwrap();
    assert!(store.set_terms(id, &terms).await.unwrap());
    assert!(store.places_revision().await.unwrap() > revision);
    assert_eq!(of(store.nurseries().await.unwrap()).terms, terms);
    let nobody = NurseryId(ground.id());
    assert!(!store.set_terms(nobody, &terms).await.unwrap());
}

pub async fn hand_overs_lie_around_the_desk(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(9).await;
    let store = &ground.store;
    nursery(&ground, &centre, Terms { handover: HANDOVER, ..Terms::default() }).await;
    let parent = ground.person().await;
    let child = (ground.child(parent).await, 30);
    let other = (ground.child(parent).await, 50);
    // Thirteen minutes before and fifteen after, on the centre's grain of fifteen; the second stretch begins
    // where the first one's hand-over would still go on.
    let slots = [slot(1, 10, 12), minutes(1, 735, 900)];
    let made = ground.book(&order(&ground, parent, &centre, &slots, 1, &[child, other])).await;
    let care: Vec<(ChildId, Interval)> =
        made.care.iter().map(|claim| (claim.child, claim.when)).collect();
    let (first, second) = (minutes(1, 585, 735), minutes(1, 735, 915));
    assert_eq!(care, [(child.0, first), (other.0, first), (child.0, second), (other.0, second)]);
    assert_eq!(made.desks.iter().map(|claim| claim.when).collect::<Vec<_>>(), slots);

    // Between two bookings of the same child a hand-over takes what is left.
    let before = order(&ground, parent, &centre, &[minutes(1, 480, 580)], 1, &[child]);
    assert_eq!(ground.book(&before).await.care[0].when, minutes(1, 465, 585));
    // Care without a desk is what was asked for; and where it meets a hand-over, the child is elsewhere.
    let alone = order(&ground, parent, &centre, &[minutes(1, 915, 960)], 0, &[child]);
    assert_eq!(ground.book(&alone).await.care[0].when, minutes(1, 915, 960));
    let meets = order(&ground, parent, &centre, &[minutes(1, 450, 470)], 0, &[child]);
    let refused = store.book(&meets).await.unwrap();
    assert!(matches!(refused, BookResult::Refused(NoRoom::ChildElsewhere(..))), "{refused:?}");

    // Places are counted with the hand-overs: five children are there until a quarter past the hour.
    let family = ground.person().await;
    let mut five = Vec::new();
    for _ in 0..5 {
        five.push((ground.child(family).await, 40));
    }
    ground.book(&order(&ground, family, &centre, &[slot(2, 9, 12)], 1, &five)).await;
    let next = order(&ground, parent, &centre, &[slot(2, 12, 14)], 1, &[child]);
    let refused = store.book(&next).await.unwrap();
    let full = minutes(2, 705, 855);
    assert_eq!(refused, BookResult::Refused(NoRoom::Care(full)));
    let later = order(&ground, parent, &centre, &[minutes(2, 750, 840)], 1, &[child]);
    assert_eq!(ground.book(&later).await.care[0].when, minutes(2, 735, 855));
    assert_eq!(ground.overlaps().await, 0);

    // Whoever moves their desk moves the hand-overs with it.
    let moved = BookingOrder { id: made.id, slots: vec![slot(1, 11, 13)], ..next };
    let moved = BookingOrder { children: vec![child.0, other.0], ..moved };
    let changed = store.change(made.id, made.version, &moved, &[]).await.unwrap();
    let Changed::Done(changed) = changed else { panic!("{changed:?}") };
    assert!(changed.care.iter().all(|claim| claim.when == minutes(1, 645, 795)), "{changed:?}");
}

pub async fn a_nursery_has_hours_of_its_own(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(9).await;
    // Day 1 is a Tuesday.
    let tuesday = DayKind::Weekday(chrono::Weekday::Tue);
    let hours = vec![OpeningHours { day: tuesday, opens: 540, closes: 1_020 }];
    nursery(&ground, &centre, Terms { handover: HANDOVER, hours, ..Terms::default() }).await;
    let parent = ground.person().await;
    let child = (ground.child(parent).await, 30);
    let order = |slot: Interval, desks| order(&ground, parent, &centre, &[slot], desks, &[child]);
    let open = minutes(1, 540, 1_020);
    for (asked, desks) in [(slot(1, 8, 10), 1), (slot(1, 16, 18), 0)] {
        let refused = ground.store.book(&order(asked, desks)).await.unwrap();
        assert_eq!(refused, BookResult::Refused(NoRoom::NurseryShut(asked, vec![open])));
    }
    let wednesday = slot(2, 9, 10);
    let refused = ground.store.book(&order(wednesday, 1)).await.unwrap();
    assert_eq!(refused, BookResult::Refused(NoRoom::NurseryShut(wednesday, Vec::new())));
    let made = ground.book(&order(slot(1, 9, 17), 1)).await;
    assert_eq!(made.care[0].when, open);
}

pub async fn a_scheme_says_who_and_how_much(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(9).await;
    let store = &ground.store;
    let mut open = scheme("open-1");
    (open.from_months, open.below_years) = (6, Some(3));
    open.caps.push(cap(CapOf::Child, CapMeasure::Minutes, 600));
    let mut linked = scheme("linked-1");
    (linked.needs_desk, linked.longest_minutes) = (true, Some(300));
    linked.ahead = Some(Ahead::Days(20));
    for scheme in [&open, &linked] {
        store.add_scheme(scheme, at(0, 0)).await.unwrap();
    }
    nursery(&ground, &centre, offers(&["open-1", "linked-1"])).await;
    let parent = ground.person().await;
    let small = (ground.child(parent).await, 12);
    let large = (ground.child(parent).await, 50);
    let order = |slot: Interval, desks, children: &[(ChildId, u32)]| {
        order(&ground, parent, &centre, &[slot], desks, children)
    };
    // With a desk each child goes under the first scheme that is for it.
    let made = ground.book(&order(slot(1, 9, 13), 1, &[small, large])).await;
    let under: Vec<_> = made.care.iter().map(|claim| claim.scheme.as_deref().unwrap()).collect();
    assert_eq!(under, ["open-1", "linked-1"]);
    // Without a desk only the one that needs none; for the older there is none.
    let alone = store.book(&order(slot(2, 9, 10), 0, &[large])).await.unwrap();
    assert_eq!(why(&alone), Some(&NotUnder::TooOld(3)));
    let newborn = store.book(&order(slot(2, 9, 10), 0, &[(small.0, 5)])).await.unwrap();
    assert_eq!(why(&newborn), Some(&NotUnder::TooYoung(6)));
    let made = ground.book(&order(slot(2, 9, 14), 0, &[small])).await;
    assert_eq!(made.care[0].scheme.as_deref(), Some("open-1"));
    // Nine of ten hours are used; whoever names another scheme goes under that.
    let over = store.book(&order(slot(3, 9, 11), 1, &[small])).await.unwrap();
    assert!(matches!(why(&over), Some(NotUnder::Over(over)) if over.left == 60), "{over:?}");
    let mut named = order(slot(3, 9, 11), 1, &[small]);
    named.schemes.insert(small.0, "linked-1".to_owned());
    let made = ground.book(&named).await;
    assert_eq!(made.care[0].scheme.as_deref(), Some("linked-1"));
    named = BookingOrder { id: BookingId(ground.id()), ..order(slot(4, 9, 11), 1, &[small]) };
    named.schemes.insert(small.0, "other".to_owned());
    assert_eq!(why(&store.book(&named).await.unwrap()), None);
    // A visit's length and how far ahead.
    let long = store.book(&order(slot(5, 9, 15), 1, &[large])).await.unwrap();
    assert_eq!(why(&long), Some(&NotUnder::TooLong(300)));
    let early = store.book(&order(slot(21, 9, 10), 1, &[large])).await.unwrap();
    let opens = NaiveDate::from_ymd_opt(2027, 4, 6).unwrap();
    assert_eq!(why(&early), Some(&NotUnder::NotYet(opens)));
    // Whoever moves what they have is not counted twice, and keeps their scheme; in May there are ten hours more.
    let changed = BookingOrder { id: made.id, ..order(slot(3, 10, 12), 1, &[small]) };
    let changed = store.change(made.id, made.version, &changed, &[]).await.unwrap();
    assert!(
        matches!(&changed, Changed::Done(now) if now.care[0].scheme.as_deref() == Some("linked-1")),
        "{changed:?}"
    );
    let may = ground.book(&order(slot(26, 9, 19), 0, &[small])).await;
    assert_eq!(may.care.len(), 1);
}

pub async fn a_hand_over_that_has_begun_holds_nobody_fast(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(9).await;
    let store = &ground.store;
    nursery(&ground, &centre, Terms { handover: HANDOVER, ..Terms::default() }).await;
    let parent = ground.person().await;
    let children = [(ground.child(parent).await, 30), (ground.child(parent).await, 50)];
    let order = |slot: Interval| order(&ground, parent, &centre, &[slot], 1, &children);
    let made = ground.book(&order(slot(1, 10, 12))).await;
    assert_eq!(made.care[0].when, minutes(1, 585, 735));
    assert_eq!(made.span(), Some(minutes(1, 585, 735)));
    // Between the drop-off and the desk all of it is moved to another day: nothing is left behind.
    let now = at(1, 9) + TimeDelta::minutes(50);
    let order = |slot: Interval| BookingOrder { id: made.id, ..order(slot) };
    let moved = BookingOrder { at: now, ..order(slot(2, 10, 12)) };
    let changed = store.change(made.id, made.version, &moved, &[]).await.unwrap();
    let Changed::Done(moved) = changed else { panic!("{changed:?}") };
    let times: Vec<_> = moved.care.iter().map(|claim| claim.when).collect();
    assert_eq!(times, [minutes(2, 585, 735); 2]);
    assert_eq!(moved.desks.len(), 1);

    // Who stays longer has another hand-over; who stays as long as before keeps theirs, whatever the terms are now.
    let longer = order(minutes(2, 600, 735));
    let changed = store.change(made.id, moved.version, &longer, &[]).await.unwrap();
    let Changed::Done(longer) = changed else { panic!("{changed:?}") };
    assert_eq!(longer.care[0].when, minutes(2, 585, 750));
    let nurseries = store.nurseries().await.unwrap();
    let id = nurseries.into_iter().find(|one| one.centre == centre.id).unwrap().id;
    let monday = DayKind::Weekday(chrono::Weekday::Mon);
    let hours = vec![OpeningHours { day: monday, opens: 540, closes: 600 }];
    let schemes = vec!["gone".to_owned()];
    let shut = Terms { handover: HANDOVER, hours, schemes, ..Terms::default() };
    assert!(store.set_terms(id, &shut).await.unwrap());
    let mut two = order(minutes(2, 600, 735));
    two.desks = 2;
    let changed = store.change(made.id, longer.version, &two, &[]).await.unwrap();
    let Changed::Done(two) = changed else { panic!("{changed:?}") };
    assert_eq!((two.desks.len(), two.care[0].when), (2, minutes(2, 585, 750)));
    let shorter = order(minutes(2, 600, 660));
    let changed = store.change(made.id, two.version, &shorter, &[]).await.unwrap();
    let Changed::Done(shorter) = changed else { panic!("{changed:?}") };
    assert_eq!(shorter.care[0].when, minutes(2, 600, 660));
    let other = order(slot(2, 13, 14));
    let changed = store.change(made.id, shorter.version, &other, &[]).await.unwrap();
    assert!(matches!(changed, Changed::Refused(NoRoom::NurseryShut(..))), "{changed:?}");
}

pub async fn who_has_left_their_desk_can_still_change_their_care(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(9).await;
    let store = &ground.store;
    let id = ground.nursery(&centre, 5).await;
    let parent = ground.person().await;
    let child = (ground.child(parent).await, 30);
    let order = |slot: Interval, desks| order(&ground, parent, &centre, &[slot], desks, &[child]);
    let made = ground.book(&order(slot(1, 10, 14), 1)).await;
    // The guest has left for good: the desk has ended, the care goes on.
    let cut = format!(
        "UPDATE desk_claims SET ends_at = {} WHERE booking_id = {}",
        ground.raw.time(at(1, 11)),
        ground.raw.id(made.id.0)
    );
    assert_eq!(ground.raw.run(&cut).await.unwrap(), 1);
    let left = store.booking(made.id).await.unwrap().unwrap();
    let now = at(1, 11) + TimeDelta::minutes(30);
    assert_eq!(left.to_come(now), [slot(1, 10, 14)]);
    let later = BookingOrder { id: made.id, at: now, ..order(slot(1, 12, 15), 1) };
    let changed = store.change(made.id, made.version, &later, &[]).await.unwrap();
    let Changed::Done(later) = changed else { panic!("{changed:?}") };
    let care: Vec<_> = later.care.iter().map(|claim| claim.when).collect();
    assert_eq!(care, [minutes(1, 600, 690), slot(1, 12, 15)]);

    // A desk is added to care, or given up, and the care stays as it was asked for.
    let alone = ground.book(&order(slot(2, 10, 12), 0)).await;
    let again = |booking: &model::booking::Booking, desks| BookingOrder {
        id: booking.id,
        ..order(slot(2, 10, 12), desks)
    };
    let changed = store.change(alone.id, alone.version, &again(&alone, 1), &[]).await.unwrap();
    let Changed::Done(both) = changed else { panic!("{changed:?}") };
    assert_eq!((both.desks.len(), both.care[0].when), (1, slot(2, 10, 12)));
    assert!(store.set_terms(id, &Terms { handover: HANDOVER, ..Terms::default() }).await.unwrap());
    let longer = BookingOrder { slots: vec![slot(2, 10, 13)], ..again(&both, 1) };
    let changed = store.change(both.id, both.version, &longer, &[]).await.unwrap();
    let Changed::Done(longer) = changed else { panic!("{changed:?}") };
    assert_eq!(longer.care[0].when, minutes(2, 585, 795));
    let bare = BookingOrder { slots: vec![slot(2, 10, 13)], ..again(&both, 0) };
    let changed = store.change(both.id, longer.version, &bare, &[]).await.unwrap();
    let Changed::Done(bare) = changed else { panic!("{changed:?}") };
    assert_eq!((bare.desks.len(), bare.care[0].when), (0, slot(2, 10, 13)));
}

pub async fn who_comes_late_keeps_their_scheme(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(2).await;
    let store = &ground.store;
    let mut open = scheme("open-2");
    open.from_months = 6;
    open.caps.push(cap(CapOf::Child, CapMeasure::Minutes, 240));
    store.add_scheme(&open, at(0, 0)).await.unwrap();
    nursery(&ground, &centre, Terms { handover: HANDOVER, ..offers(&["open-2"]) }).await;
    let parent = ground.person().await;
    // The database knows of eight months that they are no year.
    let baby = (ground.child(parent).await, 8);
    let made = ground.book(&order(&ground, parent, &centre, &[slot(1, 9, 12)], 1, &[baby])).await;
    assert_eq!(made.care[0].when, minutes(1, 525, 735));
    nobody_came(&ground, &centre, 1, &made).await;
    let gone = store.booking(made.id).await.unwrap().unwrap();
    assert!(gone.care[0].released_at.is_some(), "{gone:?}");
    let now = seven_past();
    let after = turned_away(&ground, &centre, 2, made.id, (now, now)).await;
    let care: Vec<_> = after.care.iter().filter(|claim| claim.released_at.is_none()).collect();
    assert_eq!((care.len(), care[0].scheme.as_deref()), (1, Some("open-2")));
    // From the centre's last step on, as any hand-over whose beginning is over.
    let left = Interval::new(at(1, 10), at(1, 12) + TimeDelta::minutes(15)).unwrap();
    assert_eq!(care[0].when, left);
    assert_eq!(after.desks.iter().filter(|one| one.when == rest()).count(), 1);
}

pub async fn who_waits_is_not_held_up_by_their_own_hand_over(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(2).await;
    let store = &ground.store;
    let id = ground.nursery(&centre, 1).await;
    let terms = Terms { handover: HANDOVER, ..Terms::default() };
    assert!(store.set_terms(id, &terms).await.unwrap());
    let (parent, rival) = (ground.person().await, ground.person().await);
    let child = (ground.child(parent).await, 30);
    let other = (ground.child(rival).await, 30);
    ground.book(&order(&ground, parent, &centre, &[slot(1, 9, 10)], 1, &[child])).await;
    let taken = ground.book(&order(&ground, rival, &centre, &[slot(1, 11, 12)], 1, &[other])).await;
    // All that is left of the place before the rival's is the child's own hand-over.
    let wish = order(&ground, parent, &centre, &[minutes(1, 615, 720)], 1, &[child]);
    let entry = entry(&ground, &wish, 1, at(0, 0));
    assert_eq!(store.wait(&entry, &wish).await.unwrap(), Waited::Waits(entry.clone()));
    let spare = [Spare {
        id: BookingId(ground.id()),
        code: model::booking::BookingCode::from_random(ground.number()),
        tariff_rev: 1,
        rule_rev: 2,
    }];
    store.cancel(taken.id, &centre, at(0, 1), &spare).await.unwrap();
    let held = store.booking(spare[0].id).await.unwrap().unwrap();
    assert_eq!(held.care[0].when, minutes(1, 615, 735));
}

pub async fn what_was_held_is_counted_again_when_it_is_to_stand(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(9).await;
    let store = &ground.store;
    let mut few = scheme("few-1");
    few.caps.push(cap(CapOf::Household, CapMeasure::Visits, 1));
    store.add_scheme(&few, at(0, 0)).await.unwrap();
    nursery(&ground, &centre, offers(&["few-1"])).await;
    let parent = ground.person().await;
    let (one, other) = ((ground.child(parent).await, 30), (ground.child(parent).await, 50));
    let mut hold = order(&ground, parent, &centre, &[slot(1, 9, 10)], 1, &[one]);
    hold.stands = Stands::HeldUntil(at(0, 20));
    let held = ground.book(&hold).await;
    // The household has its one visit of the month.
    let second = order(&ground, parent, &centre, &[slot(2, 9, 10)], 1, &[other]);
    let refused = store.book(&second).await.unwrap();
    assert!(matches!(why(&refused), Some(NotUnder::Over(over)) if over.left == 0), "{refused:?}");
    let settling = Settling {
        id: held.id,
        centre: &centre,
        version: None,
        to: Stood::Confirmed,
        at: at(0, 1),
        spare: &[],
        quotas: &[],
    };
    let settled = store.settle(&settling).await.unwrap();
    assert!(matches!(settled, Some(Settled::Done(_))), "{settled:?}");
    // Nor does one visit become two by being split.
    let confirmed = store.booking(held.id).await.unwrap().unwrap();
    let halves = [minutes(1, 540, 560), minutes(1, 580, 600)];
    let split = order(&ground, parent, &centre, &halves, 1, &[one]);
    let split = BookingOrder { id: held.id, ..split };
    let changed = store.change(held.id, confirmed.version, &split, &[]).await.unwrap();
    let Changed::Refused(NoRoom::NotUnder(_, _, Some((_, NotUnder::Over(over))))) = changed else {
        panic!("{changed:?}")
    };
    assert_eq!(over.left, 1);
    // Two holds of a waiting list can be made at two centres at once: each was counted without the other.
    let neighbours = ground.person().await;
    let child = (ground.child(neighbours).await, 30);
    let mut second = order(&ground, neighbours, &centre, &[slot(3, 9, 10)], 1, &[child]);
    second.stands = Stands::HeldUntil(at(0, 20));
    let held = ground.book(&second).await;
    ground.raw.run("UPDATE care_claims SET scheme = NULL").await.unwrap();
    ground.book(&order(&ground, neighbours, &centre, &[slot(4, 9, 10)], 1, &[child])).await;
    ground.raw.run("UPDATE care_claims SET scheme = 'few-1'").await.unwrap();
    let settled = store.settle(&Settling { id: held.id, ..settling }).await.unwrap();
    let Some(Settled::NotUnder(whose, _, (_, NotUnder::Over(over)))) = settled else {
        panic!("{settled:?}")
    };
    assert_eq!((whose, over.left), (child.0, 0));
}

pub async fn one_household_goes_over_no_cap_at_two_centres(ground: Ground) {
    const ROUNDS: i64 = 10;
    let store = &ground.store;
    let mut few = scheme("few-2");
    few.caps.push(cap(CapOf::Household, CapMeasure::Minutes, 120));
    store.add_scheme(&few, at(0, 0)).await.unwrap();
    let mut centres = Vec::new();
    for _ in 0..4 {
        let (centre, _) = ground.centre_with_desks(20).await;
        nursery(&ground, &centre, offers(&["few-2"])).await;
        centres.push(centre);
    }
    for round in 0..ROUNDS {
        let parent = ground.person().await;
        let mut children = Vec::new();
        for _ in 0..8 {
            children.push((ground.child(parent).await, 40));
        }
        // Eight children of one household, an hour each, at four centres at once: two hours are for all of them.
        let orders: Vec<BookingOrder> = children
            .iter()
            .enumerate()
            .map(|(at, child)| {
                let centre = &centres[at % centres.len()];
                let hour = 9 + i64::try_from(at).unwrap() % 3;
                order(&ground, parent, centre, &[slot(round, hour, hour + 1)], 1, &[*child])
            })
            .collect();
        let answers = join_all(orders.iter().map(|order| store.book(order))).await;
        let made = answers.into_iter().filter(|answer| match answer {
            Ok(BookResult::Made(_)) => true,
            Ok(refused) => {
                assert!(matches!(why(refused), Some(NotUnder::Over(_))), "{refused:?}");
                false
            }
            Err(error) => panic!("{error}"),
        });
        assert_eq!(made.count(), 2, "round {round}");
    }
}
