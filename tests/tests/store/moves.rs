//! Making room by moving others, and whom nobody moves.

use chrono::TimeDelta;
use model::booking::Booking;
use model::centre::Centre;
use model::id::{PersonId, SpaceId};
use model::interval::Interval;
use store::{BookResult, NoRoom};

use crate::ground::{Ground, at, slot};

/// Two desks of which each is free for a while, and none throughout.
async fn scattered(ground: &Ground) -> (Centre, Vec<SpaceId>, PersonId, [Booking; 2]) {
    let (centre, desks) = ground.centre_with_desks(2).await;
    let person = ground.person().await;
    let mut made = Vec::new();
    for (desk, when) in [(0, slot(1, 9, 11)), (1, slot(1, 13, 15))] {
        let mut order = ground.order(person, &centre, &[when]);
        order.pinned = Some(desks[desk]);
        made.push(ground.book(&order).await);
    }
    (centre, desks, person, made.try_into().unwrap())
}

const ALL_DAY: (i64, i64) = (9, 15);

fn all_day() -> Interval {
    slot(1, ALL_DAY.0, ALL_DAY.1)
}

pub async fn others_make_room_where_they_may(ground: Ground) {
    let (centre, _, person, [one, other]) = scattered(&ground).await;
    let made = ground.book(&ground.order(person, &centre, &[all_day()])).await;
    assert_eq!(made.desks.len(), 1);
    let (one_now, other_now) = (
        ground.store.booking(one.id).await.unwrap().unwrap(),
        ground.store.booking(other.id).await.unwrap().unwrap(),
    );
    // The two share a desk now, and whoever was moved has a new version.
    assert_eq!(one_now.desks[0].space, other_now.desks[0].space);
    assert_ne!(one_now.desks[0].space, made.desks[0].space);
    assert_eq!(one_now.version + other_now.version, 3);
    assert_eq!(ground.overlaps().await, 0);
    // Really full.
    let full = ground.store.book(&ground.order(person, &centre, &[slot(1, 10, 14)])).await.unwrap();
    assert!(matches!(full, BookResult::Refused(NoRoom::Desk { proven: true, .. })), "{full:?}");
}

pub async fn who_picked_a_desk_keeps_it(ground: Ground) {
    let (centre, desks) = ground.centre_with_desks(2).await;
    let person = ground.person().await;
    for (desk, when) in [(0, slot(1, 9, 11)), (1, slot(1, 13, 15))] {
        let mut order = ground.order(person, &centre, &[when]);
        order.pinned = Some(desks[desk]);
        order.needs.pinned = true;
        ground.book(&order).await;
    }
    let refused = ground.store.book(&ground.order(person, &centre, &[all_day()])).await.unwrap();
    assert!(matches!(refused, BookResult::Refused(NoRoom::Desk { .. })), "{refused:?}");
}

pub async fn who_is_about_to_come_is_not_moved(ground: Ground) {
    let (centre, _, person, _) = scattered(&ground).await;
    let mut order = ground.order(person, &centre, &[all_day()]);
    // Both could go; an hour before nine only the one at 13 can, and that is enough.
    order.at = at(1, 8);
    let made = ground.store.book(&order).await.unwrap();
    assert!(matches!(made, BookResult::Made(_)), "{made:?}");
    let (centre, _, person, _) = scattered(&ground).await;
    let mut order = ground.order(person, &centre, &[slot(1, 12, 15), slot(1, 9, 11)]);
    order.slots.sort();
    order.desks = 2;
    order.at = at(1, 12) + TimeDelta::minutes(1);
    let refused = ground.store.book(&order).await.unwrap();
    assert!(matches!(refused, BookResult::Refused(NoRoom::Desk { .. })), "{refused:?}");
}

pub async fn nobody_is_moved_behind_a_sites_back(ground: Ground) {
    let (centre, _, person, _) = scattered(&ground).await;
    let store = &ground.store;
    let made = store.next_sheet_listing(centre.id, &[1; 32], &[], at(0, 0)).await.unwrap();
    let (version, _) = made.unwrap();
    store.ack_sheet(centre.id, version, at(0, 0)).await.unwrap();
    store.next_sheet_listing(centre.id, &[2; 32], &[], at(0, 1)).await.unwrap();
    let mut order = ground.order(person, &centre, &[all_day()]);
    order.at = at(0, 1);
    let behind = store.book(&order).await.unwrap();
    assert!(matches!(behind, BookResult::Refused(NoRoom::Desk { .. })), "{behind:?}");
    // Acknowledged, but silent since.
    store.ack_sheet(centre.id, 2, at(0, 1)).await.unwrap();
    order.at = at(0, 1) + TimeDelta::minutes(3);
    let silent = store.book(&order).await.unwrap();
    assert!(matches!(silent, BookResult::Refused(NoRoom::Desk { .. })), "{silent:?}");
    store.ack_sheet(centre.id, 2, order.at).await.unwrap();
    ground.book(&order).await;
    assert_eq!(ground.overlaps().await, 0);
}

pub async fn cleaning_takes_its_time(ground: Ground) {
    let mut centre = ground.centre().await;
    let desk = ground.space(&centre, model::centre::SpaceKind::Desk).await;
    centre.settings.buffer_minutes = 15;
    assert!(ground.store.set_settings(&centre).await.unwrap());
    let read = centre.clone();
    centre.settings_version = 2;
    let kept = ground.store.centres().await.unwrap();
    assert_eq!(kept.iter().find(|one| one.id == centre.id), Some(&centre));
    // Who has read them before is too late.
    assert!(!ground.store.set_settings(&read).await.unwrap());
    let person = ground.person().await;
    ground.book(&ground.order(person, &centre, &[slot(1, 9, 12)])).await;
    let refused = ground.store.book(&ground.order(person, &centre, &[slot(1, 12, 13)])).await;
    assert!(matches!(refused.unwrap(), BookResult::Refused(NoRoom::Desk { .. })));
    let after = Interval::new(at(1, 12) + TimeDelta::minutes(15), at(1, 13)).unwrap();
    assert_eq!(ground.book(&ground.order(person, &centre, &[after])).await.desks[0].space, desk);
}

pub async fn features_are_met(ground: Ground) {
    use model::centre::{Space, SpaceKind};
    use model::feature::{Feature, Features};
    let centre = ground.centre().await;
    let person = ground.person().await;
    let mut spaces = Vec::new();
    for features in [vec![Feature::Monitor], vec![Feature::Monitor, Feature::Wheelchair], vec![]] {
        let id = SpaceId(ground.id());
        let space = Space {
            id,
            centre: centre.id,
            kind: SpaceKind::Desk,
            label: format!("F-{}", spaces.len()),
            zone: model::language::LocalText::new("窓側", "By the window"),
            terminal: None,
            features: features.into_iter().collect(),
            row: 1,
        };
        ground.store.add_space(&space).await.unwrap();
        spaces.push(id);
    }
    let needs = |features: &[Feature]| -> Features { features.iter().copied().collect() };
    let mut monitor = ground.order(person, &centre, &[slot(1, 9, 12)]);
    monitor.needs.required = needs(&[Feature::Monitor]);
    let first = ground.book(&monitor).await;
    assert_eq!(first.desks[0].space, spaces[0], "not the one that others need more");
    assert_eq!(ground.store.booking(first.id).await.unwrap().unwrap().needs, monitor.needs);
    let mut plain = ground.order(person, &centre, &[slot(1, 9, 12)]);
    plain.needs.wanted = needs(&[Feature::Quiet]);
    assert_eq!(ground.book(&plain).await.desks[0].space, spaces[2]);
    let mut wheelchair = ground.order(person, &centre, &[slot(1, 9, 12)]);
    wheelchair.needs.required = needs(&[Feature::Wheelchair]);
    assert_eq!(ground.book(&wheelchair).await.desks[0].space, spaces[1]);
    let mut quiet = ground.order(person, &centre, &[slot(2, 9, 12)]);
    quiet.needs.required = needs(&[Feature::Quiet]);
    let none = ground.store.book(&quiet).await.unwrap();
    assert!(matches!(none, BookResult::Refused(NoRoom::Desk { proven: true, .. })), "{none:?}");
    let mut pair = ground.order(person, &centre, &[slot(3, 9, 12)]);
    pair.desks = 2;
    pair.needs.together = true;
    let pair = ground.book(&pair).await;
    let mut sat: Vec<_> = pair.desks.iter().map(|claim| claim.space).collect();
    sat.sort();
    assert!(sat == spaces[..2] || sat == spaces[1..], "{sat:?}");
}
