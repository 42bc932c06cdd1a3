//! What nurseries keep of a child: its care file, who is shut out by it, and the interview before its first day.

use chrono::TimeDelta;
use chrono_tz::Asia::Tokyo;
use model::booking::BookingStatus;
use model::care::file::Interview;
use model::care::terms::Terms;
use model::id::{CollectorId, NurseryId};
use store::{BookResult, BookingOrder, CareAt, Changed, GuardianCode, Kept, NoRoom, Waited};

use crate::ground::{Ground, at, slot};
use crate::waiting::entry;

pub async fn a_care_file_is_changed_by_whoever_saw_its_last_version(ground: Ground) {
    let store = &ground.store;
    let (mother, father, aunt) =
        (ground.person().await, ground.person().await, ground.person().await);
    let (child, sister) = (ground.child(mother).await, ground.child(mother).await);
    let household = ground.household(mother).await;
    store.add_guardian(household, father, at(1, 0)).await.unwrap();
    assert_eq!(store.care_file(child).await.unwrap(), (None, 0));
    let (centre, _) = ground.centre_with_desks(1).await;
    let day = at(3, 0).with_timezone(&Tokyo).date_naive();
    let revision = store.plan_revision(centre.id, day, day).await.unwrap();
    assert!(store.set_care_file(child, &[1; 30], 0, &[]).await.unwrap());
    assert!(store.plan_revision(centre.id, day, day).await.unwrap() > revision);
    assert!(!store.set_care_file(child, &[2; 30], 0, &[aunt]).await.unwrap());
    assert_eq!(store.care_file(child).await.unwrap(), (Some(vec![1; 30]), 1));

    // Whoever is shut out answers for this child no more, and for its sister still.
    assert!(store.set_care_file(child, &[2; 30], 1, &[father, aunt]).await.unwrap());
    assert_eq!(store.who_answer_for(child).await.unwrap(), [mother]);
    assert_eq!(store.who_answer_for(sister).await.unwrap(), [mother, father]);
    let his = store.children_of(father).await.unwrap();
    assert_eq!(his.iter().map(|one| one.id).collect::<Vec<_>>(), [sister]);
    assert_eq!(store.children_of(mother).await.unwrap().len(), 2);
    assert!(store.set_care_file(child, &[3; 30], 2, &[aunt]).await.unwrap());
    assert_eq!(store.who_answer_for(child).await.unwrap(), [mother, father]);

    // With the child's data goes all of it.
    let nursery = ground.nursery(&centre, 5).await;
    assert!(store.put_interview(child, nursery, Interview::Asked { at: at(0, 0) }).await.unwrap());
    let erasure = store::Erasure {
        person: mother,
        pseudonym: model::id::PersonId(ground.id()),
        children: vec![child],
        at: at(2, 0),
    };
    assert!(store.erase(&erasure).await.unwrap());
    assert_eq!(store.care_file(child).await.unwrap().0, None);
    // Nobody whom it was barred from gets it back, and nothing is kept of it again.
    assert!(store.who_answer_for(child).await.unwrap().is_empty());
    assert_eq!(store.children_of(father).await.unwrap().len(), 1);
    for version in 0..9 {
        assert!(!store.set_care_file(child, &[4; 30], version, &[]).await.unwrap());
    }
    assert_eq!(store.interviews_of(child).await.unwrap(), []);
}

pub async fn a_collectors_code_makes_no_guardian(ground: Ground) {
    let store = &ground.store;
    let (mother, aunt) = (ground.person().await, ground.person().await);
    let child = ground.child(mother).await;
    let household = ground.household(mother).await;
    let collector = CollectorId(ground.id());
    let code = |collects| GuardianCode {
        secret: secret(&ground),
        household,
        collects,
        made_by: mother,
        ends_at: at(2, 0),
    };
    let collects = code(Some((child, collector)));
    store.add_guardian_code(&collects).await.unwrap();
    let take = async |person, only_collects, day| {
        store.take_guardian_code(&collects.secret, person, only_collects, at(day, 0)).await.unwrap()
    };
    assert_eq!(take(aunt, false, 1).await, None, "it is for no guardian");
    assert_eq!(take(mother, true, 1).await, None, "nobody takes their own");
    assert_eq!(take(aunt, true, 3).await, None, "it has ended");
    assert_eq!(take(aunt, true, 1).await.as_ref(), Some(&collects));
    assert_eq!(take(aunt, true, 1).await, None, "it works once");
    assert_eq!(store.who_answer_for(child).await.unwrap(), [mother]);

    // Whoever is barred from a child of the household has no code that works, made before or after.
    let father = ground.person().await;
    store.add_guardian(household, father, at(0, 0)).await.unwrap();
    let his = GuardianCode { made_by: father, ..code(None) };
    store.add_guardian_code(&his).await.unwrap();
    assert!(!store.is_barred(father, household).await.unwrap());
    assert!(store.set_care_file(child, &[1; 30], 0, &[father]).await.unwrap());
    assert!(store.is_barred(father, household).await.unwrap());
    let taken = store.take_guardian_code(&his.secret, aunt, false, at(1, 0)).await.unwrap();
    assert_eq!(taken, None);

    let joins = code(None);
    store.add_guardian_code(&joins).await.unwrap();
    let taken = store.take_guardian_code(&joins.secret, aunt, true, at(1, 0)).await.unwrap();
    assert_eq!(taken, None, "a guardian's code is for no collector");
    let taken = store.take_guardian_code(&joins.secret, aunt, false, at(1, 0)).await.unwrap();
    assert_eq!(taken.as_ref(), Some(&joins));
    assert_eq!(store.who_answer_for(child).await.unwrap(), [mother, aunt]);
}

/// One that no other test has.
fn secret(ground: &Ground) -> [u8; 32] {
    let ids = [ground.id(), ground.id()];
    ids.map(uuid::Uuid::into_bytes).concat().try_into().unwrap()
}

pub async fn interviews_go_forward(ground: Ground) {
    let store = &ground.store;
    let parent = ground.person().await;
    let (child, other) = (ground.child(parent).await, ground.child(parent).await);
    let (centre, _) = ground.centre_with_desks(1).await;
    let (nursery, elsewhere) = (ground.nursery(&centre, 5).await, ground.nursery(&centre, 5).await);
    let put =
        async |child, interview| store.put_interview(child, nursery, interview).await.unwrap();
    let of = async |child| store.interviews_of(child).await.unwrap();
    assert!(of(child).await.is_empty());
    let asked = Interview::Asked { at: at(1, 9) };
    assert!(put(child, asked).await);
    assert!(!put(child, Interview::Asked { at: at(1, 12) }).await, "asking again changes nothing");
    assert_eq!(of(child).await, [(nursery, asked)]);
    let fixed = Interview::Fixed { on: at(4, 9) };
    assert!(put(child, fixed).await);
    assert!(!put(child, asked).await);
    assert_eq!(of(child).await, [(nursery, fixed)]);
    // Those that wait longest are in front: by when they were asked for, or will be.
    assert!(put(other, Interview::Asked { at: at(2, 9) }).await);
    let to_come = [(other, Interview::Asked { at: at(2, 9) }), (child, fixed)];
    assert_eq!(store.interviews_at(nursery).await.unwrap(), to_come);
    assert!(store.interviews_at(elsewhere).await.unwrap().is_empty());
    let on = at(4, 9).date_naive();
    let held = Interview::Held { on, by: parent };
    assert!(put(child, held).await);
    assert_eq!(of(child).await, [(nursery, held)]);
    assert_eq!(store.interviews_at(nursery).await.unwrap(), to_come[..1]);
    // One that was never held is forgotten after its time, one that was not.
    let last = ground.child(parent).await;
    assert!(put(last, Interview::Fixed { on: at(5, 9) }).await);
    let forget = async |day| store.forget(Kept::Interviews, at(day, 9), 9).await.unwrap();
    forget(5).await;
    assert_eq!(of(last).await.len(), 1);
    assert!(forget(6).await >= 1);
    assert!(of(last).await.is_empty() && of(child).await.len() == 1);
    assert!(put(other, Interview::Asked { at: at(2, 9) }).await);
    // One that was held stays; one that was not can be taken back.
    assert!(!store.drop_interview(child, nursery).await.unwrap());
    assert!(store.drop_interview(other, nursery).await.unwrap());
    assert!(store.interviews_at(nursery).await.unwrap().is_empty());
    // A nursery that asked nobody may hold one all the same.
    assert!(store.put_interview(child, elsewhere, held).await.unwrap());
    assert_eq!(of(child).await.len(), 2);
}

pub async fn care_waits_for_the_interview(ground: Ground) {
    let store = &ground.store;
    let (centre, _) = ground.centre_with_desks(9).await;
    let nursery = ground.nursery(&centre, 5).await;
    let terms = Terms { interview: true, ..Terms::default() };
    assert!(store.set_terms(nursery, &terms).await.unwrap());
    let parent = ground.person().await;
    let (child, other) = (ground.child(parent).await, ground.child(parent).await);
    let order = |day, children: &[_]| BookingOrder {
        children: children.to_vec(),
        ..ground.order(parent, &centre, &[slot(day, 10, 12)])
    };
    let needs = |child, fixed| NoRoom::NeedsInterview { child, nursery, fixed };
    let book = async |order: &BookingOrder| store.book(order).await.unwrap();
    let refused = book(&order(5, &[child])).await;
    assert_eq!(refused, BookResult::Refused(needs(child, None)));
    let waits = entry(&ground, &order(5, &[child]), 1, at(0, 1));
    let waited = store.wait(&waits, &order(5, &[child])).await.unwrap();
    assert_eq!(waited, Waited::Never(needs(child, None)));
    store.put_interview(child, nursery, Interview::Asked { at: at(0, 0) }).await.unwrap();
    assert_eq!(book(&order(5, &[child])).await, refused);
    let fixed = at(5, 10);
    store.put_interview(child, nursery, Interview::Fixed { on: fixed }).await.unwrap();
    let later = BookResult::Refused(needs(child, Some(fixed)));
    assert_eq!(book(&order(5, &[child])).await, later, "not at the same time");
    let made = ground.book(&order(6, &[child])).await;
    // All children need one; who has care keeps it, and asks for more under the same rule.
    assert_eq!(book(&order(7, &[child, other])).await, BookResult::Refused(needs(other, None)));
    let both = BookingOrder { id: made.id, ..order(6, &[child, other]) };
    let changed = store.change(made.id, made.version, &both, &[]).await.unwrap();
    assert_eq!(changed, Changed::Refused(needs(other, None)));
    let held = Interview::Held { on: at(0, 0).date_naive(), by: parent };
    store.put_interview(other, nursery, held).await.unwrap();
    let changed = store.change(made.id, made.version, &both, &[]).await.unwrap();
    assert!(matches!(changed, Changed::Done(_)), "{changed:?}");

    // Whoever is shut out meanwhile books nothing more with the child, nor is anything held for them.
    assert!(store.set_care_file(child, &[1; 30], 0, &[parent]).await.unwrap());
    let refused = book(&order(8, &[other, child])).await;
    assert_eq!(refused, BookResult::Refused(NoRoom::NotTheirs(child)));
    assert!(store.set_care_file(child, &[1; 30], 1, &[]).await.unwrap());

    // What is booked in the nursery that day.
    let day = slot(6, 0, 24);
    let found = store.care_at(nursery, &day).await.unwrap();
    let care = |child| CareAt {
        booking: made.id,
        status: BookingStatus::Confirmed,
        child,
        when: slot(6, 10, 12),
        room: None,
        scheme: None,
    };
    let mut children = [child, other];
    children.sort();
    assert_eq!(found, children.map(care));
    let none = store.care_at(NurseryId(ground.id()), &day).await.unwrap();
    assert!(none.is_empty());
    let before = model::interval::Interval::new(at(6, 9), at(6, 10)).unwrap();
    assert!(store.care_at(nursery, &before).await.unwrap().is_empty());
    let into = before.starts() + TimeDelta::minutes(61);
    let into = model::interval::Interval::new(before.starts(), into).unwrap();
    assert_eq!(store.care_at(nursery, &into).await.unwrap().len(), 2);
}

pub async fn a_silent_centre_sells_no_care_for_today(ground: Ground) {
    let store = &ground.store;
    let (centre, _) = ground.centre_with_desks(9).await;
    ground.nursery(&centre, 5).await;
    let parent = ground.person().await;
    let child = ground.child(parent).await;
    let order = |day, from, now| BookingOrder {
        children: vec![child],
        at: now,
        ..ground.order(parent, &centre, &[slot(day, from, from + 1)])
    };
    let book = async |order: &BookingOrder| store.book(order).await.unwrap();
    let now = at(3, 9);
    // Where there never was a site, nobody can fall silent.
    assert!(!store.silent_sites(now).await.unwrap().contains(&centre.id));
    assert!(matches!(book(&order(3, 10, now)).await, BookResult::Made(_)));
    store.next_sheet_listing(centre.id, &[1; 32], &[], now).await.unwrap();
    store.ack_sheet(centre.id, 1, now).await.unwrap();
    let minutes = |minutes| now + TimeDelta::minutes(minutes);
    let almost = minutes(2) - TimeDelta::seconds(1);
    assert!(!store.silent_sites(almost).await.unwrap().contains(&centre.id));
    let made = book(&order(3, 11, almost)).await;
    let BookResult::Made(made) = made else { panic!("{made:?}") };
    assert!(store.silent_sites(minutes(2)).await.unwrap().contains(&centre.id));
    let refused = book(&order(3, 13, minutes(2))).await;
    assert_eq!(refused, BookResult::Refused(NoRoom::SiteSilent(slot(3, 13, 14))));
    // Another day is not the site's to hear of yet; a desk alone neither.
    assert!(matches!(book(&order(4, 10, minutes(2))).await, BookResult::Made(_)));
    let desk = BookingOrder { children: Vec::new(), ..order(3, 15, minutes(2)) };
    assert!(matches!(book(&desk).await, BookResult::Made(_)));
    // Who has care today keeps it with whatever else is changed.
    let kept = BookingOrder { id: made.id, desks: 2, ..order(3, 11, minutes(2)) };
    let changed = store.change(made.id, made.version, &kept, &[]).await.unwrap();
    assert!(matches!(changed, Changed::Done(_)), "{changed:?}");
    store.ack_sheet(centre.id, 1, minutes(3)).await.unwrap();
    assert!(matches!(book(&order(3, 13, minutes(4))).await, BookResult::Made(_)));
}
