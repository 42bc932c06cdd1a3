//! Orders of the hub's and of the staff's: at most once, in time, by whoever may.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use edge_agent::Site;
use hardware::sim::DoorFaults;
use model::access::RefusalKind;
use model::clock::ManualClock;
use model::id::{CentreId, OrderId, PersonId, VisitId};
use model::site_event::Happening;
use model::site_order::{GOOD_FOR, OrderAnswer, Ordered, OrderedFrom, SiteOrder};
use rustix::fs::{FlockOperation, fcntl_lock};
use tokio::time::timeout;
use uuid::Uuid;
use wire::nursery::{StaffAnswer, StaffAsk};
use wire::order::{SentOrder, SignedOrder, sign};
use wire::request::{Answer, HouseAlarm, Request};
use wire::sheet::SheetKey;

use super::site_nursery::{ask, at_door, check, house_with_care, session};
use super::site_support::{House, Kiosk, id, in_force, key, morning, sheet, until};

const HOLD: &str = "KYOTEN_TEST_HOLD";

fn order_id(number: u128) -> OrderId {
    OrderId(Uuid::from_u128(number))
}

fn order(number: u128, what: SiteOrder, given_at: DateTime<Utc>) -> SentOrder {
    let by = PersonId(Uuid::from_u128(9));
    SentOrder {
        centre: CentreId(Uuid::from_u128(1)),
        given_at,
        not_after: given_at + GOOD_FOR,
        order: Ordered { id: order_id(number), what, by, from: OrderedFrom::Hub },
    }
}

fn unlock() -> SiteOrder {
    SiteOrder::Unlock { door: id("y-door") }
}

fn signed(house: &House, order: &SentOrder) -> SignedOrder {
    sign(order, &house.hub.key).unwrap()
}

fn give(house: &House, number: u128, what: SiteOrder) -> SignedOrder {
    let sent = signed(house, &order(number, what, morning()));
    house.hub.order(sent.clone());
    sent
}

/// What the site answered to this order first.
async fn answered(house: &House, number: u128) -> OrderAnswer {
    until(&format!("an answer to order {number}"), async || {
        let state = house.hub.state();
        let found = state.order_answers.iter().find(|(order, _)| *order == order_id(number));
        found.map(|(_, answer)| *answer)
    })
    .await
}

fn answers(house: &House) -> Vec<(OrderId, OrderAnswer)> {
    house.hub.state().order_answers.clone()
}

/// How often the hub was told that this order was acted on.
async fn acted(house: &House, site: &Site, number: u128) -> usize {
    super::mirrored(house, site).await;
    let state = house.hub.state();
    let of = |what: &Happening| matches!(what, Happening::Ordered { order, .. } if order.id == order_id(number));
    state.events.iter().filter(|event| of(&event.what)).count()
}

async fn alarm(screen: &Kiosk) -> Option<HouseAlarm> {
    match screen.ask(&Request::House).await {
        Answer::House { alarm } => alarm,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_10_an_order_that_comes_twice_late_out_of_turn_or_after_a_restart_is_acted_on_once() {
    let house = House::new();
    let site = house.start_with(1).await;
    let first = give(&house, 1, unlock());
    assert_eq!(answered(&house, 1).await, OrderAnswer::Done);
    let second = give(&house, 2, unlock());
    for again in [&first, &second, &first, &second] {
        house.hub.order((*again).clone());
    }
    // Another wording of the same id is the same order.
    give(&house, 1, SiteOrder::Evacuate { on: true });
    give(&house, 3, unlock());
    assert_eq!(answered(&house, 3).await, OrderAnswer::Done);
    for number in 1..=3 {
        assert_eq!(acted(&house, &site, number).await, 1, "order {number}");
    }
    site.stop().await;

    // After a restart, on a line of its own, and again in the time that it was good for.
    let site = house.start_with(1).await;
    house.hub.order(first.clone());
    house.hub.order(second);
    give(&house, 4, unlock());
    assert_eq!(answered(&house, 4).await, OrderAnswer::Done);
    for number in 1..=4 {
        assert_eq!(acted(&house, &site, number).await, 1, "order {number}");
    }
    // Its time is over, and so is the day that its id was kept for.
    house.clock.advance(TimeDelta::days(1) + TimeDelta::minutes(1));
    house.hub.order(first);
    let late = order(5, unlock(), morning() + TimeDelta::days(1) + TimeDelta::minutes(1));
    house.hub.order(signed(&house, &late));
    assert_eq!(answered(&house, 5).await, OrderAnswer::Done);
    assert_eq!(acted(&house, &site, 1).await, 1);
    // Two orders under way at a time may be answered in either order, and a restart tells again what the hub had just
    // been told; it is the same answer.
    let told: HashSet<_> =
        answers(&house).into_iter().map(|(order, answer)| (order.0.as_u128(), answer)).collect();
    let done = [1, 2, 3, 4, 5].map(|number| (number, OrderAnswer::Done));
    assert_eq!(told, HashSet::from(done), "each has one answer");
    site.stop().await;
}

/// The child of the tests below; by itself it does nothing.
#[test]
fn a_child_that_lets_nobody_write_until_its_parent_ends() {
    let Ok(path) = std::env::var(HOLD) else { return };
    // Whoever reads is not disturbed by it.
    let file = File::open(path).unwrap();
    fcntl_lock(&file, FlockOperation::LockShared).unwrap();
    println!("held");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// Until the child that this answers ends, nothing can be written to the site's file.
pub fn the_disk_hangs(house: &House) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "site_orders::a_child_that_lets_nobody_write_until_its_parent_ends"])
        .arg("--nocapture")
        .env(HOLD, house.data().join("site.db-shm"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("held")));
    child
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_05_a_card_is_stopped_while_the_disk_hangs_and_the_sheet_is_kept_once_it_can_be() {
    let house = House::new();
    let site = house.start_with(1).await;
    super::mirrored(&house, &site).await;
    let mut child = the_disk_hangs(&house);
    let mut plan = sheet(2);
    plan.credentials[0].blocked = true;
    house.hub.offer(house.hub.seal(&plan));
    until("the sheet to count", async || (site.snapshot().await.unwrap().sheet == 2).then_some(()))
        .await;
    // With the sheet before, their door would open, though nothing can be written down.
    let refused = house.kiosk(&site).await.tap("0101").await;
    assert!(matches!(refused, Answer::NotKept { door_open: false }), "{refused:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    in_force(&site, 2).await;
    super::mirrored(&house, &site).await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_09_an_evacuation_does_not_come_too_late_behind_orders_that_wait_for_a_hung_disk() {
    let house = House::new();
    let site = house.start_with(1).await;
    super::mirrored(&house, &site).await;
    let kiosk = house.kiosk(&site).await;
    let mut child = the_disk_hangs(&house);
    for number in 1..=4 {
        give(&house, number, unlock());
    }
    give(&house, 5, SiteOrder::Evacuate { on: true });
    let evacuated = until("the evacuation", async || alarm(&kiosk).await);
    let evacuated = timeout(GOOD_FOR.to_std().unwrap(), evacuated).await;
    assert_eq!(evacuated, Ok(HouseAlarm::Evacuation));
    child.kill().unwrap();
    child.wait().unwrap();
    super::mirrored(&house, &site).await;
    give(&house, 6, SiteOrder::Evacuate { on: false });
    assert_eq!(answered(&house, 6).await, OrderAnswer::Done);
    // What the disk did not take was not acted on, and is not answered.
    for number in 1..=6 {
        let times = usize::from(number > 4);
        assert_eq!(acted(&house, &site, number).await, times, "order {number}");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_09_an_order_that_waited_for_a_dead_line_has_no_effect() {
    let house = House::new();
    let site = house.start_with(1).await;
    house.hub.state().away = true;
    let moved = house.doors.get(&id("y-door")).watch();
    give(&house, 1, unlock());
    give(&house, 2, SiteOrder::Lockdown { on: false });
    house.clock.advance(GOOD_FOR);
    house.hub.state().away = false;
    assert_eq!(answered(&house, 1).await, OrderAnswer::TooLate);
    assert_eq!(answered(&house, 2).await, OrderAnswer::TooLate);
    // One from the future would be good for longer than any order is.
    let ahead = order(3, unlock(), morning() + GOOD_FOR + TimeDelta::seconds(6));
    house.hub.order(signed(&house, &ahead));
    assert_eq!(answered(&house, 3).await, OrderAnswer::TooLate);
    for number in 1..=3 {
        assert_eq!(acted(&house, &site, number).await, 0, "order {number}");
    }
    assert!(!moved.has_changed().unwrap(), "the lock moved");
    let kiosk = house.kiosk(&site).await;
    assert_eq!(alarm(&kiosk).await, None);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_order_of_this_hub_for_this_site_is_neither_acted_on_nor_answered() {
    let house = House::new();
    let site = house.start_with(1).await;
    let stranger: SheetKey = key();
    let lockdown = |number| order(number, SiteOrder::Lockdown { on: true }, morning());
    let good = signed(&house, &lockdown(1));
    let elsewhere = SentOrder { centre: CentreId(Uuid::from_u128(2)), ..lockdown(2) };
    let for_days = SentOrder { not_after: morning() + TimeDelta::days(1), ..lockdown(3) };
    for bad in [
        sign(&lockdown(4), &stranger).unwrap(),
        SignedOrder { key: house.hub.key.public(), ..sign(&lockdown(5), &stranger).unwrap() },
        signed(&house, &elsewhere),
        signed(&house, &for_days),
        SignedOrder { order: good.order[..good.order.len() - 4].to_owned(), ..good.clone() },
        SignedOrder { order: "A".repeat(1 << 20), ..good.clone() },
        SignedOrder { order: String::new(), key: String::new(), signature: String::new() },
    ] {
        house.hub.order(bad);
    }
    give(&house, 9, unlock());
    assert_eq!(answered(&house, 9).await, OrderAnswer::Done);
    assert_eq!(answers(&house), [(order_id(9), OrderAnswer::Done)]);
    let kiosk = house.kiosk(&site).await;
    assert_eq!(alarm(&kiosk).await, None);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_gets_lost_is_told_later_also_after_a_restart() {
    let house = House::new();
    let site = house.start_with(1).await;
    house.hub.state().lose_order_answers = true;
    give(&house, 1, SiteOrder::Lockdown { on: true });
    let kiosk = house.kiosk(&site).await;
    until("the lockdown", async || alarm(&kiosk).await).await;
    assert_eq!(answers(&house), []);
    site.stop().await;
    house.hub.state().lose_order_answers = false;
    let site = house.start_with(1).await;
    assert_eq!(answered(&house, 1).await, OrderAnswer::Done);
    assert_eq!(acted(&house, &site, 1).await, 1);
    assert_eq!(answers(&house).len(), 1);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_time_only_what_makes_the_house_safer_is_done() {
    let mut house = House::new();
    house.start_with(1).await.stop().await;
    house.clock = Arc::new(ManualClock::at(DateTime::UNIX_EPOCH));
    let site = house.start().await;
    in_force(&site, 1).await;
    until("the edge on its bus", async || site.on_the_bus().borrow().then_some(())).await;
    let kiosk = house.kiosk(&site).await;
    // Fresh by any other clock; this site cannot tell.
    for (number, what, want) in [
        (1, unlock(), OrderAnswer::ClockUnset),
        (2, SiteOrder::Lockdown { on: true }, OrderAnswer::Done),
        (3, SiteOrder::Lockdown { on: false }, OrderAnswer::ClockUnset),
        (4, SiteOrder::Evacuate { on: true }, OrderAnswer::Done),
        (5, SiteOrder::Evacuate { on: false }, OrderAnswer::ClockUnset),
        (6, SiteOrder::EndVisit { visit: VisitId(Uuid::nil()) }, OrderAnswer::ClockUnset),
    ] {
        give(&house, number, what);
        assert_eq!(answered(&house, number).await, want, "order {number}");
    }
    assert_eq!(alarm(&kiosk).await, Some(HouseAlarm::Evacuation));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_order_does_what_it_says_and_says_what_became_of_it() {
    let house = House::new();
    let site = house.start_with(1).await;
    let kiosk = house.kiosk(&site).await;
    let visit = super::welcome(kiosk.tap("0101").await);
    for (number, what, want) in [
        (1, SiteOrder::Unlock { door: id("nothing") }, OrderAnswer::UnknownDoor),
        (2, SiteOrder::EndVisit { visit }, OrderAnswer::Done),
        (3, SiteOrder::EndVisit { visit }, OrderAnswer::UnknownVisit),
        (4, SiteOrder::Lockdown { on: true }, OrderAnswer::Done),
        (5, unlock(), OrderAnswer::Overruled),
    ] {
        give(&house, number, what);
        assert_eq!(answered(&house, number).await, want, "order {number}");
    }
    assert_eq!(site.view().await.unwrap().people_inside, 0);
    assert_eq!(alarm(&kiosk).await, Some(HouseAlarm::Lockdown));
    assert_eq!(super::refused(kiosk.tap("0202").await), RefusalKind::Lockdown);
    give(&house, 6, SiteOrder::Lockdown { on: false });
    assert_eq!(answered(&house, 6).await, OrderAnswer::Done);
    assert_eq!(alarm(&kiosk).await, None);
    super::welcome(kiosk.tap("0202").await);

    until("the door locked again", async || {
        let door = house.doors.get(&id("y-door")).state();
        (door.lock == hardware::door::LockLevel::Locked).then_some(())
    })
    .await;
    house
        .doors
        .get(&id("y-door"))
        .set_faults(DoorFaults { lock_silent: true, ..DoorFaults::default() });
    give(&house, 7, unlock());
    assert_eq!(answered(&house, 7).await, OrderAnswer::LockFault);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_staff_lock_and_empty_the_house_and_read_who_is_in_without_the_hub() {
    let (house, site) = house_with_care().await;
    let (kiosk, screen) = (house.kiosk(&site).await, house.staff_screen(&site).await);
    let care = at_door(&kiosk).await;
    let (ticket, child) = (care.ticket, care.children[0].child);
    let brought = kiosk.ask(&Request::DropOff { ticket, child, check: check(365) }).await;
    assert!(matches!(brought, Answer::DroppedOff { .. }), "{brought:?}");
    house.hub.state().away = true;

    let session = session(&screen).await;
    let told = ask(&screen, &session, StaffAsk::Muster).await;
    let StaffAnswer::Muster(list) = told else { panic!("{told:?}") };
    assert_eq!((list.muster.people.len(), list.elsewhere, list.caregivers_elsewhere), (1, 0, 0));
    let [hana] = &list.muster.children[..] else { panic!("one child is in care") };
    assert_eq!(hana.name, "はな");
    assert_eq!((hana.guardians[0].name.as_str(), hana.guardians[0].is_in), ("母", true));

    let order = async |wants| match ask(&screen, &session, wants).await {
        StaffAnswer::Ordered { answer } => answer,
        other => panic!("{other:?}"),
    };
    let see = async || (alarm(&kiosk).await, alarm(&screen).await);
    assert_eq!(order(StaffAsk::Lockdown { on: true }).await, OrderAnswer::Done);
    assert_eq!(see().await, (Some(HouseAlarm::Lockdown), Some(HouseAlarm::Lockdown)));
    assert_eq!(order(StaffAsk::Evacuate { on: true }).await, OrderAnswer::Done);
    assert_eq!(see().await, (Some(HouseAlarm::Evacuation), Some(HouseAlarm::Evacuation)));
    assert_eq!(order(StaffAsk::Lockdown { on: true }).await, OrderAnswer::Overruled);
    assert_eq!(order(StaffAsk::Evacuate { on: false }).await, OrderAnswer::Done);
    assert_eq!(see().await, (Some(HouseAlarm::Lockdown), Some(HouseAlarm::Lockdown)));
    assert_eq!(order(StaffAsk::Lockdown { on: false }).await, OrderAnswer::Done);
    assert_eq!(see().await, (None, None));

    // Nobody orders or reads anything with a session that is over, or at the lobby's screen.
    ask(&screen, &session, StaffAsk::SignOut).await;
    for wants in
        [StaffAsk::Muster, StaffAsk::Lockdown { on: true }, StaffAsk::Evacuate { on: true }]
    {
        let over = ask(&screen, &session, wants.clone()).await;
        assert!(matches!(over, StaffAnswer::SignedOut { .. }), "{over:?}");
        let session = session.clone();
        let lobby = kiosk.ask(&Request::Staff { session, wants }).await;
        assert!(matches!(lobby, Answer::NotUnderstood { .. }), "{lobby:?}");
    }
    assert_eq!(see().await, (None, None));
    house.hub.state().away = false;
    super::mirrored(&house, &site).await;
    let ordered = |event: &model::site_event::SiteEvent| match &event.what {
        Happening::Ordered { order, .. } => Some((order.by, order.from)),
        _ => None,
    };
    let ordered: Vec<_> = house.hub.state().events.iter().filter_map(ordered).collect();
    let hoshino = (PersonId(Uuid::from_u128(2)), OrderedFrom::StaffScreen);
    assert_eq!(ordered, [hoshino; 5], "the hub reads who ordered what");
    site.stop().await;
}
