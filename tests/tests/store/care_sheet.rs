//! What a site's sheet says of its nurseries: whose change makes it anew, and which children stand on it.

use model::care::terms::Terms;
use model::id::{PersonId, RoomId};
use model::people::Grant;
use model::site_event::{Happening, SiteEvent};
use store::{BookingOrder, Erasure, EventBatch, GuardianCode, KeyOwner, WrappedKey};

use crate::ground::{Ground, at, slot};
use crate::staffing::{TEACHER, roster, rules, shift, staffing};

pub async fn whatever_a_nurserys_sheet_says_makes_it_anew(ground: Ground) {
    let store = &ground.store;
    let (centre, _) = ground.centre_with_desks(1).await;
    let (mother, father) = (ground.person().await, ground.person().await);
    let child = ground.child(mother).await;
    let household = ground.household(mother).await;
    let day = slot(1, 9, 10).starts().with_timezone(&centre.time_zone).date_naive();
    let mut seen = Vec::new();
    let mut changed = async |what: &str| {
        let now = store.plan_revision(centre.id, day, day).await.unwrap();
        assert!(!seen.contains(&now), "{what}");
        seen.push(now);
    };
    changed("nothing").await;
    let nursery = ground.nursery(&centre, 5).await;
    changed("a nursery").await;
    store.add_rule_set(&rules(), at(0, 0)).await.unwrap();
    changed("a rule set").await;
    let rooms = staffing(&[(RoomId(ground.id()), 0, None)]);
    assert!(store.set_staffing(nursery, Some(&rooms)).await.unwrap());
    changed("rooms").await;
    assert!(
        store.set_terms(nursery, &Terms { fever: Some(380), ..Terms::default() }).await.unwrap()
    );
    changed("terms").await;
    let one = || shift(&ground, "伊藤", TEACHER, slot(1, 9, 17), &[]);
    store.put_roster(&roster(&centre, nursery, vec![one()])).await.unwrap();
    changed("a shift").await;
    store.put_roster(&roster(&centre, nursery, Vec::new())).await.unwrap();
    changed("no shift").await;

    let people = async || store.people_revision().await.unwrap();
    let before = people().await;
    store.set_child(child, &[7; 30]).await.unwrap();
    changed("a child's name").await;
    store.set_child_health(child, Some(&[7; 30])).await.unwrap();
    changed("its health").await;
    assert!(store.set_care_file(child, &[7; 30], 0, &[]).await.unwrap());
    changed("its care file").await;
    store.add_guardian(household, father, at(0, 0)).await.unwrap();
    changed("a guardian").await;
    let aunt = ground.person().await;
    changed("a person").await;
    let secret = [9; 32];
    let (made_by, ends_at) = (mother, at(2, 0));
    let code = GuardianCode { secret, household, collects: None, made_by, ends_at };
    store.add_guardian_code(&code).await.unwrap();
    assert!(store.take_guardian_code(&secret, aunt, false, at(0, 1)).await.unwrap().is_some());
    changed("a guardian by a code").await;
    store.set_name(mother, "伊藤 春").await.unwrap();
    changed("a guardian's name").await;
    store.set_sealed_of(mother, Some(&[7; 30])).await.unwrap();
    changed("a telephone number").await;
    store.set_grants(aunt, &[Grant::NurseryStaff { nursery }.into()]).await.unwrap();
    changed("a role").await;
    let owner = KeyOwner::Child(child);
    let key = model::id::SealKeyId(ground.id());
    let key = WrappedKey { id: key, owner, ring_key: 1, wrapped: vec![1; 60] };
    store.keep_seal_key(&key).await.unwrap();
    assert!(store.destroy_seal_key(owner).await.unwrap());
    changed("a key that is gone").await;
    let pseudonym = PersonId(ground.id());
    let erasure = Erasure { person: mother, pseudonym, children: vec![child], at: at(0, 2) };
    assert!(store.erase(&erasure).await.unwrap());
    changed("an erasure").await;
    assert!(people().await > before);

    let still = store.plan_revision(centre.id, day, day).await.unwrap();
    let only_try = store::Roster { only_try: true, ..roster(&centre, nursery, vec![one()]) };
    store.put_roster(&only_try).await.unwrap();
    let now = store.plan_revision(centre.id, day, day).await.unwrap();
    assert_eq!(now, still, "what is only tried changes nothing");
}

pub async fn children_stand_on_a_sheet_while_they_may_be_there(ground: Ground) {
    let store = &ground.store;
    let (centre, spaces) = ground.centre_with_desks(3).await;
    let (elsewhere, _) = ground.centre_with_desks(3).await;
    ground.nursery(&centre, 5).await;
    ground.nursery(&elsewhere, 5).await;
    let parent = ground.person().await;
    let (child, sister) = (ground.child(parent).await, ground.child(parent).await);
    let both = BookingOrder {
        children: vec![child, sister],
        ..ground.order(parent, &centre, &[slot(1, 10, 12)])
    };
    let made = ground.book(&both).await;
    let cousin = ground.person().await;
    let theirs = ground.child(cousin).await;
    let order = ground.order(cousin, &elsewhere, &[slot(1, 10, 12)]);
    ground.book(&BookingOrder { children: vec![theirs], ..order }).await;
    let held = BookingOrder {
        children: vec![ground.child(cousin).await],
        stands: store::Stands::HeldUntil(at(1, 9)),
        ..ground.order(cousin, &centre, &[slot(1, 13, 14)])
    };
    ground.book(&held).await;
    let there = async |from, to| store.children_at(centre.id, &slot(1, from, to)).await.unwrap();
    let mut two = [child, sister];
    two.sort();
    assert_eq!(there(0, 24).await, two);
    assert_eq!(there(11, 24).await, two);
    assert_eq!(there(12, 24).await, []);
    assert_eq!(there(0, 10).await, []);

    // Nobody came to the desk, which gives the care free too; a grandmother may have brought them all the same.
    let (space, starts_at) = (spaces[0], at(1, 10));
    let what = Happening::NoShow { booking: made.id, space, starts_at };
    let batch = EventBatch {
        centre: centre.clone(),
        edge: "here-edge".parse().unwrap(),
        first: 1,
        events: vec![SiteEvent { at: at(1, 11), what }],
        told_until: at(1, 11),
        at: at(1, 11),
        spare: Vec::new(),
    };
    store.take_events(&batch).await.unwrap();
    let care = store.booking(made.id).await.unwrap().unwrap().care;
    assert!(care.iter().all(|claim| claim.released_at.is_some()));
    assert_eq!(there(0, 24).await, two);
    // One that was given up before it began is nobody's.
    let early =
        BookingOrder { children: vec![child], ..ground.order(parent, &centre, &[slot(1, 20, 21)]) };
    let early = ground.book(&early).await;
    assert_eq!(there(20, 21).await, [child]);
    store.cancel(early.id, &centre, at(1, 12), &[]).await.unwrap();
    assert_eq!(there(20, 21).await, []);
}
