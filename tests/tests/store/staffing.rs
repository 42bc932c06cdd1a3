//! Nurseries that are counted by staff, floor and groups at every moment.

use chrono::{NaiveDate, TimeDelta};
use futures::future::join_all;
use model::care::admission::{Admits, Room};
use model::care::age::{Ages, Basis};
use model::care::duty::Shift;
use model::care::intake::{Lack, Lacking};
use model::care::rule_set::{Band, Group, Kind, Least, Method, Qualified, RuleSet};
use model::care::staffing::{CareRoom, Staffing};
use model::centre::Centre;
use model::id::{ChildId, NurseryId, RoomId, ShiftId};
use model::interval::Interval;
use model::language::LocalText;
use store::{
    BookResult, BookingOrder, Changed, NoRoom, Roster, RosterPut, Rostered, StoreError, Waited,
};

use crate::ground::{Ground, at, slot};
use crate::waiting::entry;

pub const TEACHER: &str = "nursery-teacher";

/// Three babies or six others to one, never fewer than two; at most eight in a room with a baby.
pub fn rules() -> RuleSet {
    RuleSet {
        name: "ours".to_owned(),
        title: LocalText::new("規則", "Rules"),
        source: LocalText::new("試験", "A test"),
        confirmed: true,
        from_day: NaiveDate::from_ymd_opt(2020, 4, 1).unwrap(),
        until_day: None,
        municipality: None,
        basis: Basis::ActualAge,
        bands: vec![Band { from_years: 0, children: 3 }, Band { from_years: 1, children: 6 }],
        plan: Method::TruncateAddRound,
        live: Method::ExactFractions,
        plus: 0,
        least: Least { staff: 2, outside_main_hours: None, integrated: None },
        kinds: vec![
            Kind { kind: TEACHER.to_owned(), counts: true, qualified: true, at_most: None },
            Kind { kind: "helper".to_owned(), counts: true, qualified: false, at_most: None },
        ],
        qualified: Qualified { of_staff: 1, in_all: 2, least: 1 },
        also: Vec::new(),
        floor: Vec::new(),
        group: vec![Group { from_years: 0, children: 8 }, Group { from_years: 1, children: 30 }],
    }
}

pub fn staffing(rooms: &[(RoomId, u32, Option<u32>)]) -> Staffing {
    let room = |(id, from_years, below_years): &(RoomId, u32, Option<u32>)| CareRoom {
        id: *id,
        name: LocalText::new("ひよこ", "Chicks"),
        room: Room { hundredths_m2: 10_000, from_years: *from_years, below_years: *below_years },
    };
    Staffing {
        rule_sets: vec!["ours".to_owned()],
        admits: Admits::Both,
        integrated: false,
        main_hours: None,
        rooms: rooms.iter().map(room).collect(),
    }
}

/// A nursery under the rules above with one room, and who looks after the children from 9 to 17 of day 1.
async fn nursery(ground: &Ground, centre: &Centre, staff: &[&str]) -> NurseryId {
    ground.store.add_rule_set(&rules(), at(0, 0)).await.unwrap();
    let id = ground.nursery(centre, 50).await;
    let rooms = staffing(&[(RoomId(ground.id()), 0, None)]);
    assert!(ground.store.set_staffing(id, Some(&rooms)).await.unwrap());
    let shifts = staff
        .iter()
        .enumerate()
        .map(|(n, kind)| shift(ground, &format!("保育者{n}"), kind, slot(1, 9, 17), &[]));
    let put = ground.store.put_roster(&roster(centre, id, shifts.collect())).await.unwrap();
    assert_eq!(put, RosterPut::Done(Vec::new()));
    id
}

pub fn shift(
    ground: &Ground,
    caregiver: &str,
    kind: &str,
    when: Interval,
    breaks: &[Interval],
) -> Rostered {
    let shift = Shift { kind: kind.to_owned(), when, breaks: breaks.to_vec() };
    Rostered { id: ShiftId(ground.id()), caregiver: caregiver.to_owned(), shift }
}

/// The roster of day 1.
pub fn roster(centre: &Centre, nursery: NurseryId, shifts: Vec<Rostered>) -> Roster {
    let day = slot(1, 9, 10).starts().with_timezone(&centre.time_zone).date_naive();
    Roster {
        centre: centre.clone(),
        nursery,
        days: vec![day],
        shifts,
        at: at(0, 0),
        only_try: false,
    }
}

/// Care for children of these ages, each of a household of its own with the others.
async fn care(ground: &Ground, centre: &Centre, slots: &[Interval], ages: &[u32]) -> BookingOrder {
    let parent = ground.person().await;
    let mut order = ground.order(parent, centre, slots);
    order.desks = 0;
    for years in ages {
        let child = ground.child(parent).await;
        order.children.push(child);
        for slot in slots {
            let day = slot.starts().with_timezone(&centre.time_zone).date_naive();
            order.ages.put(child, day, Ages { months: *years * 12, school_year: 9 });
        }
    }
    order
}

fn short(when: Interval, what: Lacking, have: u32, need: u32) -> BookResult {
    BookResult::Refused(NoRoom::CareShort(vec![Lack { when, what, have, need }]))
}

pub async fn rules_rooms_and_shifts_come_back_as_they_were(ground: Ground) {
    let store = &ground.store;
    let (centre, _) = ground.centre_with_desks(1).await;
    let set = RuleSet { until_day: NaiveDate::from_ymd_opt(2030, 4, 1), plus: 3, ..rules() };
    store.add_rule_set(&set, at(0, 0)).await.unwrap();
    let other = RuleSet { name: "another".to_owned(), ..rules() };
    store.add_rule_set(&other, at(0, 0)).await.unwrap();
    // What is kept is not changed.
    let again = store.add_rule_set(&rules(), at(0, 1)).await;
    assert!(matches!(again, Err(StoreError::Duplicate("rule set"))), "{again:?}");
    assert_eq!(store.rule_sets().await.unwrap(), [other, set]);

    let id = ground.nursery(&centre, 50).await;
    let rooms = staffing(&[(RoomId(ground.id()), 0, Some(1)), (RoomId(ground.id()), 1, None)]);
    let before = store.places_revision().await.unwrap();
    assert!(store.set_staffing(id, Some(&rooms)).await.unwrap());
    assert!(store.places_revision().await.unwrap() > before, "others hear of it");
    let kept = async || {
        let nurseries = store.nurseries().await.unwrap();
        nurseries.into_iter().find(|nursery| nursery.id == id).unwrap().staffing
    };
    assert_eq!(kept().await, Some(rooms));
    assert!(store.set_staffing(id, None).await.unwrap());
    assert_eq!(kept().await, None);
    assert!(!store.set_staffing(NurseryId(ground.id()), None).await.unwrap());

    let early =
        shift(&ground, "伊藤", TEACHER, slot(1, 7, 15), &[slot(1, 11, 12), slot(1, 13, 14)]);
    let late = shift(&ground, "阿部", "helper", slot(1, 7, 19), &[]);
    let wanted = roster(&centre, id, vec![early.clone(), late.clone()]);
    assert_eq!(store.put_roster(&wanted).await.unwrap(), RosterPut::Done(Vec::new()));
    assert_eq!(store.shifts(id, &slot(1, 0, 24)).await.unwrap(), [early, late.clone()]);
    assert_eq!(store.shifts(id, &slot(1, 15, 16)).await.unwrap(), [late]);
    assert_eq!(store.shifts(id, &slot(1, 19, 20)).await.unwrap(), []);
    // The day's next roster takes the place of this one; that of another day does not.
    let anew = shift(&ground, "伊藤", TEACHER, slot(1, 9, 17), &[]);
    store.put_roster(&roster(&centre, id, vec![anew.clone()])).await.unwrap();
    assert_eq!(store.shifts(id, &slot(1, 0, 24)).await.unwrap(), std::slice::from_ref(&anew));
    let night = shift(&ground, "伊藤", TEACHER, slot(0, 20, 30), &[]);
    let mut day_before = roster(&centre, id, vec![night.clone()]);
    day_before.days = vec![day_before.days[0].pred_opt().unwrap()];
    store.put_roster(&day_before).await.unwrap();
    assert_eq!(store.shifts(id, &slot(0, 0, 48)).await.unwrap(), [night, anew.clone()]);
    // Nobody is in two places: the night that is not replaced stands in the way.
    let overlapping = shift(&ground, "伊藤", TEACHER, slot(1, 5, 12), &[]);
    let put = store.put_roster(&roster(&centre, id, vec![overlapping])).await.unwrap();
    let RosterPut::Overlaps { caregiver, when } = put else { panic!("{put:?}") };
    assert_eq!((caregiver.as_str(), when), ("伊藤", slot(0, 20, 30)));
    assert_eq!(store.shifts(id, &slot(1, 8, 24)).await.unwrap(), [anew]);
}

pub async fn care_is_sold_as_far_as_there_is_staff(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    nursery(&ground, &centre, &[TEACHER, TEACHER]).await;
    // Two look after six babies, or three and six others, and nobody outside their hours.
    let made = ground.book(&care(&ground, &centre, &[slot(1, 9, 12)], &[0, 0, 0]).await).await;
    assert!(made.care.iter().all(|claim| claim.room.is_some()));
    assert_eq!(made.care[0].ages, Some(Ages { months: 0, school_year: 9 }));
    assert_eq!(ground.store.booking(made.id).await.unwrap(), Some(made.clone()));
    let older = care(&ground, &centre, &[slot(1, 10, 17)], &[1, 2, 3, 4, 5]).await;
    ground.book(&older).await;
    let one_more = care(&ground, &centre, &[slot(1, 11, 17)], &[0]).await;
    let refused = ground.store.book(&one_more).await.unwrap();
    let BookResult::Refused(NoRoom::CareShort(lacks)) = refused else { panic!("{refused:?}") };
    let lack = |what, have, need| Lack { when: slot(1, 11, 12), what, have, need };
    assert_eq!(
        lacks,
        [
            lack(Lacking::LiveStaff, 2, 3),
            lack(Lacking::Group(LocalText::new("ひよこ", "Chicks")), 8, 9)
        ]
    );
    let later = care(&ground, &centre, &[slot(1, 12, 17)], &[0]).await;
    ground.book(&later).await;
    let outside = care(&ground, &centre, &[slot(1, 16, 18)], &[3]).await;
    let refused = ground.store.book(&outside).await.unwrap();
    let BookResult::Refused(NoRoom::CareShort(lacks)) = refused else { panic!("{refused:?}") };
    assert!(lacks.iter().all(|lack| lack.when == slot(1, 17, 18) && lack.have == 0), "{lacks:?}");
    // What is cancelled is there for others, and who is not known to be older counts as a baby.
    ground.store.cancel(made.id, &centre, at(0, 0), &[]).await.unwrap();
    let mut unknown = one_more.clone();
    unknown.ages = Default::default();
    let made = ground.book(&unknown).await;
    assert_eq!(made.care[0].ages, None);
    // Without rules in force nobody is taken, whatever places there are.
    let early =
        care(&ground, &centre, &[Interval::new(at(-9_000, 9), at(-9_000, 10)).unwrap()], &[3])
            .await;
    let refused = ground.store.book(&early).await.unwrap();
    assert_eq!(refused, short(early.slots[0], Lacking::Rules, 0, 1));
}

pub async fn half_of_them_are_qualified_and_every_age_has_its_room(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let id = nursery(&ground, &centre, &["helper", "helper"]).await;
    let one = care(&ground, &centre, &[slot(1, 9, 12)], &[2]).await;
    let refused = ground.store.book(&one).await.unwrap();
    assert_eq!(refused, short(slot(1, 9, 12), Lacking::Qualified, 0, 1));
    let teacher = shift(&ground, "先生", TEACHER, slot(1, 9, 17), &[slot(1, 11, 12)]);
    let helper = shift(&ground, "手伝い", "helper", slot(1, 9, 17), &[]);
    let other = shift(&ground, "掃除", "cleaner", slot(1, 9, 17), &[]);
    let wanted = roster(&centre, id, vec![teacher.clone(), helper.clone(), other]);
    ground.store.put_roster(&wanted).await.unwrap();
    let refused = ground.store.book(&one).await.unwrap();
    let BookResult::Refused(NoRoom::CareShort(lacks)) = refused else { panic!("{refused:?}") };
    // In the break there is one, who is not qualified; whoever cleans does not count.
    let lack = |what, have, need| Lack { when: slot(1, 11, 12), what, have, need };
    assert_eq!(
        lacks,
        [
            lack(Lacking::PlanStaff, 1, 2),
            lack(Lacking::LiveStaff, 1, 2),
            lack(Lacking::Qualified, 0, 1)
        ]
    );
    let (chicks, bears) = (RoomId(ground.id()), RoomId(ground.id()));
    let rooms = staffing(&[(chicks, 0, Some(2)), (bears, 2, Some(6))]);
    ground.store.set_staffing(id, Some(&rooms)).await.unwrap();
    let siblings = care(&ground, &centre, &[slot(1, 9, 11), slot(1, 13, 15)], &[1, 4]).await;
    let made = ground.book(&siblings).await;
    let room = |child: ChildId| -> Vec<RoomId> {
        let its = made.care.iter().filter(|claim| claim.child == child);
        its.filter_map(|claim| claim.room).collect()
    };
    assert_eq!(room(siblings.children[0]), [chicks, chicks]);
    assert_eq!(room(siblings.children[1]), [bears, bears]);
    let school = care(&ground, &centre, &[slot(1, 9, 11)], &[5, 6]).await;
    let refused = ground.store.book(&school).await.unwrap();
    assert_eq!(refused, BookResult::Refused(NoRoom::NoRoomForAge(school.children[1])));
}

pub async fn a_shift_taken_away_names_the_bookings_that_fail(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let store = &ground.store;
    let id = nursery(&ground, &centre, &[TEACHER, TEACHER, TEACHER]).await;
    let mut made = Vec::new();
    for (n, (slots, ages)) in [
        (vec![slot(1, 9, 13)], vec![0, 0, 0]),
        (vec![slot(1, 12, 17)], vec![0, 0, 0]),
        (vec![slot(1, 9, 10), slot(1, 12, 13)], vec![0, 0]),
        (vec![slot(1, 14, 17)], vec![5, 5]),
    ]
    .into_iter()
    .enumerate()
    {
        let mut order = care(&ground, &centre, &slots, &ages).await;
        order.at = at(0, 0) + TimeDelta::minutes(i64::try_from(n).unwrap());
        made.push(ground.book(&order).await.id);
    }
    let standing = store.shifts(id, &slot(1, 0, 24)).await.unwrap();
    let mut fewer = roster(&centre, id, standing[..2].to_vec());
    // From 12 to 13 there are eight babies: three are needed. It is only asked what would be.
    fewer.only_try = true;
    let RosterPut::Done(failing) = store.put_roster(&fewer).await.unwrap() else { panic!() };
    assert_eq!(failing.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [made[2]]);
    let lack = Lack { when: slot(1, 12, 13), what: Lacking::LiveStaff, have: 2, need: 3 };
    assert!(failing[0].1.contains(&lack), "{failing:?}");
    assert_eq!(store.shifts(id, &slot(1, 0, 24)).await.unwrap(), standing);
    fewer.only_try = false;
    let RosterPut::Done(failing) = store.put_roster(&fewer).await.unwrap() else { panic!() };
    assert_eq!(failing.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [made[2]]);
    assert_eq!(store.shifts(id, &slot(1, 0, 24)).await.unwrap().len(), 2);
    // One who leaves at 14 takes with them whoever is there from then on; without these there is room at noon.
    let left = shift(&ground, "保育者1", TEACHER, slot(1, 9, 14), &[]);
    let left = roster(&centre, id, vec![standing[0].clone(), left]);
    let RosterPut::Done(failing) = store.put_roster(&left).await.unwrap() else { panic!() };
    assert_eq!(failing.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [made[1], made[3]]);
    // With everybody back nothing fails.
    let back = roster(&centre, id, standing);
    assert_eq!(store.put_roster(&back).await.unwrap(), RosterPut::Done(Vec::new()));
}

pub async fn who_waits_for_staff_is_served_when_it_comes(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let store = &ground.store;
    let id = nursery(&ground, &centre, &[]).await;
    let order = care(&ground, &centre, &[slot(1, 9, 12)], &[3]).await;
    let entry = entry(&ground, &order, 1, at(0, 0));
    let waits = store.wait(&entry, &order).await.unwrap();
    assert_eq!(waits, Waited::Waits(entry.clone()));
    assert_eq!(store.waiting(entry.id).await.unwrap(), Some(entry.clone()));
    let teachers = ["伊藤", "阿部"].map(|who| shift(&ground, who, TEACHER, slot(1, 8, 13), &[]));
    store.put_roster(&roster(&centre, id, teachers.to_vec())).await.unwrap();
    let spare = [store::Spare {
        id: model::id::BookingId(ground.id()),
        code: model::booking::BookingCode::from_random(ground.number()),
        tariff_rev: 1,
        rule_rev: 2,
    }];
    let offered = store.promote(&centre, at(0, 1), &spare).await.unwrap();
    assert_eq!(offered.len(), 1);
    assert_eq!(offered[0].care[0].ages, Some(Ages { months: 36, school_year: 9 }));
}

pub async fn who_changes_something_else_keeps_their_care(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(2).await;
    let store = &ground.store;
    let id = nursery(&ground, &centre, &[TEACHER, TEACHER]).await;
    let mut order = care(&ground, &centre, &[slot(1, 9, 13)], &[0, 0, 0]).await;
    order.desks = 1;
    let made = ground.book(&order).await;
    let rooms: Vec<_> = made.care.iter().map(|claim| claim.room).collect();
    // One is ill: the nursery is short all day.
    let one = store.shifts(id, &slot(1, 0, 24)).await.unwrap()[..1].to_vec();
    let put = store.put_roster(&roster(&centre, id, one)).await.unwrap();
    assert!(matches!(put, RosterPut::Done(failing) if failing.len() == 1));
    let shorter = BookingOrder { slots: vec![slot(1, 9, 12)], ..order.clone() };
    let changed = store.change(made.id, 1, &shorter, &[]).await.unwrap();
    let Changed::Done(changed) = changed else { panic!("{changed:?}") };
    let kept: Vec<_> = changed.care.iter().map(|claim| claim.room).collect();
    assert_eq!((kept, changed.care[0].when), (rooms, slot(1, 9, 12)));
    // Whoever was booked while places alone counted keeps theirs too, without a room.
    let (other, _) = ground.centre_with_desks(2).await;
    let plain = ground.nursery(&other, 9).await;
    let mut order = care(&ground, &other, &[slot(1, 9, 13)], &[0, 0]).await;
    order.desks = 1;
    let made = ground.book(&order).await;
    let late_rooms = staffing(&[(RoomId(ground.id()), 2, None)]);
    assert!(store.set_staffing(plain, Some(&late_rooms)).await.unwrap());
    let shorter = BookingOrder { slots: vec![slot(1, 10, 12)], ..order };
    let changed = store.change(made.id, 1, &shorter, &[]).await.unwrap();
    let Changed::Done(changed) = changed else { panic!("{changed:?}") };
    assert!(changed.care.iter().all(|claim| claim.room.is_none() && claim.when == slot(1, 10, 12)));
}

pub async fn who_asks_for_more_is_asked_as_anybody(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(2).await;
    let store = &ground.store;
    nursery(&ground, &centre, &[TEACHER, TEACHER]).await;
    let mut order = care(&ground, &centre, &[slot(1, 9, 16)], &[0, 0, 0]).await;
    order.desks = 1;
    let made = ground.book(&order).await;
    ground.book(&care(&ground, &centre, &[slot(1, 16, 17)], &[0, 0, 0, 0]).await).await;
    let longer = BookingOrder { slots: vec![slot(1, 9, 17)], ..order };
    let changed = store.change(made.id, 1, &longer, &[]).await.unwrap();
    assert!(matches!(changed, Changed::Refused(NoRoom::CareShort(_))), "{changed:?}");
}

pub async fn fifty_families_share_the_last_caregiver(ground: Ground) {
    const ROUNDS: i64 = 20;
    let (centre, _) = ground.centre_with_desks(60).await;
    let id = nursery(&ground, &centre, &[]).await;
    let shifts = (1..=ROUNDS).flat_map(|day| {
        ["伊藤", "阿部"].map(|who| shift(&ground, who, TEACHER, slot(day, 9, 17), &[]))
    });
    let mut all_days = roster(&centre, id, shifts.collect());
    all_days.days = all_days.days[0].iter_days().take(20).collect();
    assert_eq!(ground.store.put_roster(&all_days).await.unwrap(), RosterPut::Done(Vec::new()));
    let mut families = Vec::new();
    for _ in 0..50 {
        families.push(care(&ground, &centre, &[slot(1, 9, 12)], &[0, 0]).await);
    }
    for day in 1..=ROUNDS {
        ground.book(&care(&ground, &centre, &[slot(day, 9, 17)], &[0, 0, 0, 0]).await).await;
        // Room for two more babies: one family of two, whichever comes first, whole.
        let orders: Vec<BookingOrder> = families
            .iter()
            .map(|family| BookingOrder {
                desks: 1,
                children: family.children.clone(),
                ..ground.order(family.person, &centre, &[slot(day, 9, 12)])
            })
            .collect();
        let answers = join_all(orders.iter().map(|order| ground.store.book(order))).await;
        let is_made = |answer: store::Result<BookResult>| match answer.unwrap() {
            BookResult::Made(_) => true,
            BookResult::Refused(NoRoom::CareShort(_)) => false,
            other => panic!("{other:?}"),
        };
        assert_eq!(answers.into_iter().filter_map(|one| is_made(one).then_some(())).count(), 1);
        let claims = ground.claims_in(&slot(day, 9, 12)).await;
        assert_eq!((claims.desks.len(), claims.care.len()), (1, 6), "day {day}");
    }
}

pub async fn a_roster_put_again_keeps_the_shifts_that_stay(ground: Ground) {
    let (centre, _) = ground.centre_with_desks(1).await;
    let nursery = ground.nursery(&centre, 5).await;
    let one = |caregiver: &str, when| shift(&ground, caregiver, TEACHER, when, &[]);
    let put = async |shifts| {
        ground.store.put_roster(&roster(&centre, nursery, shifts)).await.unwrap();
        let shifts = ground.store.shifts(nursery, &slot(1, 0, 24)).await.unwrap();
        let named = shifts.into_iter().map(|one| (one.caregiver, one.id, one.shift.when));
        named.collect::<Vec<_>>()
    };
    let before = put(vec![one("伊藤", slot(1, 9, 17)), one("林", slot(1, 10, 17))]).await;
    let after = put(vec![one("伊藤", slot(1, 9, 18)), one("林", slot(1, 11, 17))]).await;
    assert_eq!(after[0], ("伊藤".to_owned(), before[0].1, slot(1, 9, 18)), "it ends later");
    assert_ne!(after[1].1, before[1].1, "another start is another shift");
}
