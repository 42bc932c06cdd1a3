//! What staff do with children at a site stands in the record.

use chrono::TimeDelta;
use hub::service::children::seal;
use model::booking::BookingCode;
use model::care::day::{CareEvent, Claimed, NotHandedOver, Sealed};
use model::care::file::{CollectsAs, NotCollecting};
use model::care::terms::Terms;
use model::centre::Nursery;
use model::child::Particulars;
use model::id::{BookingId, ChildId, HouseholdId, NurseryId, PersonId, SealKeyId};
use model::interval::Interval;
use model::language::{Language, LocalText};
use model::people::{Grant, Person};
use model::site_event::{Happening, SiteEvent};
use store::{
    AuditWanted, BookResult, BookingOrder, KeyOwner, SealedChild, SealedEntry, WrappedKey,
};
use uuid::Uuid;

use super::support::{HERE, Region, THERE, WORKER};
use super::{batch, taken};

const CHILD: ChildId = ChildId(Uuid::from_u128(0x60));

const TORN: ChildId = ChildId(Uuid::from_u128(0x63));
const OTHER: ChildId = ChildId(Uuid::from_u128(0x64));
const BOOKING: BookingId = BookingId(Uuid::from_u128(0x71));
const ROOM: NurseryId = NurseryId(Uuid::from_u128(0x70));
const CARER: PersonId = PersonId(Uuid::from_u128(0x62));

/// A child with care here, and somebody who works with it.
async fn child(region: &Region) {
    let hub = &region.hub;
    for (id, centre) in [(ROOM, HERE), (NurseryId(Uuid::from_u128(0x79)), THERE)] {
        let nursery = Nursery {
            id,
            centre,
            name: LocalText::new("ひよこ", "Chicks"),
            places: 5,
            walking_minutes: 0,
            staffing: None,
            terms: Terms::default(),
        };
        hub.store.add_nursery(&nursery).await.unwrap();
    }
    let person = Person {
        id: CARER,
        email: "carer@example.jp".to_owned(),
        name: "星野 遥".to_owned(),
        language: Language::Ja,
        grants: vec![Grant::NurseryStaff { nursery: ROOM }.into()],
    };
    hub.store.add_person(&person, None).await.unwrap();
    let household = HouseholdId(Uuid::from_u128(0x61));
    hub.store.found_household(household, WORKER, hub.now()).await.unwrap();
    let particulars =
        Particulars { name: "はな".to_owned(), born: "2023-05-10".parse().unwrap() };
    let sealed = seal(hub, CHILD, &particulars).await.unwrap();
    hub.store.add_child(&SealedChild { id: CHILD, household, sealed }).await.unwrap();
    // One whose key nobody can open, and one that never came here.
    for id in [TORN, OTHER] {
        let sealed = vec![7; 40];
        hub.store.add_child(&SealedChild { id, household, sealed }).await.unwrap();
    }
    let id = SealKeyId(Uuid::from_u128(0x65));
    let torn = WrappedKey { id, owner: KeyOwner::Child(TORN), ring_key: 1, wrapped: vec![1; 60] };
    hub.store.keep_seal_key(&torn).await.unwrap();
    let starts = hub.now() + TimeDelta::hours(1);
    let made = (BOOKING, BookingCode::from_random(7));
    let centre = region.centre(HERE).await;
    let slots = vec![Interval::new(starts, starts + TimeDelta::hours(2)).unwrap()];
    let order = BookingOrder {
        desks: 0,
        children: vec![CHILD, TORN],
        ..BookingOrder::of_desk(made, WORKER, &centre, slots, (1, 1), hub.now())
    };
    let booked = hub.store.book(&order).await.unwrap();
    assert!(matches!(booked, BookResult::Made(_)), "{booked:?}");
}

/// The entries whose action this is.
async fn entries(region: &Region, action: &str) -> Vec<SealedEntry> {
    let found = region.hub.store.audit_like(&AuditWanted::default(), 200).await.unwrap();
    let entries = found.into_iter().map(|listed| listed.entry);
    entries.filter(|entry| entry.action == action).collect()
}

/// The actions in the record, about the child or in all.
async fn record(region: &Region, about_child: bool) -> Vec<String> {
    let store = &region.hub.store;
    let key = store.seal_key_of(KeyOwner::Child(CHILD)).await.unwrap().unwrap().id;
    let subjects = about_child.then(|| vec![key]);
    let wanted = AuditWanted { subjects, ..AuditWanted::default() };
    let mut found = store.audit_like(&wanted, 200).await.unwrap();
    // All of one instant: they have no other order.
    found.sort_by(|one, other| one.entry.action.cmp(&other.entry.action));
    found.into_iter().map(|listed| listed.entry.action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn looks_and_hand_overs_at_a_site_leave_entries_once() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    child(&region).await;
    let now = region.hub.now();
    let stranger = ChildId(Uuid::from_u128(0x99));
    let looked = |child| CareEvent::LookedAt { child, staff: CARER };
    let care = vec![
        CareEvent::DroppedOff {
            child: CHILD,
            nursery: ROOM,
            booking: BOOKING,
            room: None,
            until: now + TimeDelta::hours(3),
            brought_by: Some(WORKER),
            staff: None,
            check: Sealed(String::new()),
        },
        looked(CHILD),
        CareEvent::Received { child: CHILD, staff: CARER },
        CareEvent::HandOverRefused {
            child: CHILD,
            why: NotHandedOver::NotCollecting(NotCollecting::Barred),
            who: None,
            staff: CARER,
        },
        CareEvent::SignedIn { staff: CARER, let_in: false },
        CareEvent::SignedIn { staff: CARER, let_in: true },
        CareEvent::HandedOver {
            child: CHILD,
            to: CollectsAs::Guardian(WORKER),
            by: Claimed::Pin,
            staff: CARER,
            telephoned: true,
        },
        // Of whom the hub knows nothing: the site is not kept from telling the rest.
        looked(stranger),
    ];
    let events: Vec<SiteEvent> =
        care.into_iter().map(|care| SiteEvent { at: now, what: Happening::Care(care) }).collect();
    let before = record(&region, false).await.len();
    // What leaves a gap is neither taken nor recorded.
    let gap = edge.tell(&batch(5, events.clone(), now)).await;
    assert_eq!(gap.status(), 409);
    assert_eq!(record(&region, false).await.len(), before);
    for _ in 0..2 {
        assert_eq!(taken(&edge, &batch(1, events.clone(), now)).await.reached, 8);
    }
    let about = ["child_brought", "child_handed_over", "child_health_seen", "hand_over_refused"];
    assert_eq!(record(&region, true).await, about);
    let all = record(&region, false).await;
    assert_eq!(all.len(), before + 6, "{all:?}");
    assert_eq!(all.iter().filter(|action| *action == "sign_in_refused").count(), 1, "{all:?}");
    let stood = region.hub.store.events_after(HERE, 0).await.unwrap();
    assert_eq!(stood.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), events);
    // A batch that goes on where the last ended records what is new in it.
    let again = [events, vec![SiteEvent { at: now, what: Happening::Care(looked(CHILD)) }]];
    assert_eq!(taken(&edge, &batch(1, again.concat(), now)).await.reached, 9);
    assert_eq!(record(&region, true).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_writes_of_its_own_children_and_in_its_own_staffs_names() {
    let region = Region::start().await;
    let edge = region.edge("here-edge").await;
    child(&region).await;
    let now = region.hub.now();
    let looks = [
        (CHILD, CARER),
        // A guest works in no nursery.
        (CHILD, WORKER),
        (OTHER, CARER),
        (TORN, CARER),
    ];
    let events = looks.map(|(child, staff)| SiteEvent {
        at: now,
        what: Happening::Care(CareEvent::LookedAt { child, staff }),
    });
    assert_eq!(taken(&edge, &batch(1, events.to_vec(), now)).await.reached, 4);
    let seen = entries(&region, "child_health_seen").await;
    assert_eq!(seen.len(), 4, "one broken key keeps nothing back");
    // Operators of the centre are told a number and not a name.
    assert!(seen.iter().all(|entry| entry.centre.is_none()));
    assert_eq!(seen.iter().filter(|entry| entry.subject.is_some()).count(), 2);
    let store = &region.hub.store;
    let carer = store.seal_key_of(KeyOwner::Person(CARER)).await.unwrap().unwrap().id;
    let by: Vec<_> = seen.iter().filter_map(|entry| entry.actor).collect();
    assert_eq!(by, [carer], "only who works here is named, and of a child of this centre");
    assert!(store.seal_key_of(KeyOwner::Person(WORKER)).await.unwrap().is_none());
    let events = [true, false].map(|ours| SiteEvent {
        at: now,
        what: Happening::Care(CareEvent::SignedIn {
            staff: if ours { CARER } else { WORKER },
            let_in: false,
        }),
    });
    assert_eq!(taken(&edge, &batch(5, events.to_vec(), now)).await.reached, 6);
    let refused = entries(&region, "sign_in_refused").await;
    assert!(refused.iter().all(|entry| entry.centre == Some(HERE)), "no child is in them");
    assert_eq!(refused.iter().filter(|entry| entry.subject == Some(carer)).count(), 1);
    let put_right = CareEvent::PutRight { child: CHILD, why: None, staff: CARER };
    let event = SiteEvent { at: now, what: Happening::Care(put_right) };
    assert_eq!(taken(&edge, &batch(7, vec![event], now)).await.reached, 7);
    assert_eq!(entries(&region, "care_record_put_right").await.len(), 1);
}
