//! What a house decides: closures and quotas, held under the lock.

use model::closure::{Closure, ClosureKind};
use model::id::{ClosureId, QuotaId, SpaceId};
use model::interval::Interval;
use model::language::LocalText;
use model::quota::{Measure, Quota, Subject};
use store::{BookResult, Changed, Counted, NoRoom, Settled, Settling, Stands, Stood, Whose};

use crate::ground::{Ground, at, slot};

pub async fn a_closure_shuts_what_is_not_booked_and_names_what_is(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(2).await;
    let person = ground.person().await;
    let mut order = ground.order(person, &centre, &[slot(1, 9, 12)]);
    order.pinned = Some(desks[0]);
    order.needs.pinned = true;
    let there = ground.book(&order).await;
    let later = ground.book(&ground.order(person, &centre, &[slot(2, 9, 12)])).await;
    let shut = |space: Option<SpaceId>, kind, when| Closure {
        id: ClosureId(ground.id()),
        centre: centre.id,
        space,
        kind,
        when,
        reason: LocalText::new("空調の工事", "Work on the air conditioning"),
        made_by: Some(person),
        made_at: at(0, 0),
    };
    let store = &ground.store;
    let whole = shut(None, ClosureKind::Closed, slot(1, 11, 15));
    let met = store.close(&centre, &whole).await.unwrap();
    assert_eq!(met, std::slice::from_ref(&there));
    let booked = store.book(&ground.order(person, &centre, &[slot(1, 12, 13)])).await.unwrap();
    let closed = NoRoom::Closed(slot(1, 12, 13), whole.reason.clone());
    assert_eq!(booked, BookResult::Refused(closed));
    ground.book(&ground.order(person, &centre, &[slot(1, 15, 16)])).await;
    // What it meets can be moved out of its way.
    let mut away = ground.order(person, &centre, &[slot(1, 8, 11)]);
    away.id = there.id;
    let moved = store.change(there.id, there.version, &away, &[]).await.unwrap();
    assert!(matches!(moved, Changed::Done(_)), "{moved:?}");
    assert_eq!(store.met_by(&whole).await.unwrap(), []);

    // One desk alone: the other can be had.
    let one = shut(Some(later.desks[0].space), ClosureKind::NoNew, slot(2, 8, 20));
    assert_eq!(store.close(&centre, &one).await.unwrap(), [], "what is booked stands");
    let mut two = ground.order(person, &centre, &[slot(2, 13, 14)]);
    two.desks = 2;
    assert!(matches!(store.book(&two).await.unwrap(), BookResult::Refused(NoRoom::Desk { .. })));
    let made = ground.book(&ground.order(person, &centre, &[slot(2, 13, 14)])).await;
    assert_ne!(made.desks[0].space, later.desks[0].space);

    assert_eq!(store.closures(at(0, 0)).await.unwrap(), [whole.clone(), one.clone()]);
    assert_eq!(store.closures(at(1, 15)).await.unwrap(), [one]);
    assert!(store.reopen(&centre, whole.id).await.unwrap());
    assert!(!store.reopen(&centre, whole.id).await.unwrap());
    ground.book(&ground.order(person, &centre, &[slot(1, 12, 13)])).await;
    assert_eq!(ground.overlaps().await, 0);
}

pub async fn quotas_count_what_is_held(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(3).await;
    let (person, partner) = (ground.person().await, ground.person().await);
    let quota = |subject, measure, most| Quota {
        id: QuotaId(ground.id()),
        subject,
        employer: None,
        centre: None,
        measure,
        most,
        from_day: "2027-04-01".parse().unwrap(),
        until_day: None,
        source: LocalText::new("利用規程", "Terms of use"),
    };
    let store = &ground.store;
    let two_hours = quota(Subject::Household, Measure::MinutesAMonth, 120);
    store.add_quota(&two_hours).await.unwrap();
    let day = "2027-04-05".parse().unwrap();
    assert_eq!(store.quotas(day).await.unwrap(), std::slice::from_ref(&two_hours));
    let order = |who, when: Interval, quota: &Quota, whose: &Whose| {
        let mut order = ground.order(who, &centre, &[when]);
        order.quotas = vec![Counted { quota: quota.clone(), whose: whose.clone() }];
        order
    };
    let both = Whose::People(ground.id(), vec![person, partner]);
    let first = ground.book(&order(person, slot(1, 9, 10), &two_hours, &both)).await;
    ground.book(&order(partner, slot(1, 9, 10), &two_hours, &both)).await;
    let over = store.book(&order(partner, slot(2, 9, 10), &two_hours, &both)).await.unwrap();
    let BookResult::Refused(NoRoom::Quota(over)) = over else { panic!("{over:?}") };
    assert_eq!((over.left, over.quota.id), (0, two_hours.id));
    // Another month, and a change that needs no more than before.
    ground.book(&order(person, slot(30, 9, 10), &two_hours, &both)).await;
    let mut moved = order(person, slot(3, 9, 10), &two_hours, &both);
    moved.id = first.id;
    let moved = store.change(first.id, 1, &moved, &[]).await.unwrap();
    assert!(matches!(moved, Changed::Done(_)), "{moved:?}");
    // What was used stays used, whatever the booking is changed to.
    let two_days = quota(Subject::Person, Measure::DaysAWeek, 2);
    let regular = ground.person().await;
    let own = Whose::People(regular.0, vec![regular]);
    let on = |days: [i64; 2]| {
        let mut order = order(regular, slot(days[0], 9, 10), &two_days, &own);
        order.slots.push(slot(days[1], 9, 10));
        order
    };
    let used = ground.book(&on([0, 1])).await;
    let mut more = on([2, 3]);
    (more.id, more.at) = (used.id, at(1, 18));
    let more = store.change(used.id, 1, &more, &[]).await.unwrap();
    assert!(matches!(more, Changed::Refused(NoRoom::Quota(_))), "{more:?}");
    // What was held for who waited is counted when it is to stand.
    let one_day = quota(Subject::Person, Measure::DaysAWeek, 1);
    let waited = ground.person().await;
    let alone = Whose::People(waited.0, vec![waited]);
    let had = ground.book(&order(waited, slot(0, 9, 10), &one_day, &alone)).await;
    let mut offered = ground.order(waited, &centre, &[slot(1, 12, 13)]);
    offered.stands = Stands::HeldUntil(at(1, 0));
    let offered = ground.book(&offered).await;
    let quotas = [Counted { quota: one_day.clone(), whose: alone.clone() }];
    let settling = Settling {
        id: offered.id,
        version: None,
        centre: &centre,
        to: Stood::Confirmed,
        at: at(0, 1),
        spare: &[],
        quotas: &quotas,
    };
    let over = store.settle(&settling).await.unwrap();
    assert!(matches!(over, Some(Settled::Over(over)) if over.quota.id == one_day.id));
    assert_eq!(store.booking(offered.id).await.unwrap(), Some(offered), "it stays held");
    store.cancel(had.id, &centre, at(0, 0), &[]).await.unwrap();
    let stands = store.settle(&settling).await.unwrap();
    assert!(matches!(stands, Some(Settled::Done(_))), "{stands:?}");
    // What is given up does not count.
    store.cancel(first.id, &centre, at(0, 0), &[]).await.unwrap();
    ground.book(&order(partner, slot(2, 9, 10), &two_hours, &both)).await;

    let one_desk = quota(Subject::Employer, Measure::AtOnce, 1);
    let firm = Whose::Employer(ground.employer);
    ground.book(&order(person, slot(4, 9, 12), &one_desk, &firm)).await;
    let refused = store.book(&order(partner, slot(4, 11, 13), &one_desk, &firm)).await.unwrap();
    assert!(matches!(refused, BookResult::Refused(NoRoom::Quota(_))), "{refused:?}");
    assert!(store.end_quota(two_hours.id, day).await.unwrap());
    assert!(!store.end_quota(two_hours.id, day).await.unwrap());
    assert_eq!(store.quotas(day).await.unwrap(), []);
}

pub async fn a_quota_holds_against_rivals_at_other_centres(ground: Ground) {
    let (here, _) = ground.centre_with_desks(3).await;
    let (there, _) = ground.centre_with_desks(3).await;
    let person = ground.person().await;
    let quota = Quota {
        id: QuotaId(ground.id()),
        subject: Subject::Person,
        employer: None,
        centre: None,
        measure: Measure::AtOnce,
        most: 1,
        from_day: "2027-04-01".parse().unwrap(),
        until_day: None,
        source: LocalText::new("利用規程", "Terms of use"),
    };
    for hour in 8..18 {
        let orders: Vec<_> = [&here, &there, &here, &there]
            .map(|centre| {
                let mut order = ground.order(person, centre, &[slot(1, hour, hour + 1)]);
                let whose = Whose::People(person.0, vec![person]);
                order.quotas = vec![Counted { quota: quota.clone(), whose }];
                order
            })
            .into();
        let booked = orders.iter().map(|order| ground.store.book(order));
        let booked = futures::future::join_all(booked).await;
        let made = booked.iter().filter(|one| matches!(one, Ok(BookResult::Made(_)))).count();
        assert_eq!(made, 1, "{booked:?}");
    }
}
