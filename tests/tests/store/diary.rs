//! What sites tell of children in care: what it means for bookings, who is told, and what is kept of it.

use chrono::{DateTime, TimeDelta, Utc};
use model::booking::{Booking, BookingStatus};
use model::care::day::{CareAlarm, CareEvent, Claimed, NotHandedOver, NoteKind, Sealed};
use model::care::file::{CollectsAs, NotCollecting};
use model::centre::Centre;
use model::id::{BookingId, ChildId, NurseryId, PersonId};
use model::interval::Interval;
use model::notice::NoticeKind;
use model::site_event::{Happening, SiteEvent};
use model::waitlist::State;
use store::{Changed, DiaryEntry, EventBatch, EventsTaken, Kept, Report, Stands, Waited};

use crate::ground::{Ground, at, slot};
use crate::waiting::{entry, spares};

/// A family with a booking at a centre, and what its site has told so far.
struct Family {
    ground: Ground,
    centre: Centre,
    nursery: NurseryId,
    parent: PersonId,
    child: ChildId,
    booking: Booking,
    told: u64,
}

impl Family {
    async fn with(ground: Ground, slots: &[Interval]) -> Self {
        let (centre, _) = ground.centre_with_desks(2).await;
        let nursery = ground.nursery(&centre, 1).await;
        let parent = ground.person().await;
        let child = ground.child(parent).await;
        let mut order = ground.order(parent, &centre, slots);
        order.children = vec![child];
        let booking = ground.book(&order).await;
        Self { ground, centre, nursery, parent, child, booking, told: 0 }
    }

    /// The site tells of this, and tells it once more because it has not heard the answer.
    async fn tell(&mut self, events: Vec<(DateTime<Utc>, CareEvent)>, now: DateTime<Utc>) {
        let mut batch = self.batch(events, now);
        batch.spare = spares(&self.ground, 2);
        let reached = EventsTaken::Reached(self.told + batch.events.len() as u64);
        for _ in 0..2 {
            assert_eq!(self.ground.store.take_events(&batch).await.unwrap(), reached);
        }
        self.told += batch.events.len() as u64;
    }

    fn batch(&self, events: Vec<(DateTime<Utc>, CareEvent)>, now: DateTime<Utc>) -> EventBatch {
        let event = |(at, care)| SiteEvent { at, what: Happening::Care(care) };
        EventBatch {
            centre: self.centre.clone(),
            edge: "yokohama-edge".parse().unwrap(),
            first: self.told + 1,
            events: events.into_iter().map(event).collect(),
            told_until: now,
            at: now,
            spare: Vec::new(),
        }
    }

    async fn now(&self) -> Booking {
        self.ground.store.booking(self.booking.id).await.unwrap().unwrap()
    }

    fn brought(&self, until: DateTime<Utc>) -> CareEvent {
        CareEvent::DroppedOff {
            child: self.child,
            nursery: self.nursery,
            booking: self.booking.id,
            room: None,
            until,
            brought_by: Some(self.parent),
            staff: None,
            check: Sealed("c2VhbGVk".to_owned()),
        }
    }

    fn collected(&self) -> CareEvent {
        CareEvent::HandedOver {
            child: self.child,
            to: CollectsAs::Guardian(self.parent),
            by: Claimed::Pin,
            staff: self.parent,
            telephoned: false,
        }
    }

    fn recalled(&self) -> CareEvent {
        CareEvent::Recalled {
            child: self.child,
            booking: self.booking.id,
            why: Sealed("c2VhbGVk".to_owned()),
            staff: self.parent,
        }
    }

    fn late(&self) -> CareEvent {
        CareEvent::AlarmRaised { alarm: CareAlarm::Late { child: self.child } }
    }

    fn incident(&self) -> CareEvent {
        let body = Some(Sealed("c2VhbGVk".to_owned()));
        CareEvent::Noted { child: self.child, kind: NoteKind::Incident, body, staff: self.parent }
    }

    async fn told(&self, person: PersonId, kind: NoticeKind) -> usize {
        let all = self.ground.store.notices_of(person).await.unwrap();
        all.iter().filter(|one| one.kind == kind).count()
    }

    async fn diary(&self) -> Vec<DiaryEntry> {
        let window = Interval::new(at(0, 0), at(30, 0)).unwrap();
        self.ground.store.diary_of(self.child, &window).await.unwrap()
    }
}

fn minutes(of: DateTime<Utc>, minutes: i64) -> DateTime<Utc> {
    of + TimeDelta::minutes(minutes)
}

pub async fn who_brings_a_child_and_is_late_for_the_desk_keeps_the_care(ground: Ground) {
    let mut family = Family::with(ground, &[slot(1, 9, 12), slot(2, 9, 12)]).await;
    let brought = family.brought(at(1, 12));
    family.tell(vec![(minutes(at(1, 9), -5), brought)], at(1, 9)).await;
    let store = family.ground.store.clone();
    let waits = store.unvisited_claims(at(1, 10)).await.unwrap();
    assert!(waits.iter().all(|claim| claim.booking != family.booking.id), "they came");

    let desk = &family.booking.desks[0];
    let (booking, space, starts_at) = (family.booking.id, desk.space, desk.when.starts());
    let mut batch = family.batch(Vec::new(), at(1, 10));
    let what = Happening::NoShow { booking, space, starts_at };
    batch.events = vec![SiteEvent { at: at(1, 10), what }];
    store.take_events(&batch).await.unwrap();
    family.told += 1;
    let now = family.now().await;
    assert_eq!(now.desks[0].released_at, Some(at(1, 10)));
    assert!(now.care.iter().all(|claim| claim.released_at.is_none()), "{:?}", now.care);
    assert_eq!(now.status, BookingStatus::Confirmed);

    // Nobody gives up the care that a child is in, nor moves it.
    let (_, gone) = store.cancel(booking, &family.centre, at(1, 10), &[]).await.unwrap().unwrap();
    assert!(!gone);
    let mut other = family.ground.order(family.parent, &family.centre, &[slot(1, 10, 11)]);
    (other.id, other.at, other.children) = (booking, at(1, 10), vec![family.child]);
    let changed = store.change(booking, now.version, &other, &[]).await.unwrap();
    assert!(matches!(changed, Changed::Fixed(_)), "{changed:?}");
    assert_eq!(family.now().await, now);
    let collected = family.collected();
    family.tell(vec![(minutes(at(1, 11), 50), collected)], at(1, 12)).await;
    let (_, gone) = store.cancel(booking, &family.centre, at(1, 13), &[]).await.unwrap().unwrap();
    assert!(gone, "the other day can be given up again");
}

pub async fn a_child_that_is_collected_frees_the_rest_of_its_care(ground: Ground) {
    let mut family = Family::with(ground, &[slot(1, 9, 17), slot(2, 9, 12)]).await;
    let (store, ground) = (family.ground.store.clone(), &family.ground);
    let waiter = ground.person().await;
    let mut wished = ground.order(waiter, &family.centre, &[slot(1, 11, 12)]);
    wished.children = vec![ground.child(waiter).await];
    wished.stands = Stands::HeldUntil(at(1, 23));
    let waits = entry(ground, &wished, 1, at(0, 1));
    assert!(matches!(store.wait(&waits, &wished).await.unwrap(), Waited::Waits(_)));
    let days = model::booking::days_to_lock(&family.centre, &[slot(1, 9, 17)]);
    let revision = async || store.plan_revision(family.centre.id, days[0], days[0]).await.unwrap();
    let before = revision().await;
    let left = at(1, 10) + TimeDelta::seconds(1);
    // One batch, as after an outage.
    let events = vec![(at(1, 9), family.brought(at(1, 17))), (left, family.collected())];
    let first = family.booking.clone();
    family.tell(events, minutes(at(1, 10), 1)).await;
    let now = family.now().await;
    let quarter = Interval::new(at(1, 9), minutes(at(1, 10), 15)).unwrap();
    assert_eq!((now.care[0].when, now.care[1].when), (quarter, slot(2, 9, 12)));
    assert_eq!((now.version, now.status), (2, BookingStatus::Confirmed));
    assert_eq!(now.desks, first.desks, "who fetches a child may stay at the desk");
    let revision = store.plan_revision(family.centre.id, days[0], days[0]).await.unwrap();
    assert_ne!(revision, before);
    let offer = store.waiting(waits.id).await.unwrap().unwrap();
    assert_eq!(offer.state, State::Offered);
    assert_eq!(family.ground.overlaps().await, 0);

    // Fetched before it began, care keeps its first step; another centre's site ends nothing.
    let foreign = family.ground.centre().await;
    let mut batch = family.batch(vec![(at(2, 10), family.collected())], at(2, 10));
    (batch.centre, batch.first) = (foreign, 1);
    store.take_events(&batch).await.unwrap();
    assert_eq!(family.now().await.care[1].when, slot(2, 9, 12));
    let early = minutes(at(2, 9), -10);
    let events = vec![(early, family.brought(at(2, 12))), (early, family.collected())];
    family.tell(events, at(2, 9)).await;
    let step = Interval::new(at(2, 9), minutes(at(2, 9), 15)).unwrap();
    assert_eq!(family.now().await.care[1].when, step);
    // After the end there is nothing left to end.
    let collected = family.collected();
    family.tell(vec![(at(2, 14), collected)], at(2, 14)).await;
    assert_eq!(family.now().await.care[1].when, step);
}

pub async fn a_recall_refunds_and_calls_those_who_answer_for_the_child(ground: Ground) {
    let mut family = Family::with(ground, &[slot(1, 9, 17), slot(2, 9, 12)]).await;
    let store = family.ground.store.clone();
    let (father, barred) = (family.ground.person().await, family.ground.person().await);
    let household = family.ground.household(family.parent).await;
    store.add_guardian(household, father, at(0, 1)).await.unwrap();
    store.add_guardian(household, barred, at(0, 1)).await.unwrap();
    assert!(store.set_care_file(family.child, &[1; 30], 0, &[barred]).await.unwrap());
    let called = minutes(at(1, 11), 7);
    let events = vec![
        (at(1, 9), family.brought(at(1, 17))),
        (called, family.recalled()),
        (minutes(called, 1), family.recalled()),
    ];
    family.tell(events, at(1, 12)).await;
    let now = family.now().await;
    assert_eq!(now.care[0].refunded_at, Some(called));
    assert_eq!(now.desks[0].refunded_at, Some(called));
    assert!(now.care[1].refunded_at.is_none() && now.desks[1].refunded_at.is_none());
    assert!(now.desks[0].released_at.is_none(), "their check-out frees the desk");
    assert_eq!(now.version, 2);
    for (person, times) in [(family.parent, 1), (father, 1), (barred, 0)] {
        assert_eq!(family.told(person, NoticeKind::Recalled).await, times);
    }
    // Another's booking is not the site's to refund.
    let foreign = family.ground.centre().await;
    let recalled = family.recalled();
    let mut batch = family.batch(vec![(at(2, 10), recalled)], at(2, 10));
    (batch.centre, batch.first) = (foreign, 1);
    store.take_events(&batch).await.unwrap();
    assert_eq!(family.now().await, now);
}

pub async fn late_collecting_is_told_once_and_no_more_after_it(ground: Ground) {
    let mut family = Family::with(ground, &[slot(1, 9, 12)]).await;
    let store = family.ground.store.clone();
    let events = vec![
        (at(1, 9), family.brought(at(1, 12))),
        (at(1, 12), family.late()),
        (minutes(at(1, 12), 20), family.late()),
    ];
    family.tell(events, minutes(at(1, 12), 21)).await;
    assert_eq!(family.told(family.parent, NoticeKind::CollectLate).await, 1);
    let due = async |now| {
        let taken = store.take_due_notices(now, minutes(now, 5), 64).await.unwrap();
        taken.due.into_iter().filter(|one| one.kind == NoticeKind::CollectLate).count()
    };
    assert_eq!(due(minutes(at(1, 12), 21)).await, 1);
    let collected = family.collected();
    family.tell(vec![(minutes(at(1, 12), 30), collected)], minutes(at(1, 12), 31)).await;
    assert_eq!(due(at(1, 14)).await, 0, "it was not sent, and is no news any more");
}

pub async fn a_diary_is_kept_in_order_until_it_is_forgotten(ground: Ground) {
    let mut family = Family::with(ground, &[slot(1, 9, 12)]).await;
    let store = family.ground.store.clone();
    let (child, staff) = (family.child, family.parent);
    let meal = CareEvent::Noted {
        child,
        kind: NoteKind::Meal,
        body: Some(Sealed("bWVhbA==".to_owned())),
        staff,
    };
    let refused = CareEvent::HandOverRefused {
        child,
        why: NotHandedOver::NotCollecting(NotCollecting::Stranger),
        who: None,
        staff,
    };
    let events = vec![
        (at(1, 9), family.brought(at(1, 12))),
        (at(1, 10), CareEvent::LookedAt { child, staff }),
        (at(1, 10), CareEvent::SignedIn { staff, let_in: false }),
        (at(1, 11), meal),
        // A clock that is ahead.
        (DateTime::<Utc>::MAX_UTC, refused),
        (at(1, 12), family.collected()),
        (at(1, 15), family.incident()),
    ];
    family.tell(events.clone(), at(1, 15)).await;
    let diary = family.diary().await;
    let found: Vec<_> = diary.iter().map(|one| (one.place, one.at)).collect();
    assert_eq!(
        found,
        [(1, at(1, 9)), (4, at(1, 11)), (6, at(1, 12)), (5, at(1, 15)), (7, at(1, 15)),]
    );
    for one in &diary {
        assert_eq!(one.what, events[usize::try_from(one.place).unwrap() - 1].1);
        assert_eq!((one.centre, one.nursery), (family.centre.id, Some(family.nursery)), "{one:?}");
        assert_eq!(one.booking, Some(family.booking.id), "{one:?}");
    }
    let told = store.events_after(family.centre.id, 0).await.unwrap();
    let told: Vec<_> = told.into_iter().map(|(_, event)| event.what).collect();
    let wanted: Vec<_> = events.into_iter().map(|(_, care)| Happening::Care(care)).collect();
    assert_eq!(told, wanted, "the log reads as it was told");
    let morning = Interval::new(at(1, 9), at(1, 11)).unwrap();
    assert_eq!(
        store.diary_of(child, &morning).await.unwrap().len(),
        1,
        "looks stand in the record"
    );

    // Old entries go, and incidents with them.
    let forget = async |before| store.forget(Kept::CareDiary, before, 99).await.unwrap();
    assert_eq!(forget(at(1, 11)).await, 1);
    assert_eq!(family.diary().await.len(), 4);
    // With the child's data goes all of it, and what its site has not told yet is not kept.
    let erasure = store::Erasure {
        person: family.parent,
        pseudonym: PersonId(family.ground.id()),
        children: vec![child],
        at: at(2, 0),
    };
    assert!(store.erase(&erasure).await.unwrap());
    assert!(family.diary().await.is_empty());
    assert!(store.incidents_at(family.nursery).await.unwrap().is_empty());
    let incident = family.incident();
    family.tell(vec![(at(1, 16), incident)], at(2, 0)).await;
    assert!(family.diary().await.is_empty());
    let rules = store.retention().await.unwrap();
    assert!(rules.iter().any(|rule| rule.what == Kept::CareDiary && rule.days >= 365));
}

pub async fn incidents_are_reported_on_in_their_order(ground: Ground) {
    let mut family = Family::with(ground, &[slot(1, 9, 12)]).await;
    let store = family.ground.store.clone();
    let events = vec![
        (at(1, 9), family.brought(at(1, 12))),
        (at(1, 10), family.incident()),
        (at(1, 11), family.incident()),
    ];
    family.tell(events, at(1, 12)).await;
    let nursery = family.nursery;
    let found = async || store.incidents_at(nursery).await.unwrap();
    let both = found().await;
    let places: Vec<_> = both.iter().map(|one| one.entry.place).collect();
    assert_eq!(places, [3, 2], "the newest in front");
    assert!(both.iter().all(|one| one.entry.what.child() == Some(family.child)));
    let centre = family.centre.id;
    let report = async |nursery, place, report, day| {
        store.report_incident(nursery, (centre, place), report, at(day, 9)).await.unwrap()
    };
    assert!(!report(nursery, 2, Report::Second, 2).await, "the first comes first");
    assert!(!report(NurseryId(family.ground.id()), 2, Report::First, 2).await);
    for place in [1, 9, u64::MAX] {
        assert!(!report(nursery, place, Report::First, 2).await, "{place}");
    }
    assert!(report(nursery, 2, Report::First, 2).await);
    assert!(!report(nursery, 2, Report::First, 3).await, "it was before");
    let after = found().await;
    let reported = (after[1].first_reported_at, after[1].second_reported_at);
    assert_eq!(reported, (Some(at(2, 9)), None));
    assert_eq!((after[0].first_reported_at, after[0].second_reported_at), (None, None));
    assert!(report(nursery, 2, Report::Second, 4).await);
    assert!(!report(nursery, 2, Report::Second, 5).await);
    assert_eq!(found().await.len(), 1, "what was reported on is done");
    // Nothing that was reported on is called minor afterwards, nor another centre's.
    store.need_no_report(family.ground.centre().await.id, &[3]).await.unwrap();
    assert_eq!(found().await.len(), 1);
    store.need_no_report(centre, &[3, 9]).await.unwrap();
    assert!(found().await.is_empty());
}

pub async fn what_a_site_tells_of_strangers_means_nothing(ground: Ground) {
    let mut family = Family::with(ground, &[slot(1, 9, 12)]).await;
    let (child, booking) = (family.child, family.booking.id);
    family.child = ChildId(family.ground.id());
    family.booking.id = BookingId(family.ground.id());
    let (brought, collected) = (family.brought(at(1, 12)), family.collected());
    let (recalled, late) = (family.recalled(), family.late());
    let (past, future) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    let events = vec![
        (past, brought.clone()),
        (future, brought),
        (past, collected.clone()),
        (future, collected),
        (past, recalled.clone()),
        (future, recalled),
        (past, late.clone()),
        (future, late),
        (past, family.incident()),
    ];
    family.tell(events, at(1, 9)).await;
    assert!(family.diary().await.is_empty());
    (family.child, family.booking.id) = (child, booking);
    // Clocks that lost their minds, of a child that is there.
    let events = [past, future].into_iter().flat_map(|when| {
        [family.brought(when), family.recalled(), family.late(), family.incident()]
            .map(|event| (when, event))
    });
    let events = events.collect();
    family.tell(events, at(1, 9)).await;
    assert!(!family.diary().await.is_empty());
    // Another centre's site writes nothing of a child that never came there, nor says that it is there.
    let (elsewhere, _) = family.ground.centre_with_desks(1).await;
    let theirs = family.ground.nursery(&elsewhere, 1).await;
    let mut batch = family.batch(vec![(at(1, 9), family.brought(at(1, 12)))], at(1, 9));
    (batch.centre, batch.first) = (elsewhere.clone(), 1);
    let events = [(at(1, 9), theirs), (at(1, 10), family.nursery)].map(|(when, nursery)| {
        let mut brought = family.brought(at(1, 12));
        let CareEvent::DroppedOff { nursery: told, .. } = &mut brought else { unreachable!() };
        *told = nursery;
        SiteEvent { at: when, what: Happening::Care(brought) }
    });
    batch.events.extend(events);
    family.ground.store.take_events(&batch).await.unwrap();
    assert!(family.diary().await.iter().all(|one| one.centre == family.centre.id));
    let near = Interval::new(at(0, 0), at(30, 0)).unwrap();
    let store = &family.ground.store;
    assert_eq!(store.children_at(elsewhere.id, &near).await.unwrap(), []);
    assert_eq!(store.nurseries_of(child, &near).await.unwrap(), [family.nursery]);
    // A nursery that is not the centre's is not believed in.
    let mut brought = family.brought(at(1, 12));
    let CareEvent::DroppedOff { nursery, .. } = &mut brought else { unreachable!() };
    *nursery = theirs;
    let place = family.told + 1;
    family.tell(vec![(at(1, 9), brought)], at(1, 9)).await;
    let told = family.diary().await.into_iter().find(|one| one.place == place).unwrap();
    assert_eq!(told.nursery, None);
    assert_eq!(family.now().await.care[0].when, slot(1, 9, 12));
}

pub async fn a_child_in_care_is_kept_whatever_became_of_its_booking(ground: Ground) {
    let mut family = Family::with(ground, &[slot(1, 9, 17)]).await;
    let store = family.ground.store.clone();
    let (child, centre, nursery) = (family.child, family.centre.clone(), family.nursery);
    let today = slot(1, 11, 12);
    let there = async || store.children_at(centre.id, &today).await.unwrap();
    let day = today.starts().with_timezone(&centre.time_zone).date_naive();
    let revision = async || store.plan_revision(centre.id, day, day).await.unwrap();
    // Its guest gives the booking up while the line is away.
    let (_, gone) =
        store.cancel(family.booking.id, &centre, minutes(at(1, 9), 5), &[]).await.unwrap().unwrap();
    assert!(gone);
    assert_eq!(there().await, []);
    let before = revision().await;
    let events = vec![(at(1, 9), family.brought(at(1, 17)))];
    family.tell(events, at(1, 11)).await;
    assert_eq!(there().await, [child]);
    assert_ne!(revision().await, before, "the sheet is made anew");
    assert_eq!(store.nurseries_of(child, &today).await.unwrap(), [nursery]);
    assert!(family.now().await.care.iter().all(|claim| claim.released_at.is_some()));
    // What is told of it belongs to where it is.
    let events = vec![
        (minutes(at(1, 11), 1), family.incident()),
        (minutes(at(1, 11), 2), family.recalled()),
        (minutes(at(1, 17), 1), family.late()),
    ];
    family.tell(events, minutes(at(1, 17), 2)).await;
    assert_eq!(store.incidents_at(nursery).await.unwrap().len(), 1);
    for kind in [NoticeKind::Recalled, NoticeKind::CollectLate] {
        assert_eq!(family.told(family.parent, kind).await, 1, "{kind:?}");
    }
    let diary = family.diary().await;
    assert_eq!(diary.len(), 3);
    assert!(diary.iter().all(|one| one.nursery == Some(nursery)), "{diary:?}");
    let (before, collected) = (revision().await, family.collected());
    let late = minutes(at(1, 17), 20);
    let taken = store.take_due_notices(late, minutes(late, 5), 64).await.unwrap();
    assert!(taken.due.iter().any(|one| one.kind == NoticeKind::CollectLate));
    family.tell(vec![(late, collected)], late).await;
    assert_eq!(there().await, []);
    assert_ne!(revision().await, before);
    let taken = store.take_due_notices(at(1, 19), at(1, 20), 64).await.unwrap();
    assert!(taken.due.iter().all(|one| one.kind != NoticeKind::CollectLate), "no news any more");

    // A stay ends by hand, too, and goes with the child.
    let put_right = CareEvent::PutRight { child, why: None, staff: family.parent };
    let brought = family.brought(at(1, 17));
    family.tell(vec![(at(1, 9), brought.clone())], at(1, 11)).await;
    assert_eq!(there().await, [child]);
    family.tell(vec![(at(1, 10), put_right)], at(1, 11)).await;
    assert_eq!(there().await, []);
    family.tell(vec![(at(1, 9), brought)], at(1, 11)).await;
    let erasure = store::Erasure {
        person: family.parent,
        pseudonym: PersonId(family.ground.id()),
        children: vec![child],
        at: at(2, 0),
    };
    assert!(store.erase(&erasure).await.unwrap());
    assert_eq!(there().await, []);
}

pub async fn what_is_put_right_frees_the_rest_of_the_care(ground: Ground) {
    let mut family = Family::with(ground, &[slot(1, 9, 17)]).await;
    let put_right = CareEvent::PutRight { child: family.child, why: None, staff: family.parent };
    let events = vec![(at(1, 9), family.brought(at(1, 17))), (at(1, 11), put_right)];
    family.tell(events, at(1, 12)).await;
    assert_eq!(family.now().await.care[0].when, slot(1, 9, 11));
}

impl Family {
    fn nobody_came(&self) -> SiteEvent {
        let desk = &self.booking.desks[0];
        let (booking, space, starts_at) = (self.booking.id, desk.space, desk.when.starts());
        SiteEvent { at: at(1, 10), what: Happening::NoShow { booking, space, starts_at } }
    }

    /// The site tells that nobody came, with what else it knows by then.
    async fn tell_no_show(&mut self, besides: Vec<(DateTime<Utc>, CareEvent)>) {
        let mut batch = self.batch(besides, at(1, 11));
        batch.spare = spares(&self.ground, 2);
        batch.events.insert(0, self.nobody_came());
        self.ground.store.take_events(&batch).await.unwrap();
        self.told += batch.events.len() as u64;
    }
}

pub async fn a_no_show_told_before_the_child_was_brought_leaves_its_care(ground: Ground) {
    let mut family = Family::with(ground, &[slot(1, 9, 17)]).await;
    let brought = family.brought(at(1, 17));
    family.tell_no_show(vec![(at(1, 9), brought)]).await;
    let now = family.now().await;
    assert!(now.desks[0].released_at.is_some());
    assert_eq!((now.care[0].released_at, now.status), (None, BookingStatus::Confirmed));
    let (_, gone) =
        family.ground.store.cancel(now.id, &family.centre, at(1, 11), &[]).await.unwrap().unwrap();
    assert!(!gone, "the child is in care");
}

pub async fn care_that_a_no_show_took_is_given_back_where_its_place_is_free(ground: Ground) {
    let mut family = Family::with(ground, &[slot(1, 9, 17)]).await;
    family.tell_no_show(Vec::new()).await;
    let now = family.now().await;
    assert_eq!(now.status, BookingStatus::NoShow);
    assert!(now.care[0].released_at.is_some());
    let brought = family.brought(at(1, 17));
    family.tell(vec![(at(1, 9), brought)], at(1, 12)).await;
    let now = family.now().await;
    assert_eq!((now.care[0].released_at, now.status), (None, BookingStatus::Confirmed));
    assert!(now.desks[0].released_at.is_some(), "nobody came to the desk");
    let collected = family.collected();
    family.tell(vec![(at(1, 13), collected)], at(1, 13)).await;
    assert_eq!(family.now().await.care[0].when, slot(1, 9, 13));
    assert_eq!(family.ground.overlaps().await, 0);
}

pub async fn care_that_somebody_else_has_by_now_is_not_given_back(ground: Ground) {
    let mut family = Family::with(ground, &[slot(1, 9, 17)]).await;
    family.tell_no_show(Vec::new()).await;
    let ground = &family.ground;
    let other = ground.person().await;
    let mut order = ground.order(other, &family.centre, &[slot(1, 12, 14)]);
    (order.children, order.at) = (vec![ground.child(other).await], at(1, 11));
    ground.book(&order).await;
    let brought = family.brought(at(1, 17));
    family.tell(vec![(at(1, 9), brought)], at(1, 12)).await;
    let now = family.now().await;
    assert!(now.care[0].released_at.is_some(), "the only place is somebody else's");
    let there = family.ground.store.children_at(family.centre.id, &slot(1, 10, 11)).await.unwrap();
    assert_eq!(there, [family.child], "it is there all the same");
    assert_eq!(family.ground.overlaps().await, 0);
}
